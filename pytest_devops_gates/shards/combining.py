"""The runs of several jobs put together: what each gate found, and what is wrong with the parts.
Pure.

A gate that several jobs ran has the findings of all, and is unknown where one of them could not
tell. Of the tests the numbers are added; that no test was left to nobody is told by the digests of
what each job collected.
"""

from __future__ import annotations

import hashlib
import heapq
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import chain
from typing import TypeVar

import msgspec

from pytest_devops_gates.conditions import Baselines
from pytest_devops_gates.config import ShardTable
from pytest_devops_gates.evidence import (
    Evidence,
    Finding,
    FlakyTest,
    LevelCounts,
    Receipt,
    SkipReason,
    TestDetail,
    TimedTest,
)
from pytest_devops_gates.newness import New
from pytest_devops_gates.plan import Plan
from pytest_devops_gates.shards.parts import Part
from pytest_devops_gates.testdetail import FLAKY, REASONS, SLOWEST
from pytest_devops_gates.verdict import (
    EXIT_FAIL,
    EXIT_PASS,
    EXIT_UNKNOWN,
    NOT_APPLICABLE,
    OFF,
    UNKNOWN,
    Ruling,
    Verdict,
    Waiver,
)

T = TypeVar("T")

TESTS = "tests"
ORDER = " (does each shard see the tests in the same order? pytest-randomly: -p no:randomly)"
DESELECTED = "tests were deselected"
"""What each shard notes: the others ran them."""
NOT_ADDED = frozenset({"complete"})
"""Numbers of a test run that are no counts."""


class Wanted(msgspec.Struct, frozen=True):
    """What the parts must be of. ``shards`` are those that the policy expects, and ``added`` others
    that the change itself names. No part may have begun before ``since``."""

    commit: str | None
    profile: str
    policy: str
    shards: Mapping[str, ShardTable]
    added: Mapping[str, ShardTable] = {}
    since: datetime | None = None


class Gathered(msgspec.Struct, frozen=True):
    """The evidence of each gate, and what decides which of its findings are new."""

    evidence: dict[str, Evidence]
    news: dict[str, New]


def flaws(parts: Sequence[Part], wanted: Wanted) -> list[str]:
    """All that keeps the parts from being the whole, in the order of the expected shards.

    A part that is missing, doubled, stale or foreign is told by its name."""
    if not wanted.shards:
        return ["no shard is expected: [tool.devops-gates.shards] names none"]
    found = [part.error for part in parts if part.error]
    counted = Counter(part.name for part in parts if part.verdict)
    found += [f"the shard {name} is missing" for name in wanted.shards if name not in counted]
    found += [f"the shard {n} is there {count} times" for n, count in counted.items() if count > 1]
    for part in parts:
        if part.verdict:
            told = f"the shard {part.name} ({part.where})" if part.name else part.where
            found += [f"{told} {flaw}" for flaw in _flaws(part.verdict, wanted)]
    return found


def sound(parts: Sequence[Part], wanted: Wanted) -> list[Part]:
    """The parts that may say anything: one that is doubled, stale or foreign says nothing."""
    counted = Counter(part.name for part in parts if part.verdict)
    return [
        part
        for part in parts
        if part.verdict and counted[part.name] == 1 and not any(_flaws(part.verdict, wanted))
    ]


def _flaws(verdict: Verdict, wanted: Wanted) -> Iterator[str]:
    known = {*wanted.shards, *wanted.added}
    if not verdict.shard:
        yield "is no shard: DEVOPS_GATES_SHARD was not set when it ran"
    elif verdict.shard not in known:
        yield "is foreign: the policy expects no such shard"
    if verdict.exit_status not in (EXIT_PASS, EXIT_FAIL, EXIT_UNKNOWN) or not verdict.gates:
        yield f"came to no end: {verdict.reason}"
        return
    if verdict.commit != wanted.commit:
        commits = f"{_short(verdict.commit)}, not {_short(wanted.commit)}"
        yield f"is foreign: it is of the commit {commits}"
    if verdict.dirty:
        yield "ran on a checkout with changes that no commit holds"
    if verdict.profile != wanted.profile:
        yield f"is foreign: it is of the profile {verdict.profile}, not {wanted.profile}"
    if verdict.policy.sha256 != wanted.policy:
        told = f"{verdict.policy.sha256[:12]}, not {wanted.policy[:12]}"
        yield f"is foreign: it was judged by another policy ({told})"
    begun = _instant(verdict.started)
    if wanted.since and (begun is None or begun < wanted.since):
        yield f"is stale: it began at {verdict.started}"


def _short(commit: str | None) -> str:
    return commit[:10] if commit else "(none)"


def _instant(told: str) -> datetime | None:
    try:
        return datetime.fromisoformat(told.replace("Z", "+00:00"))
    except ValueError:
        return None


def gather(
    parts: Sequence[Part],
    plan: Plan,
    shards: Mapping[str, ShardTable],
    extra: Mapping[str, Evidence],
    test_files: Collection[str] = (),
) -> Gathered:
    """The evidence of every gate that is not off. ``extra`` is what was gathered here, of coverage
    and of reports of other languages; it stands in the place of what the parts say. ``test_files``
    are those that some part has to run."""
    evidence, news = {}, {}
    for gate in plan.gates:
        name = gate.name
        if name in plan.reasons:
            continue
        pairs = [
            (part, ruling)
            for part in parts
            if (ruling := _ruling(part, name)) and _may_speak(part, ruling, shards)
        ]
        if name in extra:
            evidence[name] = extra[name]
        elif not pairs:
            evidence[name] = Evidence(unknown="no shard ran it")
        elif name == TESTS:
            evidence[name] = _tests(pairs, test_files)
        else:
            evidence[name] = _together([_evidence(part, ruling) for part, ruling in pairs])
        news[name] = New(evidence[name].findings, _baselines(r for _, r in pairs))
    return Gathered(evidence, news)


def _ruling(part: Part, gate: str) -> Ruling | None:
    """What a part says of a gate, if it ran it."""
    gates = part.verdict.gates if part.verdict else ()
    return next((r for r in gates if r.name == gate and r.outcome != OFF), None)


def _may_speak(part: Part, ruling: Ruling, shards: Mapping[str, ShardTable]) -> bool:
    stages = shards.get(part.name, ShardTable()).stages
    return stages is None or ruling.stage in stages


def _evidence(part: Part, ruling: Ruling) -> Evidence:
    """What a part gathered, as its own supervisor had it."""
    assert part.verdict
    reason = f"{part.name}: {ruling.reason.removeprefix(f'{ruling.name}: ')}"
    return Evidence(
        findings=tuple(f for f in part.verdict.findings if f.gate == ruling.name),
        metrics=_measured(ruling),
        examined=ruling.receipt.examined if ruling.receipt else None,
        unknown=reason if ruling.outcome == UNKNOWN else None,
        not_applicable=ruling.reason if ruling.outcome == NOT_APPLICABLE else None,
        receipt=ruling.receipt,
        notes=tuple(f"{part.name}: {note}" for note in ruling.notes),
        log=ruling.log,
        rules=tuple(rule for rule in part.verdict.rules if rule.gate == ruling.name),
    )


def _measured(ruling: Ruling) -> dict[str, float]:
    """The gate's own metrics; those of its findings are counted anew."""
    return {k: v for k, v in ruling.metrics.items() if not k.startswith("findings.")}


def _together(found: Sequence[Evidence]) -> Evidence:
    """Of several, all findings, once each; the numbers of the first that has most findings."""
    told = [one for one in found if not one.not_applicable] or list(found)
    worst = max(told, key=lambda one: len(one.findings))
    findings = {(f.fingerprint, f.state, f.path, f.line): f for one in told for f in one.findings}
    return msgspec.structs.replace(
        worst,
        findings=tuple(findings.values()),
        unknown=next((one.unknown for one in told if one.unknown), None),
        examined=_sum(one.examined for one in told),
        receipt=_receipt(one.receipt for one in told),
        notes=tuple(dict.fromkeys(note for one in told for note in one.notes)),
        rules=tuple({rule.id: rule for one in told for rule in one.rules}.values()),
    )


def _sum(numbers: Iterable[int | None]) -> int | None:
    told = [number for number in numbers if number is not None]
    return sum(told) if told else None


def _receipt(receipts: Iterable[Receipt | None]) -> Receipt | None:
    """The first one, with what all of them examined, and the seconds of the longest."""
    told = [receipt for receipt in receipts if receipt]
    if not told:
        return None
    return msgspec.structs.replace(
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
            if m.baseline is not None and m.source != "measured"
        },
        {
            m.metric: m.baseline
            for m in measured
            if m.baseline is not None and m.source == "measured"
        },
    )


# the tests


def _tests(pairs: Sequence[tuple[Part, Ruling]], test_files: Collection[str]) -> Evidence:
    """One test run, of those of all parts."""
    parts = [part for part, _ in pairs]
    found = _together([_evidence(part, ruling) for part, ruling in pairs])
    metrics: Counter[str] = Counter()
    for _, ruling in pairs:
        metrics.update({k: v for k, v in _measured(ruling).items() if k not in NOT_ADDED})
    details = [part.verdict.tests.detail for part in parts if part.verdict]
    gaps = [*_gaps(parts), *_uncovered(parts, test_files)]
    unknown = found.unknown or (gaps[0] if gaps else None)
    numbers = dict(metrics) | _collected(parts)
    return msgspec.structs.replace(
        found,
        findings=tuple(chain.from_iterable(_failed(part) for part in parts)),
        metrics=numbers | {"complete": float(unknown is None)},
        unknown=unknown,
        notes=(*(n for n in found.notes if not n.endswith(DESELECTED)), *gaps[1:]),
        tests=_detail(details),
    )


def _failed(part: Part) -> list[Finding]:
    return [f for f in part.verdict.findings if f.gate == TESTS] if part.verdict else []


def _gaps(parts: Sequence[Part]) -> Iterator[str]:
    """What no part ran. A job that collected the same tests as others shares its digest with them;
    one that is told to run others may fill the gap."""
    everything = _digest(set().union(*(part.tests for part in parts)))
    for digest, some in _by_digest(parts).items():
        names = ", ".join(part.name for part in some)
        if not digest:
            yield f"{names}: it cannot be told which tests were collected"
        elif _digest(set().union(*(part.tests for part in some))) != digest != everything:
            missing = _missing(some)
            yield f"{missing} tests that {names} collected were run by no shard{ORDER}"


def _uncovered(parts: Sequence[Part], test_files: Collection[str]) -> Iterator[str]:
    """The first test file that no part was told to run."""
    paths = {path for part in parts if part.verdict for path in part.verdict.tests.detail.paths}
    above = tuple(f"{path}/" for path in paths)
    if "." in paths:
        return
    left = [f for f in test_files if f not in paths and not f.startswith(above)]
    if left:
        yield f"{left[0]} was left out by the paths that each shard ran ({len(left)} files in all)"


def _by_digest(parts: Sequence[Part]) -> dict[str, list[Part]]:
    groups: dict[str, list[Part]] = {}
    for part in parts:
        if part.verdict:
            groups.setdefault(part.verdict.tests.detail.collected_sha256, []).append(part)
    return groups


def _digest(tests: Collection[str]) -> str:
    """As the recorder makes it (see recorder/plugin.py)."""
    plain = "\n".join(sorted(tests)).encode("utf-8", "backslashreplace")
    return hashlib.sha256(plain).hexdigest()


def _missing(parts: Sequence[Part]) -> str:
    """How many tests no part ran, as far as the counts tell."""
    ran = len(set().union(*(part.tests for part in parts)))
    collected = max(part.verdict.tests.collected for part in parts if part.verdict)
    return str(collected - ran) if collected > ran else "some"


def _collected(parts: Sequence[Part]) -> dict[str, float]:
    """What was collected, each suite once, and what of it nobody was to run."""
    collected = ran = 0
    for some in _by_digest(parts).values():
        collected += max(part.verdict.tests.collected for part in some if part.verdict)
        ran += len(set().union(*(part.tests for part in some)))
    return {"collected": float(collected), "deselected": float(max(0, collected - ran))}


def _detail(details: Sequence[TestDetail]) -> TestDetail:
    slowest = heapq.nlargest(SLOWEST, _all(d.slowest for d in details), key=_seconds)
    flaky = heapq.nlargest(FLAKY, _all(d.flaky for d in details), key=_tries)
    skips: Counter[str] = Counter()
    levels: dict[str, Counter[str]] = {}
    for detail in details:
        skips.update({skip.reason: skip.tests for skip in detail.skips})
        for level in detail.levels:
            counts = {"run": level.run, "failed": level.failed, "skipped": level.skipped}
            levels.setdefault(level.name, Counter()).update(counts)
    return TestDetail(
        levels=tuple(
            LevelCounts(n, c["run"], c["failed"], c["skipped"]) for n, c in levels.items()
        ),
        slowest=tuple(slowest),
        flaky=tuple(flaky),
        skips=tuple(SkipReason(reason, count) for reason, count in skips.most_common(REASONS)),
    )


def _all(several: Iterable[Sequence[T]]) -> Iterator[T]:
    return chain.from_iterable(several)


def _seconds(test: TimedTest) -> float:
    return test.seconds


def _tries(test: FlakyTest) -> int:
    return test.tries


def waivers(parts: Sequence[Part]) -> tuple[Waiver, ...]:
    """Each waiver once, with the most that it held back in one part."""
    found: dict[str, Waiver] = {}
    for part in parts:
        for waiver in part.verdict.waivers if part.verdict else ():
            before = found.get(waiver.id)
            held = max(waiver.holds_back, before.holds_back if before else 0)
            found[waiver.id] = msgspec.structs.replace(waiver, holds_back=held)
    return tuple(found.values())


def conflicts(parts: Sequence[Part]) -> list[str]:
    """Artefacts of one name that are different files."""
    digests: dict[str, set[str]] = {}
    for part in parts:
        for artefact in part.verdict.artefacts if part.verdict else ():
            digests.setdefault(artefact.name, set()).add(artefact.sha256)
    return [
        f"the shards built different files {n}"
        for n, several in digests.items()
        if len(several) > 1
    ]
