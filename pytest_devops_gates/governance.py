"""What the change does to what judges it, and how what judges stands. Pure.

These findings belong to the gate ``policy``; they come to it last, since they need what all other
gates found.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import msgspec

from pytest_devops_gates import baseline, loosening
from pytest_devops_gates.base import LAST_RELEASE
from pytest_devops_gates.baseline import Baseline
from pytest_devops_gates.change import Change
from pytest_devops_gates.charter import PYPROJECT, Charter
from pytest_devops_gates.config import Table
from pytest_devops_gates.debt import Debt, old_paths, owed, settle
from pytest_devops_gates.evidence import Confidence, Evidence, Finding, Rule, Severity
from pytest_devops_gates.gate import REQUIRED
from pytest_devops_gates.plan import Plan
from pytest_devops_gates.quarantine import Quarantined
from pytest_devops_gates.verdict import Waiver

GATE = "policy"
STALE = "stale-baseline"
TURNED = "gate-turned-off"
INTRODUCED = "baseline-introduced"
GROWN = "baseline-grown"

_TURNED = "Bring back what the gate needs, or switch it off by a change of its own."
_INTRODUCED = "See that it holds what the base owed already, and nothing else."
_TIGHTEN = "Pay it off for good: devops-gates baseline --tighten takes it out."
RULES = (
    Rule(STALE, "An entry of the baseline matches no finding any more.", _TIGHTEN),
    Rule(TURNED, "A gate that judged the base does not apply here any more.", _TURNED),
    Rule(INTRODUCED, "The baseline is new: the base has none to compare it with.", _INTRODUCED),
)


class Rules(msgspec.Struct, frozen=True):
    """One side of the comparison: the files that judge, the table in them, and what it comes to."""

    charter: Charter
    table: Table
    plan: Plan
    waivers: tuple[Waiver, ...]
    quarantine: tuple[Quarantined, ...] = ()


def loosened(before: Rules, here: Rules, change: Change) -> Iterator[Finding]:
    """All in which the policy, the baseline, the waivers and the quarantine of the change ask for
    less."""
    gates = {gate.name: gate for gate in here.plan.gates}
    yield from loosening.policy(
        before.plan.settings, here.plan.settings, before.plan.options, here.plan.options, gates
    )
    yield from loosening.tables(before.table, here.table, gates, here.plan.profile)
    held = (map(_in_words, side.waivers) for side in (before, here))
    yield from loosening.entries("waivers", *map(list, held))
    yield from loosening.quarantine(before.quarantine, here.quarantine, change.old_paths())
    was, owes = before.charter.baseline, here.charter.baseline
    if was.written:
        yield from _grown(was, owes, old_paths(change))
        yield from _numbers(was, owes, before.plan)
    elif owes.debts:
        message = f"{len(owes.debts)} findings are taken for known, and the base has no baseline"
        yield Finding(INTRODUCED, message, Severity.LOW, Confidence.HIGH, baseline.FILE)


def is_merged(change: Change) -> bool:
    """Whether what there is was merged already: on the default branch, which is compared with the
    last release, nothing judges but what is there."""
    return change.base.told == LAST_RELEASE


def is_policy_alone(before: Charter, here: Charter, change: Change) -> bool:
    """Whether a change touches nothing but ``devops-gates/`` and ``[tool.devops-gates]``."""
    names = {name for file in change.files for name in (file.path, file.old) if name}
    elsewhere = {name for name in names if not name.startswith("devops-gates/")}
    return elsewhere <= {PYPROJECT} and _beside(before.pyproject) == _beside(here.pyproject)


def proposal(here: Charter) -> str:
    """The digest of the policy and of the files beside it that a change proposes: what somebody
    approves. It does not depend on the run."""
    tool = here.pyproject.get("tool")
    table = tool.get("devops-gates") if isinstance(tool, dict) else None
    plain = json.dumps([table, here.digest], sort_keys=True, default=str)
    return hashlib.sha256(plain.encode()).hexdigest()


def _beside(pyproject: Mapping[str, Any]) -> dict[str, Any]:
    tool = pyproject.get("tool")
    tool = (
        {k: v for k, v in tool.items() if k != "devops-gates"} if isinstance(tool, dict) else tool
    )
    return {**pyproject, "tool": tool or {}}


def turned_off(
    applied: Collection[str], evidence: Mapping[str, Evidence], plan: Plan
) -> list[Finding]:
    """Required gates that do not apply here, although they did at the base."""
    return [
        Finding(
            TURNED,
            f"{name} judged the base, and is not applicable here: {evidence[name].not_applicable}",
            Severity.HIGH,
            Confidence.HIGH,
        )
        for name in sorted(applied)
        if name in evidence
        and evidence[name].not_applicable
        and plan.settings[name].level == REQUIRED
    ]


def stale(owes: Baseline, evidence: Mapping[str, Evidence], text: str) -> list[Finding]:
    """Entries of the change's own baseline that match nothing that their gates found.

    Only gates that ran to their end on the whole project are asked. ``text`` is the file's.
    """
    found = []
    line_of = baseline.lines(text)
    for gate in sorted({debt.gate for debt in owes.debts}):
        there = evidence.get(gate)
        if there is None or not has_judged(there):
            continue
        for debt in settle(list(map(owed, there.findings)), owes.of(gate), {}).left:
            found.append(_stale(debt, line_of(debt)))
    return found


def has_judged(evidence: Evidence) -> bool:
    """Whether a gate looked at all that it has to look at."""
    return evidence.unknown is None and evidence.not_applicable is None


def _stale(debt: Debt, line: int | None) -> Finding:
    where = f" in {debt.path}" if debt.path else ""
    told = f"{debt.gate} finds no {debt.rule}{where} any more · devops-gates baseline --tighten"
    return _of_baseline(STALE, told, line)


def _in_words(waiver: Waiver) -> str:
    """All of a waiver that decides what it holds back, and until when."""
    selected = filter(None, (waiver.rule, waiver.path, waiver.fingerprint))
    return f"{waiver.id} ({waiver.gate}: {', '.join(selected)}; until {waiver.expires})"


def _grown(before: Baseline, here: Baseline, paths: Mapping[str, str | None]) -> Iterator[Finding]:
    for gate in sorted({debt.gate for debt in here.debts}):
        debts = here.of(gate)
        known = settle(debts, before.of(gate), paths).known
        for debt in (d for d, is_known in zip(debts, known, strict=True) if not is_known):
            where = f" in {debt.path}" if debt.path else ""
            yield _of_baseline(GROWN, f"{gate} {debt.rule}{where} is owed here, not at the base")


def _numbers(before: Baseline, here: Baseline, plan: Plan) -> Iterator[Finding]:
    """Numbers that are gone or worse; any other one where no condition says which way is good."""
    ways = {
        (name, condition.metric): condition.operator[0]
        for name, settings in plan.settings.items()
        for condition in (*settings.conditions, *settings.warnings)
        if condition.relative
    }
    now = {(n.gate, n.metric): n.value for n in here.numbers}
    for number in before.numbers:
        key = (number.gate, number.metric)
        value = now.get(key)
        is_better = value is not None and {
            ">": value >= number.value,
            "<": value <= number.value,
        }.get(ways.get(key, ""), value == number.value)
        if not is_better:
            shown = "gone" if value is None else repr(value)
            told = f"{number.gate} {number.metric} was {number.value!r} at the base, here {shown}"
            yield _of_baseline(GROWN, told)


def _of_baseline(rule: str, message: str, line: int | None = None) -> Finding:
    return Finding(rule, message, Severity.HIGH, Confidence.HIGH, baseline.FILE, line)
