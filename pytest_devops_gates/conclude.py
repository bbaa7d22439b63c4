"""From evidence to the verdict. Pure."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from pytest_devops_gates import policy
from pytest_devops_gates.change import Change
from pytest_devops_gates.conditions import Baselines, Condition
from pytest_devops_gates.evidence import Evidence, Rule, TestDetail
from pytest_devops_gates.gate import Gate
from pytest_devops_gates.newness import New
from pytest_devops_gates.plan import Plan
from pytest_devops_gates.project import Project
from pytest_devops_gates.stage import Stage
from pytest_devops_gates.verdict import (
    EXIT_INTERRUPTED,
    EXIT_STATUS,
    FAIL,
    OFF,
    UNKNOWN,
    Compared,
    ProjectName,
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
    news: Mapping[str, New],
    interrupted: str | None,
    unfit: str | None = None,
) -> Verdict:
    """The verdict over all evidence; every known gate has its ruling in it. ``unfit`` says why what
    judged is not to be believed: then nothing is a pass."""
    rulings = [
        _ruling(gate, plan, evidence.get(gate.name), news.get(gate.name), project)
        for gate in plan.gates
    ]
    answer = policy.answer(rulings)
    if unfit and answer.verdict != FAIL:
        answer = policy.Answer(UNKNOWN, unfit)
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
        compared=_compared(project.change),
        stages=tuple(
            StageOutcome(stage.value, worst([r for r in rulings if r.stage == stage.value]))
            for stage in Stage
        ),
        gates=tuple(rulings),
        findings=tuple(f for found in evidence.values() for f in found.findings),
        tests=_test_counts(rulings, evidence["tests"].tests if "tests" in evidence else None),
        project=_named(project),
        rules=tuple(_rules(plan.gates, evidence)),
    )


def _ruling(
    gate: Gate, plan: Plan, evidence: Evidence | None, new: New | None, project: Project
) -> Ruling:
    settings = plan.settings[gate.name]
    if evidence is None:
        ruling = Ruling(
            name=gate.name,
            stage=settings.stage,
            level=settings.level,
            outcome=OFF,
            reason=plan.reasons[gate.name],
            owner=settings.owner,
        )
    else:
        new = new or New(evidence.findings)
        if project.shard is not None:
            settings = _of_part(settings)
        baselines = _with_history(new.baseline, gate.name, project)
        ruling = policy.rule(settings, evidence, baselines, new.doubt)
    return msgspec.structs.replace(ruling, about=gate.about, again=gate.again)


def _with_history(baselines: Baselines, gate: str, project: Project) -> Baselines:
    """With the numbers of the last run that passed, where no base can tell them: there is none, or
    it was measured and has no such number. One that was asked and could not tell stays unknown:
    nobody shall choose what is compared with by breaking the run on the base."""
    past = project.past.passing
    is_silent = project.change is not None and not baselines.measured
    if not past or is_silent or project.base_error:
        return baselines
    named = f"{gate}."
    numbers = {
        metric[len(named) :]: value
        for metric, value in past[0].metrics.items()
        if metric.startswith(named)
    }
    return msgspec.structs.replace(baselines, history=numbers)


def _of_part(settings: policy.Settings) -> policy.Settings:
    """What can be asked of a part of the tests: that nothing in it is wrong, not that it is enough.
    All conditions are asked of all parts together (see shards/combine.py)."""
    if settings.name == "coverage":
        return msgspec.structs.replace(settings, conditions=(), warnings=())
    if settings.name != "tests":
        return settings
    conditions = tuple(c for c in settings.conditions if _bounds_above(c))
    return msgspec.structs.replace(settings, conditions=conditions, warnings=())


def _bounds_above(condition: Condition) -> bool:
    return condition.operator in ("<", "<=") or (condition.operator == "==" and not condition.limit)


def _compared(change: Change | None) -> Compared | None:
    if change is None:
        return None
    lines = sum(last - first + 1 for file in change.files for first, last in file.added)
    return Compared(change.base.ref, change.base.told, len(change.files), lines)


def _named(project: Project) -> ProjectName:
    told = project.pyproject.get("project")
    told = told if isinstance(told, dict) else {}
    name, version = told.get("name"), told.get("version")
    folder = os.path.relpath(project.root, project.toplevel or project.root)
    return ProjectName(
        name=name if isinstance(name, str) else project.root.name,
        version=version if isinstance(version, str) else None,
        folder="" if folder == "." else folder.replace(os.sep, "/"),
    )


def _rules(gates: Sequence[Gate], gathered: Mapping[str, Evidence]) -> Iterable[Rule]:
    """What is known of the rules that findings name: of the tool, or else of the gate itself."""
    for gate in gates:
        evidence = gathered.get(gate.name, Evidence())
        known = {rule.id: rule for rule in (*gate.rules, *evidence.rules)}
        for name in dict.fromkeys(finding.rule for finding in evidence.findings):
            if name in known:
                yield msgspec.structs.replace(known[name].fit(), gate=gate.name)


def _test_counts(rulings: list[Ruling], detail: TestDetail | None) -> TestCounts:
    metrics = next((r.metrics for r in rulings if r.name == "tests"), {})
    fields = {field.name: field.type for field in msgspec.structs.fields(TestCounts)}
    known = {name: metrics[name] for name in fields if name in metrics}
    return msgspec.convert(
        {
            name: value if name == "seconds" else bool(value) if name == "complete" else int(value)
            for name, value in known.items()
        }
        | {"detail": detail or TestDetail()},
        TestCounts,
    )
