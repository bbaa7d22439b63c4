"""What is asked of the database: rows of runs, their tests, and what happened beside them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from pytest_devops_gates.evidence import RanTest
from pytest_devops_gates.history import rows, sql
from pytest_devops_gates.history.database import Database
from pytest_devops_gates.history.records import RunRecord


class Questions:
    """What can be asked, each in one statement and of one project."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def run_ids(self, project: str) -> list[tuple[Any, ...]]:
        """The ids of all runs, each with when it began, oldest first."""
        return self._database.select(sql.RUN_IDS, {"project": rows.plain(project)})

    def newest_tests(self, project: str, limit: int) -> list[tuple[Any, ...]]:
        """The ids of the newest runs of which all tests are known, newest first."""
        values = {"project": rows.plain(project), "limit": limit}
        return self._database.select(sql.NEWEST_TESTS, values)

    def newest(
        self, columns: str, project: str, limit: int, filters: Mapping[str, Any]
    ) -> list[tuple[Any, ...]]:
        """Columns of the newest runs that meet the filters; one that is None is none."""
        met = {name: value for name, value in filters.items() if value is not None}
        values = {"project": rows.plain(project), "limit": max(0, limit), **met}
        return self._database.select(sql.newest_runs(columns, met), values)

    def before(self, run: RunRecord) -> list[str]:
        """The id of the run of the same profile before one, if there is any."""
        filters = {"before": rows.moment(run.started), "other": run.run_id, "profile": run.profile}
        met = {name: rows.plain(value) for name, value in filters.items()}
        return [row[0] for row in self.newest("run_id", run.project, 1, met)]

    def whole(self, project: str, run_ids: Sequence[str]) -> Iterator[RunRecord]:
        """Runs by their ids, with the tests that are still known, in the order of the ids."""
        tests = {**self.failures(project, run_ids), **self.tests(project, run_ids)}
        details = dict(self._of(sql.RUNS, "detail", project, run_ids))
        for run_id in run_ids:
            if run_id in details:
                run = rows.unpacked(details[run_id], RunRecord)
                yield msgspec.structs.replace(run, tests=tests.get(run_id, ()))

    def tests(self, project: str, run_ids: Sequence[str]) -> dict[str, tuple[RanTest, ...]]:
        """All tests of those runs of which all are still known."""
        found = self._of(sql.TESTS, "body", project, run_ids)
        return {run_id: rows.unpacked(body, tuple[RanTest, ...]) for run_id, body in found}

    def failures(self, project: str, run_ids: Sequence[str]) -> dict[str, tuple[RanTest, ...]]:
        """The tests that are kept for good of those runs that have any."""
        found: dict[str, list[RanTest]] = {}
        for run_id, body in self._of(sql.FAILURES, "body", project, run_ids):
            found.setdefault(run_id, []).append(rows.decoded(body, RanTest))
        return {run_id: tuple(tests) for run_id, tests in found.items()}

    def _of(
        self, table: str, column: str, project: str, run_ids: Sequence[str]
    ) -> list[tuple[Any, ...]]:
        """The ids of runs, with what a table holds of them."""
        named = {f"run{at}": run_id for at, run_id in enumerate(run_ids)}
        values = {"project": rows.plain(project), **named}
        return self._database.select(sql.of_runs(table, column, named), values) if named else []

    def events(
        self, table: str, project: str, environment: str | None, since: str | None
    ) -> list[tuple[Any, ...]]:
        """The ranks and the bodies of deployments or incidents, oldest first."""
        filters = {"environment": environment, "since": rows.since(since)}
        met = {name: value for name, value in filters.items() if value is not None}
        values = {"project": rows.plain(project), **met}
        return self._database.select(sql.events(table, met), values)
