"""What the history shows again and again: as lessons. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pytest_devops_gates.conditions import number
from pytest_devops_gates.history.answers import Flaky, Repeated, SlowGate
from pytest_devops_gates.lessons.lesson import Lesson, key_of

CAME, STAYED = 3, 3
"""How often a rule has to come (so it came back twice), or in how many runs one after the other it
has to stay: what came once and is gone was seen to."""
TOLD = frozenset({"inbox", "incidents", "work-items"})
"""Gates of whose findings other lessons tell."""
OF_THE_CHANGE = frozenset("tree commits version changelog api freeze approval".split())
"""Gates of whose findings a change rids itself when it is merged: they have to come back."""
SLOW, SHARE = 5.0, 0.1
"""Seconds, and the share of all gates' time, from which on a gate counts as slow."""
MOST = 5
"""Lessons of one kind."""


def of_slow_gates(gates: Sequence[SlowGate]) -> Iterator[Lesson]:
    slow = [one for one in gates if one.median >= SLOW and one.share >= SHARE]
    for one in slow[:MOST]:
        yield Lesson(
            key_of("slow-gate", one.gate),
            "slow-gate",
            f"Make the gate {one.gate} faster",
            f"{number(one.median)} s (median of {one.runs} runs), {one.share:.0%} of all gates",
            20 + 9 * one.share,
        )


def of_flaky_tests(tests: Sequence[Flaky]) -> Iterator[Lesson]:
    for one in tests[:MOST]:
        commits = "1 commit" if len(one.commits) == 1 else f"{len(one.commits)} commits"
        yield Lesson(
            key_of("flaky-test", one.test),
            "flaky-test",
            f"Mend the flaky test {one.test}",
            f"passed {one.passed} and failed {one.failed} times on {commits}",
            60.0 + min(one.failed, 9),
            work="bug",
        )


def of_repeated(rules: Sequence[Repeated]) -> Iterator[Lesson]:
    """Rules that came back, or stay; those about the change itself stay as long as it is worked on,
    and have to come back."""
    again = [one for one in rules if one.gate not in TOLD and (_came_back(one) or _stays(one))]
    for one in again[:MOST]:
        how = f"came {one.times} times" if _came_back(one) else "still there"
        yield Lesson(
            key_of("finding", f"{one.gate}/{one.rule}"),
            "finding",
            f"Stop {one.gate} from finding {one.rule} again and again",
            f"new in {one.runs} of the last runs, {how}",
            40.0 + min(one.runs / 5, 9),
        )


def _came_back(one: Repeated) -> bool:
    return one.times >= CAME


def _stays(one: Repeated) -> bool:
    return one.stays >= STAYED and one.gate not in OF_THE_CHANGE
