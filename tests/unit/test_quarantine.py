"""The quarantine: which tests it holds, what is wrong with its file, and what of a run it excuses."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_devops_gates import loosening, testing
from pytest_devops_gates.change import Base, Change, FileChange
from pytest_devops_gates.config import load_toml, read_table
from pytest_devops_gates.errors import UsageError
from pytest_devops_gates.evidence import Evidence, RanTest
from pytest_devops_gates.gates.pytest import TESTS, TestOptions
from pytest_devops_gates.json_text import whole
from pytest_devops_gates.project import Project
from pytest_devops_gates.quarantine import FILE, Quarantined, file_of, holder, takes
from pytest_devops_gates.quarantine_file import RULES, QuarantineFile, read, unmatched
from pytest_devops_gates.tally import tally
from pytest_devops_gates.testrun import TestRun, sum_up
from pytest_devops_gates.waiver_text import quoted
from tests.growth import grows_linearly
from tests.unit.samples import HOSTILE, any_text, project, same_every_time
from tests.unit.test_testrun import (
    A,
    B,
    Event,
    around,
    begin,
    call,
    failed,
    passed,
    report,
    rules,
    session,
    told,
)

TODAY = date(2026, 12, 1)
ID = "t.py::a"


def entry(test: str = ID, expires: str = "2026-12-31") -> Quarantined:
    return Quarantined(test, "Ada", "DNS in CI", "2026-11-01", expires)


def table(**fields: str) -> str:
    values = {
        "test": f'"{ID}"',
        "owner": '"Ada"',
        "reason": '"DNS in CI"',
        "created": "2026-11-01",
        "expires": "2026-12-31",
        **fields,
    }
    return "\n".join(["[[quarantine]]", *(f"{k} = {v}" for k, v in values.items() if v), ""])


# which tests


@pytest.mark.parametrize(
    ("pattern", "test", "is_held"),
    [
        (ID, ID, True),
        (ID, "t.py::ab", False),
        (ID, "t.py::a[1]", False),
        ("t.py::a*", "t.py::a[1]", True),
        ("t.py::*[1-*]", "t.py::b[1-2]", True),
        ("t.py::*a*b*c", "t.py::xaybzc", True),
        ("t.py::*a*b*c", "t.py::xbyazc", False),
        ("t.py::ab*ba", "t.py::aba", False),
        ("t.py", "t.py::X::a", True),
        ("t.py", "t.py", True),
        ("t.py", "sub/t.py::a", False),
        ("t.py", "t.pyx::a", False),
        ("t.py::[ab]", "t.py::a", False),
        ("t.py::a?", "t.py::ab", False),
    ],
)
def test_which_tests_an_entry_holds(pattern: str, test: str, *, is_held: bool) -> None:
    assert takes(pattern, test) is is_held
    assert (holder([entry(pattern)])(test) is not None) is is_held


@pytest.mark.parametrize(
    ("wide", "narrow", "is_wider"),
    [
        ("t.py", "t.py::a", True),
        ("t.py", "t.py::*", True),
        ("t.py::*", "t.py", True),
        ("t.py::a", "t.py", False),
        ("t.py::a*", "t.py::ab*", True),
        ("t.py::ab*", "t.py::a*", False),
        ("t.py::a", "t.py::a*", False),
    ],
)
def test_which_entries_take_in_others(wide: str, narrow: str, *, is_wider: bool) -> None:
    assert takes(wide, narrow) is is_wider


@given(st.text("ab*", max_size=6), st.text("ab*", max_size=6), st.text("ab", max_size=6))
def test_what_takes_an_entry_in_holds_all_of_its_tests(wide: str, narrow: str, rest: str) -> None:
    test = f"t.py::{rest}"
    if takes(f"t.py::{wide}", f"t.py::{narrow}") and takes(f"t.py::{narrow}", test):
        assert takes(f"t.py::{wide}", test)


def test_it_takes_no_longer_than_the_text_is_long() -> None:
    def work(size: int) -> Callable[[], bool]:
        pattern, test = "t.py::" + "a*" * size, "t.py::" + "a" * 2 * size + "b"
        return lambda: takes(pattern, test)

    grows_linearly(work, 20_000)


def test_a_renamed_file_is_found_by_its_old_path() -> None:
    held = holder([entry()], {"new.py": "t.py"})
    assert held("new.py::a") == entry()
    assert held(ID) == entry()
    assert held("new.py::b") is None


# the file


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({}, []),
        ({"ticket": '"OPS-1"'}, []),
        ({"expires": '"2026-12-31"'}, []),
        ({"expires": "2026-12-01"}, []),
        ({"test": '"tests/t.py"'}, []),
        ({"test": '"tests/t.py::a*"'}, []),
        ({"expires": "2026-11-30"}, ["expired"]),
        ({"expires": "2027-01-30"}, []),
        ({"expires": "2027-01-31"}, ["too-long"]),
        ({"owner": ""}, ["without-owner"]),
        ({"owner": '" "'}, ["without-owner"]),
        ({"reason": '"-"'}, ["without-reason"]),
        ({"created": ""}, ["without-created"]),
        ({"expires": ""}, ["without-expires"]),
        ({"test": ""}, ["without-test"]),
        ({"test": '"*"'}, ["without-test"]),
        ({"test": '"*.py"'}, ["too-wide"]),
        ({"test": '"tests/*"'}, ["too-wide"]),
        ({"test": '"tests/"'}, ["too-wide"]),
        ({"test": '"tests/test_*.py::a"'}, ["too-wide"]),
        ({"test": '"::a"'}, ["too-wide"]),
        ({"test": "3"}, ["malformed"]),
        ({"owner": "3"}, ["malformed"]),
        ({"owners": '"Ada"'}, ["malformed"]),
        ({"created": "2026-12-02"}, ["malformed"]),
        ({"created": "true"}, ["malformed"]),
        ({"expires": "2026-10-31"}, ["expired", "malformed"]),
    ],
)
def test_what_is_wrong_with_an_entry(fields: dict[str, str], wrong: list[str]) -> None:
    file = read(table(**fields).encode(), TODAY)
    assert [p.rule for p in file.problems] == [f"quarantine-{what}" for what in wrong]
    assert len(file.entries) == (not wrong)
    assert {p.rule for p in file.problems} <= {rule.id for rule in RULES}
    assert all(p.path == FILE and p.line == 1 and p.severity == "high" for p in file.problems)


def test_a_second_entry_for_the_same_test() -> None:
    file = read((table() + "\n" + table(expires="2026-12-02")).encode(), TODAY)
    assert [(p.rule, p.line) for p in file.problems] == [("quarantine-duplicate", 8)]
    assert file.entries == (entry(),)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[quarantines]]\n", "quarantine.toml:1: unknown key 'quarantines' (did you"),
        ("x = 1\n" + table(), "quarantine.toml:1: unknown key 'x'"),
        ("[quarantine]\n", "write each quarantine as a table of its own: [[quarantine]]"),
        ("quarantine = [3]\n", "write each quarantine as a table of its own"),
        ("[[quarantine]\n", "quarantine.toml"),
    ],
)
def test_what_is_no_such_file(text: str, said: str) -> None:
    with pytest.raises(UsageError) as error:
        read(text.encode(), TODAY)
    assert said in str(error.value)


@same_every_time
@given(any_text.map(whole) | st.sampled_from(HOSTILE))
def test_any_name_of_a_test(test: str) -> None:
    file = read(table(test=quoted(test)).encode(), TODAY)
    assert len(file.entries) == (not file.problems)
    assert all(held.test == test and "*" not in file_of(test) for held in file.entries)


def ran(*tests: str, **fields: Any) -> Evidence:
    seen = tuple(RanTest(test, "passed", 0.1) for test in tests)
    return Evidence(examined=len(seen), ran=seen, **fields)


@pytest.mark.parametrize(
    ("tests", "files", "count"),
    [
        (ran("t.py::a"), ["t.py"], 0),
        (ran("t.py::a"), [], 0),
        (ran("t.py::b"), ["t.py"], 1),
        (ran("t.py::b"), [], 1),
        (ran("t.py::b", unknown="it broke"), ["t.py"], 0),
        (ran("t.py::b", metrics={"deselected": 1.0}), ["t.py"], 0),
        (ran("t.py::b", metrics={"deselected": 1.0}), [], 1),
        (ran(), ["t.py"], 0),
        (None, ["t.py"], 0),
        (None, ["other.py"], 1),
    ],
)
def test_an_entry_that_names_no_test(tests: Evidence | None, files: list[str], count: int) -> None:
    file = read(table().encode(), TODAY)
    assert [f.rule for f in unmatched(file, tests, files)] == ["quarantine-unmatched"] * count
    assert list(unmatched(QuarantineFile(), tests, files)) == []


# what a change loosens


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        ([], [], []),
        ([entry()], [entry()], []),
        ([entry()], [], []),
        ([], [entry()], ["quarantine-added"]),
        ([entry()], [entry(expires="2026-12-01")], []),
        ([entry()], [entry(expires="2027-01-01")], ["quarantine-prolonged"]),
        ([entry()], [entry("t.py")], ["quarantine-added"]),
        ([entry("t.py")], [entry()], []),
        ([entry("t.py", "2026-12-01")], [entry()], ["quarantine-prolonged"]),
        ([entry("t.py::a*")], [entry("t.py::*")], ["quarantine-added"]),
        ([entry("old.py::a")], [entry("t.py::a")], []),
    ],
)
def test_what_loosens(before: Any, after: Any, found: list[str]) -> None:
    told = list(loosening.quarantine(before, after, {"t.py": "old.py"}))
    assert [f.rule for f in told] == found
    assert all(f.severity == "high" and f.path == FILE for f in told)


# a run


def summed(events: list[Event], *entries: Quarantined) -> TestRun:
    return sum_up(tally(events), holder(entries or [entry()]))


SETUP = [begin(A), report(A, "setup", "failed"), report(A, "teardown")]
BOTH = [
    *[begin(A), report(A, "setup"), call(A, "error", "ValueError")],
    *[report(A, "call", "failed"), report(A, "teardown", "failed")],
]


@pytest.mark.parametrize("events", [failed(A), SETUP, BOTH], ids=["call", "setup", "both"])
def test_a_failure_in_quarantine_is_told_and_does_not_count(events: list[Event]) -> None:
    run = summed(session(*events, exit_code=1))
    assert told(run) == {"collected": 1, "complete": True}
    assert {rule for rule, _ in rules(run)} == {"quarantined"}
    assert run.quarantined == {ID}
    assert run.ended == {ID: "failed" if events is not SETUP else "error"}
    assert run.notes == ("1 test failed in quarantine (t.py::a until 2026-12-31)",)


def test_others_count_as_ever() -> None:
    run = summed(session(*failed(A), *failed(B), tests=2, exit_code=1))
    assert (run.counts.failed, run.quarantined) == (1, {ID})
    assert rules(run) == [("quarantined", ID), ("failed", "t.py::b")]


ALTERED = around(A, call(A, "error", "AssertionError"), report(A, "call"))
CRASHED = [begin(A), report(A, "setup"), report(A, "???", "failed")]
IN_COLLECTION = {"event": "collect", "outcome": "failed", "id": "t.py", "message": "it broke"}


@pytest.mark.parametrize(
    ("events", "rule"),
    [
        (ALTERED, "outcome-altered"),
        (CRASHED, "failed"),
        ([*CRASHED, report(A, "teardown")], "failed"),
        ([begin(A), report(A, "setup", "failed")], "error"),
        ([IN_COLLECTION, *passed(A)], "collection-error"),
        (around(A, call(A, "ok", ran=False), report(A, "call")), "outcome-altered"),
    ],
)
def test_what_no_quarantine_excuses(events: list[Event], rule: str) -> None:
    run = summed(session(*events, exit_code=1), entry("t.py"))
    assert (run.quarantined, [found for found, _ in rules(run)]) == (set(), [rule])
    assert run.counts.failed + run.counts.errors + run.counts.altered


def test_what_else_fails_in_an_altered_one_counts_as_well() -> None:
    run = summed(session(*ALTERED[:-1], report(A, "teardown", "failed"), exit_code=1))
    assert {rule for rule, _ in rules(run)} == {"outcome-altered", "error"}
    assert (run.counts.errors, run.quarantined) == (1, set())


def test_one_that_never_ran_is_a_gap() -> None:
    assert not summed(session(begin(A), exit_code=1)).counts.complete


def test_a_plugin_that_fails_the_run_is_not_hidden_by_a_quarantine() -> None:
    """pytest-cov adds a failure of its own to pytest's count where too little was covered."""
    *events, finish = session(*failed(A), exit_code=1)
    for count, errors in ((1, 0), (2, 1)):
        run = summed([*events, {**finish, "failed": count}])
        assert run.counts.errors == errors
        assert ("exit-status", "") in rules(run) or not errors


def test_a_flaky_one_in_quarantine_is_flaky_all_the_same() -> None:
    events = [
        *[begin(A), report(A, "setup"), call(A, "error", "AssertionError")],
        *[report(A, "call", "rerun"), report(A, "setup"), call(A), report(A, "call")],
        report(A, "teardown"),
    ]
    run = summed(session(*events))
    assert told(run) == {
        "collected": 1, "passed": 1, "flaky": 1, "rerun": 1, "complete": True,
    }  # fmt: skip
    assert not run.quarantined


def gathered(here: Project, *events: Event) -> Evidence:
    start = {"typed": {"narrowing": [], "others": []}, "configured": True}
    lines = [
        json.dumps({**event, **(start if event["event"] == "start" else {})}) for event in events
    ]
    options = TestOptions()
    return testing.read(TESTS, "\n".join(lines), project=here, options=options)


def test_the_gate_shows_it(tmp_path: Any) -> None:
    here = project(tmp_path, quarantine=(entry(),))
    found = gathered(here, *session(*failed(A), *passed(B), tests=2, exit_code=1, seconds=2.5))
    (finding,) = found.findings
    assert (finding.rule, finding.severity) == ("quarantined", "low")
    assert finding.message == f"{ID}: it broke (in quarantine until 2026-12-31: DNS in CI, Ada)"
    numbers = {"failed": 0, "quarantined": 1, "quarantined.tests": 1, "wall": 2.5, "errors": 0}
    assert {name: found.metrics[name] for name in numbers} == numbers
    assert (found.examined, found.unknown) == (2, None)


def test_a_run_of_nothing_but_quarantined_failures_examined_them(tmp_path: Any) -> None:
    here = project(tmp_path, quarantine=(entry(),))
    mark = {"event": "marks", "mark": "unit", "tests": [A]}
    found = gathered(here, *session(mark, *failed(A), exit_code=1))
    assert (found.examined, found.unknown) == (1, None)
    assert (found.metrics["unit"], found.metrics["unit.failed"]) == (1, 0)


def test_without_a_quarantine_nothing_is_held(tmp_path: Any) -> None:
    found = gathered(project(tmp_path), *session(*failed(A), exit_code=1))
    assert (found.metrics["failed"], found.metrics["quarantined.tests"]) == (1, 0)


def test_the_example_of_the_docs_holds() -> None:
    page = (Path(__file__).parents[2] / "docs/quarantine.md").read_text()
    example, policy = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    file = read(example.encode(), date(2026, 11, 20))
    assert (len(file.entries), file.problems) == (1, ())
    assert file.entries[0].ticket == "OPS-31"
    asked = read_table(load_toml(policy.encode(), "docs")).gates["tests"]
    assert {*asked.conditions, *asked.warnings} <= {*TESTS.metrics}
    named = set(re.findall(r"`quarantine-([a-z-]+)`", page))
    known = {rule.id.removeprefix("quarantine-") for rule in RULES}
    assert {n for n in known if not n.startswith("without")} <= named


@pytest.mark.parametrize(
    ("change", "metric"),
    [
        (FileChange("t.py", "renamed", "old.py"), "quarantined"),
        (FileChange("t.py", "renamed", "old.py", added=((3, 3),)), "failed"),
        (FileChange("t.py", "renamed", "old.py", removed=((3, 3),)), "failed"),
        (FileChange("t.py", "modified", "t.py"), "failed"),
        (FileChange("t.py", "renamed", "other.py"), "failed"),
        (FileChange("u.py", "modified", "u.py", added=((3, 3),)), "failed"),
    ],
)
def test_a_renamed_file_without_a_change_in_it_is_still_held(
    tmp_path: Path, change: FileChange, metric: str
) -> None:
    whole = Change(Base("0" * 40, "main", "told"), (change,))
    here = project(tmp_path, quarantine=(entry("old.py::a"),), change=whole)
    found = gathered(here, *session(*failed(A), exit_code=1))
    told = {name: found.metrics[name] for name in ("quarantined", "failed")}
    assert told == {"quarantined": 0, "failed": 0, metric: 1}


def test_what_is_in_a_file_that_the_change_touches_is_in_no_quarantine() -> None:
    entry = Quarantined("tests/test_a.py", "@a", "x", "2026-01-01", "2026-02-01")
    held = holder([entry], touched={"tests/test_a.py"})
    assert held("tests/test_a.py::test_core") is None
    assert holder([entry], touched={"tests/test_b.py"})("tests/test_a.py::test_core") == entry
    moved = holder([entry], {"tests/test_new.py": "tests/test_a.py"}, {"tests/test_new.py"})
    assert moved("tests/test_new.py::test_core") is None
