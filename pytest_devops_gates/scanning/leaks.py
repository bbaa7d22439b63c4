"""The secrets in a text, by the built-in patterns. Pure; the value of none is kept."""

from __future__ import annotations

import hashlib
import os
import re
from bisect import bisect_right, insort
from collections.abc import Iterable, Iterator

import msgspec

from pytest_devops_gates.scanning.patterns import KINDS, Kind, is_secret, matches, may_be_in

_KEY = os.urandom(16)
"""Of this process alone: what is known by a digest cannot be guessed from it later."""

_ALLOWED = re.compile(
    rb"(?:betterleaks|gitleaks):allow|pragma: (?:allow|white)list(?: (nextline))?[ -]secret"
)
_ALLOW_HINTS = (b"leaks:allow", b"pragma: ")


class Leak(msgspec.Struct, frozen=True):
    """A secret: its kind, its place (lines and columns count from 1, the end column is exclusive),
    and its length. ``mark`` tells it from others within this process."""

    kind: Kind
    line: int
    column: int
    end_line: int
    end_column: int
    length: int
    mark: bytes


class Searched(msgspec.Struct, frozen=True):
    """What a text holds. ``none`` are the lines where something looks like a secret and is a
    placeholder, ``allowed`` those that a comment declares to hold none, and ``suppressed`` is how
    many secrets stand in these."""

    leaks: tuple[Leak, ...] = ()
    none: frozenset[int] = frozenset()
    allowed: frozenset[int] = frozenset()
    suppressed: int = 0


NOTHING = Searched()


def search(text: bytes) -> Searched:
    """The secrets in a text. The time grows with its length and no faster."""
    spans = sorted(_spans(text), key=lambda span: span[1:3])
    allowed = _allowed(text)
    if not spans and not allowed:
        return NOTHING
    starts, ends = _Lines(text), _Lines(text)  # each asked in ascending order
    leaks: list[Leak] = []
    none: set[int] = set()
    suppressed = 0
    for kind, start, end, holds in spans:
        line, column = starts.place(start)
        if not holds:
            none.add(line)
        elif line in allowed:
            suppressed += 1
        else:
            mark, length = _mark(text, kind, start, end), end - start
            leaks.append(Leak(kind, line, column, *ends.place(end), length, mark))
    return Searched(
        tuple(leaks), frozenset(none - {leak.line for leak in leaks}), allowed, suppressed
    )


def search_all(texts: Iterable[bytes]) -> Searched:
    """The secrets in all readings of one file, each once."""
    found = [search(text) for text in texts]
    leaks: list[Leak] = []
    for one in found:
        known = {leak.mark for leak in leaks}
        leaks += (leak for leak in one.leaks if leak.mark not in known)
    none = {line for one in found for line in one.none} - {leak.line for leak in leaks}
    allowed = {line for one in found for line in one.allowed}
    suppressed = sum(one.suppressed for one in found)
    return Searched(tuple(leaks), frozenset(none), frozenset(allowed), suppressed)


def _spans(text: bytes) -> Iterator[tuple[Kind, int, int, bool]]:
    taken: list[tuple[int, int]] = []  # in order
    for kind in KINDS:
        if not may_be_in(kind, text):
            continue
        for found in matches(kind, text):
            start, end = found.span(kind.value)
            if kind.id == "private-key":
                start, end = found.start(), found.start() + found[0].index(b"KEY") + 3
            if _overlaps(start, end, taken):
                continue
            if holds := is_secret(kind, found):
                insort(taken, (start, end))
            yield kind, start, end, holds


def _overlaps(start: int, end: int, taken: list[tuple[int, int]]) -> bool:
    """Whether a span has a part in one of others that do not overlap, which are in order."""
    at = bisect_right(taken, (start, end))
    return any(start < stop and begin < end for begin, stop in taken[max(0, at - 1) : at + 1])


def _allowed(text: bytes) -> frozenset[int]:
    """The lines that a comment of gitleaks, betterleaks or detect-secrets declares to be sound."""
    if not any(hint in text for hint in _ALLOW_HINTS):
        return frozenset()
    found, at, line = set(), 0, 1
    for comment in _ALLOWED.finditer(text):
        line += text.count(b"\n", at, comment.start())
        at = comment.start()
        found.add(line + bool(comment[1]))
    return frozenset(found)


class _Lines:
    """Lines and columns of offsets. What lies between two that are asked for in ascending order is
    read once, however long a line is."""

    def __init__(self, text: bytes) -> None:
        self._text = text
        self._at, self._line, self._column = 0, 1, 1

    def place(self, offset: int) -> tuple[int, int]:
        if offset < self._at:
            self._at, self._line, self._column = 0, 1, 1
        lines = self._text.count(b"\n", self._at, offset)
        begin = self._text.rfind(b"\n", self._at, offset) + 1 if lines else self._at
        told = len(self._text[begin:offset].decode("utf-8", "replace"))
        self._column = told + (1 if lines else self._column)
        self._line += lines
        self._at = offset
        return self._line, self._column


def _mark(text: bytes, kind: Kind, start: int, end: int) -> bytes:
    # the first line of a private key, which is its place, is the same in all of them
    value = text[end : end + 400] if kind.id == "private-key" else text[start:end]
    return hashlib.blake2b(value, key=_KEY, digest_size=16).digest()
