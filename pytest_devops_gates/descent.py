"""Which commits stand for HEAD: itself, and those after which nothing but what is told of a release
came.

An approval is committed after the commit that it approves, and so is an incident that begins then:
the commit that was approved and HEAD differ, and yet are the same but for the files of these.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import msgspec

from pytest_devops_gates import approvals, git
from pytest_devops_gates.approvals import is_whole
from pytest_devops_gates.errors import CannotTell
from pytest_devops_gates.operations import incidents_file
from pytest_devops_gates.project import Project

TOLD = (approvals.FILE, incidents_file.FILE)
"""The files that tell something of a release, and are no part of it."""
SHALLOW = (
    "a shallow clone: whether {} is an earlier commit of HEAD cannot be told"
    " · git fetch --unshallow"
)
NOT_ALL_AUTHORS = (
    "a shallow clone: not all authors since the last release can be told"
    " · git fetch --tags --unshallow"
)
_OUT = tuple(f":(exclude){name}" for name in TOLD)
_AUTHORS = "--format=%an%n%ae%n%aN%n%aE%n%cn%n%ce%n%(trailers:key=Co-authored-by,valueonly)"


class Same(msgspec.Struct, frozen=True):
    """The full hashes that stand for HEAD; ``unknown`` says why others cannot be told."""

    commits: tuple[str, ...] = ()
    unknown: str | None = None


def same(project: Project, named: Iterable[str]) -> Same:
    """Those of the named commits (by their whole hashes) that stand for HEAD, and HEAD.

    None of them does where the checkout has uncommitted changes of other tracked files.
    """
    root, head = project.root, project.commit
    if head is None or (project.dirty and altered(root)):
        return Same()
    commits, unknown = [head], None
    others = sorted({name for name in named if is_whole(name)} - {head})
    shallow = bool(others) and is_shallow(root)
    for name in others:
        # a branch or a tag may be called like a hash, and an object may be a tag
        known = git.resolve(root, name) == name
        if known and git.merge_base_of(root, name, head) == name:
            commits += [name] if _is_same_but_for_what_is_told(root, name, head) else []
        elif shallow:
            unknown = SHALLOW.format(name[:12])
    return Same(tuple(commits), unknown)


def altered(root: Path) -> list[str]:
    """The tracked files, but for what is told, with changes that no commit holds."""
    told_of = _told_of(root)
    told = git.git(root, "status", "--porcelain=v1", "-z", "--untracked-files=no", "--no-renames",
                   "--ignore-submodules=none")  # fmt: skip
    names = [os.fsdecode(entry[3:]) for entry in told.split(b"\0") if entry]
    return [name for name in names if name not in told_of]


def authors(project: Project, since: str | None, until: str) -> frozenset[str]:
    """Names and addresses of all who wrote or committed something of the project after ``since``
    (a revision; None for all of the history) but for what is told. Raises CannotTell.
    """
    root = project.root
    if is_shallow(root):
        raise CannotTell(NOT_ALL_AUTHORS)
    span = f"{since}..{until}" if since else until
    told = git.git(root, "log", "--full-history", "--no-show-signature", "--no-color",
                   "--encoding=UTF-8", _AUTHORS, "--end-of-options", span, "--", ".",
                   *_OUT)  # fmt: skip
    lines = told.decode("utf-8", "replace").splitlines()
    return frozenset(line.strip() for line in lines if line.strip())


def is_unchanged(project: Project, since: str) -> bool:
    """Whether nothing of the project but what is told is other than at a revision, or there is none
    such."""
    root, before = project.root, git.resolve(project.root, since)
    if before is None or project.commit is None:
        return True
    return not git.git(root, "diff-tree", "-r", "-z", "--name-only", "--no-renames",
                       "--ignore-submodules=none", before, project.commit, "--", ".",
                       *_OUT)  # fmt: skip


def is_shallow(root: Path) -> bool:
    """Whether the clone lacks a part of its history."""
    return git.git(root, "rev-parse", "--is-shallow-repository").strip() == b"true"


def _is_same_but_for_what_is_told(root: Path, before: str, after: str) -> bool:
    # whatever .gitmodules says, a submodule that moved is a change
    told = git.git(root, "diff-tree", "-r", "-z", "--name-only", "--no-renames",
                   "--ignore-submodules=none", before, after)  # fmt: skip
    names = {os.fsdecode(name) for name in told.split(b"\0") if name}
    return names <= _told_of(root)


def _told_of(root: Path) -> frozenset[str]:
    """The names of these files from the top of the repository, of which the project may be a
    folder."""
    prefix = os.fsdecode(git.git(root, "rev-parse", "--show-prefix").rstrip(b"\n"))
    return frozenset(prefix + name for name in TOLD)
