"""Edits of ``devops-gates/plan.toml``: whole or not at all, and read back before it is written."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

import msgspec

from pytest_devops_gates import disk
from pytest_devops_gates.board import plan_file
from pytest_devops_gates.board.items import Milestone, WorkItem
from pytest_devops_gates.board.plan_file import FILE, PlanFile
from pytest_devops_gates.board.plan_text import ITEMS, MILESTONES, places, with_table
from pytest_devops_gates.errors import UsageError, did_you_mean
from pytest_devops_gates.toml_tables import Place, with_values

_ALWAYS = ("id", "title", "kind", "status")


def with_item(data: bytes, item: WorkItem) -> bytes:
    """The file with one item more. Raises UsageError where it would not be read."""
    before = plan_file.read(data)
    values = {key: getattr(item, key) for key in item.__struct_fields__}
    values = {key: value for key, value in values.items() if value or key in _ALWAYS}
    after = with_table(data.decode(), ITEMS, values).encode()
    return _as_meant(after, before, items=(*before.board.items, item))


def with_items(data: bytes, ids: Collection[str], **values: str | None) -> bytes:
    """The file with other values of some items, named by their ids.

    Raises UsageError for an id that there is not, and where the result would not be read.
    """
    before = plan_file.read(data)
    items = {item.id: item for item in before.board.items}
    number = {name: n for n, name in enumerate(items)}
    text = data.decode()
    stand = [place for place in places(text) if place.name == ITEMS]
    for name in ids:
        if name not in items:
            raise UsageError(f"{FILE}: there is no item '{name}'{did_you_mean(name, items)}")
    for name in sorted({*ids}, key=number.__getitem__, reverse=True):  # the last first: none moves
        text = with_values(text, stand[number[name]], values)
        items[name] = msgspec.structs.replace(items[name], **values)
    return _as_meant(text.encode(), before, items=tuple(items.values()))


def with_milestone(data: bytes, milestone: Milestone) -> bytes:
    """The file with a milestone more, or with its values changed where there is one of that name.

    Raises UsageError where the result would not be read.
    """
    before = plan_file.read(data)
    milestones = {one.name: one for one in before.board.milestones}
    text = data.decode()
    if milestone.name in milestones:
        at = list(milestones).index(milestone.name)
        was = milestones[milestone.name]
        told = {key: getattr(milestone, key) for key in ("due", "closed")}
        told = {k: v or None for k, v in told.items() if v != getattr(was, k)}
        text = with_values(text, _place(text, MILESTONES, at), told)
    else:
        told = {key: getattr(milestone, key) for key in milestone.__struct_fields__}
        text = with_table(text, MILESTONES, {key: value for key, value in told.items() if value})
    milestones[milestone.name] = milestone
    return _as_meant(text.encode(), before, milestones=tuple(milestones.values()))


def write(root: Path, before: bytes | None, after: bytes) -> None:
    """Put the file in place of what it was ``before``. Raises UsageError when it cannot be written,
    or is another by now."""
    path = root / FILE
    if path.is_symlink():
        raise UsageError(f"{FILE} is a link: change the file to which it leads")
    if plan_file.found(root) != before:
        raise UsageError(f"{FILE} was changed in the meantime; say it again")
    try:
        path.parent.mkdir(exist_ok=True)
        disk.write(path, after.decode())
    except OSError as error:
        raise UsageError(f"{FILE} cannot be written: {error.strerror}") from None


def _place(text: str, name: str, at: int) -> Place:
    return [place for place in places(text) if place.name == name][at]


def _as_meant(data: bytes, before: PlanFile, **changes: Any) -> bytes:
    after = plan_file.read(data)
    wanted = msgspec.structs.replace(before.board, **changes)
    if (after.board, after.milestone) != (wanted, before.milestone):
        raise UsageError(f"{FILE}: the change would not be read as it was meant; do it by hand")
    return data
