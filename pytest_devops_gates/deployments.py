"""A roll-out as it is written down, in ``.devops-gates/deployments.jsonl``: a line as it begins and
one as it ends, so that one that nobody saw the end of is told as well."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import msgspec

from pytest_devops_gates import disk
from pytest_devops_gates.errors import CannotTell
from pytest_devops_gates.json_text import dump
from pytest_devops_gates.runs import FOLDER
from pytest_devops_gates.verdict import Artefact

SCHEMA = "pytest-devops-gates/deployment/1"
FILE = f"{FOLDER}/deployments.jsonl"

STARTED, DEPLOYED, FAILED, REJECTED = "started", "deployed", "failed", "rejected"
"""What became of it: ``failed`` is its command, ``rejected`` what the gates of operation saw."""

_CANCELLED = b"\x18"
"""Ends the half of a line that a machine left that stopped: the character CANCEL."""


class RollBack(msgspec.Struct, frozen=True):
    """The command that undid it, and how that ended; ``reason`` says why it failed."""

    argv: tuple[str, ...]
    exit_code: int | None
    seconds: float
    reason: str | None = None


class Deployment(msgspec.Struct, frozen=True):
    """One roll-out, which somebody at a machine began (``by``). Times are RFC 3339, UTC; ``reason``
    says why it is not ``deployed``, and ``exit_code`` is None where its command never started."""

    schema: str
    id: str
    environment: str
    outcome: str
    started: str
    by: str
    commit: str | None
    version: str | None
    run_id: str
    policy: str
    artefacts: tuple[Artefact, ...]
    argv: tuple[str, ...]
    approved_by: tuple[str, ...] = ()
    ended: str | None = None
    exit_code: int | None = None
    reason: str | None = None
    roll_back: RollBack | None = None

    @property
    def never_ran(self) -> bool:
        """Whether its command never started, so that nothing was changed."""
        return self.outcome == FAILED and self.exit_code is None


def record(root: Path, deployment: Deployment) -> None:
    """Append a line, on the disk before this returns; half a line before it is marked as one.
    Raises OSError."""
    descriptor = open_plain(root, FILE)
    try:
        size = os.fstat(descriptor).st_size
        os.lseek(descriptor, max(0, size - 1), os.SEEK_SET)
        is_half = size > 0 and os.read(descriptor, 1) != b"\n"
        end = _CANCELLED + b"\n" if is_half else b""
        line = end + (dump(deployment, indent=0) + "\n").encode("ascii")
        if os.write(descriptor, line) != len(line):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def recorded(root: Path) -> tuple[Deployment, ...]:
    """The last that was written of each, in the order in which they began. A line that cannot be
    read is left out: what can be read is worth keeping. Raises OSError."""
    return _read(root)[0]


def whole(root: Path) -> tuple[Deployment, ...]:
    """The same, for those who judge by it: of a line that cannot be read nobody knows which
    roll-out it hides. Half a line is none, since a roll-out begins only after all of its first one
    is written. Raises CannotTell."""
    try:
        found, bad = _read(root)
    except OSError as error:
        raise CannotTell(f"{FILE} cannot be read: {error.strerror}") from None
    if bad:
        mend = "look at what runs there, and take the line out"
        raise CannotTell(f"{FILE}:{bad[0]}: is no roll-out that can be read · {mend}")
    return found


def _read(root: Path) -> tuple[tuple[Deployment, ...], list[int]]:
    """The roll-outs, and the numbers of the lines that are none, nor half of one."""
    last: dict[str, Deployment] = {}
    bad: list[int] = []
    try:
        os.close(_open(root / FILE, os.O_RDONLY))
        data = disk.read_plain(root / FILE)
    except FileNotFoundError:
        return (), bad
    *lines, half = data.split(b"\n")
    for number, line in enumerate([*lines, half + _CANCELLED], start=1):
        try:
            one = msgspec.json.decode(line.removesuffix(_CANCELLED), type=Deployment)
        except (ValueError, RecursionError):
            if line.strip() and not line.endswith(_CANCELLED):
                bad.append(number)
            continue
        last[one.id] = one
    return tuple(last.values()), bad


def open_plain(root: Path, name: str) -> int:
    """Open a file of ours to append to it, made where there is none. Raises OSError for a link, a
    pipe, and whatever else is no plain file."""
    folder = root / FOLDER
    folder.mkdir(exist_ok=True)
    if not os.path.lexists(folder / ".gitignore"):
        disk.write(folder / ".gitignore", "# made by pytest-devops-gates\n*\n")
    return _open(root / name, os.O_RDWR | os.O_APPEND | os.O_CREAT)


def _open(path: Path, flags: int) -> int:
    flags |= getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    descriptor = os.open(path, flags, 0o644)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "no plain file")
    return descriptor
