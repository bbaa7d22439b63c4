"""What happened, and waits for something to come of it: as lessons. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime

from pytest_devops_gates.board.items import DONE, DROPPED, Board
from pytest_devops_gates.deployments import FAILED, REJECTED, STARTED, Deployment
from pytest_devops_gates.evidence import Severity
from pytest_devops_gates.incident import Incident
from pytest_devops_gates.lessons.inbox import Feedback
from pytest_devops_gates.lessons.lesson import Lesson, key_of, short
from pytest_devops_gates.operations.open_incidents import is_lost

NAMED = 5
"""Entries of a group that are named."""

_WORST = {s: 9.0 - 2 * n for n, s in enumerate(Severity)}


def of_inbox(entries: Sequence[Feedback], today: date) -> Iterator[Lesson]:
    """Each urgent entry of which nothing came yet, and the others by area. Praise asks for no
    work."""
    areas: dict[str, list[Feedback]] = defaultdict(list)
    for one in sorted(entries, key=lambda one: (one.created, one.id)):
        if one.is_open and one.urgent:
            days = max(0, (today - one.created).days)
            yield Lesson(
                f"feedback:{one.id}",
                "feedback",
                short(one.text),
                f"{one.id}: an urgent {one.kind}, open for {_days(days)}",
                80.0 + min(days, 9),
                work="bug" if one.kind == "bug" else "improvement",
                covers=(one.id,),
            )
        elif one.is_open and one.kind != "praise":
            areas[one.area].append(one)
    for area, group in areas.items():
        first = group[0]
        ids = ", ".join(one.id for one in group[:NAMED]) + (", …" if len(group) > NAMED else "")
        title = short(first.text)
        if len(group) > 1:
            title = f"Answer the feedback on {area}" if area else "Answer the feedback"
        yield Lesson(
            key_of("inbox", f"{area or '-'}:{first.id}"),
            "feedback",
            title,
            f"{len(group)} open{f' on {area}' if area else ''}, since {first.created}: {ids}",
            30.0 + min(len(group), 9),
            work="bug" if all(one.kind == "bug" for one in group) else "improvement",
            covers=tuple(one.id for one in group),
        )


def of_incidents(incidents: Iterable[Incident]) -> Iterator[Lesson]:
    """Those without a follow-up."""
    for one in incidents:
        if not one.follow_up:
            until = f" until {one.ended}" if one.ended else ", and still goes on"
            place = f" in {one.environment}" if one.environment else ""
            yield Lesson(
                key_of("incident", one.id),
                "incident",
                f"Learn from the incident {one.id}: {short(one.title)}",
                f"{one.severity.value}{place}, from {one.started}{until}; no follow-up",
                90 + _WORST[one.severity],
                work="incident",
                covers=(one.id,),
            )


def of_deployments(
    deployments: Iterable[Deployment], incidents: Iterable[Incident], now: datetime
) -> Iterator[Lesson]:
    """Those that failed, but for the ones that an incident tells of already, and those whose
    command never started; one that nobody saw the end of counts after a day."""
    told = {one.deployment for one in incidents if one.deployment}
    for one in deployments:
        if one.id in told or one.never_ran:
            continue
        if one.outcome not in (FAILED, REJECTED) and not is_lost(one, now):
            continue
        what = {STARTED: "ended unseen", FAILED: "failed"}.get(one.outcome, "was rejected")
        yield Lesson(
            key_of("deployment", one.id),
            "deployment",
            f"Learn from the roll-out {one.id} to {one.environment}, which {what}",
            f"{one.started}{f': {short(one.reason)}' if one.reason else ''}",
            75.0,
            work="incident",
        )


def of_milestones(board: Board, today: date) -> Iterator[Lesson]:
    """Those that are due, and not closed."""
    for one in board.milestones:
        if one.due and one.due < today and not one.closed:
            items = board.of(one.name)
            left = sum(item.status not in (DONE, DROPPED) for item in items)
            days = (today - one.due).days
            yield Lesson(
                key_of("milestone", one.name),
                "milestone",
                f"Finish or replan the milestone {one.name}",
                f"due on {one.due}, {_days(days)} ago; {left} of {len(items)} items are left",
                70 + min(days / 7, 9),
            )


def _days(count: int) -> str:
    return "1 day" if count == 1 else f"{count} days"
