"""The run's folder: ``.devops-gates/runs/<run id>/``, with ``latest`` leading to the newest."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import tempfile
import time
from pathlib import Path

import msgspec

from pytest_devops_gates import disk

KEEP = 20
"""Finished runs that are kept; older ones are removed."""

FOLDER = ".devops-gates"
_LATEST = "latest"


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
    disk.write(path / "verdict.json", pending)
    if home:
        disk.point(home / _LATEST, f"runs/{run_id}")
    return Run(run_id=run_id, path=path, home=home)


def new_id() -> str:
    """A run id that sorts by time: ``20260131T235959Z-1f2e3d``."""
    return f"{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}-{secrets.token_hex(3)}"


def finish(run: Run, verdict: str, copy_to: Path | None = None) -> None:
    """Replace the pending verdict, copy the run where it was asked for, and drop old runs.

    Raises OSError when the verdict cannot be written: the pending one stands then.
    """
    disk.write(run.path / "verdict.json", verdict)
    if copy_to:
        copy_to.mkdir(parents=True, exist_ok=True)
        shutil.copytree(run.path, copy_to, dirs_exist_ok=True, ignore=shutil.ignore_patterns("tmp"))
    if run.home:
        _prune(run.home / "runs", keep=run.path)


def _make(home: Path, run_id: str) -> Path:
    home.mkdir(exist_ok=True)
    ignore = home / ".gitignore"
    if not ignore.exists():
        disk.write(ignore, "# made by pytest-devops-gates\n*\n")
    path = home / "runs" / run_id
    path.mkdir(parents=True)
    if not os.access(path, os.W_OK):
        raise PermissionError(f"{path} cannot be written")
    return path


def _prune(runs: Path, keep: Path) -> None:
    """Remove all but the newest runs, never one that may still be at work."""
    a_day_ago = time.time() - 86_400
    for path in sorted((p for p in runs.iterdir() if p.is_dir()), reverse=True)[KEEP:]:
        with contextlib.suppress(OSError):
            verdict = path / "verdict.json"
            text = verdict.read_text("utf-8", "replace") if verdict.exists() else ""
            at_work = "did not finish" in text and path.stat().st_mtime > a_day_ago
            if path != keep and not at_work:
                shutil.rmtree(path, ignore_errors=True)
