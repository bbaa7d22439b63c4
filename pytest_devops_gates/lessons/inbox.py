"""``devops-gates/feedback.toml``: what users and the team said of the product, read strictly."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Literal, get_args

import msgspec

from pytest_devops_gates import committed, toml_tables
from pytest_devops_gates.config import load_toml
from pytest_devops_gates.decode import decode
from pytest_devops_gates.errors import UsageError, did_you_mean

FILE = "devops-gates/feedback.toml"
TABLE = "feedback"

Kind = Literal["bug", "pain", "idea", "question", "praise"]
KINDS: tuple[Kind, ...] = get_args(Kind)

LONGEST = 10_000
"""Characters of a text or an answer; a longer one belongs into a file of its own."""

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_OWN_ID = re.compile(r"F-([1-9][0-9]{0,8})")


class Feedback(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that somebody said. ``answered`` is the day of the ``answer``, ``item`` the work
    item that came of it, and ``source`` where it was imported from, by which it is known again."""

    id: str
    created: date
    kind: Kind
    text: str
    by: str = ""
    area: str = ""
    urgent: bool = False
    answered: date | None = None
    answer: str = ""
    item: str = ""
    source: str = ""

    @property
    def is_open(self) -> bool:
        """Whether nothing came of it yet: no answer, and no work item."""
        return self.answered is None and not self.item


class Inbox(msgspec.Struct, frozen=True):
    """All of the file, in its order. ``lines`` are where each entry begins."""

    entries: tuple[Feedback, ...] = ()
    lines: tuple[int, ...] = ()

    def next_id(self) -> str:
        """An id that no entry has."""
        numbers = [int(found[1]) for one in self.entries if (found := _OWN_ID.fullmatch(one.id))]
        return f"F-{max(numbers, default=0) + 1}"


def found(root: Path) -> bytes | None:
    """The project's file; None where there is none. Raises UsageError when it cannot be read."""
    return committed.found(root, FILE)


def read(data: bytes, today: date) -> Inbox:
    """What the file holds. Raises UsageError, with the line, for anything that is wrong in it."""
    tables, lines = _tables(data)
    entries: list[Feedback] = []
    seen: dict[str, int] = {}
    for raw, line in zip(tables, lines, strict=True):
        where = f"{FILE}:{line}: {TABLE}"
        entry: Feedback = decode(Feedback, raw, where)
        if (wrong := flaw(entry, today)) is not None:
            raise UsageError(f"{where}.{wrong}")
        if entry.id in seen:
            told = f"'{entry.id}' is in line {seen[entry.id]} as well; give it another one"
            raise UsageError(f"{where}.id: {told}")
        seen[entry.id] = line
        entries.append(entry)
    return Inbox(tuple(entries), tuple(lines))


def flaw(entry: Feedback, today: date) -> str | None:
    """What is wrong with an entry: its key and why. A day is past somewhere on earth before UTC."""
    if not _ID.fullmatch(entry.id):
        return f"id: {entry.id[:70]!r} is not of letters, digits and '._-' alone"
    for key in ("created", "answered"):
        day = getattr(entry, key)
        if day is not None and day > today + timedelta(days=1):
            return f"{key}: {day} is yet to come"
    for key in ("text", "answer"):
        if len(getattr(entry, key)) > LONGEST:
            return f"{key}: has more than {LONGEST:,} characters"
    if not entry.text.strip():
        return "text: says nothing"
    if (entry.answered is None) != (not entry.answer.strip()):
        return "answer: an answer needs its day in 'answered', and a day needs its answer"
    if entry.answered and entry.answered < entry.created:
        return f"answered: {entry.answered} is before {entry.created}, when it was created"
    return None


def _tables(data: bytes) -> tuple[Sequence[dict[str, Any]], list[int]]:
    """The entries as they are written, and the line of each."""
    whole = load_toml(data, FILE)
    for key in whole:
        if key != TABLE:
            raise UsageError(f"{FILE}: unknown key '{key[:70]}'{did_you_mean(key[:70], [TABLE])}")
    tables = whole.get(TABLE, [])
    lines = [place.line for place in toml_tables.places(data.decode(), [TABLE])]
    if not isinstance(tables, list) or len(tables) != len(lines):
        raise UsageError(f"{FILE}: write each entry as a table of its own: [[{TABLE}]]")
    return tables, lines
