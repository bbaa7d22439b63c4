"""The history as the subcommands of ``devops-gates history`` find it."""

from __future__ import annotations

import argparse
import contextlib
import os
from collections.abc import Iterator
from datetime import datetime, timezone
from functools import partial
from pathlib import Path

import msgspec
import pytest

from pytest_devops_gates import config
from pytest_devops_gates.cli.parser import up_to
from pytest_devops_gates.errors import CannotTell, UsageError, did_you_mean
from pytest_devops_gates.history import delivery
from pytest_devops_gates.history.database import Misled
from pytest_devops_gates.history.delivered import delivered
from pytest_devops_gates.history.dora import DAYS, Measures, environment_of
from pytest_devops_gates.history.known import known
from pytest_devops_gates.history.record import project_name
from pytest_devops_gates.history.records import RunRecord
from pytest_devops_gates.history.store import NAMES_FROM, Store, open_store
from pytest_devops_gates.loosening.tables import DEFAULT, PROFILES

LATEST, ALL = "latest", "all"
NO_RUN = "no run is recorded yet · pytest --devops-gates"


class Opened(msgspec.Struct, frozen=True):
    """The store, the name under which the project is recorded there, and its root. ``profile`` is
    the one that a plain run would use, and ``profiles`` are those that can be used."""

    store: Store
    project: str
    root: Path
    profile: str
    profiles: frozenset[str]

    def meant(self, asked: str | None) -> str | None:
        """The profile whose runs are asked for, ``profile`` if nobody says; None for those of all.
        Raises UsageError for one that there is not."""
        if asked is None or asked == ALL:
            return self.profile if asked is None else None
        known = {*self.profiles, ALL}
        if asked not in known:
            known |= self.recorded()  # of another branch, maybe
        if asked not in known:
            near = did_you_mean(asked[:100], known)
            raise UsageError(f"--profile: there is no profile '{asked[:100]}'{near}")
        return asked

    def recorded(self) -> set[str]:
        """The profiles of the last 500 runs."""
        return {run.profile for run in self.store.runs(self.project, limit=NAMES_FROM)}

    def newest(self, profile: str | None = None) -> RunRecord:
        """The newest run without its tests. Raises CannotTell where there is none."""
        found = self.store.runs(self.project, limit=1, profile=profile)
        if not found:
            raise CannotTell(no_run(profile if self.store.runs(self.project, limit=1) else None))
        return found[0]

    def run(self, named: str) -> RunRecord:
        """The run by its id, the beginning of one, or ``latest``. Raises UsageError where no run is
        named like that, or several are, and CannotTell where none is recorded."""
        newest = self.newest()
        named = newest.run_id if named == LATEST else named
        found = self.store.run(self.project, named)
        if found is None:
            near = [run.run_id for run in self.store.runs(self.project, limit=5)]
            told = f"no run of {self.project} begins with '{named[:100]}'"
            raise UsageError(f"{told}{did_you_mean(named[:100], near)}")
        return found

    def measures(self, environment: str | None = None, days: int = DAYS) -> Measures:
        """DORA's measures up to now. Raises UsageError where it is not clear of what, and
        NothingDeployed."""
        events = known(self.store, self.project, self.root)
        return delivery.measured(
            events,
            partial(delivered, self.root),
            environment_of(events.deployments, environment),
            datetime.now(timezone.utc),
            days,
        )


@contextlib.contextmanager
def opened(
    pytest_config: pytest.Config, options: argparse.Namespace | None = None
) -> Iterator[Opened]:
    """The history of the project that pytest was started in, with pytest's own options. Raises
    UsageError where its address is none, and CannotTell where it does not answer."""
    root = Path(pytest_config.rootpath)
    pyproject = config.read_pyproject(root)
    table = config.read_table(pyproject)
    asked = getattr(options, "devops_gates_profile", None)
    with contextlib.ExitStack() as stack:
        try:
            store = stack.enter_context(open_store(root, table.history, os.environ))
        except Misled as error:
            raise UsageError(str(error)) from None
        yield Opened(
            store,
            project_name(table.history, pyproject, root),
            root,
            asked or table.profile or DEFAULT,
            frozenset({*PROFILES, *table.profiles}),
        )


def no_run(profile: str | None) -> str:
    """Says that none is recorded (of a profile, where others are)."""
    if profile is None:
        return NO_RUN
    return f"no run of the profile {profile} is recorded yet · --profile NAME, or --profile {ALL}"


def takes_last(parser: argparse.ArgumentParser, default: int, *, nested: bool = False) -> None:
    """Give a subcommand the option ``--last``; a ``nested`` one keeps what stands before it. None
    says that nobody said."""
    told = f"how many runs it goes back (default: {default})"
    kept = argparse.SUPPRESS if nested else None
    parser.add_argument("--last", metavar="N", type=up_to(100_000), default=kept, help=told)


def takes_profile(parser: argparse.ArgumentParser, told: str, *, nested: bool = False) -> None:
    """Give a subcommand the option ``--profile``, as ``takes_last`` does."""
    default = argparse.SUPPRESS if nested else None
    parser.add_argument("--profile", metavar="NAME", default=default, help=told)
