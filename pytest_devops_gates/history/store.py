"""The history of runs, deployments and incidents: one store, be it SQLite or PostgreSQL.

What is kept of a run is kept for good, but for its tests: all of them are kept of the newest
``rows.TESTS_KEPT`` runs of a project, and of older ones those alone that neither passed nor were
skipped (``rows.FAILURES_KEPT`` a run at most).
"""

from __future__ import annotations

import contextlib
import itertools
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from pytest_devops_gates.deployments import Deployment
from pytest_devops_gates.errors import UsageError
from pytest_devops_gates.history import answers, keeping, place, rows, sql
from pytest_devops_gates.history.answers import PASSED, Flaky, Outcomes, Repeated, SlowGate
from pytest_devops_gates.history.asking import Questions
from pytest_devops_gates.history.database import Database
from pytest_devops_gates.history.lines import KeptDeployment, KeptIncident, KeptTests, Record
from pytest_devops_gates.history.records import RunRecord
from pytest_devops_gates.incident import Incident
from pytest_devops_gates.json_text import dump
from pytest_devops_gates.outside import HistoryTable
from pytest_devops_gates.past import Past, PastRun
from pytest_devops_gates.verdict import PASS, Point

SAME_COMMIT = 50
"""Earlier runs of the same commit whose tests are looked at."""

NAMES_FROM = 500
"""The newest runs whose metrics are known by name."""

BATCH = 200
"""Records that are written in one transaction when many are taken over."""

_PAGE = 100


@contextlib.contextmanager
def open_store(root: Path, table: HistoryTable, environment: Mapping[str, str]) -> Iterator[Store]:
    """The store of a project: where DEVOPS_GATES_HISTORY_URL of ``environment`` leads, or else
    ``table``, or else ``.devops-gates/history.sqlite``, made where there is none.

    Raises CannotTell in one line without a secret, here and from whatever is asked of the store:
    what, where, and what mends it.
    """
    database = place.opened(root, table, environment)
    try:
        yield Store(database)
    finally:
        database.close()


class Taken(msgspec.Struct, frozen=True):
    """How many of the records that were taken over were ``new``, and how many ``known``."""

    new: int = 0
    known: int = 0


class Store:
    """All methods raise CannotTell when the database does not answer. Each writes whole or not at
    all, and what it wrote is on the disk when it returns."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._ask = Questions(database)

    def record(self, run: RunRecord) -> None:
        """Keep a run. One that is known already stays as it was kept first."""
        self._database.write([*keeping.steps([run]), keeping.forgetting(run.project)])

    def runs(
        self,
        project: str,
        *,
        limit: int = 50,
        profile: str | None = None,
        verdict: str | None = None,
        since: str | None = None,
    ) -> tuple[RunRecord, ...]:
        """The runs that began at ``since`` (RFC 3339, UTC) or later, newest first, without their
        ``tests``."""
        filters = {"profile": profile, "verdict": verdict, "since": rows.since(since)}
        found = self._ask.newest("detail", project, limit, filters)
        return tuple(rows.unpacked(detail, RunRecord) for (detail,) in found)

    def run(self, project: str, run_id: str) -> RunRecord | None:
        """The one run whose id begins with ``run_id``, with its tests; None where there is none.
        Raises UsageError where there are several."""
        named = rows.plain(run_id)
        found = self._ask.newest("run_id, detail", project, 1, {"run_id": named})
        if not found:
            found = self._ask.newest("run_id, detail", project, 2, {"begins": sql.beginning(named)})
        if len(found) > 1:
            raise UsageError(f"several runs begin with '{run_id[:100]}': say more of its id")
        return next(self._ask.whole(project, [row[0] for row in found]), None)

    def before(self, run: RunRecord) -> RunRecord | None:
        """The run of the same profile before one, with its tests; None where it is the first."""
        return next(self._ask.whole(run.project, self._ask.before(run)), None)

    def series(
        self,
        project: str,
        name: str,
        *,
        profile: str | None = None,
        limit: int = 50,
        passing_only: bool = False,
    ) -> tuple[Point, ...]:
        """The last values of a metric, ``GATE.METRIC``, oldest first; runs that did not measure it
        are left out. ``passing_only`` asks for whole runs that passed."""
        filters = {"profile": profile, **(_PASSING if passing_only else {})}
        columns = "run_id, started, metrics"
        found = self._ask.newest(columns, project, limit, filters)
        points = rows.points(found, name)
        if len(points) < len(found) == limit:  # further back there are more
            filters["measured"] = sql.within(dump(name, indent=0) + ":")
            points = rows.points(self._ask.newest(columns, project, limit, filters), name)
        return tuple(reversed(points))

    def metrics(self, project: str) -> tuple[str, ...]:
        """The names (``GATE.METRIC``) of all that the last 500 runs measured, sorted."""
        found = self._ask.newest("metrics", project, NAMES_FROM, {})
        return tuple(sorted({name for (text,) in found for name in rows.numbers(text)}))

    def repeated(self, project: str, limit_runs: int = 50) -> tuple[Repeated, ...]:
        """The rules that found something new in most of the last runs."""
        return answers.repeated(self.runs(project, limit=limit_runs))

    def flaky(self, project: str, limit_runs: int = 200) -> tuple[Flaky, ...]:
        """The tests that passed and failed on one commit, without changes beside it, within the
        last runs; older ones than the newest 200 are not known by their tests any more."""
        limit = min(limit_runs, rows.TESTS_KEPT)
        found = self._ask.newest("run_id, sha, dirty", project, limit, {})
        clean = [(run_id, sha) for run_id, sha, dirty in found if sha and not dirty]
        failures = self._ask.failures(project, [run_id for run_id, _ in clean])
        suspects = {sha for run_id, sha in clean if run_id in failures}
        asked = [(run_id, sha) for run_id, sha in clean if sha in suspects]
        tests = {**failures, **self._ask.tests(project, [run_id for run_id, _ in asked])}
        return answers.flaky(Outcomes(r, sha, tests[r]) for r, sha in asked if r in tests)

    def slowest_gates(self, project: str, limit_runs: int = 50) -> tuple[SlowGate, ...]:
        """The gates of the last runs by the time that their tools took, the slowest first."""
        return answers.slowest_gates(self.runs(project, limit=limit_runs))

    def recall(
        self, project: str, profile: str, commit: str | None, clean: bool, passing: int = 20
    ) -> Past:
        """What a run of ``profile`` at ``commit`` is told of those before it. ``here`` is empty
        where its checkout is not ``clean``."""
        columns = "run_id, started, verdict, seconds, sha, metrics"
        found = self._ask.newest(columns, project, passing, {"profile": profile, **_PASSING})
        past = [
            PastRun(run_id, started, judged, seconds, sha, rows.numbers(metrics))
            for run_id, started, judged, seconds, sha, metrics in found
        ]
        newest = self._ask.tests(project, [past[0].run_id]) if past else {}
        return Past(
            passing=tuple(past),
            tests={t.id: t.seconds for ran in newest.values() for t in ran if t.outcome == PASSED},
            here=self._here(project, profile, commit) if commit and clean else {},
        )

    def keep_deployments(self, project: str, deployments: Iterable[Deployment]) -> None:
        """Keep roll-outs; one that has ended takes the place of the same one that had not. Of their
        commands the programs alone: an argument may be a secret, and others read the history."""
        kept = [KeptDeployment(project, _without_arguments(one)) for one in deployments]
        self._database.write(keeping.steps(kept))

    def deployments(
        self, project: str, environment: str | None = None, since: str | None = None
    ) -> tuple[Deployment, ...]:
        """The roll-outs that began at ``since`` or later, oldest first."""
        found = self._ask.events(sql.DEPLOYMENTS, project, environment, since)
        return tuple(rows.decoded(body, Deployment) for _, body in found)

    def keep_incidents(
        self, project: str, incidents: Iterable[Incident], now: str | None = None
    ) -> None:
        """Keep incidents; what is said of one ``now`` (RFC 3339; the clock's time if left out)
        takes the place of what was said of it before."""
        said = now or time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        told = [rows.of_incident(KeptIncident(project, said, one)) for one in incidents]
        self._database.write([(sql.keep_event(sql.INCIDENTS, if_other=True), told)])

    def incidents(self, project: str, since: str | None = None) -> tuple[Incident, ...]:
        """The incidents that began at ``since`` or later, oldest first."""
        found = self._ask.events(sql.INCIDENTS, project, None, since)
        return tuple(rows.decoded(body, Incident) for _, body in found)

    def run_ids(self, project: str) -> tuple[tuple[str, str], ...]:
        """The ids of all runs, each with when it began, oldest first."""
        return tuple((run_id, started) for run_id, started in self._ask.run_ids(project))

    def whole_runs(self, project: str, run_ids: Sequence[str]) -> Iterator[RunRecord]:
        """Runs by their full ids, with the tests that are still known, in the order of the ids."""
        for at in range(0, len(run_ids), _PAGE):
            yield from self._ask.whole(project, run_ids[at : at + _PAGE])

    def tests_kept(self, project: str, newest: int) -> tuple[str, ...]:
        """The ids of the newest runs of which all tests are known, newest first."""
        return tuple(run_id for (run_id,) in self._ask.newest_tests(project, newest))

    def events(self, project: str) -> Iterator[KeptDeployment | KeptIncident]:
        """All deployments and incidents, as they are handed to others."""
        for _, body in self._ask.events(sql.DEPLOYMENTS, project, None, None):
            yield KeptDeployment(project, rows.decoded(body, Deployment))
        for rank, body in self._ask.events(sql.INCIDENTS, project, None, None):
            yield KeptIncident(project, rank.partition("\t")[0], rows.decoded(body, Incident))

    def everything(self, project: str, after: str | None = None) -> Iterator[Record]:
        """All that is kept of a project: the runs that began ``after`` a time (all, if left out),
        oldest first and with the tests that are still known, then deployments and incidents."""
        known = self.run_ids(project)
        wanted = [run_id for run_id, started in known if after is None or started > after]
        yield from self.whole_runs(project, wanted)
        yield from self.events(project)

    def take(self, records: Iterable[Record]) -> Taken:
        """Take over what others kept; what is known already stays, unless theirs is newer."""
        new = total = 0
        for batch in _batches(records):
            projects = sorted({one.project for one in batch})
            counts = self._database.write(
                [*keeping.steps(batch), *map(keeping.forgetting, projects)]
            )
            runs, _, _, deployments, incidents = counts[:5]
            new += runs + deployments + incidents
            total += sum(not isinstance(one, KeptTests) for one in batch)
        return Taken(new, total - new)

    def _here(self, project: str, profile: str, commit: str) -> dict[str, frozenset[str]]:
        """The outcomes of the tests in the earlier runs of a commit without changes beside it."""
        filters = {"profile": profile, "sha": commit, "dirty": 0}
        found = [row[0] for row in self._ask.newest("run_id", project, SAME_COMMIT, filters)]
        tests = {**self._ask.failures(project, found), **self._ask.tests(project, found)}
        return answers.outcomes(tests.values())


_PASSING = {"verdict": PASS, "complete": 1}


def _batches(records: Iterable[Record]) -> Iterator[list[Record]]:
    rest = iter(records)
    while batch := list(itertools.islice(rest, BATCH)):
        yield batch


def _without_arguments(one: Deployment) -> Deployment:
    undone = one.roll_back and msgspec.structs.replace(one.roll_back, argv=one.roll_back.argv[:1])
    return msgspec.structs.replace(one, argv=one.argv[:1], roll_back=undone)
