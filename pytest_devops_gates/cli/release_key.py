"""``devops-gates release key``: makes the keys with which evidence is signed and checked."""

from __future__ import annotations

import argparse
from pathlib import Path

from pytest_devops_gates.cli.door import complain
from pytest_devops_gates.errors import UsageError
from pytest_devops_gates.neutral import neutral
from pytest_devops_gates.release import keys
from pytest_devops_gates.screen import say
from pytest_devops_gates.verdict import EXIT_PASS, EXIT_USAGE

DEFAULT = "devops-gates.key"


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("key", help="make a pair of keys to sign evidence with")
    parser.add_argument(
        "--to",
        metavar="PATH",
        default=DEFAULT,
        help="the private key's file; the public one is PATH.pub (default: %(default)s)",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    path = Path(arguments.to)
    try:
        keyid = keys.make(path)
    except UsageError as error:
        return complain(f"release key: {error}", EXIT_USAGE)
    say(neutral(f"keyid {keyid}"))
    say(neutral(f"{path}: the private key; keep it as a secret of the CI, and never in git"))
    say(neutral(f"{path}.pub: the public key; commit it: devops-gates release verify --key"))
    return EXIT_PASS
