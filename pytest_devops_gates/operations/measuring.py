"""Asks Prometheus for the numbers of an objective, and judges it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import msgspec

from pytest_devops_gates import web
from pytest_devops_gates.errors import CannotTell
from pytest_devops_gates.operations import budget, criteria, objectives, prometheus
from pytest_devops_gates.operations.budget import Events
from pytest_devops_gates.operations.endpoint import Server
from pytest_devops_gates.operations.objectives import Judged, Objective

Ask = Callable[[str, "float | None"], float]
"""What a query gives at an instant, in seconds since the epoch (None: now)."""


class Before(msgspec.Struct, frozen=True):
    """Which earlier values count: those so long before ``now``, put together by ``aggregate``."""

    spans: tuple[str, ...] = ()
    aggregate: Literal["avg", "p50", "p90", "p95"] = "p50"
    now: float = 0.0


def asking(server: Server, timeout: float) -> Ask:
    """Asks the server; once it was not to be reached, it is not asked again."""
    gone: list[str] = []

    def ask(query: str, at: float | None) -> float:
        if gone:
            raise CannotTell(gone[0])
        try:
            return prometheus.value(server, query, at, timeout)
        except web.Unreachable as error:
            gone.append(str(error))
            raise CannotTell(gone[0]) from None

    return ask


def measured(one: Objective, before: Before, ask: Ask) -> Judged:
    """An objective with its numbers; unknown where one of them is missing."""
    try:
        if one.is_budget:
            return _budget(one, ask)
        value = ask(one.query or "", None)
        earlier = _earlier(one, before, ask) if one.compares else None
        return objectives.judge(one, value, earlier)
    except CannotTell as reason:
        return Judged(one, unknown=str(reason))


def _earlier(one: Objective, before: Before, ask: Ask) -> float | None:
    """What its number was, of those instants at which there was one."""
    found = []
    for span in before.spans:
        try:
            found.append(ask(one.query or "", before.now - budget.seconds(span)))
        except prometheus.Missing:
            continue
    return criteria.aggregated(found, before.aggregate)


def _budget(one: Objective, ask: Ask) -> Judged:
    window, target = one.window or budget.WINDOW, one.target or 0.0
    events = {
        name: Events(
            good=ask(budget.query(one.good or "", name), None),
            total=ask(budget.query(one.total or "", name), None),
        )
        for name in budget.windows(window)
    }
    spent = budget.spent(target, window, events)
    return objectives.of_budget(one, spent, budget.findings(one.sli, target, window, spent))
