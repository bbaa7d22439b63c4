"""What lies in a wheel or an sdist, read with care: nothing is unpacked, and no bomb goes off.

Formats: the zip of the binary distribution format, the gzipped tar of the source distribution
format (https://packaging.python.org/en/latest/specifications/).
"""

from __future__ import annotations

import hashlib
import stat
import tarfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import IO

import msgspec

from pytest_devops_gates.errors import CannotTell

OTHER_HASHES = ("sha384", "sha512")
"""Kinds of hash beside SHA-256 that RECORD may be written with."""

FILE, FOLDER, LINK, SPECIAL = "file", "folder", "link", "special"

LARGE = 2**30
"""Bytes from which on an archive that grows a hundredfold is a bomb."""

GROWTH = 100
KEPT = 2**24
"""Bytes of one member that are kept: those of RECORD, of metadata, keys and modules."""

_SUFFIXES = (".py", ".pem", ".key")
_NAMES = ("RECORD", "METADATA", "PKG-INFO", "entry_points.txt")
_BLOCK = 2**20


class Member(msgspec.Struct, frozen=True):
    """One member: ``mtime`` as it is written, ``header`` what else its header says, ``content`` the
    bytes of those that are read on, and ``digests`` those of other kinds that RECORD may hold, of
    the members of a wheel."""

    name: str
    kind: str = FILE
    size: int = 0
    mode: int = 0
    mtime: str = ""
    header: str = ""
    target: str = ""
    sha256: bytes = b""
    content: bytes = b""
    digests: Mapping[str, bytes] = {}


class Archive(msgspec.Struct, frozen=True):
    """The members in their order, and what is not safe about them."""

    members: tuple[Member, ...]
    unsafe: tuple[str, ...] = ()

    @property
    def files(self) -> dict[str, Member]:
        """The plain files by name; in an sdist without the folder that holds them all."""
        return {member.name: member for member in self.members if member.kind == FILE}


def read(path: Path) -> Archive:
    """The members of a wheel or an sdist. Raises CannotTell for a file that is neither."""
    reader = _zip if path.suffix == ".whl" else _tar
    members: list[Member] = []
    unsafe: list[str] = []
    allowed = max(LARGE, GROWTH * path.stat().st_size)
    try:
        for member in reader(path, allowed):
            unsafe += _dangers(member, links=path.suffix != ".whl")
            members.append(member)
    except _BombError:
        unsafe.append(f"it unpacks to more than {allowed >> 20} MiB: a bomb")
    except (OSError, EOFError, ValueError, RuntimeError, NotImplementedError, KeyError,
            zlib.error, zipfile.BadZipFile, tarfile.TarError) as error:  # fmt: skip
        said = " ".join(str(error).split())[:200]
        raise CannotTell(f"{path.name} cannot be read: {said} · python -m build") from None
    counted = Counter(member.name for member in members)
    unsafe += [f"{name} is in it {n} times" for name, n in counted.items() if n > 1]
    return Archive(tuple(members), tuple(unsafe))


class _BombError(Exception):
    pass


def _zip(path: Path, allowed: int) -> Iterator[Member]:
    with zipfile.ZipFile(path) as archive:
        infos = archive.infolist()
        if sum(info.file_size for info in infos) > allowed:
            raise _BombError
        for info in infos:
            mode = info.external_attr >> 16
            kind = LINK if stat.S_ISLNK(mode) else FOLDER if info.is_dir() else FILE
            sha256, content = b"", b""
            digests = {one: hashlib.new(one) for one in OTHER_HASHES}
            if kind == FILE:
                with archive.open(info) as stream:
                    sha256, content = _digest(stream, info.filename, digests.values())
            told = (info.create_system, info.create_version, info.compress_type, info.flag_bits)
            yield Member(
                name=info.orig_filename,
                kind=kind,
                size=info.file_size,
                mode=mode,
                mtime="{}-{:02}-{:02}T{:02}:{:02}:{:02}".format(*info.date_time),
                header=f"{told} {info.extra.hex()} {info.comment.hex()}",
                sha256=sha256,
                content=content,
                digests={one: digest.digest() for one, digest in digests.items()},
            )


def _tar(path: Path, allowed: int) -> Iterator[Member]:
    total = 0
    with tarfile.open(path, "r:gz") as archive:
        for info in archive:
            total += info.size
            if total > allowed:
                raise _BombError
            is_link = info.issym() or info.islnk()
            kind = (
                FILE if info.isreg() else FOLDER if info.isdir() else LINK if is_link else SPECIAL
            )
            sha256, content = b"", b""
            stream = archive.extractfile(info) if kind == FILE else None
            if stream is not None:
                sha256, content = _digest(stream, info.name)
            pax = {k: v for k, v in info.pax_headers.items() if k not in ("mtime", "path")}
            yield Member(
                name=info.name,
                kind=kind,
                size=info.size,
                mode=info.mode,
                mtime=str(info.mtime),
                header=f"{info.uid}:{info.gid} {info.uname}:{info.gname} {sorted(pax.items())}",
                target=info.linkname,
                sha256=sha256,
                content=content,
            )


def _digest(
    stream: IO[bytes], name: str, others: Collection[hashlib._Hash] = ()
) -> tuple[bytes, bytes]:
    base = name.rpartition("/")[2]
    digest, kept, size = hashlib.sha256(), [], 0
    wanted = base.endswith(_SUFFIXES) or base in _NAMES
    while block := stream.read(_BLOCK):
        for each in (digest, *others):
            each.update(block)
        size += len(block)
        if wanted and size <= KEPT:
            kept.append(block)
    return digest.digest(), b"".join(kept) if size <= KEPT else b""


def _dangers(member: Member, *, links: bool) -> Iterator[str]:
    """Why a member is not safe to unpack. ``links`` may stand in the archive, and stay in it."""
    if _leaves(member.name):
        yield f"{member.name} leads out of the folder that it is unpacked to"
    if member.kind == SPECIAL:
        yield f"{member.name} is no file, folder or link"
    if member.kind == LINK and not links:
        yield f"{member.name} is a symbolic link, which a wheel cannot hold"
    elif member.kind == LINK and _out_of_place(member):
        yield f"{member.name} is a link that leads out of the archive"


def _leaves(name: str) -> bool:
    return (
        name.startswith("/")
        or name[1:2] == ":"
        or "\\" in name
        or "\0" in name
        or ".." in name.split("/")
    )


def _out_of_place(link: Member) -> bool:
    """Whether a link of a tar leads above its topmost folder, however it gets there."""
    if link.target.startswith("/") or "\\" in link.target:
        return True
    depth = link.name.count("/")
    for part in link.target.split("/"):
        depth += -1 if part == ".." else 0 if part in ("", ".") else 1
        if depth < 0:
            return True
    return False
