"""Which installed distributions are required, transitively, by what a project declares. Pure, but
for ``required``, which reads the project and the interpreter's own environment.

Sources: PEP 508 (requirements), and the core metadata of what is installed.
"""

from __future__ import annotations

import shlex
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

import msgspec
from packaging.markers import UndefinedEnvironmentName
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion

from pytest_devops_gates.dependencies.declared import ITSELF, Declared, declared, grouped
from pytest_devops_gates.dependencies.distributions import Distribution, installed
from pytest_devops_gates.project import Project

NAMED = 10
"""So many missing distributions are named in one command."""


class Requiring(msgspec.Struct, frozen=True):
    """One requirement that is not met: the name, what is asked of it, and by whom.

    ``text`` holds no URL, in which a password may stand.
    """

    name: str
    text: str
    by: str
    by_url: bool = False


class Needed(msgspec.Struct, frozen=True):
    """All that a project requires here, under this interpreter's markers.

    ``found`` are the distributions that are installed, by name, and ``by`` names one that requires
    each. ``missing`` are required and not installed; ``unfit`` are installed in another version
    than is asked for. ``unread`` says of which requirements nothing can be told, and where.
    """

    found: dict[str, Distribution] = {}
    by: dict[str, str] = {}
    missing: tuple[Requiring, ...] = ()
    unfit: tuple[Requiring, ...] = ()
    unread: tuple[str, ...] = ()

    @property
    def trouble(self) -> str | None:
        """Why this is not the whole truth, with the command that mends it; None where it is."""
        if self.unread or not self.missing:
            return self.unreadable
        first = self.missing[0]
        said = f"{first.name}, required by {first.by}, is not installed{_more(self.missing)}"
        return f"{said} · {self._install}"

    @property
    def unreadable(self) -> str | None:
        """Which requirements cannot be read, so that nothing is told of what they mean."""
        return self.unread[0] + _more(self.unread) if self.unread else None

    @property
    def _install(self) -> str:
        """Names alone would fetch another thing than a URL does."""
        if len(self.missing) > NAMED or any(one.by_url for one in self.missing):
            return ITSELF
        return f"python -m pip install {shlex.join(one.text for one in self.missing)}"


def required(
    project: Project, *, extras: Sequence[str] = (), groups: Sequence[str] = ()
) -> Needed | None:
    """What the project requires, transitively, of what is installed; None where it has no packaging
    metadata and no group is asked for. Raises CannotTell (see ``declared``, ``grouped``,
    ``installed``)."""
    here = installed(project)
    own = declared(project, here)
    beside = grouped(project, groups)
    if own is None and not groups:
        return None
    return needed(own or Declared(), here, extras=extras, beside=beside)


def needed(
    asked: Declared,
    here: Mapping[str, Distribution],
    *,
    extras: Iterable[str] = (),
    beside: Iterable[str] = (),
    known: Collection[str] = (),
) -> Needed:
    """What is required, transitively, of what is installed ``here``.

    ``extras`` are those of the project to count as well, and ``beside`` further requirements of its
    own (those of a dependency group). What the project requires of itself is its own extras. What
    is ``known`` otherwise, by its normalised name, is passed over with all that it requires.
    """
    walk = _Walk(here, asked.name, known)
    own = [*asked.requires, *beside]
    walk.read(own, asked.name or "the project", "")
    walk.left.extend((asked.name, canonicalize_name(extra)) for extra in extras)
    while walk.left:
        name, extra = walk.left.popleft()
        if name == asked.name:
            walk.own(asked, extra)
        elif name in here:
            walk.read(here[name].requires, name, extra)
    return Needed(
        found={name: here[name] for name in sorted(walk.by) if name in here},
        by=walk.by,
        missing=tuple(walk.missing.values()),
        unfit=tuple(walk.unfit.values()),
        unread=tuple(dict.fromkeys(walk.unread)),
    )


class _Walk:
    """Where the walk over the requirements stands: what is left, and what was met."""

    def __init__(
        self, here: Mapping[str, Distribution], itself: str, known: Collection[str]
    ) -> None:
        self.here = here
        self.itself = itself
        self.known = known
        self.left: deque[tuple[str, str]] = deque()
        self.seen: set[tuple[str, str]] = set()
        self.by: dict[str, str] = {}
        self.missing: dict[str, Requiring] = {}
        self.unfit: dict[str, Requiring] = {}
        self.unread: list[str] = []

    def own(self, asked: Declared, extra: str) -> None:
        """Read an extra of the project itself."""
        if extra and extra not in asked.extras:
            self.unread.append(f"{asked.where} has no extra '{extra}'")
        elif extra:
            self.read(asked.extras[extra], asked.name or "the project", extra)

    def read(self, texts: Iterable[str], by: str, extra: str) -> None:
        """Read the requirements of one distribution that hold under one of its extras."""
        for number, text in enumerate(texts, 1):
            try:
                wanted = Requirement(text)
                holds = wanted.marker is None or wanted.marker.evaluate({"extra": extra})
            except (InvalidRequirement, InvalidVersion, UndefinedEnvironmentName):
                # its text is not shown: a password may stand in it
                self.unread.append(f"requirement {number} of {by} cannot be read (PEP 508)")
                continue
            if holds:
                self._add(wanted, by)

    def _add(self, wanted: Requirement, by: str) -> None:
        name = canonicalize_name(wanted.name)
        if name in self.known:
            return
        if name != self.itself:
            self.by.setdefault(name, by)
            self._compare(name, wanted, by)
        for extra in ("", *map(canonicalize_name, wanted.extras)):
            if (name, extra) not in self.seen:
                self.seen.add((name, extra))
                self.left.append((name, extra))

    def _compare(self, name: str, wanted: Requirement, by: str) -> None:
        extras = f"[{','.join(sorted(wanted.extras))}]" if wanted.extras else ""
        told = Requiring(
            name, f"{wanted.name}{extras}{wanted.specifier}", by, wanted.url is not None
        )
        if name not in self.here:
            self.missing.setdefault(name, told)
        elif not _fits(wanted, self.here[name].version):
            self.unfit.setdefault(name, told)


def _fits(wanted: Requirement, version: str) -> bool:
    try:
        return wanted.specifier.contains(version, prereleases=True)
    except InvalidVersion:
        return not wanted.specifier


def _more(things: Sequence[object]) -> str:
    return f" (and {len(things) - 1} more)" if len(things) > 1 else ""


def names(texts: Iterable[str]) -> Iterator[str]:
    """The normalised names in requirements, but for those that cannot be read."""
    for text in texts:
        try:
            yield canonicalize_name(Requirement(text).name)
        except InvalidRequirement:
            continue
