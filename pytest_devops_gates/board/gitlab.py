"""Issues and milestones of GitLab, by version 4 of its REST API.

Source of the shapes: docs.gitlab.com/api/issues and docs.gitlab.com/api/milestones.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any, Literal
from urllib.parse import quote

import msgspec

from pytest_devops_gates.board import reading
from pytest_devops_gates.board.answers import instant
from pytest_devops_gates.board.items import DROPPED, Milestone, WorkItem
from pytest_devops_gates.board.tracker import TABLE, Access, Issue, Kept, access
from pytest_devops_gates.errors import UsageError
from pytest_devops_gates.outside import TrackerTable

BASE = "https://gitlab.com/api/v4"
STATES = {"open": "opened", "closed": "closed", "all": "all"}

_SOME = {"none": "None", "any": "Any"}


class _User(msgspec.Struct):
    username: str


class _Id(msgspec.Struct):
    id: int


class _Milestone(msgspec.Struct):
    id: int
    title: str
    state: Literal["active", "closed"]
    due_date: date | None = None


class _Issue(msgspec.Struct):
    iid: int
    title: str
    state: Literal["opened", "closed"]
    web_url: str
    created_at: str
    labels: list[str]
    author: _User | None = None
    description: str | None = None
    closed_at: str | None = None
    milestone: _Milestone | None = None
    assignees: list[_User] | None = None
    user_notes_count: int = 0


def reach(table: TrackerTable, environment: Mapping[str, str], seconds: float) -> Access:
    """The way to a project. Raises CannotTell without a token, and UsageError for a wrong name."""
    if not table.project.strip("/ "):
        raise UsageError(f"{TABLE}.project: names no project: its path or its number")
    return access(
        table, table.url or BASE, environment, lambda token: {"PRIVATE-TOKEN": token},
        seconds=seconds,
    )  # fmt: skip


def milestones(way: Access) -> tuple[Kept, ...]:
    """All milestones, closed ones too, and those of the groups above."""
    # the first one is how versions before 17 call the second
    query = {"include_parent_milestones": "true", "include_ancestors": "true"}
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
    query = {"state": STATES[state], "order_by": "created_at", "sort": "asc", "scope": "all"}
    query |= {"labels": ",".join(labels)} if labels else {}
    query |= {"updated_after": since} if since else {}
    if milestone:
        query["milestone"] = (
            milestone.milestone.name if isinstance(milestone, Kept) else _SOME[milestone]
        )
    for page in way.pages(f"{_at(way)}/issues", query):
        yield from map(_issue, way.shaped(page, list[_Issue]))


def label(way: Access, name: str) -> None:
    """Look a label up. Raises NotThere where there is none."""
    way.look_up(f"{_at(way)}/labels/{quote(name, safe='')}", {})


def create(way: Access, item: WorkItem, body: str, milestone: Kept | None) -> Issue:
    """Make an issue of a work item; returns what it became."""
    told: dict[str, Any] = {
        "title": item.title,
        "description": reading.text(item, body),
        "labels": ",".join(reading.labels(item)),
    }
    if milestone:
        told["milestone_id"] = milestone.number
    if item.owner:
        told["assignee_ids"] = [_user(way, item.owner.removeprefix("@"))]
    return _told(way, "POST", "/issues", told)


def close(way: Access, issue: str, status: str) -> Issue:
    """Close an issue: as done, or as dropped, which a label tells."""
    told = {"state_event": "close"} | ({"add_labels": DROPPED} if status == DROPPED else {})
    return _told(way, "PUT", f"/issues/{issue}", told)


def move(way: Access, issue: str, milestone: Kept) -> Issue:
    """Put an issue into a milestone."""
    return _told(way, "PUT", f"/issues/{issue}", {"milestone_id": milestone.number})


def save(way: Access, milestone: Milestone, kept: Kept | None) -> Milestone:
    """Make a milestone, or change the one that is ``kept``."""
    told: dict[str, Any] = {"title": milestone.name}
    told |= {"due_date": str(milestone.due)} if milestone.due else {}
    if kept and milestone.closed != kept.milestone.closed:
        told["state_event"] = "close" if milestone.closed else "activate"
    path = f"{_at(way)}/milestones" + (f"/{kept.number}" if kept else "")
    said = way.tell("PUT" if kept else "POST", path, told)
    return _kept(way.shaped(said, _Milestone)).milestone


def _user(way: Access, name: str) -> int:
    found = way.shaped(way.look_up("/users", {"username": name}), list[_Id])
    if not found:
        raise UsageError(f"{way.origin}: there is no user {name}")
    return found[0].id


def _told(way: Access, method: str, path: str, told: Mapping[str, Any]) -> Issue:
    return _issue(way.shaped(way.tell(method, _at(way) + path, told), _Issue))


def _at(way: Access) -> str:
    return f"/projects/{quote(way.table.project.strip('/'), safe='')}"


def _kept(row: _Milestone) -> Kept:
    return Kept(row.id, Milestone(row.title, row.due_date, row.state == "closed"))


def _issue(row: _Issue) -> Issue:
    is_open = row.state == "opened"
    return Issue(
        id=str(row.iid),
        title=row.title,
        body=row.description or "",
        labels=tuple(row.labels),
        author=row.author.username if row.author else "",
        created=instant(row.created_at),
        closed=instant(row.closed_at) if row.closed_at else None,
        url=row.web_url,
        milestone=row.milestone.title if row.milestone else None,
        assignee=row.assignees[0].username if row.assignees else None,
        comments=row.user_notes_count,
        is_open=is_open,
        is_dropped=not is_open and any(map(reading.is_undone, row.labels)),
    )
