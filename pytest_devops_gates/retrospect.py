"""A test run beside those before it: what is flaky, what became slow, and whose quarantine may end.
Pure. The history informs; no test passes by what it did before."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from pytest_devops_gates.evidence import Evidence, FlakyTest, RanTest, TestDetail
from pytest_devops_gates.findings import MESSAGE, shortened
from pytest_devops_gates.past import Past
from pytest_devops_gates.project import Project
from pytest_devops_gates.quarantine import FILE, Quarantined, takes
from pytest_devops_gates.testdetail import FLAKY, name

PASSED = "passed"
FAILED = frozenset({"failed", "error"})
FLAKY_SAID = " · passed before on this very commit: flaky"
NEWLY_SLOW = "slow.new"
NO_HISTORY = "no earlier run that passed is known to compare the tests with"
SHOWN = 5
"""Tests that a note names."""


def looked_back(
    gathered: Mapping[str, Evidence], options: Mapping[str, Any], project: Project
) -> dict[str, Evidence]:
    """The evidence of all gates, that of the tests with what earlier runs add to it."""
    if "tests" not in gathered:
        return dict(gathered)
    slow = options["tests"].slow
    return {
        **gathered,
        "tests": with_past(gathered["tests"], project.past, slow, project.quarantine),
    }


def with_past(
    evidence: Evidence, past: Past, slow: float, quarantine: Sequence[Quarantined] = ()
) -> Evidence:
    """The evidence of the tests, with what earlier runs add to it.

    ``slow`` is the seconds from which on a test is slow. Each of several jobs tells of its own
    tests; when they are put together, nothing is added to that.
    """
    detail = evidence.tests
    if detail is None:
        return evidence
    evidence = _with_flaky(evidence, detail, past)
    evidence = _with_slow(evidence, past, slow)
    released = _released(evidence, past, quarantine)
    return msgspec.structs.replace(evidence, notes=(*evidence.notes, *released))


def _with_flaky(evidence: Evidence, detail: TestDetail, past: Past) -> Evidence:
    """Those that passed and failed on one commit without a change are flaky, however they ended."""
    turned = [test for test in evidence.ran if _turned(test, past)]
    if not turned:
        return evidence
    known = {test.id for test in detail.flaky}
    fresh = [name(test.id) for test in turned if name(test.id) not in known]
    flaky = (*detail.flaky, *(FlakyTest(test, 1, "history") for test in fresh))
    failed = {name(test.id) for test in turned if test.outcome in FAILED}
    count = evidence.metrics.get("flaky", 0.0) + len(fresh)
    return msgspec.structs.replace(
        evidence,
        metrics={**evidence.metrics, "flaky": count},
        tests=msgspec.structs.replace(detail, flaky=flaky[:FLAKY]),
        findings=tuple(
            msgspec.structs.replace(finding, message=_said_flaky(finding.message))
            if failed and not failed.isdisjoint(_heads(finding.message))
            else finding
            for finding in evidence.findings
        ),
    )


def _turned(test: RanTest, past: Past) -> bool:
    before = past.here.get(test.id, frozenset())
    if test.outcome == PASSED:
        return not FAILED.isdisjoint(before)
    return test.outcome in FAILED and PASSED in before


def _heads(message: str) -> Iterator[str]:
    """All with which a message may begin that names a test: an id may hold a colon as well."""
    at = message.find(": ")
    while at >= 0:
        yield message[:at]
        at = message.find(": ", at + 1)


def _said_flaky(message: str) -> str:
    return shortened(message, MESSAGE - len(FLAKY_SAID)) + FLAKY_SAID


def _with_slow(evidence: Evidence, past: Past, slow: float) -> Evidence:
    """Tests that passed slowly, and were not there before, or took less than half of that."""
    if past.unknown or NEWLY_SLOW in evidence.metrics:  # unknown as a condition on it, or told
        return evidence
    if not past.tests or not evidence.ran:
        return msgspec.structs.replace(
            evidence, inapplicable={**evidence.inapplicable, NEWLY_SLOW: NO_HISTORY}
        )
    found = sorted(
        (
            test
            for test in evidence.ran
            if test.outcome == PASSED
            and test.seconds >= slow
            and past.tests.get(test.id, 0.0) < test.seconds / 2
        ),
        key=lambda test: (-test.seconds, test.id),
    )
    return msgspec.structs.replace(
        evidence,
        metrics={**evidence.metrics, NEWLY_SLOW: float(len(found))},
        notes=(*evidence.notes, *_slow_said(found, past)),
    )


def _slow_said(found: Sequence[RanTest], past: Past) -> Iterator[str]:
    if not found:
        return
    named = [f"{name(test.id)} {_seconds(test, past)}" for test in found[:SHOWN]]
    tests = "1 test is" if len(found) == 1 else f"{len(found)} tests are"
    yield f"{tests} newly slow: {_listed(named, len(found))}"


def _seconds(test: RanTest, past: Past) -> str:
    before = past.tests.get(test.id)
    was = "new" if before is None else f"{before:.1f} s before"
    return f"({test.seconds:.1f} s, {was})"


def _released(evidence: Evidence, past: Past, quarantine: Iterable[Quarantined]) -> Iterator[str]:
    """The quarantines whose tests passed here at once, in the last run that passed, and in all that
    is known of this commit."""
    wavering = {test.id for test in evidence.tests.flaky} if evidence.tests else set()
    for entry in quarantine:
        tests = [test for test in evidence.ran if takes(entry.test, test.id)]
        if tests and all(_is_steady(test, past, wavering) for test in tests):
            yield f"the quarantine of {name(entry.test)} can end: it passes · take it out of {FILE}"


def _is_steady(test: RanTest, past: Past, wavering: Collection[str]) -> bool:
    return (
        test.outcome == PASSED
        and test.id in past.tests
        and name(test.id) not in wavering
        and FAILED.isdisjoint(past.here.get(test.id, frozenset()))
    )


def _listed(named: Sequence[str], count: int) -> str:
    more = f" and {count - len(named)} more" if count > len(named) else ""
    return ", ".join(named) + more
