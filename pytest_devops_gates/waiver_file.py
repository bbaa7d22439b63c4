"""``devops-gates/waivers.toml``: read strictly, and added to."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from pathlib import Path
from typing import Any

import msgspec

from pytest_devops_gates import committed, disk
from pytest_devops_gates.config import load_toml
from pytest_devops_gates.errors import UsageError, did_you_mean
from pytest_devops_gates.evidence import Finding
from pytest_devops_gates.verdict import Waiver
from pytest_devops_gates.waiver_flaws import DATES, KEYS, LONGEST, SHOWN, Rules, day, flaws
from pytest_devops_gates.waiver_text import header_lines, line_of_key, table
from pytest_devops_gates.waivers import FILE, problem


class WaiverFile(msgspec.Struct, frozen=True):
    """What holds, and what is wrong with the rest: a waiver with a problem waives nothing.

    ``lines`` are the lines of those that hold, by their ids; ``tables`` is all of the file.
    """

    waivers: tuple[Waiver, ...] = ()
    problems: tuple[Finding, ...] = ()
    lines: dict[str, int] = {}
    tables: tuple[dict[str, Any], ...] = ()


def found(root: Path) -> bytes | None:
    """The project's file; None where there is none. Raises UsageError when it cannot be read."""
    return committed.found(root, FILE)


def read(
    data: bytes, name: str, known_gates: Collection[str], today: date, longest_days: int = LONGEST
) -> WaiverFile:
    """What a file holds; ``name`` is what it is called in errors.

    Raises UsageError, with the line, for what is no such file.
    """
    raw_tables, lines = tables(data, name, "waiver")
    rules = Rules(known_gates, today, longest_days)
    seen: dict[str, int] = {}
    waivers, problems, places = [], [], {}
    for raw, line in zip(raw_tables, lines, strict=True):
        wrong = list(flaws(raw, rules))
        if isinstance(said := raw.get("id"), str) and said:
            if said in seen:
                told = f"the waiver in line {seen[said]} has the same id: give it another one"
                wrong.append(("duplicate-id", told))
            seen.setdefault(said, line)
        problems += [problem(what, f"{_called(raw)}: {told}", line) for what, told in wrong]
        if not wrong:
            dates = {key: str(day(raw[key])) for key in DATES}
            waiver = msgspec.convert({**raw, **dates}, Waiver)
            waivers.append(waiver)
            places[waiver.id] = line
    return WaiverFile(tuple(waivers), tuple(problems), places, tuple(raw_tables))


def selectors(file: WaiverFile) -> tuple[Waiver, ...]:
    """All that a file names, the waivers that do not hold any more too: what was waived once is not
    taken for old when its waiver ends."""
    keys = ("gate", "rule", "path", "fingerprint")
    tables = (
        {key: raw[key] for key in keys if isinstance(raw.get(key), str)} for raw in file.tables
    )
    return tuple(
        Waiver(id="", reason="", owner="", created="", expires="", **told)
        for told in tables
        if "gate" in told and len(told) > 1
    )


def add(root: Path, waiver: Waiver, known_gates: Collection[str], today: date) -> None:
    """Append a waiver to the project's file; what stands there already stays as it is.

    Raises UsageError, and leaves the file alone, where the waiver would not hold.
    """
    path = root / FILE
    before = found(root) or b""
    after = appended(before, waiver)
    old, new = (read(data, FILE, known_gates, today) for data in (before, after))
    if wrong := new.problems[len(old.problems) :]:
        raise UsageError(wrong[0].message)
    if new.waivers != (*old.waivers, waiver):
        raise UsageError(f"{FILE}: the waiver would not be read as it was meant; add it by hand")
    if path.is_symlink():
        raise UsageError(f"{FILE} is a link: add the waiver where it leads to")
    try:
        path.parent.mkdir(exist_ok=True)
        disk.write(path, after.decode())
    except OSError as error:
        raise UsageError(f"{FILE} cannot be written: {error.strerror}") from None


def appended(data: bytes, waiver: Waiver) -> bytes:
    """The bytes of a file, and a waiver after them. Raises UsageError (see waiver_text.table)."""
    newline = "\r\n" if b"\r\n" in data else "\n"
    between = newline * 2 if data and not data.endswith(b"\n") else newline if data else ""
    return data + (between + table(waiver, newline)).encode()


def tables(data: bytes, name: str, key: str) -> tuple[list[dict[str, Any]], list[int]]:
    """The tables of a file that holds none but ``[[key]]``, and the line of each; ``name`` is what
    the file is called in errors. Raises UsageError, with the line, for what is no such file."""
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UsageError(f"{name}:{line}: not UTF-8; save it as UTF-8") from None
    whole = load_toml(data, name)
    for other in whole:
        if other != key:
            near = did_you_mean(other[:SHOWN], [key])
            line = line_of_key(text, other)
            raise UsageError(f"{name}:{line}: unknown key '{other[:SHOWN]}'{near}")
    found, lines = whole.get(key, []), header_lines(text, key)
    if not isinstance(found, list) or len(found) != len(lines):
        line = line_of_key(text, key)
        raise UsageError(f"{name}:{line}: write each {key} as a table of its own: [[{key}]]")
    return found, lines


def _called(raw: dict[str, Any]) -> str:
    name = raw.get("id")
    if isinstance(name, str) and name:
        return f"the waiver '{name[:SHOWN]}'"
    told = ", ".join(f"{k} {raw[k]!r:.60}" for k in KEYS if k in raw and k not in DATES)
    return f"a waiver without an id ({told})" if told else "a waiver without an id"
