"""``devops-gates/plan.toml`` as text: milestones stand before items, and each new one behind the
last of its kind. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

from pytest_devops_gates import toml_tables
from pytest_devops_gates.toml_tables import Place, Value

ITEMS, MILESTONES = "items", "milestones"

_COMMENTS = re.compile(r"(?:[ \t]*#[^\n]*\n)+(?=\r?\n)")
"""Comments right below a table's last value, and not above the next table."""


def places(text: str) -> tuple[Place, ...]:
    """The tables of items and milestones, in the order in which they stand."""
    return toml_tables.places(text, (ITEMS, MILESTONES))


def with_table(text: str, name: str, values: Mapping[str, Value]) -> str:
    """The text with one table more: behind the last of its kind, milestones before any item."""
    return toml_tables.with_table(text, name, values, _place_for(text, name))


def _place_for(text: str, name: str) -> int:
    """Where a new table begins."""
    found = places(text)
    own = [n for n, place in enumerate(found) if place.name == name]
    if own and own[-1] + 1 < len(found):
        end = found[own[-1]].end
        behind = _COMMENTS.match(text, end)
        return behind.end() if behind else end
    if own or name == ITEMS or not found:
        return len(text)
    at = found[0].start  # the first item, and the comment above it
    while above := re.search(r"(?:^|\n)([ \t]*#[^\n]*\n)\Z", text[:at]):
        at = above.start(1)
    return at
