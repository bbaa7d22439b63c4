"""The tests of several runs as one run: their numbers added, and what no run had. Pure.

That no test was left to nobody is told by the digests of what each job collected.
"""

from __future__ import annotations

import hashlib
import heapq
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import TypeVar

from msgspec.structs import replace

from pytest_devops_gates.evidence import (
    Evidence,
    FlakyTest,
    LevelCounts,
    Proof,
    SkipReason,
    TestDetail,
    TimedTest,
)
from pytest_devops_gates.shards.parts import Part
from pytest_devops_gates.testdetail import FLAKY, PROVING, REASONS, SLOWEST

T = TypeVar("T")

ORDER = " (does each shard see the tests in the same order? pytest-randomly: -p no:randomly)"
DESELECTED = "tests were deselected"
"""What each shard notes: the others ran them."""
NOT_ADDED = frozenset({"complete", "wall"})
"""Numbers of a test run that are no counts."""


def as_one(
    parts: Sequence[Part],
    together: Evidence,
    numbers: Iterable[Mapping[str, float]],
    test_files: Collection[str],
) -> Evidence:
    """One test run. ``together`` is what the parts found, ``numbers`` what each of them counted,
    and ``test_files`` are those that some part has to run."""
    metrics: Counter[str] = Counter()
    wall: list[float] = []
    for counts in numbers:
        wall += [counts["wall"]] if "wall" in counts else []
        metrics.update({k: v for k, v in counts.items() if k not in NOT_ADDED})
    gaps = [*_gaps(parts), *_uncovered(parts, test_files)]
    unknown = together.unknown or (gaps[0] if gaps else None)
    return replace(
        together,
        metrics={
            **metrics,
            **_collected(parts),
            **({"wall": max(wall)} if wall else {}),  # people wait for the longest
            "complete": float(unknown is None),
        },
        unknown=unknown,
        notes=(*(n for n in together.notes if not n.endswith(DESELECTED)), *gaps[1:]),
        tests=_detail([part.verdict.tests.detail for part in parts if part.verdict]),
    )


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
        proofs=tuple(_proofs(_all(d.proofs for d in details))),
    )


def _proofs(told: Iterable[Proof]) -> Iterator[Proof]:
    """Each requirement once: what its tests came to in all parts."""
    found: dict[str, Proof] = {}
    for proof in told:
        before = found.get(proof.requirement, Proof(proof.requirement))
        found[proof.requirement] = Proof(
            proof.requirement,
            passed=before.passed + proof.passed,
            failed=before.failed + proof.failed,
            others=before.others + proof.others,
            tests=tuple(heapq.nsmallest(PROVING, {*before.tests, *proof.tests})),
        )
    yield from (found[requirement] for requirement in sorted(found))


def _all(several: Iterable[Sequence[T]]) -> Iterator[T]:
    return chain.from_iterable(several)


def _seconds(test: TimedTest) -> float:
    return test.seconds


def _tries(test: FlakyTest) -> int:
    return test.tries
