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
_WIDE = {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


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
) -> Iterator[tuple[str, bytes]]:
    """Name and text of each file; what is none is noted in ``unsearched``."""
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
        elif (text := as_text(data)) is None:
            unsearched.add("a binary file", name)
        else:
            yield name, text


def as_text(data: bytes) -> bytes | None:
    """The bytes in which ASCII words can be searched for; None for what is no text."""
    encoding = _WIDE.get(data[:2])
    if encoding:
        return data.decode(encoding, "replace").encode("utf-8", "replace")
    return None if b"\0" in data[:BINARY_HEAD] else data


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
