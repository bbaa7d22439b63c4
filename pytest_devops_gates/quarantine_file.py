"""``devops-gates/quarantine.toml``: read strictly. An entry that is wrong in any way holds nothing,
and is itself a finding."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import msgspec

from pytest_devops_gates import committed
from pytest_devops_gates.evidence import Confidence, Evidence, Finding, Rule, Severity
from pytest_devops_gates.quarantine import FILE, Quarantined, file_of, takes
from pytest_devops_gates.waiver_file import tables
from pytest_devops_gates.waiver_flaws import (
    DATES,
    SHOWN,
    Flaw,
    Rules,
    day,
    is_text,
    of_dates,
    of_keys,
)

TABLE = "quarantine"
NEEDED = ("test", "owner", "reason", *DATES)
KEYS = (*NEEDED, "ticket")

_MEND = "Mend what the message names in devops-gates/quarantine.toml, or take the entry out."
_SAYS = {
    "expired": "A quarantine is over: the test's failures count again.",
    "unmatched": "A quarantine names no test that there is.",
    "too-wide": "A quarantine is not bound to one file.",
    "too-long": "A quarantine holds for more than 90 days.",
    "duplicate": "Two entries name the same test.",
    "malformed": "An entry of the quarantine cannot be read.",
    **{f"without-{key}": f"An entry of the quarantine has no {key}." for key in NEEDED},
}
RULES = tuple(Rule(f"{TABLE}-{what}", says, _MEND) for what, says in _SAYS.items())


class QuarantineFile(msgspec.Struct, frozen=True):
    """What holds, with the lines of it by the tests that are named, and what is wrong with the
    rest."""

    entries: tuple[Quarantined, ...] = ()
    problems: tuple[Finding, ...] = ()
    lines: dict[str, int] = {}


def found(root: Path) -> bytes | None:
    """The project's file; None where there is none. Raises UsageError when it cannot be read."""
    return committed.found(root, FILE)


def read(data: bytes, today: date, name: str = FILE) -> QuarantineFile:
    """What a file holds; ``name`` is what it is called in errors.

    Raises UsageError, with the line, for what is no such file.
    """
    seen: dict[str, int] = {}
    entries, problems = [], []
    for raw, line in zip(*tables(data, name, TABLE), strict=True):
        wrong = list(_flaws(raw, today))
        test = raw.get("test")
        if isinstance(test, str) and test in seen:
            told = f"the entry in line {seen[test]} names the same: take one of them out"
            wrong.append(("duplicate", told))
        problems += [_problem(what, f"{_called(raw)}: {told}", line) for what, told in wrong]
        if isinstance(test, str):
            seen.setdefault(test, line)
        if not wrong:
            days = {key: str(day(raw[key])) for key in DATES}
            entries.append(msgspec.convert({**raw, **days}, Quarantined))
    lines = {entry.test: seen[entry.test] for entry in entries}
    return QuarantineFile(tuple(entries), tuple(problems), lines)


def unmatched(
    file: QuarantineFile, tests: Evidence | None, files: Collection[str]
) -> Iterator[Finding]:
    """The entries that name no test. ``files`` are the project's: that a test is not there can be
    told of one without a file, and of all once every test was seen to run."""
    ran = tests.ran if tests else ()
    is_whole = bool(
        tests and ran and tests.unknown is None and not tests.metrics.get("deselected", 0)
    )
    held = {entry.test for test in ran for entry in file.entries if takes(entry.test, test.id)}
    for entry in file.entries:
        path = file_of(entry.test)
        if entry.test not in held and (is_whole or path not in files):
            why = "no test is called so" if path in files else f"there is no file {path[:SHOWN]}"
            called = _called({"test": entry.test})
            told = f"{called}: {why}; name the one that is meant, or remove it"
            yield _problem("unmatched", told, file.lines[entry.test])


def _problem(what: str, message: str, line: int) -> Finding:
    return Finding(f"{TABLE}-{what}", message, Severity.HIGH, Confidence.HIGH, FILE, line)


def _flaws(raw: Mapping[str, Any], today: date) -> Iterator[Flaw]:
    yield from of_keys(raw, KEYS, NEEDED)
    yield from of_dates(raw, Rules((), today))
    test = raw.get("test")
    if is_text(test) and not _is_in_one_file(str(test)):
        yield "too-wide", "it must begin with the path of one file: tests/test_app.py::test_it*"


def _is_in_one_file(test: str) -> bool:
    """Whether what is named lies in one file, which is told as pytest tells it."""
    file = file_of(test)
    return is_text(file) and "*" not in file and not file.endswith("/")


def _called(raw: Mapping[str, Any]) -> str:
    test = raw.get("test")
    if not is_text(test):
        return "a quarantine of no test"
    return f"the quarantine of {str(test)[:SHOWN]}"
