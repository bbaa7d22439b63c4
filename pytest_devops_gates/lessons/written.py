"""Writes several files of a project: all of them, or none."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path

from pytest_devops_gates import disk
from pytest_devops_gates.errors import UsageError


def write(root: Path, files: Mapping[str, bytes]) -> None:
    """Write files below the root, each whole. Raises UsageError where one cannot be written: those
    before it are then as they were."""
    before: dict[str, str | None] = {}
    for name in files:
        path = root / name
        if path.is_symlink():
            raise UsageError(f"{name} is a link: change the file where it leads to")
        try:
            before[name] = disk.read_plain(path).decode()
        except FileNotFoundError:
            before[name] = None
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"{name} cannot be read: {error}") from None
    done: list[str] = []
    try:
        for name, data in files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            disk.write(root / name, data.decode())
            done.append(name)
    except OSError as error:
        _put_back(root, {each: before[each] for each in done})
        failed = next(each for each in files if each not in done)
        raise UsageError(f"{failed} cannot be written: {error.strerror}") from None


def _put_back(root: Path, before: Mapping[str, str | None]) -> None:
    for name, text in before.items():
        with contextlib.suppress(OSError):
            if text is None:
                (root / name).unlink()
            else:
                disk.write(root / name, text)
