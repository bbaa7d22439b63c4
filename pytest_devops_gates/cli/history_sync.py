"""``devops-gates history sync``: share the history through a ref of a git remote."""

from __future__ import annotations

import argparse
import contextlib
import os

import pytest

from pytest_devops_gates.cli.door import takes_rootdir, through_pytest
from pytest_devops_gates.cli.history_opened import opened
from pytest_devops_gates.deployments import recorded
from pytest_devops_gates.history.ref import REF, Remote
from pytest_devops_gates.history.sync import Bad, sync
from pytest_devops_gates.neutral import neutral
from pytest_devops_gates.screen import say, warn
from pytest_devops_gates.verdict import EXIT_PASS

SHOWN = 20
"""Files that were left out that are told one by one."""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("sync", help="share the history through a ref of a git remote")
    parser.add_argument(
        "--remote", metavar="NAME", default="origin", help="the remote (default: origin)"
    )
    takes_rootdir(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    def errand(config: pytest.Config, options: argparse.Namespace) -> int:
        with opened(config) as history:
            remote = Remote(history.root, arguments.remote, os.environ)
            with contextlib.suppress(OSError):
                history.store.keep_deployments(history.project, recorded(history.root))
            done = sync(remote, history.store, history.project)
        tell(done.bad)
        told = f"{done.brought} new records came from {remote.shown}, {done.sent} files went there"
        say(neutral(f"{told} ({REF})"))
        return EXIT_PASS

    return through_pytest(errand, arguments)


def tell(bad: tuple[Bad, ...]) -> None:
    """Say what was left out, and why."""
    for one in bad[:SHOWN]:
        warn(f"left out {one.path[:300]}: {one.why}")
    if len(bad) > SHOWN:
        warn(f"left out {len(bad) - SHOWN} more files")
