"""``devops-gates history import FILE...``: take over what another history exported."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from pytest_devops_gates.cli.door import takes_rootdir, through_pytest
from pytest_devops_gates.cli.history_opened import opened
from pytest_devops_gates.history import transfer
from pytest_devops_gates.neutral import neutral
from pytest_devops_gates.screen import say, warn
from pytest_devops_gates.verdict import EXIT_FAIL, EXIT_PASS


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("import", help="take over what another history exported")
    parser.add_argument("files", metavar="FILE", nargs="+", help="what history export wrote")
    takes_rootdir(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    def errand(config: pytest.Config, options: argparse.Namespace) -> int:
        here, bad = Path(config.invocation_params.dir), 0
        with opened(config) as history:
            for name in arguments.files:
                found = transfer.read(here / name, history.store, history.project)
                for number, why in found.shown:
                    warn(f"{name}:{number}: left out: {why}")
                told = f"{found.new} new, {found.known} known, {found.bad} bad"
                say(neutral(f"{name}: {told}"))
                bad += found.bad
        return EXIT_FAIL if bad else EXIT_PASS

    return through_pytest(errand, arguments)
