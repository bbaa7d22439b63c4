"""Where in a file the line of a finding is now, and the lines around it. Pure.

A line is known again by its hash, which looks at what follows as well, or by its fingerprint, which
looks at its text alone.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from pytest_devops_gates.evidence import Finding
from pytest_devops_gates.findings import fingerprint
from pytest_devops_gates.linehash import Source

AROUND = 3
"""Lines that are shown before and after."""
LONGEST = 10
"""Lines of one finding that are shown."""
REACH = 10_000
"""Lines, up and down from its old place, among which one that moved is looked for."""
ALIKE = 50
"""Findings of one rule on lines of one text that are told apart."""


class Excerpt(msgspec.Struct, frozen=True):
    """Lines of a file: ``lines`` from the number ``first`` on, of which those from ``line`` to
    ``end`` are meant, by characters from ``column`` to before ``end_column`` (of the last one)."""

    first: int
    lines: tuple[str, ...]
    line: int
    end: int
    column: int | None = None
    end_column: int | None = None
    moved: bool = False


def excerpt(finding: Finding, source: Source, alike: int = 1) -> Excerpt | None:
    """The lines of a finding and around it; None when it is not there any more, or had no place.

    ``alike`` is how many findings of its rule there are in this file.
    """
    line = whereabouts(finding, source, alike)
    if line is None or finding.line is None:
        return None
    end, end_column = finding.end_line or finding.line, finding.end_column
    if end_column == 1 and end > finding.line:  # it ends with the line before
        end, end_column = end - 1, None
    last = max(line, min(end - finding.line + line, line + LONGEST - 1, len(source.lines)))
    first = max(1, line - AROUND)
    count = len(source.lines) - (not source.lines[-1])  # what comes after the last end of a line
    return Excerpt(
        first=first,
        lines=tuple(source.lines[first - 1 : max(last, min(last + AROUND, count))]),
        line=line,
        end=last,
        column=finding.column,
        end_column=end_column if last == line else None,
        moved=line != finding.line,
    )


def whereabouts(finding: Finding, source: Source, alike: int = 1) -> int | None:
    """The number that the line of a finding has now: the old one if it is still there, or else
    that of the nearest one like it."""
    if not finding.line:
        return None
    if _has_hash(finding, source, finding.line) or _has_text(finding, source, finding.line, alike):
        return finding.line
    others = [n for n in _outwards(finding.line, len(source.lines)) if source.line(n)]
    moved = (n for n in others if _has_hash(finding, source, n))
    like = (n for n in others if _has_text(finding, source, n, alike))
    return next(moved, None) or next(like, None)


def _has_hash(finding: Finding, source: Source, number: int) -> bool:
    return bool(finding.line_hash) and source.hash(number) == finding.line_hash


def _has_text(finding: Finding, source: Source, number: int, alike: int) -> bool:
    """Whether the line has the text from which the fingerprint was made (see findings.py)."""
    if number > len(source.lines):
        return False
    content = (
        finding.gate,
        finding.rule,
        finding.path or "",
        source.line(number) or finding.message,
    )
    made = (fingerprint(*content, str(nth)) for nth in range(1, min(alike, ALIKE) + 1))
    return finding.fingerprint in made


def _outwards(line: int, count: int) -> Iterator[int]:
    """The other lines, the nearest first."""
    line = min(line, count + 1)
    for distance in range(1, REACH + 1):
        if line - distance >= 1:
            yield line - distance
        if line + distance <= count:
            yield line + distance
