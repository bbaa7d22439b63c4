"""One roll-out to an environment at a time, from one checkout. Ends with its process, however that
ends; other machines are kept apart by whoever starts them (``concurrency`` in GitHub Actions)."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from pytest_devops_gates import deployments
from pytest_devops_gates.errors import UsageError
from pytest_devops_gates.runs import FOLDER

_CAP = 200

if sys.platform == "win32":
    import msvcrt

    def _take(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _take(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


class Busy(Exception):
    """Somebody else rolls out to the environment; says who, and since when."""


@contextlib.contextmanager
def held(root: Path, environment: str, who: str) -> Iterator[None]:
    """Hold the environment. Raises Busy, and UsageError where that cannot be told."""
    path = f"{FOLDER}/deploy-{environment}.lock"
    try:
        descriptor = deployments.open_plain(root, path)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from None
    try:
        try:
            _take(descriptor)
        except OSError:
            told = os.pread(descriptor, _CAP, 0) if hasattr(os, "pread") else b""
            raise Busy(told.decode("utf-8", "replace").strip() or "somebody else") from None
        os.ftruncate(descriptor, 0)
        os.write(descriptor, who.encode("utf-8", "backslashreplace")[:_CAP])
        yield
    finally:
        os.close(descriptor)
