"""What the gates of several runs found, as of one run. Pure.

A gate that several jobs ran has the findings of all, and is unknown where one of them could not
tell.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import chain

import msgspec
from msgspec.structs import replace

from pytest_devops_gates.conditions import Baselines
from pytest_devops_gates.config import ShardTable
from pytest_devops_gates.evidence import (
    Evidence,
    Finding,
    Receipt,
    Severity,
)
from pytest_devops_gates.newness import New
from pytest_devops_gates.plan import Plan
from pytest_devops_gates.policy import Settings, rule
from pytest_devops_gates.shards import testparts
from pytest_devops_gates.shards.parts import Part
from pytest_devops_gates.verdict import (
    FAIL,
    NOT_APPLICABLE,
    OFF,
    OUTCOMES,
    UNKNOWN,
    Ruling,
)

TESTS = "tests"
NONE: Mapping[str, Evidence] = {}
STATES = ("new", "known", "waived")
SEVERITIES = tuple(Severity)


class Gathered(msgspec.Struct, frozen=True):
    """The evidence of each gate, and what decides which of its findings are new."""

    evidence: dict[str, Evidence]
    news: dict[str, New]


def gather(
    parts: Sequence[Part],
    plan: Plan,
    shards: Mapping[str, ShardTable],
    here: Mapping[str, Evidence],
    reports: Mapping[str, Evidence] = NONE,
    test_files: Collection[str] = (),
) -> Gathered:
    """The evidence of every gate that is not off. What was gathered ``here`` stands in the place of
    what the parts say, and ``reports`` of other jobs beside it. ``test_files`` are those that some
    part has to run."""
    evidence, news = {}, {}
    for name, settings in plan.settings.items():
        if name in plan.reasons:
            continue
        pairs = [
            (part, ruling)
            for part in parts
            if may_speak(part, settings.stage, shards) and (ruling := _ruling(part, name))
        ]
        if name in here:
            evidence[name] = here[name]
        else:
            told = [_evidence(part, ruling, settings) for part, ruling in pairs]
            told += [reports[name]] if name in reports else []
            evidence[name] = _together(told, settings)
        if name == TESTS and pairs:
            ran, numbers = [part for part, _ in pairs], [_measured(ruling) for _, ruling in pairs]
            evidence[name] = testparts.as_one(ran, evidence[name], numbers, test_files)
        baselines = _baselines(r for _, r in pairs)
        if name == TESTS:  # what a part measured at the base is its part of it
            baselines = replace(baselines, measured={})
        news[name] = New(evidence[name].findings, baselines)
    return Gathered(evidence, news)


def may_speak(part: Part, stage: str, shards: Mapping[str, ShardTable]) -> bool:
    """Whether the policy lets a part speak for a stage, whatever the part says of it."""
    stages = shards.get(part.name, ShardTable(stages=[])).stages
    return stages is None or stage in stages


def _ruling(part: Part, gate: str) -> Ruling | None:
    """What a part says of a gate, if it ran it."""
    gates = part.verdict.gates if part.verdict else ()
    return next((r for r in gates if r.name == gate and r.outcome != OFF), None)


def _evidence(part: Part, ruling: Ruling, settings: Settings) -> Evidence:
    """What a part gathered, as its own supervisor had it. That it failed, or could not tell, is not
    forgotten where its numbers do not show it. What it waived is waived here, or not."""
    assert part.verdict
    told = f"{part.name}: {ruling.reason.removeprefix(f'{ruling.name}: ')}"
    found = [f for f in part.verdict.findings if f.gate == ruling.name]
    evidence = Evidence(
        findings=tuple(replace(f, state="new") if f.state == "waived" else f for f in found),
        metrics=_measured(ruling),
        examined=ruling.receipt.examined if ruling.receipt else None,
        unknown=told if ruling.outcome == UNKNOWN else None,
        not_applicable=ruling.reason if ruling.outcome == NOT_APPLICABLE else None,
        receipt=ruling.receipt,
        notes=tuple(f"{part.name}: {note}" for note in ruling.notes),
        log=ruling.log,
        rules=tuple(rule for rule in part.verdict.rules if rule.gate == ruling.name),
    )
    is_silent = ruling.outcome == FAIL and _rank(settings, evidence) > OUTCOMES.index(UNKNOWN)
    return replace(evidence, unknown=told) if is_silent else evidence


def _rank(settings: Settings, evidence: Evidence) -> int:
    """How bad it is what a part gathered, the worst being 0."""
    return OUTCOMES.index(rule(settings, evidence).outcome)


def _measured(ruling: Ruling) -> dict[str, float]:
    """The gate's own metrics; those of its findings are counted anew."""
    return {k: v for k, v in ruling.metrics.items() if not k.startswith("findings.")}


def _together(found: Sequence[Evidence], settings: Settings) -> Evidence:
    """Of several, all findings, once each, and the numbers of the worst one."""
    if not found:
        return Evidence(unknown="no shard ran it")
    told = [one for one in found if not one.not_applicable] or list(found)
    worst = min(told, key=lambda one: _rank(settings, one))
    return replace(
        worst,
        findings=_once(chain.from_iterable(one.findings for one in told)),
        unknown=next((one.unknown for one in told if one.unknown), None),
        examined=_sum(one.examined for one in told),
        receipt=_receipt(one.receipt for one in told),
        notes=tuple(dict.fromkeys(note for one in told for note in one.notes)),
        rules=tuple({rule.id: rule for one in told for rule in one.rules}.values()),
    )


def _once(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Each finding once; where parts differ over it, as the worse of them has it."""
    kept: dict[tuple[str, str | None, int | None], Finding] = {}
    for finding in findings:
        key = (finding.fingerprint, finding.path, finding.line)
        before = kept.get(key)
        if before is None or _badness(finding) < _badness(before):
            kept[key] = finding
    return tuple(kept.values())


def _badness(finding: Finding) -> tuple[int, int]:
    return STATES.index(finding.state), SEVERITIES.index(finding.severity)


def _sum(numbers: Iterable[int | None]) -> int | None:
    told = [number for number in numbers if number is not None]
    return sum(told) if told else None


def _receipt(receipts: Iterable[Receipt | None]) -> Receipt | None:
    """The first one, with what all of them examined, and the seconds of the longest."""
    told = [receipt for receipt in receipts if receipt]
    if not told:
        return None
    return replace(
        told[0],
        seconds=max(receipt.seconds for receipt in told),
        examined=_sum(receipt.examined for receipt in told),
        cached=all(receipt.cached for receipt in told),
    )


def _baselines(rulings: Iterable[Ruling]) -> Baselines:
    measured = [m for r in rulings for m in (*r.conditions, *r.warnings) if m.baseline is not None]
    return Baselines(
        {
            m.metric: m.baseline
            for m in measured
            if m.baseline is not None and m.source == "recorded"
        },
        {
            m.metric: m.baseline
            for m in measured
            if m.baseline is not None and m.source == "measured"
        },
    )
