"""A run as the history keeps it: values only."""

from __future__ import annotations

import msgspec

from pytest_devops_gates.evidence import RanTest

SCHEMA = "pytest-devops-gates/run/1"


class GateRecord(msgspec.Struct, frozen=True):
    """One gate of a run. ``seconds`` are its tool's, and ``metrics`` all that it measured."""

    name: str
    stage: str
    level: str
    outcome: str
    reason: str = ""
    seconds: float = 0.0
    cached: bool = False
    metrics: dict[str, float] = {}


class RuleRecord(msgspec.Struct, frozen=True):
    """How many findings of one rule a gate had, by state."""

    gate: str
    rule: str
    new: int = 0
    known: int = 0
    waived: int = 0


class RunRecord(msgspec.Struct, frozen=True):
    """One run of a project. ``complete`` says that nothing was left out of it, and ``release`` is
    the project's own version. ``tests`` are all that ended."""

    project: str
    run_id: str
    profile: str
    complete: bool
    verdict: str
    reason: str
    exit_status: int
    started: str
    seconds: float
    commit: str | None = None
    dirty: bool = False
    release: str | None = None
    gates: tuple[GateRecord, ...] = ()
    rules: tuple[RuleRecord, ...] = ()
    tests: tuple[RanTest, ...] = ()
    schema: str = SCHEMA
