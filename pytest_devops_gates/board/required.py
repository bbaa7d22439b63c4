"""Which requirements have to be proven, by what is planned. Pure.

Those of items that are done, of the milestone of the release and of all that lie behind it. What is
dropped, or planned for later, is not asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from pytest_devops_gates.board.items import DOING, DONE, TODO, Board, WorkItem


class Wanted(msgspec.Struct, frozen=True):
    """The requirements that have to be proven ``now``, those ``open`` of items that are not done
    yet, with the first item of each, and all that are ``known``."""

    now: Mapping[str, WorkItem] = {}
    open: Mapping[str, WorkItem] = {}
    known: frozenset[str] = frozenset()


def wanted(board: Board, milestone: str | None) -> Wanted:
    """What is wanted for a release at ``milestone``; None: whatever is done counts."""
    reached = _reached(board, milestone)
    done = [item for item in board.items if item.status == DONE and item.milestone in reached]
    undone = [
        item
        for item in board.items
        if item.status in (TODO, DOING) and milestone is not None and item.milestone == milestone
    ]
    now = _requirements(done)
    return Wanted(
        now=now,
        open={name: item for name, item in _requirements(undone).items() if name not in now},
        known=frozenset(_requirements(board.items)),
    )


def required(board: Board, milestone: str | None) -> tuple[str, ...]:
    """The ids of the requirements that have to be proven now, sorted."""
    return tuple(sorted(wanted(board, milestone).now))


def _reached(board: Board, milestone: str | None) -> set[str | None]:
    """The milestones that the release has to have reached; None stands for having none."""
    if milestone is None:
        return {None, *(item.milestone for item in board.items)}
    due = next((one.due for one in board.milestones if one.name == milestone), None)
    behind = [
        one.name for one in board.milestones if one.closed or (one.due and due and one.due <= due)
    ]
    return {None, milestone, *behind}


def _requirements(items: Iterable[WorkItem]) -> dict[str, WorkItem]:
    found: dict[str, WorkItem] = {}
    for item in items:
        for requirement in item.requirements:
            found.setdefault(requirement, item)
    return found
