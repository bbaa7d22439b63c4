"""Which records hit a version of a package. Pure.

Source: the OSV schema 1.7, "Evaluation", with versions ordered as PEP 440 has it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec
from packaging.version import InvalidVersion, Version

from pytest_devops_gates.advisories import osv
from pytest_devops_gates.advisories.osv import Affected, Event, Range, Record
from pytest_devops_gates.errors import CannotTell
from pytest_devops_gates.evidence import Severity

_FIRST = ("PYSEC-", "GHSA-", "CVE-", "MAL-")
"""Which of its ids names a vulnerability: the first kind of these that there is."""


class Vulnerability(msgspec.Struct, frozen=True):
    """One vulnerability of one version: all records of it together.

    ``aliases`` are its other ids, and ``fix`` is the version that mends it in all of them.
    ``is_vague`` says that no record of it tells which versions are vulnerable: any may be.
    """

    id: str
    aliases: tuple[str, ...]
    summary: str
    severity: Severity
    fix: str | None
    is_vague: bool = False


class _Hit(msgspec.Struct, frozen=True):
    record: Record
    severity: Severity
    fixes: tuple[Version, ...]
    is_vague: bool = False


def vulnerabilities(name: str, text: str, records: Iterable[Record]) -> list[Vulnerability]:
    """What is known of a version of a package, by its normalised name, records of the same
    vulnerability merged. Raises CannotTell for a version, or a record of the package, that cannot
    be understood."""
    version = _parse(text)
    if version is None:
        raise CannotTell(f"{name}: '{text[:60]}' is no version of PEP 440")
    version = Version(version.public)
    records = [record for record in records if not record.withdrawn]
    found = [hit for record in records if (hit := _hit(name, version, text, record))]
    # what one record leaves open, another one of the same vulnerability may tell
    told = [record.ids for record in records if not _is_vague(name, record)]
    sure = [h for h in found if not (h.is_vague and any(h.record.ids & ids for ids in told))]
    return sorted((_merged(group) for group in _groups(sure)), key=lambda one: one.id)


def _hit(name: str, version: Version, text: str, record: Record) -> _Hit | None:
    hits = []
    for affected in record.about(name):
        try:
            hit, fixes = is_affected(version, text, affected)
        except InvalidVersion as error:
            said = str(error)[:100]
            raise CannotTell(f"{record.id} cannot be compared with {name} {text}: {said}") from None
        if hit:
            hits.append((osv.severity(record, affected), fixes))
    is_vague = not hits and _is_vague(name, record)
    if is_vague:
        hits = [(osv.severity(record, affected), ()) for affected in record.about(name)]
    if not hits:
        return None
    worst = min((severity for severity, _ in hits), key=list(Severity).index)
    return _Hit(record, worst, tuple(fix for _, fixes in hits for fix in fixes), is_vague)


def _is_vague(name: str, record: Record) -> bool:
    """Whether a record of a package says of one of its entries not which versions it means."""
    return any(not (one.versions or _spans(one)) for one in record.about(name))


def _spans(affected: Affected) -> bool:
    """Whether there is a range of versions, and not of commits, in which anything can lie."""
    return any(
        one.type != "GIT" and any(event.introduced is not None for event in one.events)
        for one in affected.ranges or ()
    )


def is_affected(
    version: Version, text: str, affected: Affected
) -> tuple[bool, tuple[Version, ...]]:
    """Whether a version is vulnerable, and the versions that end the ranges in which it lies.

    A range that PEP 440 cannot order is left out where the vulnerable versions are listed; raises
    InvalidVersion where they are not.
    """
    listed = text in (affected.versions or ()) or any(
        _parse(one) == version for one in affected.versions or ()
    )
    inside, fixes = listed, []
    for one in affected.ranges or ():
        if one.type == "GIT":
            continue
        try:
            hit, fix = in_range(version, one)
        except InvalidVersion:
            if affected.versions:
                continue
            raise
        inside = inside or hit
        if hit and fix:
            fixes.append(fix)
        elif listed and not hit:  # what is listed and not in its range: the next fix all the same
            fixes += [f for f in _fixes(one.events) if f > version][:1]
    return inside, tuple(fixes)


def in_range(version: Version, one: Range) -> tuple[bool, Version | None]:
    """Whether a version lies in a range, and the fix that ends it. Raises InvalidVersion."""
    limits = [event.limit for event in one.events if event.limit is not None]
    if limits and all(limit != "*" and version >= Version(limit) for limit in limits):
        return False, None
    inside = False
    for at, starts, event in _ordered(one.events):
        if at is not None and (version < at or (event.last_affected and version == at)):
            continue
        inside = starts
    fix = next((f for f in _fixes(one.events) if f > version), None)
    return inside, fix if inside else None


def _ordered(events: Sequence[Event]) -> list[tuple[Version | None, bool, Event]]:
    """The events by version, with whether each begins a range. ``introduced: "0"`` (None) comes
    before all; where a range ends and one begins at the same version, the end comes first."""
    found: list[tuple[Version | None, bool, Event]] = []
    for event in events:
        if event.introduced is not None:
            start = None if event.introduced == "0" else Version(event.introduced)
            found.append((start, True, event))
        elif (end := event.fixed or event.last_affected) is not None:
            found.append((Version(end), False, event))
    none = Version("0.dev0")
    return sorted(found, key=lambda one: (one[0] is not None, one[0] or none, one[1]))


def _fixes(events: Sequence[Event]) -> list[Version]:
    return sorted(Version(event.fixed) for event in events if event.fixed)


def _groups(hits: Sequence[_Hit]) -> list[list[_Hit]]:
    """Those together that name each other, directly or through others."""
    groups: list[tuple[frozenset[str], list[_Hit]]] = []
    for hit in hits:
        ids, members = hit.record.ids, [hit]
        for group in [group for group in groups if group[0] & ids]:
            groups.remove(group)
            ids, members = ids | group[0], [*group[1], *members]
        groups.append((ids, members))
    return [members for _, members in groups]


def _merged(hits: Sequence[_Hit]) -> Vulnerability:
    ordered = sorted(hits, key=lambda hit: _rank(hit.record.id))
    texts = [h.record.summary or "" for h in ordered] + [h.record.details or "" for h in ordered]
    fixes = [max(hit.fixes) for hit in hits if hit.fixes]
    own, others = named(frozenset().union(*(hit.record.ids for hit in hits)))
    return Vulnerability(
        id=own,
        aliases=others,
        summary=in_short(next((text for text in texts if text.strip()), "")),
        severity=min((hit.severity for hit in hits), key=list(Severity).index),
        fix=str(max(fixes)) if fixes else None,
        is_vague=all(hit.is_vague for hit in hits),
    )


def named(ids: Iterable[str]) -> tuple[str, tuple[str, ...]]:
    """Which of its ids names a vulnerability, and the others, that first which people know."""
    own = min(ids, key=_rank)
    return own, tuple(sorted((one for one in ids if one != own), key=_as_told))


def in_short(text: str) -> str:
    """The beginning of a text in one line, cut to 160 characters."""
    line = " ".join(text[:2_000].split()).rstrip(".")
    return line if len(line) <= 160 else line[:159] + "…"


def _rank(known: str) -> tuple[int, str]:
    kinds = (at for at, kind in enumerate(_FIRST) if known.startswith(kind))
    return next(kinds, len(_FIRST)), known


def _as_told(known: str) -> tuple[bool, tuple[int, str]]:
    """The other ids with the one first that people know it by."""
    return not known.startswith("CVE-"), _rank(known)


def _parse(text: str) -> Version | None:
    try:
        return Version(text)
    except InvalidVersion:
        return None
