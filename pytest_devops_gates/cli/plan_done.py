"""``devops-gates plan start``, ``plan done`` and ``plan drop``: what becomes of an item."""

from __future__ import annotations

import argparse

import pytest

from pytest_devops_gates.board import plan_edit, service
from pytest_devops_gates.board.items import DOING, DONE, DROPPED
from pytest_devops_gates.board.plan_file import FILE
from pytest_devops_gates.cli.door import takes_rootdir, through_pytest
from pytest_devops_gates.cli.plan_place import of
from pytest_devops_gates.errors import UsageError
from pytest_devops_gates.neutral import neutral
from pytest_devops_gates.screen import say
from pytest_devops_gates.verdict import EXIT_PASS

STATUS = {"start": DOING, "done": DONE, "drop": DROPPED}
HELP = {
    "start": "say that somebody is at it",
    "done": "say that something is done",
    "drop": "say that something is not going to be done",
}


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str) -> None:
    parser = commands.add_parser(name, help=HELP[name])
    parser.add_argument("ids", metavar="ID", nargs="+", help="the id of an item, or several")
    takes_rootdir(parser)
    parser.set_defaults(run=run, status=STATUS[name])


def run(arguments: argparse.Namespace) -> int:
    def errand(pytest_config: pytest.Config, options: argparse.Namespace) -> int:
        place, status = of(pytest_config), arguments.status
        ids = list(dict.fromkeys(arguments.ids))
        if place.tracker and status == DOING:
            raise UsageError("plan start: in a tracker, assign the issue, or label it 'doing'")
        if place.tracker:
            way = service.reach(place.tracker)
            for name in [service.number(name) for name in ids]:
                item = service.close(way, name, status)
                say(neutral(f"{item.id} of {way.origin} is {item.status}: {item.title}"))
            return EXIT_PASS
        after = plan_edit.with_items(place.data or b"", ids, status=status)
        plan_edit.write(place.root, place.data, after)
        for name in ids:
            say(neutral(f"{name} in {FILE} is {status}"))
        return EXIT_PASS

    return through_pytest(errand, arguments)
