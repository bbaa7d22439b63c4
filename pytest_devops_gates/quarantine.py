"""Tests in quarantine: they run as all others do, and for a time their failures are told and do not
count. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping

import msgspec

FILE = "devops-gates/quarantine.toml"


class Quarantined(msgspec.Struct, frozen=True):
    """A test that is known to fail now and then: its id, a file with all of its tests, or an id
    with ``*`` for any text behind the file. Days are those of UTC; the last one is included."""

    test: str
    owner: str
    reason: str
    created: str
    expires: str
    ticket: str = ""


Holder = Callable[[str], Quarantined | None]
"""The entry that names a test, if one does."""

NO_PATHS: Mapping[str, str] = {}


def holder(
    entries: Iterable[Quarantined],
    old_paths: Mapping[str, str] = NO_PATHS,
    touched: Collection[str] = (),
) -> Holder:
    """Tells which entry names a test. ``old_paths`` are the paths that renamed files had before.

    What is in a file that the change has ``touched`` is in no quarantine: it may be another test
    than the one that was put there, and whoever changes it answers for it.
    """
    by_file: dict[str, list[Quarantined]] = {}
    for entry in entries:
        by_file.setdefault(file_of(entry.test), []).append(entry)
    if not by_file:
        return nobody

    def held(test: str) -> Quarantined | None:
        file = file_of(test)
        if file in touched:
            return None
        before = old_paths.get(file)
        names = [(file, test)] + ([(before, before + test[len(file) :])] if before else [])
        return next(
            (
                entry
                for path, name in names
                for entry in by_file.get(path, ())
                if takes(entry.test, name)
            ),
            None,
        )

    return held


def nobody(test: str) -> Quarantined | None:
    """For a run without a quarantine."""
    return None


def takes(pattern: str, test: str) -> bool:
    """Whether what an entry names has a test in it, or all that another entry names: a ``*`` there
    is taken by none but a ``*`` here."""
    return _fits(_within_file(pattern), _within_file(test))


def file_of(test: str) -> str:
    """The file of a test, or of a pattern."""
    return test.partition("::")[0]


def _within_file(pattern: str) -> str:
    return pattern if "::" in pattern else f"{pattern}::*"


def _fits(pattern: str, text: str) -> bool:
    """Without a regular expression, whose time could grow beyond all bounds."""
    first, *others = pattern.split("*")
    if not others:
        return pattern == text
    *between, last = others
    at, end = len(first), len(text) - len(last)
    if at > end or not text.startswith(first) or not text.endswith(last):
        return False
    for part in between:
        found = text.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return True
