"""Which findings a change brought: those that neither the baseline nor the base's own tree has."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path

import msgspec

from pytest_devops_gates.baseline import Baseline
from pytest_devops_gates.change import Change
from pytest_devops_gates.conditions import Baselines
from pytest_devops_gates.counts import finding_metrics, selector
from pytest_devops_gates.debt import Debt, old_paths, owed, settle
from pytest_devops_gates.edits import Spot, edited
from pytest_devops_gates.evidence import Evidence, Finding
from pytest_devops_gates.findings import read_source
from pytest_devops_gates.policy import Settings
from pytest_devops_gates.project import Project

KNOWN = "known"


class AtBase(msgspec.Struct, frozen=True):
    """The evidence of a gate on the base's tree; ``lines`` are the texts of its findings' lines."""

    evidence: Evidence
    lines: tuple[str, ...] = ()


class New(msgspec.Struct, frozen=True):
    """The findings with their states, the metrics to compare with, and ``doubt``: why it cannot be
    told which of them are new."""

    findings: tuple[Finding, ...]
    baseline: Baselines = Baselines()
    doubt: str | None = None


def newness(
    evidence: Evidence,
    gate: str,
    baseline: Baseline,
    at_base: AtBase | None,
    project: Project,
    waived: Callable[[Finding], bool] = lambda finding: False,
) -> New:
    """The state of each finding of a gate: ``known`` by the baseline, or by what the gate found on
    the base's tree. Two that are alike are excused by two that were. What is ``waived``, or was
    once, is excused by the baseline alone: it is not old when its waiver ends."""
    change = project.change
    written = findings = _excused(evidence.findings, baseline.of(gate), change)
    doubt = project.base_error
    there = at_base.evidence if at_base else None
    if at_base and there and change:
        doubt = there.unknown and f"the gate could not tell on the base's tree: {there.unknown}"
        findings = _excused(findings, _not_written(there, baseline.of(gate)), change)
        findings = _edited(findings, at_base, change, project.root)
        findings = tuple(
            before if before.state == "new" and waived(before) else after
            for before, after in zip(written, findings, strict=True)
        )
    numbers = numbers_at_base(gate, baseline, there)
    is_open = any(finding.state == "new" for finding in findings)
    return New(findings, numbers, doubt if doubt and is_open else None)


def numbers_at_base(gate: str, baseline: Baseline, there: Evidence | None) -> Baselines:
    """What a gate's metrics are compared with; ``there`` is its evidence on the base's tree."""
    return Baselines(
        recorded={n.metric: n.value for n in baseline.numbers if n.gate == gate},
        measured=_metrics(there) if there and not there.unknown else {},
    )


def lacks_numbers(settings: Settings, baseline: Baseline) -> bool:
    """Whether a condition compares with a number that nobody has recorded."""
    conditions = (*settings.conditions, *settings.warnings)
    return any(c.relative and baseline.number(settings.name, c.metric) is None for c in conditions)


def is_open(
    settings: Settings, evidence: Evidence, baseline: Baseline, change: Change, *, hurried: bool
) -> bool:
    """Whether there are findings that the baseline does not excuse; where it is ``hurried``, such
    that a condition counts."""
    left = _excused(evidence.findings, baseline.of(settings.name), change)
    new = [finding for finding in left if finding.state == "new"]
    if not hurried:
        return bool(new)
    conditions = (*settings.conditions, *settings.warnings)
    chosen = [found for c in conditions if (found := selector(c.metric))]
    return any(one.takes(finding) for one in chosen for finding in new)


def _excused(
    findings: Sequence[Finding], debts: Sequence[Debt], change: Change | None
) -> tuple[Finding, ...]:
    """The findings, those that are still new and that an entry excuses being known."""
    waiting = [n for n, finding in enumerate(findings) if finding.state == "new"]
    if not waiting or not debts:
        return tuple(findings)
    on_new_line = _on_new_line(change)
    last = {at for at, n in enumerate(waiting) if on_new_line(findings[n])}
    ones = [owed(findings[n]) for n in waiting]
    settled = settle(ones, debts, old_paths(change), last)
    known = {n for n, is_known in zip(waiting, settled.known, strict=True) if is_known}
    return tuple(
        msgspec.structs.replace(finding, state=KNOWN) if n in known else finding
        for n, finding in enumerate(findings)
    )


def _edited(
    findings: Sequence[Finding], at_base: AtBase, change: Change, root: Path
) -> tuple[Finding, ...]:
    """The findings, those on lines that were edited being known where the line had them before."""
    everything = [owed(finding) for finding in findings]
    left = Counter(settle(everything, map(owed, at_base.evidence.findings), old_paths(change)).left)
    before = []
    for finding, text in zip(at_base.evidence.findings, at_base.lines, strict=True):
        if left[owed(finding)] > 0 and finding.line and finding.path and text:
            left[owed(finding)] -= 1
            before.append(Spot(owed(finding).kind, finding.path, finding.line, text))
    waiting = [n for n, f in enumerate(findings) if f.state == "new" and f.line and f.path]
    if not before or not waiting:
        return tuple(findings)
    read = lru_cache(maxsize=64)(lambda path: read_source(root, path))
    now = [
        Spot(owed(f).kind, f.path or "", f.line or 0, read(f.path).line(f.line))
        for f in (findings[n] for n in waiting)
    ]
    known = {waiting[at] for at in edited(now, before, change)}
    return tuple(
        msgspec.structs.replace(finding, state=KNOWN) if n in known else finding
        for n, finding in enumerate(findings)
    )


def _not_written(at_base: Evidence, written: Sequence[Debt]) -> list[Debt]:
    """What the base's tree shows beside what the baseline excuses already: nothing excuses two."""
    shown = [owed(finding) for finding in at_base.findings]
    known = settle(shown, written, {}).known
    return [debt for debt, is_known in zip(shown, known, strict=True) if not is_known]


def _metrics(at_base: Evidence) -> dict[str, float]:
    return {**at_base.metrics, **finding_metrics(at_base.findings)}


def _on_new_line(change: Change | None) -> Callable[[Finding], bool]:
    """Whether a finding stands on a line that the change brought."""
    if change is None:
        return lambda finding: False
    lines = {file.path: file.added for file in change.files}

    def is_new(finding: Finding) -> bool:
        added = lines.get(finding.path or "", ())
        at = bisect_right(added, finding.line or 0, key=lambda run: run[0]) - 1
        return at >= 0 and (finding.line or 0) <= added[at][1]

    return is_new
