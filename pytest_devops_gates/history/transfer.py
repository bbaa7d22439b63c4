"""The history as a file: one record a line, in JSON, compressed where the name ends in ``.gz``.

The first line says that it is an export, and the last one how many records stand between.
"""

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
from pytest_devops_gates.json_text import dump

SHOWN = 20
"""Bad lines that are told one by one."""

GZIP = ".gz"
EXPORT = "pytest-devops-gates/history-export/1"

_MARK = 200
"""Bytes that the first line and the last one have at most."""


class Imported(msgspec.Struct, frozen=True):
    """What a file held: records that were new, known, and lines that are none (``bad``); the first
    of those are ``shown``, each with its number and why."""

    new: int
    known: int
    bad: int
    shown: tuple[tuple[int, str], ...]


class _Mark(msgspec.Struct, frozen=True, omit_defaults=True):
    """The first line of an export, and with the number of its ``records`` the last."""

    schema: str
    records: int | None = None


def write(path: Path, records: Iterable[Record]) -> int:
    """Write a file whole or not at all; returns how many records it holds. Raises UsageError when
    it cannot be written, and CannotTell when it is, without those that no import would take."""
    count, left_out = 0, 0

    def told() -> Iterator[bytes]:
        nonlocal count, left_out
        yield _line(_Mark(EXPORT))
        for record in records:
            line = lines.encode(record)
            if len(line) > lines.LONGEST:
                left_out += 1
                continue
            yield line + b"\n"
            count += 1
        yield _line(_Mark(EXPORT, count))

    try:
        if path.exists() and not path.is_file():  # a device would be replaced by a file
            raise UsageError(f"{path} cannot be written: it is no plain file")
        disk.write_blocks(path, _packed(told()) if path.name.endswith(GZIP) else told())
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror or error}") from None
    if left_out:
        raise CannotTell(
            f"{path} holds {count} records, and not {left_out} of more than"
            f" {lines.LONGEST >> 20} MiB, which no import takes · keep a copy of the database"
        )
    return count


def _line(mark: _Mark) -> bytes:
    return dump(mark, indent=0).encode("ascii") + b"\n"


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
        for number, line in _whole(path):
            try:
                yield lines.decode(line, project)
            except ValueError as error:
                count += 1
                bad.extend([(number, str(error))] if len(bad) < SHOWN else [])

    taken = store.take(records())
    return Imported(taken.new, taken.known, count, tuple(bad))


def _whole(path: Path) -> Iterator[tuple[int, bytes]]:
    """The lines between the first and the last, with their numbers; all of a file that does not
    begin as an export (earlier ones did not). Exports may stand one after another."""
    count, is_open = 0, False
    for number, line in _lines(path):
        mark = _mark(line)
        if mark is None:
            count += 1
            yield number, line
        elif mark.records is None and not is_open:
            count, is_open = 0, True
        elif mark.records == count and is_open:
            is_open = False
        else:
            raise _damaged(path, f"line {number} counts other records than stand before it")
    if is_open:
        raise _damaged(path, "its last line, which counts the records, is missing")


def _mark(line: bytes) -> _Mark | None:
    if len(line) > _MARK:
        return None
    try:
        mark = msgspec.json.decode(line, type=_Mark)
    except (ValueError, RecursionError):
        return None
    return mark if mark.schema == EXPORT else None


def _damaged(path: Path, why: object) -> CannotTell:
    return CannotTell(f"{path} is damaged, or cut off: {why} · export it again")


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
        raise _damaged(path, error) from None
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or error}") from None
