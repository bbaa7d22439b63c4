"""``tree``: the checkout itself: no conflict left in it, no big file, no names that clash."""

from __future__ import annotations

import mmap
import os
import re
import stat
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated

import msgspec

from pytest_devops_gates.evidence import Evidence, Finding, Receipt, Rule, Severity
from pytest_devops_gates.gate import OFF, Canary, Gate, Options
from pytest_devops_gates.project import Project
from pytest_devops_gates.stage import Stage

OPENS, CLOSES = "<" * 7 + " ", ">" * 7 + " "
"""How git begins the lines around a conflict. Spelled so that this file holds none."""

BINARY_HEAD = 8000
"""A NUL among so many bytes makes a file binary. Source: git's ``buffer_is_binary``."""

MAPPED = 2**20
"""Bytes from which on a file is mapped and not read, so that memory stays bounded."""

_OPENS = OPENS.encode()
_MARKER = re.compile(rb"^(?:(%s)|%s)" % (_OPENS, CLOSES.encode()), re.MULTILINE)
_PLAIN_FILE = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0)


class TreeOptions(msgspec.Struct, frozen=True, rename="kebab"):
    """``max-kib`` is the size of the largest file that is not big, in KiB."""

    max_kib: Annotated[int, msgspec.Meta(ge=1)] = 5120


def check(project: Project, options: TreeOptions, asked: tuple[str, ...]) -> Evidence:
    """Look at every file to look at; raises CannotTell when they could not be listed."""
    findings: list[Finding] = []
    troubles: list[str] = []
    examined = 0
    for name in project.listing():
        try:
            found = _look(project.root, name, options.max_kib * 1024)
        except (OSError, ValueError) as error:
            said = getattr(error, "strerror", None) or error
            troubles.append(f"{printable(name)} cannot be read: {said}")
            continue
        if found is not None:
            findings += found
            examined += 1
    findings += clashes(project.files, project.scope)
    if project.profile == "release":
        findings += _uncommitted(project)
        troubles += _without_commit(project)
    if project.scope is not None:  # a commit may only delete; all names were compared then
        examined = examined or len(project.files)
    more = f" (and {len(troubles) - 1} more)" if len(troubles) > 1 else ""
    return Evidence(
        findings=tuple(findings),
        examined=examined,
        unknown=troubles[0] + more if troubles else None,
        receipt=Receipt(tool="tree"),
    )


def _look(root: Path, name: str, limit: int) -> list[Finding] | None:
    """What is wrong with one file; None for a link or a folder (a submodule), which are skipped.

    Raises OSError or ValueError for what cannot be read as a file.
    """
    path = os.path.join(root, name)
    mode = os.lstat(path).st_mode
    if stat.S_ISLNK(mode) or stat.S_ISDIR(mode):
        return None
    descriptor = os.open(path, _PLAIN_FILE)
    with os.fdopen(descriptor, "rb", buffering=0) as stream:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError("it is no plain file")
        if status.st_size < MAPPED:
            lines = conflicts(stream.readall())
        else:
            with mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ) as mapped:
                lines = conflicts(mapped)
    shown = printable(name)
    found = [
        Finding(
            "conflict-marker", "a merge conflict is left here", Severity.HIGH, path=shown, line=n
        )
        for n in lines
    ]
    if status.st_size > limit:
        size = f"{status.st_size / 1024:.0f} KiB, more than {limit // 1024} KiB"
        found.append(Finding("big-file", f"a file of {size}", Severity.MEDIUM, path=shown))
    return found


def conflicts(data: bytes | mmap.mmap) -> list[int]:
    """The lines, from 1, where the conflicts in a text file begin; none in a binary one.

    A conflict is a line that opens it and a later one that closes it, as git writes them. A line of
    ``=======`` alone says nothing: it may underline a heading.
    """
    if data.find(_OPENS) < 0 or b"\0" in data[:BINARY_HEAD]:
        return []
    found = []
    opened, line, counted = 0, 1, 0
    is_open = False
    for marker in _MARKER.finditer(data):
        if marker[1]:
            opened, is_open = marker.start(), True
        elif is_open:
            line += data[counted:opened].count(b"\n")
            counted = opened
            found.append(line)
            is_open = False
    return found


def clashes(files: Iterable[str], scope: Iterable[str] | None = None) -> list[Finding]:
    """Files and folders that are one and the same where case, or the way in which accents are
    encoded, does not count; with a ``scope``, only those that one of its files has a part in."""
    alike: dict[str, set[str]] = defaultdict(set)
    for entry in _entries(files):
        alike[_folded(entry)].add(entry)
    touched = None if scope is None else set(_entries(scope))
    found = []
    for names in alike.values():
        # below folders that clash, files of one name do so as well: told once, of the folders
        if len(names) < 2 or len({name.rpartition("/")[2] for name in names}) < 2:
            continue
        if touched is None or not names.isdisjoint(touched):
            ordered = sorted(
                names, key=lambda name: (touched is not None and name not in touched, name)
            )
            found.append(_clash(ordered))
    return sorted(found, key=lambda finding: finding.path or "")


def _clash(names: list[str]) -> Finding:
    by_case = len({unicodedata.normalize("NFC", name) for name in names}) > 1
    shown = [printable(name) if by_case else ascii(name) for name in names]
    how = "case" if by_case else "Unicode normalisation"
    message = f"{' and '.join(shown)} differ by {how} only: macOS and Windows keep but one of them"
    return Finding("case-clash", message, Severity.MEDIUM, path=printable(names[0]))


def _entries(files: Iterable[str]) -> Iterator[str]:
    """The files, and each folder above them once."""
    seen: set[str] = set()
    for name in files:
        yield name
        above = name.rpartition("/")[0]
        while above and above not in seen:
            seen.add(above)
            yield above
            above = above.rpartition("/")[0]


def _folded(name: str) -> str:
    """Equal for names that file systems without case take for one.

    Letter by letter (Unicode's simple folding), as they do: ``ß`` is not ``ss``.
    """
    if name.isascii():
        return name.lower()
    letters = unicodedata.normalize("NFC", name)
    return "".join(c.casefold() if len(c.casefold()) == 1 else c.lower() for c in letters)


def _uncommitted(project: Project) -> list[Finding]:
    if not project.dirty:
        return []
    message = "the checkout has changes that no commit holds · git status"
    return [Finding("uncommitted", message, Severity.HIGH)]


def _without_commit(project: Project) -> list[str]:
    if project.commit is not None:
        return []
    if project.toplevel is None:
        return ["this is no git checkout: whether all is committed cannot be told"]
    return ["git has no commit yet: what would be released cannot be told · git commit"]


def printable(name: str) -> str:
    """A file's name with the bytes that are no UTF-8 as escapes: what a report can hold."""
    return name.encode("utf-8", "backslashreplace").decode()


def canary(project: Project, options: Options) -> Canary:
    conflict = f"{OPENS}HEAD\nA = 1\n=======\nA = 2\n{CLOSES}canary\n"
    files = [f"{folder}/devops_gates_canary.py" for folder in project.code_folders()]
    return Canary("a merge conflict", dict.fromkeys(files, conflict))


RULES = (
    Rule(
        "conflict-marker",
        "A merge conflict that git could not settle stands in a text file.",
        "Keep one of the two versions or put them together, take off the lines that git added,"
        " and commit.",
    ),
    Rule(
        "big-file",
        "A file is bigger than the option `max-kib` allows.",
        "Keep it out of git, or in Git LFS; where it has to be there, allow more:"
        " `[tool.devops-gates.gates.tree.options]` `max-kib`.",
    ),
    Rule(
        "case-clash",
        "Names differ by case or by Unicode normalisation alone, of which macOS and Windows keep"
        " but one.",
        "Rename one of them: `git mv`.",
    ),
    Rule(
        "uncommitted",
        "What would be released is not what the commit holds.",
        "`git status` shows the changes: commit, stash or ignore them.",
    ),
)
TREE = Gate(
    name="tree",
    stage=Stage.DEVELOP,
    options=TreeOptions,
    function=check,
    levels={"operate": OFF},
    again="git grep -nE '^(<{7}|>{7}) '; git status",
    cost=0.3,
    about=(
        "No file holds a merge conflict or is too big, and no two names differ by case only;"
        " before a release, all is committed."
    ),
    static=True,
    canary=canary,
    rules=RULES,
)
