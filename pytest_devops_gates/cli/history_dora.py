"""``devops-gates history dora``: DORA's five measures of what was deployed."""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Iterator

import pytest

from pytest_devops_gates.cli.door import takes_json, takes_rootdir, through_pytest
from pytest_devops_gates.cli.history_opened import opened
from pytest_devops_gates.cli.parser import up_to
from pytest_devops_gates.columns import padded, wrap
from pytest_devops_gates.history.dora import DAYS, Measures
from pytest_devops_gates.json_text import dump
from pytest_devops_gates.measures import NO_GOALS, rows
from pytest_devops_gates.neutral import neutral
from pytest_devops_gates.screen import say
from pytest_devops_gates.verdict import EXIT_PASS

NARROWEST = 60
MOST_DAYS = 3650


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("dora", help="DORA's five measures of what was deployed")
    parser.add_argument(
        "--environment", metavar="NAME",
        help="where it was deployed to (default: production, or the only one there is)",
    )  # fmt: skip
    parser.add_argument(
        "--days", metavar="N", type=up_to(MOST_DAYS), default=DAYS,
        help=f"how many days it looks back (default: {DAYS})",
    )  # fmt: skip
    takes_json(parser, nested=True)
    takes_rootdir(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    def errand(pytest_config: pytest.Config, options: argparse.Namespace) -> int:
        with opened(pytest_config) as history:
            found = history.measures(arguments.environment, arguments.days)
        if arguments.json:
            say(dump(found))
        else:
            columns = max(shutil.get_terminal_size().columns, NARROWEST)
            for line in render(found, columns):
                say(neutral(line))  # a break may bring a command to the beginning
        return EXIT_PASS

    return through_pytest(errand, arguments)


def render(found: Measures, columns: int) -> Iterator[str]:
    """The measures, and what they leave out."""
    told = found.dora
    count = f"{told.deployments} deployment{'' if told.deployments == 1 else 's'}"
    head = f"{count} to {neutral(told.environment)} from {told.since[:10]} to {told.until[:10]}"
    yield from map(neutral, wrap(neutral(head), columns - 1))
    measures = rows(told)
    room = max(len(row.name) for row in measures)
    indent = " " * (room + 4)
    for row in measures:
        value = f"not measured: {row.value}" if row.missing else f"{row.value}: {row.means}"
        yield from wrap(f"  {padded(row.name, room)}  {value}", columns - 1, indent)
    for note in found.notes:
        yield from map(neutral, wrap(f"  note: {neutral(note)}", columns - 1, "    "))
    yield from wrap(NO_GOALS, columns - 1)
