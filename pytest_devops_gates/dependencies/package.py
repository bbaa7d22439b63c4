"""One package that a project depends on, wherever this was read."""

from __future__ import annotations

from typing import Literal
from urllib.parse import urlsplit, urlunsplit

import msgspec

Source = Literal["registry", "git", "url", "path"]


class Package(msgspec.Struct, frozen=True):
    """One package; in a lock file the same name may occur with several versions.

    ``name`` is as PEP 503 normalises it, or empty for a URL or a path that names none. ``version``
    is None where none is pinned. ``place`` is the index, the URL (without user, query and fragment)
    or the path that it comes from, and ``hashes`` are ``sha256:…``. ``own`` marks the project
    itself, and members of its workspace.
    """

    name: str
    version: str | None = None
    source: Source = "registry"
    place: str = ""
    hashes: tuple[str, ...] = ()
    path: str = ""
    line: int | None = None
    own: bool = False

    @property
    def shown(self) -> str:
        """``jinja2 2.10``, or as much as there is of it."""
        return " ".join(filter(None, (self.name or self.place, self.version)))


def without_credentials(place: str) -> str:
    """A URL without user, password, query and fragment; anything else as it is."""
    if "://" not in place:
        before, at, after = place.rpartition("@")
        return after if at and ":" in before else place
    try:
        parts = urlsplit(place)
    except ValueError:
        return "a URL that cannot be read"
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, "", ""))
