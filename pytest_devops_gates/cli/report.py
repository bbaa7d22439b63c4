"""``devops-gates report [RUN]``: shows a run again, in any format, from its folder alone."""

from __future__ import annotations

import argparse
import sys
import tempfile
import webbrowser
from pathlib import Path

import pytest

from pytest_devops_gates import archive, disk, registry, runs, screen
from pytest_devops_gates.cli.door import takes_rootdir, through_pytest
from pytest_devops_gates.decode import one_of
from pytest_devops_gates.errors import UsageError, told
from pytest_devops_gates.publish import made
from pytest_devops_gates.report import Report, Reporter
from pytest_devops_gates.reporters.html import HTML
from pytest_devops_gates.reporters.terminal import TERMINAL


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("report", help="show a run again, in any format")
    parser.add_argument(
        "which",
        metavar="RUN",
        nargs="?",
        default="latest",
        help="its id or the beginning of one, or the path of its folder (default: the latest)",
    )
    parser.add_argument("--format", metavar="FORMAT", help="terminal (default), html, markdown …")
    parser.add_argument("--output", metavar="PATH", help="write it there, not to standard output")
    parser.add_argument("--open", action="store_true", help="open it in the web browser")
    parser.add_argument("-q", "--quiet", action="count", default=0, help="the verdict alone")
    parser.add_argument("-v", "--verbose", action="count", default=0, help="every condition")
    takes_rootdir(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    def errand(config: pytest.Config, options: argparse.Namespace) -> int:
        known = {r.name: r for r in registry.all_reporters(config.pluginmanager)}
        name = arguments.format or (HTML.name if arguments.open else TERMINAL.name)
        one_of(name, known, "--format", "format")
        folder = runs.find(Path(config.rootpath), arguments.which)
        report = archive.load(folder)
        if arguments.open:
            _browse(known[name], report, folder, arguments.output)
        elif name == TERMINAL.name and not arguments.output:
            verbosity = arguments.verbose - arguments.quiet
            screen.write(screen.in_words(report, verbosity, str(folder)))
        else:
            _hand_out(_made(known[name], report), arguments.output)
        return 0

    return through_pytest(errand, arguments)


def _made(reporter: Reporter, report: Report) -> str:
    """The text of a report. Raises UsageError where a plugin's reporter fails."""
    try:
        return made(reporter, report)
    except BaseException as error:  # sys.exit() too
        raise UsageError(f"the report {reporter.name} could not be made: {told(error)}") from None


def _hand_out(text: str, output: str | None) -> None:
    if output is None:
        screen.write(text)
        return
    try:
        disk.write(Path(output), text)
    except OSError as error:
        raise UsageError(f"--output: {output}: {error.strerror}") from None


def _browse(reporter: Reporter, report: Report, folder: Path, output: str | None) -> None:
    """Write the report, into the run's folder if nothing else was asked for, and open it."""
    text = _made(reporter, report)
    name = reporter.file or f"{reporter.name}.txt"
    try:
        path = Path(output or folder / name)
        disk.write(path, text)
    except OSError as error:
        if output:
            raise UsageError(f"--output: {output}: {error.strerror}") from None
        path = Path(tempfile.mkdtemp(prefix="devops-gates-"), name)  # the folder is read-only
        disk.write(path, text)
    if not webbrowser.open(path.resolve().as_uri()):
        print(f"devops-gates: no web browser was found; it lies in {path}", file=sys.stderr)
