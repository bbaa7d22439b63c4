"""The secrets in what is shipped: the members of a wheel or an sdist that are no files of the
project, such as what a build writes, or takes along although git ignores it."""

from __future__ import annotations

import hashlib
import os
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from pytest_devops_gates.errors import CannotTell
from pytest_devops_gates.evidence import Finding
from pytest_devops_gates.project import Project
from pytest_devops_gates.scanning.leaks import search_all
from pytest_devops_gates.scanning.places import LARGEST, as_texts, printable
from pytest_devops_gates.scanning.told import MEND, severity, size

TOTAL = 2**30
"""Bytes that all members of an artefact may have together: an archive that unpacks to more than
this is not to be unpacked."""


def in_artefact(path: Path, project: Project) -> list[Finding]:
    """The secrets in the members of a wheel or an sdist (``.whl``, ``.tar.gz``), those left out
    whose bytes are those of a file of the project: they are found there, by the gate ``secrets``.

    Raises CannotTell for what cannot be read as such an archive.
    """
    ours = _Files(project)
    found = []
    try:
        for name, data in _members(path):
            readings = () if ours.has(data) else as_texts(data)
            for leak in search_all(readings).leaks:
                message = (
                    f"{path.name} ships {leak.kind.says} ({size(leak)}) in {printable(name)}, line"
                    f" {leak.line} · {MEND}, and keep it out of the build"
                )
                found.append(Finding(leak.kind.id, message, severity(leak, name, project)))
    except (OSError, EOFError, ValueError, tarfile.TarError, zipfile.BadZipFile) as error:
        raise CannotTell(f"{path.name} cannot be read: {type(error).__name__}") from None
    except (zlib.error, RuntimeError, NotImplementedError) as error:
        raise CannotTell(f"{path.name} cannot be read: {type(error).__name__}") from None
    return found


def _members(path: Path) -> Iterator[tuple[str, bytes]]:
    """Name and bytes of each file; those that are too large to be searched are left out."""
    budget = TOTAL
    if path.suffix == ".whl":
        with zipfile.ZipFile(path) as archive:
            for info in archive.infolist():
                if not info.is_dir() and info.file_size <= LARGEST:
                    with archive.open(info) as stream:
                        data = _read(stream, budget)
                    budget -= len(data)
                    yield info.filename, data
        return
    with tarfile.open(path, "r:gz") as tar:
        for member in tar:
            if member.isfile() and member.size <= LARGEST:
                extracted = tar.extractfile(member)
                data = _read(extracted, budget) if extracted else b""
                budget -= len(data)
                yield member.name.partition("/")[2] or member.name, data


def _read(stream: IO[bytes], budget: int) -> bytes:
    data = stream.read(min(LARGEST, budget) + 1)
    if len(data) > budget:
        raise CannotTell(f"an artefact unpacks to more than {TOTAL >> 20} MiB")
    return data


class _Files:
    """The files of the project, by their size and their digest; each is read once, if at all."""

    def __init__(self, project: Project) -> None:
        self._sizes: dict[int, list[str]] = {}
        self._digests: dict[int, set[bytes]] = {}
        for name in project.files:
            path = os.path.join(project.root, name)
            if os.path.isfile(path) and not os.path.islink(path):
                self._sizes.setdefault(os.path.getsize(path), []).append(path)

    def has(self, data: bytes) -> bool:
        length = len(data)
        if length not in self._digests:
            paths = self._sizes.get(length, ())
            self._digests[length] = {_digest(Path(path).read_bytes()) for path in paths}
        return _digest(data) in self._digests[length]


def _digest(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=20).digest()
