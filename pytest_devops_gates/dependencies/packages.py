"""Which packages a project depends on: as they are locked, or else as they are installed."""

from __future__ import annotations

import posixpath
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

import msgspec

from pytest_devops_gates import disk
from pytest_devops_gates.dependencies import locks
from pytest_devops_gates.dependencies.declared import Declared, declared, named
from pytest_devops_gates.dependencies.distributions import Distribution, installed
from pytest_devops_gates.dependencies.locks import Lock
from pytest_devops_gates.dependencies.package import Package
from pytest_devops_gates.dependencies.required import needed
from pytest_devops_gates.errors import CannotTell, NotApplicable
from pytest_devops_gates.project import Project

REQUIREMENTS = "requirements.txt"
SOURCES = {"git": "a git repository", "url": "a URL", "path": "a path"}
NONE = "no dependencies in pyproject.toml, and no lock file"
INCLUDES = 100
"""Requirements files that are read through others."""


class Packages(msgspec.Struct, frozen=True):
    """Those of an index, each version once (``listed``); what an index cannot tell of
    (``elsewhere``, a package and why); where all of this was read; and which requirements cannot be
    read (``unreadable``), so that some may be missing here."""

    listed: tuple[Package, ...]
    elsewhere: tuple[tuple[Package, str], ...]
    places: tuple[str, ...]
    notes: tuple[str, ...] = ()
    unreadable: str | None = None


def lock_files(files: Collection[str]) -> list[str]:
    """The lock files at the project's root, those of requirements last."""
    found = [name for name in files if "/" not in name and locks.kind(name)]
    found = [n for n in found if locks.kind(n) != "requirements" or n == REQUIREMENTS]
    return sorted(found, key=lambda name: (name == REQUIREMENTS, name))


def none_stated(project: Project) -> bool:
    """Whether it is plain that nothing is required: there is no lock file, and what the project
    declares needs not be worked out."""
    if lock_files(project.files):
        return False
    try:
        own = declared(project, {})
    except CannotTell:
        return False
    return own is None or not (own.requires or any(own.extras.values()))


def found(project: Project, locked: Sequence[str] = ()) -> Packages:
    """What the lock files pin, those ``locked`` in place of those at the root; where there are
    none, what is installed of what the project requires.

    Raises CannotTell where that cannot be read, and NotApplicable where there is nothing.
    """
    project.listing()
    here = installed(project)
    read = [lock for name in locked or lock_files(project.files) for lock in _read(project, name)]
    is_locked = bool(locked) or any(lock.kind != "requirements" or _pins(lock) for lock in read)
    notes = []
    try:
        own = declared(project, here)
    except CannotTell as reason:
        if not is_locked:
            raise
        notes = [f"the locks are not compared with the project's requirements: {reason}"]
        own = Declared(named(project))
    if is_locked or (own is None and read):
        return _locked(read, own or Declared(), here, notes)
    if own is None:
        raise NotApplicable(NONE)
    return _installed(own, here)


def _read(project: Project, name: str) -> Iterator[Lock]:
    """A lock file, and for requirements those that they include."""
    waiting, seen = [name], set[str]()
    while waiting:
        path = waiting.pop()
        if path in seen or len(seen) > INCLUDES:
            continue
        seen.add(path)
        file = project.root / path
        inside = project.root.resolve() in file.resolve().parents
        if not inside or not file.is_file():
            raise CannotTell(f"the lock file {path} is not there, or leads out of the project")
        try:
            lock = locks.read(disk.read_plain(file), path)
        except OSError as error:
            raise CannotTell(f"{path} cannot be read: {error.strerror}") from None
        yield lock
        folder = posixpath.dirname(path)
        waiting += [posixpath.normpath(posixpath.join(folder, one)) for one in lock.includes]


def _pins(lock: Lock) -> bool:
    return any(one.version for one in lock.packages)


def _locked(
    read: Sequence[Lock], own: Declared, here: Mapping[str, Distribution], notes: Sequence[str]
) -> Packages:
    """What is pinned, with what it forgets: requirements files need not hold what their lines
    require, and no lock holds what pyproject.toml has got since."""
    pinned = [one for lock in read for one in lock.packages]
    loose = {one.name for lock in read if lock.kind == "requirements" for one in lock.packages}
    names = {one.name for one in pinned}
    beyond = needed(own, here, beside=sorted(loose - {""}), known=names - loose)
    chosen = [_as_installed(one, beyond.found) for one in pinned]
    chosen += [_package(one) for name, one in beyond.found.items() if name not in names]
    chosen += [Package(one.name) for one in beyond.missing if one.name not in names]
    chosen = [one for one in chosen if not (one.own or (one.name and one.name == own.name))]
    if not chosen and not beyond.unread:
        raise NotApplicable(f"{read[0].path} pins nothing but the project itself")
    return _sorted_out(chosen, [lock.path for lock in read], notes, beyond.unreadable)


def _as_installed(one: Package, here: Mapping[str, Distribution]) -> Package:
    """A requirement that is not pinned, as it is installed if it is."""
    if one.version is not None or one.source != "registry" or one.name not in here:
        return one
    return msgspec.structs.replace(_package(here[one.name]), path=one.path, line=one.line)


def _installed(own: Declared, here: Mapping[str, Distribution]) -> Packages:
    """What is installed of the requirements, and of all extras; only the first have to be."""
    always = needed(own, here)
    offered = needed(own, here, extras=own.extras)
    if not offered.by and not offered.unread:
        raise NotApplicable(NONE)
    missing = [one.name for one in always.missing]
    absent = [one.name for one in offered.missing if one.name not in missing]
    notes = [f"of the extras, not installed and not audited: {', '.join(absent)}"] if absent else []
    chosen = [*map(_package, offered.found.values()), *map(Package, missing)]
    return _sorted_out(chosen, ["the installed distributions"], notes, offered.unreadable)


def _package(one: Distribution) -> Package:
    return Package(one.name, one.version, one.source, one.place)


def _sorted_out(
    packages: Iterable[Package], places: Iterable[str], notes: Iterable[str], unreadable: str | None
) -> Packages:
    listed: dict[tuple[str, str | None], Package] = {}
    elsewhere: dict[str, tuple[Package, str]] = {}
    for one in packages:
        if one.source != "registry":
            elsewhere.setdefault(one.shown, (one, f"comes from {SOURCES[one.source]}"))
        elif one.version is None:
            elsewhere.setdefault(one.shown, (one, "is neither pinned nor installed"))
        else:
            listed.setdefault((one.name, one.version), one)
    return Packages(tuple(listed.values()), tuple(elsewhere.values()), tuple(places),
                    tuple(notes), unreadable)  # fmt: skip
