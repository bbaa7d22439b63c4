"""``devops-gates plan move ID MILESTONE``: an item is for another milestone."""

from __future__ import annotations

import argparse

import pytest

from pytest_devops_gates.board import plan_edit, service
from pytest_devops_gates.board.plan_file import FILE
from pytest_devops_gates.cli.door import takes_rootdir, through_pytest
from pytest_devops_gates.cli.plan_place import of
from pytest_devops_gates.errors import UsageError, did_you_mean
from pytest_devops_gates.neutral import neutral
from pytest_devops_gates.screen import say
from pytest_devops_gates.verdict import EXIT_PASS


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str) -> None:
    parser = commands.add_parser(name, help="put something into another milestone")
    parser.add_argument("ids", metavar="ID", nargs="+", help="the id of an item, or several")
    parser.add_argument("milestone", metavar="MILESTONE", help="the milestone to put it into")
    takes_rootdir(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    def errand(pytest_config: pytest.Config, options: argparse.Namespace) -> int:
        place, milestone = of(pytest_config), arguments.milestone
        ids = list(dict.fromkeys(arguments.ids))
        if place.tracker:
            way = service.reach(place.tracker)
            for item in service.move(way, [service.number(name) for name in ids], milestone):
                say(neutral(f"{item.id} of {way.origin} is in {item.milestone}: {item.title}"))
            return EXIT_PASS
        known = [one.name for one in place.file.board.milestones] if place.file else []
        if milestone not in known:
            told = f"there is no milestone '{milestone}'{did_you_mean(milestone, known)}"
            raise UsageError(f"{told} · devops-gates plan milestone '{milestone}' --due DATE")
        after = plan_edit.with_items(place.data or b"", ids, milestone=milestone)
        plan_edit.write(place.root, place.data, after)
        for name in ids:
            say(neutral(f"{name} in {FILE} is in {milestone}"))
        return EXIT_PASS

    return through_pytest(errand, arguments)
