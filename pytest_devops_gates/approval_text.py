"""Approvals and overrides as text: how new ones are written behind what the file holds. Pure."""

from __future__ import annotations

from pytest_devops_gates import approvals
from pytest_devops_gates.approvals import FILE, Entry, Override
from pytest_devops_gates.errors import UsageError
from pytest_devops_gates.waiver_text import quoted

KEYS = ("gate", "who", "when", "expires", "policy", "commit", "artefact", "environment", "reason")
DATES = ("when", "expires")


def appended(data: bytes, new: tuple[Entry | Override, ...]) -> bytes:
    """The bytes of a file, and the new ones after them; what stands there stays as it is.

    Raises UsageError where the file is broken, or one would not be read as it was meant.
    """
    newline = "\r\n" if b"\r\n" in data else "\n"
    after = data
    for one in new:
        between = newline * 2 if after and not after.endswith(b"\n") else newline if after else ""
        after += (between + table(one, newline)).encode()
    _check(data, after, new)
    return after


def table(one: Entry | Override, newline: str = "\n") -> str:
    """One as a table of the file. Raises UsageError for what no UTF-8 can hold."""
    values = ((key, getattr(one, key, None)) for key in KEYS)
    lines = ["[[override]]" if isinstance(one, Override) else "[[approval]]"]
    lines += [
        f"{key} = {approvals.written(value) if key in DATES else quoted(value)}"
        for key, value in values
        if value is not None
    ]
    return "".join(line + newline for line in lines)


def _check(before: bytes, after: bytes, new: tuple[Entry | Override, ...]) -> None:
    approvals.entries(before, FILE)
    try:
        found = approvals.entries(after, FILE)[len(approvals.entries(before, FILE)) :]
        old, now = (approvals.overrides(data, FILE) for data in (before, after))
    except UsageError as error:
        raise UsageError(f"{error}; add it by hand") from None
    if now.problems[len(old.problems) :]:
        raise UsageError(now.problems[-1])
    read: list[Entry | Override] = [*found, *now.overrides[len(old.overrides) :]]
    if [_plain(one) for one in read] != [_plain(one) for one in new]:
        raise UsageError(f"{FILE}: it would not be read as it was meant; add it by hand")


def _plain(one: Entry | Override) -> tuple[object, ...]:
    dates = {key: getattr(one, key) for key in DATES}
    return (
        type(one),
        *(approvals.written(day) if day else None for day in dates.values()),
        *(getattr(one, key, None) for key in KEYS if key not in DATES),
    )
