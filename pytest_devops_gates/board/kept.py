"""The board of one run, left in the run's folder by whoever asked for it: for gates that review,
which may ask nobody outside."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import msgspec

from pytest_devops_gates import disk
from pytest_devops_gates.board.items import Board
from pytest_devops_gates.json_text import dump

FILE = "plan.json"


class Kept(msgspec.Struct, frozen=True):
    """A board, and the milestone of the release that the run is about, where that is known."""

    board: Board
    milestone: str | None = None


def keep(run_dir: Path, board: Board, milestone: str | None = None) -> dict[str, str]:
    """Leave the board in the run's folder; returns its name and digest. Raises OSError."""
    text = dump(Kept(board, milestone))
    disk.write(run_dir / FILE, text)
    return {FILE: hashlib.sha256(text.encode()).hexdigest()}


def kept(run_dir: Path, left: Mapping[str, str]) -> Kept | None:
    """The board of this run, as the gate that ``left`` it says; None where none was left. Raises
    ValueError for what is none, or another one: tests that ran since then could have written it."""
    if FILE not in left:
        return None
    try:
        data = disk.read_plain(run_dir / FILE)
    except OSError as error:
        raise ValueError(f"{FILE}: {error.strerror}") from None
    if hashlib.sha256(data).hexdigest() != left[FILE]:
        raise ValueError(f"{FILE} is another one than work-items left: something changed it")
    return msgspec.json.decode(data, type=Kept)
