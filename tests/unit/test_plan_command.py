"""``devops-gates plan``: what it shows, and what it changes."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_devops_gates.board.items import KINDS, STATUSES, Board, Milestone, WorkItem
from pytest_devops_gates.board.plan_file import FILE
from pytest_devops_gates.board.source import Release
from pytest_devops_gates.cli import (
    door,
    plan,
    plan_add,
    plan_done,
    plan_milestone,
    plan_move,
    plan_screen,
)
from pytest_devops_gates.columns import width
from pytest_devops_gates.neutral import visible
from tests.conftest import Checkout
from tests.unit.samples import any_text, same_every_time
from tests.unit.test_tracker import copied
from tests.unit.tracker_server import TOKEN, World, serving

TODAY = date(2026, 12, 1)
BOARD = Board(
    "devops-gates/plan.toml",
    (
        Milestone("1.5", date(2027, 2, 1)), Milestone("1.4", date(2026, 12, 15)),
        Milestone("1.2", None, True), Milestone("1.3", date(2026, 11, 30)),
    ),
    (
        WorkItem("W-1", "Read the plan strictly", "feature", "1.4", "done", "@anna", ("REQ-7",)),
        WorkItem("W-2", "Say when it is due", "feature", "1.4", "todo", None, ("REQ-8", "REQ-9")),
        WorkItem("W-3", "Draw the bar", "chore", "1.4", "doing", "@ben"),
        WorkItem("W-4", "Colours", "feature", "1.4", "dropped"),
        WorkItem("W-5", "Of no milestone"),
    ),
)  # fmt: skip
RELEASE = Release(Milestone("1.4", date(2026, 12, 15)), "the option milestone names it")


def test_the_board() -> None:
    lines = plan_screen.render(BOARD, RELEASE, "", TODAY, 80)
    assert (
        "\n".join(lines)
        == """\
the plan: devops-gates/plan.toml
the release's milestone is 1.4: the option milestone names it

1.3, due 2026-11-30 (1 day OVERDUE): nothing

1.4, due 2026-12-15 (14 days left): 1 todo, 1 doing, 1 done, 1 dropped
  [######..............] 33 % done
  doing  W-3  Draw the bar            @ben
  todo   W-2  Say when it is due      -      REQ-8, REQ-9
  done   W-1  Read the plan strictly  @anna  REQ-7

1.5, due 2027-02-01 (62 days left): nothing

in no milestone: 1 todo
  todo  W-5  Of no milestone  -

closed: 1.2"""
    )


def test_a_narrow_one_leaves_requirements_out_first() -> None:
    shown = list(plan_screen.render(BOARD, None, "two are open", TODAY, 40))
    assert "which milestone is the release's: two" in shown[1]
    assert "  done   W-1  Read the plan str…  @anna" in shown
    assert not any("REQ" in line for line in shown)
    assert all(width(line) < 40 for line in shown)


@settings(same_every_time, max_examples=40)
@given(st.lists(st.tuples(any_text, any_text, st.sampled_from(STATUSES))), st.integers(1, 120))
def test_no_text_reaches_the_terminal_as_it_is(
    told: list[tuple[str, str, str]], columns: int
) -> None:
    items = tuple(
        WorkItem(str(n), title, KINDS[0], "m", status, owner, (title,), title)
        for n, (title, owner, status) in enumerate(told)
    )
    board = Board("x", (Milestone("m"),), items)
    for line in plan_screen.render(board, None, "".join(t for t, _, _ in told), TODAY, columns):
        assert visible(line) == line
        assert not line.lstrip().startswith("::")
        assert "##[" not in line
        assert width(line) < max(columns, plan_screen.NARROWEST)


# commands


class Ended:
    """What a command came to, and what it said."""

    def __init__(self, status: int, out: str, err: str) -> None:
        self.status, self.out, self.err = status, out, err


Run = Callable[..., Ended]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs ``devops-gates plan`` in this process, without pytest's door."""
    parser = argparse.ArgumentParser()
    plan.add_parser(parser.add_subparsers())
    config: Any = SimpleNamespace(rootpath=tmp_path)

    def here(errand: door.Errand, arguments: argparse.Namespace) -> int:
        return door._told(errand)(config, arguments)

    for module in (plan, plan_add, plan_done, plan_move, plan_milestone):
        monkeypatch.setattr(module, "through_pytest", here)

    def run(*arguments: str) -> Ended:
        parsed = parser.parse_args(["plan", *arguments])
        status = parsed.run(parsed)
        return Ended(status, *capsys.readouterr())

    return run


def test_from_nothing_to_a_release(run: Run, tmp_path: Path) -> None:
    assert run().out.startswith("nothing is planned: there is no devops-gates/plan.toml · devops-")
    assert json.loads(run("--json").out) == {
        "origin": None, "release": None, "milestones": [], "items": [],
    }  # fmt: skip
    told = run("milestone", "1.4", "--due", "2026-12-15").out
    assert told == "1.4 in devops-gates/plan.toml is due 2026-12-15\n"
    assert run("milestone", "1.5").out == "1.5 in devops-gates/plan.toml is due on no day\n"
    told = run(
        "add", "Read it", "--milestone", "1.4", "--owner", "@anna", "--kind", "bug",
        "--requirement", "REQ-7", "--requirement", "REQ-8",
    ).out  # fmt: skip
    assert told == "W-1 in devops-gates/plan.toml: Read it\n"
    assert run("add", "Say it", "--id", "W-41").status == 0
    assert run("add", "Draw it", "--milestone", "1.4").out.startswith("W-42 in ")
    assert run("done", "W-1", "W-41").out == (
        "W-1 in devops-gates/plan.toml is done\nW-41 in devops-gates/plan.toml is done\n"
    )
    assert run("move", "W-42", "1.5").out == "W-42 in devops-gates/plan.toml is in 1.5\n"
    assert run("start", "W-42").out == "W-42 in devops-gates/plan.toml is doing\n"
    assert (
        "'1.5' has 1 open: W-42 · devops-gates plan move" in run("milestone", "1.5", "--close").err
    )
    assert run("drop", "W-42").out == "W-42 in devops-gates/plan.toml is dropped\n"
    told = run("milestone", "1.4", "--close").out
    assert told == "1.4 in devops-gates/plan.toml is due 2026-12-15, closed\n"
    seen = json.loads(run("--json").out)
    assert seen["release"] == {"milestone": "1.5", "why": "it is the only open one"}
    assert [(i["id"], i["kind"], i["milestone"], i["status"]) for i in seen["items"]] == [
        ("W-1", "bug", "1.4", "done"), ("W-41", "feature", None, "done"),
        ("W-42", "feature", "1.5", "dropped"),
    ]  # fmt: skip
    assert "closed: 1.4" in run().out


WRONG = [
    (["add", " "], "the title says nothing"),
    (["add", "x", "--kind", "bugs"], "--kind: unknown kind 'bugs' (did you mean 'bug'?)"),
    (["add", "x", "--milestone", "1.5"], "no milestone '1.5' (did you mean '1.4'?) · devops-gates"),
    (["add", "x", "--id", "a b"], ".items[1].id: 'a b' is not of letters"),
    (["add", "x", "--id", "W-1"], ".items[1].id: 'W-1' is that of items[0] as well"),
    (["add", "x" * 501], ".title: has more than 500 characters"),
    (["done", "W-1", "W-2"], "there is no item 'W-2' (did you mean 'W-1'?)"),
    (["drop", "1"], "there is no item '1' (known: W-1)"),
    (["move", "W-1", "1.5"], "there is no milestone '1.5' (did you mean '1.4'?)"),
    (["move", "W-2", "1.4"], "there is no item 'W-2'"),
    (["milestone", "1.5", "--due", "soon"], "--due: 'soon' is no day like 2026-12-15"),
    (["milestone", "1.5", "--due", "0026-01-01"], "--due: the year of 0026-01-01"),
    (["milestone", "1.5", "--close"], "there is no milestone '1.5' to close"),
    (["milestone", ""], "the name says nothing"),
]


@pytest.mark.parametrize(("arguments", "why"), WRONG)
def test_what_is_wrong_changes_nothing(
    run: Run, tmp_path: Path, arguments: list[str], why: str
) -> None:
    run("milestone", "1.4")
    run("add", "Read it")
    before = (tmp_path / FILE).read_bytes()
    ended = run(*arguments)
    assert ended.status == 4
    assert why in ended.err
    assert ended.err.count("\n") == 1
    assert (tmp_path / FILE).read_bytes() == before


# with a tracker


def configure(root: Path, world: World, kind: str) -> None:
    url = world.table(kind).url
    (root / "pyproject.toml").write_text(
        f'[tool.devops-gates.tracker]\nkind = "{kind}"\nproject = "octo/hello"\nurl = "{url}"\n'
        'token = "OUR_TOKEN"\n'
    )


@pytest.mark.parametrize("kind", ["github", "gitlab"])
def test_they_speak_to_the_tracker(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setenv("OUR_TOKEN", TOKEN)
    with serving(**copied()) as world:
        configure(tmp_path, world, kind)
        told = run("add", "Learn", "--milestone", "1.4", "--owner", "@anna", "--kind", "incident")
        assert told.out.startswith("8 of octo/hello at 127.0.0.1: Learn (https://git")
        assert (told.status, told.err) == (0, "")
        assert run("done", "#8").out == "8 of octo/hello at 127.0.0.1 is done: Learn\n"
        assert run("drop", "1").out == "1 of octo/hello at 127.0.0.1 is dropped: Read\n"
        assert run("move", "2", "later").out == "2 of octo/hello at 127.0.0.1 is in later: Do\n"
        told = run("milestone", "1.5", "--due", "2027-02-01")
        assert told.out == "1.5 of octo/hello at 127.0.0.1 is due 2027-02-01\n"
        shown = run().out
        assert "the release's milestone is 1.4: it is the open one that is due first" in shown
        assert "2  Do" in shown
        assert "closed: 1.3" in shown
        assert "--id: the tracker numbers" in run("add", "x", "--id", "7").err
        assert "'W-1' is no number" in run("done", "W-1").err
        ended = run("add", "x", "--owner", "@nobody")
        assert (ended.status, kind) in ((4, "gitlab"), (0, "github"))
        monkeypatch.delenv("OUR_TOKEN")
        ended = run()
    assert (ended.status, ended.out) == (6, "")
    assert "OUR_TOKEN is not set" in ended.err
    assert not (tmp_path / FILE).exists()


def test_what_the_tracker_leaves_out_is_told(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OUR_TOKEN", TOKEN)
    with serving(**copied(), drops=("assignees", "milestone")) as world:
        configure(tmp_path, world, "github")
        ended = run("add", "Learn", "--milestone", "1.4", "--owner", "@anna")
    assert ended.status == 0
    assert "8: its milestone is not what was asked for" in ended.err
    assert "8: its owner is not what was asked for" in ended.err


def test_through_pytest_s_door(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "x"\nversion = "1.4"\n')
    script = "import sys; from pytest_devops_gates.cli.main import main; sys.exit(main())"
    argv = [sys.executable, "-c", script, "plan", "milestone", "1.4"]
    done = Checkout(tmp_path).run(command=argv)
    assert (done.status, done.stdout) == (0, "1.4 in devops-gates/plan.toml is due on no day\n")
