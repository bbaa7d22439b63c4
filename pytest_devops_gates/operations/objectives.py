"""Service level objectives: numbers that have to hold, each with its weight. Pure.

The score is Keptn's: an objective that passes counts its weight, one that warns half of it, one
that fails nothing; the failure of a key objective vetoes the rest. Other than there, what has no
data, or nothing to be compared with, is unknown.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Final, Literal

import msgspec

from pytest_devops_gates.errors import CannotTell, UsageError
from pytest_devops_gates.evidence import Finding, Severity
from pytest_devops_gates.neutral import visible
from pytest_devops_gates.operations import budget, criteria
from pytest_devops_gates.operations.budget import Spent
from pytest_devops_gates.operations.criteria import Blocks

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
QUERY, SHOWN = 4_000, 90
"""Characters that a query may have, and that are told of it."""

Result = Literal["pass", "warning", "fail"]
MET: Final = "pass"
NEAR: Final = "warning"
MISSED: Final = "fail"
_COUNTS: dict[str | None, int] = {MET: 2, NEAR: 1, MISSED: 0}
"""Halves of the weight."""


class Objective(msgspec.Struct, frozen=True, rename="kebab"):
    """``query`` gives the number ``sli``, and ``passes`` (``pass``) and ``warning`` say what it
    has to be. Or else ``good`` and ``total`` count events over ``$window``, and ``target`` is the
    percentage of them that has to be good over ``window``."""

    sli: str
    query: str | None = None
    passes: list[str | list[str]] = msgspec.field(default=[], name="pass")
    warning: list[str | list[str]] = []
    weight: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 1
    key: bool = False
    target: float | None = None
    window: str | None = None
    good: str | None = None
    total: str | None = None

    @property
    def is_budget(self) -> bool:
        return self.query is None

    @property
    def is_key(self) -> bool:
        """Whether its failure vetoes: that of a budget always does."""
        return self.key or self.is_budget

    @property
    def compares(self) -> bool:
        """Whether it needs earlier values."""
        return any(one.relative for each in self.blocks for block in each for one in block)

    def check(self, path: str) -> None:
        """Raises UsageError for what makes no objective."""
        if not NAME.fullmatch(self.sli):
            raise UsageError(f"{path}.sli: '{self.sli[:70]}' is not of letters, digits and '._-'")
        for key in ("query", "good", "total"):
            text = getattr(self, key)
            if text is not None and not 0 < len(text.strip()) <= QUERY:
                raise UsageError(f"{path}.{key}: has to have 1 to {QUERY:,} characters")
        if self.is_budget:
            self._check_budget(path)
        else:
            self._check_query(path)

    def _check_query(self, path: str) -> None:
        for key in ("target", "window", "good", "total"):
            if getattr(self, key) is not None:
                raise UsageError(f"{path}.{key}: goes with good and total, not with query")
        if not self.passes:
            raise UsageError(f'{path}.pass: is missing; write one like pass = ["<0.01"]')
        for key, raw in (("pass", self.passes), ("warning", self.warning)):
            try:
                criteria.blocks(raw)
            except ValueError as error:
                raise UsageError(f"{path}.{key}: {error}") from None

    def _check_budget(self, path: str) -> None:
        if self.target is None or self.good is None or self.total is None:
            raise UsageError(f"{path}: needs a query with pass, or else target, good and total")
        if self.passes or self.warning or self.key or self.weight != 1:
            raise UsageError(f"{path}: pass, warning, weight and key go with query")
        if not 0 < self.target < 100:
            raise UsageError(f"{path}.target: is a percentage between 0 and 100")
        try:
            budget.thresholds(self.window or budget.WINDOW)
        except ValueError as error:
            raise UsageError(f"{path}.window: {error}") from None
        for key in ("good", "total"):
            if budget.PLACE not in getattr(self, key):
                raise UsageError(f"{path}.{key}: has no {budget.PLACE}, as in [{budget.PLACE}]")

    @property
    def blocks(self) -> tuple[Blocks, Blocks]:
        """Those of ``pass`` and of ``warning``."""
        return criteria.blocks(self.passes), criteria.blocks(self.warning)


class Judged(msgspec.Struct, frozen=True):
    """What became of an objective: ``result`` is None where it cannot be told, and ``unknown``
    then says why. ``metrics`` are its own."""

    objective: Objective
    result: Result | None = None
    findings: tuple[Finding, ...] = ()
    metrics: dict[str, float] = {}
    unknown: str | None = None


def judge(objective: Objective, value: float, before: float | None) -> Judged:
    """An objective with its number, and the earlier one that it is compared with. Raises CannotTell
    where there would have to be one."""
    passes, warning = objective.blocks
    is_good = criteria.hold(passes, value, before)
    is_near = criteria.hold(warning, value, before)
    if is_good is None or (not is_good and is_near is None):
        raise CannotTell(
            "there is no earlier value that it could be compared with"
            " · leave such a criterion out until it has run that long"
        )
    metrics = {f"sli:{objective.sli}": value, f"failed:{objective.sli}": 0.0}
    if is_good:
        return Judged(objective, MET, (), metrics)
    told = (
        f"{objective.sli} is {value:.12g}, needs {criteria.words(passes, before)}"
        f" · {short(objective.query or '')}"
    )
    if is_near:
        return Judged(objective, NEAR, (Finding("warned-objective", told, Severity.LOW),), metrics)
    severity = Severity.HIGH if objective.key else Severity.MEDIUM
    failed = Finding("failed-objective", f"{'key ' * objective.key}objective {told}", severity)
    return Judged(objective, MISSED, (failed,), {**metrics, f"failed:{objective.sli}": 1.0})


def score(judged: Sequence[Judged]) -> float | None:
    """The score in percent of those that are not budgets; None where one of them is unknown, or
    there are none."""
    scored = [one for one in judged if not one.objective.is_budget]
    if not scored or any(one.result is None for one in scored):
        return None
    reached = sum(one.objective.weight * _COUNTS[one.result] for one in scored)
    return 100.0 * reached / (2 * sum(one.objective.weight for one in scored))


def short(query: str) -> str:
    """A query in one line that is not too long."""
    text = visible(" ".join(query.split()))
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"


def of_budget(objective: Objective, spent: Spent, findings: tuple[Finding, ...]) -> Judged:
    """A budget: it fails where a finding is severe, and warns where one is not."""
    severe = any(finding.severity == Severity.HIGH for finding in findings)
    metrics = {
        f"budget:{objective.sli}": max(0.0, spent.left),  # a percentage, as conditions take it
        f"burn:{objective.sli}": spent.fast,
        f"burn-slow:{objective.sli}": spent.slow,
        f"failed:{objective.sli}": float(severe),
    }
    result: Result = MISSED if severe else NEAR if findings else MET
    return Judged(objective, result, findings, metrics)
