"""Whether a verdict agrees with itself: all that can be worked out from the rest of it is. Pure."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timezone

import msgspec

from pytest_devops_gates import policy
from pytest_devops_gates.conditions import Baselines, Condition, exact, hold
from pytest_devops_gates.counts import count, finding_metrics, selector
from pytest_devops_gates.evidence import Finding
from pytest_devops_gates.gate import REQUIRED
from pytest_devops_gates.neutral import visible
from pytest_devops_gates.release.statements import moment
from pytest_devops_gates.secret_shapes import MASK
from pytest_devops_gates.verdict import (
    EXIT_STATUS,
    FAIL,
    NOT_APPLICABLE,
    OFF,
    PASS,
    UNKNOWN,
    WARN,
    Measured,
    Ruling,
    TestCounts,
    Verdict,
    worst,
)

_TESTS = "tests"
_APART = 5
"""Seconds that may lie between two looks at the clock."""
_RUN_ID = re.compile(r"-[0-9a-f]{6}\Z")
"""What makes a run's id unique; its time stands before it."""


def contradictions(verdict: Verdict) -> Iterator[str]:
    """What cannot be as it says, each in a line that names the field and both values."""
    yield from _times(verdict)
    yield from _answer(verdict)
    yield from _stages(verdict)
    yield from _findings(verdict)
    by_gate: dict[str, list[Finding]] = {}
    for finding in verdict.findings:
        by_gate.setdefault(finding.gate, []).append(finding)
    for ruling in verdict.gates:
        yield from _gate(ruling, by_gate.get(ruling.name, []))
    yield from _tests(verdict)
    if verdict.selection.complete:
        yield from _unselected(verdict)


def _unselected(verdict: Verdict) -> Iterator[str]:
    """Of a run that says that it is complete."""
    for ruling in verdict.gates:
        is_off = ruling.outcome == OFF and ruling.level == REQUIRED
        if is_off and ruling.reason == "not selected":
            why = "it is required, and was not selected"
            yield _differs(f"gates.{visible(ruling.name)[:64]}.outcome", OFF, PASS, why)


def _differs(field: str, says: object, needs: object, why: str) -> str:
    return f"{field}: {visible(str(says))[:200]}, needs {visible(str(needs))[:200]}: {why}"


def _times(verdict: Verdict) -> Iterator[str]:
    """``started`` and the run's id are of one moment; one that was put together of the runs of
    several jobs may have its id from later."""
    try:
        started = moment(verdict.started)
        stamp = datetime.strptime(_RUN_ID.sub("", verdict.run_id), "%Y%m%dT%H%M%SZ")
    except ValueError:
        yield f"started: '{visible(verdict.started)[:40]}' or run_id: no time can be read from it"
        return
    later = (stamp.replace(tzinfo=timezone.utc) - started).total_seconds()
    if later < -_APART or (later > _APART and not verdict.shards):
        yield _differs("started", verdict.started, verdict.run_id, "run_id is of that time")


def _answer(verdict: Verdict) -> Iterator[str]:
    status = EXIT_STATUS[verdict.verdict]
    if verdict.verdict == PASS and verdict.exit_status != status:
        yield _differs("exit_status", verdict.exit_status, status, "the verdict is pass")
    answer = policy.answer(verdict.gates)
    if verdict.verdict == PASS and answer.verdict != PASS:
        yield _differs("verdict", PASS, answer.verdict, answer.reason)
    elif verdict.verdict == PASS and verdict.reason != answer.reason and MASK not in verdict.reason:
        yield _differs("reason", verdict.reason, answer.reason, "these gates passed")


def _stages(verdict: Verdict) -> Iterator[str]:
    times = Counter(ruling.name for ruling in verdict.gates)
    yield from (f"gates.{visible(n)[:64]}: is there {k} times" for n, k in times.items() if k > 1)
    if not verdict.gates:
        return  # a run that ended before its gates: no pass, as the answer says
    for stage in verdict.stages:
        outcome = worst([r for r in verdict.gates if r.stage == stage.name])
        if outcome != stage.outcome:
            yield _differs(f"stages.{stage.name}", stage.outcome, outcome, "its gates' worst")


def _findings(verdict: Verdict) -> Iterator[str]:
    """Each finding is of a gate, and a waived one of a waiver that counts it."""
    gates = {ruling.name for ruling in verdict.gates}
    waivers = {waiver.id: waiver for waiver in verdict.waivers}
    held = Counter(f.waiver for f in verdict.findings if f.state == "waived")
    if strangers := {f.gate for f in verdict.findings} - gates:
        yield f"findings: of the gate '{visible(min(strangers))[:64]}', which is not among gates"
    for name in held:
        if name not in waivers:
            yield f"findings: waived by '{visible(str(name))[:64]}', which is not among waivers"
    for waiver in verdict.waivers:
        field = f"waivers.{visible(waiver.id)[:64]}"
        if waiver.holds_back != held[waiver.id]:
            yield _differs(f"{field}.holds_back", waiver.holds_back, held[waiver.id], "findings")
        if held[waiver.id] and waiver.expires < verdict.started[:10]:
            yield _differs(f"{field}.expires", waiver.expires, verdict.started[:10], "the run")


def _gate(ruling: Ruling, findings: list[Finding]) -> Iterator[str]:
    here = f"gates.{visible(ruling.name)[:64]}"
    if ruling.findings != count(findings):
        yield _differs(f"{here}.findings", _told(ruling.findings), _told(count(findings)), "found")
    plain = [name for name in ruling.metrics if _counts_states(name)]
    counted = finding_metrics(findings, plain)
    for name in plain:
        if ruling.metrics[name] != counted[name]:
            field = f"{here}.metrics.{visible(name)}"
            yield _differs(field, ruling.metrics[name], counted[name], "findings")
    for condition in (*ruling.conditions, *ruling.warnings):
        yield from _condition(ruling, condition, here)
    yield from _outcome(ruling, here)


def _counts_states(metric: str) -> bool:
    """Whether it counts findings by what is never masked: their state and severity."""
    chosen = selector(metric)
    return chosen is not None and chosen.rule is None and chosen.path is None


def _condition(ruling: Ruling, told: Measured, here: str) -> Iterator[str]:
    field = f"{here}.conditions.{visible(told.metric)}"
    value = ruling.metrics.get(told.metric)
    if value != told.value and not (value is not None and not math.isfinite(value)):
        yield _differs(f"{field}.value", told.value, value, "the gate's metrics")
    if told.holds is None and (told.value is None or told.baseline is None):
        return  # a base without history, or nothing measured: it stays unknown
    judged = hold(
        Condition(told.metric, told.operator, told.limit), {told.metric: told.value or 0}, NONE
    ).holds
    if told.value is None or told.holds != judged:
        why = f"{told.value} {told.operator} {exact(told.limit)}"
        yield _differs(f"{field}.holds", told.holds, judged, why)


def _outcome(ruling: Ruling, here: str) -> Iterator[str]:
    """An outcome is what the conditions make of it; ``unknown`` is never better than that."""
    flaw: tuple[str, str] | None
    is_off = ruling.outcome == OFF
    if is_off and (ruling.receipt or ruling.conditions or ruling.metrics):
        flaw = "another", "a receipt or numbers show that it ran"
    elif ruling.level == OFF and not is_off:
        flaw = OFF, "its level is off"
    else:
        flaw = _judged(ruling)
    if flaw:
        yield _differs(f"{here}.outcome", ruling.outcome, *flaw)


def _judged(ruling: Ruling) -> tuple[str, str] | None:
    """What the outcome of a gate that ran needs to be instead, and why."""
    outcome, passed = ruling.outcome, ruling.outcome in (PASS, WARN)
    unmet = [m.metric for m in ruling.conditions if m.holds is not True]
    broken = [m.metric for m in ruling.conditions if m.holds is False]
    warned = [m.metric for m in ruling.warnings if not m.holds]
    examined = ruling.receipt.examined if ruling.receipt else None
    if passed and unmet:
        return (FAIL if broken else UNKNOWN), f"{(broken or unmet)[0]} does not hold"
    if passed and not examined:
        return UNKNOWN, "no receipt of something that was examined"
    if outcome == PASS and warned:
        return WARN, f"{warned[0]} does not hold"
    if outcome == WARN and not warned:
        return PASS, "no warning is broken"
    if outcome == FAIL and not broken:
        return PASS, "all conditions hold"
    if outcome == NOT_APPLICABLE and broken and examined:
        return FAIL, f"{broken[0]} does not hold, and it examined {examined}"
    return None


def _tests(verdict: Verdict) -> Iterator[str]:
    """The test run's numbers are the metrics of its gate."""
    metrics = next((r.metrics for r in verdict.gates if r.name == _TESTS), {})
    for field in msgspec.structs.fields(TestCounts):
        if field.name == "detail":
            continue
        value = getattr(verdict.tests, field.name)
        counted = metrics.get(field.name, 0)
        if value != counted:
            told = f"metrics of the gate {_TESTS}"
            yield _differs(f"tests.{field.name}", value, f"{counted:g}", told)


def _told(value: msgspec.Struct) -> str:
    return " ".join(f"{n} {getattr(value, n)}" for n in ("total", "new", "known", "waived"))


NONE = Baselines()
