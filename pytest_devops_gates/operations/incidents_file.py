"""``devops-gates/incidents.toml``: the incidents that people wrote down, or a roll-out did."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import msgspec

from pytest_devops_gates import committed, toml_tables
from pytest_devops_gates.config import load_toml
from pytest_devops_gates.decode import decode
from pytest_devops_gates.errors import UsageError, did_you_mean
from pytest_devops_gates.evidence import Severity
from pytest_devops_gates.incident import Incident

FILE = "devops-gates/incidents.toml"
TABLE = "incident"
EMPTY = "# What went wrong in production, and what came of it: see the gate incidents\n"

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_OWN_ID = re.compile(r"I-([1-9][0-9]{0,8})")
_SKEW = timedelta(days=1)


class Entry(msgspec.Struct, frozen=True, rename="kebab", kw_only=True):
    """``[[incident]]`` as it is written. Times without an offset are UTC."""

    id: str
    title: str
    severity: Severity
    started: datetime
    ended: datetime | None = None
    environment: str | None = None
    deployment: str | None = None
    follow_up: str | None = None
    url: str | None = None


class IncidentsFile(msgspec.Struct, frozen=True):
    """All of the file, in its order. ``lines`` are where each incident begins."""

    incidents: tuple[Incident, ...] = ()
    lines: tuple[int, ...] = ()

    def next_id(self) -> str:
        """An id that no incident has."""
        known = [int(found[1]) for one in self.incidents if (found := _OWN_ID.fullmatch(one.id))]
        return f"I-{max(known, default=0) + 1}"


def found(root: Path) -> bytes | None:
    """The project's file; None where there is none. Raises UsageError when it cannot be read."""
    return committed.found(root, FILE)


def read(data: bytes, now: datetime) -> IncidentsFile:
    """What the file holds. Raises UsageError, with the line, for anything that is wrong in it."""
    whole = load_toml(data, FILE)
    for key in whole:
        if key != TABLE:
            raise UsageError(f"{FILE}: unknown key '{key[:70]}'{did_you_mean(key[:70], [TABLE])}")
    tables = whole.get(TABLE, [])
    places = toml_tables.places(data.decode(), [TABLE])
    if not isinstance(tables, list) or len(tables) != len(places):
        raise UsageError(f"{FILE}: write each incident as a table of its own: [[{TABLE}]]")
    incidents: dict[str, Incident] = {}
    for raw, place in zip(tables, places, strict=True):
        where = f"{FILE}:{place.line}: {TABLE}"
        entry: Entry = decode(Entry, raw, where)
        if wrong := _flaw(entry, now):
            raise UsageError(f"{where}.{wrong}")
        if entry.id in incidents:
            raise UsageError(f"{where}.id: '{entry.id}' is there twice; give it another one")
        incidents[entry.id] = _incident(entry)
    return IncidentsFile(tuple(incidents.values()), tuple(place.line for place in places))


def appended(data: bytes, one: Incident, now: datetime) -> bytes:
    """The file with one incident more. Raises UsageError where it would not be read."""
    before = read(data, now)
    fields = {name: getattr(one, name) for name in Entry.__struct_fields__}
    values = {_key(name): _written(name, value) for name, value in fields.items() if value}
    after = toml_tables.with_table((data or EMPTY.encode()).decode(), TABLE, values).encode()
    return _as_meant(after, (*before.incidents, one), now)


def changed(data: bytes, changes: Mapping[str, Mapping[str, str]], now: datetime) -> bytes:
    """The file with other values of some fields (``ended``, ``follow_up`` …), by the incidents'
    ids. Raises UsageError for an id that there is not, and where it would not be read."""
    incidents = {one.id: one for one in read(data, now).incidents}
    text = data.decode()
    for name, values in changes.items():
        if name not in incidents:
            raise UsageError(f"{FILE}: there is no '{name}'{did_you_mean(name, incidents)}")
        place = toml_tables.places(text, [TABLE])[list(incidents).index(name)]
        written = {_key(field): _written(field, value) for field, value in values.items()}
        text = toml_tables.with_values(text, place, written)
        incidents[name] = msgspec.structs.replace(incidents[name], **values)
    return _as_meant(text.encode(), tuple(incidents.values()), now)


def _flaw(entry: Entry, now: datetime) -> str | None:
    """What is wrong with an entry: its key and why."""
    if not _ID.fullmatch(entry.id):
        return f"id: {entry.id[:70]!r} is not of letters, digits and '._-' alone"
    if not entry.title.strip():
        return "title: says nothing"
    for key in ("started", "ended"):
        moment = getattr(entry, key)
        try:
            is_to_come = moment and _utc(moment) > now + _SKEW
        except OverflowError:
            return f"{key}: {moment} is no time in UTC"
        if is_to_come:
            return f"{key}: {moment} is yet to come"
    if entry.ended and _utc(entry.ended) < _utc(entry.started):
        return f"ended: {entry.ended} is before {entry.started}, when it started"
    return None


def _incident(entry: Entry) -> Incident:
    fields: dict[str, Any] = {name: getattr(entry, name) for name in Entry.__struct_fields__}
    for key in ("started", "ended"):
        fields[key] = f"{_utc(fields[key]):%Y-%m-%dT%H:%M:%SZ}" if fields[key] else None
    return Incident(**fields, source="file")


def _utc(moment: datetime) -> datetime:
    return (moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).astimezone(
        timezone.utc
    )


def _key(field: str) -> str:
    return field.replace("_", "-")


def _written(field: str, value: str) -> str | date:
    if field in ("started", "ended"):
        return datetime.fromisoformat(value.replace("Z", "+00:00"))
    return value.value if isinstance(value, Severity) else value


def _as_meant(data: bytes, incidents: tuple[Incident, ...], now: datetime) -> bytes:
    if read(data, now).incidents != incidents:
        raise UsageError(f"{FILE}: it would not be read as it was meant; write it by hand")
    return data
