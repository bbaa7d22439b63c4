"""The command line's door: which subcommand, and with what."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib.metadata import version

from pytest_devops_gates.cli import (
    baseline,
    explain,
    feedback,
    gates,
    history,
    hook,
    init,
    plan,
    prove,
    release,
    report,
    run,
    waivers,
)
from pytest_devops_gates.cli.parser import Parser
from pytest_devops_gates.verdict import EXIT_USAGE

COMMANDS = (
    run,
    hook,
    gates,
    explain,
    report,
    init,
    baseline,
    waivers,
    plan,
    feedback,
    history,
    release,
    prove,
)


def parser() -> argparse.ArgumentParser:
    """The parser of ``devops-gates`` and its subcommands."""
    result = Parser(
        prog="devops-gates",
        description="One believable verdict on a whole project.",
        allow_abbrev=False,
    )
    told = version("pytest-devops-gates")
    result.add_argument("--version", action="version", version=f"devops-gates {told}")
    _offer_completion(result)
    commands = result.add_subparsers(metavar="COMMAND", required=True)
    for command in COMMANDS:
        command.add_parser(commands)
    return result


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status (see the contract of ``pytest --devops-gates``)."""
    parsing = parser()
    typed = list(sys.argv[1:] if argv is None else argv)
    after: list[str] = []
    if "--" in typed and typed[:1] != ["run"]:  # what follows is for pytest, or to be run
        at = typed.index("--")
        typed, after = typed[:at], typed[at + 1 :]
    try:
        arguments, rest = parsing.parse_known_args(typed)
        if rest and not getattr(arguments, "takes_rest", False):
            arguments.asked.error(f"unknown argument: {' '.join(rest)}")
    except SystemExit as end:
        return EXIT_USAGE if end.code else 0
    arguments.for_pytest, arguments.command = [*rest, *after], []
    if getattr(arguments, "takes_command", False):
        arguments.for_pytest, arguments.command = rest, after
    return int(arguments.run(arguments))


def _offer_completion(parsing: argparse.ArgumentParser) -> None:
    """``--print-completion SHELL``, with shtab where it is installed."""
    try:
        import shtab
    except ImportError:
        parsing.add_argument(
            "--print-completion", action=_Missing, help="print a shell completion script"
        )
    else:
        shtab.add_argument_to(parsing, "--print-completion", help="print a shell completion script")


class _Missing(argparse.Action):
    """Tells how the completion is installed."""

    def __call__(self, parsing: argparse.ArgumentParser, *_: object) -> None:
        parsing.exit(
            EXIT_USAGE,
            "devops-gates: completion needs shtab"
            " · python -m pip install 'pytest-devops-gates[completion]'\n",
        )
