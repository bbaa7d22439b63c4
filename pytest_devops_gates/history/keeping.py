"""What is said to the database so that it keeps records. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_devops_gates.history import rows, sql
from pytest_devops_gates.history.database import Step
from pytest_devops_gates.history.lines import KeptDeployment, KeptIncident, KeptTests, Record
from pytest_devops_gates.history.records import RunRecord


def steps(records: Sequence[Record]) -> list[Step]:
    """What keeps records: a step for each table, in the order runs, tests, failures, deployments,
    incidents."""
    runs = [one for one in records if isinstance(one, RunRecord)]
    tested = [one for one in records if isinstance(one, (RunRecord, KeptTests))]
    deployments = [one for one in records if isinstance(one, KeptDeployment)]
    incidents = [one for one in records if isinstance(one, KeptIncident)]
    return [
        (sql.KEEP_RUN, [rows.of_run(run) for run in runs]),
        (sql.KEEP_TESTS, [row for one in tested for row in rows.of_tests(one)]),
        (sql.KEEP_FAILURE, [row for run in runs for row in rows.of_failures(run)]),
        (sql.keep_event(sql.DEPLOYMENTS), [rows.of_deployment(one) for one in deployments]),
        (sql.keep_event(sql.INCIDENTS), [rows.of_incident(one) for one in incidents]),
    ]


def forgetting(project: str) -> Step:
    """Prunes the tests of the older runs."""
    return sql.FORGET_TESTS, [{"project": rows.plain(project), "beyond": rows.TESTS_KEPT - 1}]
