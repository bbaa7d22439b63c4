"""Version schemes: which version a change of the API needs. Pure.

Sources: Semantic Versioning 2.0.0, calver.org, 0ver.org, PEP 440. Below 1.0.0 Semantic Versioning
demands nothing; here the second part is then the breaking one, as package managers read ``^0.2``.
"""

from __future__ import annotations

from typing import Literal

from packaging.version import Version

Scheme = Literal["semver", "calver", "zerover"]
SCHEMES: tuple[Scheme, ...] = ("semver", "calver", "zerover")

FIRST_YEAR, LAST_YEAR = 1990, 2100
"""First parts of a version that are a whole year, and nothing else."""


def of(version: Version, year: int) -> Scheme:
    """The scheme that a version released in ``year`` seems to follow.

    ``24.1`` is a date only if it was released in 2024, or in the year after it: other projects
    count to 24 as well.
    """
    first = version.major
    if first == 0:
        return "zerover"
    if FIRST_YEAR <= first <= LAST_YEAR or first in (year % 100, (year - 1) % 100):
        return "calver"
    return "semver"


def needed(last: Version, scheme: Scheme, *, breaking: bool, added: bool) -> Version | None:
    """The lowest version for a change since the release ``last``; None where any will do.

    ``breaking`` is whether users have to change something, ``added`` whether there is something
    new for them. With zerover the second part is the breaking one, whatever the first one is.
    After a candidate its final version will do.
    """
    small = scheme == "zerover" or last.major == 0
    if scheme == "calver" or not (breaking or (added and not small)):
        return None
    if last.is_prerelease:
        return Version(last.base_version)
    if breaking and not small:
        return _version(last, last.major + 1, 0, 0)
    return _version(last, last.major, last.minor + 1, 0)


def patched(last: Version) -> Version:
    """The lowest final version after a release."""
    if last.is_prerelease:
        return Version(last.base_version)
    return _version(last, last.major, last.minor, last.micro + 1)


def suffices(version: Version, least: Version) -> bool:
    """Whether a version is at least another one; a candidate counts as what it is one for."""
    return Version(version.base_version) >= least


def misfit(version: Version, scheme: Scheme) -> str | None:
    """In which way a version is none of its scheme, or None."""
    parts = len(version.release)
    if scheme == "semver" and parts != 3:
        return f"has {parts} parts, and a version of semver has three"
    if scheme == "zerover" and parts < 2:
        return "has one part, and the second one would tell what breaks"
    if scheme == "calver" and not (version.major < 100 or version.major in _YEARS):
        return f"begins with {version.major}, which is no year"
    return None


_YEARS = range(FIRST_YEAR, LAST_YEAR + 1)


def _version(last: Version, *parts: int) -> Version:
    epoch = f"{last.epoch}!" if last.epoch else ""
    return Version(epoch + ".".join(map(str, parts)))
