"""Text in columns: how wide it is on a terminal, cut and wrapped by that."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

LEAST = 20
"""Columns below which no terminal is believed to be."""

_BROKEN = "\\"
"""Ends a line in which a word does not end."""


def width(text: str) -> int:
    """How many columns a text takes: two for wide characters, none for combining ones."""
    if text.isascii():
        return len(text)
    return sum(_width(char) for char in text)


def cut(text: str, columns: int) -> str:
    """The text, ending in ``…`` where it is too wide."""
    if _fitting(text, 0, columns) == len(text):
        return text
    return text[: _fitting(text, 0, columns - 1)] + "…"


def padded(text: str, columns: int) -> str:
    """The text, with blanks up to a width."""
    return text + " " * max(0, columns - width(text))


def wrap(text: str, columns: int, indent: str = "  ") -> Iterator[str]:
    """The text in lines of no more than ``columns`` (LEAST or more), the later ones indented.

    Words stay whole as long as they fit into a line; one that does not is broken, which a backslash
    shows. No indent takes more than half of a line.
    """
    words = text.lstrip(" ")
    line = text[: len(text) - len(words)][: columns // 2]
    indent = indent[: columns // 2]
    taken, begun = width(line), False
    for word in words.split(" "):
        joined = f" {word}" if begun else word
        if _fitting(joined, 0, columns - taken) == len(joined):
            line += joined
            taken += width(joined)
            begun = True
            continue
        if not word:  # a blank at the end of a full line
            continue
        if begun:
            yield line
            line = indent
        *broken, rest = _pieces(word, columns - width(line), columns - width(indent))
        for piece in broken:
            yield line + piece + _BROKEN
            line = indent
        line += rest
        taken, begun = width(line), True
    yield line


def _pieces(word: str, room: int, later: int) -> Iterator[str]:
    """A word in pieces that leave a column for the mark, all but the last."""
    at = 0
    while (end := _fitting(word, at, room)) < len(word):
        end = max(_fitting(word, at, room - 1), at + 1)
        yield word[at:end]
        at, room = end, later
    yield word[at:]


def _fitting(text: str, at: int, columns: int) -> int:
    """Where the part ends that begins at ``at`` and takes no more than ``columns``."""
    for end in range(at, len(text)):
        columns -= _width(text[end])
        if columns < 0:
            return end
    return len(text)


def _width(char: str) -> int:
    if char.isascii():
        return 1
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1
