"""Runs, roll-outs and incidents for the tests of the history."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from pytest_devops_gates import deployments
from pytest_devops_gates.deployments import Deployment
from pytest_devops_gates.evidence import RanTest, Severity
from pytest_devops_gates.history.records import GateRecord, RuleRecord, RunRecord
from pytest_devops_gates.incident import Incident

PROJECT = "tea-shop"
TESTS = (RanTest("tests/test_tea.py::test_hot", "passed", 0.25, ("REQ-1",)),
         RanTest("tests/test_tea.py::test_sweet", "passed", 0.5))  # fmt: skip


def moment(hours: float) -> str:
    """A time so many hours after the first one."""
    return (datetime(2026, 3, 1) + timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ")


def run(n: int, **other: Any) -> RunRecord:
    """The run number ``n``, an hour after the one before."""
    began = datetime(2026, 3, 1) + timedelta(hours=n)
    gates = (
        GateRecord(
            "tests",
            "test",
            "required",
            "pass",
            "2 tests passed",
            2.0,
            metrics={"passed": 2.0, "seconds": n / 4},
        ),
        GateRecord(
            "coverage",
            "test",
            "required",
            "pass",
            "",
            1.0,
            cached=True,
            metrics={"line": 90.0 + n / 100},
        ),
    )
    values: dict[str, Any] = {
        "project": PROJECT,
        "run_id": f"{began:%Y%m%dT%H%M%SZ}-{n:06x}",
        "profile": "merge",
        "complete": True,
        "verdict": "pass",
        "reason": "all gates passed",
        "exit_status": 0,
        "started": moment(n),
        "seconds": 3.5,
        "commit": f"{n:040x}",
        "release": "1.0",
        "gates": gates,
        "rules": (RuleRecord("lint", "F401", new=1), RuleRecord("lint", "E501", known=2)),
        "tests": TESTS,
    }
    return RunRecord(**{**values, **other})


def failing(*ids: str, passing: tuple[str, ...] = ()) -> tuple[RanTest, ...]:
    return (
        *(RanTest(one, "failed", 0.1) for one in ids),
        *(RanTest(one, "passed", 0.1) for one in passing),
    )


def deployment(n: int, **other: Any) -> Deployment:
    values: dict[str, Any] = {
        "schema": deployments.SCHEMA,
        "id": f"d{n}",
        "environment": "production",
        "outcome": deployments.DEPLOYED,
        "started": moment(n),
        "by": "ann",
        "commit": f"{n:040x}",
        "version": "1.0",
        "run_id": "20260301T000000Z-000001",
        "policy": "0" * 64,
        "artefacts": (),
        "argv": ("ship",),
        "ended": moment(n + 0.1),
        "exit_code": 0,
    }
    return Deployment(**{**values, **other})


def incident(n: int, **other: Any) -> Incident:
    values: dict[str, Any] = {
        "id": f"i{n}",
        "title": "No tea",
        "severity": Severity.HIGH,
        "started": moment(n),
    }
    return Incident(**{**values, **other})
