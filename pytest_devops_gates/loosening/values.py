"""Values of settings, however they are written."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pytest_devops_gates.loosening.row import Path

Flat = dict[Path, Any]
"""Settings by their paths below the tool's table."""


def leaves(tree: Mapping[str, Any], above: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Each value with its path. Tables in arrays are values."""
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from leaves(value, (*above, key))
        else:
            yield (*above, key), value


def words(value: Any, *, split: str = r"[,\n]") -> list[str]:
    """The entries of a list, however it is written."""
    if value is None or value == "":
        return []
    if isinstance(value, str):
        return [word for part in re.split(split, value) if (word := part.strip())]
    if isinstance(value, list):
        return [item.strip() if isinstance(item, str) else str(item) for item in value]
    return [str(value)]


def is_on(value: Any) -> bool | None:
    """A switch as TOML, INI and pytest know it; None for a value that is none."""
    if isinstance(value, bool):
        return value
    return {
        **dict.fromkeys(("true", "yes", "on", "1"), True),
        **dict.fromkeys(("false", "no", "off", "0"), False),
    }.get(str(value).strip().lower())
