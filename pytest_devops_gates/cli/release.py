"""``devops-gates release``: from a verdict to a roll-out."""

from __future__ import annotations

import argparse
from importlib import import_module

COMMANDS = ("approve", "key", "sign", "verify", "combine", "deploy", "advisories")
"""Its subcommands, in the order of a release; each has a module of its own, ``release_NAME``."""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "release", help="approve, verify and deploy what passed; combine the runs of several jobs"
    )
    own = parser.add_subparsers(metavar="COMMAND", required=True)
    for name in COMMANDS:
        import_module(f"pytest_devops_gates.cli.release_{name}").add_parser(own)
