"""``coverage``: how much of the project its tests ran, by coverage.py.

The test process is measured from its first line, with its xdist workers and subprocesses: the
``.pth`` file of coverage starts it wherever COVERAGE_PROCESS_CONFIG is set. When the user's own
``--cov`` measures already, its data is adopted: two collectors spoil each other's numbers.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sqlite3
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from pytest_devops_gates import newcode
from pytest_devops_gates.errors import CannotTell, UsageError
from pytest_devops_gates.evidence import Evidence, Receipt
from pytest_devops_gates.gate import ADVISORY, OFF, Canary, Gate, NoOptions, Options
from pytest_devops_gates.project import BESIDE_CODE, Project, TestSession
from pytest_devops_gates.stage import Stage

SILENCED = ["module-not-imported", "module-not-measured", "no-data-collected", "no-sysmon"]
GREENLETS = {"greenlet", "eventlet", "gevent"}
DATA = "coverage-data"
NO_BASE = (
    'no base to compare with · set base = "origin/main" in [tool.devops-gates], or pass'
    " --devops-gates-base"
)
OURS = Path(__file__).parent.parent
"""This package, which runs inside the test process and is no part of the project."""


def measuring(root: Path, run_dir: Path, pyproject: Mapping[str, Any]) -> dict[str, str]:
    """The environment that makes every Python process below measure itself.

    The project's own settings hold. Where they name no source, the packages that the project ships
    are it, so that a module that no test imports counts as not covered.
    Raises UsageError when the project's coverage settings cannot be read.
    """
    cov = _coverage(root, data_file=str(_data_dir(run_dir) / "data"))
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
    with _working_in(root):  # relative paths in the settings mean the root
        return {"COVERAGE_PROCESS_CONFIG": config.serialize()}


def adopting(root: Path, cwd: Path, rcfile: str | None) -> str:
    """The file to which the user's own pytest-cov writes its data."""
    return str(cwd / _coverage(root, rcfile=rcfile).config.data_file)


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


def limits(project: Project, options: Options) -> Mapping[str, str]:
    """The project's own ``fail_under``, as a condition."""
    rcfile = project.session.coverage_rcfile if project.session else None
    fail_under = _coverage(project.root, rcfile=rcfile).config.fail_under
    if not 0 <= fail_under <= 100:
        raise UsageError(f"coverage's fail_under is {fail_under}; a percentage is from 0 to 100")
    return {"total": f">= {Decimal(repr(fail_under)):f}"} if fail_under else {}


def measure(project: Project, options: Options, asked: tuple[str, ...]) -> Evidence:
    """Combine what all processes measured, write ``coverage.json``, and read the numbers off it."""
    session = project.session
    if session is None or session.measured_by is None:
        raise CannotTell("the tests of this run were not measured")
    import coverage

    cov, notes = _load(project, session)
    target = project.run_dir / "coverage.json"
    trouble: list[str] = []
    cov._warn = lambda message, **_: trouble.append(message)
    try:
        cov.json_report(outfile=str(target))
    except coverage.CoverageException as error:
        raise CannotTell(f"coverage cannot report: {error}") from None
    report = json.loads(target.read_text(encoding="utf-8"))
    receipt = Receipt(
        tool="coverage",
        version=coverage.__version__,
        argv=("coverage", "json"),
        exit_code=0,
    )
    evidence = read(report, project, asked, _unmeasured(cov.config, report))
    return msgspec.structs.replace(
        evidence,
        unknown=evidence.unknown or (trouble[0] if trouble else None),
        receipt=receipt,
        notes=(*notes, *evidence.notes),
    )


def read(
    report: Mapping[str, Any],
    project: Project,
    asked: Iterable[str] = (),
    unmeasured: Iterable[str] = (),
) -> Evidence:
    """The numbers of coverage's JSON report, unrounded.

    ``line`` and ``branch`` are percentages of their own; ``total`` is coverage's own mix of both,
    which ``fail_under`` means. ``line:PATH`` is that of a file, a folder or a pattern. Those of new
    code (see newcode.py) are there where there is a base.
    """
    files: dict[str, Any] = report["files"]
    metrics = _percentages([entry["summary"] for entry in files.values()])
    gone = next(iter(unmeasured), None)
    unknown = gone and f"'{gone}', a source in coverage's settings, was never imported"
    for name in asked:
        kind, colon, path = name.partition(":")
        if colon:
            chosen = [
                entry["summary"]
                for file, entry in files.items()
                if newcode.lies_in(newcode.relative(file, project.root), path)
            ]
            metrics.update(
                {k + ":" + path: v for k, v in _percentages(chosen).items() if k == kind}
            )
            if not chosen:
                unknown = unknown or f"no measured file matches '{path}'"
    new = _new_code(report, project, tuple(asked))
    return Evidence.of(
        examined=len(files),
        metrics={**metrics, **new.metrics},
        unknown=unknown or new.unknown,
        notes=new.notes,
        inapplicable=new.inapplicable,
    )


def _new_code(report: Mapping[str, Any], project: Project, asked: Sequence[str]) -> Evidence:
    """What the tests ran of the change; unknown only when a condition asks for it."""
    wanted = any(newcode.asks(metric) for metric in asked)
    if project.change is None:
        return Evidence(unknown=(project.base_error or NO_BASE) if wanted else None)
    found = newcode.measure(report, project.change, _reader(project.root), project.root, asked)
    if not wanted:
        return Evidence(metrics=found.metrics, inapplicable=found.inapplicable)
    measured = {newcode.relative(name, project.root) for name in report["files"]}
    elsewhere = project.files and measured.isdisjoint(project.files)
    product = [path for path in found.unmeasured if not project.is_test(path)]
    return Evidence(
        metrics=found.metrics,
        inapplicable=found.inapplicable,
        unknown="coverage saw no file of the checkout: what is new there was not measured"
        if elsewhere
        else None,
        notes=(
            *([newcode.note(found.missing)] if found.missing else []),
            *([newcode.unmeasured_note(product)] if product else []),
        ),
    )


def _reader(root: Path) -> Callable[[str], bytes]:
    def read_source(path: str) -> bytes:
        try:
            return (root / path).read_bytes()
        except OSError as error:
            raise CannotTell(f"{path} cannot be read: {error.strerror}") from None

    return read_source


def _percentages(summaries: list[Mapping[str, Any]]) -> dict[str, float]:
    def total(key: str) -> int:
        return sum(summary.get(key, 0) for summary in summaries)

    lines, branches = total("num_statements"), total("num_branches")
    hit, taken = total("covered_lines"), total("covered_branches")
    metrics = {}
    if lines:
        metrics["line"] = 100 * hit / lines
        metrics["total"] = 100 * (hit + taken) / (lines + branches)
    if branches:
        metrics["branch"] = 100 * taken / branches
    return metrics


def _unmeasured(config: Any, report: Mapping[str, Any]) -> list[str]:
    """Sources in the project's settings of which no file was seen: nothing there was measured."""
    names = [name.replace(os.sep, "/") for name in report["files"]]
    missing = []
    for source in [*(config.source or []), *(config.source_pkgs or [])]:
        if os.path.isdir(source):
            folder = os.path.relpath(source).replace(os.sep, "/")
            seen = folder == "." or any(
                n.startswith((folder + "/", source.rstrip("/") + "/")) for n in names
            )
        else:
            inner = source.replace(".", "/")
            seen = any(f"/{inner}/" in f"/{n}" or f"/{n}".endswith(f"/{inner}.py") for n in names)
        if not seen:
            missing.append(source)
    return missing


def _load(project: Project, session: TestSession) -> tuple[Any, list[str]]:
    """The combined data of this run, as a Coverage object that can report."""
    folder = _data_dir(project.run_dir)
    folder.mkdir(parents=True, exist_ok=True)
    notes = []
    trouble: list[str] = []
    if session.measured_by == "pytest-cov":
        data = Path(session.coverage_data or "")
        if not data.is_file() or data.stat().st_mtime < project.started - 1:
            raise CannotTell(f"pytest-cov wrote no data to {data.name} in this run")
        shutil.copyfile(data, folder / "data")
        cov = _coverage(project.root, str(folder / "data"), session.coverage_rcfile)
        notes.append("measured by the project's own pytest-cov, which misses subprocesses")
    else:
        parts = [p for p in sorted(folder.glob("data.*")) if not p.name.endswith("-journal")]
        whole = [part for part in parts if _begun(part)]
        if not whole:
            raise CannotTell("the test process left no coverage data")
        if len(whole) < len(parts):
            notes.append(
                f"{len(parts) - len(whole)} of {len(parts)} measured processes were killed before"
                " they wrote their data: what they ran is not counted"
            )
        from coverage.config import CoverageConfig

        cov = _coverage(project.root, str(folder / "data"))
        config = CoverageConfig.deserialize(session.env["COVERAGE_PROCESS_CONFIG"])
        cov.config.source, cov.config.source_pkgs = config.source, config.source_pkgs
        cov._warn = lambda message, **_: trouble.append(message)
        cov.combine([str(part) for part in whole], keep=True)
    cov.load()
    if trouble:
        raise CannotTell(f"coverage could not use all of its data: {trouble[0]}")
    return cov, notes


def _begun(part: Path) -> bool:
    """Whether a process came to write anything to its data file.

    One that is killed earlier leaves no file at all, or one without coverage's tables; whether the
    tests may be killed is for the gate ``tests`` to say. A file that is damaged counts as begun:
    then data is lost, and coverage refuses it.
    """
    with contextlib.closing(sqlite3.connect(part)) as data:
        try:
            return bool(data.execute("select count(*) from meta").fetchone()[0])
        except sqlite3.OperationalError as error:
            return "no such table" not in str(error)
        except sqlite3.DatabaseError:
            return True


def _coverage(root: Path, data_file: str | None = None, rcfile: str | None = None) -> Any:
    """A Coverage object with the project's settings, as coverage finds them from the root."""
    import coverage

    try:
        with _working_in(root):
            return coverage.Coverage(
                data_file=data_file, config_file=rcfile if rcfile else True, data_suffix=None
            )
    except (coverage.CoverageException, OSError, ValueError) as error:
        raise UsageError(f"coverage's settings cannot be read: {error}") from None


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


def canary(project: Project, options: Options) -> Canary:
    """A module that no test imports, of four times as many statements as the project has lines."""
    sources = [n for n in project.files if n.endswith(".py") and not project.is_test(n)]
    lines = sum((project.text(name) or "").count("\n") for name in sources)
    body = "canary = 0\n" + "canary += 1\n" * 4 * max(lines, 25)
    files = [f"{folder}/devops_gates_canary.py" for folder in project.code_folders()]
    return Canary("a large module that no test runs", dict.fromkeys(files, body))


COVERAGE = Gate(
    name="coverage",
    stage=Stage.TEST,
    options=NoOptions,
    function=measure,
    needs=("tests",),
    level=ADVISORY,
    levels={"commit": OFF, "operate": OFF},
    conditions={},
    limits=limits,
    required_once_limited=True,
    metrics=("line", "branch", "total", "line:", "branch:", "total:", *newcode.METRICS),
    again="coverage report",
    cost=1.0,
    about="How much of the project its tests ran, measured by coverage.py.",
    canary=canary,
)
