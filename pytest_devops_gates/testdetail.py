"""The particulars of a test run: its levels, the slowest, the flaky, and why tests were skipped.
Pure. Each list is cut, so that a run of 100,000 tests has no longer a report than one of a hundred.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from pytest_devops_gates.evidence import (
    FlakyTest,
    LevelCounts,
    Proof,
    RanTest,
    SkipReason,
    TestDetail,
    TimedTest,
)
from pytest_devops_gates.findings import shortened
from pytest_devops_gates.levels import LEVELS
from pytest_devops_gates.tally import Tally
from pytest_devops_gates.testrun import is_flaky, outcomes

SLOWEST, FLAKY, REASONS, PROVING = 20, 100, 20, 20
NOTHING: Mapping[str, str] = {}
ID = 300
"""Characters that are kept of a test's id."""


def detail(
    run: Tally,
    metrics: Mapping[str, float],
    paths: Sequence[str] = (),
    ended: Mapping[str, str] = NOTHING,
) -> TestDetail:
    """The particulars of a run; the numbers of its levels are among its ``metrics``, and ``ended``
    is the outcome of each test."""
    return TestDetail(
        levels=tuple(_levels(metrics)),
        slowest=_slowest(run),
        flaky=_flaky(run),
        skips=_skips(run),
        collected_sha256=next(iter(run.digests)) if len(run.digests) == 1 else "",
        paths=tuple(paths),
        proofs=tuple(_proofs(run, ended)),
    )


def ran(run: Tally, ended: Mapping[str, str]) -> tuple[RanTest, ...]:
    """Every test that ended, with the seconds of all its phases and tries."""
    borne: dict[str, list[str]] = {}
    for requirement in sorted(run.requirements):
        for test in run.requirements[requirement] if requirement else ():
            borne.setdefault(test, []).append(requirement)
    return tuple(
        RanTest(
            test,
            outcome,
            round(sum(report["seconds"] for report in run.reports[test]), 6),
            tuple(borne.get(test, ())),
        )
        for test, outcome in ended.items()
    )


def name(test: str) -> str:
    """A test's id as it can be read."""
    return shortened(test, ID)


def _proofs(run: Tally, ended: Mapping[str, str]) -> Iterable[Proof]:
    """The requirements with what their tests came to. Tests that were deselected are among those of
    a requirement and in none of its counts, so that those of several shards can be added. One of
    which a subtest was skipped did not try all that it is about, and proves as little as one that
    was skipped whole."""
    for requirement, tests in sorted(run.requirements.items()):
        counts = Counter(
            "skipped" if ended.get(test) == "passed" and run.skipped_subtests(test)
            else ended.get(test, "unfinished")
            for test in tests & run.selected
        )  # fmt: skip
        failed = counts["failed"] + counts["error"]
        yield Proof(
            requirement,
            passed=counts["passed"],
            failed=failed,
            others=counts.total() - counts["passed"] - failed,
            tests=tuple(map(name, heapq.nsmallest(PROVING, tests))),
        )


def _levels(metrics: Mapping[str, float]) -> list[LevelCounts]:
    return [
        LevelCounts(
            name=level,
            run=int(metrics[level]),
            failed=int(metrics[f"{level}.failed"]),
            skipped=int(metrics[f"{level}.skipped"]),
        )
        for level in LEVELS
        if metrics[level] or metrics[f"{level}.skipped"]
    ]


def _slowest(run: Tally) -> tuple[TimedTest, ...]:
    seconds = {
        test: sum(report["seconds"] for report in reports) for test, reports in run.reports.items()
    }
    slowest = heapq.nsmallest(SLOWEST, seconds, key=lambda test: (-seconds[test], test))
    return tuple(
        TimedTest(name(test), round(seconds[test], 3), ", ".join(outcomes(run, test)))
        for test in slowest
    )


def _flaky(run: Tally) -> tuple[FlakyTest, ...]:
    """Those that were tried most often first."""
    tries = {test: len(run.call_reports(test)) for test in run.reports if is_flaky(run, test)}
    worst = heapq.nsmallest(FLAKY, tries, key=lambda test: (-tries[test], test))
    return tuple(FlakyTest(name(test), tries[test]) for test in worst)


def _skips(run: Tally) -> tuple[SkipReason, ...]:
    """Why, for most tests first."""
    reasons: Counter[str] = Counter()
    for reports in run.reports.values():
        skips = [r for r in reports if r["outcome"] == "skipped" and not r.get("xfail")]
        if skips:
            reasons[shortened(skips[-1].get("message", ""), ID)] += 1
    for skipped in run.collect_skips:
        reasons[shortened(skipped["message"], ID)] += 1
    order = sorted(reasons.items(), key=lambda item: (-item[1], item[0]))
    return tuple(
        SkipReason(reason or "no reason was given", count) for reason, count in order[:REASONS]
    )
