"""A roll-out as it is written down, in ``.devops-gates/deployments.jsonl``: a line as it begins and
one as it ends, so that one that nobody saw the end of is told as well."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import msgspec

from pytest_devops_gates import disk
from pytest_devops_gates.runs import FOLDER
from pytest_devops_gates.verdict import Artefact

SCHEMA = "pytest-devops-gates/deployment/1"
FILE = f"{FOLDER}/deployments.jsonl"

STARTED, DEPLOYED, FAILED, REJECTED = "started", "deployed", "failed", "rejected"
"""What became of it: ``failed`` is its command, ``rejected`` what the gates of operation saw."""


class RollBack(msgspec.Struct, frozen=True):
    """The command that undid it, and how that ended."""

    argv: tuple[str, ...]
    exit_code: int
    seconds: float


class Deployment(msgspec.Struct, frozen=True):
    """One roll-out. Times are RFC 3339, UTC; ``reason`` says why it is not ``deployed``."""

    schema: str
    id: str
    environment: str
    outcome: str
    started: str
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


def record(root: Path, deployment: Deployment) -> None:
    """Append a line, on the disk before this returns. Raises OSError."""
    path = root / FILE
    path.parent.mkdir(exist_ok=True)
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
    descriptor = os.open(path, flags, 0o644)
    try:
        os.write(descriptor, msgspec.json.encode(deployment) + b"\n")
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def recorded(root: Path) -> Iterator[Deployment]:
    """The last that was written of each, in the order in which they began. Half a line, which a
    machine left that stopped, is left out. Raises OSError."""
    last: dict[str, Deployment] = {}
    path = root / FILE
    for line in disk.read_plain(path).split(b"\n") if path.is_file() else ():
        try:
            one = msgspec.json.decode(line, type=Deployment)
        except ValueError:
            continue
        last[one.id] = one
    yield from last.values()
