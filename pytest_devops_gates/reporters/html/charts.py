"""Lines over the last runs, as paths of inline SVG. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import msgspec

from pytest_devops_gates.measures import Summary, of_trend
from pytest_devops_gates.verdict import Trend

WIDTH, HEIGHT = 240, 56
EDGE = 5
"""Room around the line, so that its ends are not cut off."""
RUNS = 50
"""Runs of which the values are listed."""


class Chart(msgspec.Struct, frozen=True):
    """One metric: its line, the area below it, its end (``at``), and what it comes to."""

    gate: str
    metric: str
    line: str
    area: str
    at: str
    summary: Summary


class Table(msgspec.Struct, frozen=True):
    """All values: a row for each run, the newest first, with None where one measured nothing."""

    heads: tuple[tuple[str, str], ...]
    rows: tuple[tuple[str, tuple[float | None, ...]], ...]


def charts(trends: Iterable[Trend]) -> list[Chart]:
    """The charts of what has a line."""
    found = []
    for trend in trends:
        told = of_trend(trend)
        if told is not None:
            known = [point.value for point in trend.points if math.isfinite(point.value)]
            line, at = _line(known, told)
            area = f"{line}V{HEIGHT}H{EDGE}Z"
            found.append(Chart(trend.gate, trend.metric, line, area, at, told))
    return found


def table(trends: Sequence[Trend]) -> Table:
    """The values of the last runs."""
    heads = tuple((trend.gate, trend.metric) for trend in trends)
    started: dict[str, str] = {}
    values: dict[tuple[str, int], float] = {}
    for number, trend in enumerate(trends):
        for point in trend.points:
            started.setdefault(point.run_id, point.started)
            if math.isfinite(point.value):
                values[point.run_id, number] = point.value
    newest = sorted(started, key=lambda run: (started[run], run), reverse=True)[:RUNS]
    return Table(
        heads,
        tuple(
            (started[run], tuple(values.get((run, number)) for number in range(len(heads))))
            for run in newest
        ),
    )


def _line(values: Sequence[float], told: Summary) -> tuple[str, str]:
    """The path through the values, from left to right, and its last point."""
    step = (WIDTH - 2 * EDGE) / max(1, len(values) - 1)
    points = [
        f"{EDGE + step * number:.1f} {_height(value, told):.1f}"
        for number, value in enumerate(values)
    ]
    return "M" + "L".join(points), points[-1]


def _height(value: float, told: Summary) -> float:
    """Where a value lies, counted from above; one that never changed lies half-way."""
    if told.least == told.most:
        return HEIGHT / 2
    # halved first: the difference of two finite numbers may be infinite
    share = (value / 2 - told.least / 2) / (told.most / 2 - told.least / 2)
    return HEIGHT - EDGE - share * (HEIGHT - 2 * EDGE)
