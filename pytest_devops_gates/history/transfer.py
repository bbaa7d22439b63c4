"""The history as a file: one record a line, in JSON, compressed where the name ends in ``.gz``."""

from __future__ import annotations

import contextlib
import errno
import gzip
import io
import itertools
import os
import stat
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from pytest_devops_gates import disk
from pytest_devops_gates.errors import CannotTell, UsageError
from pytest_devops_gates.history import lines
from pytest_devops_gates.history.lines import Record
from pytest_devops_gates.history.store import Store

SHOWN = 20
"""Bad lines that are told one by one."""

GZIP = ".gz"


class Imported(msgspec.Struct, frozen=True):
    """What a file held: records that were new, known, and lines that are none (``bad``); the first
    of those are ``shown``, each with its number and why."""

    new: int
    known: int
    bad: int
    shown: tuple[tuple[int, str], ...]


def write(path: Path, records: Iterable[Record]) -> int:
    """Write a file whole or not at all; returns how many records it holds. Raises UsageError when
    it cannot be written."""
    count = 0
    if path.exists() and not path.is_file():  # a device would be replaced by a file
        raise UsageError(f"{path} cannot be written: it is no plain file")

    def told() -> Iterator[bytes]:
        nonlocal count
        for record in records:
            yield lines.encode(record) + b"\n"
            count += 1

    try:
        disk.write_blocks(path, _packed(told()) if path.name.endswith(GZIP) else told())
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror or error}") from None
    return count


def _packed(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """The blocks as gzip, without a name and a time: the same history makes the same file."""
    packing = zlib.compressobj(6, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    for block in blocks:
        yield packing.compress(block)
    yield packing.flush()


def read(path: Path, store: Store, project: str) -> Imported:
    """Take over the records of a file; the good lines of one with bad ones as well.

    Raises UsageError when it cannot be opened, and CannotTell when it ends in the middle.
    """
    bad: list[tuple[int, str]] = []
    count = 0

    def records() -> Iterator[Record]:
        nonlocal count
        for number, line in _lines(path):
            try:
                yield lines.decode(line, project)
            except ValueError as error:
                count += 1
                bad.extend([(number, str(error))] if len(bad) < SHOWN else [])

    taken = store.take(records())
    return Imported(taken.new, taken.known, count, tuple(bad))


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """The lines that are not empty, with their numbers. One that is too long comes in pieces, of
    which none is good."""
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        with os.fdopen(descriptor, "rb") as plain, contextlib.ExitStack() as stack:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):  # a pipe would be waited for
                raise OSError(errno.EINVAL, "no plain file")
            is_packed = plain.peek(2)[:2] == b"\x1f\x8b"
            stream: io.BufferedIOBase = plain
            if is_packed:
                stream = stack.enter_context(gzip.GzipFile(fileobj=plain, mode="rb"))
            for number in itertools.count(1):
                line = stream.readline(lines.LONGEST + 2)
                if not line:
                    break
                if line.strip():
                    yield number, line.rstrip(b"\r\n")
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise CannotTell(f"{path} is damaged, or cut off: {error} · export it again") from None
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or error}") from None
