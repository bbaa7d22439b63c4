"""A file as it is and as it is to be."""

from __future__ import annotations

import difflib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import msgspec

from pytest_devops_gates import disk
from pytest_devops_gates.errors import UsageError
from pytest_devops_gates.neutral import neutral


class Draft(msgspec.Struct, frozen=True):
    """What is to become of one file. ``name`` is relative to the root, with slashes.

    ``before`` is its text now (None: there is no file), ``after`` the one that it is to have (None:
    it is left alone). ``replaces`` says that something of the old text is lost. ``notes`` are for
    whoever asked, such as why it is left alone.
    """

    name: str
    before: str | None = None
    after: str | None = None
    replaces: bool = False
    notes: tuple[str, ...] = ()

    @property
    def changes(self) -> bool:
        return self.after is not None and self.after != self.before


def read(root: Path, name: str) -> str | None:
    """The text of a file below ``root`` with its own line ends, or None when there is none.

    Raises UsageError where it cannot be told, or where a link or a thing that is no folder stands
    in its way: what is written there would land somewhere else.
    """
    path = root
    for part in name.split("/"):
        path = path / part
        try:
            mode = path.lstat().st_mode
        except FileNotFoundError:
            return None
        except OSError as error:
            raise UsageError(f"{name}: {error.strerror}") from None
        here = os.path.relpath(path, root).replace(os.sep, "/")
        if stat.S_ISLNK(mode):
            raise UsageError(f"{here} is a symbolic link, and is not written through")
        if here != name and not stat.S_ISDIR(mode):
            raise UsageError(f"{here} is no folder, and {name} cannot be made in it")
    try:
        return disk.read_plain(path).decode("utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(f"{name}: not UTF-8 at byte {error.start}; save it as UTF-8") from None
    except OSError as error:
        raise UsageError(f"{name} cannot be read: {error.strerror}") from None


def write(root: Path, draft: Draft) -> None:
    """Write the file, whole or not at all. Raises UsageError where that cannot be done, or where it
    is not any more what was read."""
    if read(root, draft.name) != draft.before:
        raise UsageError(f"{draft.name} has changed meanwhile · devops-gates init once more")
    path = root / draft.name
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        disk.write(path, draft.after or "")
    except OSError as error:
        raise UsageError(f"{draft.name} cannot be written: {error.strerror}") from None


def diff(draft: Draft) -> Iterator[str]:
    """The change as the lines of a unified diff, harmless on a terminal."""
    old = "/dev/null" if draft.before is None else f"a/{draft.name}"
    before, after = ((text or "").split("\n") for text in (draft.before, draft.after))
    for line in difflib.unified_diff(
        _lines(before), _lines(after), old, f"b/{draft.name}", lineterm=""
    ):
        yield neutral(line.rstrip("\r"))


def ends(text: str | None) -> str:
    """How the lines of a text end; that of its last line where they differ."""
    before, newline, _ = (text or "").rpartition("\n")
    return "\r\n" if newline and before.endswith("\r") else "\n"


def with_ends(text: str, end: str) -> str:
    """A text of ours with the line ends of the file that it comes into."""
    return text.replace("\n", end)


def _lines(split: list[str]) -> list[str]:
    """Without the empty rest after the last end of a line; a line without an end is told."""
    *lines, last = split
    return [*lines, f"{last} (no newline at the end)"] if last else lines
