"""Whether a condition asks for as much as another one."""

from __future__ import annotations

import math
from collections.abc import Iterable

import msgspec

from pytest_devops_gates.conditions import Condition, exact, is_percentage


class _Span(msgspec.Struct, frozen=True):
    """The values that a condition lets pass, from ``low`` to ``high``."""

    low: float
    high: float
    low_open: bool = False
    high_open: bool = False

    def within(self, other: _Span) -> bool:
        above = self.low > other.low or (
            self.low == other.low and (self.low_open or not other.low_open)
        )
        below = self.high < other.high or (
            self.high == other.high and (self.high_open or not other.high_open)
        )
        return above and below


def kept(condition: Condition, here: Iterable[Condition]) -> bool:
    """Whether what is here holds only where the condition of the base holds as well."""
    return any(_implies(other, condition) for other in here if other.metric == condition.metric)


def text(condition: Condition) -> str:
    """A condition as it is written, without its metric."""
    return condition.relative or f"{condition.operator} {exact(condition.limit)}"


def _implies(here: Condition, base: Condition) -> bool:
    """A relative limit is compared with its like alone: where it lies depends on the base."""
    if _unit(here) != _unit(base):
        return False
    if here.operator == base.operator and here.limit == base.limit:
        return True
    span = _span(here)
    if span is None:
        return False
    if base.operator == "!=":
        return not _Span(base.limit, base.limit).within(span)
    wanted = _span(base)
    return wanted is not None and span.within(wanted)


def _unit(condition: Condition) -> str:
    if not condition.relative:
        return "absolute"
    return "share" if condition.relative.endswith("%") else "difference"


def _span(condition: Condition) -> _Span | None:
    """None for ``!=`` where it has a hole. Numbers of findings cannot be below 0, and percentages
    neither below 0 nor above 100, so that ``<= 0`` is no other limit than ``== 0``."""
    counts = not condition.relative and condition.metric.startswith("findings.")
    share = not condition.relative and is_percentage(condition.metric)
    low = 0.0 if counts or share else -math.inf
    high = 100.0 if share else math.inf
    limit = condition.limit
    match condition.operator:
        case "==":
            return _Span(limit, limit)
        case ">=":
            return _Span(limit, high) if limit > low else _Span(low, high)
        case ">":
            return _Span(limit, high, low_open=True) if limit >= low else _Span(low, high)
        case "<=":
            return _Span(low, limit) if limit < high else _Span(low, high)
        case "<":
            return _Span(low, limit, high_open=True) if limit <= high else _Span(low, high)
        case _ if low < limit < high:
            return None
    return _Span(low, high, low_open=limit == low, high_open=limit == high)
