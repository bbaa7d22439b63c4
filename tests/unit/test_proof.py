"""Whether a gate bites, from what two runs say of it."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_devops_gates.gate import Canary
from pytest_devops_gates.proof import Proof, Run, judge_proof, unknown_run

WHERE = "src/canary.py"
CANARY = Canary("a fault", {WHERE: "x\n", "src/b/canary.py": "x\n", "other.txt": "y\n"})
CONDITION = {
    "metric": "findings.new", "operator": "==", "limit": 0.0, "value": 1.0, "holds": False
}  # fmt: skip
WORSE = ({**CONDITION, "value": 3.0},)


def finding(path: str = WHERE, **fields: Any) -> dict[str, Any]:
    return {"path": path, "rule": "F1", "severity": "high", "fingerprint": path, **fields}


def run(
    outcome: str,
    *findings: dict[str, Any],
    examined: int | None = 3,
    conditions: tuple[dict[str, Any], ...] = (CONDITION,),
    level: str = "required",
) -> Run:
    ruling = {
        "name": "g",
        "outcome": outcome,
        "level": level,
        "reason": f"g: {outcome} for a reason · show",
        "conditions": list(conditions),
        "findings": {"total": len(findings)},
        "receipt": {"examined": examined},
    }
    return Run(ruling, findings)


BOTH = (finding(), finding("src/b/canary.py"))
PASS = run("pass")
ROWS: list[tuple[str, Run, Run, bool | None, str]] = [
    ("red, then green", run("fail", *BOTH), PASS, True, "fail for a reason; pass again without it"),
    ("red, then a warning", run("fail", *BOTH), run("warn"), True, "warn again"),
    ("red by a number", run("fail"), PASS, True, "pass again without it"),
    ("blocks as unknown", run("unknown"), PASS, True, "turns unknown, which blocks"),
    ("blocks nothing", run("unknown", level="advisory"), PASS, False, "unknown: unknown for"),
    ("one folder excluded", run("fail", finding()), PASS, False, "not found in src/b/canary.py"),
    ("not read", run("pass"), PASS, False, "it did not read src/canary.py"),
    ("read", run("pass", examined=6), PASS, False, "the rule is muted, or its tool is broken"),
    ("read less", run("pass", examined=2), PASS, False, "did not read"),
    ("found, and let be", run("pass", *BOTH, examined=6), PASS, False,
     "it found F1 (high), and its conditions still hold: findings.new 1, needs == 0"),
    ("a limit too low", run("pass", examined=6, conditions=({**CONDITION, "metric": "line"},)),
     PASS, False, "its conditions still hold: line 1"),
    ("broken both times", run("unknown"), run("unknown"), False, "unknown: unknown for a reason"),
    ("red, and then unknown", run("fail", *BOTH), run("unknown"), False, "is unknown without"),
    ("red anyway, and worse", run("fail", *BOTH, conditions=WORSE), run("fail", finding("old.py")),
     True, "red without it as well"),
    ("red anyway, and found in vain", run("fail", *BOTH), run("fail", finding("old.py")), False,
     "it found F1 (high), which does not count; it is red anyway"),
    ("red anyway, not found", run("fail", finding("old.py")), run("fail", finding("old.py")),
     False, "not found; it is red anyway"),
    ("red for the same", run("fail", *BOTH), run("fail", *BOTH), None, "for the same reason"),
    ("does not apply", run("not-applicable"), run("not-applicable"), None, "not applicable"),
    ("off", run("off"), PASS, False, "off: off for a reason"),
    ("no verdict", unknown_run("g", "it left none"), PASS, False, "it left none"),
    ("no verdicts", unknown_run("g", "none"), unknown_run("g", "none"), False, "unknown: none"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("planted", "clean", "bites", "says"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS]
)
def test_what_two_runs_prove(planted: Run, clean: Run, bites: bool | None, says: str) -> None:
    proof = judge_proof("g", CANARY, planted, clean)
    assert isinstance(proof, Proof)
    assert (proof.bites, says in proof.says) == (bites, True), proof
    assert " · show" not in proof.says
