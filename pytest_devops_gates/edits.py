"""Findings on lines that were edited: the problem is an old one where its line was replaced by one
that is much like it, and has the same problem. Pure."""

from __future__ import annotations

import difflib
from collections import defaultdict
from collections.abc import Iterator, Sequence

import msgspec

from pytest_devops_gates.change import Change, FileChange, Lines

ALIKE = 0.6
"""From which ratio of difflib on two lines are the same one, edited."""

SEEN = 300
"""Characters of a line that are compared."""


class Spot(msgspec.Struct, frozen=True):
    """Where a finding stands: its rule, path and line, and the text of that line."""

    rule: str
    path: str
    line: int
    text: str


def edited(now: Sequence[Spot], before: Sequence[Spot], change: Change) -> set[int]:
    """Which of ``now`` are such; each of ``before`` explains one of them."""
    files = {file.path: file for file in change.files}
    olds: dict[tuple[str, str], list[int]] = defaultdict(list)
    for at, spot in enumerate(before):
        olds[spot.rule, spot.path].append(at)
    pairs = []
    for n, spot in enumerate(now):
        file = files.get(spot.path)
        if file is None or file.old is None or not (there := olds.get((spot.rule, file.old))):
            continue
        gone = _replaced(file, spot.line)
        for at in there:
            if gone and gone[0] <= before[at].line <= gone[1]:
                pairs.append((-_likeness(spot.text, before[at].text), n, at))
    found: set[int] = set()
    explained: set[int] = set()
    for unlike, n, at in sorted(pairs):
        if -unlike >= ALIKE and n not in found and at not in explained:
            found.add(n)
            explained.add(at)
    return found


def replaced(file: FileChange) -> Iterator[tuple[Lines, Lines]]:
    """The runs of lines of which one took the other's place: gone, and come."""
    removed, added = list(file.removed), list(file.added)
    old, new = 1, 1
    while removed and added:
        gone, come = removed[0], added[0]
        same = min(gone[0] - old, come[0] - new)
        old, new = old + same, new + same
        if old == gone[0] and new == come[0]:
            yield gone, come
        if old == gone[0]:
            old = removed.pop(0)[1] + 1
        if new == come[0]:
            new = added.pop(0)[1] + 1


def _replaced(file: FileChange, line: int) -> Lines | None:
    return next((gone for gone, come in replaced(file) if come[0] <= line <= come[1]), None)


def _likeness(one: str, other: str) -> float:
    return difflib.SequenceMatcher(None, one.strip()[:SEEN], other.strip()[:SEEN]).ratio()
