"""What a metric must be: as an absolute limit, or compared with the base. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from decimal import ROUND_DOWN, Decimal
from fractions import Fraction

import msgspec

from pytest_devops_gates.verdict import Measured

_CONDITION = re.compile(r"\s*(>=|<=|==|!=|>|<)\s*(\d+(?:\.\d+)?)\s*(%?)\s*", re.ASCII)
_RELATIVE = re.compile(r"\s*(>=|<=|>|<)\s*([+-]\s*\d+(?:\.\d+)?)\s*(%?)\s*", re.ASCII)
_PERCENTAGES = frozenset("line branch total new-line new-branch score budget".split())
_WORDS = {"no-drop": ">= +0", "no-rise": "<= +0"}
_HOLDS: dict[str, Callable[[float, float], bool]] = {
    ">=": lambda value, limit: value >= limit,
    "<=": lambda value, limit: value <= limit,
    "==": lambda value, limit: value == limit,
    "!=": lambda value, limit: value != limit,
    ">": lambda value, limit: value > limit,
    "<": lambda value, limit: value < limit,
}


HISTORY = "history"
"""Where a number is from that no base tells."""


class Baselines(msgspec.Struct, frozen=True):
    """The metrics of a gate at the base: those that are recorded, and those measured there; and,
    for what no base can tell, those of the last run that passed."""

    recorded: Mapping[str, float] = {}
    measured: Mapping[str, float] = {}
    history: Mapping[str, float] = {}

    def of(self, metric: str) -> tuple[float | None, str]:
        """A metric, and where it is from: what is recorded counts more."""
        if metric in self.recorded:
            return self.recorded[metric], "recorded"
        if metric in self.measured:
            return self.measured[metric], "measured"
        if metric in self.history:
            return self.history[metric], HISTORY
        return None, ""


class Condition(msgspec.Struct, frozen=True):
    """What a metric must be. Compared unrounded.

    ``relative`` is the text of a condition that compares with the base; its ``limit`` is then the
    difference, or the share in percent, that the metric may be away from there.
    """

    metric: str
    operator: str
    limit: float
    relative: str = ""

    def __str__(self) -> str:
        return f"{self.metric} {self.relative or f'{self.operator} {exact(self.limit)}'}"

    def limit_from(self, baseline: float | None) -> float | None:
        """The limit, given the base's value; None where it needs one and there is none."""
        if not self.relative:
            return self.limit
        if baseline is None:
            return None
        start, by = Fraction(baseline), Fraction(repr(self.limit))
        return float(start + (abs(start) * by / 100 if self.relative.endswith("%") else by))


def parse_condition(metric: str, text: str) -> Condition:
    """Read ``">= 90"``, or one relative to the base: ``"no-drop"``, ``">= -0.5"``, ``"<= +10%"``.

    Raises ValueError saying what is wrong with it.
    """
    told = text.strip()
    found = _RELATIVE.fullmatch(_WORDS.get(told, told))
    if found:
        return Condition(metric, found[1], _finite(found[2].replace(" ", ""), text), told)
    found = _CONDITION.fullmatch(text)
    if not found:
        raise ValueError(
            f'\'{text}\' is no condition; write one like ">= 90", "== 0", or compare with the'
            ' base by "no-drop", "<= +10%"'
        )
    limit = _finite(found[2], text)
    if found[3] and not is_percentage(metric):
        raise ValueError(f"'{text}': {metric} is no percentage")
    if is_percentage(metric) and not 0 <= limit <= 100:
        raise ValueError(f"'{text}': {metric} is a percentage, from 0 to 100")
    return Condition(metric, found[1], limit)


def is_percentage(metric: str) -> bool:
    """Whether a metric is a percentage: those of coverage are, scores, and error budgets."""
    return metric.partition(":")[0] in _PERCENTAGES


def hold(condition: Condition, metrics: Mapping[str, float], baselines: Baselines) -> Measured:
    """The condition with what was measured, here and at the base."""
    value = metrics.get(condition.metric)
    if value is not None and not math.isfinite(value):
        value = None
    before, source = baselines.of(condition.metric) if condition.relative else (None, "")
    limit = condition.limit_from(before)
    holds = None if value is None or limit is None else _HOLDS[condition.operator](value, limit)
    shown = condition.limit if limit is None else limit
    return Measured(condition.metric, condition.operator, shown, value, before, holds, source)


def compared_with(measured: Measured) -> str:
    """What a metric was compared with, in words; empty where it was with nothing."""
    if measured.baseline is None:
        return ""
    if measured.source == HISTORY:
        return f"{number(measured.baseline)} in the last run that passed"
    source = f", {measured.source}" if measured.source else ""
    return f"{number(measured.baseline)} at the base{source}"


def number(value: float) -> str:
    """A number as people read it, cut (never rounded) after two decimals."""
    if value == int(value):
        return str(int(value))
    return str(Decimal(repr(value)).quantize(Decimal("0.01"), ROUND_DOWN))


def exact(value: float) -> str:
    """A number with all its decimals, and no exponent."""
    return str(int(value)) if value == int(value) else f"{Decimal(repr(value)):f}"


def _finite(digits: str, text: str) -> float:
    limit = float(digits)
    if not math.isfinite(limit):
        raise ValueError(f"'{text}': the limit is not finite")
    return limit
