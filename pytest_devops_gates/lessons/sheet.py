"""Feedback from a table of comma-separated values, as forms and spreadsheets write it. Pure.

Whatever a cell holds is text, and stays text: ``=1+1`` is nothing to work out here.
"""

from __future__ import annotations

import codecs
import csv
import hashlib
import io
import re
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timezone

import msgspec

from pytest_devops_gates.errors import UsageError, did_you_mean
from pytest_devops_gates.lessons.inbox import KINDS, Feedback, Kind, flaw

COLUMNS = ("text", "kind", "area", "by", "created", "urgent", "id")
DELIMITERS = ",;\t|"
TRUE, FALSE = {"true", "yes", "y", "1", "x"}, {"", "false", "no", "n", "0"}
MOST = 16 * 2**20
"""Bytes of a table that are read."""

_DAY = re.compile(r"\d{4}-\d\d-\d\d(?!\d)")
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


class Sheet(msgspec.Struct, frozen=True):
    """What a table holds: entries without an id of ours, and what is wrong with other rows, each
    with its line. ``unread`` are the columns that say nothing here."""

    entries: tuple[Feedback, ...] = ()
    problems: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()


def read(data: bytes, name: str, today: date, *, kind: str = "idea", source: str = "") -> Sheet:
    """The entries of a table; ``kind`` is that of rows that tell none, and ``source`` is what the
    ids of its rows are named after (the file, if left out).

    Raises UsageError for what is no table with a column ``text``.
    """
    text = _text(data, name)
    columns, delimiter = _header(text, name)
    entries: list[Feedback] = []
    problems: list[str] = []
    lines: dict[str, int] = {}
    for line, cells in _rows(text, delimiter):
        if isinstance(cells, str):
            problems.append(f"{name}:{line}: {cells}")
            continue
        if not any(cell.strip() for cell in cells):
            continue
        try:
            entry = _entry(cells, columns, today, kind, source or name)
        except ValueError as error:
            problems.append(f"{name}:{line}: {error}")
            continue
        if lines.setdefault(entry.source, line) != line and entry not in entries:
            problems.append(f"{name}:{line}: id: is that of line {lines[entry.source]}")
        else:
            entries.append(entry)
    unread = tuple(column for column in columns if column not in COLUMNS)
    return Sheet(tuple(entries), tuple(problems), unread)


def unknown_to(known: Sequence[Feedback], entries: Sequence[Feedback]) -> list[Feedback]:
    """The entries that are not there yet, each of them once."""
    seen = {_identity(one.source) for one in known if one.source}
    fresh = []
    for one in entries:
        if _identity(one.source) not in seen:
            seen.add(_identity(one.source))
            fresh.append(one)
    return fresh


def _identity(source: str) -> str:
    """What a row is known again by: where it has no id, by its content, in whatever file."""
    return source[source.find("#sha256:") :] if "#sha256:" in source else source


def _text(data: bytes, name: str) -> str:
    if len(data) > MOST:
        raise UsageError(f"{name}: has more than {MOST >> 20} MiB")
    encoding = next((told for mark, told in _MARKS if data.startswith(mark)), "utf-8")
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UsageError(f"{name}:{line}: not UTF-8; save it as UTF-8") from None
    if "\0" in text:
        raise UsageError(f"{name}: holds a NUL: it is no text")
    return text


def _header(text: str, name: str) -> tuple[list[str], str]:
    """The names of the columns, and the delimiter by which most of them are known ones."""
    best: tuple[int, list[str], str] = (-1, [], ",")
    for delimiter in DELIMITERS:
        first = next((cells for _, cells in _rows(text, delimiter, skip=False)), "")
        if not isinstance(first, str):
            columns = [cell.strip().lower() for cell in first]
            known = len(set(columns) & set(COLUMNS))
            best = max(best, (known, columns, delimiter), key=lambda one: one[0])
    _, columns, delimiter = best
    doubled = next((c for c in columns if c in COLUMNS and columns.count(c) > 1), None)
    if doubled:
        raise UsageError(f"{name}: two columns are named '{doubled}'")
    if "text" not in columns:
        there = ", ".join(filter(None, columns))[:200] or "none"
        raise UsageError(f"{name}: its first line names no column 'text' (columns: {there})")
    return columns, delimiter


def _rows(text: str, delimiter: str, *, skip: bool = True) -> Iterator[tuple[int, list[str] | str]]:
    """Each row with the line on which it begins, or with what is wrong with it; the first one is
    left out with ``skip``."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            cells: list[str] | str = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            cells = f"is no row that can be read: {error}"
        if not (skip and line == 1):
            yield line, cells


def _entry(
    cells: Sequence[str], columns: Sequence[str], today: date, kind: str, source: str
) -> Feedback:
    """Raises ValueError saying what is wrong with the row."""
    if len(cells) != len(columns):
        raise ValueError(f"has {len(cells)} cells, where the first line names {len(columns)}")
    told = {name: cell.strip() for name, cell in zip(columns, cells, strict=True)}
    entry = Feedback(
        id="F-1",
        created=_day(told.get("created", ""), today),
        kind=_kind(told.get("kind", "") or kind),
        text=told["text"],
        by=told.get("by", ""),
        area=told.get("area", ""),
        urgent=_is_urgent(told.get("urgent", "")),
    )
    if (wrong := flaw(entry, today)) is not None:
        raise ValueError(wrong)
    return msgspec.structs.replace(entry, source=f"{source}#{told.get('id') or _digest(told)}")


def _digest(told: dict[str, str]) -> str:
    content = "\0".join(told.get(name, "") for name in ("text", "by", "created"))
    return f"sha256:{hashlib.sha256(content.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}"


def _kind(text: str) -> Kind:
    found = next((kind for kind in KINDS if kind == text.lower()), None)
    if found is None:
        raise ValueError(f"kind: unknown kind '{text[:70]}'{did_you_mean(text[:70], KINDS)}")
    return found


def _is_urgent(text: str) -> bool:
    if text.lower() in TRUE:
        return True
    if text.lower() in FALSE:
        return False
    raise ValueError(f"urgent: '{text[:70]}' is neither yes nor no")


def _day(text: str, today: date) -> date:
    """A day, or a moment of one, as ISO 8601 writes it. Other forms could mean two days."""
    if not text:
        return today
    with_offset = text[:-1] + "+00:00" if text.endswith(("Z", "z")) else text
    try:
        if not _DAY.match(text):
            raise ValueError
        moment = datetime.fromisoformat(with_offset)
        return (moment.astimezone(timezone.utc) if moment.tzinfo else moment).date()
    except (ValueError, OverflowError):
        raise ValueError(f"created: '{text[:70]}' is no day of the form 2026-10-31") from None
