"""What may be wrong with a single waiver. Pure.

One that is wrong in any way waives nothing.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date
from typing import Any

import msgspec

from pytest_devops_gates.errors import did_you_mean

LONGEST = 90
"""Days from ``created`` to ``expires``, if nobody says otherwise."""

DATES = ("created", "expires")
KEYS = ("id", "gate", "rule", "path", "fingerprint", "reason", "owner", "ticket", *DATES)
NEEDED = ("id", "gate", "reason", "owner", *DATES)

TOO_WIDE = (
    "it would hold back everything: it needs a fingerprint, a rule without wildcards,"
    " or a path that names a file or a folder"
)

SHOWN = 100
"""Characters of an id or of a key that are shown, and that an id may have."""

SHORTEST = 12
"""Digits of a fingerprint that a waiver has to give."""

_ID = re.compile(rf"[\w.:/#@+-]{{1,{SHOWN}}}")
_FINGERPRINT = re.compile(rf"[0-9a-f]{{{SHORTEST},32}}", re.IGNORECASE)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_SET = re.compile(r"\[!?\]?[^]]*\]")
_WILDCARDS = re.compile(r"[*?\[]")
_LITERAL = 3
"""Characters in a row by which a name with wildcards still names something."""

Flaw = tuple[str, str]
"""What kind it is, and what to do about it."""


class Rules(msgspec.Struct, frozen=True):
    """What a waiver is held against. ``longest`` is in days."""

    gates: Collection[str]
    today: date
    longest: int = LONGEST


def flaws(raw: Mapping[str, Any], rules: Rules) -> Iterator[Flaw]:
    """All that is wrong with a waiver as it stands in the file."""
    yield from of_keys(raw, KEYS, NEEDED)
    yield from _of_words(raw, rules.gates)
    yield from of_dates(raw, rules)
    yield from _of_selectors(raw)


def is_text(value: object) -> bool:
    """Whether a value says anything: a string with a letter or a digit in it."""
    return isinstance(value, str) and re.search(r"[^\W_]", value) is not None


def day(value: object) -> date | None:
    """The day that TOML's local date or a string like ``2026-01-31`` means; None for all else."""
    if type(value) is date:  # a datetime is a date too
        return value
    if not isinstance(value, str) or not _DATE.fullmatch(value):
        return None
    try:
        return date.fromisoformat(value)
    except ValueError:
        return None


def of_keys(raw: Mapping[str, Any], keys: Sequence[str], needed: Sequence[str]) -> Iterator[Flaw]:
    """What is wrong with the keys of an entry, all of whose values are texts but for the days."""
    for key, value in raw.items():
        if key not in keys:
            yield "malformed", f"unknown key '{key[:SHOWN]}'{did_you_mean(key[:SHOWN], keys)}"
        elif key not in DATES and not isinstance(value, str):
            yield "malformed", f"{key} must be a string: write it in quotes"
    for key in needed:
        if key not in raw or _is_blank(raw[key]):
            yield f"without-{key}", f"it has no {key}: add one"


def _is_blank(value: object) -> bool:
    return isinstance(value, str) and not is_text(value)


def _of_words(raw: Mapping[str, Any], gates: Collection[str]) -> Iterator[Flaw]:
    name, gate = raw.get("id"), raw.get("gate")
    if is_text(name) and not _ID.fullmatch(str(name)):
        told = f"letters, digits and .:/#@+-, {SHOWN} characters at most, and no blank"
        yield "malformed", f"its id must be of {told}"
    if is_text(gate) and gate not in gates:
        told = str(gate)[:SHOWN]
        yield "unknown-gate", f"there is no gate '{told}'{did_you_mean(told, gates)}"


def of_dates(raw: Mapping[str, Any], rules: Rules) -> Iterator[Flaw]:
    """What is wrong with the days between which an entry holds."""
    for key in DATES:
        if key in raw and day(raw[key]) is None and not _is_blank(raw[key]):
            yield "malformed", f"{key} must be a day like {rules.today}"
    created, expires = day(raw.get("created")), day(raw.get("expires"))
    if created and created > rules.today:
        yield "malformed", f"it was created on {created}, which is yet to come"
    if expires and expires < rules.today:
        yield "expired", f"it ended on {expires}: mend what it held back, and remove it"
    if created and expires and expires < created:
        yield "malformed", f"it ends on {expires}, before it was created on {created}"
    if created and expires and (expires - created).days > rules.longest:
        told = f"{(expires - created).days} days, more than {rules.longest}"
        yield "too-long", f"it holds for {told}: let it end sooner"


def _of_selectors(raw: Mapping[str, Any]) -> Iterator[Flaw]:
    rule, path, fingerprint = (raw.get(key) for key in ("rule", "path", "fingerprint"))
    for key in ("rule", "path"):
        if raw.get(key) == "":
            yield "malformed", f"{key} is empty: leave it out"
    if isinstance(fingerprint, str):
        if not _FINGERPRINT.fullmatch(fingerprint):
            told = f"{SHORTEST} hexadecimal digits of one, or all 32"
            yield "malformed", f"fingerprint must be {told}"
    elif not _is_one_rule(rule) and not _is_narrow(path):
        yield "too-wide", TOO_WIDE


def _is_one_rule(rule: object) -> bool:
    return is_text(rule) and not _WILDCARDS.search(str(rule))


def _is_narrow(path: object) -> bool:
    """Whether a path names a file or a folder, and not just any, or any of a kind (``*.py``)."""
    return isinstance(path, str) and any(map(_is_name, _SET.sub("*", path).split("/")))


def _is_name(part: str) -> bool:
    if not _WILDCARDS.search(part):
        return part.strip(". ") != ""
    stem = part.rpartition(".")[0] or part.partition(".")[0]
    return any(len(literal) >= _LITERAL for literal in re.split(r"[*?\[]+", stem))
