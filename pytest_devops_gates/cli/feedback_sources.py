"""All that a review looks at, read from wherever it is: what cannot be read is told."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pytest_devops_gates import (
    archive,
    config,
    deployments,
    quarantine,
    quarantine_file,
    registry,
    runs,
    waiver_file,
    waivers,
)
from pytest_devops_gates.cli import feedback_board
from pytest_devops_gates.cli.feedback_board import Place
from pytest_devops_gates.config import Table
from pytest_devops_gates.deployments import Deployment
from pytest_devops_gates.errors import CannotTell, UsageError
from pytest_devops_gates.governance import GATE as POLICY
from pytest_devops_gates.governance import STALE
from pytest_devops_gates.history.known import together
from pytest_devops_gates.history.record import project_name
from pytest_devops_gates.history.store import Store, open_store
from pytest_devops_gates.incident import Incident
from pytest_devops_gates.lessons import inbox
from pytest_devops_gates.lessons.debts import Ending
from pytest_devops_gates.lessons.review import Seen
from pytest_devops_gates.operations import incidents_file
from pytest_devops_gates.project import Project
from pytest_devops_gates.verdict import Verdict

DAYS = 90
"""How far back incidents and deployments are looked at."""
RUNS = 10
"""Passing runs whose median a limit is compared with."""


class Asked(msgspec.Struct, frozen=True):
    """The project, the policy of its checkout, and the moment."""

    root: Path
    pyproject: dict[str, Any]
    table: Table
    gates: frozenset[str]
    now: datetime

    @property
    def project(self) -> Project:
        """The project as gates see it, as far as it matters for its board."""
        return Project(
            root=self.root,
            run_dir=self.root / runs.FOLDER,
            cache=self.root / runs.FOLDER,
            started=self.now.timestamp(),
            pyproject=self.pyproject,
            tracker=self.table.tracker,
            history=self.table.history,
        )

    @property
    def since(self) -> str:
        return f"{self.now - timedelta(days=DAYS):%Y-%m-%dT%H:%M:%SZ}"


class _Sight:
    """Gathers the fields of Seen, and what could not be looked at."""

    def __init__(self) -> None:
        self.fields: dict[str, Any] = {}
        self.troubles: list[str] = []

    @contextlib.contextmanager
    def of(self, what: str) -> Iterator[None]:
        try:
            yield
        except (CannotTell, UsageError, OSError) as error:
            self.troubles.append(f"could not look at {what}: {error}")


def asked(pytest_config: pytest.Config, now: datetime) -> Asked:
    """The project that pytest was started in."""
    root = Path(pytest_config.rootpath)
    pyproject = config.read_pyproject(root)
    table = config.read_table(pyproject)
    gates = frozenset(g.name for g in registry.all_gates(pytest_config.pluginmanager, table))
    return Asked(root, pyproject, table, gates, now)


def look(here: Asked, place: Place | None = None) -> Seen:
    """Whatever there is to see. What is not there at all is no trouble. ``place`` is the board,
    where it was read already."""
    sight = _Sight()
    with sight.of("the waivers"):
        data = waiver_file.found(here.root)
        file = waiver_file.read(data or b"", waivers.FILE, here.gates, here.now.date())
        sight.fields["waivers"] = file.waivers
        if file.problems:
            sight.troubles.append(f"wrong in {waivers.FILE}: {file.problems[0].message}")
    with sight.of("the inbox"):
        entries = inbox.read(inbox.found(here.root) or b"", here.now.date()).entries
        sight.fields["inbox"] = entries
    with sight.of("the tests in quarantine"):
        sight.fields["quarantine"] = _quarantine(here, sight)
    with sight.of("the newest run"):
        verdict = _newest(here.root)
        sight.fields["rulings"] = verdict.gates
        found = (f for f in verdict.findings if f.gate == POLICY and f.rule == STALE)
        sight.fields["stale"] = sum(1 for _ in found)
    with sight.of("the history"), _history(here) as (store, project):
        sight.fields |= _repetitions(store, project, sight.fields.get("rulings", ()))
    _see_what_happened(here, sight)
    with sight.of("the plan"):
        place = place or feedback_board.place(here.project)
        if place:
            board = msgspec.structs.replace(place.found.board, items=place.items)
            sight.fields["board"] = board
    return Seen(**sight.fields, troubles=sight.troubles)


@contextlib.contextmanager
def _history(here: Asked) -> Iterator[tuple[Store, str]]:
    name = project_name(here.table.history, here.pyproject, here.root)
    with open_store(here.root, here.table.history, os.environ) as store:
        yield store, name


def _newest(root: Path) -> Verdict:
    return archive.load(runs.find(root, "latest")).verdict


def _repetitions(store: Store, project: str, rulings: Any) -> dict[str, Any]:
    limits = {f"coverage.{c.metric}" for r in rulings if r.name == "coverage" for c in r.conditions}
    usual = {
        name: [p.value for p in store.series(project, name, limit=RUNS, passing_only=True)]
        for name in sorted(limits)
    }
    return {
        "slow_gates": store.slowest_gates(project),
        "flaky": store.flaky(project),
        "repeated": store.repeated(project),
        "usual": usual,
    }


def _see_what_happened(here: Asked, sight: _Sight) -> None:
    """Roll-outs and incidents: those of the history, and those of this checkout."""
    rolled: list[Deployment] = []
    incidents: dict[str, Incident] = {}
    with sight.of("the incidents and roll-outs in the history"), _history(here) as (store, name):
        rolled += store.deployments(name, since=here.since)
        incidents |= {one.id: one for one in store.incidents(name, since=here.since)}
    with sight.of(f"the roll-outs in {deployments.FILE}"):
        rolled += [one for one in deployments.whole(here.root) if one.started >= here.since]
    with sight.of("the incidents"):
        file = incidents_file.read(incidents_file.found(here.root) or b"", here.now)
        incidents |= {one.id: one for one in file.incidents if one.started >= here.since}
    sight.fields["deployments"] = together(rolled)
    sight.fields["incidents"] = tuple(incidents.values())


def _quarantine(here: Asked, sight: _Sight) -> tuple[Ending, ...]:
    file = quarantine_file.read(quarantine_file.found(here.root) or b"", here.now.date())
    if file.problems:
        sight.troubles.append(f"wrong in {quarantine.FILE}: {file.problems[0].message}")
    return tuple(
        Ending(one.test, date.fromisoformat(one.expires), one.owner, one.reason)
        for one in file.entries
    )
