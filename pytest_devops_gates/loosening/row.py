"""One setting of a tool, and in which direction it loosens."""

from __future__ import annotations

from typing import Any

import msgspec

Path = tuple[str, ...]

GROWS = "grows"  # an entry more loosens, as does a switch that is turned on
SHRINKS = "shrinks"  # an entry less loosens, as does a switch that is turned off
NARROWS = "narrows"  # as SHRINKS, and without any entry all is taken
FENCE = "fence"  # as SHRINKS, and what holds without any entry is not known
FALLS = "falls"  # a smaller number loosens
RISES = "rises"  # a greater number loosens
RANK = "rank"  # a word that stands earlier in the row's list loosens
ANY = "any"  # any change: nobody can tell
FREE = "free"  # shows, stores or speeds up something, and changes no result

EXACT, LISTED, CODES, FOLDERS = "exact", "listed", "codes", "folders"


class Row(msgspec.Struct, frozen=True):
    """One setting. ``key`` is its path below the tool's table; its parts may be patterns, and
    ``**`` at its end stands for all below. ``default`` is what holds where it is not set; None for
    a number or a word means that it is not known. ``covers`` is how one entry takes in others:
    EXACT and LISTED take in themselves alone, and what is EXACT may be a switch."""

    key: str
    way: str
    default: Any = None
    covers: str = EXACT
    words: tuple[str, ...] = ()


def each(way: str, keys: str, default: Any = None, covers: str = EXACT) -> tuple[Row, ...]:
    """A row for each of the keys, which are parted by spaces."""
    return tuple(Row(key, way, default, covers) for key in keys.split())


def ranked(keys: str, words: str, default: str | None = None) -> tuple[Row, ...]:
    """A row for each of the keys; of the words the first asks for least."""
    return tuple(Row(key, RANK, default, EXACT, tuple(words.split())) for key in keys.split())
