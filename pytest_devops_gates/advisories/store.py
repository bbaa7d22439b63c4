"""Advisories that lie on this machine: a folder of OSV records, or archives of them.

Nothing is unpacked to the disk. All records are looked at, and those alone decoded that are about
the packages that were asked for.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import msgspec
from packaging.utils import canonicalize_name

from pytest_devops_gates import disk
from pytest_devops_gates.advisories import archive, osv
from pytest_devops_gates.advisories.glance import glance
from pytest_devops_gates.advisories.osv import Record
from pytest_devops_gates.errors import CannotTell

UTC = timezone.utc
ZIP = ".zip"
SUFFIXES = (".json", ".yaml", ".yml", ZIP)
MANIFEST = ".manifest.json"
"""What is added to an archive's name for the file beside it that tells where it comes from."""

REFRESH = "devops-gates release advisories"
FILES = 500_000
LARGEST = 32 * 2**20
"""Bytes of one record: the largest of PyPI have some hundred thousand."""

ALL = 2 * 2**30
INDEX = 4
"""Counts up with what an index holds, so that no older one is believed."""


class Manifest(msgspec.Struct, frozen=True):
    """Where an archive comes from, when it was fetched, and its digest."""

    source: str
    fetched: str
    modified: str
    records: int
    sha256: str


class Index(msgspec.Struct, frozen=True):
    """Which records of ``all`` are about which package of PyPI, by their numbers; ``count`` are
    about any, and ``modified`` is when the newest of these was changed."""

    version: int
    names: dict[str, list[int]]
    all: int
    count: int
    modified: str


class Advisories(msgspec.Struct, frozen=True):
    """The records about the packages that were asked for, out of ``count`` about any of PyPI's.

    ``modified`` is when the newest of those was last changed: the date of the data.
    """

    records: tuple[Record, ...]
    count: int
    modified: datetime
    place: str

    def about(self, name: str) -> list[Record]:
        return [record for record in self.records if name in record.names()]


Read = Callable[[int], bytes]


def load(path: Path, names: Collection[str] | None, cache: Path, now: datetime) -> Advisories:
    """All records below a folder, with those in the archives there, or in one archive, that are
    about the packages ``names``, or about any (None).

    Raises CannotTell where there is none about PyPI's packages, or one cannot be read.
    """
    parts: list[Advisories] = []
    try:
        if path.is_dir():
            everything = sorted(_files(path))
            files = [one for one in everything if one.suffix != ZIP]
            if files:
                parts.append(_folder(path, files, names, now))
            parts += [_archive(one, names, cache, now) for one in everything if one.suffix == ZIP]
        else:
            parts.append(_archive(path, names, cache, now))
    except FileNotFoundError:
        raise CannotTell(f"there are no advisories at {path.name} · {REFRESH}") from None
    except OSError as error:
        raise CannotTell(f"{path.name} cannot be read: {error.strerror or error}") from None
    if not sum(part.count for part in parts):
        raise CannotTell(f"{path.name} holds no OSV records of PyPI's packages · {REFRESH}")
    return Advisories(
        records=tuple(record for part in parts for record in part.records),
        count=sum(part.count for part in parts),
        # two archives are as old as the older one of them
        modified=min(part.modified for part in parts),
        place=path.name,
    )


def _files(folder: Path) -> Iterator[Path]:
    """The records and the archives below a folder. Links to archives are followed, no others, and
    hidden folders are not looked into."""
    waiting = [folder]
    found = 0
    while waiting:
        for entry in sorted(waiting.pop().iterdir()):
            if entry.name.startswith(".") or (entry.is_symlink() and entry.suffix != ZIP):
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
    numbers = {n for many in found.names.values() for n in many}
    fits = (found.version, found.all, found.count) == (INDEX, members, len(numbers))
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
    newest, count, total = "", 0, 0
    latest = (now + timedelta(days=1)).isoformat()
    for at, title in enumerate(titles):
        data = read(at)
        total += len(data)
        if total > ALL:
            raise CannotTell(f"the records have more than {ALL >> 30} GiB")
        found = glance(data, title, REFRESH)
        if not found.names:
            continue
        count += 1
        for name in {canonicalize_name(one) for one in found.names}:
            names.setdefault(name, []).append(at)
        # times of RFC 3339 in UTC sort as texts; one of tomorrow does not make the data fresh
        newest = max(newest, *(one for one in found.times if one < latest), newest)
    return Index(INDEX, names, len(titles), count, newest)


def _chosen(
    found: Index, titles: list[str], read: Read, names: Collection[str] | None, place: str
) -> Advisories:
    names = found.names if names is None else names
    wanted = {at for name in names for at in found.names.get(name, ())}
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
