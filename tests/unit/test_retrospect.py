"""What earlier runs add to a test run, and what metrics are compared with where no base is."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_devops_gates.change import Base, Change
from pytest_devops_gates.conclude import conclude
from pytest_devops_gates.conditions import Baselines, compared_with, hold, parse_condition
from pytest_devops_gates.config import GateTable, Table
from pytest_devops_gates.evidence import (
    Evidence,
    Finding,
    FlakyTest,
    RanTest,
    Receipt,
    TestDetail,
)
from pytest_devops_gates.findings import MESSAGE
from pytest_devops_gates.gates.pytest import TESTS
from pytest_devops_gates.newness import New
from pytest_devops_gates.past import Past, PastRun
from pytest_devops_gates.plan import plan
from pytest_devops_gates.policy import NOTHING
from pytest_devops_gates.quarantine import Quarantined
from pytest_devops_gates.retrospect import FLAKY_SAID, NO_HISTORY, looked_back, with_past
from pytest_devops_gates.testdetail import FLAKY, ID
from pytest_devops_gates.verdict import Ruling
from tests.unit.samples import project, verdict

PASSED, FAILED = frozenset({"passed"}), frozenset({"failed"})
A, B = "t.py::a", "t.py::b"


def run_of(*ran: RanTest, flaky: tuple[FlakyTest, ...] = (), **fields: Any) -> Evidence:
    found = tuple(
        Finding("failed", f"{test.id}: it broke: {test.id}")
        for test in ran
        if test.outcome == "failed"
    )
    metrics = {"flaky": float(len(flaky)), **fields.pop("metrics", {})}
    detail = TestDetail(flaky=flaky)
    return Evidence(found, metrics, len(ran), tests=detail, ran=ran, **fields)


def ran(test: str = A, outcome: str = "passed", seconds: float = 0.1) -> RanTest:
    return RanTest(test, outcome, seconds)


def back(evidence: Evidence, *entries: str, slow: float = 1.0, **past: Any) -> Evidence:
    held = [Quarantined(name, "Ada", "DNS", "2026-11-01", "2026-12-31") for name in entries]
    return with_past(evidence, Past(**past), slow, held)


# flaky


@pytest.mark.parametrize(
    ("outcome", "before", "flaky"),
    [
        ("passed", FAILED, 1),
        ("passed", FAILED | PASSED, 1),
        ("passed", PASSED, 0),
        ("failed", PASSED, 1),
        ("error", PASSED, 1),
        ("failed", FAILED, 0),
        ("failed", FAILED | PASSED, 1),
        ("skipped", FAILED | PASSED, 0),
        ("xfailed", PASSED, 0),
        ("passed", frozenset(), 0),
    ],
)
def test_flaky_on_the_same_commit(outcome: str, before: frozenset[str], flaky: int) -> None:
    found = back(run_of(ran(outcome=outcome)), here={A: before})
    assert found.metrics["flaky"] == flaky
    assert found.tests
    assert found.tests.flaky == (FlakyTest(A, 1, "history"),) * flaky


def test_a_failing_one_fails_all_the_same_and_says_so() -> None:
    before = run_of(ran(A, "failed"), ran(B, "failed"))
    found = back(before, here={A: PASSED, B: FAILED})
    assert [f.message.endswith(FLAKY_SAID) for f in found.findings] == [True, False]
    assert found.findings[0].message == before.findings[0].message + FLAKY_SAID
    assert len(found.findings) == 2


def test_a_long_message_and_a_long_id() -> None:
    name = "t.py::a[" + "x: y" * ID + "]"
    shown = f"{name[: ID - ID // 4 - 1]}…{name[-ID // 4 :]}"
    evidence = run_of(ran(name, "failed"))
    long = Finding("failed", f"{shown}: {'z' * MESSAGE}"[:MESSAGE])
    evidence = back(
        Evidence((long,), evidence.metrics, 1, tests=evidence.tests, ran=evidence.ran),
        here={name: PASSED},
    )
    assert evidence.findings[0].message.endswith(FLAKY_SAID)
    assert len(evidence.findings[0].message) == MESSAGE


def test_what_reruns_have_shown_is_not_counted_twice() -> None:
    found = back(run_of(ran(), flaky=(FlakyTest(A, 2),)), here={A: FAILED})
    assert found.metrics["flaky"] == 1
    assert found.tests
    assert found.tests.flaky == (FlakyTest(A, 2),)


def test_the_list_is_cut_and_the_count_is_not() -> None:
    names = [f"t.py::t{n}" for n in range(2 * FLAKY)]
    found = back(run_of(*map(ran, names)), here=dict.fromkeys(names, FAILED))
    assert found.metrics["flaky"] == 2 * FLAKY
    assert found.tests
    assert len(found.tests.flaky) == FLAKY


# slow


@pytest.mark.parametrize(
    ("test", "before", "count"),
    [
        (ran(seconds=1.0), {B: 0.1}, 1),
        (ran(seconds=0.99), {B: 0.1}, 0),
        (ran(seconds=2.0), {A: 1.0}, 0),
        (ran(seconds=2.0), {A: 0.99}, 1),
        (ran(seconds=0.5), {A: 0.01}, 0),
        (ran(outcome="failed", seconds=9.0), {B: 0.1}, 0),
    ],
)
def test_newly_slow(test: RanTest, before: dict[str, float], count: int) -> None:
    found = back(run_of(test), tests=before)
    assert found.metrics["slow.new"] == count
    assert len(found.notes) == count
    assert "slow.new" not in found.inapplicable


def test_it_says_which_ones() -> None:
    slow = [ran(f"t.py::t{n}", seconds=n + 1.0) for n in range(7)]
    found = back(run_of(*slow), tests={"t.py::t6": 0.5})
    (note,) = found.notes
    assert note == (
        "7 tests are newly slow: t.py::t6 (7.0 s, 0.5 s before), t.py::t5 (6.0 s, new),"
        " t.py::t4 (5.0 s, new), t.py::t3 (4.0 s, new), t.py::t2 (3.0 s, new) and 2 more"
    )


def test_without_a_history_it_is_inapplicable() -> None:
    found = back(run_of(ran(seconds=9.0)))
    assert found.inapplicable == {"slow.new": NO_HISTORY}
    assert "slow.new" not in found.metrics


def test_with_a_history_that_cannot_be_read_it_is_unknown() -> None:
    found = back(run_of(ran(seconds=9.0)), unknown="no database")
    assert not found.inapplicable
    assert "slow.new" not in found.metrics


def test_shards_told_it_already_or_nobody_did() -> None:
    alone = Evidence(metrics={"slow.new": 3.0}, examined=1, tests=TestDetail())
    assert back(alone, tests={A: 1.0}) == alone
    silent = Evidence(examined=1, tests=TestDetail())
    assert back(silent, tests={A: 1.0}).inapplicable == {"slow.new": NO_HISTORY}


def test_what_is_no_test_run_is_left_alone() -> None:
    for evidence in (Evidence(unknown="it crashed"), Evidence(not_applicable="no")):
        assert back(evidence, tests={A: 1.0}) == evidence
    assert looked_back({}, {}, None) == {}  # type: ignore[arg-type]


# quarantine


@pytest.mark.parametrize(
    ("now", "past", "is_told"),
    [
        ([ran()], {"tests": {A: 1.0}}, True),
        ([ran()], {"tests": {A: 1.0}, "here": {A: PASSED}}, True),
        ([ran()], {"tests": {A: 1.0}, "here": {A: FAILED}}, False),
        ([ran()], {"tests": {B: 1.0}}, False),
        ([ran()], {}, False),
        ([ran(outcome="failed")], {"tests": {A: 1.0}}, False),
        ([ran(B)], {"tests": {A: 1.0, B: 1.0}}, False),
        ([], {"tests": {A: 1.0}}, False),
    ],
)
def test_a_quarantine_that_can_end(now: list[RanTest], past: Any, *, is_told: bool) -> None:
    found = back(run_of(*now), A, **past)
    assert any("can end" in note for note in found.notes) is is_told


def test_all_tests_of_an_entry_have_to_pass() -> None:
    both = {"tests": {A: 1.0, B: 1.0}}
    assert back(run_of(ran(A), ran(B)), "t.py", **both).notes
    assert not back(run_of(ran(A), ran(B, "failed")), "t.py", **both).notes
    assert not back(run_of(ran(A), ran(B), flaky=(FlakyTest(B, 2),)), "t.py", **both).notes


# relative conditions

RUN = PastRun("r", "2026-11-28T16:00:00Z", "pass", 1.0, None, {"tests.seconds": 100.0})
BASE = Change(Base("c" * 40, "main", "a test"))


def judged(
    tmp_path: Any, value: float = 110.0, baselines: Baselines = NOTHING, **fields: Any
) -> Ruling:
    table = Table(gates={"tests": GateTable(conditions={"seconds": "<= +20%"})})
    here = project(tmp_path, **fields)
    settled = plan(table, [TESTS], here)
    numbers = {"failed": 0.0, "errors": 0.0, "altered": 0.0, "seconds": value}
    evidence = Evidence((), numbers, 1, receipt=Receipt("pytest"), tests=TestDetail())
    news = {"tests": New((), baselines)}
    return conclude(verdict(), settled, here, {"tests": evidence}, news, None).gates[0]


@pytest.mark.parametrize(
    ("fields", "outcome"),
    [
        ({"past": Past((RUN,))}, "pass"),
        ({"past": Past((RUN,)), "value": 121.0}, "fail"),
        ({}, "unknown"),
        ({"past": Past(unknown="no database")}, "unknown"),
        ({"past": Past((PastRun("r", "", "pass", 1.0),))}, "unknown"),
        ({"past": Past((PastRun("r", "", "pass", 1.0), RUN))}, "unknown"),
        # the base counts more, and one that could not tell is not replaced
        ({"past": Past((RUN,)), "baselines": Baselines({"seconds": 50.0})}, "fail"),
        ({"past": Past((RUN,)), "change": BASE}, "unknown"),
        ({"past": Past((RUN,)), "base_error": "it cannot be had"}, "unknown"),
        ({"past": Past((RUN,)), "change": BASE, "baselines": Baselines({"line": 1.0})}, "unknown"),
        (
            {
                "past": Past((RUN,)),
                "change": BASE,
                "baselines": Baselines(measured={"seconds": 50.0}),
            },
            "fail",
        ),
        (
            {"past": Past((RUN,)), "change": BASE, "baselines": Baselines(measured={"line": 1.0})},
            "pass",
        ),
    ],
)
def test_a_relative_condition_of_the_tests(tmp_path: Any, fields: Any, outcome: str) -> None:
    assert judged(tmp_path, **fields).outcome == outcome


def test_it_says_what_it_was_compared_with(tmp_path: Any) -> None:
    ruling = judged(tmp_path, 121.0, past=Past((RUN,)))
    assert ruling.reason.startswith(
        "tests: seconds 121, needs <= 120 (100 in the last run that passed)"
    )
    (measured,) = [c for c in ruling.conditions if c.metric == "seconds"]
    assert (measured.source, measured.baseline) == ("history", 100.0)


def test_a_condition_beside_each_source() -> None:
    condition = parse_condition("line", "no-drop")
    sources = Baselines({"line": 90.0}, {"line": 80.0}, {"line": 70.0})
    assert compared_with(hold(condition, {"line": 1}, sources)) == "90 at the base, recorded"
    assert hold(condition, {"line": 1}, Baselines({}, {"line": 80.0}, {"line": 70.0})).source == (
        "measured"
    )
    assert compared_with(hold(condition, {"line": 1}, Baselines())) == ""
