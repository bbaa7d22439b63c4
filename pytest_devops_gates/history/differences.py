"""What is different between two runs: gates, numbers, rules and tests. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

import msgspec

from pytest_devops_gates.evidence import RanTest
from pytest_devops_gates.history.records import GateRecord, RunRecord
from pytest_devops_gates.verdict import FAIL, PASS, WARN, GateChange, MetricChange

ABSENT = "absent"
"""The outcome of a gate that a run did not know."""

JUDGED = (PASS, WARN, FAIL)

T = TypeVar("T")


class RuleChange(msgspec.Struct, frozen=True):
    """A rule with the number of its findings, whatever their state: 0 where it found nothing."""

    gate: str
    rule: str
    before: int
    after: int


class TestChange(msgspec.Struct, frozen=True):
    """A test whose outcome is another than before."""

    __test__ = False

    id: str
    before: str
    after: str


class Tests(msgspec.Struct, frozen=True):
    """Which tests ``came``, which are ``gone``, and which ``changed``."""

    came: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    changed: tuple[TestChange, ...] = ()


class Differences(msgspec.Struct, frozen=True):
    """What is different. ``metrics`` and ``rules`` are of gates that came to a judgement in both
    runs; ``tests`` is None where the tests of a run are not known, and ``untold`` says so."""

    gates: tuple[GateChange, ...] = ()
    metrics: tuple[MetricChange, ...] = ()
    rules: tuple[RuleChange, ...] = ()
    tests: Tests | None = None
    untold: str | None = None


def between(before: RunRecord, after: RunRecord, untold: str | None = None) -> Differences:
    """What the second run has otherwise than the first."""
    was, now = _named(before.gates), _named(after.gates)
    outcomes = [
        GateChange(name, _outcome(was.get(name)), _outcome(now.get(name)))
        for name in _all(was, now)
    ]
    judged = [name for name in was if name in now
              and {was[name].outcome, now[name].outcome} <= set(JUDGED)]  # fmt: skip
    return Differences(
        gates=tuple(one for one in outcomes if one.before != one.after),
        metrics=tuple(one for name in judged for one in _metrics(was[name], now[name])),
        rules=_rules(before, after, judged),
        tests=None if untold else _tests(before.tests, after.tests),
        untold=untold,
    )


def _named(gates: Iterable[GateRecord]) -> dict[str, GateRecord]:
    return {gate.name: gate for gate in gates}


def _outcome(gate: GateRecord | None) -> str:
    return gate.outcome if gate else ABSENT


def _all(*tables: Mapping[T, object]) -> list[T]:
    """The keys of all, in their order."""
    return list(dict.fromkeys(key for table in tables for key in table))


def _metrics(was: GateRecord, now: GateRecord) -> Iterable[MetricChange]:
    """The numbers that both measured."""
    for metric, value in was.metrics.items():
        if metric in now.metrics and now.metrics[metric] != value:
            yield MetricChange(was.name, metric, value, now.metrics[metric])


def _rules(before: RunRecord, after: RunRecord, judged: Sequence[str]) -> tuple[RuleChange, ...]:
    was, now = _found(before, judged), _found(after, judged)
    changes = [RuleChange(*key, was.get(key, 0), now.get(key, 0)) for key in sorted({*was, *now})]
    return tuple(one for one in changes if one.before != one.after)


def _found(run: RunRecord, judged: Sequence[str]) -> dict[tuple[str, str], int]:
    rules = [rule for rule in run.rules if rule.gate in judged]
    return {(rule.gate, rule.rule): rule.new + rule.known + rule.waived for rule in rules}


def _tests(before: Iterable[RanTest], after: Iterable[RanTest]) -> Tests:
    was = {test.id: test.outcome for test in before}
    now = {test.id: test.outcome for test in after}
    return Tests(
        came=tuple(name for name in now if name not in was),
        gone=tuple(name for name in was if name not in now),
        changed=tuple(
            TestChange(name, outcome, now[name])
            for name, outcome in was.items()
            if name in now and now[name] != outcome
        ),
    )
