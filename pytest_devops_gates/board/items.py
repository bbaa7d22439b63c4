"""Milestones and work items, wherever they are kept: values only."""

from __future__ import annotations

from datetime import date

import msgspec

TODO, DOING, DONE, DROPPED = "todo", "doing", "done", "dropped"
STATUSES = (TODO, DOING, DONE, DROPPED)
KINDS = ("feature", "bug", "chore", "improvement", "incident")


class Milestone(msgspec.Struct, frozen=True):
    """What is to be reached together, by a day. ``closed`` says that it is behind us."""

    name: str
    due: date | None = None
    closed: bool = False


class WorkItem(msgspec.Struct, frozen=True):
    """One thing to do. ``requirements`` are the ids of what it has to meet; ``url`` is its page.
    ``source`` says what it was made of (``incident:7``), where ``feedback improve`` made it."""

    id: str
    title: str
    kind: str = "feature"
    milestone: str | None = None
    status: str = TODO
    owner: str | None = None
    requirements: tuple[str, ...] = ()
    url: str | None = None
    source: str | None = None


class Board(msgspec.Struct, frozen=True):
    """All that is planned. ``origin`` says where it is from: a file, or a tracker's address."""

    origin: str
    milestones: tuple[Milestone, ...] = ()
    items: tuple[WorkItem, ...] = ()

    def of(self, milestone: str) -> tuple[WorkItem, ...]:
        """The items of a milestone."""
        return tuple(item for item in self.items if item.milestone == milestone)
