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

NEAR = 4
"""Lines that are tried for each one, those first that stood where it stands: more would take a time
that grows with the square of a large hunk."""

SEEN = 300
"""Characters of a line that are compared."""


class Spot(msgspec.Struct, frozen=True):
    """Where a finding stands: its kind (rule and severity), path and line, and that line's text."""

    kind: tuple[str, str]
    path: str
    line: int
    text: str


def edited(now: Sequence[Spot], before: Sequence[Spot], change: Change) -> set[int]:
    """Which of ``now`` are such; each of ``before`` explains one of them."""
    files = {file.path: file for file in change.files}
    olds: dict[tuple[tuple[str, str], str], list[int]] = defaultdict(list)
    for at, spot in enumerate(before):
        olds[spot.kind, spot.path].append(at)
    pairs: list[tuple[float, int, int]] = []
    for n, spot in enumerate(now):
        file = files.get(spot.path)
        if file is None or file.old is None or not (there := olds.get((spot.kind, file.old))):
            continue
        for gone, come in replaced(file):
            if come[0] <= spot.line <= come[1]:
                inside = [at for at in there if gone[0] <= before[at].line <= gone[1]]
                wanted = gone[0] + spot.line - come[0]
                near = sorted(inside, key=lambda at: abs(before[at].line - wanted))[:NEAR]
                pairs += ((-_likeness(spot.text, before[at].text), n, at) for at in near)
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


def _likeness(one: str, other: str) -> float:
    """difflib's ratio of two lines, or less than ALIKE where a quick look tells that much."""
    matcher = difflib.SequenceMatcher(None, one.strip()[:SEEN], other.strip()[:SEEN])
    quick = min(matcher.real_quick_ratio(), matcher.quick_ratio())
    return quick if quick < ALIKE else matcher.ratio()
