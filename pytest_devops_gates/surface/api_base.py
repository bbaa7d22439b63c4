"""The release that the API is compared with, and sources laid out for a tool to read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec
from packaging.version import Version

from pytest_devops_gates import git, last_release, staged, tags, versions
from pytest_devops_gates.changelogs import candidates, sections
from pytest_devops_gates.errors import CannotTell, NotApplicable
from pytest_devops_gates.measurement import packages
from pytest_devops_gates.project import BESIDE_CODE, Project

NAMES = ("for-each-ref", "--format=%(refname:strip=2)", "refs/tags")
FETCH = "git fetch --tags"
SHALLOW = (
    "a shallow clone: the tag of the last release may be among what was not fetched"
    f" · {FETCH} --unshallow"
)
SUFFIXES = (".py", ".pyi")


class Released(msgspec.Struct, frozen=True):
    """The last release before HEAD: its tag, commit and version, and the year of the commit."""

    tag: str
    commit: str
    version: Version
    year: int


def last(project: Project) -> Released:
    """The last release before HEAD.

    Raises NotApplicable where there is none, and CannotTell where there may be one that git does
    not know here: in a shallow clone, or where the changelog tells of one.
    """
    top = project.toplevel
    if top is None or project.commit is None:
        raise NotApplicable("no git repository with a commit, so no release to compare with")
    tag = last_release.last_tag(project)
    if tag is None:
        _none(project, top)
        raise NotApplicable("no release before this one: no tag in HEAD's history names a version")
    version = tags.versions(tag.encode(errors="surrogateescape"), _own(project), nested=False)[tag]
    commit = git.resolve(top, f"refs/tags/{tag}")
    if commit is None:
        raise CannotTell(f"the tag {tag} leads to no commit · {FETCH} --force")
    year = git.git(top, "log", "-1", "--format=%cd", "--date=format:%Y", commit)
    return Released(tag, commit, version, int(year))


def at_head(project: Project) -> Version | None:
    """The version that a tag on HEAD names, the highest one; None without. Raises CannotTell."""
    top = project.toplevel
    if top is None:
        return None
    listing = git.git(top, *NAMES[:2], "--points-at=HEAD", NAMES[2])
    named = tags.versions(listing, _own(project), nested=_nested(project, top))
    return max(named.values(), default=None)


def _none(project: Project, top: Path) -> None:
    """Raises CannotTell unless it is sure that there is no release before this one."""
    if git.git(top, "rev-parse", "--is-shallow-repository").strip() == b"true":
        raise CannotTell(SHALLOW)
    listing = git.git(top, *NAMES[:2], "--merged=HEAD", NAMES[2])
    named = tags.versions(listing, _own(project), nested=_nested(project, top))
    if any(git.resolve(top, f"refs/tags/{tag}") != project.commit for tag in named):
        raise CannotTell("git did not say in time which tag is the last release's")
    for name in candidates(project.files):
        told = sections(versions.read_text(project, name) or "", name, _own(project))
        known = [s.version for s in told if s.version and not s.unreleased]
        old = [v for v in known if v != (versions.stated(project).version or at_head(project))]
        if old:
            raise CannotTell(f"{name} tells of {max(old)}, and no tag of it is here · {FETCH}")


def _own(project: Project) -> frozenset[str]:
    return versions.own_names(project)


def _nested(project: Project, top: Path) -> bool:
    return top.resolve() != project.root.resolve()


class Sources(msgspec.Struct, frozen=True):
    """Python sources below ``root``, and nothing else: no tests, no links, nothing generated that
    git ignores. ``packages`` are as in Project."""

    root: Path
    files: tuple[str, ...]
    packages: tuple[str, ...]


def lay_out_here(project: Project, folder: Path) -> Sources:
    """The sources of the project as it is. Raises CannotTell when they cannot be read."""
    found = {}
    for name in filter(_is_source, project.files):
        path = project.root / name
        try:
            if not path.is_symlink():
                found[name] = path.read_bytes()
        except OSError as error:
            raise CannotTell(f"{name} cannot be read: {error.strerror}") from None
    return _write(project, found, folder)


def lay_out_at(project: Project, commit: str, folder: Path) -> Sources:
    """The sources of the project at a commit. Raises CannotTell when git refuses."""
    top = project.toplevel or project.root
    inner = project.root.resolve().relative_to(top.resolve()).as_posix()
    prefix = "" if inner == "." else inner + "/"
    names = [n for n in staged.names(project.root, commit) if n.startswith(prefix)]
    wanted = [name[len(prefix) :] for name in names if _is_source(name[len(prefix) :])]
    return _write(project, git.contents(project.root, commit, wanted), folder)


def _is_source(name: str) -> bool:
    parts = name.split("/")
    return name.endswith(SUFFIXES) and parts[0] not in BESIDE_CODE and ".." not in parts


def _write(project: Project, found: Mapping[str, bytes], folder: Path) -> Sources:
    for name, content in found.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    own = tuple(packages(folder, project.pyproject))
    there = msgspec.structs.replace(project, root=folder, packages=own)
    tests = {name for name in found if there.is_test(name)}
    for name in tests:
        (folder / name).unlink()
    return Sources(folder, tuple(sorted(set(found) - tests)), own)
