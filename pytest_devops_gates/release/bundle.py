"""A run's folder, or a zip of it, as somebody handed it over: nothing in it is believed.

What is read is what the evidence is about; nothing is unpacked.
"""

from __future__ import annotations

import hashlib
import os
import stat
import zipfile
import zlib
from collections import Counter
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import IO

import msgspec

from pytest_devops_gates.errors import UsageError
from pytest_devops_gates.neutral import visible
from pytest_devops_gates.release.evidence import DIST, FILE, RESTS_ON
from pytest_devops_gates.release.statements import VERDICT

LARGEST = 2**30
"""Bytes that a bundle may have, unpacked, in all that is read of it."""
MEMBERS = 100_000
"""Files that a zip may have."""

_BLOCK = 2**20


class Bundle(msgspec.Struct, frozen=True):
    """``verdict`` and ``evidence`` are the bytes of the two files, None for one that is missing;
    ``files`` are the digests of all that the evidence is about, ``dist`` those of what was built.
    """

    verdict: bytes | None
    evidence: bytes | None
    files: Mapping[str, str]
    dist: Mapping[str, str]


class BadBundle(Exception):
    """Something that nobody may trust, in one line."""


def read(path: Path) -> Bundle:
    """Read a folder or a zip. Raises UsageError where there is neither, and BadBundle."""
    try:
        if path.is_dir():
            return _folder(path)
        if path.is_file():
            return _zip(path)
    except OSError as error:
        raise BadBundle(f"{error.filename or path}: {error.strerror or error}") from None
    raise UsageError(f"{visible(str(path))}: no such folder, nor a zip of one")


class _Taken:
    """What was read so far. Raises BadBundle as soon as it is more than fits."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}
        self.digests: dict[str, str] = {}
        self._left = LARGEST

    def take(self, name: str, stream: IO[bytes]) -> None:
        digest, blocks = hashlib.sha256(), []
        while block := stream.read(_BLOCK):
            self._left -= len(block)
            if self._left < 0:
                raise BadBundle(f"{visible(name)}: more than {LARGEST >> 20} MiB in all")
            digest.update(block)
            if name in (VERDICT, FILE):
                blocks.append(block)
        self.digests[name] = digest.hexdigest()
        if name in (VERDICT, FILE):
            self.kept[name] = b"".join(blocks)

    def bundle(self) -> Bundle:
        dist = f"{DIST}/"
        return Bundle(
            verdict=self.kept.get(VERDICT),
            evidence=self.kept.get(FILE),
            files={n: d for n, d in self.digests.items() if RESTS_ON.fullmatch(n)},
            dist={n[len(dist) :]: d for n, d in self.digests.items() if n.startswith(dist)},
        )


def _is_wanted(name: str) -> bool:
    return bool(RESTS_ON.fullmatch(name)) or name == FILE or name.startswith(f"{DIST}/")


def _folder(folder: Path) -> Bundle:
    taken = _Taken()
    dist = folder / DIST
    if dist.is_symlink():
        raise BadBundle(f"{DIST}: is a link, which may lead anywhere")
    inner = sorted(dist.iterdir()) if dist.is_dir() else []
    for path in [*sorted(folder.iterdir()), *inner]:
        name = path.relative_to(folder).as_posix()
        if _is_wanted(name):
            _take_file(path, name, taken)
    return taken.bundle()


def _take_file(path: Path, name: str, taken: _Taken) -> None:
    """Raises BadBundle for a link or a pipe under the name of a file."""
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0)
    if path.is_symlink():
        raise BadBundle(f"{visible(name)}: is a link, which may lead anywhere")
    with os.fdopen(os.open(path, flags), "rb") as stream:
        if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
            raise BadBundle(f"{visible(name)}: is no plain file")
        taken.take(name, stream)


def _zip(path: Path) -> Bundle:
    taken = _Taken()
    try:
        with zipfile.ZipFile(path) as archive:
            members = [m for m in archive.infolist() if not m.is_dir()]
            check_members(archive.infolist())
            above = within([m.filename for m in members])
            for member in members:
                name = member.filename.removeprefix(above)
                if member.filename.startswith(above) and _is_wanted(name):
                    with archive.open(member) as stream:
                        taken.take(name, stream)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError) as error:
        raise BadBundle(f"{visible(path.name)}: no zip that can be read: {error}") from None
    except (ValueError, UnicodeError) as error:
        raise BadBundle(f"{visible(path.name)}: no zip that can be read: {error}") from None
    return taken.bundle()


def check_members(members: list[zipfile.ZipInfo]) -> None:
    """Raises BadBundle for a zip that would do harm, or that programs read in different ways."""
    if len(members) > MEMBERS:
        raise BadBundle(f"the zip has {len(members)} members, more than {MEMBERS}")
    if (size := sum(m.file_size for m in members)) > LARGEST:
        raise BadBundle(f"the zip unpacks to {size >> 20} MiB, more than {LARGEST >> 20}")
    for member in members:
        name = member.filename
        parts = PurePosixPath(name).parts
        if name.startswith("/") or "\\" in name or ":" in name[:2] or ".." in parts:
            raise BadBundle(f"the zip has the member '{visible(name)}', which leads out of it")
        if stat.S_ISLNK(member.external_attr >> 16):
            raise BadBundle(f"the zip has the member '{visible(name)}', which is a link")
        if member.flag_bits & 1:
            raise BadBundle(f"the zip has the member '{visible(name)}', which is encrypted")
    names = Counter(str(PurePosixPath(m.filename)) for m in members)
    name, times = max(names.items(), key=lambda pair: pair[1], default=("", 0))
    if times > 1:
        raise BadBundle(f"the zip has the member '{visible(name)}' {times} times")


def within(names: list[str]) -> str:
    """The one folder in which all of a zip lies, or nothing where it has none."""
    tops = {name.split("/", 1)[0] for name in names}
    if VERDICT in names or len(tops) != 1 or any("/" not in name for name in names):
        return ""
    return f"{tops.pop()}/"
