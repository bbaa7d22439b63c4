"""What another engine says that it found, and the folder that it is given to search."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import string
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from pytest_devops_gates.evidence import Severity

SENTINEL = "devops_gates_sentinel.py"
"""A file of ours with a token that no maker gave out: an engine that does not find it has read
nothing, or looks for nothing."""


class Spot(msgspec.Struct, frozen=True):
    """Where an engine saw a secret: ``kind`` is the engine's own rule, ``path`` None where the
    engine does not say it."""

    kind: str
    says: str
    severity: Severity
    path: str | None
    line: int | None
    column: int | None = None
    end_line: int | None = None
    end_column: int | None = None


class Heard(msgspec.Struct, frozen=True):
    """What an engine said of itself and of the files; ``trouble`` is why it is not to be believed,
    or not the whole of it."""

    engine: str
    version: str | None = None
    spots: tuple[Spot, ...] = ()
    trouble: str | None = None


class Field(msgspec.Struct, frozen=True):
    """A folder that holds just the files to search, by the names that they have in the project.
    ``unnamed`` are files whose names an engine could not tell."""

    folder: Path
    names: frozenset[str]
    unnamed: int = 0


@contextlib.contextmanager
def laid_out(root: Path, names: Iterable[str], folder: Path) -> Iterator[Field]:
    """The files in a folder of their own, as links where the disk allows it, and the sentinel.

    So an engine reads what the project lists and nothing else, whatever lies beside it, and finds
    no settings of its own above it. The folder goes with the block. Raises OSError.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    laid: set[str] = set()
    unnamed = 0
    try:
        for name in names:
            if name == SENTINEL or not _is_told(name):
                unnamed += 1
                continue
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            _bring(root / name, target)
            laid.add(name)
        (folder / SENTINEL).write_text(f'TOKEN = "{_token()}"\n', encoding="ascii")
        yield Field(folder, frozenset(laid), unnamed)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _is_told(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return name.isprintable()


def _bring(source: Path, target: Path) -> None:
    try:
        os.link(source, target, follow_symlinks=False)
    except (OSError, NotImplementedError):
        shutil.copyfile(source, target, follow_symlinks=False)


def _token() -> str:
    letters = string.ascii_letters + string.digits
    return "ghp_" + "".join(secrets.choice(letters) for _ in range(36))
