"""Through pytest's door: its plugins, its rootdir and its settings hold for the command as well."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence

import pytest

from pytest_devops_gates import plugin
from pytest_devops_gates.arguments import joined, joined_environment
from pytest_devops_gates.errors import CannotTell, UsageError
from pytest_devops_gates.neutral import neutral
from pytest_devops_gates.verdict import EXIT_UNKNOWN, EXIT_USAGE

Errand = Callable[[pytest.Config, argparse.Namespace], int]


def through_pytest(
    errand: Errand | None, arguments: argparse.Namespace, more: Sequence[str] = ()
) -> int:
    """Start pytest with ``--devops-gates``, and let it do the errand (None: a run).

    ``arguments`` are the subcommand's, among them those that are for pytest. Returns the exit
    status. pytest says by itself what is wrong with its arguments.
    """
    asked = getattr(arguments, "rootdir", None)
    rootdir = ["--rootdir", asked] if asked else []
    plugin.errand = _told(errand) if errand else None
    os.environ.update(joined_environment(os.environ))
    # named, so that it is there under PYTEST_DISABLE_PLUGIN_AUTOLOAD too
    return int(pytest.main(["-p", "pytest_devops_gates", "--devops-gates", *rootdir, *more,
                            *joined(arguments.for_pytest)]))  # fmt: skip


def takes_rootdir(parser: argparse.ArgumentParser) -> None:
    """Give a subcommand the option ``--rootdir``: without a default, which would take the place of
    one that stands before a subcommand of its own."""
    parser.add_argument(
        "--rootdir",
        metavar="DIR",
        default=argparse.SUPPRESS,
        help="the project's root, as pytest's --rootdir",
    )


def takes_json(
    parser: argparse._ActionsContainer, told: str = "the same as JSON", *, nested: bool = False
) -> None:
    """Give a subcommand the option ``--json``; a ``nested`` one keeps what stands before it."""
    default = argparse.SUPPRESS if nested else False
    parser.add_argument("--json", action="store_true", default=default, help=told)


def _told(errand: Errand) -> Errand:
    def careful(config: pytest.Config, options: argparse.Namespace) -> int:
        try:
            return errand(config, options)
        except UsageError as error:
            return complain(str(error), EXIT_USAGE)
        except CannotTell as reason:
            return complain(str(reason), EXIT_UNKNOWN)

    return careful


def complain(message: str, status: int) -> int:
    """Say in one line what is wrong; returns ``status``."""
    print(f"devops-gates: {neutral(message)}", file=sys.stderr)
    return status
