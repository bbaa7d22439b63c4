"""Watches over what judges: gathers what governance.py compares, and tells the gate ``policy``.

It runs beside the gates, since it needs the base's own policy and, now and then, the base's tree.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, datetime, timezone

import msgspec
import pytest

from pytest_devops_gates import (
    approvals,
    charter,
    disk,
    git,
    governance,
    loosening,
    quarantine_file,
    waivers,
)
from pytest_devops_gates.baseline import FILE as BASELINE
from pytest_devops_gates.basetree import lay_out
from pytest_devops_gates.basis import completed
from pytest_devops_gates.board import plan_file
from pytest_devops_gates.brief import Brief, planned
from pytest_devops_gates.change import Change
from pytest_devops_gates.errors import CannotTell, NotApplicable, UsageError
from pytest_devops_gates.evidence import Evidence, Finding
from pytest_devops_gates.gate import REQUIRED, Gate
from pytest_devops_gates.governance import GATE, Rules
from pytest_devops_gates.newness import New
from pytest_devops_gates.plan import Plan
from pytest_devops_gates.project import Project
from pytest_devops_gates.quarantine_file import QuarantineFile
from pytest_devops_gates.request import Request
from pytest_devops_gates.verdict import Approval, Waiver
from pytest_devops_gates.waiver_file import WaiverFile, read, selectors


class Seen(msgspec.Struct, frozen=True):
    """What was seen beside the gates: loosenings, gates that judged the base and do not apply
    here, and why something could not be compared. A change of the policy alone has its digest in
    ``proposal``, and in ``approval`` who consented to it. ``waived`` is what the base waives."""

    loosened: tuple[Finding, ...] = ()
    applied: tuple[str, ...] = ()
    trouble: str | None = None
    waived: tuple[Waiver, ...] = ()
    proposal: str | None = None
    approval: Approval | None = None
    approvals: int = 0


class Settled(msgspec.Struct, frozen=True):
    """The evidence with the last word on each finding, the waivers with what they hold back, and
    the approvals that count."""

    evidence: dict[str, Evidence]
    waivers: tuple[Waiver, ...]
    approvals: tuple[Approval, ...]


def watch(
    known: Brief, project: Project, request: Request, manager: pytest.PytestPluginManager
) -> Seen:
    """Compare what judges here with what judged at the base."""
    change = project.change
    if change is None or GATE in known.plan.reasons or governance.is_merged(change):
        return Seen()
    try:
        shown = f"{change.base.ref} ({change.base.commit[:10]})"
        there = charter.at(project.root, change.base.commit, shown)
        before = _rules(there, project, request, manager)
        here = _rules(known.comparison.own, project, request, manager)
        gone = _requirements(known, project, change)
    except (CannotTell, UsageError) as why:
        return Seen(trouble=f"the policy cannot be compared with the base's: {why}")
    with contextlib.ExitStack() as room:
        applied = _applied_at_base(known, project, before, room)
    seen = Seen(
        loosened=(*governance.loosened(before, here, change), *gone),
        applied=tuple(applied),
        waived=selectors(_waivers(there, before.plan)),
    )
    if not governance.is_policy_alone(there, here.charter, change):
        return seen
    digest = governance.proposal(here.charter)
    return msgspec.structs.replace(
        seen,
        proposal=digest,
        approvals=sum(one.policy is not None for one in here.charter.approvals),
        approval=approvals.of_policy(here.charter.approvals, digest, _today()),
    )


def _requirements(known: Brief, project: Project, change: Change) -> tuple[Finding, ...]:
    """What the change takes out of the plan that had to be proven. Raises CannotTell and UsageError
    for a plan that cannot be read."""
    if all(plan_file.FILE not in (file.path, file.old) for file in change.files):
        return ()
    there = git.contents(project.root, change.base.commit, (plan_file.FILE,)).get(plan_file.FILE)
    here = plan_file.found(project.root)
    before, after = (plan_file.read(data or b"").board for data in (there, here))
    asked = known.plan.settings.get("traceability")
    is_required = asked is not None and asked.level == REQUIRED
    return tuple(loosening.requirements(before, after, required=is_required))


def waived_once(known: Brief, project: Project, seen: Seen) -> Callable[[Finding], bool]:
    """Tells whether a waiver names a finding, here or at the base, be it one that has ended."""
    sides = (known.comparison.judging, known.comparison.own)
    named = [*seen.waived, *(w for side in sides for w in selectors(_waivers(side, known.plan)))]
    old_paths = project.change.old_paths() if project.change else {}

    def is_waived(finding: Finding) -> bool:
        old = old_paths.get(finding.path or "")
        return any(waivers.names(waiver, finding, old) for waiver in named)

    return is_waived


def settle(
    evidence: Mapping[str, Evidence],
    news: Mapping[str, New],
    known: Brief,
    project: Project,
    seen: Seen,
) -> Settled:
    """Give each finding its state, hold back what is waived, and let the gate ``policy`` say what
    is wrong with what judges."""
    gathered = {
        name: msgspec.structs.replace(found, findings=news[name].findings)
        for name, found in evidence.items()
    }
    sides = (known.comparison.judging, known.comparison.own)
    file, own = (_waivers(each, known.plan) for each in sides)
    _add(gathered, project, _said(gathered, known, project, seen, own))
    applied = waivers.apply(
        [f for found in gathered.values() for f in found.findings],
        file.waivers,
        project.change.old_paths() if project.change else {},
    )
    by_gate: dict[str, list[Finding]] = {name: [] for name in gathered}
    for finding in applied.findings:
        by_gate[finding.gate].append(_approved(finding, seen))
    gathered = {
        name: msgspec.structs.replace(found, findings=tuple(by_gate[name]))
        for name, found in gathered.items()
    }
    judged = _judged(gathered, known, project)
    _add(gathered, project, waivers.unmatched(applied, file.lines, judged, _today()))
    if GATE in gathered:
        own_word = gathered[GATE]
        gathered[GATE] = msgspec.structs.replace(
            own_word,
            unknown=own_word.unknown or seen.trouble,
            notes=(*own_word.notes, *_how_to_approve(seen)),
        )
    approved = (seen.approval,) if seen.approval else ()
    return Settled(gathered, applied.waivers, approved)


def _approved(finding: Finding, seen: Seen) -> Finding:
    """A loosening that somebody approved is held back, and stays in sight."""
    if seen.approval is None or finding.gate != GATE:
        return finding
    if not any(finding.rule == f.rule and finding.message == f.message for f in seen.loosened):
        return finding
    return msgspec.structs.replace(
        finding, state="waived", waiver=f"approved by {seen.approval.who}"
    )


def _how_to_approve(seen: Seen) -> Iterator[str]:
    if not seen.loosened or seen.approval:
        return
    if seen.proposal is None:
        yield (
            "a change of the policy can be approved where it touches nothing but devops-gates/ and"
            " [tool.devops-gates]: bring it in by a change of its own"
        )
        return
    yield (
        f"this is a change of the policy alone: who may do so approves it in {approvals.FILE}:"
        f' [[approval]] who = "…", when = {_today()}, policy = "{seen.proposal}"'
    )
    if seen.approvals:
        yield f"{approvals.FILE} approves other policies: this one has changed since, or it is over"


def _said(
    evidence: Mapping[str, Evidence], known: Brief, project: Project, seen: Seen, own: WaiverFile
) -> Iterable[Finding]:
    """What governance has to say of the policy and of the files beside it, those of the change."""
    yield from seen.loosened
    yield from governance.turned_off(seen.applied, evidence, known.plan)
    judged = _judged(evidence, known, project)
    there = {name: found for name, found in evidence.items() if name in judged}
    text = ""
    with contextlib.suppress(OSError):
        text = disk.read_plain(project.root / BASELINE).decode("utf-8", "replace")
    yield from governance.stale(known.comparison.own.baseline, there, text)
    yield from own.problems
    held = _quarantine(known.comparison.own)
    yield from held.problems
    if project.scope is None and project.shard is None and not project.listing_error:
        yield from quarantine_file.unmatched(held, evidence.get("tests"), project.files)


def _judged(evidence: Mapping[str, Evidence], known: Brief, project: Project) -> set[str]:
    """The gates that looked at all that there is, and came to an end."""
    if project.scope is not None:
        return set()
    return {name for name, found in evidence.items() if governance.has_judged(found)} - {GATE}


def _add(gathered: dict[str, Evidence], project: Project, more: Iterable[Finding]) -> None:
    """Give findings to the gate ``policy``, unless it is off."""
    found = gathered.get(GATE)
    if found is not None:
        own = completed(GATE, Evidence(findings=tuple(more)), project.root)
        gathered[GATE] = msgspec.structs.replace(found, findings=(*found.findings, *own.findings))


def _waivers(each: charter.Charter, plan: Plan) -> WaiverFile:
    names = [gate.name for gate in plan.gates]
    return read(each.waivers or b"", waivers.FILE, names, _today())


def _quarantine(each: charter.Charter) -> QuarantineFile:
    return quarantine_file.read(each.quarantine or b"", _today())


def _today() -> date:
    return datetime.now(timezone.utc).date()


def _rules(
    each: charter.Charter,
    project: Project,
    request: Request,
    manager: pytest.PytestPluginManager,
) -> Rules:
    table = charter.table_of(each)
    plan = planned(table, project, request, manager)
    return Rules(each, table, plan, _waivers(each, plan).waivers, _quarantine(each).entries)


def _applied_at_base(
    known: Brief, project: Project, before: Rules, room: contextlib.ExitStack
) -> list[str]:
    """The required gates that do not apply here and did at the base."""
    change, plan = project.change, known.plan
    gone = [
        gate
        for gate in plan.gates
        if gate.name not in plan.reasons
        and plan.settings[gate.name].level == REQUIRED
        and _applies(gate, plan.options[gate.name], project) is False
    ]
    if not gone or change is None or not change.files:
        return []
    base = lay_out(project, change, room, own_settings=True)
    base = msgspec.structs.replace(base, pyproject=before.charter.pyproject)
    return [g.name for g in gone if _applies(g, before.plan.options.get(g.name), base)]


def _applies(gate: Gate, options: object, project: Project) -> bool | None:
    """Whether a gate applies; None where it cannot tell without running."""
    try:
        return None if gate.applies is None else gate.applies(project, options) is None
    except NotApplicable:
        return False
    except (CannotTell, UsageError, OSError):
        return None
