"""``devops-gates/feedback.toml`` as text: what stands there stays as it is. Pure.

Each edit is read again, so that no file is written that says something else than was meant.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import msgspec

from pytest_devops_gates import toml_tables
from pytest_devops_gates.errors import UsageError, did_you_mean
from pytest_devops_gates.lessons.inbox import FILE, TABLE, Feedback, read

EMPTY = "# What users and the team said: devops-gates feedback\n"

_ALWAYS = ("id", "created", "kind", "text")


def added(data: bytes, entries: Sequence[Feedback], today: date) -> bytes:
    """The file with entries after all others. Raises UsageError where one would not be read."""
    if not entries:
        return data
    before = read(data, today)
    text = data.decode() or EMPTY
    for one in entries:
        told = {key: getattr(one, key) for key in Feedback.__struct_fields__}
        values = {key: value for key, value in told.items() if value or key in _ALWAYS}
        text = toml_tables.with_table(text, TABLE, values)
    return _as_meant(text, (*before.entries, *entries), today)


def changed(data: bytes, changes: Mapping[str, Mapping[str, Any]], today: date) -> bytes:
    """The file with other values of some keys, by the entries' ids.

    Raises UsageError for an id that there is not, and where the result would not be read.
    """
    entries = {one.id: one for one in read(data, today).entries}
    text = data.decode()
    for name, values in changes.items():
        if name not in entries:
            raise UsageError(f"{FILE}: there is no '{name}'{did_you_mean(name, entries)}")
        place = toml_tables.places(text, [TABLE])[list(entries).index(name)]
        text = toml_tables.with_values(text, place, values)
        entries[name] = msgspec.structs.replace(entries[name], **values)
    return _as_meant(text, tuple(entries.values()), today)


def _as_meant(text: str, entries: tuple[Feedback, ...], today: date) -> bytes:
    data = text.encode()
    if read(data, today).entries != entries:
        raise UsageError(f"{FILE}: the change would not be read as it was meant; do it by hand")
    return data
