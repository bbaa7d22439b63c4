"""``devops-gates run [pytest arguments]``: the same as ``pytest --devops-gates``."""

from __future__ import annotations

import argparse

import msgspec
import pytest

from pytest_devops_gates.cli.door import through_pytest
from pytest_devops_gates.request import of_options


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "run",
        help="run the gates: the same as pytest --devops-gates",
        usage="devops-gates run [--gate GATE ...] [pytest arguments]",
        allow_abbrev=False,
    )
    parser.add_argument(
        "--gate",
        metavar="GATE",
        action="append",
        default=[],
        help="run only this gate, and what it needs (repeatable)",
    )
    parser.set_defaults(run=run, takes_rest=True)


def run(arguments: argparse.Namespace) -> int:
    if not arguments.gate:
        return through_pytest(None, arguments)

    def errand(config: pytest.Config, options: argparse.Namespace) -> int:
        from pytest_devops_gates.supervisor import carry_out

        asked = msgspec.structs.replace(of_options(config, options), only=tuple(arguments.gate))
        return carry_out(config, options, asked)

    return through_pytest(errand, arguments)
