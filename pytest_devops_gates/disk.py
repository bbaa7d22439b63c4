"""The one room that writes files: whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
import stat
import tempfile
from collections.abc import Iterable
from pathlib import Path

from pytest_devops_gates.errors import CannotTell

Mark = tuple[int, ...]

_BLOCK = 2**20

LARGEST = 2**30
"""Bytes of a file of ours that is read: many times what 100,000 findings take."""


def write(path: Path, text: str) -> None:
    """Write a file whole: temporary file in the same folder, fsync, rename. Raises OSError."""
    write_blocks(path, [text.encode("utf-8", "backslashreplace")])


def write_blocks(path: Path, blocks: Iterable[bytes]) -> None:
    """As ``write``, for what is too large to be held at once. Raises OSError, and whatever the
    blocks raise."""
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            for block in blocks:
                stream.write(block)
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def point(link: Path, target: str) -> None:
    """Make ``link`` a symbolic link to ``target``, replacing an older one in one step.

    A real folder in its place (from an archive that followed links, say) is removed.
    """
    temporary = link.with_name(f".{link.name}.{os.getpid()}")
    with contextlib.suppress(FileNotFoundError):
        temporary.unlink()
    temporary.symlink_to(target, target_is_directory=True)
    if link.is_dir() and not link.is_symlink():
        shutil.rmtree(link)
    os.replace(temporary, link)


def read_plain(path: Path) -> bytes:
    """The bytes of a plain file. Raises OSError for what is none (a pipe would be waited for), or
    is larger than any file of ours."""
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    with os.fdopen(descriptor, "rb") as stream:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise OSError(errno.EINVAL, "no plain file")
        if found.st_size > LARGEST:
            raise OSError(errno.EFBIG, f"more than {LARGEST >> 20} MiB")
        return stream.read()


def digest(path: Path) -> tuple[str, int]:
    """The SHA-256 of a file, and its size in bytes. Raises OSError."""
    told, size = hashlib.sha256(), 0
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            told.update(block)
            size += len(block)
    return told.hexdigest(), size


def mark(path: Path) -> Mark | None:
    """What tells one state of a file from a later one; None when there is no file."""
    try:
        found = path.lstat()
    except OSError:
        return None
    return (found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


def read_fresh(root: Path, name: str, before: Mark | None, started: float, cap: int) -> bytes:
    """The bytes of a report below ``root`` that a tool wrote since ``started`` (time.time()).

    Raises CannotTell for a file that is missing, older than the run, as it was ``before``, larger
    than ``cap`` bytes, or no plain file inside the project.
    """
    path = root / name
    try:
        if root.resolve() not in path.resolve().parents or path.is_symlink():
            raise CannotTell(f"left a report that leads out of its place: {name}")
        # without O_NONBLOCK, opening a FIFO would wait for ever
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    except FileNotFoundError:
        raise CannotTell(f"left no report at {name}") from None
    except OSError as error:
        raise CannotTell(f"left a report that cannot be read: {name}: {error.strerror}") from None
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode):
        os.close(descriptor)
        raise CannotTell(f"left something at {name} that is no plain file")
    with os.fdopen(descriptor, "rb") as stream:
        if mark(path) == before or found.st_mtime < started - 2:  # file systems keep coarse times
            raise CannotTell(f"wrote no report in this run: {name} is an older one")
        data = stream.read(cap + 1)
    if len(data) > cap:
        raise CannotTell(f"left a report of more than {cap >> 20} MiB: {name}")
    return data
