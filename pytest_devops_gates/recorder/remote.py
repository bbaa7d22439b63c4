"""The stream of an xdist worker on another machine, which cannot write to a file of this one: it is
kept there, and comes with what the worker reports at its end."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pytest_devops_gates.stream import open_writer

OUTPUT = "pytest_devops_gates"
"""The key of it in ``workeroutput``."""


def opened(path: str, key: bytes) -> tuple[Callable[..., None], Path | None]:
    """A writer to the file at ``path``, or else to one of this machine, which is to be brought."""
    try:
        return open_writer(path, key), None
    except FileNotFoundError:
        handle, name = tempfile.mkstemp(prefix="devops-gates-", suffix=".jsonl")
        os.close(handle)
        return open_writer(name, key), Path(name)


def hand_in(config: Any, kept: Path) -> None:
    """Give the stream to xdist, at the end of the worker's session."""
    config.workeroutput[OUTPUT] = kept.read_text("ascii")
    kept.unlink()


def take_in(node: Any, path: str) -> None:
    """Write what a worker handed in, if it did, to the file that it could not reach."""
    told = getattr(node, "workeroutput", {}).get(OUTPUT)
    if told:
        Path(path).write_text(told, "ascii")
