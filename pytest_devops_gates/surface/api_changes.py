"""What is other in a public API than at the last release, and which version that needs. Pure."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Iterator, Sequence

import msgspec
from packaging.version import Version

from pytest_devops_gates import schemes
from pytest_devops_gates.evidence import Finding, Severity
from pytest_devops_gates.schemes import Scheme

BUMP, MINOR, REMOVED = "bump-needed", "minor-needed", "object-removed"
NAMED = 3
"""Additions that a message names; all are counted."""

LONGEST = 300
"""Characters of what is said of one change."""


class Change(msgspec.Struct, frozen=True):
    """One way in which an object is not what its users know.

    ``kind`` is griffe's word for it, ``name`` the dotted path of the object, ``said`` what became
    of it, or of its parameters, which are ``items``. ``path`` and ``line`` are where it stands now,
    as far as it does. ``thing`` is the path of what a name that is gone stood for.
    """

    kind: str
    name: str
    said: str
    items: tuple[str, ...] = ()
    path: str | None = None
    line: int | None = None
    thing: str = ""

    def finding(self) -> Finding:
        told = ": ".join([self.name, self.said, *filter(None, [", ".join(self.items)])])
        message = told if len(told) <= LONGEST else told[: LONGEST - 1] + "…"
        return Finding(self.kind, message, Severity.INFO, path=self.path, line=self.line)


class Comparison(msgspec.Struct, frozen=True):
    """All breaking changes, and the names of what is new. ``examined`` counts the sources read."""

    breaking: tuple[Change, ...]
    added: tuple[str, ...]
    examined: int

    def without(self, exclude: Sequence[str], allow: Sequence[str]) -> Comparison:
        """The same without objects that a pattern of ``exclude`` fits, and kinds of ``allow``."""
        return msgspec.structs.replace(
            self,
            breaking=tuple(
                change
                for change in self.breaking
                if change.kind not in allow and not excluded(change.name, exclude)
            ),
            added=tuple(name for name in self.added if not excluded(name, exclude)),
        )


class Bump(msgspec.Struct, frozen=True):
    """What there is to judge a version by: the last release, its scheme, the version that is to
    come (None: not known yet), where that is stated, and whether this is to be released now."""

    tag: str
    last: Version
    scheme: Scheme
    version: Version | None
    release: bool
    path: str | None = None
    line: int | None = None

    @property
    def is_raised(self) -> bool:
        return bool(self.version and schemes.suffices(self.version, schemes.patched(self.last)))

    def needed(self, *, breaking: bool, added: bool) -> Version | None:
        """The lowest version that would do, where the one to come does not or is not known."""
        least = schemes.needed(self.last, self.scheme, breaking=breaking, added=added)
        if least is None or (self.version and schemes.suffices(self.version, least)):
            return None
        return least


def judge(found: Comparison, bump: Bump) -> Iterator[Finding]:
    """One finding at most on the version, and each breaking change for the record.

    Between releases a version that nobody has raised yet is told of, and not worse.
    """
    if least := bump.needed(breaking=bool(found.breaking), added=False):
        severe = bump.release or bump.is_raised
        what = counted(len(found.breaking), "breaking change")
        message = _said(what, len(found.breaking), least, bump)
        severity = Severity.HIGH if severe else Severity.MEDIUM
        yield Finding(BUMP, message, severity, path=bump.path, line=bump.line)
    elif least := bump.needed(breaking=False, added=bool(found.added)):
        names = ", ".join(found.added[:NAMED]) + (", …" if len(found.added) > NAMED else "")
        what = f"{counted(len(found.added), 'addition')} ({names})"
        message = _said(what, len(found.added), least, bump)
        yield Finding(MINOR, message, Severity.MEDIUM, path=bump.path, line=bump.line)
    yield from (change.finding() for change in found.breaking)


def _said(what: str, count: int, least: Version, bump: Bump) -> str:
    version = f"the version is {bump.version}" if bump.version else "the tag is still to come"
    verb = "needs" if count == 1 else "need"
    return f"{what} since {bump.tag} {verb} {least} by {bump.scheme}, and {version}"


def counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def merged(changes: Iterable[Change]) -> tuple[Change, ...]:
    """One change for each object and kind, by path and line.

    Parameters of which the same is said stand in one; what is gone under several names is told of
    under the shortest of them.
    """
    together: dict[tuple[str, str], Change] = {}
    names: dict[tuple[str, str], str] = {}
    for change in changes:
        name = names.setdefault((change.kind, change.thing or change.name), change.name)
        before = together.get((change.kind, name), change)
        shown = min(before, change, key=lambda c: (c.name.count("."), c.name))
        items = tuple(dict.fromkeys((*before.items, *change.items)))
        together[change.kind, name] = msgspec.structs.replace(shown, items=items)
    return tuple(
        sorted(together.values(), key=lambda c: (c.path or "", c.line or 0, c.name, c.kind))
    )


def excluded(name: str, patterns: Sequence[str]) -> bool:
    """Whether a dotted path is among those that globs name."""
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)
