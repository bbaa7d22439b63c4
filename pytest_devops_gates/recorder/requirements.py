"""The ids of requirements that tests are marked with: ``@pytest.mark.requirement("REQ-7")``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pytest

MARK = "requirement"
NO_ID = ""
"""Stands for markers that name no requirement."""
LONGEST = 100
"""Characters of an id."""


def borne(items: Iterable[pytest.Item]) -> Mapping[str, list[str]]:
    """The node ids of the tests that bear each requirement; those that bear a marker that names
    none, or something that is no id, under ``NO_ID`` as well."""
    found: dict[str, list[str]] = {}
    for item in items:
        for requirement in _of(item):
            found.setdefault(requirement, []).append(item.nodeid)
    return found


def _of(item: pytest.Item) -> dict[str, None]:
    """In the order of the markers, each once."""
    found: dict[str, None] = {}
    for mark in item.iter_markers(MARK):
        told = mark.args or (None,)
        found.update(dict.fromkeys(_id(one) for one in told))
        if mark.kwargs:
            found[NO_ID] = None
    return found


def _id(told: object) -> str:
    text = told.strip() if isinstance(told, str) else ""
    return text if len(text) <= LONGEST and text.isprintable() else NO_ID
