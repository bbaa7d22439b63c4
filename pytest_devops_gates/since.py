"""What is different from an earlier run."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import msgspec

from pytest_devops_gates import disk
from pytest_devops_gates.verdict import (
    EXIT_STATUS,
    FAIL,
    OFF,
    PASS,
    WARN,
    Change,
    GateChange,
    Measured,
    MetricChange,
    Selection,
    Verdict,
)

_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
JUDGED = (PASS, WARN, FAIL)


class _Found(msgspec.Struct):
    gate: str
    fingerprint: str


class _Gate(msgspec.Struct):
    name: str
    outcome: Literal["pass", "warn", "fail", "unknown", "not-applicable", "off"]
    conditions: tuple[Measured, ...] = ()


class _Earlier(msgspec.Struct):
    """What is read of an earlier verdict."""

    schema: Literal["pytest-devops-gates/verdict/1"]
    run_id: str
    started: str
    verdict: Literal["pass", "fail", "unknown"]
    exit_status: int
    profile: str
    selection: Selection
    gates: tuple[_Gate, ...]
    findings: tuple[_Found, ...]


def compare(verdict: Verdict, earlier: Iterable[Path]) -> Change | None:
    """What changed since the newest of the ``earlier`` runs (folders, the newest first) that came
    to an end and was asked the same; None without one."""
    if not verdict.gates:
        return None
    for folder in earlier:
        before = _read(folder / "verdict.json")
        if before and _is_comparable(before, verdict):
            return _change(before, verdict)
    return None


def _read(path: Path) -> _Earlier | None:
    try:
        return msgspec.json.decode(disk.read_plain(path), type=_Earlier)
    except (OSError, ValueError, RecursionError):
        return None  # it is at work, was cut off, or is of another schema


def _is_comparable(before: _Earlier, now: Verdict) -> bool:
    """Whether it ended and asked the same. Where gates were picked, these must be the same."""
    if not before.gates or before.exit_status not in EXIT_STATUS.values():
        return False
    if not _INSTANT.fullmatch(before.started):
        return False  # not as we write it
    if (before.profile, before.selection) != (now.profile, now.selection):
        return False
    left_out = [{g.name for g in run.gates if g.outcome == OFF} for run in (before, now)]
    return now.selection.complete or left_out[0] == left_out[1]


def _change(before: _Earlier, now: Verdict) -> Change:
    was = {gate.name: gate for gate in before.gates}
    pairs = [(was[gate.name], gate) for gate in now.gates if gate.name in was]
    judged = {old.name for old, new in pairs if {old.outcome, new.outcome} <= set(JUDGED)}
    found = {(f.gate, f.fingerprint) for f in now.findings if f.gate in judged}
    known = {(f.gate, f.fingerprint) for f in before.findings if f.gate in judged}
    return Change(
        run_id=before.run_id,
        started=before.started,
        verdict=before.verdict,
        gates=tuple(
            GateChange(new.name, old.outcome, new.outcome)
            for old, new in pairs
            if old.outcome != new.outcome
        ),
        metrics=tuple(
            MetricChange(new.name, one.metric, one.value, other.value)
            for old, new in pairs
            for one in old.conditions
            for other in new.conditions
            if one.metric == other.metric and one.value is not None and other.value is not None
            if one.value != other.value
        ),
        appeared=len(found - known),
        gone=len(known - found),
    )
