"""A test run summed up from hand-written events (their fields: recorder/plugin.py)."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from pytest_devops_gates.tally import tally
from pytest_devops_gates.testrun import TestRun, sum_up

Event = dict[str, Any]
IDS = ["t.py::a", "t.py::b", "t.py::c"]
A, B, C = 0, 1, 2
START: Event = {
    "event": "start",
    "worker": None,
    "args": [],
    "testpaths": [],
    "pid": 1,
    "cached": [],
    "optimize": 0,
}
FINISH: Event = {"event": "finish", "exitstatus": 0, "warnings": 0}


def process(exit_code: int = 0, **fields: Any) -> Event:
    own = {"event": "process", "exit_code": exit_code, "signal": None, "trouble": None}
    return {**own, "faults": [], **fields}


def collected(*tests: int, count: int | None = None) -> list[Event]:
    """``count`` tests were seen, of which those named are to run."""
    return [
        {"event": "ids", "first": 0, "ids": IDS[: len(tests)]},
        {"event": "collected", "count": len(tests) if count is None else count},
        {"event": "selected", "tests": list(tests)},
    ]


def begin(test: int) -> Event:
    return {"event": "begin", "test": test}


def call(test: int, kind: str = "ok", raised: str | None = None, ran: bool | None = True) -> Event:
    return {
        "event": "phase",
        "when": "call",
        "test": test,
        "kind": kind,
        "raised": raised,
        "ran": ran,
    }


def report(test: int, when: str, outcome: str = "passed", **fields: Any) -> Event:
    told = {"message": "it broke", "at": ["t.py", 3]} if outcome in ("failed", "rerun") else {}
    own = {"event": "report", "test": test, "when": when, "outcome": outcome, "seconds": 0.5}
    return {**own, **told, **fields}


def around(test: int, *inner: Event) -> list[Event]:
    """A test whose setup and teardown went well."""
    return [begin(test), report(test, "setup"), *inner, report(test, "teardown")]


def passed(test: int) -> list[Event]:
    return around(test, call(test), report(test, "call"))


def failed(test: int) -> list[Event]:
    return around(test, call(test, "error", "AssertionError"), report(test, "call", "failed"))


def skipped(test: int) -> list[Event]:
    return [begin(test), report(test, "setup", "skipped"), report(test, "teardown")]


def session(*events: Event, tests: int = 1, exit_code: int = 0, **fields: Any) -> list[Event]:
    """A session that began and ended as it should."""
    return [process(exit_code, **fields), START, *collected(*range(tests)), *events, FINISH]


def summed(events: list[Event]) -> TestRun:
    return sum_up(tally(events))


def told(run: TestRun) -> dict[str, Any]:
    """The counts that are not zero, but for the seconds."""
    counts = msgspec.to_builtins(run.counts)
    del counts["detail"]  # testdetail.py fills it
    return {name: value for name, value in counts.items() if value and name != "seconds"}


def rules(run: TestRun) -> list[tuple[str, str]]:
    return [(rule, test) for rule, test, _message, _place in run.failures]


ONE = {"collected": 1, "complete": True}
WHOLE: list[tuple[str, list[Event], int, dict[str, Any], list[tuple[str, str]]]] = [
    ("passed", passed(A), 0, {"passed": 1}, []),
    ("failed", failed(A), 1, {"failed": 1}, [("failed", IDS[A])]),
    (
        "failed, and a conftest made the exit code 0",
        failed(A),
        0,
        {"failed": 1},
        [("failed", IDS[A])],
    ),
    (
        "error in the setup",
        [begin(A), report(A, "setup", "failed"), report(A, "teardown")],
        1,
        {"errors": 1},
        [("error", IDS[A])],
    ),
    (
        "failed, and an error in the teardown",
        [
            *[begin(A), report(A, "setup"), call(A, "error", "ValueError")],
            *[report(A, "call", "failed"), report(A, "teardown", "failed")],
        ],
        1,
        {"failed": 1, "errors": 1},
        [("failed", IDS[A]), ("error", IDS[A])],
    ),
    (
        "errors in setup and teardown",
        [begin(A), report(A, "setup", "failed"), report(A, "teardown", "failed")],
        1,
        {"errors": 1},
        [("error", IDS[A]), ("error", IDS[A])],
    ),
    (
        "passed, and an error in the teardown",
        [*passed(A)[:-1], report(A, "teardown", "failed")],
        1,
        {"passed": 1, "errors": 1},
        [("error", IDS[A])],
    ),
    (
        "expected failure by the marker",
        around(A, call(A, "error", "ValueError"), report(A, "call", "skipped", xfail=True)),
        0,
        {"xfailed": 1},
        [],
    ),
    (
        "expected failure by pytest.xfail()",
        around(A, call(A, "xfail", "XFailed"), report(A, "call", "skipped", xfail=True)),
        0,
        {"xfailed": 1},
        [],
    ),
    (
        "expected failure that is not even run",
        [begin(A), report(A, "setup", "skipped", xfail=True), report(A, "teardown")],
        0,
        {"xfailed": 1},
        [],
    ),
    (
        "unexpected pass",
        around(A, call(A), report(A, "call", xfail=True)),
        0,
        {"xpassed": 1},
        [],
    ),
    (
        "unexpected pass where passing is strictly a failure",
        around(A, call(A), report(A, "call", "failed")),
        1,
        {"failed": 1},
        [("failed", IDS[A])],
    ),
    (
        "passed in the second attempt",
        [
            *[
                begin(A),
                report(A, "setup"),
                call(A, "error", "OSError"),
                report(A, "call", "rerun"),
            ],
            *[report(A, "setup"), call(A), report(A, "call"), report(A, "teardown")],
        ],
        0,
        {"passed": 1, "rerun": 1, "flaky": 1},
        [],
    ),
    (
        "passed after its setup was tried again",
        [
            *[begin(A), report(A, "setup", "rerun")],
            *[report(A, "setup"), call(A), report(A, "call"), report(A, "teardown")],
        ],
        0,
        {"passed": 1, "rerun": 1, "flaky": 1},
        [],
    ),
    (
        "failed in all three attempts",
        [
            *[
                begin(A),
                report(A, "setup"),
                call(A, "error", "OSError"),
                report(A, "call", "rerun"),
            ],
            *[report(A, "setup"), call(A, "error", "OSError"), report(A, "call", "rerun")],
            *[report(A, "setup"), call(A, "error", "OSError"), report(A, "call", "failed")],
            report(A, "teardown"),
        ],
        1,
        {"failed": 1, "rerun": 2},
        [("failed", IDS[A])],
    ),
    (
        "subtests that passed",
        around(
            A,
            *[report(A, "call", subtest=True), report(A, "call", subtest=True)],
            *[call(A), report(A, "call")],
        ),
        0,
        {"passed": 1},
        [],
    ),
    (
        "one of two subtests failed",
        around(
            A,
            *[report(A, "call", "failed", subtest=True), report(A, "call", subtest=True)],
            *[call(A), report(A, "call")],
        ),
        1,
        {"failed": 1},
        [("failed", IDS[A])],
    ),
    (
        "a subtest passed, and the test around it failed",
        around(
            A,
            report(A, "call", subtest=True),
            *[call(A, "error", "ValueError"), report(A, "call", "failed")],
        ),
        1,
        {"failed": 1},
        [("failed", IDS[A])],
    ),
    (
        "one of two subtests was skipped",
        around(
            A,
            *[report(A, "call", "skipped", subtest=True), report(A, "call", subtest=True)],
            *[call(A), report(A, "call")],
        ),
        0,
        {"passed": 1},
        [],
    ),
    (
        "a coroutine, of which nobody knows whether it was entered",
        around(A, call(A, ran=None), report(A, "call")),
        0,
        {"passed": 1},
        [],
    ),
    (
        "altered: raised, and reported as passed",
        around(A, call(A, "error", "AssertionError"), report(A, "call")),
        0,
        {"passed": 1, "altered": 1},
        [("outcome-altered", IDS[A])],
    ),
    (
        "altered: its function never ran, and was reported as passed",
        around(A, call(A, ran=False), report(A, "call")),
        0,
        {"passed": 1, "altered": 1},
        [("outcome-altered", IDS[A])],
    ),
    (
        "altered: skipped itself, and was reported as passed",
        around(A, call(A, "skip", "Skipped"), report(A, "call")),
        0,
        {"passed": 1, "altered": 1},
        [("outcome-altered", IDS[A])],
    ),
    (
        "altered: an expected failure, and was reported as passed unexpectedly",
        around(A, call(A, "error", "ValueError"), report(A, "call", xfail=True)),
        0,
        {"xpassed": 1, "altered": 1},
        [("outcome-altered", IDS[A])],
    ),
    (
        "altered: the attempt after a rerun raised, and was reported as passed",
        [
            *[
                begin(A),
                report(A, "setup"),
                call(A, "error", "OSError"),
                report(A, "call", "rerun"),
            ],
            *[report(A, "setup"), call(A, "error", "OSError"), report(A, "call")],
            report(A, "teardown"),
        ],
        0,
        {"passed": 1, "rerun": 1, "flaky": 1, "altered": 1},
        [("outcome-altered", IDS[A])],
    ),
    (
        "exit code 1 though no test failed",
        passed(A),
        1,
        {"passed": 1, "errors": 1},
        [("exit-status", "")],
    ),
]


@pytest.mark.parametrize(
    ("events", "exit_code", "counts", "failures"),
    [row[1:] for row in WHOLE],
    ids=[row[0] for row in WHOLE],
)
def test_a_whole_run(
    events: list[Event], exit_code: int, counts: dict[str, Any], failures: list[tuple[str, str]]
) -> None:
    run = summed(session(*events, exit_code=exit_code))
    assert told(run) == {**ONE, **counts}
    assert rules(run) == failures
    assert run.gaps == ()


def test_a_failure_keeps_its_message_and_place() -> None:
    run = summed(session(*failed(A), exit_code=1))
    assert run.failures == (("failed", IDS[A], "it broke", ["t.py", 3]),)


def test_what_was_altered_says_how() -> None:
    raised = summed(session(*around(A, call(A, "error", "KeyError"), report(A, "call"))))
    assert "it raised KeyError and was reported as passed" in raised.failures[0][2]
    idle = summed(session(*around(A, call(A, ran=False), report(A, "call"))))
    assert "never ran and was reported as passed" in idle.failures[0][2]


def test_an_exception_that_became_a_skip_is_counted_and_told() -> None:
    turned = around(B, call(B, "error", "ValueError"), report(B, "call", "skipped"))
    run = summed(session(*passed(A), *turned, tests=2))
    assert (run.counts.skipped, run.counts.complete) == (1, True)
    assert run.notes == ("1 tests raised an exception that was reported as a skip",)


def test_a_skip_and_an_expected_failure_are_no_such_thing() -> None:
    skip = around(A, call(A, "skip", "Skipped"), report(A, "call", "skipped"))
    xfail = around(B, call(B, "error", "ValueError"), report(B, "call", "skipped", xfail=True))
    run = summed(session(*skip, *xfail, tests=2))
    assert (run.counts.skipped, run.counts.xfailed, run.notes) == (1, 1, ())


def test_seconds_are_those_of_all_phases() -> None:
    assert summed(session(*passed(A), *failed(B), tests=2)).counts.seconds == 3.0


def test_tests_side_by_side_are_counted_one_by_one() -> None:
    run = summed(session(*passed(A), *failed(B), *skipped(C), tests=3, exit_code=1))
    assert told(run) == {"collected": 3, "passed": 1, "failed": 1, "skipped": 1, "complete": True}


def test_a_module_that_cannot_be_collected_is_an_error() -> None:
    broken = {"event": "collect", "id": "u.py", "outcome": "failed", "message": "SyntaxError"}
    run = summed(session(broken, tests=0, exit_code=2))
    assert told(run) == {"errors": 1, "complete": True}
    assert run.failures == (("collection-error", "u.py", "SyntaxError", None),)


def test_a_module_that_is_skipped_counts_as_a_skip() -> None:
    skip = {"event": "collect", "id": "u.py", "outcome": "skipped", "message": "no numpy"}
    assert told(summed(session(skip, *passed(A)))) == {**ONE, "passed": 1, "skipped": 1}


# deselection


def deselected(count: int, **fields: Any) -> Event:
    return {"event": "deselected", "count": count, **fields}


def test_what_was_deselected_is_counted_and_leaves_the_run_complete() -> None:
    events = [process(), START, deselected(1), deselected(2), *collected(A, count=4)]
    run = summed([*events, *passed(A), FINISH])
    assert told(run) == {"collected": 4, "deselected": 3, "passed": 1, "complete": True}
    assert run.notes == ("3 tests were deselected",)


def test_what_was_dropped_without_a_word_is_counted_as_deselected() -> None:
    events = [process(), START, deselected(1), *collected(A, count=4), *passed(A), FINISH]
    counts = {"collected": 4, "deselected": 3, "passed": 1, "complete": True}
    assert told(summed(events)) == counts


# gaps: what keeps a run from being complete

A_HALF = [begin(A), report(A, "setup"), call(A), report(A, "call")]
GAPS: list[tuple[str, list[Event], str]] = [
    (
        "a selected test never began",
        session(*passed(A), tests=2),
        "1 of 2 selected tests did not run to their end, the first is t.py::b",
    ),
    (
        "a test has no teardown",
        session(*passed(A), begin(B), report(B, "setup"), tests=2),
        "1 of 2 selected tests did not run to their end, the first is t.py::b",
    ),
    (
        "os._exit(0) in the last test",
        [process(0), START, *collected(A, B), *passed(A), begin(B), report(B, "setup")],
        "pytest ended with exit code 0 in the middle of its session at t.py::b",
    ),
    (
        "os._exit(0) after the last test",
        [process(0), START, *collected(A), *passed(A)],
        "pytest ended with exit code 0 in the middle of its session",
    ),
    (
        "killed in a test",
        [process(-11, signal="SIGSEGV"), START, *collected(A), *A_HALF],
        "pytest was killed by SIGSEGV at t.py::a",
    ),
    (
        "killed after its session",
        session(*passed(A), exit_code=-9, signal="SIGKILL"),
        "pytest was killed by SIGKILL",
    ),
    (
        "killed before its session",
        [process(-9, signal="SIGKILL")],
        "pytest was killed by SIGKILL",
    ),
    ("never began", [process(4)], "pytest ended before its session began, with exit code 4"),
    ("no event at all", [], "pytest ended before its session began, with exit code None"),
    (
        "hung",
        [process(2, trouble="hung: no end after 9 seconds"), START, *collected(A), begin(A)],
        "pytest hung: no end after 9 seconds at t.py::a",
    ),
    (
        "its event stream is broken",
        session(*passed(A), faults=["the event stream ends in the middle of a line"]),
        "the event stream ends in the middle of a line",
    ),
    (
        "pytest.exit(returncode=0) after all tests",
        session(*passed(A), {"event": "interrupted", "by": "Exit: enough"}),
        "the session ended early (Exit: enough)",
    ),
    (
        "an internal error",
        session(*passed(A), {"event": "internal-error", "message": "KeyError: 1"}, exit_code=3),
        "pytest had an internal error (KeyError: 1)",
    ),
    ("nothing collected", session(tests=0, exit_code=5), "no test ran"),
    ("nothing collected, exit code 0", session(tests=0), "no test ran"),
    (
        "all skipped",
        session(*skipped(A), *skipped(B), tests=2),
        "no test ran (2 skipped)",
    ),
    (
        "all deselected",
        [process(5), START, deselected(3), *collected(count=3), FINISH],
        "no test ran",
    ),
    (
        "set up, but never called",
        session(*passed(A), *around(B), tests=2),
        "1 tests were set up but never called, the first is t.py::b",
    ),
    (
        "called where no witness was",
        session(*passed(A), *around(B, report(B, "call")), tests=2),
        "1 tests ran where the recorder could not see them",
    ),
    (
        "exit code of an internal error",
        session(*passed(A), exit_code=3),
        "pytest exited with 3 after a session that looked whole",
    ),
    (
        "exit code of some atexit handler",
        session(*passed(A), exit_code=17),
        "pytest exited with 17 after a session that looked whole",
    ),
    (
        "no exit code",
        session(*passed(A), exit_code=None),  # type: ignore[arg-type]
        "pytest exited with None after a session that looked whole",
    ),
    (
        "exit code of an interruption",
        session(*passed(A), exit_code=2),
        "pytest exited with 2 though every test ran",
    ),
    (
        "exit code of nothing collected",
        session(*passed(A), exit_code=5),
        "pytest exited with 5 though every test ran",
    ),
]


@pytest.mark.parametrize(("events", "gap"), [row[1:] for row in GAPS], ids=[row[0] for row in GAPS])
def test_a_run_that_is_not_complete_says_why(events: list[Event], gap: str) -> None:
    run = summed(events)
    assert run.gaps[0].startswith(gap)
    assert not run.counts.complete
    assert run.failures == ()


def test_failures_before_the_end_are_still_failures() -> None:
    events = [process(-9, signal="SIGKILL"), START, *collected(A, B), *failed(A), begin(B)]
    run = summed(events)
    assert rules(run) == [("failed", IDS[A])]
    assert run.gaps == (
        "pytest was killed by SIGKILL at t.py::b",
        "1 of 2 selected tests did not run to their end, the first is t.py::b",
    )


def test_an_early_stop_after_a_failure_is_incomplete() -> None:
    run = summed(session(*failed(A), tests=3, exit_code=1))
    assert run.counts.failed == 1
    assert run.gaps == ("2 of 3 selected tests did not run to their end, the first is t.py::b",)


@pytest.mark.parametrize("cut", range(1, len(session(*passed(A), *passed(B), tests=2))))
def test_no_beginning_of_a_run_is_complete(cut: int) -> None:
    events = session(*passed(A), *passed(B), tests=2)
    assert not summed(events[:cut]).counts.complete
    assert summed(events).counts.complete


def test_events_of_a_newer_recorder_are_passed_over() -> None:
    run = summed(session({"event": "weather", "sun": True}, *passed(A)))
    assert told(run) == {**ONE, "passed": 1}


# xdist: the controller's stream, and one of each worker


def worker(*events: Event, name: str = "gw0", order: tuple[int, ...] = (0, 1)) -> list[Event]:
    """A worker's stream; it numbers the tests for itself."""
    own = [
        {**START, "worker": name},
        {"event": "ids", "first": 0, "ids": [IDS[n] for n in order]},
        {"event": "collected", "count": len(order)},
        {"event": "selected", "tests": list(range(len(order)))},
        *events,
        FINISH,
    ]
    return [{**event, "stream": name} for event in own]


def controlled(*events: Event, exit_code: int = 0, tests: int = 2) -> list[Event]:
    ids, _collected, selected = collected(*range(tests))
    return [process(exit_code), START, ids, selected, *events, FINISH]


def seen(test: int, outcome: str = "passed") -> list[Event]:
    """What reaches the controller of a test."""
    return around(test, report(test, "call", outcome))


def test_two_streams_make_one_run() -> None:
    main = controlled(*seen(A), *seen(B))
    # gw0 numbers the tests the other way round
    other = worker(*passed(0), *passed(1), order=(1, 0))
    run = summed([*main, *other])
    assert told(run) == {"collected": 2, "passed": 2, "complete": True}
    assert run.gaps == ()


def test_a_workers_witness_is_believed_about_the_right_test() -> None:
    main = controlled(*seen(A), *seen(B))
    lying = around(0, call(0, "error", "ValueError"), report(0, "call"))
    run = summed([*main, *worker(*lying, *passed(1), order=(1, 0))])
    assert rules(run) == [("outcome-altered", IDS[B])]


def test_what_both_collected_counts_once() -> None:
    twice = [*worker(*passed(0), deselected(3)), *worker(*passed(1), deselected(3), name="gw1")]
    run = summed([*controlled(*seen(A), *seen(B)), *twice])
    assert (run.counts.passed, run.counts.deselected, run.counts.complete) == (2, 3, True)


def test_a_collection_error_that_both_tell_counts_once() -> None:
    broken = {"event": "collect", "id": "u.py", "outcome": "failed", "message": "SyntaxError"}
    run = summed([*controlled(broken, tests=0, exit_code=1), *worker(broken, order=())])
    assert rules(run) == [("collection-error", "u.py")]


def test_a_report_that_only_a_worker_has_is_no_end_of_a_test() -> None:
    run = summed([*controlled(*seen(A)), *worker(*passed(0), *passed(1))])
    assert run.gaps[0].startswith("1 of 2 selected tests did not run to their end")


def test_a_worker_that_ended_well_is_no_end_of_the_session() -> None:
    main = controlled(*seen(A), *seen(B))[:-1]
    run = summed([*main, *worker(*passed(0), *passed(1))])
    assert run.gaps == ("pytest ended with exit code 0 in the middle of its session",)


def test_a_worker_that_died_leaves_a_failure_and_an_unfinished_test() -> None:
    crash = report(B, "???", "failed", message="worker 'gw0' crashed")
    run = summed([*controlled(*seen(A), begin(B), crash, exit_code=1), *worker(*passed(0))[:-1]])
    assert rules(run) == [("failed", IDS[B])]
    assert run.gaps == ("1 of 2 selected tests did not run to their end, the first is t.py::b",)


def test_tests_of_a_worker_without_a_stream_were_not_seen() -> None:
    run = summed(controlled(*seen(A), *seen(B)))
    assert run.gaps[0].startswith("2 tests ran where the recorder could not see them")
