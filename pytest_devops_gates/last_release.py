"""What came since the last release: the commits after the newest tag that names a version."""

from __future__ import annotations

from pathlib import Path

from pytest_devops_gates import git, tags, versions
from pytest_devops_gates.errors import CannotTell
from pytest_devops_gates.project import Project
from pytest_devops_gates.verdict import Commit, Release

SHOWN = 50
"""Commits that are listed; all are counted."""

PATIENCE = 5.0
"""Seconds for each question to git: it is nice to know, and nothing that a run waits for."""

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


def last_tag(project: Project) -> str | None:
    """The tag of the last release before HEAD; None where there is none, or git does not tell."""
    try:
        return _last(project, project.toplevel) if project.toplevel else None
    except CannotTell:
        return None


def release_tags(project: Project) -> list[str]:
    """The tags of all releases that HEAD holds, the last one first; none where git does not
    tell."""
    try:
        return _ordered(project, project.toplevel) if project.toplevel else []
    except CannotTell:
        return []


def _last(project: Project, top: Path) -> str | None:
    """The tag of the highest version that HEAD holds and is not itself, final versions first."""
    here, order = project.commit, _ordered(project, top)
    return next((tag for tag in order if git.resolve(top, f"refs/tags/{tag}") != here), None)


def _ordered(project: Project, top: Path) -> list[str]:
    nested = top.resolve() != project.root.resolve()
    named = tags.versions(_ask(top, *_MERGED), versions.own_names(project), nested=nested)
    return sorted(named, key=lambda tag: (not named[tag].is_prerelease, named[tag]), reverse=True)


def _ask(root: Path, *args: str) -> bytes:
    """As git.git, without patience, and without fetching what a partial clone left out."""
    return git.git(root, *args, env={"GIT_NO_LAZY_FETCH": "1"}, timeout=PATIENCE)


def _changes(root: Path, tag: str) -> Release:
    ref = f"refs/tags/{tag}"
    span = ("--no-merges", f"{ref}..HEAD", "--", ".")
    form = "--format=%h%x1f%an%x1f%s"
    listed = _ask(root, "log", "-z", f"--max-count={SHOWN}", form, *span)
    rows = [row.split("\x1f", 2) for row in listed.decode("utf-8", "replace").split("\0")]
    return Release(
        tag=tag,
        date=_ask(root, "log", "-1", "--format=%cs", ref).decode().strip(),
        commits=int(_ask(root, "rev-list", "--count", *span)),
        shown=tuple(Commit(row[0], row[2], row[1]) for row in rows if len(row) == 3),
    )
