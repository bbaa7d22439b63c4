"""The run's folder: ``.devops-gates/runs/<run id>/``, with ``latest`` leading to the newest."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import msgspec

from pytest_devops_gates import disk
from pytest_devops_gates.errors import CannotTell, UsageError, did_you_mean

KEEP = 20
"""Finished runs that are kept; older ones are removed."""

FOLDER = ".devops-gates"

UNRECORDED = "DEVOPS_GATES_UNRECORDED"
"""The environment variable with which a run leaves no trace in the history."""

OWN = re.compile(
    r"coverage\.json|sbom\.cdx\.json|evidence\.intoto\.jsonl|testimony\.json|tests\..*|devops_gates_.*|logs|dist|tmp|cache|.*\.log",
    re.IGNORECASE,
)
"""The names that the run itself uses in its folder, beside those of reports."""

_LATEST = "latest"
_RUN_ID = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{6}")
_VERDICT = "verdict.json"


class Run(msgspec.Struct, frozen=True):
    """One run's folder. ``home`` is None when the checkout cannot be written."""

    run_id: str
    path: Path
    home: Path | None

    @property
    def cache(self) -> Path:
        """The folder for what tools may keep between runs."""
        return (self.home or self.path) / "cache"


def create(root: Path, pending: str, run_id: str) -> Run:
    """Make the run's folder with a verdict that says that it did not finish, and lead latest to it.

    A checkout that cannot be written gets its run in the temporary folder. Raises OSError when
    nothing can be written, or ``latest`` cannot be moved: an old pass must not stay in sight.
    """
    home: Path | None = root / FOLDER
    try:
        path = _make(root / FOLDER, run_id)
    except OSError:
        home, path = None, Path(tempfile.mkdtemp(prefix=f"devops-gates-{run_id}-"))
    run = Run(run_id=run_id, path=path, home=home)
    try:
        disk.write(path / _VERDICT, pending)
        if home:
            disk.point(home / _LATEST, f"runs/{run_id}")
    except OSError:
        with contextlib.suppress(OSError):  # takes no room on a disk that is full
            (root / FOLDER / _LATEST).unlink(missing_ok=True)
        raise
    return run


def lead_latest(run: Run) -> None:
    """Lead ``latest`` to a run that ends, unless a younger one has begun: a test may have led it
    elsewhere. Raises OSError."""
    if run.home is None:
        return
    link = run.home / _LATEST
    led = os.path.basename(os.readlink(link)) if link.is_symlink() else ""
    is_younger = _RUN_ID.fullmatch(led) and run.run_id < led < new_id()
    if not (is_younger and (link / _VERDICT).is_file()):
        disk.point(link, f"runs/{run.run_id}")


def new_id() -> str:
    """A run id that sorts by time: ``20260131T235959Z-1f2e3d``."""
    return f"{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}-{secrets.token_hex(3)}"


def announce(folder: Path, verdict: str, names: Iterable[str]) -> None:
    """Leave this verdict alone in a folder that may hold older ones and the reports of them (their
    ``names``). Raises OSError when it cannot be written, or they cannot be removed; all that can be
    is gone then, any verdict too."""
    folder.mkdir(parents=True, exist_ok=True)
    if not any(folder.iterdir()):  # a folder of our own in a checkout is no change of it
        _ignore(folder)
    troubles = []
    try:
        disk.write(folder / _VERDICT, verdict)
    except OSError as error:
        troubles = [error, *clear(folder, [_VERDICT])]
    troubles += clear(folder, (name for name in names if name != _VERDICT))
    if troubles:
        raise troubles[0]


def clear(folder: Path, names: Iterable[str]) -> list[OSError]:
    """Remove reports by their ``names``, and what was said of failed ones; returns why some could
    not be removed."""
    troubles = []
    files = [file for name in names for file in (name, f"{name}.error.log")]
    for file in files:
        try:
            (folder / file).unlink(missing_ok=True)
        except OSError as error:
            troubles.append(error)
    return troubles


def hand_over(run: Run, folder: Path) -> None:
    """Copy the run's files to a folder, the verdict last. Raises OSError.

    What is neither a plain file nor a folder is left out: a tool may have left a link to elsewhere.
    """

    def left_out(within: str, names: Sequence[str]) -> set[str]:
        own = {"tmp", _VERDICT} if Path(within) == run.path else set()
        return own | {name for name in names if not _is_real(Path(within, name))}

    try:
        shutil.copytree(run.path, folder, dirs_exist_ok=True, ignore=left_out)
    except shutil.Error as error:  # it went on, and holds a line for each file
        _, target, why = error.args[0][0]
        raise OSError(f"{target}: {why}") from None
    disk.write(folder / _VERDICT, (run.path / _VERDICT).read_text("utf-8"))


def prune(run: Run) -> None:
    """Remove all but the newest runs, never this one, nor one that may still be at work."""
    if run.home:
        _prune(run.home / "runs", keep=run.path)


def earlier(run: Run) -> Iterator[Path]:
    """The folders of the runs before this one, the newest first."""
    if run.home:
        found = (run.home / "runs").iterdir()
        yield from sorted((p for p in found if p.name < run.run_id), reverse=True)


def find(root: Path, named: str) -> Path:
    """The folder of a run: ``latest``, its id or the beginning of one, or a path to it.

    Raises UsageError when none is named like that, or several are, and CannotTell before the first.
    """
    if os.sep in named or (named != _LATEST and os.path.isfile(os.path.join(named, _VERDICT))):
        return Path(named)
    home = root / FOLDER
    if named == _LATEST:
        if not (home / _LATEST / _VERDICT).is_file():
            raise CannotTell(f"there is no run in {home} · pytest --devops-gates")
        return home / _LATEST
    known = sorted(path.name for path in (home / "runs").glob("*") if path.is_dir())
    named = named[:100]
    fitting = [name for name in known if name.startswith(named)]
    if len(fitting) != 1:
        told = f"{len(fitting)} runs begin with" if fitting else "no run begins with"
        raise UsageError(f"{told} '{named}' in {home}{did_you_mean(named, known[-5:])}")
    return home / "runs" / fitting[0]


def _make(home: Path, run_id: str) -> Path:
    home.mkdir(exist_ok=True)
    _ignore(home)
    path = home / "runs" / run_id
    path.mkdir(parents=True)
    if not os.access(path, os.W_OK):
        raise PermissionError(f"{path} cannot be written")
    return path


def _ignore(folder: Path) -> None:
    """Keep a folder of ours out of git."""
    ignore = folder / ".gitignore"
    if not ignore.exists():
        disk.write(ignore, "# made by pytest-devops-gates\n*\n")


def _is_real(path: Path) -> bool:
    return not path.is_symlink() and (path.is_file() or path.is_dir())


def _prune(runs: Path, keep: Path) -> None:
    a_day_ago = time.time() - 86_400
    for path in sorted((p for p in runs.iterdir() if p.is_dir()), reverse=True)[KEEP:]:
        with contextlib.suppress(OSError):
            verdict = path / _VERDICT
            text = disk.read_plain(verdict) if verdict.is_file() else b""  # a pipe has no end
            at_work = b"did not finish" in text and path.stat().st_mtime > a_day_ago
            if path != keep and not at_work:
                shutil.rmtree(path, ignore_errors=True)
