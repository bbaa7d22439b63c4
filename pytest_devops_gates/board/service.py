"""A project's issue tracker, whichever it is: its board, its issues, and what is changed there."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import date
from typing import Literal

from pytest_devops_gates.board import github, gitlab, reading
from pytest_devops_gates.board.items import Board, Milestone, WorkItem
from pytest_devops_gates.board.tracker import SECONDS, Access, Issue, Kept, NotThere, Speaker
from pytest_devops_gates.errors import CannotTell, UsageError, did_you_mean
from pytest_devops_gates.outside import TrackerTable

Wanted = Callable[[tuple[Milestone, ...]], Collection[str]]
"""Says of which milestones the items are read."""


def reach(
    table: TrackerTable, environment: Mapping[str, str] | None = None, seconds: float = SECONDS
) -> Access:
    """The way to a tracker, for so many seconds. Raises CannotTell without a token, and UsageError
    for a wrong configuration."""
    where = os.environ if environment is None else environment
    return _speaker(table).reach(table, where, seconds)


def issues(
    tracker: TrackerTable | Access,
    labels: Sequence[str] = (),
    state: Literal["open", "closed", "all"] = "all",
    since: str | None = None,
) -> tuple[Issue, ...]:
    """The issues that have all of the labels, and were changed ``since`` (RFC 3339); each once.

    Raises CannotTell where not all of them can be had.
    """
    way = _way(tracker)
    return _once(_speaker(way.table).issues(way, labels, state, since))


def has_label(tracker: TrackerTable | Access, name: str) -> bool:
    """Whether there is such a label; a listing of the issues of another is just empty. Raises
    CannotTell where it cannot be looked up."""
    way = _way(tracker)
    try:
        _speaker(way.table).label(way, name)
    except NotThere:
        return False
    return True


def board(tracker: TrackerTable | Access, wanted: Wanted, *, loose: bool = False) -> Board:
    """All milestones with the items of those that are wanted, and the open ones of those that are
    closed; with ``loose`` the open ones that are in none as well. Raises CannotTell where not all
    of it can be had."""
    way = _way(tracker)
    speaker = _speaker(way.table)
    kept = {one.milestone.name: one for one in speaker.milestones(way)}
    milestones = tuple(one.milestone for one in kept.values())
    found: list[Issue] = []
    for name in wanted(milestones):
        inside = _once(speaker.issues(way, milestone=kept[name]))
        if other := next((one for one in inside if one.milestone != name), None):
            raise CannotTell(f"{way.origin}: tells {other.id} among those of '{name}'")
        found += inside
    if closed := {one.name for one in milestones if one.closed}:
        still = speaker.issues(way, state="open", milestone="any")
        found += [one for one in still if one.milestone in closed]
    if loose:
        found += speaker.issues(way, state="open", milestone="none")
    return Board(way.origin, milestones, tuple(map(reading.item, _once(found))))


def create(tracker: TrackerTable | Access, item: WorkItem, body: str = "") -> WorkItem:
    """Make an issue of a work item, whose own id does not count; returns what it became.

    Raises UsageError for a milestone that there is not, and CannotTell when it was not made.
    """
    way = _way(tracker)
    milestone = _milestone(way, item.milestone) if item.milestone else None
    return reading.item(_speaker(way.table).create(way, item, body, milestone))


def close(tracker: TrackerTable | Access, issue: str, status: str) -> WorkItem:
    """Close an issue as ``done`` or ``dropped``. Raises CannotTell when it is not closed."""
    way = _way(tracker)
    found = _speaker(way.table).close(way, number(issue), status)
    if found.is_open:
        raise CannotTell(f"{way.origin}: {issue} is still open")
    return reading.item(found)


def move(tracker: TrackerTable | Access, issues: Iterable[str], milestone: str) -> list[WorkItem]:
    """Put issues into a milestone. Raises UsageError for one that there is not, and CannotTell when
    an issue is not in it then."""
    way = _way(tracker)
    kept = _milestone(way, milestone)
    moved = []
    for issue in issues:
        found = _speaker(way.table).move(way, number(issue), kept)
        if found.milestone != milestone:
            raise CannotTell(f"{way.origin}: {issue} is in '{found.milestone}' still")
        moved.append(reading.item(found))
    return moved


def save(
    tracker: TrackerTable | Access, name: str, due: date | None, *, close: bool = False
) -> Milestone:
    """Make a milestone, or change the one of that name: its day, if one is given, and whether it is
    closed. Raises UsageError where there is none to close, and CannotTell when it did not become
    what it should."""
    way = _way(tracker)
    speaker = _speaker(way.table)
    kept = {one.milestone.name: one for one in speaker.milestones(way)}.get(name)
    wanted = changed(kept.milestone if kept else None, name, due, close=close)
    became = speaker.save(way, wanted, kept)
    if became != wanted:
        raise CannotTell(f"{way.origin}: '{name}' became {_shown(became)}, not {_shown(wanted)}")
    return became


def changed(was: Milestone | None, name: str, due: date | None, *, close: bool) -> Milestone:
    """The milestone that is asked for. Raises UsageError where there is none to close."""
    if was is None and close:
        raise UsageError(f"there is no milestone '{name}' to close")
    was = was or Milestone(name)
    return Milestone(name, due or was.due, close or was.closed)


def _shown(milestone: Milestone) -> str:
    return f"{'closed' if milestone.closed else 'open'}, due {milestone.due or 'on no day'}"


def number(text: str) -> str:
    """The number of an issue, with or without its ``#``. Raises UsageError for what is none."""
    found = text.removeprefix("#")
    if not found.isascii() or not found.isdecimal() or len(found) > 18:
        raise UsageError(f"'{text[:70]}' is no number of an issue")
    return found


def _milestone(way: Access, name: str) -> Kept:
    known = {one.milestone.name: one for one in _speaker(way.table).milestones(way)}
    if name not in known:
        raise UsageError(f"{way.origin}: there is no milestone '{name}'{did_you_mean(name, known)}")
    return known[name]


def _once(found: Iterable[Issue]) -> tuple[Issue, ...]:
    """Each issue once: one that is opened again while pages are read moves all behind it."""
    return tuple({issue.id: issue for issue in found}.values())


def _way(tracker: TrackerTable | Access) -> Access:
    return tracker if isinstance(tracker, Access) else reach(tracker)


def _speaker(table: TrackerTable) -> Speaker:
    return github if table.kind == "github" else gitlab
