"""Reading the files of a project to search them: each once, and none that is no plain text."""

from __future__ import annotations

import codecs
import os
import stat
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import msgspec

LARGEST = 16 * 2**20
"""Bytes of a file that is searched; what is larger is data, and is told."""

BINARY_HEAD = 8000
"""A NUL among so many bytes makes a file binary. Source: git's ``buffer_is_binary``."""

_PLAIN_FILE = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0)
_WIDE = (
    *((mark, "utf-32") for mark in (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)),
    *((mark, "utf-16") for mark in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)),
)
"""Of two marks that fit the longer comes first."""

_UNCLEAN = "where it is no UTF-16 or UTF-32, although it begins like that"


class Unsearched(msgspec.Struct):
    """What was left out, by its reason, with the first name of each; and what could not be read."""

    counts: Counter[str] = msgspec.field(default_factory=Counter)
    first: dict[str, str] = {}
    troubles: list[str] = []

    def add(self, reason: str, name: str) -> None:
        self.counts[reason] += 1
        self.first.setdefault(reason, name)

    def told(self) -> list[str]:
        """A line for each reason."""
        lines = []
        for reason, count in sorted(self.counts.items()):
            more = f" and {count - 1} more" if count > 1 else ""
            lines.append(f"not searched, {reason}: {printable(self.first[reason])}{more}")
        return lines


def texts(
    root: Path, names: Iterable[str], left_out: Callable[[str], bool], unsearched: Unsearched
) -> Iterator[tuple[str, tuple[bytes, ...]]]:
    """Name and texts of each file (see as_texts); what is none is noted in ``unsearched``."""
    for name in names:
        if left_out(name):
            unsearched.add("excluded by the option 'exclude'", name)
            continue
        try:
            data = _read(os.path.join(root, name))
        except (OSError, ValueError) as error:
            said = getattr(error, "strerror", None) or error
            unsearched.troubles.append(f"{printable(name)} cannot be read: {said}")
            continue
        if isinstance(data, str):
            unsearched.add(data, name)
        elif not (found := as_texts(data)):
            unsearched.add("a binary file", name)
        else:
            if len(found) > 1 and not _is_clean(data):
                unsearched.add(_UNCLEAN, name)
            yield name, found


def as_texts(data: bytes) -> tuple[bytes, ...]:
    """The bytes in which ASCII words can be searched for; nothing for what is no text.

    What begins like UTF-16 or UTF-32 is both: that may be a lie, or true of a part alone.
    """
    encoding = _wide(data)
    if encoding:
        return data.decode(encoding, "replace").encode("utf-8", "replace"), data
    return () if b"\0" in data[:BINARY_HEAD] else (data,)


def _wide(data: bytes) -> str | None:
    return next((encoding for mark, encoding in _WIDE if data.startswith(mark)), None)


def _is_clean(data: bytes) -> bool:
    """Whether it is what it begins like: as a rule that holds characters of ASCII, and so NULs."""
    try:
        data.decode(_wide(data) or "utf-8")
    except UnicodeDecodeError:
        return False
    return len(data) <= 4 or b"\0" in data[4:]


def _read(path: str) -> bytes | str:
    """The bytes of a plain file, or why it is none to search. Raises OSError or ValueError."""
    mode = os.lstat(path).st_mode
    if stat.S_ISLNK(mode):
        return "a symbolic link"
    if stat.S_ISDIR(mode):
        return "a submodule"
    descriptor = os.open(path, _PLAIN_FILE)
    with os.fdopen(descriptor, "rb", buffering=0) as stream:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise ValueError("it is no plain file")
        if status.st_size > LARGEST:
            return f"of more than {LARGEST >> 20} MiB"
        return stream.readall()


def printable(name: str) -> str:
    """A file's name with the bytes that are no UTF-8 as escapes: what a report can hold."""
    return name.encode("utf-8", "backslashreplace").decode()
