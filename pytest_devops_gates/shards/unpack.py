"""A run's folder that was handed over as a zip, unpacked for as long as it is read."""

from __future__ import annotations

import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from pytest_devops_gates.errors import UsageError
from pytest_devops_gates.neutral import visible
from pytest_devops_gates.release.bundle import BadBundle, check_members, within


@contextmanager
def opened(path: Path) -> Iterator[Path]:
    """The folder itself, or one with what the zip holds. Raises UsageError where there is neither,
    and BadBundle for a zip that would do harm."""
    if path.is_dir():
        yield path
        return
    if not path.is_file():
        raise UsageError(f"{visible(str(path))}: no such folder, nor a zip of one")
    with tempfile.TemporaryDirectory(prefix="devops-gates-") as folder:
        try:
            _unpack(path, Path(folder))
        except (
            zipfile.BadZipFile,
            zlib.error,
            RuntimeError,
            EOFError,
            ValueError,
            OSError,
        ) as error:
            told = visible(path.name)
            raise BadBundle(f"{told}: no zip that can be read: {visible(str(error))}") from None
        yield Path(folder)


def _unpack(path: Path, folder: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        check_members(archive.infolist())
        members = [member for member in archive.infolist() if not member.is_dir()]
        above = within([member.filename for member in members])
        for member in members:
            target = folder / member.filename.removeprefix(above)
            target.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(member) as source, target.open("xb") as copy:
                shutil.copyfileobj(_Limited(source, member.file_size), copy)


class _Limited:
    """Reads no more than a member said that it holds."""

    def __init__(self, source: IO[bytes], size: int) -> None:
        self._source = source
        self._left = size

    def read(self, count: int = -1) -> bytes:
        data = self._source.read(count)
        self._left -= len(data)
        if self._left < 0:
            raise BadBundle("the zip has a member that is larger than it says")
        return data
