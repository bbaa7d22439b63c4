"""Issues and milestones of GitHub, by its REST API.

Source of the shapes: github.com/github/rest-api-description, 2022-11-28. Pull requests are issues
there as well, and are left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any, Literal
from urllib.parse import quote

import msgspec

from pytest_devops_gates.board import reading
from pytest_devops_gates.board.answers import instant
from pytest_devops_gates.board.items import DROPPED, Milestone, WorkItem
from pytest_devops_gates.board.tracker import TABLE, Access, Issue, Kept, access
from pytest_devops_gates.errors import CannotTell, UsageError
from pytest_devops_gates.outside import TrackerTable

BASE = "https://api.github.com"
HEADERS = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}

_PROJECT = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+", re.ASCII)
_SOME = {"none": "none", "any": "*"}
_UNDONE = ("not_planned", "duplicate")


class _User(msgspec.Struct):
    login: str


class _Label(msgspec.Struct):
    name: str | None = None


class _Milestone(msgspec.Struct):
    number: int
    title: str
    state: Literal["open", "closed"]
    due_on: str | None = None


class _Issue(msgspec.Struct):
    number: int
    title: str
    state: Literal["open", "closed"]
    html_url: str
    created_at: str
    labels: list[str | _Label]
    user: _User | None = None
    body: str | None = None
    closed_at: str | None = None
    state_reason: str | None = None
    milestone: _Milestone | None = None
    assignees: list[_User] | None = None
    comments: int = 0
    pull_request: dict[str, Any] | None = None


def reach(table: TrackerTable, environment: Mapping[str, str], seconds: float) -> Access:
    """The way to a project. Raises CannotTell without a token, and UsageError for a wrong name."""
    if not _PROJECT.fullmatch(table.project):
        raise UsageError(f"{TABLE}.project: '{table.project[:70]}' is not of the form owner/name")
    return access(
        table, table.url or BASE, environment,
        lambda token: {**HEADERS, "Authorization": f"Bearer {token}"}, seconds=seconds,
    )  # fmt: skip


def milestones(way: Access) -> tuple[Kept, ...]:
    """All milestones, closed ones too."""
    query = {"state": "all", "direction": "asc"}
    pages = way.pages(f"{_at(way)}/milestones", query)
    rows = (row for page in pages for row in way.shaped(page, list[_Milestone]))
    return tuple(_kept(row) for row in rows)


def issues(
    way: Access,
    labels: Sequence[str] = (),
    state: str = "all",
    since: str | None = None,
    milestone: Kept | Literal["none", "any"] | None = None,
) -> Iterator[Issue]:
    """Issues with all of the ``labels``, changed ``since``; ``milestone`` ``"none"`` are those
    that are in none, and ``"any"`` those that are in one."""
    query = {"state": state, "sort": "created", "direction": "asc"}
    query |= {"labels": ",".join(labels)} if labels else {}
    query |= {"since": since} if since else {}
    if milestone:
        query["milestone"] = (
            str(milestone.number) if isinstance(milestone, Kept) else _SOME[milestone]
        )
    for page in way.pages(f"{_at(way)}/issues", query):
        for row in way.shaped(page, list[_Issue]):
            if row.pull_request is None:
                yield _issue(row)


def label(way: Access, name: str) -> None:
    """Look a label up. Raises NotThere where there is none."""
    way.look_up(f"{_at(way)}/labels/{quote(name, safe='')}", {})


def create(way: Access, item: WorkItem, body: str, milestone: Kept | None) -> Issue:
    """Make an issue of a work item; returns what it became."""
    told: dict[str, Any] = {
        "title": item.title,
        "body": reading.text(item, body),
        "labels": reading.labels(item),
    }
    if milestone:
        told["milestone"] = milestone.number
    if item.owner:
        told["assignees"] = [item.owner.removeprefix("@")]
    return _told(way, "POST", "/issues", told)


def close(way: Access, issue: str, status: str) -> Issue:
    """Close an issue: as done, or as dropped."""
    reason = "not_planned" if status == DROPPED else "completed"
    return _told(way, "PATCH", f"/issues/{issue}", {"state": "closed", "state_reason": reason})


def move(way: Access, issue: str, milestone: Kept) -> Issue:
    """Put an issue into a milestone."""
    return _told(way, "PATCH", f"/issues/{issue}", {"milestone": milestone.number})


def save(way: Access, milestone: Milestone, kept: Kept | None) -> Milestone:
    """Make a milestone, or change the one that is ``kept``."""
    told: dict[str, Any] = {"title": milestone.name}
    told["state"] = "closed" if milestone.closed else "open"
    if milestone.due:  # it takes a time, of which it keeps the day in California
        told["due_on"] = f"{milestone.due}T12:00:00Z"
    path = f"{_at(way)}/milestones" + (f"/{kept.number}" if kept else "")
    said = way.tell("PATCH" if kept else "POST", path, told)
    return _kept(way.shaped(said, _Milestone)).milestone


def _told(way: Access, method: str, path: str, told: Mapping[str, Any]) -> Issue:
    return _issue(way.shaped(way.tell(method, _at(way) + path, told), _Issue))


def _at(way: Access) -> str:
    return f"/repos/{way.table.project}"


def _kept(row: _Milestone) -> Kept:
    due = None
    if row.due_on:
        try:
            due = date.fromisoformat(row.due_on[:10])
        except ValueError:
            raise CannotTell(f"answered a day that is none: {row.due_on[:40]!r}") from None
    return Kept(row.number, Milestone(row.title, due, row.state == "closed"))


def _issue(row: _Issue) -> Issue:
    labels = (label if isinstance(label, str) else label.name for label in row.labels)
    return Issue(
        id=str(row.number),
        title=row.title,
        body=row.body or "",
        labels=tuple(filter(None, labels)),
        author=row.user.login if row.user else "",
        created=instant(row.created_at),
        closed=instant(row.closed_at) if row.closed_at else None,
        url=row.html_url,
        milestone=row.milestone.title if row.milestone else None,
        assignee=row.assignees[0].login if row.assignees else None,
        comments=row.comments,
        is_open=row.state == "open",
        is_dropped=row.state == "closed" and row.state_reason in _UNDONE,
    )
