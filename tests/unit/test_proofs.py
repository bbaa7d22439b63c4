"""Which requirements the tests of a run prove, from hand-written events; and all tests that ran."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pytest_devops_gates import testing
from pytest_devops_gates.engine import child
from pytest_devops_gates.evidence import Proof, RanTest, TestDetail
from pytest_devops_gates.gates.pytest import TESTS, TestOptions
from pytest_devops_gates.recorder.requirements import LONGEST, NO_ID, borne
from pytest_devops_gates.shards import testparts
from pytest_devops_gates.tally import Tally, tally
from pytest_devops_gates.testdetail import PROVING, detail, ran
from pytest_devops_gates.testrun import sum_up
from tests.unit.test_testrun import (
    FINISH,
    START,
    around,
    call,
    collected,
    failed,
    passed,
    process,
    report,
    skipped,
)

Event = dict[str, Any]
XFAILED = {"outcome": "skipped", "xfail": True}
SUBTEST = report(0, "call", subtest=True)
SUBTEST_SKIPPED = report(0, "call", "skipped", subtest=True)
SUBTEST_XFAILED = report(0, "call", **XFAILED, subtest=True)


def requirement(name: str, *tests: int) -> Event:
    return {"event": "requirement", "requirement": name, "tests": list(tests)}


def run_of(*events: Event, tests: int, deselected: int = 0) -> Tally:
    ids = [f"t.py::test_{n}" for n in range(tests + deselected)]
    return tally(
        [
            process(),
            {"event": "ids", "first": 0, "ids": ids},
            {"event": "selected", "tests": list(range(tests))},
            *events,
        ]
    )


def proofs(run: Tally) -> tuple[Proof, ...]:
    return detail(run, dict.fromkeys(METRICS, 0.0), (), sum_up(run).ended).proofs


METRICS = [
    f"{level}{part}"
    for level in ("unit", "integration", "system")
    for part in ("", ".failed", ".skipped")
]


@pytest.mark.parametrize(
    ("events", "passed_failed_others"),
    [
        (passed(0), (1, 0, 0)),
        (failed(0), (0, 1, 0)),
        (skipped(0), (0, 0, 1)),
        (around(0, call(0, "error"), report(0, "call", **XFAILED)), (0, 0, 1)),
        (around(0, call(0), report(0, "call", xfail=True)), (0, 0, 1)),
        (around(0, report(0, "call", "rerun"), call(0), report(0, "call")), (1, 0, 0)),
        ([*passed(0)[:-1], report(0, "teardown", "failed")], (0, 1, 0)),
        (
            around(0, report(0, "call", "failed", subtest=True), call(0), report(0, "call")),
            (0, 1, 0),
        ),
        (around(0, SUBTEST, SUBTEST, call(0), report(0, "call")), (1, 0, 0)),
        (around(0, SUBTEST_SKIPPED, call(0), report(0, "call")), (0, 0, 1)),
        (around(0, SUBTEST_SKIPPED, SUBTEST, call(0), report(0, "call")), (0, 0, 1)),
        (around(0, SUBTEST_XFAILED, call(0), report(0, "call")), (0, 0, 1)),
        (around(0, SUBTEST_SKIPPED, call(0, "error"), report(0, "call", "failed")), (0, 1, 0)),
        (around(0, call(0, "error", "ValueError"), report(0, "call")), (0, 1, 0)),
        (passed(0)[:-1], (0, 0, 1)),
    ],
    ids="passed failed skipped xfailed xpassed flaky teardown subtest-failed subtests-passed"
    " subtest-skipped subtests-skipped-and-passed subtest-xfailed subtest-skipped-and-failed"
    " altered unfinished".split(),
)
def test_what_proves_a_requirement(
    events: list[Event], passed_failed_others: tuple[int, int, int]
) -> None:
    run = run_of(requirement("R", 0), *events, tests=1)
    assert proofs(run) == (Proof("R", *passed_failed_others, ("t.py::test_0",)),)


def test_tests_that_were_deselected_count_nothing_and_are_named() -> None:
    run = run_of(requirement("R", 0, 1), *passed(0), tests=1, deselected=1)
    assert proofs(run) == (Proof("R", 1, 0, 0, ("t.py::test_0", "t.py::test_1")),)


def test_requirements_are_sorted_and_only_the_first_tests_are_named() -> None:
    many = range(3 * PROVING)
    run = run_of(requirement("R", *many), requirement("A", 0), tests=len(many))
    assert [(p.requirement, p.others, len(p.tests)) for p in proofs(run)] == [
        ("A", 1, 1),
        ("R", len(many), PROVING),
    ]


def test_workers_that_collect_the_same_tests_count_once() -> None:
    ids: Event = {"event": "ids", "first": 0, "ids": ["t.py::test_0"], "stream": "gw0"}
    told = {**requirement("R", 0), "stream": "gw0"}
    again = [{**event, "stream": "gw1"} for event in (ids, told)]
    run = run_of(*passed(0), ids, told, *again, tests=1)
    assert proofs(run) == (Proof("R", 1, 0, 0, ("t.py::test_0",)),)


def test_every_test_that_ended_with_its_seconds_and_requirements() -> None:
    run = run_of(
        requirement("R2", 0),
        requirement("R1", 0),
        requirement(NO_ID, 0),
        *passed(0),
        *failed(1),
        *passed(2)[:-1],
        tests=3,
    )
    assert ran(run, sum_up(run).ended) == (
        RanTest("t.py::test_0", "passed", 1.5, ("R1", "R2")),
        RanTest("t.py::test_1", "failed", 1.5),
    )


def test_proofs_of_shards_are_added() -> None:
    one = TestDetail(proofs=(Proof("R", 1, 3, 2, ("b",)), Proof("S", 1, 0, 0, ("s",))))
    other = TestDetail(proofs=(Proof("R", 0, 1, 0, ("a", "b")),))
    assert testparts._detail([one, other]).proofs == (
        Proof("R", 1, 4, 2, ("a", "b")),
        Proof("S", 1, 0, 0, ("s",)),
    )


def test_a_conftest_cannot_speak_for_the_test_run() -> None:
    claimed = {
        "examined": 1,
        "ran": [{"id": "t", "outcome": "passed", "seconds": 1.0}],
        "tests": {"proofs": [{"requirement": "R", "passed": 1}]},
    }
    found = child._evidence(claimed)
    assert (found.unknown, found.ran, found.tests) == (None, (), None)


class Item:
    """As much of a pytest.Item as is read."""

    def __init__(self, *marks: pytest.MarkDecorator) -> None:
        self.nodeid = "t"
        self._marks = [mark.mark for mark in marks]

    def iter_markers(self, name: str) -> list[pytest.Mark]:
        return [mark for mark in self._marks if mark.name == name]


MARK = pytest.mark.requirement


@pytest.mark.parametrize(
    ("marks", "ids"),
    [
        ([MARK("R1", "R2"), MARK("R1")], ["R1", "R2"]),
        ([MARK(" R1 ")], ["R1"]),
        ([pytest.mark.slow], []),
        ([MARK()], [NO_ID]),
        ([MARK("R1", 7)], ["R1", NO_ID]),
        ([MARK("R1", id="R2")], ["R1", NO_ID]),
        ([MARK("")], [NO_ID]),
        ([MARK(["R1"])], [NO_ID]),
        ([MARK("R" * LONGEST)], ["R" * LONGEST]),
        ([MARK("R" * (LONGEST + 1))], [NO_ID]),
        ([MARK("R\n1")], [NO_ID]),
        ([MARK("R\x1b[2J")], [NO_ID]),
        ([MARK("R\ud800")], [NO_ID]),
    ],
)
def test_the_ids_of_the_markers(marks: list[pytest.MarkDecorator], ids: list[str]) -> None:
    assert list(borne([Item(*marks)])) == ids  # type: ignore[list-item]


def test_the_reader_hands_on_what_ran_and_what_is_proven() -> None:
    start = {**START, "typed": {"narrowing": [], "others": []}, "configured": True}
    events = [process(), start, *collected(0), requirement("R", 0), *passed(0), FINISH]
    found = testing.read(TESTS, b"\n".join(json.dumps(event).encode() for event in events),
                         options=TestOptions())  # fmt: skip
    assert found.tests
    assert found.tests.proofs == (Proof("R", 1, 0, 0, ("t.py::a",)),)
    assert found.ran == (RanTest("t.py::a", "passed", 1.5, ("R",)),)
