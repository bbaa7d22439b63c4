"""The files of a project in ``devops-gates/``, which people and we write."""

from __future__ import annotations

from pathlib import Path

from pytest_devops_gates import disk
from pytest_devops_gates.errors import UsageError


def found(root: Path, name: str) -> bytes | None:
    """What a file holds; None where there is none. Raises UsageError when it cannot be read."""
    try:
        return disk.read_plain(root / name)
    except FileNotFoundError:
        if (root / name).is_symlink():
            raise UsageError(f"{name} is a link that leads nowhere") from None
        return None
    except OSError as error:
        raise UsageError(f"{name} cannot be read: {error.strerror}") from None
