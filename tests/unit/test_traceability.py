"""The gate ``traceability``: what is planned, held against what the tests proved."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pytest_devops_gates import proving, testing
from pytest_devops_gates.board import kept
from pytest_devops_gates.board.items import DOING, DONE, DROPPED, TODO, Board, Milestone, WorkItem
from pytest_devops_gates.board.required import required, wanted
from pytest_devops_gates.evidence import Evidence, Finding, Proof, RanTest, Receipt, TestDetail
from pytest_devops_gates.gates.traceability import TRACEABILITY, review
from pytest_devops_gates.outside import TrackerTable
from pytest_devops_gates.past import Past
from pytest_devops_gates.testing import Judged

GATE = msgspec.structs.replace(TRACEABILITY, needs=())  # the gate alone, without the tests
PLAN = """
milestone = "1.4"

[[milestones]]
name = "1.4"

[[items]]
id = "W-1"
title = "Login works"
status = "done"
milestone = "1.4"
requirements = ["REQ-1", "REQ-2"]

[[items]]
id = "W-2"
title = "Logout works"
milestone = "1.4"
requirements = ["REQ-3"]

[[items]]
id = "W-3"
title = "Whatever"
status = "dropped"
milestone = "1.4"
requirements = ["REQ-4"]
"""
PROVEN = Proof("REQ-1", 1, 0, 0, ("t.py::one",)), Proof("REQ-2", 2, 0, 1, ("t.py::two",))
TRACKER = TrackerTable(kind="github", project="a/b")


def proved(*proofs: Proof, ran: tuple[RanTest, ...] = (), **fields: Any) -> dict[str, Evidence]:
    detail = TestDetail(proofs=proofs)
    own = Evidence(examined=1, receipt=Receipt("pytest"), tests=detail, ran=ran, **fields)
    return {"tests": own}


NO_BOARD: Mapping[str, str] = {}


def judge(
    root: Path,
    gathered: Mapping[str, Evidence],
    plan: str | None = PLAN,
    board: Mapping[str, str] = NO_BOARD,
    **fields: Any,
) -> Judged:
    if board:
        gathered = {**gathered, "work-items": Evidence(left=dict(board))}
    if plan is not None:
        testing.write(root, {"devops-gates/plan.toml": plan})
    return testing.judge(GATE, root, gathered=gathered, profile="release", **fields)


def told(judged: Judged) -> list[tuple[str, str]]:
    return [(f.rule, f.severity.value) for f in judged.evidence.findings]


def test_all_that_is_done_is_proven(tmp_path: Path) -> None:
    judged = judge(tmp_path, proved(*PROVEN, Proof("REQ-3", 1, 0, 0, ("t.py::three",))))
    assert (judged.outcome, judged.rules) == ("pass", [])
    numbers = {"requirements": 2, "proven": 2, "unproven": 0, "unknown": 0}
    assert judged.evidence.metrics == numbers
    assert judged.evidence.examined == 4


def test_what_is_open_is_told_and_stops_nothing(tmp_path: Path) -> None:
    judged = judge(tmp_path, proved(*PROVEN))
    assert judged.outcome == "pass"
    assert told(judged) == [("not-yet-proven", "info")]


@pytest.mark.parametrize(
    ("proof", "rule", "says"),
    [
        (Proof("REQ-9"), "unproven", '@pytest.mark.requirement("REQ-2") on the test'),
        (Proof("REQ-2", 0, 1, 0, ("t.py::two",)), "failing", "1 of 1 tests that bear it failed"),
        (Proof("REQ-2", 5, 1, 0, ("t.py::two",)), "failing", "1 of 6 tests that bear it failed"),
        (Proof("REQ-2", 0, 0, 2, ("t.py::two",)), "skipped-only", "2 tests that bear it were skip"),
        (Proof("REQ-2", 0, 0, 1, ("t.py::two",)), "skipped-only", "1 test that bears it was skipp"),
        (Proof("REQ-2", 0, 0, 1, ("t.py::two",)), "skipped-only", "skipped, whole or in a subtest"),
        (Proof("REQ-2", 0, 0, 0, ("t.py::two",)), "skipped-only", "left out, such as t.py::two"),
    ],
)
def test_what_is_done_and_not_proven(tmp_path: Path, proof: Proof, rule: str, says: str) -> None:
    some = (proof,) if proof.requirement == "REQ-2" else ()
    judged = judge(tmp_path, proved(PROVEN[0], *some))
    assert judged.outcome == "fail"
    finding = next(f for f in judged.evidence.findings if f.rule == rule)
    assert "REQ-2 of W-1 (Login works)" in finding.message
    assert says in finding.message
    assert finding.path == ("devops-gates/plan.toml" if rule == "unproven" else "t.py")
    assert judged.evidence.metrics["unproven"] == 1


def test_the_test_that_failed_is_named(tmp_path: Path) -> None:
    proof = Proof("REQ-2", 1, 1, 0, ("a.py::one", "b.py::two"))
    ran = (
        RanTest("a.py::one", "passed", 1, ("REQ-2",)),
        RanTest("b.py::two", "error", 1, ("REQ-2",)),
    )
    judged = judge(tmp_path, proved(PROVEN[0], proof, ran=ran))
    finding = next(f for f in judged.evidence.findings if f.rule == "failing")
    assert "such as b.py::two" in finding.message
    assert finding.path == "b.py"


def test_ids_that_the_plan_does_not_know_and_markers_without_one(tmp_path: Path) -> None:
    wrong = Proof("REQ-11", 1, 0, 0, ("t.py::x", "t.py::y")), Proof("", 1, 0, 0, ("t.py::z",))
    judged = judge(tmp_path, proved(*PROVEN, *wrong))
    assert judged.outcome == "warn"
    assert told(judged)[1:] == [
        ("requirement-without-id", "medium"),
        ("unknown-requirement", "medium"),
    ]
    assert "did you mean REQ-1?" in judged.evidence.findings[2].message
    assert judged.evidence.metrics["unknown"] == 1


def test_a_waiver_can_hold_back_what_a_number_could_not(tmp_path: Path) -> None:
    assert list(TRACEABILITY.conditions) == ["findings.high"]


def test_without_a_plan_the_markers_are_what_is_required(tmp_path: Path) -> None:
    judged = judge(tmp_path, proved(PROVEN[0]), plan=None)
    assert (judged.outcome, judged.rules) == ("pass", [])
    judged = judge(tmp_path, proved(PROVEN[0], Proof("X", 0, 0, 1, ("t.py::x",))), plan=None)
    assert (judged.outcome, judged.rules) == ("fail", ["skipped-only"])


def test_where_nothing_is_required_the_question_does_not_arise(tmp_path: Path) -> None:
    judged = judge(tmp_path, proved(), plan=None)
    assert judged.outcome == "not-applicable"
    assert judged.reason == "there is no plan, and no test bears @pytest.mark.requirement"
    judged = judge(tmp_path, proved(), plan="[[items]]\nid = 'W-1'\ntitle = 'x'\n")
    assert judged.outcome == "not-applicable"
    assert judged.reason.startswith("devops-gates/plan.toml names no requirement")


@pytest.mark.parametrize(
    ("gathered", "plan", "outcome", "says"),
    [
        ({}, PLAN, "unknown", "needs the gate tests, which did not run"),
        (
            {"tests": Evidence(unknown="narrowed")},
            PLAN,
            "unknown",
            "tests could not tell: narrowed",
        ),
        ({"tests": Evidence(not_applicable="none")}, PLAN, "not-applicable", "tests: none"),
        (proved(*PROVEN), "items = 3", "unknown", "plan.toml"),
        (proved(*PROVEN), "\ufeff", "unknown", "plan.toml"),
    ],
)
def test_what_is_not_known(
    tmp_path: Path, gathered: dict[str, Evidence], plan: str, outcome: str, says: str
) -> None:
    judged = judge(tmp_path, gathered, plan=plan)
    assert judged.outcome == outcome, judged.reason
    assert says in judged.reason


def test_a_shard_leaves_it_to_the_whole(tmp_path: Path) -> None:
    judged = judge(tmp_path, proved(), shard="one")
    assert judged.outcome == "not-applicable"
    assert "release combine" in judged.reason


# trackers


def left(root: Path, *items: WorkItem) -> dict[str, Any]:
    board = Board("https://github.com/a/b", (Milestone("1.4"),), items)
    run_dir = testing.write(root / "run", {})
    run_dir.mkdir(exist_ok=True)
    digests = kept.keep(run_dir, board, "1.4")
    return {"run_dir": run_dir, "tracker": TRACKER, "plan": None, "board": digests}


def test_a_tracker_is_known_by_what_work_items_left(tmp_path: Path) -> None:
    item = WorkItem("7", "x", milestone="1.4", status=DONE, requirements=("REQ-1",))
    proofs = proved(PROVEN[0], Proof("OLD", 1, 0, 0, ("t.py::old",)))
    judged = judge(tmp_path, proofs, **left(tmp_path, item))
    assert (judged.outcome, judged.rules) == ("pass", [])  # OLD may be of an item that was not read
    assert "unknown" in judged.evidence.inapplicable
    assert any("is not read" in note for note in judged.evidence.notes)
    judged = judge(tmp_path, proved(), **left(tmp_path, item))
    assert (judged.outcome, judged.rules) == ("fail", ["unproven"])
    assert judged.evidence.findings[0].path is None


@pytest.mark.parametrize(
    ("work_items", "says"),
    [
        (None, "it did not run"),
        (Evidence(unknown="timed out"), "timed out"),
        (Evidence(not_applicable="no items"), "no items"),
    ],
)
def test_a_tracker_that_nobody_asked_is_not_known(
    tmp_path: Path, work_items: Evidence | None, says: str
) -> None:
    more = {"work-items": work_items} if work_items else {}
    judged = judge(tmp_path, {**proved(*PROVEN), **more}, plan=PLAN, tracker=TRACKER)
    assert judged.outcome == "unknown"
    assert judged.reason.endswith(says)


@pytest.mark.parametrize("data", [b"", b"{}", b"[", b'{"board": 1}', b"\xff"])
def test_a_board_that_is_none(tmp_path: Path, data: bytes) -> None:
    testing.write(tmp_path, {"run/plan.json": data})
    digests = {"plan.json": hashlib.sha256(data).hexdigest()}
    judged = judge(tmp_path, proved(*PROVEN), run_dir=tmp_path / "run", board=digests)
    assert judged.outcome == "unknown"


def test_a_board_that_a_test_wrote_is_not_believed(tmp_path: Path) -> None:
    item = WorkItem("7", "x", milestone="1.4", status=DONE, requirements=("REQ-1",))
    fields = left(tmp_path, item)
    kept.keep(fields["run_dir"], Board("forged", (Milestone("1.4"),), ()), "1.4")
    judged = judge(tmp_path, proved(*PROVEN), **fields)
    assert (judged.outcome, "something changed it" in judged.reason) == ("unknown", True)


def test_a_board_comes_back_as_it_was_left(tmp_path: Path) -> None:
    item = WorkItem("7", "ü \u2028", requirements=("a", "b"))
    board = Board("x", (Milestone("1", date(2026, 1, 2), closed=True),), (item,))
    assert kept.kept(tmp_path, {}) is None
    digests = kept.keep(tmp_path, board, "1")
    assert kept.kept(tmp_path, digests) == kept.Kept(board, "1")


# which requirements


MILESTONES = (
    Milestone("0.9", closed=True),
    Milestone("1.0", date(2026, 1, 1)),
    Milestone("1.1", date(2026, 2, 1)),
    Milestone("1.2", date(2026, 3, 1)),
    Milestone("some day"),
)


@pytest.mark.parametrize(
    ("now", "names"),
    [
        ("1.1", "0.9 1.0 1.1 none"),
        ("1.0", "0.9 1.0 none"),
        ("some day", "0.9 none some-day"),
        ("unheard of", "0.9 none"),
        (None, "0.9 1.0 1.1 1.2 none some-day"),
    ],
)
def test_what_is_done_of_milestones_that_are_reached(now: str | None, names: str) -> None:
    items = [
        WorkItem(
            "i", "", milestone=one.name, status=DONE, requirements=(one.name.replace(" ", "-"),)
        )
        for one in MILESTONES
    ]
    items.append(WorkItem("i", "", status=DONE, requirements=("none",)))
    assert required(Board("", MILESTONES, tuple(items)), now) == tuple(names.split())


@pytest.mark.parametrize("status", [TODO, DOING, DROPPED])
def test_what_is_not_done_is_not_required(status: str) -> None:
    item = WorkItem("i", "", milestone="1.1", status=status, requirements=("R",))
    found = wanted(Board("", MILESTONES, (item,)), "1.1")
    assert not found.now
    assert bool(found.open) == (status != DROPPED)
    assert found.known == {"R"}
    assert not wanted(Board("", MILESTONES, (item,)), "1.2").open


# gone


PAST = Past(tests={"a.py::test_one": 1.0, "a.py::T::test_two[1]": 1.0, "b.py::test_three": 1.0})


def ran(*ids: str) -> tuple[RanTest, ...]:
    return tuple(RanTest(one, "passed", 1.0) for one in ids)


@pytest.mark.parametrize(
    ("now", "gone"),
    [
        (["a.py::test_one", "a.py::T::test_two[1]", "b.py::test_three"], []),
        (["c.py::test_one", "a.py::test_two[a::b]", "b.py::U::test_three"], []),
        (["a.py::test_one", "a.py::T::test_two[2]"], ["b.py::test_three"]),
        (["x.py::test_x"], ["a.py::T::test_two[1]", "a.py::test_one", "b.py::test_three"]),
    ],
)
def test_tests_that_are_gone_and_those_that_moved(now: list[str], gone: list[str]) -> None:
    assert proving.gone(PAST.tests, now) == gone


def test_gone_tests_are_told_by_file(tmp_path: Path) -> None:
    here = proved(*PROVEN, ran=ran("x.py::test_x"))
    judged = judge(tmp_path, here, past=PAST)
    assert judged.outcome == "warn"
    assert judged.evidence.metrics["gone"] == 3
    found: list[Finding] = [f for f in judged.evidence.findings if f.rule == "gone-tests"]
    assert [f.path for f in found] == ["a.py", "b.py"]
    assert "a.py::T::test_two[1] (and 1 more of this file)" in found[0].message
    for metric in ("gone", "findings.rule:gone-tests"):
        assert judge(tmp_path, here, past=PAST, conditions={metric: "== 0"}).outcome == "fail"


@pytest.mark.parametrize(
    ("past", "outcome"), [(Past(), "pass"), (Past(unknown="the history is locked"), "unknown")]
)
def test_without_a_past_nothing_is_gone_and_an_unreadable_one_is_not_known(
    tmp_path: Path, past: Past, outcome: str
) -> None:
    limited = {"gone": "== 0", "findings.high": "== 0"}
    judged = judge(tmp_path, proved(*PROVEN, ran=ran("x")), past=past, conditions=limited)
    assert judged.outcome == outcome, judged.reason


# the gate


@pytest.mark.parametrize("plan", [None, PLAN, PLAN.replace("\n", "\r\n")])
def test_it_bites(tmp_path: Path, plan: str | None) -> None:
    if plan:
        testing.write(tmp_path, {"devops-gates/plan.toml": plan.encode()})
    clean, planted = testing.prove(GATE, tmp_path, gathered=proved(*PROVEN), profile="release")
    assert (clean.outcome, planted.outcome) == ("pass", "fail")
    assert "unproven" in planted.rules


def test_hostile_ids_and_titles_stay_one_line(tmp_path: Path) -> None:
    nasty = "x\x1b[2J\n::error::"
    item = WorkItem("7", nasty, milestone="1.4", status=DONE, requirements=(nasty,))
    judged = judge(tmp_path, proved(), **left(tmp_path, item))
    assert judged.evidence.findings[0].message.isprintable()


def test_it_is_off_without_the_tests() -> None:
    assert TRACEABILITY.needs == ("tests",)
    assert TRACEABILITY.review is review
