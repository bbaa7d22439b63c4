"""pip's requirements files, as far as they say which packages are pinned. Pure.

Source: pip's manual, "Requirements File Format".
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from pytest_devops_gates.errors import CannotTell

_COMMENT = re.compile(r"(^|\s)#.*$")
_OPTION = re.compile(r"\s--?(?P<key>[a-z-]+)(?:[= ]\s*|$)(?P<value>\S*)")
_INCLUDE = re.compile(r"(?:-r\s*|--requirement[= ]\s*)(?P<file>.+)")
_EDITABLE = re.compile(r"(?:-e\s*|--editable[= ]\s*)(?P<place>.+)")
_NAMED = re.compile(r"[#&]egg=(?P<name>[A-Za-z0-9._-]+)")


class Line(msgspec.Struct, frozen=True):
    """One requirement. ``version`` is None where it is not pinned, ``place`` the URL or the path
    that it names in place of a version, and ``line`` counts from 1."""

    name: str
    version: str | None
    place: str
    hashes: tuple[str, ...]
    line: int


class Requirements(msgspec.Struct, frozen=True):
    """A file's requirements, and the files that it reads with ``-r``."""

    lines: tuple[Line, ...] = ()
    includes: tuple[str, ...] = ()


def parse(text: str, path: str) -> Requirements:
    """What a requirements file asks for. Raises CannotTell, with its line, for what is neither a
    requirement nor an option; the line itself is not quoted, since it may hold a password."""
    lines, includes = [], []
    for at, line in _logical(text):
        if include := _INCLUDE.match(line):
            includes.append(include["file"].strip())
        elif editable := _EDITABLE.match(line):
            lines.append(_placed(editable["place"].strip(), (), at))
        elif not line.startswith("-"):
            lines.append(_line(line, at, path))
    return Requirements(tuple(lines), tuple(includes))


def _logical(text: str) -> Iterator[tuple[int, str]]:
    """The lines with those joined that end in a backslash, without comments and blank ones."""
    start, held = 0, ""
    for at, line in enumerate([*text.splitlines(), ""], 1):
        start = start or at
        if _COMMENT.match(line) or not line.rstrip().endswith("\\"):
            joined = (held + _COMMENT.sub("", line)).strip()
            if joined:
                yield start, joined
            start, held = 0, ""
        else:
            held += line.rstrip()[:-1] + " "


def _line(line: str, at: int, path: str) -> Line:
    hashes = tuple(one["value"] for one in _OPTION.finditer(line) if one["key"] == "hash")
    plain = line[: found.start()] if (found := _OPTION.search(line)) else line
    try:
        required = Requirement(plain.strip())
    except InvalidRequirement:
        if _is_place(plain):
            return _placed(plain.strip(), hashes, at)
        told = f"{path}:{at} is no requirement that pip reads"
        raise CannotTell(f"{told} · python -m pip install --dry-run -r {path}") from None
    pins = [s.version for s in required.specifier if s.operator in ("==", "===")]
    pinned = pins[0] if len(required.specifier) == 1 and pins and "*" not in pins[0] else None
    return Line(canonicalize_name(required.name), pinned, required.url or "", hashes, at)


def _is_place(text: str) -> bool:
    """Whether it is a URL, or a path: one with a slash, a dot alone, or an archive."""
    first = text.split(";")[0].strip()
    if any(character.isspace() for character in first):
        return False
    return "://" in first or "/" in first or first == "." or first.endswith((".whl", ".gz", ".zip"))


def _placed(place: str, hashes: tuple[str, ...], at: int) -> Line:
    found = _NAMED.search(place)
    name = canonicalize_name(found["name"]) if found else ""
    bare = place.split(" ")[0].partition("#")[0]
    return Line(name, None, re.sub(r"(?<=.)\[[^\]]*\]$", "", bare), hashes, at)
