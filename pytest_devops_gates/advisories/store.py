"""Advisories that lie on this machine: a folder of OSV records, or archives of them.

Nothing is unpacked to the disk. All records are looked at, and those alone decoded that are about
the packages that were asked for.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import msgspec
from packaging.utils import canonicalize_name

from pytest_devops_gates import disk
from pytest_devops_gates.advisories import archive, osv
from pytest_devops_gates.advisories.osv import Record
from pytest_devops_gates.errors import CannotTell

UTC = timezone.utc
SUFFIXES = (".json", ".yaml", ".yml")
MANIFEST = ".manifest.json"
"""What is added to an archive's name for the file beside it that tells where it comes from."""

REFRESH = "devops-gates release advisories"
FILES = 500_000
LARGEST = 32 * 2**20
"""Bytes of one record: the largest of PyPI have some hundred thousand."""

ALL = 2 * 2**30
INDEX = 3
"""Counts up with what an index holds, so that no older one is believed."""

_PACKAGE = re.compile(rb'"package"\s*:\s*\{([^{}]*)\}')
_NAME = re.compile(rb'"name"\s*:\s*"([^"\\]+)"')
_MODIFIED = re.compile(rb'"modified"\s*:\s*"([^"\\]{10,40})"')
_YAML_NAME = re.compile(rb"^[ -]*name:[ ]*['\"]?([A-Za-z0-9][A-Za-z0-9._-]*)", re.MULTILINE)
_YAML_MODIFIED = re.compile(rb"^modified:[ ]*['\"]?([0-9][^'\"\n]{9,40})", re.MULTILINE)


class Manifest(msgspec.Struct, frozen=True):
    """Where an archive comes from, when it was fetched, and its digest."""

    source: str
    fetched: str
    modified: str
    records: int
    sha256: str


class Index(msgspec.Struct, frozen=True):
    """Which records are about which package, by their numbers; ``unnamed`` are those of which that
    could not be told without decoding them."""

    version: int
    names: dict[str, list[int]]
    unnamed: list[int]
    count: int
    modified: str


class Advisories(msgspec.Struct, frozen=True):
    """The records about the packages that were asked for, out of ``count``.

    ``modified`` is when the newest of all records was last changed: the date of the data.
    """

    records: tuple[Record, ...]
    count: int
    modified: datetime
    place: str

    def about(self, name: str) -> list[Record]:
        return [record for record in self.records if name in record.names()]


Read = Callable[[int], bytes]


def load(path: Path, names: Collection[str] | None, cache: Path, now: datetime) -> Advisories:
    """All records in a folder, with those in archives right in it, or in one archive, that are
    about the packages ``names``, or about any (None).

    Raises CannotTell where there is none, or one cannot be read.
    """
    parts: list[Advisories] = []
    try:
        if path.is_dir():
            files = sorted(_files(path))
            if files:
                parts.append(_folder(path, files, names, now))
            parts += [_archive(one, names, cache, now) for one in sorted(path.glob("*.zip"))]
        else:
            parts.append(_archive(path, names, cache, now))
    except FileNotFoundError:
        raise CannotTell(f"there are no advisories at {path.name} · {REFRESH}") from None
    except OSError as error:
        raise CannotTell(f"{path.name} cannot be read: {error.strerror or error}") from None
    if not sum(part.count for part in parts):
        raise CannotTell(f"{path.name} holds no OSV records · {REFRESH}")
    return Advisories(
        records=tuple(record for part in parts for record in part.records),
        count=sum(part.count for part in parts),
        # two archives are as old as the older one of them
        modified=min(part.modified for part in parts),
        place=path.name,
    )


def _files(folder: Path) -> Iterator[Path]:
    """The records below a folder; links are not followed, nor hidden folders looked into."""
    waiting = [folder]
    found = 0
    while waiting:
        for entry in sorted(waiting.pop().iterdir()):
            if entry.name.startswith(".") or entry.is_symlink():
                continue
            if entry.is_dir():
                waiting.append(entry)
            elif entry.name.endswith(SUFFIXES) and not entry.name.endswith(MANIFEST):
                found += 1
                if found > FILES:
                    raise CannotTell(f"{folder.name} holds more than {FILES:,} files")
                yield entry


def _folder(
    folder: Path, files: list[Path], names: Collection[str] | None, now: datetime
) -> Advisories:
    def read(at: int) -> bytes:
        data = disk.read_plain(files[at])
        if len(data) > LARGEST:
            raise CannotTell(f"{files[at].name} has more than {LARGEST >> 20} MiB")
        return data

    titles = [path.name for path in files]
    return _chosen(index(titles, read, now), titles, read, names, folder.name)


def _archive(path: Path, names: Collection[str] | None, cache: Path, now: datetime) -> Advisories:
    data = disk.read_plain(path)
    digest = hashlib.sha256(data).hexdigest()
    manifest = read_manifest(path)
    if manifest and manifest.sha256 != digest:
        raise CannotTell(f"{path.name} is not what {path.name}{MANIFEST} tells of · {REFRESH}")
    with archive.opened(data, path.name) as opened:
        titles = [one.filename for one in opened.members]
        kept = cache / "advisories" / f"{digest}.json"
        found = _kept_index(kept, len(titles))
        if found is None:
            found = index(titles, opened.read, now)
            with contextlib.suppress(OSError):
                kept.parent.mkdir(parents=True, exist_ok=True)
                disk.write(kept, msgspec.json.encode(found).decode())
        return _chosen(found, titles, opened.read, names, path.name)


def _kept_index(path: Path, members: int) -> Index | None:
    """The index of an archive with this digest, if an earlier run has left one."""
    try:
        found = msgspec.json.decode(disk.read_plain(path), type=Index)
    except (OSError, ValueError):
        return None
    numbers = [n for many in (*found.names.values(), found.unnamed) for n in many]
    fits = found.version == INDEX and found.count == members
    return found if fits and all(0 <= n < members for n in numbers) else None


def read_manifest(path: Path) -> Manifest | None:
    """What stands beside an archive. Raises CannotTell when it cannot be read."""
    beside = path.with_name(path.name + MANIFEST)
    try:
        return msgspec.json.decode(disk.read_plain(beside), type=Manifest)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise CannotTell(f"{beside.name} cannot be read: {error} · {REFRESH}") from None


def index(titles: list[str], read: Read, now: datetime) -> Index:
    """Look at all records. Raises CannotTell for one that is cut off, or larger than allowed."""
    names: dict[str, list[int]] = {}
    unnamed, newest, total = [], "", 0
    latest = (now + timedelta(days=1)).isoformat()
    for at, title in enumerate(titles):
        data = read(at)
        total += len(data)
        if total > ALL:
            raise CannotTell(f"the records have more than {ALL >> 30} GiB")
        found, modified = _glance(data, title)
        for name in found:
            names.setdefault(canonicalize_name(name), []).append(at)
        if not found:
            unnamed.append(at)
        # times of RFC 3339 in UTC sort as texts; one of tomorrow does not make the data fresh
        newest = max(newest, *(one for one in modified if one < latest), newest)
    return Index(INDEX, names, unnamed, len(titles), newest)


def _glance(data: bytes, title: str) -> tuple[frozenset[str], list[str]]:
    """The names of packages in a record and its times, without decoding it."""
    if title.endswith(".json"):
        if not (data.lstrip()[:1] == b"{" and data.rstrip()[-1:] == b"}"):
            raise CannotTell(f"{title} is no OSV record, or is cut off · {REFRESH}")
        packages = _PACKAGE.findall(data)
        raw = [name for package in packages for name in _NAME.findall(package)[:1]]
        # an escape may hide a name: such a record is decoded
        names = raw if raw and len(raw) == len(packages) else []
        times = _MODIFIED.findall(data)
    else:
        names, times = _YAML_NAME.findall(data), _YAML_MODIFIED.findall(data)
    return frozenset(n.decode("utf-8", "replace") for n in names), [
        t.decode("latin-1") for t in times
    ]


def _chosen(
    found: Index, titles: list[str], read: Read, names: Collection[str] | None, place: str
) -> Advisories:
    names = found.names if names is None else names
    wanted = {at for name in names for at in found.names.get(name, ())} | set(found.unnamed)
    asked = frozenset(names)
    decoded = (osv.decode(read(at), titles[at]) for at in sorted(wanted))
    records = _newest(record for record in decoded if record.names() & asked)
    modified = osv.moment(found.modified)
    if found.count and modified is None:
        raise CannotTell(f"{place} does not tell when its records were modified · {REFRESH}")
    return Advisories(records, found.count, modified or datetime.max.replace(tzinfo=UTC), place)


def _newest(records: Iterable[Record]) -> tuple[Record, ...]:
    """One record of each id: the one that was modified last."""
    found: dict[str, Record] = {}
    for record in records:
        if record.id not in found or found[record.id].modified < record.modified:
            found[record.id] = record
    return tuple(found.values())
