"""A run's folder as it is looked at and rolled out: a copy that nobody else has a path to, so that
what is verified, approved and handed to the command are the same bytes."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Collection, Iterator
from pathlib import Path

from pytest_devops_gates.errors import UsageError
from pytest_devops_gates.release import evidence

_BUILT = Path("logs", "package", "result.json")
"""What the gate ``approval`` asks for, to know that the run has built something."""


@contextlib.contextmanager
def sealed(folder: Path) -> Iterator[Path]:
    """The copy of all that its evidence is about; links stay links, which nobody trusts. Raises
    UsageError for what cannot be read."""
    if not folder.is_dir():
        raise UsageError(f"{folder}: no such folder of a run")
    with tempfile.TemporaryDirectory(prefix="devops-gates-", ignore_cleanup_errors=True) as made:
        copy = Path(made)
        try:
            _copy(folder, copy)
        except OSError as error:
            told = f"{error.filename or folder}: {error.strerror or error}"
            raise UsageError(f"the run cannot be read: {told}") from None
        yield copy


def files(copy: Path, digests: Collection[str]) -> list[Path]:
    """The files in it that are rolled out; those that are not are taken away."""
    dist, chosen = copy / evidence.DIST, []
    for one in evidence.artefacts(copy):
        path = dist / one.name
        if one.sha256 in digests:
            chosen.append(path)
        else:
            path.unlink()
    return chosen


def _copy(folder: Path, copy: Path) -> None:
    for path in folder.iterdir():
        if evidence.RESTS_ON.fullmatch(path.name) or path.name == evidence.FILE:
            shutil.copyfile(path, copy / path.name, follow_symlinks=False)
    dist = folder / evidence.DIST
    if dist.is_symlink():
        shutil.copyfile(dist, copy / evidence.DIST, follow_symlinks=False)
    elif dist.is_dir():
        (copy / evidence.DIST).mkdir()
        for path in dist.iterdir():
            shutil.copyfile(path, copy / evidence.DIST / path.name, follow_symlinks=False)
    if (folder / _BUILT).is_file():
        (copy / _BUILT).parent.mkdir(parents=True)
        (copy / _BUILT).touch()
