"""What came since the last release: the commits after the newest tag that names a version."""

from __future__ import annotations

from pathlib import Path

from pytest_devops_gates import git, tags, versions
from pytest_devops_gates.errors import CannotTell
from pytest_devops_gates.project import Project
from pytest_devops_gates.verdict import Commit, Release

SHOWN = 50
"""Commits that are listed; all are counted."""

_MERGED = ("for-each-ref", "--merged=HEAD", "--format=%(refname:strip=2)", "refs/tags")


def since_last(project: Project) -> Release | None:
    """The changes of the project since its last release before HEAD; None where git knows none.

    A git hook is not asked: it has to be fast, and releases nothing.
    """
    top = project.toplevel
    if top is None or project.commit is None or project.scope is not None:
        return None
    try:
        tag = _last(project, top)
        return _changes(project.root, tag) if tag else None
    except CannotTell:
        return None


def _last(project: Project, top: Path) -> str | None:
    """The tag of the highest version that HEAD holds and is not itself, final versions first."""
    nested = top.resolve() != project.root.resolve()
    named = tags.versions(git.git(top, *_MERGED), versions.own_names(project), nested=nested)
    order = sorted(named, key=lambda tag: (not named[tag].is_prerelease, named[tag]), reverse=True)
    here = project.commit
    return next((tag for tag in order if git.resolve(top, f"refs/tags/{tag}") != here), None)


def _changes(root: Path, tag: str) -> Release:
    ref = f"refs/tags/{tag}"
    span = ("--no-merges", f"{ref}..HEAD", "--", ".")
    form = "--format=%h%x1f%s%x1f%an"
    listed = git.git(root, "log", "-z", f"--max-count={SHOWN}", form, *span)
    rows = [row.split("\x1f") for row in listed.decode("utf-8", "replace").split("\0")]
    return Release(
        tag=tag,
        date=git.git(root, "log", "-1", "--format=%cs", ref).decode().strip(),
        commits=int(git.git(root, "rev-list", "--count", *span)),
        shown=tuple(Commit(*row) for row in rows if len(row) == 3),
    )
