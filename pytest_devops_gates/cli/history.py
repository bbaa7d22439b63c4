"""``devops-gates history``: the last runs; and what the history tells of them."""

from __future__ import annotations

import argparse
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from importlib import import_module

import pytest

from pytest_devops_gates.cli.door import takes_json, takes_rootdir, through_pytest
from pytest_devops_gates.cli.history_opened import ALL, no_run, opened, takes_last, takes_profile
from pytest_devops_gates.columns import cut, padded, width
from pytest_devops_gates.history.records import RunRecord
from pytest_devops_gates.json_text import dump
from pytest_devops_gates.measures import figure, span, summary
from pytest_devops_gates.neutral import neutral
from pytest_devops_gates.screen import say, shades
from pytest_devops_gates.sparkline import draw
from pytest_devops_gates.verdict import EXIT_PASS, PASS

COMMANDS = ("trend", "compare", "dora", "metrics", "sync", "export", "import")
"""Its subcommands; each has a module of its own, ``history_NAME``."""

SHOWN = 20
"""Runs that are listed, if nobody says otherwise."""
NARROWEST = 60
_LONGEST = 16
"""Columns of a profile's name."""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "history", help="list the last runs; trends, comparisons and DORA's measures"
    )
    takes_last(parser, SHOWN)
    takes_profile(parser, "only runs of this profile (default: of all)")
    takes_json(parser, "all that is kept of them, as JSON")
    takes_rootdir(parser)
    parser.set_defaults(run=run)
    own = parser.add_subparsers(metavar="COMMAND")
    for name in COMMANDS:
        import_module(f"pytest_devops_gates.cli.history_{name}").add_parser(own)


def run(arguments: argparse.Namespace) -> int:
    def errand(pytest_config: pytest.Config, options: argparse.Namespace) -> int:
        with opened(pytest_config, options) as history:
            profile = history.meant(arguments.profile or ALL)
            last = arguments.last or SHOWN
            runs = history.store.runs(history.project, limit=last, profile=profile)
        if arguments.json:
            say(dump(runs))
        else:
            columns = max(shutil.get_terminal_size().columns, NARROWEST)
            say("\n".join(render(runs, columns, shades(), profile)))
        return EXIT_PASS

    return through_pytest(errand, arguments)


def render(
    runs: Sequence[RunRecord], columns: int, shades: str, profile: str | None = None
) -> Iterator[str]:
    """A line for each run, the newest first, and what they come to."""
    if not runs:
        yield neutral(no_run(profile))
        return
    room = min(max(width(neutral(run.profile)) for run in runs), _LONGEST)
    for one in runs:
        yield cut(_line(one, room), columns)
    yield ""
    took = [one.seconds for one in reversed(runs)]
    if told := summary(took):
        middle = f"median {span(told.median)}, {span(told.least)} to {span(told.most)}"
        label = f"took {middle}  "
        yield cut(label + draw(took, columns - len(label), shades), columns)
    outcomes = Counter(one.verdict for one in runs)
    rate = figure(100 * outcomes[PASS] / len(runs))
    counted = ", ".join(f"{count} {outcome}" for outcome, count in outcomes.most_common())
    runs_told = f"{len(runs)} run{'' if len(runs) == 1 else 's'}"
    yield cut(neutral(f"{rate} % of {runs_told} passed: {counted}"), columns)


def _line(one: RunRecord, room: int) -> str:
    """The run's id stands for its time as well: ``20260131T235959Z`` is in it."""
    commit = (one.commit or "-")[:9] + ("+" if one.dirty else "")
    part = "" if one.complete else "(a part) "
    cells = [
        padded(cut(neutral(one.verdict), 7), 7),
        padded(neutral(one.run_id), 23),
        f"{one.seconds:8.1f} s",
        padded(neutral(commit), 10),
        padded(cut(neutral(one.profile), room), room),
        neutral(part + one.reason),
    ]
    return "  ".join(cells)
