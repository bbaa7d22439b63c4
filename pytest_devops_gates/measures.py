"""Numbers over time, and DORA's five measures, as people read them. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable
from statistics import median

import msgspec

from pytest_devops_gates.conditions import number
from pytest_devops_gates.verdict import Dora, Trend

NO_GOALS = "They tell how delivery goes, and are no goals: a number that is aimed at tells less."

_UNITS = ((2 * 86_400, 86_400, "day"), (2 * 3600, 3600, "hour"), (120, 60, "minute"))
"""From so many seconds on, what is counted, and its name."""

LARGE = 1e15
"""From here on, a number has an exponent."""


class Summary(msgspec.Struct, frozen=True):
    """A row of numbers in a few."""

    count: int
    first: float
    last: float
    least: float
    median: float
    most: float


class Row(msgspec.Struct, frozen=True):
    """One of DORA's measures: its name, what it comes to, and what it means. ``missing`` says that
    there was nothing to measure, and ``value`` is why."""

    name: str
    value: str
    means: str
    missing: bool = False


def summary(values: Iterable[float]) -> Summary | None:
    """What finite numbers come to, in their order; None without any."""
    known = [value for value in values if math.isfinite(value)]
    if not known:
        return None
    # halves added: the sum of two finite numbers may be infinite
    middle = median(value / 2 for value in known) * 2
    return Summary(len(known), known[0], known[-1], min(known), middle, max(known))


def of_trend(trend: Trend) -> Summary | None:
    return summary(point.value for point in trend.points)


def rows(dora: Dora) -> tuple[Row, ...]:
    """The five measures, in DORA's order: throughput before instability."""
    none = "no deployment ended in these days"
    return (
        _row("Change lead time", _span(dora.lead_time), "no commit is known to be delivered in"
             " these days", "from a commit to the end of the deployment that delivered it, median"),
        Row("Deployment frequency", f"{figure(dora.per_week)} a week",
            "deployments that succeeded"),
        _row("Failed deployment recovery time", _span(dora.recovery_time),
             "nothing is known to be recovered from in these days",
             "from a failure to its end, median"),
        _row("Change fail rate", _share(dora.fail_rate), none,
             "deployments that failed, were rejected, or caused an incident"),
        _row("Deployment rework rate", _share(dora.rework_rate), none,
             "deployments that mended a failure or an incident"),
    )  # fmt: skip


def in_a_line(dora: Dora) -> str:
    """What was measured, after the number of deployments."""
    known = [f"{row.name.lower()} {row.value}" for row in rows(dora) if not row.missing]
    count = f"{dora.deployments} deployment{'' if dora.deployments == 1 else 's'}"
    return ", ".join([f"{count} from {dora.since[:10]} to {dora.until[:10]}", *known])


def span(seconds: float) -> str:
    """A time as people read it: ``3.5 hours``. Cut, never rounded, after one decimal."""
    for least, unit, name in _UNITS:
        if seconds >= least:
            return f"{math.floor(seconds / unit * 10) / 10:g} {name}s"
    return f"{math.floor(seconds * 10) / 10:g} seconds"


def figure(value: float) -> str:
    """A number as people read it, however large."""
    return number(value) if abs(value) < LARGE else f"{value:.3g}"


def _row(name: str, value: str | None, why: str, means: str) -> Row:
    return Row(name, why if value is None else value, means, missing=value is None)


def _span(seconds: float | None) -> str | None:
    return None if seconds is None else span(seconds)


def _share(percent: float | None) -> str | None:
    return None if percent is None else f"{figure(percent)} %"
