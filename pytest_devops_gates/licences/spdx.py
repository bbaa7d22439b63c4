"""SPDX licence expressions: what they mean, and whether a policy takes them. Pure.

Sources: SPDX 2.3, annex D (expressions), and the SPDX licence list, as license-expression ships it.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from functools import cache
from typing import Any, Literal

import msgspec

LONGEST = 1000
"""Characters of an expression that is read."""

CUSTOM = re.compile(r"(?:DocumentRef-[A-Za-z0-9.-]+:)?LicenseRef-[A-Za-z0-9.-]+")
ENTRY = re.compile(r"[A-Za-z0-9.:*-]+\+?(?: WITH [A-Za-z0-9.*-]+)?")
"""One licence as a policy names it: an identifier, perhaps with an exception; ``*`` stands for any
characters."""

_VERSIONED = re.compile(r"(.+)-(\d+(?:\.\d+)*)(-only|-or-later|\+)?")
ENDLESS = (10**9,)


class Licence(msgspec.Struct, frozen=True):
    """One licence of an expression: its identifier, and the exception that is granted with it."""

    id: str
    exception: str = ""

    @property
    def text(self) -> str:
        return f"{self.id} WITH {self.exception}" if self.exception else self.id


class Expression(msgspec.Struct, frozen=True):
    """A licence, or several that hold together (``AND``) or of which one is chosen (``OR``)."""

    join: Literal["", "AND", "OR"] = ""
    parts: tuple[Expression, ...] = ()
    licence: Licence = Licence("")

    @property
    def text(self) -> str:
        if not self.join:
            return self.licence.text
        parts = (f"({p.text})" if p.join and p.join != self.join else p.text for p in self.parts)
        return f" {self.join} ".join(parts)

    def holds(self, test: Callable[[Licence], bool]) -> bool:
        """Whether the licences pass a test: each of an AND, and one of an OR."""
        if not self.join:
            return test(self.licence)
        passed = (part.holds(test) for part in self.parts)
        return all(passed) if self.join == "AND" else any(passed)


class Policy(msgspec.Struct, frozen=True):
    """Which licences are taken: those that ``allow`` names (any, where it is empty), but for those
    that ``deny`` names."""

    allow: tuple[Licence, ...] = ()
    deny: tuple[Licence, ...] = ()

    def takes(self, one: Licence) -> bool:
        return self.allows(one) and not self.denies(one)

    def allows(self, one: Licence) -> bool:
        """``X-or-later`` is allowed where one of the versions that it lets choose is."""
        return not self.allow or any(_meets(entry, one) for entry in self.allow)

    def denies(self, one: Licence) -> bool:
        """``X-or-later`` is denied where all of the versions that it lets choose are; a licence
        with an exception, where that is not allowed by name."""
        named = bool(one.exception) and one in self.allow
        return not named and any(_covers(entry, one) for entry in self.deny)


def parse(text: str) -> Expression | None:
    """The expression that a text is, in the list's own spelling; None where it is none, or names a
    licence that the list does not have. Raises ImportError without license-expression."""
    if not text.strip() or len(text) > LONGEST:
        return None
    try:
        return _read(_licensing().parse(text))
    except (_library().ExpressionError, RecursionError, ValueError, TypeError):
        return None


def entry(text: str) -> Licence | None:
    """One licence as a policy names it; None for one that the list does not have."""
    if "*" in text:
        name, _, exception = text.partition(" WITH ")
        return Licence(name, exception) if ENTRY.fullmatch(text) else None
    told = parse(text)
    return told.licence if told and not told.join else None


def _read(node: Any) -> Expression | None:
    kind = type(node).__name__
    if kind in ("AND", "OR"):
        parts = [_read(part) for part in node.args]
        known = tuple(part for part in parts if part is not None)
        join: Literal["AND", "OR"] = "AND" if kind == "AND" else "OR"
        return Expression(join, known) if len(known) == len(parts) else None
    if kind == "LicenseWithExceptionSymbol":
        name, exception = _known(node.license_symbol.key), node.exception_symbol
        if not name or not exception.is_exception:
            return None
        return Expression(licence=Licence(name, exception.key))
    name = _known(node.key) if kind == "LicenseSymbol" and not node.is_exception else ""
    return Expression(licence=Licence(name)) if name else None


def _known(key: str) -> str:
    """An identifier of the list, with ``+`` or not, or one of somebody's own; else ``""``."""
    licences = _licensing().known_symbols
    if CUSTOM.fullmatch(key):
        return key
    base = key.removesuffix("+")
    if key in licences:
        return key
    found = next((k for k in licences if k.casefold() == base.casefold()), "")
    return f"{found}+" if found and base != key else ""


def _library() -> Any:
    """license-expression, which has no types, and is imported where it is needed."""
    return importlib.import_module("license_expression")


@cache
def _licensing() -> Any:
    """The list's own identifiers alone: license-expression's aliases make a ``LicenseRef-…`` of
    somebody's own one of the list."""
    library = _library()
    symbols = []
    for row in library.get_license_index():
        key = row.get("spdx_license_key") or ""
        if key and not key.startswith("LicenseRef-"):
            others = [k for k in row.get("other_spdx_license_keys", ()) if "Ref-" not in k]
            exception = bool(row.get("is_exception"))
            symbols.append(
                library.LicenseSymbol(key, aliases=tuple(others), is_exception=exception)
            )
    return library.Licensing(symbols)


def _meets(entry: Licence, one: Licence) -> bool:
    """Whether the versions that an entry allows and those that a licence lets choose overlap."""
    return _fits(entry, one, lambda a, b: a[0] <= b[1] and b[0] <= a[1])


def _covers(entry: Licence, one: Licence) -> bool:
    """Whether an entry names all the versions that a licence lets choose."""
    return _fits(entry, one, lambda a, b: a[0] <= b[0] and b[1] <= a[1])


Versions = tuple[tuple[int, ...], tuple[int, ...]]


def _fits(entry: Licence, one: Licence, test: Callable[[Versions, Versions], bool]) -> bool:
    if entry.exception and not fnmatchcase(one.exception, entry.exception):
        return False
    if "*" in entry.id:
        return fnmatchcase(one.id, entry.id)
    family, wanted = _versions(entry.id)
    other, offered = _versions(one.id)
    return family == other and test(wanted, offered)


def _versions(name: str) -> tuple[str, Versions]:
    """The family of a licence, with its oldest and newest version: ``X-only`` has one alone."""
    found = _VERSIONED.fullmatch(name)
    if not found or CUSTOM.fullmatch(name):
        return f"={name}", ((), ())  # MIT is no version of what MIT-0 is one of
    version = _numbers(found[2])
    return found[1], (version, ENDLESS if found[3] in ("-or-later", "+") else version)


def _numbers(text: str) -> tuple[int, ...]:
    numbers = [int(number) for number in text.split(".")]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)


def entries(texts: Sequence[str]) -> tuple[tuple[Licence, ...], str | None]:
    """The licences of a policy, and the first that is none."""
    found = [(text, entry(text)) for text in texts]
    wrong = next((text for text, licence in found if licence is None), None)
    return tuple(licence for _, licence in found if licence), wrong
