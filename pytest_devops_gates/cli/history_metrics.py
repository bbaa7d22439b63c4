"""``devops-gates history metrics``: a run for Prometheus, as a file of its textfile collector."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from pytest_devops_gates import disk
from pytest_devops_gates.cli.door import takes_rootdir, through_pytest
from pytest_devops_gates.cli.history_opened import LATEST, Opened, opened
from pytest_devops_gates.errors import UsageError
from pytest_devops_gates.history import textfile
from pytest_devops_gates.screen import write
from pytest_devops_gates.verdict import EXIT_PASS, Dora


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("metrics", help="a run as metrics of Prometheus")
    parser.add_argument(
        "which", metavar="RUN", nargs="?", default=LATEST,
        help="its id or the beginning of one (default: the latest)",
    )  # fmt: skip
    parser.add_argument(
        "--output", metavar="FILE.prom", help="write it there in one go, not to standard output"
    )
    takes_rootdir(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    def errand(pytest_config: pytest.Config, options: argparse.Namespace) -> int:
        with opened(pytest_config) as history:
            text = textfile.text(history.run(arguments.which), _dora(history))
        if arguments.output is None:
            write(text)
            return EXIT_PASS
        path = Path(pytest_config.invocation_params.dir, arguments.output)
        if path.exists() and not path.is_file():
            raise UsageError(f"--output: {arguments.output} is no plain file")
        try:
            disk.write(path, text)
        except OSError as error:
            raise UsageError(f"--output: {arguments.output}: {error.strerror}") from None
        return EXIT_PASS

    return through_pytest(errand, arguments)


def _dora(history: Opened) -> Dora | None:
    """The measures, where it is clear of which environment."""
    try:
        return history.measures().dora
    except UsageError:
        return None
