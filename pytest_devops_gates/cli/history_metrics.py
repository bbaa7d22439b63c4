"""``devops-gates history metrics``: a run for Prometheus, as a file of its textfile collector."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from pytest_devops_gates import disk
from pytest_devops_gates.cli.door import takes_json, takes_rootdir, through_pytest
from pytest_devops_gates.cli.history_opened import ALL, Opened, opened, takes_profile
from pytest_devops_gates.errors import UsageError
from pytest_devops_gates.history import textfile
from pytest_devops_gates.history.dora import NothingDeployed
from pytest_devops_gates.history.records import RunRecord
from pytest_devops_gates.json_text import dump
from pytest_devops_gates.screen import say, write
from pytest_devops_gates.verdict import EXIT_PASS, Dora


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("metrics", help="a run as metrics of Prometheus")
    parser.add_argument(
        "which", metavar="RUN", nargs="?",
        help="its id or the beginning of one (default: the latest of the profile)",
    )  # fmt: skip
    told = f"the latest run of this profile, of each for '{ALL}' (default: that of a plain run)"
    takes_profile(parser, told, nested=True)
    parser.add_argument(
        "--output", metavar="FILE.prom", help="write it there in one go, not to standard output"
    )
    takes_json(parser, nested=True)
    takes_rootdir(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    def errand(pytest_config: pytest.Config, options: argparse.Namespace) -> int:
        if arguments.json and arguments.output is not None:
            raise UsageError("history metrics: either --json or --output")
        with opened(pytest_config, options) as history:
            runs, dora = _runs(history, arguments.which, arguments.profile), _dora(history)
        if arguments.json:
            say(dump([*textfile.plain(runs, dora)]))
            return EXIT_PASS
        text = textfile.text(runs, dora)
        if arguments.output is None:
            write(text)
            return EXIT_PASS
        path = Path(pytest_config.invocation_params.dir, arguments.output)
        try:
            if path.exists() and not path.is_file():
                raise UsageError(f"--output: {arguments.output} is no plain file")
            disk.write(path, text)
        except OSError as error:
            raise UsageError(f"--output: {arguments.output}: {error.strerror}") from None
        return EXIT_PASS

    return through_pytest(errand, arguments)


def _runs(history: Opened, named: str | None, asked: str | None) -> list[RunRecord]:
    """The run that is named, or the latest of a profile, or of each: first that of a plain run,
    with which DORA's measures are told."""
    if named is not None:
        if asked is not None:
            raise UsageError(f"history metrics: name either a run ('{named[:100]}') or --profile")
        return [history.run(named)]
    profile = history.meant(asked)
    newest = [history.newest(profile)]
    if profile is None:
        others = history.recorded() - {newest[0].profile}
        newest += [history.newest(one) for one in others]
    newest.sort(key=lambda one: (one.profile != history.profile, one.profile))
    return [history.run(one.run_id) for one in newest]


def _dora(history: Opened) -> Dora | None:
    """The measures, where it is clear of which environment."""
    try:
        return history.measures().dora
    except (UsageError, NothingDeployed):
        return None
