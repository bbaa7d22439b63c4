"""``devops-gates feedback`` and its subcommands, without pytest's door."""

from __future__ import annotations

import argparse
import json
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_devops_gates import deployments, registry
from pytest_devops_gates.board import service
from pytest_devops_gates.board.items import Board, Milestone, WorkItem
from pytest_devops_gates.board.tracker import Issue
from pytest_devops_gates.cli import (
    feedback,
    feedback_add,
    feedback_answer,
    feedback_import,
    feedback_improve,
    feedback_review,
)
from pytest_devops_gates.cli.parser import Parser
from pytest_devops_gates.errors import CannotTell, UsageError
from pytest_devops_gates.lessons import inbox, issues
from pytest_devops_gates.lessons.inbox import FILE, Feedback
from pytest_devops_gates.testing import write
from pytest_devops_gates.verdict import EXIT_UNKNOWN

TODAY = datetime.now(timezone.utc).date()
LONG_AGO = TODAY - timedelta(days=100)
PLAN = "devops-gates/plan.toml"
MODULES = (feedback, feedback_add, feedback_answer, feedback_import, feedback_improve)
TRACKER = '[tool.devops-gates.tracker]\nkind = "github"\nproject = "a/b"\n'
PROJECT = '[project]\nname = "app"\nversion = "1.1"\n'
NEXT = f'[[milestones]]\nname = "1.1"\ndue = {TODAY + timedelta(days=9)}\n'


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Runs ``devops-gates feedback …`` in a project; returns its status and lines."""
    monkeypatch.setenv("COLUMNS", "300")
    monkeypatch.delenv("DEVOPS_GATES_HISTORY_URL", raising=False)
    write(tmp_path, {"pyproject.toml": PROJECT})

    def door(errand: Any, arguments: argparse.Namespace) -> int:
        where = SimpleNamespace(
            rootpath=tmp_path,
            invocation_params=SimpleNamespace(dir=tmp_path),
            pluginmanager=SimpleNamespace(),
        )
        return int(errand(where, arguments))

    for module in (*MODULES, feedback_review):
        monkeypatch.setattr(module, "through_pytest", door)
    gates = [SimpleNamespace(name="bandit")]
    monkeypatch.setattr(registry, "all_gates", lambda *_: gates)

    def start(*typed: str) -> tuple[int, list[str]]:
        parser = Parser()
        feedback.add_parser(parser.add_subparsers())
        arguments = parser.parse_args(["feedback", *typed])
        status = arguments.run(arguments)
        return status, capsys.readouterr().out.splitlines()

    return start


def entries(root: Path) -> tuple[Feedback, ...]:
    return inbox.read(inbox.found(root) or b"", TODAY).entries


def text(root: Path, name: str) -> str:
    return (root / name).read_text()


# the inbox


def test_what_is_added_is_listed_by_urgency(run: Any, tmp_path: Path) -> None:
    assert run() == (0, [f'there is no {FILE} · devops-gates feedback add "…"'])
    run("add", "it is slow", "--area", "cli")
    run("add", "it \x1b[31mhurts\n::error::x", "--kind", "bug", "--urgent", "--by", "Bo")
    assert run()[1] == [
        f"F-2  URGENT  bug  by Bo  {TODAY}, today",
        "    it \\x1b[31mhurts ::error::x",
        f"F-1  idea  cli  {TODAY}, today",
        "    it is slow",
        f"2 in {FILE}: 2 without an answer, 1 of them urgent",
    ]
    told = json.loads("\n".join(run("--json")[1]))
    assert [(one["id"], one["urgent"]) for one in told] == [("F-2", True), ("F-1", False)]
    assert entries(tmp_path)[1].text == "it \x1b[31mhurts\n::error::x"


def test_an_answer_is_written_down(run: Any, tmp_path: Path) -> None:
    run("add", "it is slow")
    write(tmp_path, {PLAN: f'{NEXT}[[items]]\nid = "W-3"\ntitle = "Be faster"\n'})
    run("answer", "F-1", "it is faster now", "--item", "W-3")
    [one] = entries(tmp_path)
    assert (one.answer, one.answered, one.item) == ("it is faster now", TODAY, "W-3")
    assert run()[1] == [(f"1 in {FILE}: 0 without an answer, 0 of them urgent"
                        " · --all lists the 1 answered ones too")]  # fmt: skip
    assert run("--all")[1][2] == f"    → it is faster now ({TODAY})"


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (("add", " "), "text: says nothing"),
        (("add", "\udcff"), "no character"),
        (("answer", "F-9", "x"), "has no 'F-9' (did you mean 'F-"),
        (("answer", "F-1", " "), "says nothing"),
        (("answer", "F-2", "x"), "was answered on"),
        (("answer", "F-1", "x", "--item", "W-9"), f"--item: {PLAN} has no item 'W-9' · devops-ga"),
        (("answer", "F-1", "x", "--item", ""), "has no item ''"),
        (("import",), "either FILE.csv or --label"),
        (("import", "x.csv", "--label", "x"), "either FILE.csv or --label"),
        (("import", "no.csv"), "no.csv cannot be read"),
        (("import", "--label", "x"), "no [tool.devops-gates.tracker]"),
        (("improve",), "name a KEY"),
    ],
)
def test_what_is_wrong_is_told_and_changes_nothing(
    run: Any, tmp_path: Path, typed: tuple[str, ...], said: str
) -> None:
    run("add", "one")
    run("add", "two")
    run("answer", "F-2", "done")
    before = text(tmp_path, FILE)
    with pytest.raises(UsageError) as raised:
        run(*typed)
    assert said in str(raised.value)
    assert text(tmp_path, FILE) == before


def test_an_answer_names_an_item_that_is_planned(run: Any, tmp_path: Path) -> None:
    run("add", "one")
    write(tmp_path, {PLAN: f'{NEXT}[[items]]\nid = "W-1"\ntitle = "Be faster"\n'})
    with pytest.raises(UsageError, match=r"no item 'W-9' \(did you mean 'W-1'\?\)"):
        run("answer", "F-1", "x", "--item", "W-9")
    write(tmp_path, {"pyproject.toml": PROJECT + TRACKER})
    with pytest.raises(UsageError, match="'W-1' is no number of an issue"):
        run("answer", "F-1", "x", "--item", "W-1")
    run("answer", "F-1", "x", "--item", "41")
    assert entries(tmp_path)[0].item == "#41"


def test_what_is_planned_nowhere_or_wrongly(run: Any, tmp_path: Path) -> None:
    planned(tmp_path)
    two = '[[milestones]]\nname = "1.4"\n[[milestones]]\nname = "1.5"\n'
    for plan, typed, wrong, said in (
        ("x", (), UsageError, "plan.toml"),
        (two, (), CannotTell, "2 milestones are open, and none is due"),
        (two, ("--milestone", "1.6"), UsageError, "--milestone: there is no milestone '1.6'"),
        (f"{two}closed = true\n", ("--milestone", "1.5"), UsageError, "'1.5' is closed"),
        ('[[milestones]]\nname = "1.1"\nclosed = true\n', (), CannotTell, "'1.1' is closed"),
    ):
        write(tmp_path, {PLAN: plan})
        with pytest.raises(wrong, match=said):
            run("improve", "1", *typed)
    write(tmp_path, {PLAN: two})
    assert run("improve", "1", "--milestone", "1.5")[0] == 0
    (tmp_path / PLAN).unlink()
    with pytest.raises(CannotTell, match=r"no devops-gates/plan\.toml"):
        run("improve", "1")
    write(tmp_path, {"pyproject.toml": PROJECT + TRACKER.replace("a/b", "a")})
    with pytest.raises(UsageError, match="is not of the form owner/name"):
        run("improve", "1")


def test_a_broken_inbox_is_left_alone(run: Any, tmp_path: Path) -> None:
    write(tmp_path, {FILE: "[[feedback]]\n"})
    for typed in ((), ("add", "x"), ("answer", "F-1", "x")):
        with pytest.raises(UsageError, match=r"feedback\.toml:1: "):
            run(*typed)
    assert text(tmp_path, FILE) == "[[feedback]]\n"


def test_a_table_is_imported_once(run: Any, tmp_path: Path) -> None:
    rows = "id,text,stars\n7,good,5\n8,,1\n9,=1+1,2\n"
    write(tmp_path, {"form.csv": rows})
    assert run("import", "form.csv", "--kind", "praise") == (1, [
        "BAD: form.csv:3: text: says nothing",
        "not read: the columns stars",
        f"{FILE}: 2 added (F-1 to F-2), 0 there already, 1 bad",
    ])  # fmt: skip
    write(tmp_path, {"form.csv": rows.replace("8,,1", "8,fine,1")})
    assert run("import", "form.csv")[1][-1] == f"{FILE}: 1 added (F-3), 2 there already"
    assert run("import", "form.csv") == (0, ["not read: the columns stars",
                                             f"{FILE}: 0 added, 3 there already"])  # fmt: skip
    told = [(one.id, one.text, one.kind, one.source) for one in entries(tmp_path)]
    assert told == [
        ("F-1", "good", "praise", "form.csv#7"),
        ("F-2", "=1+1", "praise", "form.csv#9"),
        ("F-3", "fine", "idea", "form.csv#8"),
    ]


def issue(number: str, **told: Any) -> Issue:
    url = f"https://github.com/a/b/issues/{number}"
    return Issue(number, f"title {number}", created="2026-01-02T03:04:05Z", url=url, **told)


def test_issues_are_imported_once(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, {"pyproject.toml": PROJECT + TRACKER})
    asked = []

    def found(_: Any, labels: list[str]) -> tuple[Issue, ...]:
        asked.append(labels)
        return issue("7", body="it\x1b[31m hurts", author="bo"), issue("8"), issue("8")

    monkeypatch.setattr(service, "issues", found)
    assert run("import", "--label", "feedback")[1] == [
        f"{FILE}: 2 added (F-1 to F-2), 1 there already"
    ]
    assert run("import", "--label", "feedback")[1] == [f"{FILE}: 0 added, 3 there already"]
    assert asked == [["feedback"]] * 2
    one = entries(tmp_path)[0]
    assert (one.text, one.by, one.created) == (
        "title 7\n\nit\x1b[31m hurts", "@bo", date(2026, 1, 2)
    )  # fmt: skip


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({"labels": ("feedback", "type: bug")}, {"kind": "bug"}),
        ({"labels": ("Enhancement",)}, {"kind": "idea"}),
        ({"labels": ("Urgent", "area: docs")}, {"urgent": True, "area": "docs", "kind": "pain"}),
        ({"is_open": False, "closed": "2026-02-03T00:00:00Z"},
         {"answered": date(2026, 2, 3), "answer": "The issue was done."}),
        ({"is_open": False, "is_dropped": True},
         {"answered": date(2026, 1, 2), "answer": "The issue was closed without doing it."}),
        ({"body": "x" * 99_999}, {"urgent": False}),
    ],
)  # fmt: skip
def test_what_an_issue_says(told: dict[str, Any], expected: dict[str, Any]) -> None:
    entry = issues.entry(issue("7", **told), kind="pain")
    assert {name: getattr(entry, name) for name in expected} == expected
    assert inbox.flaw(entry, TODAY) is None


# review and improve


def planned(root: Path) -> str:
    """A project with an inbox, a milestone that is overdue, and one to come."""
    write(root, {PLAN: f'# the plan\n{NEXT}\n[[milestones]]\nname = "1.0"\ndue = {LONG_AGO}\n'})
    write(root, {FILE: f'[[feedback]]\nid = "F-1"\ncreated = {TODAY}\nkind = "bug"\n'
                       'text = "it \\u001b[31mhurts"\nurgent = true\n'})  # fmt: skip
    return "1. feedback:F-1  it \\x1b[31mhurts  (F-1: an urgent bug, open for 0 days)"


def test_what_deserves_work_is_listed(run: Any, tmp_path: Path) -> None:
    first = planned(tmp_path)
    status, lines = run("review")
    assert status == 0
    assert lines[0] == first
    assert lines[1].startswith("2. milestone:1.0  Finish or replan the milestone 1.0  (due on ")
    assert lines[2].startswith("could not look at the newest run: there is no run")
    assert lines[3].startswith("make work items of some")
    assert run("review", "--kind", "incident")[1][-1] == "nothing else that deserves work"
    told = json.loads("\n".join(run("review", "--json")[1]))
    assert [one["key"] for one in told["lessons"]] == ["feedback:F-1", "milestone:1.0"]
    assert len(told["troubles"]) == 1


def test_what_cannot_be_read_is_told(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = {PLAN: "x", FILE: "x", "devops-gates/waivers.toml": "x"}
    broken |= {"devops-gates/quarantine.toml": "x", "devops-gates/incidents.toml": "x"}
    write(tmp_path, {**broken, ".devops-gates/latest/verdict.json": "x"})
    (tmp_path / deployments.FILE).mkdir()
    monkeypatch.setenv("DEVOPS_GATES_HISTORY_URL", "nowhere")
    lines = run("review")[1]
    for what in (
        "waivers",
        "inbox",
        "newest run",
        "history",
        "roll-outs in .dev",
        "plan",
        "quarantine",
        "the incidents:",
    ):
        assert any(line.startswith("could not look at") and what in line for line in lines), what
    assert lines[-1] == "nothing else that deserves work"


def test_lessons_become_items_once(run: Any, tmp_path: Path) -> None:
    planned(tmp_path)
    before = text(tmp_path, PLAN)
    status, lines = run("improve", "1", "milestone:1.0")
    assert status == 0
    assert lines[0].startswith("could not look at the newest run")
    assert lines[1:] == [
        "feedback:F-1: W-1, bug of the milestone '1.1': it \\x1b[31mhurts",
        "milestone:1.0: W-2, improvement of the milestone '1.1': Finish or replan the milestone 1.0",
        f"written: {PLAN}, {FILE}; commit them",
    ]
    assert text(tmp_path, PLAN).startswith(before)
    assert 'source = "feedback:F-1"' in text(tmp_path, PLAN)
    assert entries(tmp_path)[0].item == "W-1"
    after = text(tmp_path, PLAN)
    assert run("review")[1][0].endswith("items are left) → W-2")
    lines = run("improve", "feedback:F-1", "milestone:1.0", "--all-of", "milestone")[1]
    assert lines[1:] == [
        "feedback:F-1: already W-1, which is todo",
        "milestone:1.0: already W-2, which is todo",
    ]
    assert text(tmp_path, PLAN) == after


def test_what_comes_again_after_it_was_done_is_another_item(run: Any, tmp_path: Path) -> None:
    planned(tmp_path)
    run("improve", "--all-of", "milestone")
    for status, said in (("dropped", "already W-1, which is dropped"), ("done", "W-2, impr")):
        write(tmp_path, {PLAN: text(tmp_path, PLAN).replace('"todo"', f'"{status}"')
                                                   .replace('"dropped"', f'"{status}"')})  # fmt: skip
        assert said in run("improve", "milestone:1.0")[1][1]


def test_an_incident_gets_its_follow_up(run: Any, tmp_path: Path) -> None:
    started = f"{TODAY - timedelta(days=3)}T10:00:00Z"
    ends = TODAY + timedelta(days=9)
    write(tmp_path, {PLAN: NEXT, "devops-gates/incidents.toml": (
        f'# ours\n[[incident]]\nid = "I-1"\ntitle = "down"\nseverity = "high"\nstarted = {started}\n'
    ), "devops-gates/quarantine.toml": (
        f'[[quarantine]]\ntest = "tests/t.py::a"\nowner = "Bo"\nreason = "slow"\n'
        f"created = {TODAY}\nexpires = {ends}\n"
    )})  # fmt: skip
    lines = run("review")[1]
    assert lines[0].startswith("1. incident:I-1  Learn from the incident I-1: down  (high, from ")
    assert lines[1].startswith("2. quarantine:tests/t.py::a  Mend the test tests/t.py::a")
    lines = run("improve", "1")[1]
    assert lines[1].startswith("incident:I-1: W-1, incident of the milestone '1.1': Learn from")
    after = text(tmp_path, "devops-gates/incidents.toml")
    assert after.endswith(f'started = {started}\nfollow-up = "W-1"\n')
    assert after.startswith("# ours\n")
    assert not any("incident:" in line for line in run("review")[1])
    assert run("improve", "incident:I-1")[1][1] == "incident:I-1: already W-1, which is todo"


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (("improve", "9"), "'9': there are 2 lessons"),
        (("improve", "0"), "'0': no such lesson"),
        (("improve", "milestone:1.9"), "did you mean 'milestone:1.0'"),
        (("improve", "1", "--milestone", "1.2"), "there is no milestone '1.2'"),
    ],
)
def test_what_is_no_lesson_changes_nothing(
    run: Any, tmp_path: Path, typed: tuple[str, ...], said: str
) -> None:
    planned(tmp_path)
    before = text(tmp_path, PLAN)
    with pytest.raises(UsageError) as raised:
        run(*typed)
    assert said in str(raised.value)
    assert text(tmp_path, PLAN) == before


def test_all_files_are_written_or_none(run: Any, tmp_path: Path) -> None:
    planned(tmp_path)
    before = text(tmp_path, PLAN)
    (tmp_path / FILE).rename(tmp_path / "real.toml")
    (tmp_path / FILE).symlink_to(tmp_path / "real.toml")
    with pytest.raises(UsageError, match="is a link"):
        run("improve", "1")
    assert text(tmp_path, PLAN) == before


class Tracker:
    """A tracker that keeps what is made; it makes ``room`` issues, and then breaks off."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, room: int = 99) -> None:
        self.made: list[tuple[WorkItem, str]] = []
        self.room = room
        milestone = Milestone("1.1", TODAY + timedelta(days=9))
        monkeypatch.setattr(service, "reach", lambda *_, **__: self)
        monkeypatch.setattr(service, "issues", self.issues)
        monkeypatch.setattr(service, "create", self.create)

        def board(way: Any, wanted: Any, **_: Any) -> Board:
            assert list(wanted((milestone,))) == ["1.1"]
            return Board("a/b at github.com", (milestone,), ())

        monkeypatch.setattr(service, "board", board)

    def issues(self, _: Any, labels: list[str]) -> tuple[Issue, ...]:
        return tuple(
            Issue(item.id, item.title, f"{body}\n\nSource: {item.source}", (item.kind,))
            for item, body in self.made
            if item.kind in labels
        )

    def create(self, _: Any, item: WorkItem, body: str) -> WorkItem:
        if len(self.made) == self.room:
            raise CannotTell("the tracker is gone")
        number = str(len(self.made) + 41)
        made = WorkItem(number, item.title, item.kind, item.milestone, source=item.source,
                        url=f"https://github.com/a/b/issues/{number}")  # fmt: skip
        self.made.append((made, body))
        return made


def test_a_tracker_gets_issues_once(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned(tmp_path)
    (tmp_path / PLAN).unlink()
    write(tmp_path, {"pyproject.toml": PROJECT + TRACKER})
    tracker = Tracker(monkeypatch)
    lines = run("improve", "1")[1]
    assert lines[1:] == [
        (
            "feedback:F-1: #41, bug of the milestone '1.1', https://github.com/a/b/issues/41:"
            " it \\x1b[31mhurts"
        ),
        f"written: {FILE}; commit them",
    ]
    assert tracker.made[0][1].startswith("`F-1: an urgent bug, open for 0 days`\n")
    assert entries(tmp_path)[0].item == "#41"
    assert run("improve", "feedback:F-1")[1][1] == "feedback:F-1: already #41, which is todo"
    assert len(tracker.made) == 1
    assert not (tmp_path / PLAN).exists()


def test_issues_that_were_not_made_are_told(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, {"pyproject.toml": PROJECT + TRACKER})
    for word in ("one", "two"):
        run("add", word, "--urgent")
    Tracker(monkeypatch, room=1)
    status, lines = run("improve", "1", "2")
    assert status == EXIT_UNKNOWN
    assert "feedback:F-1: #41" in lines[1]
    assert [one.item for one in entries(tmp_path)] == ["#41", ""]
