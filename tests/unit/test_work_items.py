"""The gate ``work-items``, and which milestone is the release's."""

from __future__ import annotations

import re
from datetime import date, datetime, timezone
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pytest_devops_gates import testing
from pytest_devops_gates.board import kept, source
from pytest_devops_gates.board.items import Milestone
from pytest_devops_gates.board.plan_file import FILE
from pytest_devops_gates.errors import CannotTell, UsageError
from pytest_devops_gates.evidence import Evidence, Severity
from pytest_devops_gates.gates.work_items import WORK_ITEMS, WorkItemsOptions, check
from pytest_devops_gates.outside import TrackerTable
from pytest_devops_gates.testing import Judged, judge, prove, write
from tests.unit.test_tracker import copied
from tests.unit.tracker_server import TOKEN, serving

RELEASE: dict[str, Any] = {
    "profile": "release",
    "started": datetime(2026, 12, 1, 12, tzinfo=timezone.utc).timestamp(),
}
PLAN = """\
[[milestones]]
name = "1.4"
due = 2026-12-15

[[items]]
id = "W-1"
title = "Read"
milestone = "1.4"
status = "done"

[[items]]
id = "W-2"
title = "Say"
milestone = "1.4"
status = "{}"
owner = "@ben"

[[items]]
id = "W-3"
title = "Of no milestone"
"""


def plan(root: Path, text: str, version: str = "") -> Path:
    stated = f'[project]\nname = "x"\nversion = "{version}"\n' if version else ""
    return write(root, {FILE: text, "pyproject.toml": stated})


def look(root: Path, today: str = "2026-12-01", **options: Any) -> Evidence:
    """What the gate gathers, without a process of its own."""
    now = datetime.fromisoformat(today).replace(tzinfo=timezone.utc).timestamp()
    here = testing.project(root, started=now)
    return check(here, msgspec.convert(options, WorkItemsOptions), ())


def rules(evidence: Evidence) -> list[str]:
    return sorted(finding.rule for finding in evidence.findings)


def test_what_is_open_fails_a_release_and_says_how_it_is_mended(tmp_path: Path) -> None:
    judged = judge(WORK_ITEMS, plan(tmp_path, PLAN.format("doing")), **RELEASE)
    assert judged.outcome == "fail"
    assert judged.reason == "work-items: open 1, needs == 0 · devops-gates plan"
    (found,) = judged.evidence.findings
    assert (found.rule, found.path, found.line) == ("open-item", FILE, 11)
    assert found.message == (
        "W-2 (doing, @ben) is not done: Say · devops-gates plan done W-2, or plan move W-2 MILESTONE"
    )
    assert judged.evidence.metrics == {
        "items": 2, "done": 1, "open": 1, "dropped": 0, "unowned": 0, "overdue": 0, "due-soon": 0,
    }  # fmt: skip
    assert judged.evidence.notes == (
        "the milestone '1.4' of devops-gates/plan.toml: it is the open one that is due first",
    )
    assert judged.ruling.receipt
    assert (judged.ruling.receipt.version, judged.ruling.receipt.examined) == ("1.4", 2)


@pytest.mark.parametrize("status", ["done", "dropped"])
def test_what_is_done_or_dropped_is_no_finding(tmp_path: Path, status: str) -> None:
    evidence = look(plan(tmp_path, PLAN.format(status)))
    assert (evidence.findings, evidence.examined) == ((), 2)


@pytest.mark.parametrize(
    ("today", "options", "found"),
    [
        ("2026-12-11", {}, []),
        ("2026-12-12", {}, ["due-soon"]),
        ("2026-12-15", {}, ["due-soon"]),
        ("2026-12-16", {}, ["overdue"]),
        ("2026-12-12", {"due-soon": 2}, []),
        ("2026-12-15", {"due-soon": 0}, ["due-soon"]),
    ],
)
def test_a_milestone_that_is_due_is_told(
    tmp_path: Path, today: str, options: dict[str, Any], found: list[str]
) -> None:
    evidence = look(plan(tmp_path, PLAN.format("todo")), today, **options)
    assert rules(evidence) == sorted(["open-item", *found])
    assert [name for name in ("due-soon", "overdue") if evidence.metrics[name]] == found
    assert not look(plan(tmp_path, PLAN.format("done")), today, **options).findings


def test_a_milestone_that_is_over_warns(tmp_path: Path) -> None:
    root = plan(tmp_path, PLAN.format("todo").replace("2026-12-15", "2026-11-30"))
    judged = judge(WORK_ITEMS, root, conditions={"open": "<= 1"}, **RELEASE)
    assert judged.outcome == "warn"
    (found,) = [f for f in judged.evidence.findings if f.rule == "overdue"]
    assert found.line == 1
    assert found.message.startswith("the milestone '1.4' was due 1 day ago, on 2026-11-30, and 1")


def test_the_board_is_left_for_gates_that_review(tmp_path: Path) -> None:
    here = testing.project(plan(tmp_path, PLAN.format("done")))
    found = check(here, WorkItemsOptions(), ())
    left = kept.kept(here.run_dir, found.left)
    assert left is not None
    assert (left.milestone, len(left.board.items)) == ("1.4", 3)


def test_an_item_without_owner_is_told_and_no_more(tmp_path: Path) -> None:
    evidence = look(plan(tmp_path, PLAN.format("todo").replace('owner = "@ben"', "")))
    assert {f.rule: f.severity for f in evidence.findings} == {
        "open-item": Severity.MEDIUM,
        "unowned": Severity.INFO,
    }
    assert evidence.metrics["unowned"] == 1


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no milestone is open · devops-gates plan milestone NAME --due DATE"),
        ('[[milestones]]\nname = "1.4"', "nothing is planned for it · devops-gates plan add TITLE"),
        (PLAN.format("dropped").replace('"done"', '"dropped"'), "all 2 items of it are dropped"),
        (
            '[[milestones]]\nname = "a"\n[[milestones]]\nname = "b"',
            "2 milestones are open, and none",
        ),
        ("[[items]]", "devops-gates/plan.toml.items[0]: the key 'id' is missing"),
    ],
)
def test_what_cannot_be_told_is_unknown(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(CannotTell, match=re.escape(why)):
        look(plan(tmp_path, text))


def test_without_a_plan_the_question_does_not_arise(tmp_path: Path) -> None:
    judged = judge(WORK_ITEMS, tmp_path, **RELEASE)
    assert judged.outcome == "not-applicable"
    assert judged.reason == "no devops-gates/plan.toml and no [tool.devops-gates.tracker]"
    (tmp_path / "devops-gates").mkdir()
    (tmp_path / FILE).symlink_to("nowhere")
    assert judge(WORK_ITEMS, tmp_path, **RELEASE).outcome == "unknown"


def test_its_levels() -> None:
    profiles = ("commit", "merge", "release", "operate")
    levels = [WORK_ITEMS.levels.get(profile, WORK_ITEMS.level) for profile in profiles]
    assert levels == ["off", "advisory", "required", "off"]


@pytest.mark.parametrize("options", [{"due-soon": -1}, {"due-soon": 366}, {"milestone": 1.4}])
def test_wrong_options(tmp_path: Path, options: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=r"gates\.work-items\.options\."):
        judge(WORK_ITEMS, plan(tmp_path, PLAN.format("done")), options=options)


def test_it_bites(tmp_path: Path) -> None:
    clean, planted = prove(WORK_ITEMS, plan(tmp_path, PLAN.format("done")), **RELEASE)
    assert (clean.outcome, planted.outcome) == ("pass", "fail")
    assert planted.rules == ["open-item", "unowned"]


# with a tracker


def tracked(
    root: Path, kind: str, options: Any = None, *, token: str = TOKEN, **fields: Any
) -> Judged:
    with pytest.MonkeyPatch.context() as patch, serving(**{**copied(), **fields}) as world:
        patch.setenv("OUR_TOKEN", token)
        table = world.table(kind, token="OUR_TOKEN")
        return judge(WORK_ITEMS, root, tracker=table, options=options or {}, **RELEASE)


@pytest.mark.parametrize("kind", ["github", "gitlab"])
def test_a_tracker_holds_before_the_file(tmp_path: Path, kind: str) -> None:
    judged = tracked(plan(tmp_path, PLAN.format("done")), kind, most=2)
    assert judged.outcome == "fail"
    assert judged.rules == ["open-item"] * 3 + ["unowned"] * 2
    assert all(finding.path is None for finding in judged.evidence.findings)
    assert judged.evidence.metrics["items"] == 5
    assert "/issues/1)" in judged.evidence.findings[0].message
    assert judged.evidence.notes == (
        "the milestone '1.4' of octo/hello at 127.0.0.1: it is the open one that is due first",
    )


@pytest.mark.parametrize("kind", ["github", "gitlab"])
def test_a_milestone_that_is_closed_in_a_tracker_hides_nothing(tmp_path: Path, kind: str) -> None:
    milestones = [{"name": "1.4", "closed": True}, {"name": "1.5"}, {"name": "later"}]
    issues = [
        {"title": "Done", "milestone": "1.5", "closed": "2026-11-02T10:00:00Z"},
        {"title": "Left", "milestone": "1.4", "assignee": "anna"},
        {"title": "Done before", "milestone": "1.4", "closed": "2026-11-02T10:00:00Z"},
        {"title": "Later", "milestone": "later"},
        {"title": "Of none"},
    ]
    root = plan(tmp_path, "", version="1.4.0")
    options = {"milestone": "1.5"}
    judged = tracked(root, kind, options, milestones=milestones, issues=issues, most=2)
    assert (judged.outcome, judged.evidence.metrics["open"]) == ("fail", 1)
    (found,) = judged.evidence.findings
    assert found.message.startswith("2 (doing, @anna) of the closed milestone '1.4' is not done")
    assert judged.evidence.metrics["items"] == 1


def test_a_release_s_milestone_that_is_closed_is_read_once(tmp_path: Path) -> None:
    milestones = [{"name": "1.4", "closed": True}]
    issues = [{"title": "Left", "milestone": "1.4", "assignee": "anna"}]
    root = plan(tmp_path, "", version="1.4.0")
    judged = tracked(root, "github", milestones=milestones, issues=issues)
    assert (judged.evidence.metrics["items"], judged.rules) == (1, ["open-item"])


def test_a_tracker_that_does_not_tell_is_unknown(tmp_path: Path) -> None:
    judged = tracked(tmp_path, "github", token="wrong")
    assert judged.outcome == "unknown"
    assert "OUR_TOKEN is not taken" in judged.reason


def test_only_its_token_reaches_the_worker(tmp_path: Path) -> None:
    assert WORK_ITEMS.passes
    here = source.Project(tmp_path, tmp_path, tmp_path, 0.0)
    assert WORK_ITEMS.passes(here, None) == ()
    there = source.Project(tmp_path, tmp_path, tmp_path, 0.0, tracker=TrackerTable("gitlab", "a/b"))
    assert WORK_ITEMS.passes(there, None) == ("GITLAB_TOKEN",)


# which milestone is the release's

SOON, LATE = date(2026, 12, 1), date(2027, 1, 1)


@pytest.mark.parametrize(
    ("milestones", "version", "asked", "worked_for", "found", "why"),
    [
        (["1.4", "1.5"], "1.4", "1.5", "1.4", "1.5", "the option"),
        (["1.4", "1.5"], "1.4", None, "1.5", "1.5", "plan.toml names it"),
        (["1.4", "1.5"], "1.4.0", None, None, "1.4", "named like the version 1.4.0"),
        (["v1.4", "1.5"], "1.4", None, None, "v1.4", "named like"),
        (["1.4.0", "1.5"], "1.4.dev3", None, None, "1.4.0", "named like"),
        (["1.4", "v1.4rc1"], "1.4rc1", None, None, "v1.4rc1", "named like"),
        (["1.4rc1", "1.4"], "1.4rc1", None, None, "1.4rc1", "named like"),
        (["1.4", ("1.4rc1", None, True)], "1.4rc1", None, None, "1.4", "it is open, and named"),
        ([("1.4", None, True), ("1.4rc1", None, True)], "1.4rc1", None, None, "1.4rc1", "closed"),
        (["1.5", "next"], "next", None, None, "next", "named like"),
        ([("1.3", SOON), "1.4"], "1.4", None, None, "1.4", "named like"),
        ([("1.5", LATE), ("1.6", SOON), "1.7"], "1.4", None, None, "1.6", "due first"),
        ([("1.4", None, True), ("1.5", SOON)], "1.4", None, None, "1.5", "due first"),
        (["autumn"], None, None, None, "autumn", "the only open one"),
        ([("1.4", None, True)], "1.4", None, None, "1.4", "and closed"),
    ],
)
def test_the_release_s_milestone(
    milestones: list[Any], version: str | None, asked: str | None, worked_for: str | None,
    found: str, why: str,
) -> None:  # fmt: skip
    known = [Milestone(*(m if isinstance(m, tuple) else (m,))) for m in milestones]
    release = source.release(known, version, asked, worked_for)
    assert release.milestone.name == found
    assert why in release.why


@pytest.mark.parametrize(
    ("milestones", "asked", "why"),
    [
        ([], None, "no milestone is open"),
        ([("1.3", SOON, True)], None, "no milestone is open"),
        (["a", "b"], None, "2 milestones are open, and none is due: a, b"),
        (["1.4"], "1.5", r"there is no milestone '1\.5' \(did you mean '1\.4'\?\)"),
    ],
)
def test_where_no_milestone_is_the_release_s(
    milestones: list[Any], asked: str | None, why: str
) -> None:
    known = [Milestone(*(m if isinstance(m, tuple) else (m,))) for m in milestones]
    with pytest.raises(CannotTell, match=why):
        source.release(known, "2.0", asked)


def test_what_a_closed_milestone_left_open_is_open(tmp_path: Path) -> None:
    closed = '[[milestones]]\nname = "1.3"\nclosed = true\n\n' + PLAN.format("done")
    root = plan(tmp_path, closed + '\n[[items]]\nid = "W-9"\ntitle = "Left"\nmilestone = "1.3"\n')
    found = look(root)
    assert found.metrics["open"] == 1
    (one,) = [finding for finding in found.findings if finding.rule == "open-item"]
    assert "of the closed milestone '1.3'" in one.message


def test_a_milestone_that_is_named_and_closed_is_no_release(tmp_path: Path) -> None:
    closed = 'milestone = "1.3"\n[[milestones]]\nname = "1.3"\nclosed = true\n\n'
    with pytest.raises(CannotTell, match="which is closed"):
        look(plan(tmp_path, closed + PLAN.format("done")))
