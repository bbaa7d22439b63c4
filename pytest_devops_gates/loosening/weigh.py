"""Whether a setting loosens, given what is known of it."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from pytest_devops_gates.loosening.row import (
    ANY,
    CODES,
    EXACT,
    FALLS,
    FENCE,
    FOLDERS,
    FREE,
    GROWS,
    NARROWS,
    RANK,
    RISES,
    Row,
)
from pytest_devops_gates.loosening.say import canonical, clipped
from pytest_devops_gates.loosening.values import is_on, words

_CODE = re.compile(r"([A-Z]+)(\d{0,9})")
_LONGEST = 500
"""Characters of a path in which folders above it are looked for."""
_GROUPS = {"PL": {"PLC", "PLE", "PLR", "PLW"}}
"""ruff's prefixes that take in linters with other letters."""


def weaker(row: Row, before: Any, after: Any) -> str | None:
    """How a setting loosens, empty where its two values say it all; None if it does not.

    A value is None where the setting is not set.
    """
    if canonical(before) == canonical(after) or row.way == FREE:
        return None
    if row.way == ANY:
        return ""
    if row.way in (FALLS, RISES):
        return "" if _number_weaker(row, before, after) else None
    if row.way == RANK:
        return "" if _word_weaker(row, before, after) else None
    return _entries_weaker(row, _entries(row, before), _entries(row, after))


def _entries(row: Row, value: Any) -> list[str]:
    """A switch that is on is a list with one entry."""
    if value is None:
        value = row.default
    on = None if isinstance(value, list) or row.covers != EXACT else is_on(value)
    if on is not None:
        return ["true"] if on else []
    return words(value)


def _entries_weaker(row: Row, before: Sequence[str], after: Sequence[str]) -> str | None:
    new, gone = _left(row, after, before), _left(row, before, after)
    excepted = any(one.startswith("!") for one in (*before, *after))
    if excepted and (new or gone or list(before) != list(after)):
        return ""  # an exception takes back what stands before it: nobody can tell
    if row.way == GROWS:
        return _named("new", new) if new else None
    if row.way == NARROWS and (not before or not after):
        return "" if after else None
    if row.way == FENCE and bool(before) != bool(after):
        return ""
    return _named("gone", gone) if gone else None


def _named(what: str, entries: Sequence[str]) -> str:
    if list(entries) == ["true"]:
        return ""
    return f" ({what}: {clipped(', '.join(dict.fromkeys(entries)))})"


def _number_weaker(row: Row, before: Any, after: Any) -> bool:
    base, here = (_number(row.default if v is None else v) for v in (before, after))
    if base is None or here is None:
        return True
    return here < base if row.way == FALLS else here > base


def _number(value: Any) -> float | None:
    """The last one counts where an option is given several times."""
    if isinstance(value, list):
        value = value[-1] if value else None
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return None if math.isnan(number) else number


def _word_weaker(row: Row, before: Any, after: Any) -> bool:
    """What is not known counts as weaker, unless the other value is at an end of the list."""
    base, here = (_rank(row, row.default if v is None else v) for v in (before, after))
    if base is None or here is None:
        return here != len(row.words) - 1 and base != 0
    return here < base


def _rank(row: Row, value: Any) -> int | None:
    on = is_on(value)
    if on is not None and str(value) not in row.words:
        return len(row.words) - 1 if on else 0
    return row.words.index(value) if value in row.words else None


def _left(row: Row, entries: Sequence[str], others: Sequence[str]) -> list[str]:
    """The entries that no other one takes in."""
    wider = _WIDER.get(row.covers, _itself)
    there = {_bare(other) if row.covers == FOLDERS else other for other in others}
    return [one for one in entries if there.isdisjoint(wider(one))]


def _itself(entry: str) -> Iterator[str]:
    yield entry


def _codes(entry: str) -> Iterator[str]:
    """``E501`` is taken in by ``E``, and ``ERA001`` is not; a name that is no code by itself."""
    yield from ("ALL", entry)
    if code := _CODE.fullmatch(entry):
        letters, digits = code[1], code[2]
        yield from (letters + digits[:length] for length in range(len(digits)))
        yield from (group for group, linters in _GROUPS.items() if letters in linters)


def _folders(entry: str) -> Iterator[str]:
    path = _bare(entry)
    yield from (".", path)
    for cut in [i for i, char in enumerate(path[:_LONGEST]) if char == "/"]:
        yield path[:cut]


def _bare(path: str) -> str:
    return path.removeprefix("./").rstrip("/")


_WIDER: dict[str, Callable[[str], Iterator[str]]] = {CODES: _codes, FOLDERS: _folders}
