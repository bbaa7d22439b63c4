"""A file of TOML tables (``[[item]]``) as text: where they stand, so that one can be changed, or
one more written, while all else stays as it is. Pure.

A table is changed by tomlkit, which keeps comments; it is given that table alone, since it puts
tables of two kinds that take turns into another order.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from functools import lru_cache
from typing import Any

import msgspec

from pytest_devops_gates.waiver_text import quoted

Value = str | bool | date | datetime | Sequence[str]


class Place(msgspec.Struct, frozen=True):
    """Where a table stands: its text from ``start`` to ``end``, behind its last value; ``line`` is
    that of its header."""

    name: str
    start: int
    end: int
    line: int


def places(text: str, names: Collection[str]) -> tuple[Place, ...]:
    """The tables of these names, in the order in which they stand. ``text`` is sound TOML."""
    headers = [part for part in _parts(tuple(names)).finditer(text) if part["name"]]
    starts = [header.start() for header in headers]
    found, line = [], 1
    for header, before, end in zip(headers, [0, *starts], [*starts[1:], len(text)], strict=False):
        start = header.start()
        line += text.count("\n", before, start)
        found.append(Place(header["name"], start, _end_of_values(text, start, end), line))
    return tuple(found)


def with_values(text: str, place: Place, values: Mapping[str, Value | None]) -> str:
    """The text with other values of some keys in one table; None takes a key away."""
    import tomlkit

    before = text[place.start : place.end]
    line_end = newline(before)
    is_ended = before.endswith("\n")
    document: Any = tomlkit.parse(before.replace("\r\n", "\n") + "\n" * (not is_ended))
    table = document[place.name][0]
    for key, value in values.items():
        if value is None:
            table.pop(key, None)
        else:
            table[key] = tomlkit.parse(f"value = {toml(value)}\n")["value"]
    after = tomlkit.dumps(document) if is_ended else tomlkit.dumps(document)[:-1]
    return text[: place.start] + after.replace("\n", line_end) + text[place.end :]


def with_table(text: str, name: str, values: Mapping[str, Value], at: int | None = None) -> str:
    """The text with one table more, ``at`` a place between others or else behind all of them."""
    line_end = newline(text)
    lines = [f"[[{name}]]", *(f"{key} = {toml(value)}" for key, value in values.items())]
    table = "".join(line + line_end for line in lines)
    at = len(text) if at is None else at
    before, after = text[:at], text[at:]
    if before and not before.endswith("\n"):
        before += line_end
    between = line_end if before and not before.endswith(line_end * 2) else ""
    behind = line_end if after and not after.startswith(("\n", "\r\n")) else ""
    return before + between + table + behind + after


def toml(value: Value) -> str:
    """A value in TOML. Raises UsageError for what no UTF-8 can hold."""
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%dT%H:%M:%SZ}"
    if isinstance(value, (bool, date)):
        return str(value).lower()
    return f"[{', '.join(map(quoted, value))}]"


def newline(text: str) -> str:
    """How the lines of a text end."""
    return "\r\n" if "\r\n" in text else "\n"


@lru_cache(maxsize=16)
def _parts(names: tuple[str, ...]) -> re.Pattern[str]:
    """Strings and comments, in which a header is none, and headers."""
    return re.compile(
        r'"""(?:\\.|[^\\])*?"""(?!")'
        r"|'''.*?'''(?!')"
        r'|"(?:\\.|[^"\\\n])*"'
        r"|'[^'\n]*'"
        r"|\#[^\n]*"
        rf"|^[ \t]*\[\[[ \t]*(?P<name>{'|'.join(map(re.escape, names))})[ \t]*\]\]",
        re.DOTALL | re.MULTILINE,
    )


def _end_of_values(text: str, start: int, end: int) -> int:
    """Where a table's last value ends, without the blank lines and comments behind it."""
    lines = text[start:end].splitlines(keepends=True)
    while lines and (not lines[-1].strip() or lines[-1].lstrip().startswith("#")):
        lines.pop()
    return start + sum(map(len, lines))
