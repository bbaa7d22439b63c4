"""``devops-gates history export FILE``: all that is kept of the project, one record a line."""

from __future__ import annotations

import argparse
import contextlib
from pathlib import Path

import pytest

from pytest_devops_gates.cli.door import takes_rootdir, through_pytest
from pytest_devops_gates.cli.history_opened import opened
from pytest_devops_gates.deployments import recorded
from pytest_devops_gates.history import transfer
from pytest_devops_gates.neutral import neutral
from pytest_devops_gates.screen import say
from pytest_devops_gates.verdict import EXIT_PASS


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("export", help="write all that is kept to a file of JSON lines")
    parser.add_argument("file", metavar="FILE", help="compressed if its name ends in .gz")
    takes_rootdir(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    def errand(config: pytest.Config, options: argparse.Namespace) -> int:
        path = Path(config.invocation_params.dir, arguments.file)
        with opened(config) as history:
            with contextlib.suppress(OSError):
                history.store.keep_deployments(history.project, recorded(history.root))
            count = transfer.write(path, history.store.everything(history.project))
        say(neutral(f"{count} records of {history.project} in {path}"))
        return EXIT_PASS

    return through_pytest(errand, arguments)
