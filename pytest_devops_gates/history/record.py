"""What the history keeps of a verdict, and under whose name. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pytest_devops_gates.evidence import Finding, RanTest
from pytest_devops_gates.history.records import GateRecord, RuleRecord, RunRecord
from pytest_devops_gates.outside import HistoryTable
from pytest_devops_gates.verdict import Ruling, Verdict


def of_verdict(verdict: Verdict, project: str, ran: tuple[RanTest, ...]) -> RunRecord:
    """A run as it is recorded: its numbers, and of its findings how many there are of each rule."""
    return RunRecord(
        project=project,
        run_id=verdict.run_id,
        profile=verdict.profile,
        complete=verdict.selection.complete and verdict.shard is None,
        verdict=verdict.verdict,
        reason=verdict.reason,
        exit_status=verdict.exit_status,
        started=verdict.started,
        seconds=verdict.seconds,
        commit=verdict.commit,
        dirty=verdict.dirty,
        release=verdict.project.version,
        gates=tuple(map(_gate, verdict.gates)),
        rules=tuple(_rules(verdict.findings)),
        tests=ran,
    )


def project_name(table: HistoryTable, pyproject: Mapping[str, Any], root: Path) -> str:
    """The name under which a project is recorded: as ``[tool.devops-gates.history] project`` says,
    or else that of its package, or else of its folder."""
    told = pyproject.get("project")
    name = told.get("name") if isinstance(told, Mapping) else None
    return table.project or (name if isinstance(name, str) and name else None) or root.name or "-"


def _gate(ruling: Ruling) -> GateRecord:
    receipt = ruling.receipt
    return GateRecord(
        name=ruling.name,
        stage=ruling.stage,
        level=ruling.level,
        outcome=ruling.outcome,
        reason=ruling.reason,
        seconds=receipt.seconds if receipt else 0.0,
        cached=bool(receipt and receipt.cached),
        metrics=dict(ruling.metrics),
    )


def _rules(findings: Iterable[Finding]) -> Iterable[RuleRecord]:
    counts: dict[tuple[str, str], Counter[str]] = {}
    for finding in findings:
        counts.setdefault((finding.gate, finding.rule), Counter())[finding.state] += 1
    for (gate, rule), states in sorted(counts.items()):
        yield RuleRecord(gate, rule, states["new"], states["known"], states["waived"])
