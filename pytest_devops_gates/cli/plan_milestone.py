"""``devops-gates plan milestone NAME --due DATE``: make a milestone, or change it, or close it."""

from __future__ import annotations

import argparse
from datetime import date

import pytest

from pytest_devops_gates.board import plan_edit, service
from pytest_devops_gates.board.items import DOING, TODO, Board, Milestone
from pytest_devops_gates.board.plan_file import FILE, check_day
from pytest_devops_gates.cli.door import takes_rootdir, through_pytest
from pytest_devops_gates.cli.plan_place import of
from pytest_devops_gates.errors import UsageError
from pytest_devops_gates.neutral import neutral
from pytest_devops_gates.screen import say
from pytest_devops_gates.verdict import EXIT_PASS
from pytest_devops_gates.waiver_flaws import day


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str) -> None:
    parser = commands.add_parser(name, help="make a milestone, give it another day, or close it")
    parser.add_argument("name", metavar="NAME", help="its name, such as the version: 1.4")
    parser.add_argument("--due", metavar="DATE", help="the day by which it is to be reached")
    parser.add_argument("--close", action="store_true", help="it is behind us")
    takes_rootdir(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    def errand(pytest_config: pytest.Config, options: argparse.Namespace) -> int:
        place, name, due = of(pytest_config), arguments.name, _day(arguments.due)
        if not name.strip():
            raise UsageError("plan milestone: the name says nothing")
        if place.tracker:
            way = service.reach(place.tracker)
            became = service.save(way, name, due, close=arguments.close)
            say(neutral(f"{name} of {way.origin}{_told(became)}"))
            return EXIT_PASS
        known = {one.name: one for one in place.file.board.milestones} if place.file else {}
        became = service.changed(known.get(name), name, due, close=arguments.close)
        if became.closed and place.file:
            _check_done(place.file.board, name)
        after = plan_edit.with_milestone(place.data or b"", became)
        plan_edit.write(place.root, place.data, after)
        say(neutral(f"{name} in {FILE}{_told(became)}"))
        return EXIT_PASS

    return through_pytest(errand, arguments)


def _check_done(board: Board, name: str) -> None:
    """Raises UsageError for a milestone with items that are open: nobody would see them again."""
    left = [item.id for item in board.of(name) if item.status in (TODO, DOING)]
    if left:
        told = f"'{name}' has {len(left)} open: {', '.join(left[:5])}"
        raise UsageError(f"{told} · devops-gates plan move ID MILESTONE, or plan drop ID")


def _day(text: str | None) -> date | None:
    if text is None:
        return None
    found = day(text)
    if found is None:
        raise UsageError(f"--due: '{text}' is no day like 2026-12-15")
    check_day(found, "--due")
    return found


def _told(milestone: Milestone) -> str:
    due = f" is due {milestone.due}" if milestone.due else " is due on no day"
    return f"{due}, closed" if milestone.closed else due
