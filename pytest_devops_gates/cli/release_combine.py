"""``devops-gates release combine``: one verdict from the runs of several jobs or machines."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import pytest

from pytest_devops_gates.cli.door import takes_rootdir, through_pytest
from pytest_devops_gates.errors import UsageError
from pytest_devops_gates.release import age
from pytest_devops_gates.request import of_options
from pytest_devops_gates.shards import combine, parts
from pytest_devops_gates.shards.parts import Part
from pytest_devops_gates.supervisor import carry_out


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "combine",
        help="one verdict from the runs of several jobs",
        usage="devops-gates release combine RUN_DIR ... [--report GATE=FILE] [pytest arguments]",
        allow_abbrev=False,
    )
    parser.add_argument(
        "runs",
        metavar="[SHARD=]RUN_DIR",
        nargs="+",
        help="a run's folder, or a zip of it, and which shard it has to be",
    )
    parser.add_argument(
        "--report",
        metavar="GATE=FILE",
        action="append",
        default=[],
        help="a report of another job, in the format that the command GATE reads (repeatable)",
    )
    parser.add_argument(
        "--max-age", metavar="AGE", default="24h", help="how old a run may be (default: 24h)"
    )
    takes_rootdir(parser)
    parser.set_defaults(run=run, takes_rest=True)


def run(arguments: argparse.Namespace) -> int:
    def errand(config: pytest.Config, options: argparse.Namespace) -> int:
        cwd = Path(config.invocation_params.dir)

        def load(stack: ExitStack) -> Sequence[Part]:
            return [_loaded(stack, told, cwd) for told in arguments.runs]

        asked = combine.Asked(load, _reports(arguments.report, cwd), _age(arguments.max_age))
        request = of_options(config, options)
        return carry_out(config, options, request, lambda given: combine.judge(given, asked))

    return through_pytest(errand, arguments)


def _loaded(stack: ExitStack, told: str, cwd: Path) -> Part:
    name, sign, path = told.partition("=")
    if sign and not (cwd / told).exists():
        return parts.load(stack, cwd / path, path, name)
    return parts.load(stack, cwd / told, told)


def _age(told: str) -> timedelta:
    try:
        return age.parse(told)
    except ValueError as error:
        raise UsageError(f"--max-age: {error}") from None


def _reports(told: Sequence[str], cwd: Path) -> dict[str, Path]:
    found = {}
    for one in told:
        gate, sign, file = one.partition("=")
        if not (gate and sign and file):
            raise UsageError(f"--report {one}: say GATE=FILE")
        found[gate] = cwd / file
    return found
