"""The board on a terminal. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

from pytest_devops_gates.board.items import DOING, DONE, DROPPED, TODO, Board, Milestone, WorkItem
from pytest_devops_gates.board.source import Release
from pytest_devops_gates.columns import cut, padded, width, wrap
from pytest_devops_gates.neutral import neutral

NARROWEST = 40
BAR = 20
"""Columns of the bar that tells how much is done."""

_LONGEST_ID, _LONGEST_OWNER, _LONGEST_REQUIREMENTS = 16, 16, 24
_LEAST_TITLE = 16
_SHOWN = (DOING, TODO, DONE)


def render(
    board: Board, release: Release | None, why_not: str, today: date, columns: int
) -> Iterator[str]:
    """The milestones that are open, each with its items; then the closed ones in a line each."""
    columns = max(columns, NARROWEST)
    yield from _wrapped(f"the plan: {board.origin}", columns)
    if release:
        yield from _wrapped(
            f"the release's milestone is {release.milestone.name}: {release.why}", columns
        )
    elif why_not:
        yield from _wrapped(f"which milestone is the release's: {why_not}", columns)
    name = release.milestone.name if release else None
    still = [m for m in board.milestones if not m.closed or m.name == name]
    for one in sorted(still, key=lambda m: (m.due or date.max, m.name != name)):
        yield ""
        yield from _milestone(one, board.of(one.name), today, columns)
    if loose := [item for item in board.items if item.milestone is None]:
        yield ""
        yield from _wrapped(f"in no milestone{_count(loose)}", columns)
        yield from _rows(loose, columns)
    if closed := [m for m in board.milestones if m not in still]:
        yield ""
        yield from _wrapped(f"closed: {', '.join(m.name for m in closed)}", columns)


def _milestone(
    one: Milestone, items: Sequence[WorkItem], today: date, columns: int
) -> Iterator[str]:
    yield from _wrapped(f"{one.name}{_due(one, today)}{_count(items)}", columns)
    if kept := [item for item in items if item.status != DROPPED]:
        done = sum(item.status == DONE for item in kept)
        filled = BAR * done // len(kept)
        yield f"  [{'#' * filled}{'.' * (BAR - filled)}] {100 * done // len(kept)} % done"
    yield from _rows(items, columns)


def _due(one: Milestone, today: date) -> str:
    if one.closed:
        return ", closed"
    if one.due is None:
        return ""
    left = (one.due - today).days
    days = "1 day" if abs(left) == 1 else f"{abs(left)} days"
    when = "today" if not left else f"{days} left" if left > 0 else f"{days} OVERDUE"
    return f", due {one.due} ({when})"


def _count(items: Sequence[WorkItem]) -> str:
    """How many are of each status: ``: 2 todo, 1 doing, 3 done``."""
    counts = {s: sum(i.status == s for i in items) for s in (TODO, DOING, DONE, DROPPED)}
    told = ", ".join(f"{n} {status}" for status, n in counts.items() if n)
    return f": {told}" if told else ": nothing"


def _rows(items: Sequence[WorkItem], columns: int) -> Iterator[str]:
    """A line an item: status, id, title, owner, requirements; what is narrow shows less of it."""
    shown = [item for status in _SHOWN for item in items if item.status == status]
    cells = [_cells(item) for item in shown]
    if not cells:
        return
    limits = (5, _LONGEST_ID, 10_000, _LONGEST_OWNER, _LONGEST_REQUIREMENTS)
    widest = [max(map(width, column)) for column in zip(*cells, strict=True)]
    rooms = [min(pair) for pair in zip(widest, limits, strict=True)]
    for n in (4, 3):  # requirements go first, then owners
        if 2 + sum(rooms) + 2 * len(rooms) - rooms[2] + _LEAST_TITLE > columns:
            rooms = rooms[:n]
    others = 2 + sum(rooms) - rooms[2] + 2 * (len(rooms) - 1)
    rooms[2] = max(min(rooms[2], columns - 1 - others), 1)
    for cell in cells:
        told = zip(cell[: len(rooms)], rooms, strict=True)
        row = "  ".join(padded(cut(text, room), room) for text, room in told)
        yield f"  {cut(row, columns - 3)}".rstrip()


def _cells(item: WorkItem) -> tuple[str, ...]:
    told = (item.status, item.id, item.title, item.owner or "-", ", ".join(item.requirements))
    return tuple(map(neutral, told))


def _wrapped(text: str, columns: int) -> Iterator[str]:
    for line in map(neutral, wrap(neutral(text), columns - 1)):
        yield neutral(line)  # a break may bring a command to the beginning of a line
