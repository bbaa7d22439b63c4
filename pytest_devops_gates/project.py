"""The project as gates see it: values only, worked out once."""

from __future__ import annotations

import fnmatch
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec

from pytest_devops_gates.change import Change
from pytest_devops_gates.errors import CannotTell
from pytest_devops_gates.outside import HistoryTable, TrackerTable
from pytest_devops_gates.past import Past
from pytest_devops_gates.quarantine import Quarantined

TEST_FOLDERS = frozenset({"tests", "test", "testing"})
BESIDE_CODE = TEST_FOLDERS | {"docs", "doc", "examples", "example", "benchmarks", "scripts"}
"""Folders at the root of a project that hold no code of the product."""


class TestSession(msgspec.Struct, frozen=True):
    """How the tests of this run are started, and who measures their coverage.

    ``measured_by`` is ``"coverage"`` (ours, through ``env``), ``"pytest-cov"`` (the user's own
    ``--cov``; ``coverage_data`` is then the file that it writes), or ``None``.
    """

    __test__ = False

    argv: tuple[str, ...]
    env: dict[str, str] = {}
    measured_by: str | None = None
    coverage_data: str | None = None
    coverage_rcfile: str | None = None
    coverage_source: tuple[str, ...] = ()
    test_files: tuple[str, ...] = ("test_*.py", "*_test.py")
    test_functions: tuple[str, ...] = ("test",)
    workers: int = 1


class Project(msgspec.Struct, frozen=True):
    """The project under judgement.

    ``root`` is pytest's rootdir. ``files`` are relative to it: what git tracks, and what it neither
    tracks nor ignores; without git, what lies there beside the usual litter. ``listing_error``
    says why they could not be had. ``scope``, where it is set, are the files to look at: in a git
    hook, those of the commit. ``base`` is the commit that the change is compared with,
    ``change`` what is other since then, and ``base_error`` says why there is none although one was
    asked for. ``packages`` are the folders of the packages that it ships. ``run_dir`` is this run's
    own folder, ``cache`` the one that tools may keep between runs. ``message`` is the commit
    message that a hook is to judge, and ``git`` the environment in which git sees what is judged,
    where that is not the checkout. ``shard`` is the name of the job, where several carry out the
    run between them. ``tracker`` and ``history`` are what the policy says of them, and ``past`` is
    what the history tells, for gates that review the others. ``quarantine`` are the tests whose
    failures do not count, by the policy that judges.
    """

    root: Path
    run_dir: Path
    cache: Path
    started: float
    profile: str = "merge"
    files: tuple[str, ...] = ()
    scope: tuple[str, ...] | None = None
    listing_error: str | None = None
    pyproject: dict[str, Any] = {}
    toplevel: Path | None = None
    commit: str | None = None
    dirty: bool = False
    base: str | None = None
    base_error: str | None = None
    change: Change | None = None
    session: TestSession | None = None
    test_paths: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    message: str | None = None
    shard: str | None = None
    git: dict[str, str] = {}
    tracker: TrackerTable | None = None
    history: HistoryTable = HistoryTable()
    past: Past = Past()
    quarantine: tuple[Quarantined, ...] = ()

    def listing(self) -> tuple[str, ...]:
        """The files to look at. Raises CannotTell when they could not be listed."""
        if self.listing_error:
            raise CannotTell(self.listing_error)
        return self.files if self.scope is None else self.scope

    def tool(self, *names: str) -> dict[str, Any] | None:
        """The table ``[tool.NAME...]`` of pyproject.toml, or None."""
        table: Any = self.pyproject.get("tool", {})
        for name in names:
            table = table.get(name) if isinstance(table, dict) else None
        return table if isinstance(table, dict) else None

    def text(self, name: str) -> str | None:
        """A small text file at the root, or None when there is none that can be read."""
        try:
            return (self.root / name).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            return None

    def python_files(self) -> list[str]:
        """The Python sources to look at. Raises CannotTell when they could not be listed."""
        return [name for name in self.listing() if name.endswith((".py", ".pyi"))]

    def test_files(self) -> list[str]:
        """The files that pytest takes for tests by their names, wherever they lie."""
        patterns = self.test_file_patterns
        return [
            name
            for name in self.files
            if any(fnmatch.fnmatch(name.rpartition("/")[2], pattern) for pattern in patterns)
        ]

    def is_test(self, name: str) -> bool:
        """Whether a file is there to test: by its folder, or by its name.

        What lies in a package that the project ships is product code, whatever it is called, but
        for a folder ``tests`` of its own; a test path that holds a package (for its doctests) or a
        pattern that fits any file does not make tests of them.
        """
        *folders, base = name.split("/")
        if any(name.startswith(package + "/") for package in self.packages):
            return not {"tests", "test"}.isdisjoint(folders)
        patterns = [p for p in self.test_file_patterns if not fnmatch.fnmatch("module.py", p)]
        return (
            not TEST_FOLDERS.isdisjoint(folders)
            or base == "conftest.py"
            or any(name.startswith(path + "/") for path in self.test_paths if path != "src")
            or any(fnmatch.fnmatch(base, pattern) for pattern in patterns)
        )

    def code_folders(self) -> list[str]:
        """Where the product's code lies, relative to the root (``.``): its packages, or the folder
        of its one module, or else the one with the most sources that are no tests."""
        if self.packages:
            above = {p if (self.root / p).is_dir() else self._folder_of(p) for p in self.packages}
            return sorted(above)
        sources = [n for n in self.files if n.endswith(".py") and not self.is_test(n)]
        counted = Counter(name.rpartition("/")[0] or "." for name in sources)
        counted = Counter({k: n for k, n in counted.items() if k.split("/")[0] not in BESIDE_CODE})
        return [counted.most_common(1)[0][0]] if counted else ["."]

    def _folder_of(self, module: str) -> str:
        return "src" if (self.root / "src" / f"{module}.py").is_file() else "."

    @property
    def test_file_patterns(self) -> tuple[str, ...]:
        return self.session.test_files if self.session else TestSession(argv=()).test_files
