"""What deserves work: each source of lessons, by values alone."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest

from pytest_devops_gates.board.items import Board, Milestone, WorkItem
from pytest_devops_gates.deployments import Deployment
from pytest_devops_gates.evidence import Severity
from pytest_devops_gates.history.answers import Flaky, Repeated, SlowGate
from pytest_devops_gates.incident import Incident
from pytest_devops_gates.lessons.debts import Ending
from pytest_devops_gates.lessons.inbox import Feedback
from pytest_devops_gates.lessons.lesson import KINDS, LONGEST, Lesson, key_of, ranked
from pytest_devops_gates.lessons.review import Seen, review
from pytest_devops_gates.verdict import Measured, Ruling, Waiver

NOW = datetime(2026, 11, 28, 12, tzinfo=timezone.utc)
TODAY = NOW.date()


def learnt(**seen: Any) -> list[str]:
    return [f"{one.key} | {one.title} | {one.evidence}" for one in review(Seen(**seen), NOW)]


def waiver(name: str, days: int) -> Waiver:
    ends = str(TODAY + timedelta(days=days))
    return Waiver(name, "bandit", "a constant", "Ada", "2026-10-01", ends, "B602", "src/a.py")


def said(name: str, **told: Any) -> Feedback:
    known = {"id": name, "created": date(2026, 11, 20), "kind": "pain", "text": f"{name} hurts"}
    return Feedback(**{**known, **told})


def deployment(
    name: str, outcome: str, started: str = "2026-11-20T10:00:00Z", exit_code: int | None = 3
) -> Deployment:
    return Deployment("s", name, "prod", outcome, started, "Ada", None, None, "r", "p", (), (),
                      exit_code=exit_code, reason="exit code 3")  # fmt: skip


def coverage(limit: float, **more: Any) -> Ruling:
    held = Measured("line", ">=", limit, 92.0, **more)
    return Ruling("coverage", "test", "required", "pass", "", conditions=(held,))


def test_waivers_and_quarantines_that_end_soon() -> None:
    tests = (Ending("t.py::a", TODAY, "Bo", "slow disk"), Ending("t.py::b", date(2027, 11, 1)))
    assert learnt(waivers=[waiver("w-1", 7), waiver("w-2", 31), waiver("w-3", 30)],
                  quarantine=tests) == [
        ("quarantine:t.py::a | Mend the test t.py::a, which is in quarantine"
        " | ends on 2026-11-28, today; Bo; slow disk"),
        ("waiver:w-1 | Mend what the waiver w-1 holds back: bandit/B602 in src/a.py"
        " | ends on 2026-12-05, in 7 days; Ada: a constant"),
        ("waiver:w-3 | Mend what the waiver w-3 holds back: bandit/B602 in src/a.py"
        " | ends on 2026-12-28, in 30 days; Ada: a constant"),
    ]  # fmt: skip


def test_what_has_ended_weighs_more() -> None:
    tests = (Ending("a", TODAY), Ending("b", TODAY - timedelta(days=1)))
    assert [line.split(" ")[0] for line in learnt(quarantine=tests)] == [
        "quarantine:b",
        "quarantine:a",
    ]


def test_ratchets_that_can_be_tightened() -> None:
    note = "errors is 3.0, better than the baseline's 5.0 · devops-gates baseline --tighten"
    types = Ruling("types", "develop", "required", "pass", "", notes=("other", note))
    assert learnt(rulings=[types], stale=2) == [
        (
            "ratchet:baseline | Tighten the baseline: devops-gates baseline --tighten"
            " | 2 of its entries match nothing any more; errors is 3.0, better than the baseline's 5.0"
        )
    ]


@pytest.mark.parametrize(
    ("ruling", "values", "is_slack"),
    [
        (coverage(85.0), [90.0, 91.0, 92.0], True),
        (coverage(86.5), [90.0, 91.0, 92.0], False),
        (coverage(85.0), [], False),
        (coverage(85.0, baseline=85.0), [91.0], False),  # it is relative: it moves by itself
        (msgspec.structs.replace(coverage(85.0), name="other"), [91.0], False),
    ],
)
def test_limits_with_slack(ruling: Ruling, values: list[float], is_slack: bool) -> None:
    told = "ratchet:coverage.line | Raise coverage line from >= 85 to >= 91"
    told += " | 91 is the median of the last 3 passing runs"
    assert learnt(rulings=[ruling], usual={"coverage.line": values}) == [told] * is_slack


def test_what_the_history_shows() -> None:
    assert learnt(
        slow_gates=[
            SlowGate("tests", 9, 61.5, 90.0, 0.75),
            SlowGate("api", 9, 9.0, 9.0, 0.05),
            SlowGate("lint", 9, 0.5, 1.0, 0.2),
        ],
        flaky=[Flaky("t.py::a", 7, 2, ("c1",), "r"), Flaky("t.py::b", 7, 3, ("c1", "c2"), "r")],
        repeated=[
            Repeated("lint", "F401", 5, 20, "r", times=3, stays=0),
            Repeated("bandit", "B101", 4, 4, "r", times=1, stays=4),
            Repeated("lint", "E501", 9, 9, "r", times=2, stays=2),
        ],
    ) == [
        (
            "flaky-test:t.py::b | Mend the flaky test t.py::b"
            " | passed 7 and failed 3 times on 2 commits"
        ),
        "flaky-test:t.py::a | Mend the flaky test t.py::a | passed 7 and failed 2 times on 1 commit",
        (
            "finding:lint/F401 | Stop lint from finding F401 again and again"
            " | new in 5 of the last runs, came 3 times"
        ),
        (
            "finding:bandit/B101 | Stop bandit from finding B101 again and again"
            " | new in 4 of the last runs, still there"
        ),
        "slow-gate:tests | Make the gate tests faster | 61.50 s (median of 9 runs), 75% of all gates",
    ]


@pytest.mark.parametrize(
    ("gate", "times", "stays", "is_told"),
    [
        ("lint", 1, 0, False),  # seen to, in however many runs it was
        ("lint", 2, 1, False),
        ("lint", 3, 0, True),
        ("lint", 1, 2, False),
        ("lint", 1, 3, True),
        ("commits", 1, 9, False),  # as long as its branch is open
        ("commits", 3, 1, True),
        ("slo", 1, 9, True),  # nothing but its mend ends it
        ("traceability", 1, 9, True),
        ("inbox", 9, 9, False),  # each entry of the inbox has a lesson of its own
        ("incidents", 9, 9, False),
        ("work-items", 9, 9, False),
    ],
)
def test_findings_that_came_back_or_stay(gate: str, times: int, stays: int, is_told: bool) -> None:
    told = learnt(repeated=[Repeated(gate, "R", 9, 9, "r", times, stays)])
    assert bool(told) == is_told


def test_the_inbox_by_urgency_and_area() -> None:
    entries = [
        said("F-1", urgent=True, kind="bug", text="it\nhurts"),
        said("F-2", area="docs"),
        said("F-3", area="docs", created=date(2026, 11, 1)),
        said("F-4", text="a button", kind="idea"),
        said("F-5", kind="praise"),
        said("F-6", answered=TODAY, answer="x", urgent=True),
        said("F-7", item="W-1", urgent=True),
    ]
    assert learnt(inbox=entries) == [
        "feedback:F-1 | it hurts | F-1: an urgent bug, open for 8 days",
        "inbox:docs:F-3 | Answer the feedback on docs | 2 open on docs, since 2026-11-01: F-3, F-2",
        "inbox:-:F-4 | a button | 1 open, since 2026-11-20: F-4",
    ]
    by_key = {one.key: one for one in review(Seen(inbox=entries), NOW)}
    assert by_key["inbox:docs:F-3"].covers == ("F-3", "F-2")
    assert by_key["feedback:F-1"].work == "bug"


def test_incidents_without_a_follow_up_and_deployments_that_failed() -> None:
    start = "2026-11-20T10:00:00Z"
    incidents = [
        Incident("i1", "down", Severity.LOW, start, environment="prod", deployment="d1"),
        Incident("i2", "very down", Severity.CRITICAL, start, "2026-11-20T11:00:00Z"),
        Incident("i3", "known", Severity.CRITICAL, start, follow_up="W-1"),
    ]
    rolled = [
        deployment("d1", "failed"),
        deployment("d2", "failed"),
        deployment("d3", "rejected"),
        deployment("d4", "deployed"),
        deployment("d5", "started"),
        deployment("d6", "started", "2026-11-28T11:00:00Z"),
        deployment("d7", "started", "no time"),
        deployment("d8", "failed", exit_code=None),  # it never started
    ]
    assert learnt(incidents=incidents, deployments=rolled) == [
        (
            "incident:i2 | Learn from the incident i2: very down"
            " | critical, from 2026-11-20T10:00:00Z until 2026-11-20T11:00:00Z; no follow-up"
        ),
        (
            "incident:i1 | Learn from the incident i1: down"
            " | low in prod, from 2026-11-20T10:00:00Z, and still goes on; no follow-up"
        ),
        (
            "deployment:d2 | Learn from the roll-out d2 to prod, which failed"
            " | 2026-11-20T10:00:00Z: exit code 3"
        ),
        (
            "deployment:d3 | Learn from the roll-out d3 to prod, which was rejected"
            " | 2026-11-20T10:00:00Z: exit code 3"
        ),
        (
            "deployment:d5 | Learn from the roll-out d5 to prod, which ended unseen"
            " | 2026-11-20T10:00:00Z: exit code 3"
        ),
        (
            "deployment:d7 | Learn from the roll-out d7 to prod, which ended unseen"
            " | no time: exit code 3"
        ),
    ]


def test_milestones_that_are_overdue() -> None:
    milestones = (
        Milestone("1.0", date(2026, 11, 1)),
        Milestone("1.1", TODAY),
        Milestone("0.9", date(2026, 1, 1), closed=True),
        Milestone("some day"),
    )
    items = (
        WorkItem("W-1", "a", milestone="1.0", status="done"),
        WorkItem("W-2", "b", milestone="1.0"),
    )
    assert learnt(board=Board("x", milestones, items)) == [
        (
            "milestone:1.0 | Finish or replan the milestone 1.0"
            " | due on 2026-11-01, 27 days ago; 1 of 2 items are left"
        )
    ]


def test_lessons_are_ranked_and_each_key_is_there_once() -> None:
    lessons = [Lesson(key, "ratchet", "t", "e", weight)
               for key, weight in (("b", 1.0), ("a", 1.0), ("c", 2.0), ("b", 9.0))]  # fmt: skip
    assert [(one.key, one.weight) for one in ranked(lessons)] == [("b", 9), ("c", 2), ("a", 1)]


def test_a_long_name_makes_a_short_key_of_its_own() -> None:
    one, other = (key_of("flaky-test", "x" * 999 + end) for end in "ab")
    assert one != other
    assert len(one) < LONGEST + 30
    assert key_of("waiver", "w") == "waiver:w"


def test_every_kind_is_known() -> None:
    everything = review(
        Seen(
            waivers=[waiver("w", 1)],
            quarantine=[Ending("t", TODAY)],
            stale=1,
            slow_gates=[SlowGate("tests", 1, 60.0, 60.0, 1.0)],
            flaky=[Flaky("t", 1, 1, ("c",), "r")],
            repeated=[Repeated("lint", "E1", 3, 3, "r", 3, 3)],
            inbox=[said("F-1")],
            incidents=[Incident("i", "x", Severity.INFO, "2026-11-20T10:00:00Z")],
            deployments=[deployment("d", "failed")],
            board=Board("x", (Milestone("m", date(2026, 1, 1)),)),
        ),
        NOW,
    )
    assert {one.kind for one in everything} == set(KINDS)
    assert all(0 < one.weight < 100 for one in everything)
