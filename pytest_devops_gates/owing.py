"""What the baseline of a run holds: findings that a condition counts, and numbers. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping

import msgspec

from pytest_devops_gates.baseline import Baseline, Number
from pytest_devops_gates.conditions import Condition
from pytest_devops_gates.counts import selector
from pytest_devops_gates.debt import Debt, owed, settle
from pytest_devops_gates.evidence import Finding
from pytest_devops_gates.gate import REQUIRED
from pytest_devops_gates.plan import Plan
from pytest_devops_gates.policy import NO_HISTORY, Settings
from pytest_devops_gates.verdict import FAIL, PASS, UNKNOWN, WARN, Ruling, Verdict


class Written(msgspec.Struct, frozen=True):
    """A baseline to write; ``unjudged`` are gates of which the old one's word stands, since this
    run could not tell."""

    baseline: Baseline
    unjudged: tuple[str, ...] = ()


def today(verdict: Verdict, plan: Plan, old: Baseline) -> Written:
    """All that is owed in a run."""
    judged = _judged(verdict)
    debts = [debt for debt in old.debts if debt.gate not in judged]
    for name in judged:
        debts += map(owed, _counted(verdict.findings, plan, name))
    kept = [n for n in old.numbers if n.gate not in judged]
    numbers = [*kept, *_numbers(plan, judged)]
    return Written(Baseline(tuple(debts), tuple(numbers), True), _unjudged(verdict))


def tightened(verdict: Verdict, plan: Plan, old: Baseline) -> Written:
    """What is still owed of what was: nothing is added, and no number gets worse."""
    judged = _judged(verdict)
    debts: list[Debt] = []
    for name in sorted({debt.gate for debt in old.debts}):
        entries = old.of(name)
        found = [owed(f) for f in verdict.findings if f.gate == name]
        gone = settle(found, entries, {}).left if name in judged else ()
        debts += _without(entries, gone)
    numbers = [_better(number, judged.get(number.gate), plan) for number in old.numbers]
    return Written(Baseline(tuple(debts), tuple(numbers), True), _unjudged(verdict))


def with_proposals(verdict: Verdict, plan: Plan, old: Baseline) -> Verdict:
    """The verdict, in which gates whose recorded numbers are better today say so."""
    rulings = {ruling.name: ruling for ruling in verdict.gates}
    for number in old.numbers:
        ruling = rulings.get(number.gate)
        value = _better(number, ruling, plan).value
        if ruling is None or value == number.value:
            continue
        told = (
            f"{number.metric} is {value!r}, better than the baseline's {number.value!r}"
            " · devops-gates baseline --tighten"
        )
        rulings[number.gate] = msgspec.structs.replace(ruling, notes=(*ruling.notes, told))
    return msgspec.structs.replace(verdict, gates=tuple(rulings.values()))


def still_red(verdict: Verdict, plan: Plan) -> list[str]:
    """The required gates that fail over something that no baseline holds."""
    return [
        ruling.name
        for ruling in verdict.gates
        if ruling.level == REQUIRED and ruling.outcome == FAIL and not _is_over_new(ruling, plan)
    ]


def _is_over_new(ruling: Ruling, plan: Plan) -> bool:
    """Whether all that is broken are conditions on new findings of a gate that may owe."""
    chosen = [selector(c.metric) for c in ruling.conditions if c.holds is False]
    debt = any(gate.debt for gate in plan.gates if gate.name == ruling.name)
    return debt and all(one is not None and one.state == "new" for one in chosen)


def _is_measured(ruling: Ruling) -> bool:
    """Whether a gate's numbers are whole: where only the base's are missing they are as well."""
    return ruling.outcome in (PASS, WARN, FAIL) or NO_HISTORY in ruling.reason


def _judged(verdict: Verdict) -> dict[str, Ruling]:
    return {ruling.name: ruling for ruling in verdict.gates if _is_measured(ruling)}


def _unjudged(verdict: Verdict) -> tuple[str, ...]:
    return tuple(r.name for r in verdict.gates if r.outcome == UNKNOWN and not _is_measured(r))


def _counted(findings: tuple[Finding, ...], plan: Plan, name: str) -> Iterator[Finding]:
    """The findings of a gate that a condition on new ones would count; none that is waived."""
    gate = next((gate for gate in plan.gates if gate.name == name), None)
    if gate is None or not gate.debt:
        return
    settings = plan.settings[name]
    chosen = [found for c in _all(settings) if (found := selector(c.metric))]
    chosen = [one for one in chosen if one.state == "new"]
    for finding in findings:
        if finding.gate == name and finding.state != "waived":
            as_new = msgspec.structs.replace(finding, state="new")
            if any(one.takes(as_new) for one in chosen):
                yield finding


def _numbers(plan: Plan, judged: Mapping[str, Ruling]) -> Iterator[Number]:
    for name, ruling in judged.items():
        metrics = {c.metric for c in _all(plan.settings[name]) if c.relative}
        for metric in sorted(metrics & ruling.metrics.keys()):
            yield Number(name, metric, ruling.metrics[metric])


def _all(settings: Settings) -> tuple[Condition, ...]:
    return (*settings.conditions, *settings.warnings)


def _better(number: Number, ruling: Ruling | None, plan: Plan) -> Number:
    """A number, or today's where that is better by the condition that compares it."""
    settings = plan.settings.get(number.gate)
    value = ruling.metrics.get(number.metric) if ruling else None
    if settings is None or value is None:
        return number
    ways = {c.operator[0] for c in _all(settings) if c.relative and c.metric == number.metric}
    if ways == {">"}:
        value = max(value, number.value)
    elif ways == {"<"}:
        value = min(value, number.value)
    else:
        return number
    return msgspec.structs.replace(number, value=value)


def _without(entries: tuple[Debt, ...], gone: Collection[Debt]) -> list[Debt]:
    left = Counter(gone)
    kept = []
    for entry in entries:
        if left[entry]:
            left[entry] -= 1
        else:
            kept.append(entry)
    return kept
