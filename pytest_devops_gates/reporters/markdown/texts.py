"""What the parts of report.md are made of: texts from outside, our own words, and rows that fit."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from pytest_devops_gates.findings import shortened
from pytest_devops_gates.gate import LEVELS
from pytest_devops_gates.neutral import code, neutral, span
from pytest_devops_gates.stage import Stage
from pytest_devops_gates.verdict import FAIL, NOT_APPLICABLE, OFF, PASS, UNKNOWN, WARN

REASON, TEXT, NAME = 1_000, 300, 100
"""Characters shown of a reason, of any other sentence, and of a name."""

MARKS = {PASS: "✅", WARN: "⚠️", FAIL: "❌", UNKNOWN: "❔", NOT_APPLICABLE: "⚪", OFF: "⚪"}

_WORDS = frozenset({*MARKS, *LEVELS, *(stage.value for stage in Stage)})
_ROOM_FOR_MORE = 120
"""Bytes of the line that says how much was left out."""


def short(text: str, limit: int) -> str:
    """What is shown of a text from outside: cut again, since what is invisible grows when shown."""
    return shortened(neutral(shortened(text, limit)), limit)


def name(text: str) -> str:
    """A name from outside, anywhere but in a table."""
    return span(short(text, NAME))


def text(text: str, limit: int = TEXT) -> str:
    """A sentence from outside, anywhere but in a table."""
    return span(short(text, limit))


def cell(text: str, limit: int = TEXT) -> str:
    """Any text from outside, in a table."""
    return code(short(text, limit))


def word(word: str, shown: Callable[[str], str] = name) -> str:
    """One of our own words as it is; any other is a text from outside, and ``shown`` as such."""
    return word if word in _WORDS else shown(word)


def marked(outcome: str, shown: Callable[[str], str] = name) -> str:
    """An outcome behind its mark."""
    return f"{MARKS[outcome]} {outcome}" if outcome in MARKS else word(outcome, shown)


def counted(count: int, noun: str) -> str:
    """``1 finding``, ``2 findings``."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def size(lines: Iterable[str]) -> int:
    """The bytes that lines take."""
    return sum(len(line.encode()) + 1 for line in lines)


def fitting(
    heading: Sequence[str],
    rows: Iterable[str],
    total: int,
    room: int,
    noun: str,
    *,
    more: str = "- … {}",
    end: Sequence[str] = ("",),
) -> list[str]:
    """A part with those of its ``total`` rows that fit into ``room`` bytes, and how many do not;
    nothing where it has none, or not even its heading fits."""
    room -= size([*heading, *end]) + _ROOM_FOR_MORE
    if room < 0 or not total:
        return []
    kept: list[str] = []
    for row in rows:
        room -= size([row])
        if room < 0:
            break
        kept.append(row)
    left_out = total - len(kept)
    rest = [more.format(counted(left_out, f"more {noun}"))] if left_out > 0 else []
    return [*heading, *kept, *rest, *end]
