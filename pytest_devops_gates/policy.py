"""The judge: pure. Evidence and settings in, rulings and the verdict out."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import ROUND_DOWN, Decimal

import msgspec

from pytest_devops_gates.evidence import Confidence, Evidence, Finding, Severity
from pytest_devops_gates.gate import REQUIRED
from pytest_devops_gates.verdict import (
    FAIL,
    NOT_APPLICABLE,
    PASS,
    UNKNOWN,
    WARN,
    Counts,
    Measured,
    Ruling,
)

_CONDITION = re.compile(r"\s*(>=|<=|==|!=|>|<)\s*([+-]?\d+(?:\.\d+)?)\s*(%?)\s*", re.ASCII)
_HOLDS: dict[str, Callable[[float, float], bool]] = {
    ">=": lambda value, limit: value >= limit,
    "<=": lambda value, limit: value <= limit,
    "==": lambda value, limit: value == limit,
    "!=": lambda value, limit: value != limit,
    ">": lambda value, limit: value > limit,
    "<": lambda value, limit: value < limit,
}


class Condition(msgspec.Struct, frozen=True):
    """What a metric must be. Compared unrounded."""

    metric: str
    operator: str
    limit: float

    def __str__(self) -> str:
        return f"{self.metric} {self.operator} {exact(self.limit)}"


class Settings(msgspec.Struct, frozen=True):
    """What the policy says of one gate."""

    name: str
    stage: str
    level: str
    timeout: float
    owner: str | None = None
    conditions: tuple[Condition, ...] = ()
    warnings: tuple[Condition, ...] = ()
    again: str = ""


class Answer(msgspec.Struct, frozen=True):
    """The verdict's one word, its reason, and the gate that decided it (none for a pass)."""

    verdict: str
    reason: str
    gate: str | None = None


def parse_condition(metric: str, text: str) -> Condition:
    """Read ``">= 90"``. Raises ValueError saying what is wrong with it."""
    found = _CONDITION.fullmatch(text)
    if not found:
        raise ValueError(f'\'{text}\' is no condition; write one like ">= 90" or "== 0"')
    limit = float(found[2])
    if not math.isfinite(limit):
        raise ValueError(f"'{text}': the limit is not finite")
    if found[3] and not is_percentage(metric):
        raise ValueError(f"'{text}': {metric} is no percentage")
    if is_percentage(metric) and not 0 <= limit <= 100:
        raise ValueError(f"'{text}': {metric} is a percentage, from 0 to 100")
    return Condition(metric, found[1], limit)


def is_percentage(metric: str) -> bool:
    """Whether a metric is a percentage: those of coverage are."""
    return metric.partition(":")[0] in {"line", "branch", "total"}


def rule(settings: Settings, evidence: Evidence) -> Ruling:
    """Judge one gate. Only an explicit pass passes.

    Numbers of evidence that broke off are lower bounds, so what they break stays broken: an upper
    limit that is exceeded already is a fail, all else is unknown.
    """
    asked = [condition.metric for condition in (*settings.conditions, *settings.warnings)]
    metrics = {**evidence.metrics, **finding_metrics(evidence.findings, asked)}
    measured = tuple(_hold(condition, metrics) for condition in settings.conditions)
    warnings = tuple(_hold(condition, metrics) for condition in settings.warnings)
    outcome, reason = _decide(settings, evidence, measured, warnings)
    return Ruling(
        name=settings.name,
        stage=settings.stage,
        level=settings.level,
        outcome=outcome,
        reason=reason,
        owner=settings.owner,
        conditions=measured,
        warnings=warnings,
        metrics=metrics,
        findings=count(evidence.findings),
        receipt=evidence.receipt,
        notes=evidence.notes,
        log=evidence.log,
    )


def answer(rulings: Sequence[Ruling]) -> Answer:
    """The verdict over all gates, by the required ones alone."""
    required = [r for r in rulings if r.level == REQUIRED]
    for outcome in (FAIL, UNKNOWN):
        worst = [r for r in required if r.outcome == outcome]
        if worst:
            more = f" (and {len(worst) - 1} more {outcome})" if len(worst) > 1 else ""
            return Answer(outcome, worst[0].reason + more, worst[0].name)
    passed = [r.name for r in required if r.outcome in (PASS, WARN) and r.conditions]
    if not passed:
        return Answer(UNKNOWN, "nothing required passed: no required gate was judged")
    noun = "gate" if len(passed) == 1 else "gates"
    return Answer(PASS, f"{len(passed)} required {noun} passed: {', '.join(passed)}")


def finding_metrics(findings: Sequence[Finding], asked: Iterable[str] = ()) -> dict[str, float]:
    """The metrics that every gate has. Severities count what is new and not waived.

    ``findings.SEVERITY.CONFIDENCE``, of those with at least that confidence, come when asked for.
    """
    counts = count(findings)
    metrics: dict[str, float] = {
        "findings.total": counts.total,
        "findings.new": counts.new,
        "findings.known": counts.known,
        "findings.waived": counts.waived,
    }
    new = [f for f in findings if f.state == "new"]
    for severity in Severity:
        metrics[f"findings.{severity.value}"] = sum(f.severity == severity for f in new)
    for name in asked:
        if name.startswith("findings.") and name.count(".") == 2:
            _, severity_name, least = name.split(".")
            sure = {Confidence.HIGH, Confidence(least)}
            metrics[name] = sum(f.severity == severity_name and f.confidence in sure for f in new)
    return metrics


def count(findings: Sequence[Finding]) -> Counts:
    """Findings by state."""
    states = [f.state for f in findings]
    return Counts(
        total=len(states),
        new=states.count("new"),
        known=states.count("known"),
        waived=states.count("waived"),
    )


def number(value: float) -> str:
    """A number as people read it, cut (never rounded) after two decimals."""
    if value == int(value):
        return str(int(value))
    return str(Decimal(repr(value)).quantize(Decimal("0.01"), ROUND_DOWN))


def exact(value: float) -> str:
    """A number with all its decimals, and no exponent."""
    return str(int(value)) if value == int(value) else f"{Decimal(repr(value)):f}"


def _hold(condition: Condition, metrics: Mapping[str, float]) -> Measured:
    value = metrics.get(condition.metric)
    if value is not None and not math.isfinite(value):
        value = None
    holds = None if value is None else _HOLDS[condition.operator](value, condition.limit)
    return Measured(condition.metric, condition.operator, condition.limit, value, None, holds)


def _decide(
    settings: Settings,
    evidence: Evidence,
    measured: Sequence[Measured],
    warnings: Sequence[Measured],
) -> tuple[str, str]:
    if evidence.not_applicable:
        return NOT_APPLICABLE, evidence.not_applicable
    unknown = evidence.unknown
    if unknown is None and evidence.receipt is None:
        unknown = "left no receipt: nothing shows that it ran"
    if unknown is None and evidence.examined is None:
        unknown = "does not say how many inputs it examined"
    if unknown is None and evidence.examined == 0:
        unknown = "examined nothing, where something was expected"
    for m in measured:
        if m.holds is False and (unknown is None or _is_definite(m)):
            return FAIL, _breach(settings, m)
    if unknown is not None:
        return UNKNOWN, f"{settings.name}: {unknown}"
    for m in measured:
        if m.holds is None:
            return UNKNOWN, f"{settings.name}: {m.metric} was not measured"
    for m in warnings:
        if not m.holds:
            return WARN, _breach(settings, m)
    return PASS, f"{settings.name}: {_summary(measured, evidence)}"


def _is_definite(m: Measured) -> bool:
    assert m.value is not None
    if is_percentage(m.metric):
        return False
    return m.operator in ("<=", "<") or (m.operator == "==" and m.value > m.limit)


def _breach(settings: Settings, m: Measured) -> str:
    value = "not measured" if m.value is None else number(m.value)
    limit = exact(m.limit)
    if value == limit and m.value is not None:  # they differ where people no longer look
        value = exact(m.value)
    text = f"{settings.name}: {m.metric} {value}, needs {m.operator} {limit}"
    return f"{text} · {settings.again}" if settings.again else text


def _summary(measured: Sequence[Measured], evidence: Evidence) -> str:
    said = [f"{m.metric} {number(m.value or 0)}" for m in measured]
    if not said:
        named = [f"{k} {number(v)}" for k, v in evidence.metrics.items() if ":" not in k]
        said = [*named[:2], "no limit is set"]
    if evidence.examined:
        said.append(f"{evidence.examined} examined")
    return ", ".join(said)
