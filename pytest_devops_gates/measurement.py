"""The test process measured by coverage.py: how that is started, and what it left, as one.

It is measured from its first line, with its xdist workers and subprocesses: the ``.pth`` file of
coverage starts it wherever COVERAGE_PROCESS_CONFIG is set.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import sqlite3
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pytest_devops_gates.errors import CannotTell, UsageError
from pytest_devops_gates.project import BESIDE_CODE, Project, TestSession

SILENCED = ["module-not-imported", "module-not-measured", "no-data-collected", "no-sysmon"]
GREENLETS = {"greenlet", "eventlet", "gevent"}
DATA = "coverage-data"
LARGEST_DATA = 2**30
"""Bytes of another run's data."""
ROOT = "root"
"""The file beside the data that holds the path of the root: where data of several machines is put
together, the same file has several paths."""
FINISHED = re.compile(r"\.H[A-Za-z0-9]+h$")
"""The end of the name of a data file that is whole: coverage renames it so when all is written, and
writes without a journal, so that one that is not may hold anything. Whether tests may kill a
process before that, or leave one behind, is for the gate ``tests`` to say."""
OURS = Path(__file__).parent
"""This package, which runs inside the test process and is no part of the project."""


def measuring(root: Path, run_dir: Path, pyproject: Mapping[str, Any]) -> dict[str, str]:
    """The environment that makes every Python process below measure itself.

    The project's own settings hold. Where they name no source, the packages that the project ships
    are it, so that a module that no test imports counts as not covered.
    Raises UsageError when the project's coverage settings cannot be read.
    """
    cov = settings(root, data_file=str(_data_dir(run_dir) / "data"))
    config = cov.config
    config.parallel = True
    config.patch = [*config.patch, *({"fork", "_exit"} - set(config.patch))]
    config.disable_warnings = [*config.disable_warnings, *SILENCED]
    if not (config.source or config.source_pkgs or config.run_include):
        config.source_pkgs = [folder.rpartition("/")[2] for folder in packages(root, pyproject)]
        if not config.source_pkgs and root not in OURS.parents:
            config.run_omit = [*(config.run_omit or []), f"{OURS}/*"]
    if config.core is None and "COVERAGE_CORE" not in os.environ and _can_monitor(config):
        config.core = "sysmon"
    _data_dir(run_dir).mkdir(parents=True, exist_ok=True)
    (_data_dir(run_dir) / ROOT).write_text(str(root), "utf-8", "surrogateescape")
    with _working_in(root):  # relative paths in the settings mean the root
        return {"COVERAGE_PROCESS_CONFIG": config.serialize()}


def adopting(root: Path, cwd: Path, rcfile: str | None) -> str:
    """The file to which the user's own pytest-cov writes its data."""
    return str(cwd / settings(root, rcfile=rcfile).config.data_file)


def packages(root: Path, pyproject: Mapping[str, Any]) -> list[str]:
    """The packages that the project ships, by the usual layouts (src, flat, one module).

    Folders relative to the root, such as ``src/app``; for a single module its name without ``.py``.
    """
    for above in ("src/", ""):
        found = [p.parent.name for p in sorted((root / above).glob("*/__init__.py"))]
        found = [name for name in found if name not in BESIDE_CODE and name.isidentifier()]
        if found:
            return [above + name for name in found]
    project = pyproject.get("project")
    named = str(project.get("name", "")) if isinstance(project, Mapping) else ""
    module = named.replace("-", "_").replace(".", "_").lower()
    here = any((folder / f"{module}.py").is_file() for folder in (root / "src", root))
    return [module] if module and here else []


def load(project: Project, session: TestSession) -> tuple[Any, list[str]]:
    """The combined data of this run, as a Coverage object that can report, and what to say of it.

    Raises CannotTell where data is missing or damaged."""
    folder = _data_dir(project.run_dir)
    folder.mkdir(parents=True, exist_ok=True)
    if session.measured_by == "pytest-cov":
        return _of_pytest_cov(project, session, folder / "data")
    parts = [part for part in sorted(folder.glob("data.*")) if not part.name.endswith("-journal")]
    finished = [part for part in parts if FINISHED.search(part.name)]
    if silent := _silent(project.run_dir, finished):
        raise CannotTell(
            f"the test process {silent} left no coverage data: it ran elsewhere, or without"
            " coverage, or a test made a Coverage object · pass --cov, and its data is judged"
        )
    whole = [*finished, *sorted(folder.glob("shard.*"))]
    if not whole:
        raise CannotTell("the test process left no coverage data")
    cov = _combined(project.root, session, folder / "data", whole)
    if len(finished) == len(parts):
        return cov, []
    lost = f"{len(parts) - len(finished)} of {len(parts)} measured processes"
    told = (
        "were killed, or went on, before they had written their data: what they ran is not counted"
    )
    return cov, [f"{lost} {told}"]


def _of_pytest_cov(project: Project, session: TestSession, target: Path) -> tuple[Any, list[str]]:
    from coverage.exceptions import CoverageException

    data = Path(session.coverage_data or "")
    if not data.is_file() or data.stat().st_mtime < project.started - 1:
        raise CannotTell(f"pytest-cov wrote no data to {data.name} in this run")
    shutil.copyfile(data, target)
    cov = settings(project.root, str(target), session.coverage_rcfile)
    try:
        cov.load()
    except CoverageException as error:
        raise CannotTell(f"coverage cannot use the data of pytest-cov: {error}") from None
    return cov, ["measured by the project's own pytest-cov, which misses subprocesses"]


def _combined(root: Path, session: TestSession, target: Path, parts: Iterable[Path]) -> Any:
    from coverage.config import CoverageConfig
    from coverage.exceptions import CoverageException

    cov = settings(root, str(target))
    config = CoverageConfig.deserialize(session.env["COVERAGE_PROCESS_CONFIG"])
    cov.config.source, cov.config.source_pkgs = config.source, config.source_pkgs
    trouble: list[str] = []
    cov._warn = lambda message, **_: trouble.append(message)
    try:
        cov.combine([str(part) for part in parts], keep=True)
        cov.load()
    except CoverageException as error:
        trouble.append(str(error))
    if trouble:
        raise CannotTell(f"coverage could not use all of its data: {trouble[0]}")
    return cov


def _silent(run_dir: Path, finished: Iterable[Path]) -> str | None:
    """The first process that tests ran in, by its word to the recorder, without a data file."""
    measured = " ".join(part.name for part in finished)
    for stream in sorted(run_dir.glob("tests*.jsonl")):
        with stream.open("rb") as events:
            start = json.loads(events.readline() or b"{}")
        if "pid" in start and f".pid{start['pid']}." not in measured:
            return str(start["worker"] or "itself")
    return None


def adopt(project: Project, name: str, data: Path, root: str | None) -> None:
    """Take the data of another run of the same tests, at whose time the checkout lay at ``root``.

    Raises CannotTell when coverage cannot read it, or should not."""
    import coverage

    if not _is_plain(data):
        raise CannotTell(f"the coverage data of {name} is no data of coverage alone")
    target = _data_dir(project.run_dir) / f"shard.{name}"
    cov = settings(project.root, str(target))
    if root:
        cov.config.paths = {**cov.config.paths, DATA: [str(project.root), root]}
    try:
        cov.combine([str(data)], keep=True)
    except (coverage.CoverageException, sqlite3.Error) as error:
        raise CannotTell(f"the coverage data of {name} cannot be read: {error}") from None
    cov.save()


def _is_plain(data: Path) -> bool:
    """Whether a database that somebody handed over holds tables and nothing that runs: a view in
    the place of one may have no end."""
    if data.stat().st_size > LARGEST_DATA:
        return False
    address = f"{data.resolve().as_uri()}?mode=ro"
    try:
        with contextlib.closing(sqlite3.connect(address, uri=True)) as opened:
            kinds = opened.execute("select type, sql from sqlite_master limit 100").fetchall()
    except sqlite3.Error:
        return False
    return all(
        kind in ("table", "index") and not re.search(r"\b(virtual|generated|as)\b", sql or "", re.I)
        for kind, sql in kinds
    )


def settings(root: Path, data_file: str | None = None, rcfile: str | None = None) -> Any:
    """A Coverage object with the project's settings, as coverage finds them from the root."""
    import coverage

    try:
        with _working_in(root), _measured_as_before():
            return coverage.Coverage(
                data_file=data_file, config_file=rcfile if rcfile else True, data_suffix=None
            )
    except (coverage.CoverageException, OSError, ValueError) as error:
        raise UsageError(f"coverage's settings cannot be read: {error}") from None


@contextlib.contextmanager
def _measured_as_before() -> Iterator[None]:
    """Whoever makes a Coverage object is taken to measure this process, and the one that coverage
    itself started here keeps nothing any more. Ours only reads."""
    import coverage

    automatic = getattr(coverage.process_startup, "coverage", None)
    keeps = automatic and automatic._auto_save
    try:
        yield
    finally:
        if automatic:
            automatic._auto_save = keeps


@contextlib.contextmanager
def _working_in(folder: Path) -> Iterator[None]:
    before = os.getcwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def _can_monitor(config: Any) -> bool:
    """Whether sys.monitoring, the cheap core, gives the same numbers under these settings."""
    return (
        sys.version_info >= ((3, 14) if config.branch else (3, 12))
        and not config.dynamic_context
        and not config.plugins
        and not config.timid
        and not GREENLETS & set(config.concurrency)
    )


def _data_dir(run_dir: Path) -> Path:
    return run_dir / "logs" / "coverage" / DATA
