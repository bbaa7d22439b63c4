"""``devops-gates history trend [GATE.METRIC …]``: where numbers went over the last runs."""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Iterable, Iterator, Sequence

import pytest

from pytest_devops_gates.cli.door import takes_rootdir, through_pytest
from pytest_devops_gates.cli.history_opened import NO_RUN, Opened, opened, takes_last
from pytest_devops_gates.columns import cut, padded, width
from pytest_devops_gates.errors import UsageError, did_you_mean
from pytest_devops_gates.history import trends
from pytest_devops_gates.history.records import RunRecord
from pytest_devops_gates.history.trends import Seen
from pytest_devops_gates.json_text import dump
from pytest_devops_gates.measures import Summary, figure, of_trend
from pytest_devops_gates.neutral import neutral
from pytest_devops_gates.screen import say, shades
from pytest_devops_gates.sparkline import draw
from pytest_devops_gates.verdict import EXIT_PASS, Trend

NARROWEST = 60
_LINE = 60
"""Columns that a line takes at most."""
_LEAST = 10
"""Columns without which a line says little: some numbers make way for it."""
_NAME = 40
_HEADS = ("first", "last", "least", "median", "most", "runs")
_FEW = ("first", "last", "runs")


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("trend", help="where numbers went over the last runs")
    parser.add_argument(
        "names", metavar="GATE.METRIC", nargs="*",
        help="such as coverage.line (default: coverage, tests, and the findings of each gate)",
    )  # fmt: skip
    takes_last(parser, trends.RUNS)
    parser.add_argument("--json", action="store_true", help="every value, as JSON")
    takes_rootdir(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    def errand(pytest_config: pytest.Config, options: argparse.Namespace) -> int:
        with opened(pytest_config) as history:
            found = list(_trends(history, arguments))
        if arguments.json:
            say(dump(found))
        else:
            columns = max(shutil.get_terminal_size().columns, NARROWEST)
            say("\n".join(render(found, columns, shades())))
        return EXIT_PASS

    return through_pytest(errand, arguments)


def _trends(history: Opened, arguments: argparse.Namespace) -> Iterator[Trend]:
    """The lines that were asked for. Raises UsageError for a metric that no run measured."""
    asked = {"profile": arguments.profile, "limit": arguments.last}
    for name in arguments.names:
        points = history.store.series(history.project, name, **asked)
        if not points:
            near = did_you_mean(name, history.store.metrics(history.project))
            raise UsageError(f"no run that is recorded measured '{name}'{near}")
        gate, _, metric = name.partition(".")
        yield Trend(gate, metric, points)
    if not arguments.names:
        runs = history.store.runs(history.project, **asked)
        yield from main_ones(runs)


def main_ones(runs: Sequence[RunRecord]) -> tuple[Trend, ...]:
    """What everybody looks at first. A gate counts as the newest run has it."""
    gates: dict[str, Seen] = {}
    for one in runs:
        for gate in one.gates:
            if gate.metrics:
                gates.setdefault(gate.name, Seen(gate.name, gate.metrics))
    return trends.drawn(trends.candidates(gates.values()), trends.points(runs))


def render(found: Iterable[Trend], columns: int, shades: str) -> Iterator[str]:
    """A line for each, with what it comes to."""
    told = [(trend, summary) for trend in found if (summary := of_trend(trend))]
    if not told:
        yield f"a line takes two runs · {NO_RUN}"
        return
    names = [f"{trend.gate}.{trend.metric}" for trend, _ in told]
    room = min(max(width(neutral(name)) for name in names), _NAME)
    rows = [_figures(summary) for _, summary in told]
    for shown in (_HEADS, _FEW):
        cells = [[row[head] for head in shown] for row in rows]
        wide = [max(map(len, column)) for column in zip(shown, *cells, strict=True)]
        line = min(columns - room - sum(wide) - 2 * (len(wide) + 1), _LINE)
        if line >= _LEAST:
            break
    yield cut(_row("metric", room, "trend", line, shown, wide), columns)
    for name, (trend, _), figures in zip(names, told, cells, strict=True):
        drawn = draw([point.value for point in trend.points], line, shades)
        yield cut(_row(neutral(name), room, drawn, line, figures, wide), columns)


def _figures(told: Summary) -> dict[str, str]:
    values = (told.first, told.last, told.least, told.median, told.most, told.count)
    return dict(zip(_HEADS, map(figure, values), strict=True))


def _row(
    name: str, room: int, drawn: str, line: int, cells: Sequence[str], wide: Sequence[int]
) -> str:
    numbers = "  ".join(cell.rjust(most) for cell, most in zip(cells, wide, strict=True))
    parts = [padded(cut(name, room), room), numbers]
    return "  ".join([*parts, drawn] if line > 0 else parts).rstrip()
