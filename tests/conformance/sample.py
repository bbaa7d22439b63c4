"""The one run that all cases are made of: a verdict of schema /1 as it stands in its file."""

from __future__ import annotations

import hashlib
from typing import Any

STARTED, RUN_ID = "2026-01-31T12:00:00Z", "20260131T120000Z-0a1b2c"
COMMIT, OTHER_COMMIT = "1f" * 20, "2e" * 20
POLICY, OTHER_POLICY = "3d" * 32, "4c" * 32

WHEEL, SDIST = "demo-1.0.0-py3-none-any.whl", "demo-1.0.0.tar.gz"
ARTEFACTS = {WHEEL: b"the bytes of a wheel\n", SDIST: b"the bytes of an sdist\n"}
TESTS = b'{"event": "outcome", "id": "tests/test_demo.py::test_one", "outcome": "passed"}\n'

STAGES = ("plan", "develop", "build", "test", "security", "deploy", "operate", "feedback")
REASON = "3 required gates passed: lint, package, tests"


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def gate(name: str, stage: str, metric: str, **metrics: float) -> dict[str, Any]:
    """A required gate that passed, with one condition on a metric."""
    counts = {"total": 0, "new": 0, "known": 0, "waived": 0}
    numbers = {f"findings.{state}": float(n) for state, n in counts.items()} | metrics
    return {
        "name": name,
        "stage": stage,
        "level": "required",
        "outcome": "pass",
        "reason": f"{name}: {metric} 0, 3 examined",
        "conditions": [condition(metric)],
        "warnings": [],
        "metrics": numbers,
        "findings": counts,
        "receipt": {"tool": name, "exit_code": 0, "examined": 3},
    }


def condition(metric: str) -> dict[str, Any]:
    return {"metric": metric, "operator": "==", "limit": 0.0, "value": 0.0, "holds": True}


def verdict() -> dict[str, Any]:
    """A pass, with one finding that a waiver holds back."""
    lint = gate("lint", "develop", "findings.new")
    lint["findings"] = {"total": 1, "new": 0, "known": 0, "waived": 1}
    lint["metrics"] |= {"findings.total": 1.0, "findings.waived": 1.0, "findings.high": 0.0}
    ran = {"collected": 1, "passed": 1, "failed": 0, "seconds": 0.5, "complete": 1}
    tests = gate("tests", "test", "failed", **{k: float(v) for k, v in ran.items()})
    zero = ("deselected", "errors", "skipped", "xfailed", "xpassed", "rerun", "flaky", "altered")
    return {
        "schema": "pytest-devops-gates/verdict/1",
        "verdict": "pass",
        "reason": REASON,
        "exit_status": 0,
        "started": STARTED,
        "seconds": 12.5,
        "run_id": RUN_ID,
        "version": "0.1.0",
        "profile": "release",
        "commit": COMMIT,
        "dirty": False,
        "base": None,
        "selection": {"stages": list(STAGES), "complete": True},
        "policy": {"source": "pyproject.toml", "sha256": POLICY},
        "stages": [
            {"name": name, "outcome": "pass" if name in ("develop", "build", "test") else "off"}
            for name in STAGES
        ],
        "gates": [lint, gate("package", "build", "findings.high", **{"findings.high": 0.0}), tests],
        "findings": [
            {
                "gate": "lint",
                "rule": "F401",
                "message": "unused import",
                "severity": "medium",
                "confidence": None,
                "path": "demo.py",
                "line": 1,
                "fingerprint": "5b" * 16,
                "state": "waived",
                "waiver": "old-import",
            }
        ],
        "tests": {**dict.fromkeys(zero, 0), **ran, "complete": True},
        "project": {"name": "demo", "version": "1.0.0", "folder": ""},
        "waivers": [
            {
                "id": "old-import",
                "gate": "lint",
                "reason": "goes with 2.0",
                "owner": "the team",
                "created": "2026-01-01",
                "expires": "2026-03-01",
                "rule": "F401",
                "holds_back": 1,
            }
        ],
        "approvals": [],
        "artefacts": [
            {"name": name, "sha256": sha256(data), "size": len(data)}
            for name, data in ARTEFACTS.items()
        ],
    }
