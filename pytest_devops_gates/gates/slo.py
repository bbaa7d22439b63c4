"""``slo``: the objectives of the service hold, and its error budgets are not used up."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated, Literal

import msgspec

from pytest_devops_gates.errors import CannotTell, UsageError
from pytest_devops_gates.evidence import Evidence, Receipt, Rule
from pytest_devops_gates.gate import OFF, Canary, Gate, Options
from pytest_devops_gates.operations import budget, endpoint, measuring, objectives
from pytest_devops_gates.operations.endpoint import Endpoint
from pytest_devops_gates.operations.objectives import Judged, Objective
from pytest_devops_gates.project import Project
from pytest_devops_gates.stage import Stage

KEY = "tool.devops-gates.gates.slo.options"
MOST = 50
AT_ONCE = 8
"""Queries that Prometheus is asked at the same time."""


class SloOptions(msgspec.Struct, frozen=True, rename="kebab"):
    """``prometheus`` is the address of one, or ``prometheus_env`` the variable that holds it;
    ``token_env`` names the variable with a bearer token, and for the rest see Endpoint.
    ``compare`` are the spans of time before now whose values, put together by ``aggregate``, the
    criteria that compare are about. ``timeout`` is in seconds, for a query."""

    prometheus: str | None = None
    prometheus_env: str | None = None
    token_env: str | None = None
    headers: dict[str, str] = {}
    header_env: dict[str, str] = {}
    authority: str | None = None
    objectives: list[Objective] = []
    compare: list[str] = []
    aggregate: Literal["avg", "p50", "p90", "p95"] = "p50"
    timeout: Annotated[float, msgspec.Meta(gt=0, le=60)] = 10.0

    def __post_init__(self) -> None:
        if not self.objectives:
            return
        self.endpoint.check(KEY, "prometheus")
        for n, span in enumerate(self.compare):
            try:
                budget.seconds(span)
            except ValueError as error:
                raise UsageError(f"{KEY}.compare[{n}]: {error}") from None
        if len(self.objectives) > MOST or len(self.compare) > MOST:
            raise UsageError(f"{KEY}: more than {MOST} objectives or spans to compare with")
        self._check_objectives()

    def _check_objectives(self) -> None:
        names = [one.sli for one in self.objectives]
        for n, one in enumerate(self.objectives):
            path = f"{KEY}.objectives[{n}]"
            one.check(path)
            if one.sli in names[:n]:
                raise UsageError(f"{path}.sli: '{one.sli}' is another one's as well")
            if not one.is_budget and one.compares and not self.compare:
                wanted = 'compare = ["1d", "7d"] says with what'
                raise UsageError(f"{path}: has criteria that compare with earlier values; {wanted}")

    @property
    def endpoint(self) -> Endpoint:
        return Endpoint(
            self.prometheus, self.prometheus_env, self.headers, self.header_env, self.authority,
            self.token_env,
        )  # fmt: skip


def check(project: Project, options: SloOptions, asked: tuple[str, ...]) -> Evidence:
    """Ask Prometheus for the numbers of all objectives, and judge each."""
    server = endpoint.resolve(options.endpoint, project.root, os.environ)
    ask = measuring.asking(server, options.timeout)
    before = measuring.Before(tuple(options.compare), options.aggregate, time.time())
    with ThreadPoolExecutor(AT_ONCE) as pool:
        judged = pool.map(lambda one: measuring.measured(one, before, ask), options.objectives)
        return together(list(judged))


def together(judged: Sequence[Judged]) -> Evidence:
    """The evidence of all objectives. Pure."""
    failed = [one.objective for one in judged if one.result == objectives.MISSED]
    metrics = {
        "objectives": float(len(judged)),
        "failed": float(len(failed)),
        "failed-key": float(sum(one.is_key for one in failed)),
    }
    for one in judged:
        metrics |= one.metrics
    reached = objectives.score(judged)
    if reached is not None:
        metrics["score"] = reached
    has_scores = any(not one.objective.is_budget for one in judged)
    return Evidence(
        findings=tuple(finding for one in judged for finding in one.findings),
        metrics=metrics,
        examined=sum(one.unknown is None for one in judged),
        unknown=_troubles(judged),
        receipt=Receipt("slo"),
        inapplicable={} if has_scores else {"score": "all objectives are budgets"},
    )


def _troubles(judged: Sequence[Judged]) -> str | None:
    """Why it cannot be told, each reason once with the names that it holds for."""
    names: dict[str, list[str]] = {}
    for one in judged:
        if one.unknown:
            names.setdefault(one.unknown, []).append(one.objective.sli)
    told = [f"{', '.join(slis)}: {reason}" for reason, slis in names.items()]
    return "; ".join(told)[:1000] or None


def applies(project: Project, options: Options) -> str | None:
    return None if options.objectives else f"no objectives are configured · {KEY}.objectives"


def passes(project: Project, options: SloOptions) -> tuple[str, ...]:
    """What it needs of the environment."""
    return options.endpoint.variables


def limits(project: Project, options: Options) -> Mapping[str, str]:
    """No key objective fails and no budget is used up, each under its name."""
    return {f"failed:{one.sli}": "== 0" for one in options.objectives if one.is_key}


def canary(project: Project, options: SloOptions) -> Canary:
    """An objective that no number holds, before those of pyproject.toml."""
    text = project.text("pyproject.toml") or ""
    fields = 'sli = "devops-gates-canary"{0}query = "vector(1)"{0}pass = ["<1"]{0}key = true'
    table = f"[[{KEY}.objectives]]"
    if table in text:
        changed = text.replace(table, "\n".join([table, fields.format("\n"), "", table]), 1)
    else:
        planted = f"{{ {fields.format(', ')} }}, "
        changed = re.sub(r"(\bobjectives\s*=\s*\[)", rf"\g<1>{planted}", text, count=1)
    if changed == text:
        raise CannotTell(f"{KEY}.objectives was not found in pyproject.toml")
    return Canary("an objective that no number holds", {"pyproject.toml": changed})


RULES = (
    Rule(
        "failed-objective",
        "A number of the service is neither what its objective's `pass` nor its `warning` asks.",
        "Look at the query over the last hours in Prometheus, and roll back where it began with a"
        " roll-out.",
        "https://sre.google/sre-book/service-level-objectives/",
    ),
    Rule(
        "warned-objective",
        "A number of the service is no longer what its objective's `pass` asks, but still within"
        " its `warning`.",
        "Look at it before it fails.",
        "https://sre.google/sre-book/service-level-objectives/",
    ),
    Rule(
        "budget-exhausted",
        "More events failed within the window than the target allows.",
        "Roll out nothing but what makes the service more reliable, until there is budget again.",
        "https://sre.google/workbook/error-budget-policy/",
    ),
    Rule(
        "budget-burning",
        "The error budget is used up much faster than it may be, by a long and a short window.",
        "Something is going wrong now: mend it, or roll back.",
        "https://sre.google/workbook/alerting-on-slos/",
    ),
)
SLO = Gate(
    name="slo",
    stage=Stage.OPERATE,
    options=SloOptions,
    function=check,
    applies=applies,
    passes=passes,
    limits=limits,
    timeout=360.0,
    levels={"commit": OFF, "merge": OFF, "release": OFF},
    conditions={"score": ">= 75"},
    warnings={"score": ">= 90", "findings.medium": "== 0"},
    metrics=(
        *("score", "objectives", "failed", "failed-key"),
        *("sli:", "failed:", "budget:", "burn:", "burn-slow:"),
    ),
    again="devops-gates run --gate slo --devops-gates-profile operate",
    cost=1.0,
    about="The service's objectives hold, and its error budgets are not used up.",
    debt=False,
    canary=canary,
    dormant=True,
    rules=RULES,
)
