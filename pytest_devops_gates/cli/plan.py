"""``devops-gates plan``: what is planned, milestone by milestone; and what changes it."""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Collection
from datetime import datetime, timezone
from importlib import import_module
from typing import Any

import pytest

from pytest_devops_gates.board import service, source
from pytest_devops_gates.board.items import Board, Milestone
from pytest_devops_gates.board.plan_file import FILE
from pytest_devops_gates.board.source import Release
from pytest_devops_gates.cli import plan_screen
from pytest_devops_gates.cli.door import takes_json, takes_rootdir, through_pytest
from pytest_devops_gates.cli.plan_place import Place, of
from pytest_devops_gates.errors import CannotTell
from pytest_devops_gates.json_text import dump
from pytest_devops_gates.screen import say
from pytest_devops_gates.verdict import EXIT_PASS

COMMANDS = ("add", "start", "done", "drop", "move", "milestone")
"""Its subcommands; ``drop`` is told in the module of ``done``."""

NOTHING = f"nothing is planned: there is no {FILE} · devops-gates plan milestone NAME --due DATE"


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "plan", help="show what is planned, milestone by milestone; add to it, and change it"
    )
    takes_json(parser, "print the board as JSON")
    takes_rootdir(parser)
    parser.set_defaults(run=run)
    own = parser.add_subparsers(metavar="COMMAND")
    for name in COMMANDS:
        module = "done" if name in ("start", "drop") else name
        import_module(f"pytest_devops_gates.cli.plan_{module}").add_parser(own, name)


def run(arguments: argparse.Namespace) -> int:
    def errand(pytest_config: pytest.Config, options: argparse.Namespace) -> int:
        place = of(pytest_config)
        board = _board(place)
        release, why_not = _release(place, board)
        if arguments.json:
            say(dump(_plain(board, release)))
            return EXIT_PASS
        today = datetime.now(timezone.utc).date()
        if board is None:
            say(NOTHING)
            return EXIT_PASS
        columns = shutil.get_terminal_size().columns
        say("\n".join(plan_screen.render(board, release, why_not, today, columns)))
        return EXIT_PASS

    return through_pytest(errand, arguments)


def _board(place: Place) -> Board | None:
    """All that is planned, but for the items of what is closed where a tracker keeps them."""
    if place.tracker is None:
        return place.file.board if place.file else None

    def wanted(milestones: tuple[Milestone, ...]) -> Collection[str]:
        found = [one.name for one in milestones if not one.closed]
        try:
            found.append(source.release(milestones, place.version, place.asked).milestone.name)
        except CannotTell:
            return found
        return dict.fromkeys(found)

    return service.board(place.tracker, wanted, loose=True)


def _release(place: Place, board: Board | None) -> tuple[Release | None, str]:
    """The release's milestone, or why there is none."""
    if board is None:
        return None, ""
    try:
        worked_for = place.file.milestone if place.file else None
        return source.release(board.milestones, place.version, place.asked, worked_for), ""
    except CannotTell as reason:
        return None, str(reason)


def _plain(board: Board | None, release: Release | None) -> dict[str, Any]:
    return {
        "origin": board.origin if board else None,
        "release": {"milestone": release.milestone.name, "why": release.why} if release else None,
        "milestones": board.milestones if board else (),
        "items": board.items if board else (),
    }
