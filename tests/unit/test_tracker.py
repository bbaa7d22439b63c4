"""Boards of GitHub and GitLab, from a server that speaks as they do (tracker_server.py)."""

from __future__ import annotations

import time
from datetime import date
from typing import Any

import pytest

from pytest_devops_gates import web
from pytest_devops_gates.board import answers, reading, service
from pytest_devops_gates.board.items import Board, Milestone, WorkItem
from pytest_devops_gates.board.tracker import Access, Issue
from pytest_devops_gates.errors import CannotTell, UsageError
from pytest_devops_gates.outside import TrackerTable
from tests.unit.tracker_server import TOKEN, World, serving

KINDS = ("github", "gitlab")
TOKENS = {"GITHUB_TOKEN": TOKEN, "GITLAB_TOKEN": TOKEN}
CLOSED = "2026-11-02T10:00:00Z"
MILESTONES: list[dict[str, Any]] = [
    {"name": "1.4", "due": "2026-12-15"},
    {"name": "1.3", "closed": True},
    {"name": "later"},
]
ISSUES: list[dict[str, Any]] = [
    {"title": "Read", "milestone": "1.4", "labels": ["type: bug", "requirement:REQ-7"]},
    {"title": "Do", "milestone": "1.4", "assignee": "anna", "body": "Requirements: REQ-8, REQ-9\n"},
    {"title": "Label", "milestone": "1.4", "labels": ["in progress", "chore"]},
    {"title": "Done", "milestone": "1.4", "closed": CLOSED, "reason": "completed"},
    {"title": "Not", "milestone": "1.4", "closed": CLOSED, "reason": "not_planned",
     "labels": ["wontfix"]},
    {"title": "Of a milestone before", "milestone": "1.3", "closed": CLOSED},
    {"title": "Of none", "labels": ["incident"], "comments": 3},
]  # fmt: skip


def every(milestones: tuple[Milestone, ...]) -> list[str]:
    return [one.name for one in milestones if not one.closed]


def reach(world: World, kind: str, seconds: float = 20.0, **more: Any) -> Access:
    return service.reach(world.table(kind, **more), TOKENS, seconds)


def copied() -> dict[str, Any]:
    return {"milestones": [dict(m) for m in MILESTONES], "issues": [dict(i) for i in ISSUES]}


def board_of(kind: str, **fields: Any) -> tuple[Board, World]:
    with serving(**{**copied(), **fields}) as world:
        return service.board(reach(world, kind), every, loose=True), world


@pytest.mark.parametrize("kind", KINDS)
def test_a_board_has_the_open_milestones_with_their_items(kind: str) -> None:
    board, world = board_of(kind)
    assert board.origin == "octo/hello at 127.0.0.1"
    assert board.milestones == (
        Milestone("1.4", date(2026, 12, 15)), Milestone("1.3", None, True), Milestone("later"),
    )  # fmt: skip
    told = [(i.id, i.title, i.kind, i.status, i.owner, i.requirements) for i in board.of("1.4")]
    assert told == [
        ("1", "Read", "bug", "todo", None, ("REQ-7",)),
        ("2", "Do", "feature", "doing", "@anna", ("REQ-8", "REQ-9")),
        ("3", "Label", "chore", "doing", None, ()),
        ("4", "Done", "feature", "done", None, ()),
        ("5", "Not", "feature", "dropped", None, ()),
    ]
    assert [(i.id, i.kind) for i in board.items if i.milestone is None] == [("7", "incident")]
    assert all(i.url and i.url.endswith(f"/issues/{i.id}") for i in board.items)
    header = "Authorization" if kind == "github" else "PRIVATE-TOKEN"
    assert {headers[header].removeprefix("Bearer ") for _, _, headers in world.asked} == {TOKEN}


@pytest.mark.parametrize(
    ("kind", "keyset"), [("github", False), ("gitlab", False), ("gitlab", True)]
)
def test_all_pages_are_read(kind: str, keyset: bool) -> None:
    whole, _ = board_of(kind)
    paged, world = board_of(kind, most=2, keyset=keyset)
    assert paged == whole
    assert len(world.asked) > 6


def test_pull_requests_are_no_issues() -> None:
    issues = [{"title": "A pull request", "milestone": "1.4", "pull": True}, *ISSUES]
    board, _ = board_of("github", issues=issues)
    assert [item.id for item in board.of("1.4")] == ["2", "3", "4", "5", "6"]


@pytest.mark.parametrize("kind", KINDS)
def test_issues_by_label_and_state(kind: str) -> None:
    with serving(**copied(), most=3) as world:
        way = reach(world, kind)
        assert len(service.issues(way)) == len(ISSUES)
        (one,) = service.issues(way, ["incident"], "open", "2026-10-01T00:00:00Z")
        assert (one.id, one.author, one.comments, one.created, one.closed) == (
            "7", "octocat", 3, "2026-11-01T10:00:00Z", None,
        )  # fmt: skip
        assert [i.id for i in service.issues(way, state="closed")] == ["4", "5", "6"]
        assert not service.issues(way, ["incident"], "closed")
    since = "since" if kind == "github" else "updated_after"
    assert any(f"{since}=2026-10-01T00:00:00Z" in path for _, path, _ in world.asked)


TROUBLES = [
    ("html", "answered no JSON that can be read"),
    ("truncated", "its answer breaks off"),
    ("an object", "answered no list"),
    ("another shape", "answered in another shape"),
    ("circle", "its pages lead in a circle"),
    ("next elsewhere", "the next page is at another server, where no token is sent"),
    ("elsewhere", "leads to http://other.invalid/repos/x/y/issues, where no token is sent"),
    ("broken", "no answer in 4 tries, 503 at last"),
    ("limited", "too many requests; it answers again at"),
    ("limited as by GitLab", "in 10 minutes"),
    ("limited for some seconds", "UTC, in 10 seconds · run it again then"),
    ("403", "may not do that · let it read issues"),
    ("404", "may not see it · see tool.devops-gates.tracker.project and url (Not that way)"),
    ("410", "its issues are switched off"),
    ("500", "answered 500 (Not that way)"),
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("trouble", "why"), TROUBLES)
def test_what_is_no_whole_answer_is_not_believed(kind: str, trouble: str, why: str) -> None:
    with serving(**copied(), trouble=trouble) as world:
        way = reach(world, kind)
        way._sleep = lambda seconds: None
        with pytest.raises(CannotTell) as error:
            service.board(way, every)
    assert why in str(error.value)
    assert TOKEN not in str(error.value)
    assert "\n" not in str(error.value)


LINKS = [
    '<{}?page=2>; rel="next"',
    "<{}?page=2>; rel=next",
    '<{}?page=2>; rel="prev next"',
    '<{}?page=2>; REL="Next"',
    '<{}?page=2> ; rel = "next" ; title="a < b, > c; \\" <"',
    '<{}>; title="; rel=\\"next\\", <", , <{}?page=2>;;rel="next"',
    "<{}?page=2>; rel=next; rel=last",
    '<{}?page=1,3>; rel="first", <{}?page=2>; rel="next"; type',
]


@pytest.mark.parametrize("link", LINKS)
def test_the_next_page_however_it_is_told(link: str) -> None:
    here = "https://api.example.org/issues"
    answer = web.Response(here, 200, {"link": link.replace("{}", here)}, b"[]", 0.1)
    assert answers.next_page(answer, here) == f"{here}?page=2"


@pytest.mark.parametrize(
    "link",
    [
        "", '<{}?page=2>; rel="last"', '<{}?page=2>; rel="nextdoor"', "<{}?page=2>",
        '<{}?page=2>; title="; rel=next"', "<{}?page=2>; rel=last; rel=next", " , ",
    ],
)  # fmt: skip
def test_the_last_page(link: str) -> None:
    here = "https://api.example.org/issues"
    answer = web.Response(here, 200, {"link": link.replace("{}", here)}, b"[]", 0.1)
    assert answers.next_page(answer, here) is None


@pytest.mark.parametrize(
    "link",
    [
        "https://api.example.org/issues?page=2; rel=next", '<{}?page=2; rel="next"',
        '<{}?page=2>; rel="next', '<{}?page=2> rel="next"', '<{}> <{}?page=2>; rel="next"',
        '<{}?page=2>; rel="next" title="x"', "<{}>; =next", "<{}>; rel=",
    ],
)  # fmt: skip
def test_a_link_that_cannot_be_read(link: str) -> None:
    here = "https://api.example.org/issues"
    answer = web.Response(here, 200, {"link": link.replace("{}", here)}, b"[]", 0.1)
    with pytest.raises(CannotTell, match="/issues: its header Link cannot be read"):
        answers.next_page(answer, f"{here}?secret=1")


@pytest.mark.parametrize("hostile", ["; " * 100_000, "<" * 100_000, "<a>" + " " * 100_000 + "x"])
def test_a_long_link_takes_no_time(hostile: str) -> None:
    answer = web.Response("https://a/", 200, {"link": f"<a>;{hostile}x=<"}, b"[]", 0.1)
    began = time.monotonic()
    with pytest.raises(CannotTell):
        answers.next_page(answer, "https://a/")
    assert time.monotonic() - began < 1.0


def test_fewer_issues_than_were_told_of() -> None:
    with (
        serving(**copied(), trouble="one too few") as world,
        pytest.raises(CannotTell, match="3 were told of, and 2 came"),
    ):
        service.board(reach(world, "gitlab"), every)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("trouble", ["hiccup", "limited for a second"])
def test_a_short_wait_is_waited_for(kind: str, trouble: str) -> None:
    waited: list[float] = []
    with serving(**copied(), trouble=trouble) as world:
        way = reach(world, kind)
        way._sleep = waited.append
        assert len(service.board(way, every).of("1.4")) == 5
    assert waited == [1.0]


def test_a_project_that_was_renamed_is_followed_at_the_same_server_alone() -> None:
    with serving(**copied(), trouble="moved") as world:
        way = reach(world, "github")
        assert len(service.board(way, every).of("1.4")) == 5
        with pytest.raises(CannotTell, match="has moved · write its new name into"):
            service.close(way, "1", "done")


def test_a_slow_tracker_is_not_waited_for() -> None:
    with (
        serving(**copied(), trouble="slow") as world,
        pytest.raises(CannotTell, match="no whole answer within"),
    ):
        service.board(reach(world, "github", seconds=0.3), every)


# tokens


@pytest.mark.parametrize("token", [None, "", "  "])
def test_a_missing_token_is_told(token: str | None) -> None:
    table = TrackerTable("github", "octo/hello")
    environment = {} if token is None else {"GITHUB_TOKEN": token}
    with pytest.raises(
        CannotTell, match=r"GITHUB_TOKEN is not set .a fork's pull request gets no secrets"
    ):
        service.reach(table, environment)


def test_a_public_project_is_read_without_one() -> None:
    with serving(**copied(), trouble="no token needed") as world:
        way = service.reach(world.table("github", public=True), {})
        assert len(service.board(way, every).of("1.4")) == 5
    assert not any("Authorization" in headers for _, _, headers in world.asked)


def test_a_wrong_token_is_told() -> None:
    with serving(**copied()) as world:
        way = service.reach(world.table("gitlab", token="OWN"), {"OWN": "another"})
        with pytest.raises(CannotTell, match=r"OWN is not taken.*make a new one .Bad credentials"):
            service.board(way, every)


def test_a_token_never_shows() -> None:
    with serving(**copied()) as world:
        way = reach(world, "github")
        assert TOKEN not in repr(way)
    broken = f"{TOKEN}\nX: y"
    with pytest.raises(CannotTell) as error:
        service.reach(TrackerTable("github", "octo/hello"), {"GITHUB_TOKEN": broken})
    assert TOKEN not in str(error.value)


@pytest.mark.parametrize(
    ("table", "why"),
    [
        (TrackerTable("github", "octo"), "project: 'octo' is not of the form owner/name"),
        (TrackerTable("github", "a/b/../c"), "is not of the form owner/name"),
        (TrackerTable("github", "a/b?x"), "is not of the form owner/name"),
        (TrackerTable("gitlab", "/"), "names no project"),
        (TrackerTable("gitlab", "a/b", url="http://gitlab.example.org"), "use https"),
        (TrackerTable("gitlab", "a/b", url="ftp://gitlab.example.org"), "no address of http"),
        (TrackerTable("gitlab", "a/b", url="https://u:p@gitlab.example.org"), "without a user"),
    ],
)
def test_wrong_configurations(table: TrackerTable, why: str) -> None:
    with pytest.raises(UsageError, match=rf"^tool\.devops-gates\.tracker\..*{why}"):
        service.reach(table, TOKENS)


# changes


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_made_is_read_again(kind: str) -> None:
    item = WorkItem(
        "", "Learn from it", "improvement", "1.4", "doing", "@anna", ("REQ-1", "REQ-2"), None,
        "incident:7",
    )  # fmt: skip
    with serving(**copied()) as world:
        way = reach(world, kind)
        made = service.create(way, item, "What was seen.")
        again = {one.id: one for one in service.board(way, every).of("1.4")}
    assert made.id == "8"
    assert again["8"] == made
    for key in ("title", "kind", "milestone", "status", "owner", "requirements", "source"):
        assert getattr(made, key) == getattr(item, key), key


@pytest.mark.parametrize("kind", KINDS)
def test_items_are_closed_and_moved(kind: str) -> None:
    with serving(**copied()) as world:
        way = reach(world, kind)
        assert service.close(way, "#1", "done").status == "done"
        assert service.close(way, "2", "dropped").status == "dropped"
        assert [i.milestone for i in service.move(way, ["3"], "later")] == ["later"]
        assert all(issue["closed"] for issue in world.issues[:2])
        with pytest.raises(UsageError, match=r"no milestone '1.5' .did you mean"):
            service.move(way, ["3"], "1.5")


@pytest.mark.parametrize("kind", KINDS)
def test_milestones_are_made_changed_and_closed(kind: str) -> None:
    due = date(2027, 2, 1)
    with serving(**copied()) as world:
        way = reach(world, kind)
        assert service.save(way, "1.5", due) == Milestone("1.5", due)
        assert service.save(way, "1.4", due) == Milestone("1.4", due)
        assert service.save(way, "1.4", None, close=True) == Milestone("1.4", due, True)
        with pytest.raises(UsageError, match=r"no milestone '1.6' to close"):
            service.save(way, "1.6", None, close=True)
    assert [m["name"] for m in world.milestones] == ["1.4", "1.3", "later", "1.5"]


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_dropped_silently_is_no_success(kind: str) -> None:
    drops = ("state", "state_event", "milestone", "milestone_id", "due_on", "due_date")
    with serving(**copied(), drops=drops) as world:
        way = reach(world, kind)
        with pytest.raises(CannotTell, match="1 is still open"):
            service.close(way, "1", "done")
        with pytest.raises(CannotTell, match=r"1 is in '1.4' still"):
            service.move(way, ["1"], "later")
        with pytest.raises(CannotTell, match="became open, due on no day, not open, due 2027"):
            service.save(way, "1.5", date(2027, 2, 1))


@pytest.mark.parametrize("text", ["", "#", "W-1", "1/2", "-1", "1" * 19, "\u0661"])
def test_what_is_no_number_of_an_issue(text: str) -> None:
    with pytest.raises(UsageError, match="is no number of an issue"):
        service.number(text)


# what issues tell


@pytest.mark.parametrize(
    ("body", "labels", "found"),
    [
        ("", ("requirement:REQ-7", "requirement::REQ-8", "Requirement:x.y"), "REQ-7 REQ-8 x.y"),
        ("Requirement: REQ-7\r\nrequirements: REQ-8,REQ-9 and\r\n", (), "REQ-7 REQ-8 REQ-9 and"),
        ("- **Requirements:** REQ-1, REQ-2.\n", (), "REQ-1 REQ-2"),
        ("> Requirement: REQ-1", (), "REQ-1"),
        ("<!-- \nRequirement: REQ-7\n-->", (), ""),
        ("<!-- never closed\nRequirement: REQ-7", (), ""),
        ("The requirement: REQ-7", (), ""),
        ("Requirement REQ-7", ("requirement:", "requirement: "), ""),
        ("Requirement: REQ-7\nRequirement: REQ-7", ("requirement:REQ-7",), "REQ-7"),
    ],
)
def test_requirements(body: str, labels: tuple[str, ...], found: str) -> None:
    item = reading.item(Issue("1", "x", body, labels))
    assert item.requirements == tuple(found.split())


@pytest.mark.parametrize(
    "text",
    ["", "2026-13-01T00:00:00Z", "2026-01-01T00:00:00", "yesterday", "0001-01-01T00:00:00+23:00"],
)
def test_times_that_are_none(text: str) -> None:
    with pytest.raises(CannotTell, match="a time that is none"):
        answers.instant(text)
