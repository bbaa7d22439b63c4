"""The board on which lessons become work items: the plan file's, or a tracker's."""

from __future__ import annotations

import os
from collections.abc import Sequence

import msgspec

from pytest_devops_gates.board import plan_edit, plan_file, reading, service, source
from pytest_devops_gates.board.items import WorkItem
from pytest_devops_gates.board.source import Source
from pytest_devops_gates.errors import CannotTell, UsageError
from pytest_devops_gates.lessons.improvement import body_of, item_of
from pytest_devops_gates.lessons.lesson import Lesson
from pytest_devops_gates.project import Project

WORKS = ("improvement", "bug", "incident")
"""The kinds of the items that lessons become: by these labels a tracker's issues are found."""


class Place(msgspec.Struct, frozen=True):
    """The board, the name of the milestone that gets the items, and all ``items`` that may have
    been made of lessons: of a tracker more than its board has."""

    project: Project
    found: Source
    milestone: str
    items: tuple[WorkItem, ...]


def place(project: Project, asked: str | None = None) -> Place | None:
    """Where the items go; None where nothing is planned anywhere.

    Raises CannotTell where the board cannot be read, or no milestone is the next one, and
    UsageError where its configuration, the plan file or the ``asked`` milestone is wrong.
    """
    if source.nowhere(project):
        return None
    _check(project)
    try:
        found = source.read(project, asked)
    except source.NoSuch as wrong:
        raise UsageError(f"--milestone: {wrong}") from None
    milestone = found.release.milestone.name
    if found.release.milestone.closed:
        told = (
            f"the milestone '{milestone}' is closed · devops-gates plan milestone NAME --due DATE"
        )
        if asked is not None:
            raise UsageError(f"--milestone: {told}")
        raise CannotTell(f"{told}, or --milestone")
    items = {item.id: item for item in found.board.items}
    if project.tracker:
        way = service.reach(project.tracker)
        for kind in WORKS:
            items |= {one.id: reading.item(one) for one in service.issues(way, [kind])}
    return Place(project, found, milestone, tuple(items.values()))


def _check(project: Project) -> None:
    """Raises UsageError for what makes a gate unknown, and is wrong in the user's own words."""
    if project.tracker:
        service.reach(project.tracker)
    elif (data := plan_file.found(project.root)) is not None:
        plan_file.read(data)


def planned(data: bytes, lessons: Sequence[Lesson], milestone: str) -> tuple[bytes, list[WorkItem]]:
    """The plan file with an item for each lesson. Pure; raises UsageError as its editor does."""
    made = []
    for lesson in lessons:
        item = item_of(lesson, plan_file.read(data).next_id(), milestone)
        data = plan_edit.with_item(data, item)
        made.append(item)
    return data, made


def tracked(here: Place, lessons: Sequence[Lesson]) -> tuple[list[WorkItem], str | None]:
    """Issues made of lessons, and why the rest of them were not made."""
    assert here.project.tracker is not None
    made: list[WorkItem] = []
    try:
        way = service.reach(here.project.tracker, os.environ)
        for lesson in lessons:
            item = item_of(lesson, "", here.milestone)
            made.append(service.create(way, item, body_of(lesson)))
    except (CannotTell, UsageError) as why:
        return made, str(why)
    return made, None
