"""Whether a metric is worse than in the last runs that passed, beyond what is noise. Pure."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator, Mapping, Sequence
from statistics import median

import msgspec

from pytest_devops_gates.conditions import Baselines, Condition, hold, number, parse_condition

UP, DOWN, OFF = "up", "down", "off"

MADS = 3.0
"""Median absolute deviations that a metric may be off its median."""

USUAL = 0.25
"""The share of the runs in which a value was as bad, from which on it is nothing new."""


class Watch(msgspec.Struct, frozen=True):
    """How a metric is compared with its median. ``way`` is the good one (``up`` or ``down``).

    What it may be worse is the largest of ``share`` (in percent of the median), ``least`` (in its
    own unit) and MADS deviations; where it is ``exact``, it may not be worse than in each of the
    runs either. What was as bad in a share of USUAL of the runs is not worse. A ``condition`` that
    is relative to the median takes the place of all these.
    """

    way: str
    share: float = 0.0
    least: float = 0.0
    exact: bool = False
    condition: Condition | None = None


class Worse(msgspec.Struct, frozen=True):
    """A metric that is worse: its value now, and the median of so many runs before."""

    metric: str
    now: float
    before: float
    runs: int

    def __str__(self) -> str:
        change = self.now - self.before
        sign = "+" if change > 0 else "-"
        by = f"{sign}{number(abs(change))}"
        if self.before:
            by += f", {sign}{number(abs(change / self.before) * 100)} %"
        return (
            f"{self.metric} is {number(self.now)}, and was {number(self.before)}"
            f" in the median of the last {self.runs} passing runs ({by})"
        )


PERCENTAGE = Watch(UP, least=0.5)
TIME = Watch(DOWN, share=50.0, least=5.0)
MORE, FEWER = Watch(UP, exact=True), Watch(DOWN, exact=True)

KNOWN: Mapping[str, Watch] = {
    "coverage.line": PERCENTAGE,
    "coverage.branch": PERCENTAGE,
    "coverage.total": PERCENTAGE,
    "mutation.score": PERCENTAGE,
    "tests.seconds": TIME,
    "tests.collected": MORE,
    "tests.passed": MORE,
    "tests.flaky": FEWER,
    "tests.skipped": FEWER,
    "tests.xfailed": FEWER,
    "tests.warnings": FEWER,
    "suppressions.suppressions": FEWER,
    "bandit.nosec": FEWER,
    "*.findings.total": FEWER,
}
"""The main metrics of the built-in gates; a name with ``*`` is a pattern."""

OF_THE_CHANGE = frozenset(
    "policy tree commits version changelog api freeze approval work-items traceability"
    " health slo incidents inbox trend suppressions".split()
)
"""Gates whose findings are about the change, the release or the moment, or are counted already:
their numbers are no trend."""


def own(metric: str, text: str) -> Watch | None:
    """How the user wants a metric to be compared: ``up``, ``down``, ``off`` (None), or a condition
    relative to the median, such as ``<= +10%``. Raises ValueError for anything else."""
    told = text.strip()
    if told == OFF:
        return None
    if told in (UP, DOWN):
        return KNOWN.get(metric) if told == _way(metric) else Watch(told)
    condition = parse_condition(metric.partition(".")[2], text)
    if not condition.relative:
        raise ValueError(f'\'{text}\' compares with nothing; write "up", "down" or "<= +10%"')
    return Watch(UP if condition.operator[0] == ">" else DOWN, condition=condition)


def watched(metric: str, asked: Mapping[str, Watch | None]) -> Watch | None:
    """How a metric is compared, the user's word first; None where it is not."""
    if metric in asked:
        return asked[metric]
    if metric.partition(".")[0] in OF_THE_CHANGE and metric not in KNOWN:
        return None
    return next((watch for name, watch in KNOWN.items() if fnmatch.fnmatchcase(metric, name)), None)


def compared(
    now: Mapping[str, float],
    before: Sequence[Mapping[str, float]],
    asked: Mapping[str, Watch | None],
    least: int,
) -> Iterator[tuple[str, Worse | None]]:
    """The metrics that were measured now and in ``least`` earlier runs, with what is worse."""
    for metric, value in sorted(now.items()):
        watch = watched(metric, asked)
        values = [run[metric] for run in before if metric in run]
        if watch is not None and len(values) >= least:
            middle = median(values)
            is_worse = _is_worse(watch, value, middle, values)
            yield metric, Worse(metric, value, middle, len(values)) if is_worse else None


def _is_worse(watch: Watch, value: float, middle: float, values: Sequence[float]) -> bool:
    if watch.condition:
        name = watch.condition.metric
        return hold(watch.condition, {name: value}, Baselines({name: middle})).holds is False
    sign = -1 if watch.way == UP else 1
    worsening = sign * (value - middle)
    as_bad = sum(sign * (value - one) <= 0 for one in values)
    if worsening <= 0 or as_bad >= USUAL * len(values):
        return False
    if watch.exact and not as_bad:
        return True
    deviation = median(abs(one - middle) for one in values)
    return worsening > max(watch.share / 100 * abs(middle), watch.least, MADS * deviation)


def _way(metric: str) -> str | None:
    return KNOWN[metric].way if metric in KNOWN else None
