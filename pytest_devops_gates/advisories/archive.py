"""Zip archives of records, read in memory: their sizes, names and sums are not believed."""

from __future__ import annotations

import io
import stat
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

from pytest_devops_gates.errors import CannotTell

MEMBERS = 500_000
LARGEST = 32 * 2**20
ALL = 2 * 2**30
"""Bytes of one member, and of all of them, unpacked."""


class Opened:
    """An archive whose members are the records, in the order of its directory."""

    def __init__(self, name: str, file: zipfile.ZipFile, members: list[zipfile.ZipInfo]) -> None:
        self.name = name
        self.members = members
        self._file = file

    def read(self, at: int) -> bytes:
        """The bytes of a member. Raises CannotTell for one that is broken, locked or too large."""
        member = self.members[at]
        try:
            with self._file.open(member) as stream:
                data = stream.read(LARGEST + 1)
                if not stream.read(1) and len(data) <= LARGEST:
                    return data
        except (zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError, EOFError,
                OSError) as error:  # fmt: skip
            raise CannotTell(f"{self.name}: {member.filename[:80]}: {error}") from None
        raise CannotTell(f"{self.name}: {member.filename[:80]} has more than {LARGEST >> 20} MiB")


@contextmanager
def opened(data: bytes, name: str) -> Iterator[Opened]:
    """The records of an archive. Raises CannotTell for what is none, or is a trap."""
    try:
        file = zipfile.ZipFile(io.BytesIO(data))
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError) as error:
        raise CannotTell(f"{name} is no zip archive, or is cut off: {error}") from None
    with file:
        yield Opened(name, file, list(_members(file, name)))


def _members(file: zipfile.ZipFile, name: str) -> Iterator[zipfile.ZipInfo]:
    everything = file.infolist()
    if len(everything) > MEMBERS:
        raise CannotTell(f"{name} has more than {MEMBERS:,} members")
    if sum(one.file_size for one in everything) > ALL:
        raise CannotTell(f"{name} unpacks to more than {ALL >> 30} GiB")
    for one in everything:
        parts = one.filename.replace("\\", "/").split("/")
        if one.filename.startswith(("/", "\\")) or ".." in parts or ":" in parts[0]:
            raise CannotTell(f"{name} has a member that leads out of it: {one.filename[:80]}")
        if stat.S_ISLNK(one.external_attr >> 16):
            raise CannotTell(f"{name} has a member that is a link: {one.filename[:80]}")
        if one.filename.endswith((".json", ".yaml", ".yml")):
            yield one
