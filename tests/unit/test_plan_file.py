"""``devops-gates/plan.toml``: read strictly, and edited so that all else stays as it is."""

from __future__ import annotations

import os
import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_devops_gates import config
from pytest_devops_gates.board import plan_edit, plan_file
from pytest_devops_gates.board.items import KINDS, STATUSES, Board, Milestone, WorkItem
from pytest_devops_gates.board.plan_file import FILE, PlanFile
from pytest_devops_gates.board.plan_text import places
from pytest_devops_gates.errors import UsageError
from tests.unit.samples import any_text, same_every_time

TEXT = '''\
# What we do, and by when
milestone = "1.4"            # the next one

[[milestones]]
name = "1.4"   # autumn
due = 2026-12-15

# about W-1
[[items]]
id = "W-1"
title = "Read the plan"
kind = "bug"
milestone = "1.4"
status = "doing"    # Anna is at it
owner = "@anna"
requirements = [
    "REQ-7",  # strictly
    "REQ-8",
]
url = "https://example.org/1"
source = "incident:7"

[[milestones]]
name = "1.5"
closed = true
# the end of 1.5

[[items]]   # short
title = """
[[items]]
# no comment"""
id = "W-12"
'''
ONE = "[[items]]\nid = 'W-1'\ntitle = 'x'\n"


def test_a_plan_is_read() -> None:
    found = plan_file.read(TEXT.encode())
    assert found.milestone == "1.4"
    assert found.board == Board(
        FILE,
        (Milestone("1.4", date(2026, 12, 15)), Milestone("1.5", None, True)),
        (
            WorkItem(
                "W-1", "Read the plan", "bug", "1.4", "doing", "@anna", ("REQ-7", "REQ-8"),
                "https://example.org/1", "incident:7",
            ),
            WorkItem("W-12", "[[items]]\n# no comment"),
        ),
    )  # fmt: skip
    assert (found.lines, found.milestone_lines) == ((9, 28), (4, 23))
    assert found.next_id() == "W-13"
    assert PlanFile.empty().next_id() == "W-1"
    assert plan_file.read(b"") == PlanFile.empty()


BAD = [
    ("x = ", "devops-gates/plan.toml: Invalid value (at end of document)"),
    ("\xff", "devops-gates/plan.toml: not UTF-8 at byte 0; save it as UTF-8"),
    ("mile = '1'", ".mile: unknown key (did you mean 'milestone'?)"),
    ("milestone = 1.4", ".milestone: expected a string, got a number"),
    ("milestone = '1.4'", ".milestone: unknown milestone '1.4'"),
    ("items = 3", ".items: expected an array of tables, got a number"),
    ("items = [{id = 'W-1'}]", ".items: write each as a table of its own: [[items]]"),
    ("[['items']]\nid = 'W-1'", ".items: write each as a table of its own: [[items]]"),
    ("[items]\nid = 'W-1'", ".items: expected an array of tables, got a table"),
    ("[[items]]\nid = 'W-1'", ".items[0]: the key 'title' is missing"),
    ("[[items]]\ntitle = 'x'", ".items[0]: the key 'id' is missing"),
    ("[[items]]\nid = 'W 1'\ntitle = 'x'", ".items[0].id: 'W 1' is not of letters, digits"),
    ("[[items]]\nid = ''\ntitle = 'x'", ".items[0].id: '' is not of letters"),
    ("[[items]]\nid = 7\ntitle = 'x'", ".items[0].id: expected a string, got a number"),
    ("[[items]]\nid = 'W-1'\ntitle = ' '", ".items[0].title: says nothing"),
    (f"[[items]]\nid = 'W-1'\ntitle = '{'x' * 501}'", ".items[0].title: has more than 500 char"),
    (f"{ONE}kind = 'feat'", ".items[0].kind: unknown kind 'feat' (did you mean 'feature'?)"),
    (f"{ONE}status = 'Done'", ".items[0].status: unknown status 'Done' (did you mean 'done'?)"),
    (f"{ONE}state = 'done'", ".items[0].state: unknown key (did you mean 'status'?)"),
    (f"{ONE}milestone = '1'", ".items[0].milestone: unknown milestone '1'"),
    (f"{ONE}milestone = '1.5'\n[[milestones]]\nname = '1.4'", "'1.5' (did you mean '1.4'?)"),
    (f"{ONE}owner = ''", ".items[0].owner: says nothing"),
    (f"{ONE}requirements = 'REQ-7'", ".items[0].requirements: expected an array"),
    (f"{ONE}requirements = ['']", ".items[0].requirements[0]: says nothing"),
    (f"{ONE}requirements = ['a', 'a']", ".items[0].requirements: names one twice"),
    (f"{ONE}{ONE}", ".items[1].id: 'W-1' is that of items[0] as well; give it another one"),
    (f"{ONE}[items.more]\nx = 1", ".items[0].more: unknown key"),
    ("[[milestones]]", ".milestones[0]: the key 'name' is missing"),
    ("[[milestones]]\nname = ''", ".milestones[0].name: says nothing"),
    ("[[milestones]]\nname = '1'\n[[milestones]]\nname = '1'", ".milestones[1].name: '1' is that"),
    ("[[milestones]]\nname = '1'\ndue = 'soon'", ".milestones[0].due: "),
    ("[[milestones]]\nname = '1'\ndue = 20261215", ".milestones[0].due: expected"),
    ("[[milestones]]\nname = '1'\ndue = 2026-12-15T10:00:00", "].due: expected date, got datetime"),
    ("[[milestones]]\nname = '1'\ndue = 9999-01-01", ".due: the year of 9999-01-01 is not between"),
    ("[[milestones]]\nname = '1'\ndue = 0026-12-15", ".due: the year of 0026-12-15 is not between"),
    ("[[milestones]]\nname = '1'\nclosed = 'yes'", ".milestones[0].closed: expected a boolean"),
    (f"items = {'[' * 3000}", "devops-gates/plan.toml"),
]


@pytest.mark.parametrize(("text", "why"), BAD)
def test_what_is_wrong_is_told_in_one_line_with_its_key(text: str, why: str) -> None:
    with pytest.raises(UsageError) as error:
        plan_file.read(text.encode("latin-1"))
    told = str(error.value)
    assert told.startswith(FILE)
    assert why in told
    assert "\n" not in told
    assert len(told) < 1_000


# edits


def lines_of(data: bytes) -> list[bytes]:
    return data.splitlines(keepends=True)


def test_an_edit_leaves_all_else_as_it_is() -> None:
    after = plan_edit.with_items(TEXT.encode(), ["W-1", "W-12"], status="done", milestone="1.5")
    wanted = TEXT.replace('"doing" ', '"done" ').replace(
        'milestone = "1.4"\nstatus', 'milestone = "1.5"\nstatus'
    )
    assert after.decode() == wanted + 'status = "done"\nmilestone = "1.5"\n'
    after = plan_edit.with_items(TEXT.encode(), ["W-1"], milestone=None)
    assert after.decode() == TEXT.replace('milestone = "1.4"\nstatus', "status")


def test_a_milestone_stands_behind_the_others_and_an_item_at_the_end() -> None:
    after = plan_edit.with_milestone(TEXT.encode(), Milestone("1.6", date(2027, 1, 1))).decode()
    new = '[[milestones]]\nname = "1.6"\ndue = 2027-01-01\n'
    assert after == TEXT.replace("# the end of 1.5\n", f"# the end of 1.5\n\n{new}")
    after = plan_edit.with_item(TEXT.encode(), WorkItem("W-13", 'Say "it"')).decode()
    new = '[[items]]\nid = "W-13"\ntitle = "Say \\"it\\""\nkind = "feature"\nstatus = "todo"\n'
    assert after == f"{TEXT}\n{new}"
    after = plan_edit.with_milestone(ONE.encode(), Milestone("1")).decode()
    assert after == f'{ONE}\n[[milestones]]\nname = "1"\n'.replace(ONE + "\n", "") + f"\n{ONE}"


def test_a_milestone_is_changed() -> None:
    changed = Milestone("1.4", date(2027, 1, 1), True)
    after = plan_edit.with_milestone(TEXT.encode(), changed).decode()
    assert after == TEXT.replace("due = 2026-12-15", "due = 2027-01-01\nclosed = true")
    assert plan_edit.with_milestone(TEXT.encode(), Milestone("1.5")).decode() == TEXT.replace(
        "closed = true\n", ""
    )


def test_line_ends_and_a_missing_one_are_kept() -> None:
    dos = TEXT.replace("\n", "\r\n").encode()
    for after in (
        plan_edit.with_items(dos, ["W-12"], status="done"),
        plan_edit.with_item(dos, WorkItem("W-13", "x")),
        plan_edit.with_milestone(dos, Milestone("2")),
    ):
        assert after.count(b"\n") == after.count(b"\r\n")
    bare = ONE.rstrip().encode()
    assert plan_edit.with_items(bare, ["W-1"], status="done") == bare + b'\nstatus = "done"'
    last = ONE.encode() + b'status = "todo"'
    changed = last.replace(b"todo", b"done")
    assert plan_edit.with_items(last, ["W-1"], status="done") == changed
    assert plan_edit.with_item(bare, WorkItem("W-2", "x")).startswith(bare + b"\n\n[[items]]")


@pytest.mark.parametrize(
    ("edit", "why"),
    [
        (lambda: plan_edit.with_items(TEXT.encode(), ["W-2"], status="done"), "no item 'W-2' .did"),
        (lambda: plan_edit.with_items(TEXT.encode(), ["W-1"], status="dne"), "unknown status"),
        (lambda: plan_edit.with_items(TEXT.encode(), ["W-1"], milestone="2"), "unknown milestone"),
        (lambda: plan_edit.with_item(TEXT.encode(), WorkItem("W-1", "x")), "is that of items"),
        (lambda: plan_edit.with_item(b"", WorkItem("W-1", "\ud800")), "is no character"),
        (lambda: plan_edit.with_milestone(b"", Milestone("")), "the key 'name' is missing"),
    ],
)
def test_what_would_not_be_read_is_refused(edit: Any, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        edit()


text = any_text.filter(lambda told: told.strip() and told.isprintable()).map(lambda t: t[:80])
blank = st.sampled_from(["", "\n", "# a comment\n", '# """ it\'s\n', "   # [[items]]\n\n"])
value = st.sampled_from(['"a"', "'[[items]]'", '"""\n[[items]]\n# x\n"""', '"\\"#"'])


@st.composite
def plans(draw: st.DrawFn) -> str:
    """A plan with comments, blank lines and strings that look like headers all over it."""
    tables = []
    names = [f"m{n}" for n in range(draw(st.integers(1, 3)))]
    for name in names:
        tables.append(f"[[milestones]]{draw(blank) or chr(10)}name = '{name}' # c\n{draw(blank)}")
    for n in range(draw(st.integers(0, 4))):
        keys = [f"id = 'W-{n}'\n", f"title = {draw(value)} # t\n"]
        if draw(st.booleans()):
            keys.append(f"status  =  '{draw(st.sampled_from(STATUSES))}'  # s\n")
        if draw(st.booleans()):
            keys.append(f"milestone = '{draw(st.sampled_from(names))}'\n")
        if draw(st.booleans()):
            keys.append("requirements = [ 'a', # [[items]]\n\n 'b' ]\n")
        body = "".join(key + draw(blank) for key in draw(st.permutations(keys)))
        tables.append(f"[[ items ]]\n{body}")
    whole = draw(blank) + "".join(draw(st.permutations(tables)))
    return whole.replace("\n", "\r\n") if draw(st.booleans()) else whole


@settings(same_every_time, max_examples=40)
@given(plans(), st.data())
def test_an_edit_does_what_was_asked_and_nothing_else(plan: str, data: st.DataObject) -> None:
    before = plan_file.read(plan.encode())
    ids = [item.id for item in before.board.items]
    stand = [place for place in places(plan) if place.name == "items"]
    if ids:
        at = data.draw(st.integers(0, len(ids) - 1))
        status = data.draw(st.sampled_from(STATUSES))
        after = plan_edit.with_items(plan.encode(), [ids[at]], status=status)
        place = stand[at]
        assert after.startswith(plan[: place.start].encode())
        assert after.endswith(plan[place.end :].encode())
        was, now = lines_of(plan.encode()), lines_of(after)
        assert len(now) - len(was) in (0, 1)
        others = [line for line in was if not line.startswith(b"status")]
        assert [line for line in now if not line.startswith(b"status")] == others
        assert plan_file.read(after).board.items[at].status == status
    item = WorkItem("new", data.draw(text), data.draw(st.sampled_from(KINDS)), "m0")
    added = plan_edit.with_item(plan.encode(), item)
    assert added.count(b"\r\n") in (0, added.count(b"\n"))
    assert is_one_insertion(plan.encode(), added)
    more = plan_edit.with_milestone(plan.encode(), Milestone("new"))
    assert is_one_insertion(plan.encode(), more)
    assert item in plan_file.read(added).board.items


def is_one_insertion(before: bytes, after: bytes) -> bool:
    """Whether one piece was put into the bytes, and nothing else was done to them."""
    at = next(
        (n for n, byte in enumerate(before) if after[n : n + 1] != bytes([byte])), len(before)
    )
    return after.endswith(before[at:]) and len(after) > len(before)


# the file


def test_a_file_is_made_and_written_whole(tmp_path: Path) -> None:
    assert plan_file.found(tmp_path) is None
    data = plan_edit.with_item(b"", WorkItem("W-1", "x"))
    plan_edit.write(tmp_path, None, data)
    assert plan_file.found(tmp_path) == data
    assert os.listdir(tmp_path / "devops-gates") == ["plan.toml"]
    with pytest.raises(UsageError, match="was changed in the meantime"):
        plan_edit.write(tmp_path, b"", b"")
    assert plan_file.found(tmp_path) == data


def test_what_is_no_plain_file_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "devops-gates"
    folder.mkdir()
    (folder / "plan.toml").symlink_to("nowhere")
    with pytest.raises(UsageError, match="a link that leads nowhere"):
        plan_file.found(tmp_path)
    (folder / "nowhere").write_text("")
    assert plan_file.found(tmp_path) == b""
    with pytest.raises(UsageError, match="is a link: change the file"):
        plan_edit.write(tmp_path, b"", b"")
    (folder / "plan.toml").unlink()
    (folder / "plan.toml").mkdir()
    with pytest.raises(UsageError, match="cannot be read"):
        plan_file.found(tmp_path)


def test_the_example_of_the_docs_is_read() -> None:
    page = (Path(__file__).parents[2] / "docs/plan.md").read_text()
    example, tracker = re.findall(r"^```toml\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    assert len(plan_file.read(example.encode()).board.items) == 1
    table = config.read_table(config.load_toml(tracker.encode(), "docs"))
    assert table.tracker
    assert table.tracker.public
