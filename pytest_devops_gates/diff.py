"""What is other than at the base, read off one ``git diff``.

Names and lines come apart: ``--raw -z`` gives the names, whatever bytes they hold, and the patches
that follow give the lines, in the same order. In a patch without context each line of content
starts with ``+``, ``-`` or a backslash, so that no content can be taken for a header.
Source: git-diff(1), "Raw output format" and "Generating patch text".
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from pytest_devops_gates import git
from pytest_devops_gates.change import Base, Change, FileChange, Lines
from pytest_devops_gates.errors import CannotTell

DIFF = (
    "-c", "diff.renameLimit=5000", "-c", "core.quotePath=false",
    "diff", "--raw", "--patch", "-z", "--unified=0", "--inter-hunk-context=0", "--abbrev=40",
    "--find-renames", "--diff-algorithm=myers", "--indent-heuristic", "--relative", "--text",
    "--no-ext-diff", "--no-textconv", "--no-color", "--submodule=short", "--ignore-submodules=none",
    "--src-prefix=a/", "--dst-prefix=b/",
)  # fmt: skip
"""All that a user's settings, or a ``.gitattributes`` of the change, could make otherwise."""

_HUNK = re.compile(rb"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")
_SUBMODULE = b"160000"


class _Entry(msgspec.Struct, frozen=True):
    """A line of git's raw output."""

    status: str
    old: str
    new: str
    submodule: bool


def change_since(root: Path, base: Base, env: Mapping[str, str], *, untracked: bool) -> Change:
    """What the project's files are other than at ``base``: committed, staged, in the working tree,
    and, with ``untracked``, also files that git neither tracks nor ignores.

    ``env`` is the environment in which git sees the files. Raises CannotTell when git refuses.
    """
    told = git.git(root, *DIFF, base.commit, "--", ".", env=env)
    files = list(read(told))
    if untracked:
        listed = git.git(root, "ls-files", "-z", "--others", "--exclude-standard", env=env)
        names = [os.fsdecode(name) for name in listed.split(b"\0") if name]
        files += [_untracked(root, name) for name in names if not name.endswith("/")]
    return Change(base, tuple(sorted(files, key=lambda file: file.path)))


def read(told: bytes) -> Iterator[FileChange]:
    """The files in the output of DIFF. Raises CannotTell for what is no such output."""
    entries, patches = _entries(told)
    hunks = _hunks(patches)
    for entry in entries:
        parts = [next(hunks, None) for _ in range(2 if entry.status == "T" else 1)]
        if None in parts:
            raise CannotTell(f"git diff gave no patch for {entry.new!r}")
        lines = [pair for part in parts if part for pair in part]
        yield _file(entry, lines)
    if next(hunks, None) is not None:
        raise CannotTell("git diff gave more patches than it named files")


def _file(entry: _Entry, lines: list[tuple[Lines | None, Lines | None]]) -> FileChange:
    return FileChange(
        path=entry.new,
        status={"A": "added", "D": "deleted", "R": "renamed"}.get(entry.status, "modified"),  # type: ignore[arg-type]
        old=None if entry.status == "A" else entry.old,
        removed=() if entry.submodule else tuple(old for old, _ in lines if old),
        added=() if entry.submodule else tuple(new for _, new in lines if new),
        submodule=entry.submodule,
    )


def _entries(told: bytes) -> tuple[list[_Entry], bytes]:
    """The raw part, and the patches after it."""
    found: list[_Entry] = []
    at = 0
    while told[at : at + 1] == b":":
        end = told.index(b"\0", at)
        before, after, _, _, status = told[at + 1 : end].split(b" ")
        stop = told.index(b"\0", end + 1)
        old = new = os.fsdecode(told[end + 1 : stop])
        if status[:1] in b"RC":
            end, stop = stop, told.index(b"\0", stop + 1)
            new = os.fsdecode(told[end + 1 : stop])
        at = stop + 1
        found.append(_Entry(chr(status[0]), old, new, _SUBMODULE in (before, after)))
    return found, told[at:].lstrip(b"\0")


def _hunks(patches: bytes) -> Iterator[list[tuple[Lines | None, Lines | None]]]:
    """For each file the lines that are gone and those that came, hunk by hunk."""
    current: list[tuple[Lines | None, Lines | None]] | None = None
    for line in patches.split(b"\n"):
        if line.startswith(b"diff --git "):
            if current is not None:
                yield current
            current = []
        elif line.startswith(b"@@ ") and current is not None and (found := _HUNK.match(line)):
            old, old_count, new, new_count = (
                int(part) if part is not None else 1 for part in found.groups()
            )
            current.append((_run(old, old_count), _run(new, new_count)))
    if current is not None:
        yield current


def _run(first: int, count: int) -> Lines | None:
    return (first, first + count - 1) if count else None


def _untracked(root: Path, name: str) -> FileChange:
    """All lines of a file that git does not know; none of what is no plain file."""
    path = root / name
    count, last = 0, b"\n"
    with contextlib.suppress(OSError):
        if path.is_file() and not path.is_symlink():
            with path.open("rb") as stream:
                while part := stream.read(2**20):
                    count, last = count + part.count(b"\n"), part[-1:]
    count += last != b"\n"
    return FileChange(name, "untracked", added=((1, count),) if count else ())
