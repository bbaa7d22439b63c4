"""The history as the subcommands of ``devops-gates history`` find it."""

from __future__ import annotations

import argparse
import contextlib
import os
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from functools import partial
from pathlib import Path

import msgspec
import pytest

from pytest_devops_gates import config
from pytest_devops_gates.errors import UsageError, did_you_mean
from pytest_devops_gates.history import delivery
from pytest_devops_gates.history.delivered import delivered
from pytest_devops_gates.history.dora import DAYS, Measures, environment_of
from pytest_devops_gates.history.known import known
from pytest_devops_gates.history.record import project_name
from pytest_devops_gates.history.records import RunRecord
from pytest_devops_gates.history.store import Store, open_store

LATEST = "latest"
NO_RUN = "no run is recorded yet · pytest --devops-gates"


class Opened(msgspec.Struct, frozen=True):
    """The store, the name under which the project is recorded there, and its root."""

    store: Store
    project: str
    root: Path

    def run(self, named: str) -> RunRecord:
        """The run by its id, the beginning of one, or ``latest``. Raises UsageError where there is
        none, or several."""
        if named == LATEST:
            newest = self.store.runs(self.project, limit=1)
            if not newest:
                raise UsageError(NO_RUN)
            named = newest[0].run_id
        found = self.store.run(self.project, named)
        if found is None:
            near = [run.run_id for run in self.store.runs(self.project, limit=5)]
            told = f"no run of {self.project} begins with '{named[:100]}'"
            raise UsageError(f"{told}{did_you_mean(named[:100], near)}")
        return found

    def measures(self, environment: str | None = None, days: int = DAYS) -> Measures:
        """DORA's measures up to now. Raises UsageError where it is not clear of what."""
        events = known(self.store, self.project, self.root)
        return delivery.measured(
            events,
            partial(delivered, self.root),
            environment_of(events.deployments, environment),
            datetime.now(timezone.utc),
            days,
        )


@contextlib.contextmanager
def opened(pytest_config: pytest.Config) -> Iterator[Opened]:
    """The history of the project that pytest was started in."""
    root = Path(pytest_config.rootpath)
    pyproject = config.read_pyproject(root)
    table = config.read_table(pyproject).history
    with open_store(root, table, os.environ) as store:
        yield Opened(store, project_name(table, pyproject, root), root)


def takes_last(parser: argparse.ArgumentParser, default: int) -> None:
    """Give a subcommand the options ``--last`` and ``--profile``."""
    told = f"how many runs it goes back (default: {default})"
    parser.add_argument("--last", metavar="N", type=up_to(100_000), default=default, help=told)
    parser.add_argument("--profile", metavar="NAME", help="only runs of this profile")


def up_to(most: int) -> Callable[[str], int]:
    """The type of an option: a number from 1 on."""

    def number(text: str) -> int:
        found = int(text)
        if not 0 < found <= most:
            raise ValueError(text)
        return found

    number.__name__ = f"number from 1 to {most}"  # argparse names it in its complaint
    return number
