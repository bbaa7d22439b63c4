"""Which metrics are drawn over the last runs, and their lines. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec

from pytest_devops_gates.history.records import RunRecord
from pytest_devops_gates.verdict import Point, Ruling, Trend, Verdict

MOST = 12
"""Metrics that are drawn."""
RUNS = 50
"""Runs that a line goes back."""

FIRST = (("coverage", "line"), ("tests", "collected"), ("tests", "seconds"))
"""What everybody looks at first, as gates and metrics."""
TOTAL = "findings.total"


class Seen(msgspec.Struct, frozen=True):
    """A gate as far as it matters here."""

    name: str
    metrics: Mapping[str, float]
    conditions: tuple[str, ...] = ()


def of_ruling(ruling: Ruling) -> Seen:
    return Seen(ruling.name, ruling.metrics, tuple(c.metric for c in ruling.conditions))


def candidates(gates: Iterable[Seen]) -> list[tuple[str, str]]:
    """Gates and metrics that may be drawn, the most telling first: coverage and tests, what has a
    condition, and how many findings there are."""
    seen = {gate.name: gate for gate in gates}
    asked = [(gate.name, metric) for gate in seen.values() for metric in gate.conditions]
    totals = [(name, TOTAL) for name in seen]
    named = dict.fromkeys([*FIRST, *asked, *totals])
    return [(gate, metric) for gate, metric in named if gate in seen
            and metric in seen[gate].metrics]  # fmt: skip


def drawn(
    names: Sequence[tuple[str, str]], series: Callable[[str, str], Sequence[Point]]
) -> tuple[Trend, ...]:
    """The lines of the first metrics that have one: it takes two runs, and something else than 0.
    ``series`` knows the points of a gate and metric, the oldest first."""
    found: list[Trend] = []
    for gate, metric in names:
        points = [point for point in series(gate, metric) if math.isfinite(point.value)][-RUNS:]
        if len(points) > 1 and any(point.value for point in points):
            found.append(Trend(gate, metric, tuple(points)))
        if len(found) == MOST:
            break
    return tuple(found)


def points(runs: Iterable[RunRecord]) -> Callable[[str, str], Sequence[Point]]:
    """What knows the points of earlier runs (the newest first), the oldest first."""
    found: dict[tuple[str, str], list[Point]] = {}
    for run in reversed(tuple(runs)):
        for gate in run.gates:
            for metric, value in gate.metrics.items():
                point = Point(run.run_id, run.started, value)
                found.setdefault((gate.name, metric), []).append(point)
    return lambda gate, metric: found.get((gate, metric), ())


def with_this(points: Sequence[Point], verdict: Verdict, value: float) -> list[Point]:
    """The points of earlier runs, and this one's last."""
    earlier = [point for point in points if point.run_id != verdict.run_id]
    return [*earlier, Point(verdict.run_id, verdict.started, value)]


def of_verdict(
    verdict: Verdict, series: Callable[[str, str], Sequence[Point]]
) -> tuple[Trend, ...]:
    """The lines that end with this run; none where it measured nothing."""
    gates = [of_ruling(ruling) for ruling in verdict.gates]
    metrics = {gate.name: gate.metrics for gate in gates}

    def whole(gate: str, metric: str) -> Sequence[Point]:
        return with_this(series(gate, metric), verdict, metrics[gate][metric])

    return drawn(candidates(gates), whole)
