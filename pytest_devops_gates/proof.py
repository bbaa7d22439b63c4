"""Whether a gate bites: pure. Two rulings in, with and without its canary; one answer out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from pytest_devops_gates.conditions import exact, number
from pytest_devops_gates.gate import REQUIRED, Canary


class Run(msgspec.Struct, frozen=True):
    """What one run says of one gate, read from its verdict.json."""

    ruling: dict[str, Any]
    findings: tuple[dict[str, Any], ...] = ()

    @property
    def outcome(self) -> str:
        return str(self.ruling["outcome"])

    @property
    def reason(self) -> str:
        name = str(self.ruling["name"])
        return str(self.ruling["reason"]).removeprefix(f"{name}: ").partition(" · ")[0]


class Proof(msgspec.Struct, frozen=True):
    """``bites`` is None where there is nothing to prove; ``says`` is one line."""

    gate: str
    bites: bool | None
    says: str


def unknown_run(gate: str, reason: str) -> Run:
    """A run that left no ruling of the gate."""
    return Run(
        {
            "name": gate,
            "outcome": "unknown",
            "reason": reason,
            "conditions": [],
            "findings": {"total": 0},
        }
    )


def judge_proof(gate: str, canary: Canary, planted: Run, clean: Run) -> Proof:
    """Whether the gate turned red by its canary, and is what it was without it.

    A gate that is red without the canary as well must have found the canary itself.
    """
    found = [f for f in planted.findings if f["path"] in canary.files]
    if clean.outcome == "not-applicable":
        return Proof(gate, None, f"not applicable: {clean.reason}")
    blocks = planted.outcome == "unknown" and planted.ruling.get("level") == REQUIRED
    if blocks and clean.outcome in ("pass", "warn"):
        said = f"{canary.says}: turns unknown, which blocks: {planted.reason}"
        return Proof(gate, True, f"{said}; {clean.outcome} again without it")
    if planted.outcome != "fail":
        return Proof(gate, False, f"{canary.says}: {_why_green(canary, planted, clean, found)}")
    missed = _missed(canary, found)
    if missed:
        return Proof(gate, False, f"{canary.says}: was not found in {', '.join(missed)}")
    if clean.outcome in ("pass", "warn"):
        again = f"{clean.outcome} again without it"
    elif clean.outcome != "fail":
        return Proof(gate, False, f"is {clean.outcome} without its canary: {clean.reason}")
    elif _worse(planted, clean):
        again = f"red without it as well: {clean.reason}"
    elif found and not _unseen(found, clean):
        return Proof(gate, None, f"is red for the same reason without its canary: {clean.reason}")
    else:
        what = f"it found {_rules(found)}, which does not count" if found else "not found"
        return Proof(gate, False, f"{canary.says}: {what}; it is red anyway: {clean.reason}")
    return Proof(gate, True, f"{canary.says}: {planted.reason}; {again}")


def judge_unplanted(gate: str, trouble: str, clean: Run) -> Proof:
    """What is known of a gate whose canary could not be planted."""
    if clean.outcome == "not-applicable":
        return Proof(gate, None, f"not applicable: {clean.reason}")
    return Proof(gate, False, f"its canary could not be planted: {trouble}")


def _worse(planted: Run, clean: Run) -> bool:
    """Whether a condition that is broken in both is broken by another value."""
    before = {c["metric"]: c["value"] for c in clean.ruling["conditions"]}
    return any(
        c["holds"] is False and c["value"] != before.get(c["metric"])
        for c in planted.ruling["conditions"]
    )


def _rules(found: Sequence[dict[str, Any]]) -> str:
    return ", ".join(sorted({f"{f['rule']} ({f['severity']})" for f in found}))


def _unseen(found: Sequence[dict[str, Any]], clean: Run) -> bool:
    """Whether any of these findings is not there without the canary."""
    known = {finding["fingerprint"] for finding in clean.findings}
    return any(finding["fingerprint"] not in known for finding in found)


def _missed(canary: Canary, found: Iterable[dict[str, Any]]) -> list[str]:
    """Where the same was planted as where something was found, and nothing was."""
    seen = {finding["path"] for finding in found}
    contents = {canary.files[path] for path in seen}
    return [name for name, text in canary.files.items() if text in contents and name not in seen]


def _why_green(canary: Canary, planted: Run, clean: Run, found: Sequence[dict[str, Any]]) -> str:
    """Why a gate did not turn red."""
    if planted.outcome in ("unknown", "off", "not-applicable"):
        return f"{planted.outcome}: {planted.reason}"
    if found:
        held = ", ".join(_condition(c) for c in planted.ruling["conditions"])
        return f"it found {_rules(found)}, and its conditions still hold: {held}"
    before, after = _examined(clean), _examined(planted)
    places = ", ".join(canary.files) or "it"
    if canary.files and before is not None and after is not None and after <= before:
        return f"it did not read {places}: its settings leave that out, or its tool is broken"
    held = ", ".join(_condition(c) for c in planted.ruling["conditions"])
    if not planted.ruling["findings"]["total"] and any(
        not str(c["metric"]).startswith("findings.") for c in planted.ruling["conditions"]
    ):
        return f"its conditions still hold: {held}"
    return f"it read {places} and found nothing there: the rule is muted, or its tool is broken"


def _condition(measured: dict[str, Any]) -> str:
    value = "not measured" if measured["value"] is None else number(measured["value"])
    limit = f"{measured['operator']} {exact(measured['limit'])}"
    return f"{measured['metric']} {value}, needs {limit}"


def _examined(run: Run) -> int | None:
    receipt = run.ruling.get("receipt")
    return receipt["examined"] if receipt else None
