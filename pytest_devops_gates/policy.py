"""The judge: pure. Evidence and settings in, rulings and the verdict out."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from pytest_devops_gates.conditions import (
    Baselines,
    Condition,
    compared_with,
    exact,
    hold,
    is_percentage,
    number,
)
from pytest_devops_gates.counts import count, finding_metrics, selector
from pytest_devops_gates.evidence import Evidence
from pytest_devops_gates.gate import REQUIRED
from pytest_devops_gates.verdict import (
    FAIL,
    NOT_APPLICABLE,
    PASS,
    UNKNOWN,
    WARN,
    Measured,
    Ruling,
)

NO_HISTORY = (
    "is compared with the base, and there is no history: nothing was recorded of it there"
    " · devops-gates baseline"
)


NOTHING = Baselines()


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


def rule(
    settings: Settings,
    evidence: Evidence,
    baselines: Baselines = NOTHING,
    doubt: str | None = None,
) -> Ruling:
    """Judge one gate. Only an explicit pass passes.

    Numbers of evidence that broke off are lower bounds, so what they break stays broken: an upper
    limit that is exceeded already is a fail, all else is unknown. ``baselines`` are the metrics at
    the base, and ``doubt`` says why it cannot be told which findings are new.
    """
    asked = [condition.metric for condition in (*settings.conditions, *settings.warnings)]
    metrics = {**evidence.metrics, **finding_metrics(evidence.findings, asked)}
    measured, warnings = (
        tuple(
            hold(condition, metrics, baselines)
            for condition in wanted
            if condition.metric not in evidence.inapplicable
        )
        for wanted in (settings.conditions, settings.warnings)
    )
    if settings.conditions and not measured and not evidence.unknown:
        reason = evidence.inapplicable[settings.conditions[0].metric]
        evidence = msgspec.structs.replace(evidence, not_applicable=reason)
    outcome, reason = _decide(settings, evidence, measured, warnings, doubt)
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
        notes=(*evidence.notes, *_not_judged(asked, evidence)),
        log=evidence.log,
    )


def _not_judged(asked: Sequence[str], evidence: Evidence) -> list[str]:
    """The conditions that are left out, and why."""
    left_out = [metric for metric in dict.fromkeys(asked) if metric in evidence.inapplicable]
    if evidence.not_applicable:  # which says it already
        return []
    return [f"{metric} is not judged: {evidence.inapplicable[metric]}" for metric in left_out]


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


def _decide(
    settings: Settings,
    evidence: Evidence,
    measured: Sequence[Measured],
    warnings: Sequence[Measured],
    doubt: str | None,
) -> tuple[str, str]:
    unknown = evidence.unknown
    if evidence.not_applicable:
        found = evidence.receipt and evidence.examined and any(m.holds is False for m in measured)
        if not found:
            return NOT_APPLICABLE, evidence.not_applicable
        unknown = unknown or f"says both '{evidence.not_applicable}' and what it found"
    if unknown is None and evidence.receipt is None:
        unknown = "left no receipt: nothing shows that it ran"
    if unknown is None and evidence.examined is None:
        unknown = "does not say how many inputs it examined"
    if unknown is None and evidence.examined == 0:
        unknown = "examined nothing, where something was expected"
    broken = [m for m in measured if m.holds is False and (unknown is None or _is_definite(m))]
    for m in broken:
        if not (doubt and _depends_on_base(m.metric)):
            return FAIL, _breach(settings, m)
    if broken:
        return UNKNOWN, f"{settings.name}: {m.metric} may be {number(m.value or 0)}: {doubt}"
    if unknown is not None:
        return UNKNOWN, f"{settings.name}: {unknown}"
    for m in measured:
        if m.holds is None:
            what = NO_HISTORY if m.value is not None else "was not measured"
            return UNKNOWN, f"{settings.name}: {m.metric} {what}"
    for m in warnings:
        if not m.holds:
            return WARN, _breach(settings, m)
    return PASS, f"{settings.name}: {_summary(measured, evidence)}"


def _depends_on_base(metric: str) -> bool:
    """Whether a metric counts some findings and not others because they are new."""
    chosen = selector(metric)
    return chosen is not None and chosen.state in ("new", "known")


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
    if m.baseline is not None and value != number(m.limit):
        limit = number(m.limit)
    text = f"{settings.name}: {m.metric} {value}, needs {m.operator} {limit}"
    if m.baseline is not None:
        text += f" ({compared_with(m)})"
    return f"{text} · {settings.again}" if settings.again else text


def _summary(measured: Sequence[Measured], evidence: Evidence) -> str:
    said = [f"{m.metric} {number(m.value or 0)}" for m in measured]
    if not said:
        named = [f"{k} {number(v)}" for k, v in evidence.metrics.items() if ":" not in k]
        said = [*named[:2], "no limit is set"]
    states = count(evidence.findings)
    said += [f"{n} {word}" for word in ("known", "waived") if (n := getattr(states, word))]
    if evidence.examined:
        said.append(f"{evidence.examined} examined")
    return ", ".join(said)
