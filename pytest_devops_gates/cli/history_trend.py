"""``devops-gates history trend [GATE.METRIC …]``: where numbers went over the last runs."""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from pytest_devops_gates.cli.door import takes_json, takes_rootdir, through_pytest
from pytest_devops_gates.cli.history_opened import (
    ALL,
    Opened,
    opened,
    takes_last,
    takes_profile,
)
from pytest_devops_gates.columns import cut, padded, width
from pytest_devops_gates.errors import CannotTell, UsageError, did_you_mean
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
    takes_last(parser, trends.RUNS, nested=True)
    told = f"only runs of this profile, '{ALL}' for those of all (default: that of a plain run)"
    takes_profile(parser, told, nested=True)
    takes_json(parser, "every value, as JSON", nested=True)
    takes_rootdir(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    def errand(pytest_config: pytest.Config, options: argparse.Namespace) -> int:
        with opened(pytest_config, options) as history:
            profile = history.meant(arguments.profile)
            found = list(_trends(history, arguments, profile))
            why_none = "" if found else _why_none(history, profile)
        if arguments.json:
            say(dump({"profile": profile or ALL, "trends": found}))
        else:
            columns = max(shutil.get_terminal_size().columns, NARROWEST)
            say("\n".join(render(found, columns, shades(), profile) if found else [why_none]))
        return EXIT_PASS

    return through_pytest(errand, arguments)


def _trends(history: Opened, arguments: argparse.Namespace, profile: str | None) -> Iterator[Trend]:
    """The lines that were asked for. Raises UsageError for a metric that no run measured, and
    CannotTell where there is no run."""
    asked: dict[str, Any] = {"profile": profile, "limit": arguments.last or trends.RUNS}
    for name in arguments.names:
        points = history.store.series(history.project, name, **asked)
        if not points:
            history.newest(profile)
            raise UsageError(_unmeasured(history, name, profile))
        gate, _, metric = name.partition(".")
        yield Trend(gate, metric, points)
    if not arguments.names:
        runs = history.store.runs(history.project, **asked)
        yield from main_ones(runs)


def _why_none(history: Opened, profile: str | None) -> str:
    try:
        history.newest(profile)
    except CannotTell as reason:
        return neutral(str(reason))
    return neutral(f"a line takes two runs{f' of the profile {profile}' if profile else ''}")


def _unmeasured(history: Opened, name: str, profile: str | None) -> str:
    known = history.store.metrics(history.project)
    if profile is not None and name in known:
        return f"no run of the profile {profile} measured '{name}' · --profile {ALL}"
    return f"no run that is recorded measured '{name[:100]}'{did_you_mean(name[:100], known)}"


def main_ones(runs: Sequence[RunRecord]) -> tuple[Trend, ...]:
    """What everybody looks at first. A gate counts as the newest run has it."""
    gates: dict[str, Seen] = {}
    for one in runs:
        for gate in one.gates:
            if gate.metrics:
                gates.setdefault(gate.name, Seen(gate.name, gate.metrics))
    return trends.drawn(trends.candidates(gates.values()), trends.points(runs))


def render(found: Sequence[Trend], columns: int, shades: str, profile: str | None) -> Iterator[str]:
    """Of which runs they are, and a line for each with what it comes to."""
    told = [(trend, summary) for trend in found if (summary := of_trend(trend))]
    whose = f"runs of the profile {profile}" if profile else "runs of all profiles together"
    yield cut(neutral(f"{whose}:" if told else f"{whose}: none has a number"), columns)
    if not told:
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
