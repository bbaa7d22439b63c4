"""What the history answers of many runs together: values, and how they are worked out. Pure."""

from __future__ import annotations

import itertools
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable

import msgspec

from pytest_devops_gates.evidence import RanTest
from pytest_devops_gates.history.differences import JUDGED
from pytest_devops_gates.history.records import RunRecord

PASSED, FAILED = "passed", "failed"
_WAYS = {PASSED: PASSED, FAILED: FAILED, "error": FAILED}
"""What the outcome of a test comes to; the others tell nothing. One that broke failed."""


class Repeated(msgspec.Struct, frozen=True):
    """A rule that found something new: in how many ``runs``, and how much of it in all. ``last`` is
    the id of the newest of these runs. ``times`` is how often it came, after runs in which its gate
    was judged without it, and ``stays`` in how many of the newest of those it was, one after the
    other: 0 where it is gone."""

    gate: str
    rule: str
    runs: int
    findings: int
    last: str
    times: int
    stays: int


class Flaky(msgspec.Struct, frozen=True):
    """A test that both passed and failed, or broke, on one commit. ``passed`` and ``failed`` count
    the runs of such ``commits``, and ``last`` is the id of the newest one in which it failed."""

    test: str
    passed: int
    failed: int
    commits: tuple[str, ...]
    last: str


class SlowGate(msgspec.Struct, frozen=True):
    """A gate with the median of the seconds that its tool took in ``runs`` of it, the ``most`` that
    it took, and its ``share`` (0 to 1) of what all gates took together."""

    gate: str
    runs: int
    median: float
    most: float
    share: float


class Outcomes(msgspec.Struct, frozen=True):
    """The tests of one run of a ``commit`` that had no changes beside it."""

    run_id: str
    commit: str
    tests: tuple[RanTest, ...]


def repeated(runs: Iterable[RunRecord]) -> tuple[Repeated, ...]:
    """The rules of ``runs`` (newest first) whose findings were new, those of most runs first."""
    seen = [
        (
            run.run_id,
            {gate.name for gate in run.gates if gate.outcome in JUDGED},
            {(rule.gate, rule.rule): rule.new for rule in run.rules if rule.new},
        )
        for run in runs
    ]
    keys = dict.fromkeys(key for _, _, new in seen for key in new)
    answers = []
    for key in keys:
        there = [key in new for _, judged, new in seen if key in new or key[0] in judged]
        spells = [(is_there, len(list(spell))) for is_there, spell in itertools.groupby(there)]
        found = [(run_id, new[key]) for run_id, _, new in seen if key in new]
        total, last = sum(count for _, count in found), found[0][0]
        times = sum(is_there for is_there, _ in spells)
        stays = spells[0][1] if there[0] else 0
        answers.append(Repeated(*key, len(found), total, last, times, stays))
    return tuple(sorted(answers, key=lambda one: (-one.runs, -one.findings, one.gate, one.rule)))


def flaky(runs: Iterable[Outcomes]) -> tuple[Flaky, ...]:
    """The tests of ``runs`` (newest first) with both outcomes on one commit, those that failed most
    often first."""
    counted: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    last: dict[tuple[str, str], str] = {}
    for run in runs:
        for test in run.tests:
            way = _WAYS.get(test.outcome, "")
            counted[test.id, run.commit][way] += 1
            if way == FAILED:
                last.setdefault((test.id, run.commit), run.run_id)
    found: dict[str, list[tuple[str, Counter[str]]]] = defaultdict(list)
    for (test_id, commit), counts in counted.items():
        if counts[PASSED] and counts[FAILED]:
            found[test_id].append((commit, counts))
    answers = [
        Flaky(
            test_id,
            sum(counts[PASSED] for _, counts in commits),
            sum(counts[FAILED] for _, counts in commits),
            tuple(commit for commit, _ in commits),
            last[test_id, commits[0][0]],
        )
        for test_id, commits in found.items()
    ]
    return tuple(sorted(answers, key=lambda one: (-one.failed, one.test)))


def outcomes(runs: Iterable[Iterable[RanTest]]) -> dict[str, frozenset[str]]:
    """In which ways each test of the runs ended, of ``passed`` and ``failed``."""
    seen: dict[str, set[str]] = {}
    for tests in runs:
        for test in tests:
            if way := _WAYS.get(test.outcome):
                seen.setdefault(test.id, set()).add(way)
    return {test_id: frozenset(found) for test_id, found in seen.items()}


def slowest_gates(runs: Iterable[RunRecord]) -> tuple[SlowGate, ...]:
    """The gates of ``runs`` that took time, the slowest median first. An answer from a cache is no
    measure of a tool."""
    seconds: dict[str, list[float]] = defaultdict(list)
    for run in runs:
        for gate in run.gates:
            if gate.seconds > 0 and not gate.cached:
                seconds[gate.name].append(gate.seconds)
    total = sum(map(sum, seconds.values()))
    answers = [
        SlowGate(name, len(took), statistics.median(took), max(took), sum(took) / total)
        for name, took in seconds.items()
    ]
    return tuple(sorted(answers, key=lambda one: (-one.median, one.gate)))
