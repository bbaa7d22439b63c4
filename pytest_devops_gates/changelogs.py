"""A changelog's sections: which version each is about, and whether it says anything. Pure.

Sources: Keep a Changelog 1.1.0, CommonMark's ATX and setext headings, docutils' section titles, and
the manners of pallets ("Unreleased" as a line), zest.releaser and GNU-like plain files.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

import msgspec
from packaging.utils import canonicalize_name
from packaging.version import Version

from pytest_devops_gates.tags import parse

STEMS = ("changelog", "changes", "history", "news", "releases")
SUFFIXES = (".md", ".rst", ".txt", "")
FOLDERS = ("", "docs")

_ATX = re.compile(r" {0,3}(#{1,6})\s+(\S.*)")
_UNDERLINE = re.compile(r"([=\-~^\"'`*+#:.<>_])\1{2,}\s*")
_BARE = re.compile(
    r"\*{0,2}\[?(?:(?:version|release)\s+)?v?\d+(?:\.\d+)+[\w.+!-]*\]?"
    r"(?:\s*[-\u2013\u2014:,(/\[].*\d{4}.*|\s*\(?unreleased\)?)?\*{0,2}:?",
    re.IGNORECASE,
)
_UNRELEASED = re.compile(r"unreleased|not (?:yet )?released|to be released", re.IGNORECASE)
_NEXT = re.compile(
    r"(?:dev|devel|development(?: version)?|in development|main|master|trunk|head|upcoming|tbd|tba|"
    r"(?:the )?next(?: release| version)?|upcoming release|pending)",
    re.IGNORECASE,
)
_VERSION = re.compile(r"[\[(]*v?\.?\s*(\d[\w.+!-]*)", re.IGNORECASE)
_DATE = re.compile(r"\d{4}[-./]\d\d?[-./]\d\d?")
_NOTHING = (
    re.compile(r"(?:[-*+•]|\d+[.)]|#\.)?"),  # an empty list item
    re.compile(r"\[[^\]]+\]:\s.*|\.\.(?:\s.*)?|:\w+:|__.*"),  # definitions, comments, targets
    re.compile(r"[\s=\-~^\"'`*+#:.<>_|]+"),  # rules, underlines
    re.compile(
        r"[*_]*(?:(?:un|not (?:yet )?|to be )?released|release date)(?: on)?\W*"
        r"(?:[\w ]*\d[\w ,./-]*)?\W*",
        re.I,
    ),  # pallets' line below the heading
    re.compile(r"[*_(]*\d{4}[-./]\d\d?[-./]\d\d?[*_)]*"),  # a date
    re.compile(r"(?:[-*+•]\s+)?\W*(?:tbd|tba|todo|wip|n/a|nothing (?:has )?(?:changed )?yet|no "
               r"(?:\w+ )?changes? yet|no changes so far)\W*", re.I),
    re.compile(r"(?:[-*+•]\s+)?\\?\[[^\]\[]*\\?\]\.?"),  # a template's placeholder in brackets
)  # fmt: skip


class Section(msgspec.Struct, frozen=True):
    """What stands under one heading. ``line`` is that of the heading, ``end`` its last one."""

    title: str
    line: int
    end: int
    version: Version | None = None
    unreleased: bool = False
    content: tuple[int, ...] = ()


class _Heading(msgspec.Struct, frozen=True):
    title: str
    line: int
    level: int
    last: int  # its last line: the underline's, where it has one


def candidates(files: Collection[str]) -> list[str]:
    """The changelogs among files, the one to read first: at the root before docs/, by STEMS, and
    then by SUFFIXES."""

    def rank(name: str) -> tuple[int, int, int] | None:
        folder, _, base = name.rpartition("/")
        stem, dot, suffix = base.lower().partition(".")
        if folder not in FOLDERS or stem not in STEMS or dot + suffix not in SUFFIXES:
            return None
        return FOLDERS.index(folder), STEMS.index(stem), SUFFIXES.index(dot + suffix)

    return sorted((n for n in files if rank(n)), key=lambda name: (rank(name), name))


def sections(text: str, name: str, own: Collection[str] = ()) -> list[Section]:
    """The sections of versions and of what is not released, in the order of the file.

    ``own`` are the project's names, normalised, that a heading may hold before the version. A
    section ends at the next of them, or at a heading of a higher level.
    """
    lines = _visible(text).splitlines()
    headings = list(_headings(lines, name))
    kinds = [_kind(heading.title, own) for heading in headings]
    silent = {n for h in headings for n in range(h.line, h.last + 1)}
    found = []
    for at, (heading, (version, unreleased)) in enumerate(zip(headings, kinds, strict=True)):
        if version is None and not unreleased:
            continue
        after = headings[at + 1 :]
        ends = (
            h.line - 1
            for h, (v, u) in zip(after, kinds[at + 1 :], strict=True)
            if v or u or h.level < heading.level
        )
        end = next(ends, len(lines))
        body = [n for n in range(heading.last + 1, end + 1) if n not in silent]
        content = tuple(n for n in body if says(lines[n - 1]))
        first = next((lines[n - 1].strip(" *_()") for n in body if lines[n - 1].strip()), "")
        marked = bool(_UNRELEASED.match(first)) and len(first) < 40
        found.append(
            Section(heading.title, heading.line, end, version, unreleased or marked, content)
        )
    return found


def content(text: str, name: str) -> list[str]:
    """The lines of a fragment that say something and are no headings."""
    lines = _visible(text).splitlines()
    silent = {n for h in _headings(lines, name) for n in range(h.line, h.last + 1)}
    return [line for n, line in enumerate(lines, start=1) if n not in silent and says(line)]


def says(line: str) -> bool:
    """Whether a line tells a reader anything: no blank one, rule, definition, date or placeholder,
    no empty list item."""
    return not any(nothing.fullmatch(line.strip()) for nothing in _NOTHING)


def leads_elsewhere(text: str) -> bool:
    """Whether a file is no changelog and only says where one is: a link or an include, in a few
    lines."""
    told = [line for line in text.splitlines() if line.strip()]
    return len(told) <= 8 and bool(re.search(r"https?://|include::|\{include\}|\]\(|<\S+>`_", text))


def _visible(text: str) -> str:
    """The text with HTML comments taken out, and as many lines as before."""
    return re.sub(r"<!--.*?(?:-->|\Z)", lambda m: "\n" * m[0].count("\n"), text, flags=re.DOTALL)


def _headings(lines: list[str], name: str) -> Iterator[_Heading]:
    levels: list[str] = []  # of underlines, in the order in which they are first seen
    fenced = False
    last = 0
    markdown = not name.lower().endswith(".rst")
    for number, line in enumerate(lines, start=1):
        if markdown and re.match(r" {0,3}(```|~~~)", line):
            fenced = not fenced
        if fenced or number <= last:
            continue
        below = lines[number] if number < len(lines) else ""
        if markdown and (atx := _ATX.fullmatch(line)):
            yield _Heading(atx[2].rstrip(" #"), number, len(atx[1]), number)
        elif _is_title(line) and (rule := _UNDERLINE.fullmatch(below)):
            style = rule[1] + str(number > 1 and lines[number - 2].strip() == below.strip())
            levels += [style] if style not in levels else []
            last = number + 1
            yield _Heading(line.strip(), number, levels.index(style) + 1, last)
        elif _BARE.fullmatch(line.rstrip()):
            yield _Heading(line.strip(), number, 1, number)


def _is_title(line: str) -> bool:
    """Whether a line may stand above a rule that makes it a heading."""
    text = line.strip()
    if not text or line.startswith((" " * 4, "\t")) or _UNDERLINE.fullmatch(text):
        return False
    return not re.match(r"[-*+•]\s|\||>\s|\d+\)\s|\.\.\s", text)


def _kind(title: str, own: Collection[str]) -> tuple[Version | None, bool]:
    """The version that a heading names, and whether it says that this is not released."""
    text = re.sub(r"\]\([^)]*\)|\]\[[^\]]*\]", "]", title)  # links keep their text
    text = re.sub(r":\w+:|[*`]+", " ", text).strip()
    unreleased = bool(_UNRELEASED.search(text)) or bool(_NEXT.fullmatch(text.strip(" []()*:")))
    return _version(text, own), unreleased


def _version(text: str, own: Collection[str]) -> Version | None:
    text = re.sub(rf"^{_DATE.pattern}[\s:,/|-]*", "", text)
    words = text.split(None, 3)
    for skipped in range(min(3, len(words))):
        before, rest = words[:skipped], " ".join(words[skipped:])
        plain = [word.strip("[]():,").lower() for word in before]
        if any(
            w not in ("version", "release", "v") and canonicalize_name(w) not in own for w in plain
        ):
            return None
        if found := _VERSION.match(rest):
            version = parse(found[1].rstrip(".-"))
            after = rest[found.end() :]
            # a lone number may begin any sentence; a version is followed by little, or by its date
            alone = "." in found[1] or before or re.match(r"\W*$|\W+\d{4}\b", after)
            return version if alone else None
    return None
