"""The particulars of a test run."""

from __future__ import annotations

from typing import Any

from pytest_devops_gates import levels
from pytest_devops_gates.evidence import FlakyTest, LevelCounts, SkipReason, TestDetail, TimedTest
from pytest_devops_gates.levels import LEVELS
from pytest_devops_gates.tally import Tally, tally
from pytest_devops_gates.testdetail import FLAKY, ID, REASONS, SLOWEST, detail


def told(run: Tally) -> TestDetail:
    return detail(run, levels.measure(run, {level: (level,) for level in LEVELS}, 1.0))


def run_of(tests: dict[str, list[dict[str, Any]]], *more: dict[str, Any]) -> Tally:
    """A run of tests with their reports; what a report leaves out is a call that passed."""
    events: list[dict[str, Any]] = [{"event": "ids", "first": 0, "ids": list(tests)}, *more]
    for number, reports in enumerate(tests.values()):
        for report in reports:
            standard = {"when": "call", "outcome": "passed", "seconds": 0.0}
            events.append({"event": "report", "test": number, **standard, **report})
    return tally(events)


def test_the_slowest_first_with_all_their_phases() -> None:
    setup = {"when": "setup", "seconds": 0.5}
    run = run_of({"a": [setup, {"seconds": 0.25}], "b": [{"seconds": 2.0, "outcome": "failed"}]})
    assert told(run).slowest == (TimedTest("b", 2.0, "failed"), TimedTest("a", 0.75, "passed"))


def test_no_more_than_the_slowest_are_told() -> None:
    run = run_of({f"t{n:03}": [{"seconds": n / 100}] for n in range(3 * SLOWEST)})
    assert [test.id for test in told(run).slowest] == [
        f"t{n:03}" for n in reversed(range(2 * SLOWEST, 3 * SLOWEST))
    ]


def test_the_flaky_with_their_tries() -> None:
    again = {"outcome": "rerun"}
    run = run_of(
        {"a": [again, {}], "b": [again, again, {}], "c": [{}], "d": [again, {"outcome": "failed"}]}
    )
    assert told(run).flaky == (FlakyTest("b", 3), FlakyTest("a", 2))
    many = run_of({f"t{n}": [again, {}] for n in range(2 * FLAKY)})
    assert len(told(many).flaky) == FLAKY


def test_why_tests_were_skipped() -> None:
    skip = {"outcome": "skipped", "when": "setup", "message": "no network"}
    run = run_of(
        {"a": [skip], "b": [skip], "c": [{**skip, "message": ""}], "d": [{**skip, "xfail": True}]},
        {"event": "collect", "outcome": "skipped", "id": "m.py", "message": "no lxml"},
    )
    assert told(run).skips == (
        SkipReason("no network", 2),
        SkipReason("no reason was given", 1),
        SkipReason("no lxml", 1),
    )
    many = run_of({f"t{n}": [{**skip, "message": str(n)}] for n in range(2 * REASONS)})
    assert len(told(many).skips) == REASONS


def test_levels_that_have_tests() -> None:
    skip = {"outcome": "skipped", "when": "setup"}
    run = run_of(
        {"unit/t.py::a": [{}], "unit/t.py::b": [{"outcome": "failed"}], "system/t.py::c": [skip]}
    )
    assert told(run).levels == (LevelCounts("unit", 2, 1, 0), LevelCounts("system", 0, 0, 1))


def test_long_ids_are_cut() -> None:
    run = run_of({"t.py::test[" + "x" * 10_000 + "-end]": [{"outcome": "rerun"}, {}]})
    found = told(run)
    for shown in (found.slowest[0].id, found.flaky[0].id):
        assert len(shown) == ID
        assert shown.startswith("t.py::test[x")
        assert shown.endswith("-end]")
