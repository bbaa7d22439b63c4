"""Whether the files stayed what they were while the gates read them.

Tests run beside the gates, and may write where they like. A verdict on a tree that changed in the
meantime is one on no tree that there ever was.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from pytest_devops_gates import git
from pytest_devops_gates.errors import CannotTell
from pytest_devops_gates.project import Project

Mark = tuple[int, int, int]

RELEASE = "release"
MOVED = (
    "{} changed while the gates read it{}: nobody knows what they saw"
    " · let tests write to tmp_path, and run it again"
)

HEAD_MOVED = (
    "HEAD is another commit than when the run began: nobody knows which one was judged"
    " · let tests use repositories of their own, and run it again"
)


def marks(project: Project) -> dict[str, Mark | None]:
    """What tells the state of each file from a later one."""
    return {name: _mark(project, name) for name in project.files}


def moved(project: Project, before: Mapping[str, Mark | None]) -> str | None:
    """Why the tree that was judged is not one, if it is none.

    A file that was written and is to the byte what git holds is let pass, but not in a release:
    what it was in between, nobody knows.
    """
    if project.commit and git.resolve(project.root, "HEAD", project.git) != project.commit:
        return HEAD_MOVED
    names = [name for name, mark in before.items() if _mark(project, name) != mark]
    if names and project.profile != RELEASE:
        names = _different(project, names)
    if not names:
        return None
    more = f" (and {len(names) - 1} files more)" if len(names) > 1 else ""
    return MOVED.format(names[0], more)


def _mark(project: Project, name: str) -> Mark | None:
    """Not the time of its inode, which changes with each hard link to it."""
    try:
        found = os.lstat(os.path.join(project.root, name))
    except OSError:
        return None
    return (found.st_ino, found.st_size, found.st_mtime_ns)


def _different(project: Project, names: list[str]) -> list[str]:
    """Those that are not what git holds."""
    if project.toplevel is None or project.commit is None:
        return names
    try:
        told = git.git(project.root, "diff", "--name-only", "-z", "--relative", "--no-ext-diff",
                       "--no-renames", "HEAD", env=project.git)  # fmt: skip
    except CannotTell:
        return names
    tracked = git.git(project.root, "ls-files", "-z", env=project.git)
    held = {*_names(tracked)} - {*_names(told)}
    return [name for name in names if name not in held]


def _names(told: bytes) -> list[str]:
    return [os.fsdecode(name) for name in told.split(b"\0") if name]
