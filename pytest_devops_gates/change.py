"""What a change is: the revision that it is compared with, and what is other since then. Values."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import msgspec

Lines = tuple[int, int]
"""The first and the last line of a run of lines, both within it; lines count from 1."""


class Base(msgspec.Struct, frozen=True):
    """The revision that a change is compared with.

    ``commit`` is the last one that HEAD shares with ``ref``, and ``told`` says who named that:
    an option, a setting, the CI, or nobody (``the default branch``, ``the last release``).
    ``tip`` is the commit that ``ref`` leads to, where somebody named it.
    """

    commit: str
    ref: str
    told: str
    tip: str = ""


class FileChange(msgspec.Struct, frozen=True):
    """A file that is other than at the base; paths are relative to the project's root.

    ``old`` is its path at the base: None for a new file. ``added`` are the lines that are new in
    it, ``removed`` those of the base that are gone; a submodule has neither.
    """

    path: str
    status: Literal["added", "modified", "deleted", "renamed", "untracked"]
    old: str | None = None
    added: tuple[Lines, ...] = ()
    removed: tuple[Lines, ...] = ()
    submodule: bool = False

    def added_lines(self) -> Iterator[int]:
        """The number of each new line."""
        for first, last in self.added:
            yield from range(first, last + 1)


class Change(msgspec.Struct, frozen=True):
    """All that is other than at the base: committed, staged, not yet staged, and untracked."""

    base: Base
    files: tuple[FileChange, ...] = ()

    def old_paths(self) -> dict[str, str]:
        """For each file that was renamed the path that it had at the base."""
        return {f.path: f.old for f in self.files if f.status == "renamed" and f.old}

    def base_paths(self) -> dict[str, str | None]:
        """The paths that files had at the base, where these are others: None for a new file."""
        return {f.path: f.old for f in self.files if f.old != f.path}
