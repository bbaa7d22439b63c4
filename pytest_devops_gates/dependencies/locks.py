"""What a lock file pins: its packages, with version, source, hashes and line. Pure.

Sources: the manuals of uv, Poetry, PDM and pip, and PEP 751 (``pylock.toml``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal
from urllib.parse import urlsplit

import msgspec
from packaging.utils import canonicalize_name

from pytest_devops_gates.config import load_toml
from pytest_devops_gates.dependencies import requirements_file
from pytest_devops_gates.dependencies.package import Package, Source, without_credentials
from pytest_devops_gates.errors import CannotTell, UsageError

Kind = Literal["uv", "poetry", "pdm", "pylock", "requirements"]

NAMES: dict[str, Kind] = {"uv.lock": "uv", "poetry.lock": "poetry", "pdm.lock": "pdm"}
PYLOCK = re.compile(r"pylock(\.[^./]+)?\.toml")
"""PEP 751: ``pylock.toml``, or ``pylock.NAME.toml``."""

AGAIN: dict[Kind, str] = {
    "uv": "uv lock",
    "poetry": "poetry lock",
    "pdm": "pdm lock",
    "pylock": "write it anew with the tool that made it",
    "requirements": "mend it",
}
"""How a broken file is made anew."""


class Lock(msgspec.Struct, frozen=True):
    """A lock file. ``table`` is all of a TOML file; ``includes`` are the files, relative to the
    folder of this one, that a requirements file reads with ``-r``."""

    path: str
    kind: Kind
    packages: tuple[Package, ...]
    table: Mapping[str, Any] = {}
    includes: tuple[str, ...] = ()


def kind(path: str) -> Kind | None:
    """Which kind of lock file a path is by its name, or None. Any ``*requirements*.txt`` or
    ``.txt`` in a folder ``requirements`` is a requirements file, pinned or not."""
    folder, _, name = path.rpartition("/")
    if name in NAMES:
        return NAMES[name]
    if PYLOCK.fullmatch(name):
        return "pylock"
    inside = folder.rpartition("/")[2] == "requirements"
    if name.endswith(".txt") and ("requirements" in name or inside):
        return "requirements"
    return None


def read(data: bytes, path: str) -> Lock:
    """The packages of a lock file, what kind it is being told by its name.

    Raises CannotTell for what is none, or cannot be read.
    """
    found = kind(path) or "requirements"
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise CannotTell(f"{path} is not UTF-8 at byte {error.start} · {AGAIN[found]}") from None
    if found == "requirements":
        return _requirements(text, path)
    try:
        table = load_toml(text.encode(), f"{path} cannot be read")
    except UsageError as error:
        raise CannotTell(f"{error} · {AGAIN[found]}") from None
    return Lock(path, found, tuple(_packages(table, text, path, found)), table)


def _packages(table: dict[str, Any], text: str, path: str, found: Kind) -> Iterator[Package]:
    key = "packages" if found == "pylock" else "package"
    raw = table.get(key, [])
    lines = _lines(text, key)
    members = _members(table)
    if not isinstance(raw, list) or not all(isinstance(one, dict) for one in raw):
        raise CannotTell(f"{path}: [[{key}]] is no array of tables · {AGAIN[found]}")
    files = _files(table) if found == "poetry" else {}
    for at, one in enumerate(raw):
        name, version = one.get("name"), one.get("version")
        if not isinstance(name, str) or not isinstance(version, (str, type(None))):
            raise CannotTell(f"{path}: [[{key}]] number {at + 1} has no name · {AGAIN[found]}")
        source, place = _SOURCES[found](one)
        yield Package(
            name=canonicalize_name(name),
            version=version,
            source=source,
            place=place if source == "path" else without_credentials(place),
            hashes=tuple(_hashes(one, files.get(name, ()))),
            path=path,
            line=lines[at] if len(lines) == len(raw) else None,
            own=source == "path"
            and (place in ("", ".", "./") or canonicalize_name(name) in members),
        )


def _lines(text: str, key: str) -> list[int]:
    """The line of the name in each ``[[package]]``, or of its header where none is near."""
    lines = text.splitlines()
    found = []
    for at, line in enumerate(lines):
        if line.strip() == f"[[{key}]]":
            near = (n for n in range(at + 1, min(at + 6, len(lines))) if _is_name(lines[n]))
            found.append(next(near, at) + 1)
    return found


def _is_name(line: str) -> bool:
    return line.replace(" ", "").startswith("name=")


def _members(table: Mapping[str, Any]) -> frozenset[str]:
    """What a lock of uv says are the members of the workspace. One from an index is none."""
    manifest = table.get("manifest")
    members = manifest.get("members") if isinstance(manifest, dict) else None
    told = members if isinstance(members, list) else []
    return frozenset(canonicalize_name(one) for one in told if isinstance(one, str))


def _uv(one: Mapping[str, Any]) -> tuple[Source, str]:
    return _first(_within(one, "source"), {
        "registry": "registry", "git": "git", "url": "url", "path": "path", "directory": "path",
        "editable": "path", "virtual": "path",
    })  # fmt: skip


def _poetry(one: Mapping[str, Any]) -> tuple[Source, str]:
    source = _within(one, "source")
    kinds: dict[Any, Source] = {
        "git": "git", "url": "url", "file": "path", "directory": "path",
    }  # fmt: skip
    return kinds.get(source.get("type"), "registry"), str(source.get("url", ""))


def _pdm(one: Mapping[str, Any]) -> tuple[Source, str]:
    return _first(one, {"git": "git", "hg": "git", "svn": "git", "path": "path", "url": "url"})


def _pylock(one: Mapping[str, Any]) -> tuple[Source, str]:
    for key, source in (("vcs", "git"), ("directory", "path"), ("archive", "url")):
        if isinstance(inner := one.get(key), dict):
            known: Source = "path" if source == "path" or "url" not in inner else "url"
            place = str(inner.get("url") or inner.get("path") or "")
            return ("git" if source == "git" else known), place
    return "registry", str(one.get("index", ""))


def _first(table: Mapping[str, Any], kinds: Mapping[str, Source]) -> tuple[Source, str]:
    for key, source in kinds.items():
        if isinstance(place := table.get(key), str):
            return source, place
    return "registry", ""


_SOURCES = {"uv": _uv, "poetry": _poetry, "pdm": _pdm, "pylock": _pylock}


def _hashes(one: Mapping[str, Any], more: Iterable[Any]) -> Iterator[str]:
    """``hash = "sha256:…"`` of uv, Poetry and PDM, ``hashes.sha256 = "…"`` of PEP 751."""
    archives = [one.get("sdist"), one.get("archive"), *more]
    for key in ("wheels", "files"):
        archives += inner if isinstance(inner := one.get(key), list) else []
    for archive in archives:
        if not isinstance(archive, dict):
            continue
        if isinstance(digest := archive.get("hash"), str):
            yield digest
        for algorithm, digest in _within(archive, "hashes").items():
            yield f"{algorithm}:{digest}"


def _files(table: Mapping[str, Any]) -> Mapping[str, list[Any]]:
    """``[metadata.files]``, where Poetry kept the hashes before its lock format 2."""
    files = _within(_within(table, "metadata"), "files")
    return {name: inner for name, inner in files.items() if isinstance(inner, list)}


def _within(table: Mapping[str, Any], key: str) -> dict[str, Any]:
    inner = table.get(key)
    return inner if isinstance(inner, dict) else {}


def _requirements(text: str, path: str) -> Lock:
    found = requirements_file.parse(text, path)
    packages = [
        Package(
            name=one.name,
            version=one.version,
            source=_kind_of(one.place),
            place=without_credentials(one.place),
            hashes=one.hashes,
            path=path,
            line=one.line,
            own=one.place in (".", "./"),
        )
        for one in found.lines
    ]
    return Lock(path, "requirements", tuple(packages), includes=found.includes)


def _kind_of(place: str) -> Source:
    if not place:
        return "registry"
    scheme = urlsplit(place).scheme if "://" in place else ""
    if not scheme or scheme == "file":
        return "path"
    return "git" if scheme.partition("+")[0] in ("git", "hg", "svn", "bzr") else "url"
