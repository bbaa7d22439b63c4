"""What is read of ruff's JSON, and what it tells of the rules."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from pytest_devops_gates.evidence import Rule

_SAYS = "The source is no Python that ruff can read."
_HELP = "Mend the syntax there: until then no other rule is checked in this file."
LINT_RULES = tuple(Rule(name, _SAYS, _HELP) for name in ("invalid-syntax", "syntax-error"))
"""What ruff lists without a page of its own. A violation without a code is a syntax-error."""

FORMAT_RULES = (
    Rule(
        "unformatted",
        "The file is not formatted as `ruff format` formats it.",
        "`ruff format` mends it; `# fmt: skip` at the end of a statement keeps that as it is.",
        "https://docs.astral.sh/ruff/formatter/",
    ),
)
_OWN = {rule.id for rule in (*LINT_RULES, *FORMAT_RULES)}

_MENDS = {
    "safe": "`ruff check --fix` mends it where it can do so safely.",
    "unsafe": "`ruff check --fix --unsafe-fixes` mends it, and may change what the code does.",
}
"""By the applicability of a fix, the better ones first; what is for display only is none."""


class Place(msgspec.Struct):
    row: int | None = None
    column: int | None = None


class Fix(msgspec.Struct):
    applicability: str | None = None


class Entry(msgspec.Struct):
    """One violation. Source: ruff's ``--output-format=json``. ruff 0.14 gives no ``name``."""

    code: str | None
    filename: str | None
    message: str
    location: Place | None = None
    end_location: Place | None = None
    name: str | None = None
    url: str | None = None
    fix: Fix | None = None


def rules(entries: Iterable[Entry]) -> list[Rule]:
    """What the entries tell of the rules that they name, each rule once."""
    first: dict[str, Entry] = {}
    fixes: dict[str, set[str]] = {}
    for entry in entries:
        if entry.code is None or entry.code in _OWN:
            continue
        first.setdefault(entry.code, entry)
        if entry.fix and entry.fix.applicability:
            fixes.setdefault(entry.code, set()).add(entry.fix.applicability)
    return [_rule(code, entry, fixes.get(code, set())) for code, entry in first.items()]


def _rule(code: str, entry: Entry, fixes: set[str]) -> Rule:
    mends = next((said for kind, said in _MENDS.items() if kind in fixes), "")
    help_ = f"`ruff rule {code}` explains it, with examples. {mends}".rstrip()
    return Rule(code, says=_says(entry), help=help_, uri=entry.url or "")


def _says(entry: Entry) -> str:
    """``undefined name``, of the rule's name or of the last part of its page's address."""
    name = entry.name or (entry.url or "").rstrip("/").rpartition("/")[2]
    return name.replace("-", " ")
