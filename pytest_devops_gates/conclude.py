"""From evidence to the verdict: pure but for the source lines that fingerprints are taken of."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from pytest_devops_gates import policy
from pytest_devops_gates.evidence import Evidence
from pytest_devops_gates.findings import complete
from pytest_devops_gates.plan import Plan
from pytest_devops_gates.project import Project
from pytest_devops_gates.stage import Stage
from pytest_devops_gates.verdict import (
    EXIT_INTERRUPTED,
    EXIT_STATUS,
    OFF,
    UNKNOWN,
    Ruling,
    StageOutcome,
    TestCounts,
    Verdict,
    worst,
)


def conclude(
    pending: Verdict,
    plan: Plan,
    project: Project,
    evidence: Mapping[str, Evidence],
    interrupted: str | None,
) -> Verdict:
    """The verdict over all evidence; every known gate has its ruling in it."""
    gathered = {
        name: msgspec.structs.replace(found, findings=complete(name, found.findings, project.root))
        for name, found in evidence.items()
    }
    rulings = [
        policy.rule(plan.settings[gate.name], gathered[gate.name])
        if gate.name in gathered
        else _off(plan, gate.name)
        for gate in plan.gates
    ]
    answer = policy.answer(rulings)
    status = EXIT_STATUS[answer.verdict]
    if interrupted:
        answer = policy.Answer(UNKNOWN, f"interrupted by {interrupted}")
        status = EXIT_INTERRUPTED
    return msgspec.structs.replace(
        pending,
        verdict=answer.verdict,
        reason=answer.reason,
        exit_status=status,
        commit=project.commit,
        dirty=project.dirty,
        base=project.base,
        stages=tuple(
            StageOutcome(stage.value, worst([r for r in rulings if r.stage == stage.value]))
            for stage in Stage
        ),
        gates=tuple(rulings),
        findings=tuple(f for found in gathered.values() for f in found.findings),
        tests=_test_counts(rulings),
    )


def _off(plan: Plan, name: str) -> Ruling:
    settings = plan.settings[name]
    return Ruling(
        name=name,
        stage=settings.stage,
        level=settings.level,
        outcome=OFF,
        reason=plan.reasons[name],
        owner=settings.owner,
    )


def _test_counts(rulings: list[Ruling]) -> TestCounts:
    metrics = next((r.metrics for r in rulings if r.name == "tests"), {})
    fields = {field.name: field.type for field in msgspec.structs.fields(TestCounts)}
    known = {name: metrics[name] for name in fields if name in metrics}
    return msgspec.convert(
        {
            name: value if name == "seconds" else bool(value) if name == "complete" else int(value)
            for name, value in known.items()
        },
        TestCounts,
    )
