"""``devops-gates/plan.toml``: what is planned, read strictly."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

import msgspec

from pytest_devops_gates import committed
from pytest_devops_gates.board.items import KINDS, STATUSES, Board, Milestone, WorkItem
from pytest_devops_gates.board.plan_text import ITEMS, MILESTONES, places
from pytest_devops_gates.config import load_toml
from pytest_devops_gates.decode import decode, one_of
from pytest_devops_gates.errors import UsageError

FILE = "devops-gates/plan.toml"
YEARS = range(2000, 2101)
"""Years in which something may be due: any other is a slip of the pen."""

LONGEST = 500
"""Characters of a title or a name."""

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_OWN_ID = re.compile(r"W-([1-9][0-9]{0,8})")


class PlanFile(msgspec.Struct, frozen=True):
    """``milestone`` is the one that is being worked for, where the file says so. ``lines`` are
    where each item begins, and ``milestone_lines`` where each milestone does, in their order."""

    board: Board
    milestone: str | None = None
    lines: tuple[int, ...] = ()
    milestone_lines: tuple[int, ...] = ()

    @classmethod
    def empty(cls) -> PlanFile:
        """Where there is no file yet."""
        return cls(Board(FILE))

    def next_id(self) -> str:
        """An id that no item has: ``W-7`` after ``W-6``."""
        ids = (_OWN_ID.fullmatch(item.id) for item in self.board.items)
        return f"W-{max((int(found[1]) for found in ids if found), default=0) + 1}"


class _Written(msgspec.Struct, frozen=True):
    """The whole file, as it is written."""

    milestone: str | None = None
    milestones: list[Milestone] = []
    items: list[WorkItem] = []


def found(root: Path) -> bytes | None:
    """The project's file; None where there is none. Raises UsageError when it cannot be read."""
    return committed.found(root, FILE)


def read(data: bytes) -> PlanFile:
    """What the file holds. Raises UsageError, with the key's full path, for anything wrong."""
    raw = load_toml(data, FILE)
    lines = _lines(raw, data.decode())
    try:
        written: _Written = decode(_Written, raw, FILE)
    except RecursionError:
        raise UsageError(f"{FILE}: is nested too deep") from None
    for n, milestone in enumerate(written.milestones):
        _check_milestone(milestone, f"{FILE}.{MILESTONES}[{n}]")
    names = [milestone.name for milestone in written.milestones]
    _check_unique(names, MILESTONES, "name")
    for n, item in enumerate(written.items):
        _check_item(item, names, f"{FILE}.{ITEMS}[{n}]")
    _check_unique([item.id for item in written.items], ITEMS, "id")
    if written.milestone is not None:
        one_of(written.milestone, names, f"{FILE}.milestone", "milestone")
    board = Board(FILE, tuple(written.milestones), tuple(written.items))
    return PlanFile(board, written.milestone, lines[ITEMS], lines[MILESTONES])


def _lines(raw: dict[str, Any], text: str) -> dict[str, tuple[int, ...]]:
    stand = places(text)
    lines = {}
    for name in (ITEMS, MILESTONES):
        lines[name] = tuple(place.line for place in stand if place.name == name)
        tables = raw.get(name, [])
        if isinstance(tables, list) and len(tables) != len(lines[name]):
            raise UsageError(f"{FILE}.{name}: write each as a table of its own: [[{name}]]")
    return lines


def _check_milestone(milestone: Milestone, path: str) -> None:
    _check_text(milestone.name, f"{path}.name")
    if milestone.due is not None:
        check_day(milestone.due, f"{path}.due")


def check_day(due: date, path: str) -> None:
    """Raises UsageError for a day on which nothing is due."""
    if due.year not in YEARS:
        told = f"is not between {YEARS.start} and {YEARS.stop - 1}"
        raise UsageError(f"{path}: the year of {due} {told}")


def _check_item(item: WorkItem, milestones: Iterable[str], path: str) -> None:
    if not _ID.fullmatch(item.id):
        told = "is not of letters, digits and '._-' alone, 64 of them at most"
        raise UsageError(f"{path}.id: {item.id[:70]!r} {told}")
    _check_text(item.title, f"{path}.title")
    one_of(item.kind, KINDS, f"{path}.kind", "kind")
    one_of(item.status, STATUSES, f"{path}.status", "status")
    if item.milestone is not None:
        one_of(item.milestone, milestones, f"{path}.milestone", "milestone")
    for key in ("owner", "url", "source"):
        value = getattr(item, key)
        if value is not None:
            _check_text(value, f"{path}.{key}")
    for n, requirement in enumerate(item.requirements):
        _check_text(requirement, f"{path}.requirements[{n}]")
    if len(set(item.requirements)) < len(item.requirements):
        raise UsageError(f"{path}.requirements: names one twice")


def _check_text(text: str, path: str) -> None:
    if not text.strip():
        raise UsageError(f"{path}: says nothing")
    if len(text) > LONGEST:
        raise UsageError(f"{path}: has more than {LONGEST} characters")


def _check_unique(names: list[str], table: str, key: str) -> None:
    seen: dict[str, int] = {}
    for n, name in enumerate(names):
        if name in seen:
            told = f"'{name[:70]}' is that of {table}[{seen[name]}] as well; give it another one"
            raise UsageError(f"{FILE}.{table}[{n}].{key}: {told}")
        seen[name] = n
