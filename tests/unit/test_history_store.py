"""The store, on both of its databases: the same tests for each."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from pytest_devops_gates.deployments import RollBack
from pytest_devops_gates.errors import CannotTell, UsageError
from pytest_devops_gates.evidence import RanTest
from pytest_devops_gates.history import rows, sql
from pytest_devops_gates.history.answers import Flaky, Repeated
from pytest_devops_gates.history.lines import KeptIncident
from pytest_devops_gates.history.place import VARIABLE
from pytest_devops_gates.history.records import GateRecord
from pytest_devops_gates.history.store import Store, open_store
from pytest_devops_gates.outside import HistoryTable
from tests.unit.history_samples import PROJECT, TESTS, deployment, failing, incident, moment, run
from tests.unit.postgres_server import Server, server

__all__ = ["server"]
SQLITE, POSTGRES = "sqlite", "postgres"


@pytest.fixture(params=[SQLITE, pytest.param(POSTGRES, marks=pytest.mark.slow)])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, str]:
    """The environment in which a store is opened that is empty."""
    if request.param == SQLITE:
        return {}
    found: Server = request.getfixturevalue("server")
    return {VARIABLE: found.new_database()}


@pytest.fixture
def store(place: dict[str, str], tmp_path: Path) -> Iterator[Store]:
    with open_store(tmp_path, HistoryTable(), place) as opened:
        yield opened


def ids(runs: tuple[object, ...]) -> list[str]:
    return [str(msgspec.to_builtins(one)["run_id"]) for one in runs]


def test_a_run_comes_back_as_it_was_and_only_once(store: Store) -> None:
    store.record(run(1))
    store.record(run(1, reason="another word for it"))
    store.record(run(2))
    assert store.run(PROJECT, run(1).run_id) == run(1)
    assert store.runs(PROJECT) == (run(2, tests=()), run(1, tests=()))
    assert store.run("another", run(1).run_id) is None
    assert store.runs("another") == ()


def test_a_run_is_found_by_the_beginning_of_its_id_and_by_nothing_else(store: Store) -> None:
    store.record(run(1))
    store.record(run(2))
    assert store.run(PROJECT, run(2).run_id[:12]) == run(2)
    assert store.run(PROJECT, "%") is None
    assert store.run(PROJECT, "2026____T") is None
    assert store.run(PROJECT, run(1).run_id.lower()) is None
    with pytest.raises(UsageError, match="several runs begin with '2026'"):
        store.run(PROJECT, "2026")


def test_runs_are_chosen_newest_first(store: Store) -> None:
    for n in (3, 1, 4, 2):
        profile, verdict = "merge" if n % 2 else "commit", "fail" if n == 4 else "pass"
        store.record(run(n, profile=profile, verdict=verdict))
    assert ids(store.runs(PROJECT)) == ids((run(4), run(3), run(2), run(1)))
    assert ids(store.runs(PROJECT, limit=2)) == ids((run(4), run(3)))
    assert ids(store.runs(PROJECT, profile="commit")) == ids((run(4), run(2)))
    assert ids(store.runs(PROJECT, verdict="pass", profile="commit")) == ids((run(2),))
    assert ids(store.runs(PROJECT, since=moment(3))) == ids((run(4), run(3)))
    assert ids(store.runs(PROJECT, since="2026-03-01T05:00:00+02:00")) == ids((run(4), run(3)))
    assert store.runs(PROJECT, limit=0) == ()


def test_a_metric_is_told_oldest_first_of_the_runs_that_measured_it(store: Store) -> None:
    for n in (1, 2, 3, 4):
        gates = run(n).gates if n != 3 else run(n).gates[:1]
        store.record(run(n, gates=gates, verdict="fail" if n == 2 else "pass", complete=n != 4))
    told = store.series(PROJECT, "coverage.line")
    assert [(p.run_id, p.started, p.value) for p in told] == [
        (run(n).run_id, moment(n), 90.0 + n / 100) for n in (1, 2, 4)
    ]
    assert [p.value for p in store.series(PROJECT, "coverage.line", limit=2)] == [90.02, 90.04]
    assert [p.value for p in store.series(PROJECT, "coverage.line", passing_only=True)] == [90.01]
    assert store.series(PROJECT, "coverage.line", profile="commit") == ()
    for absent in ("coverage.Line", "coverage_line", "coverage.%", "line", 'x"', ""):
        assert store.series(PROJECT, absent) == ()
    assert store.metrics(PROJECT) == ("coverage.line", "tests.passed", "tests.seconds")


def test_what_comes_again_is_told(store: Store) -> None:
    for n in (1, 2, 3):
        store.record(run(n))
    assert store.repeated(PROJECT, 2) == (Repeated("lint", "F401", 2, 2, run(3).run_id, 1, 2),)
    (slow,) = store.slowest_gates(PROJECT, 3)  # that of coverage was from a cache
    assert (slow.gate, slow.runs, slow.median, slow.share) == ("tests", 3, 2.0, 1.0)


def test_how_often_a_finding_came_and_whether_it_stays(store: Store) -> None:
    lint = GateRecord("lint", "develop", "required", "fail")
    found, gone = {"gates": (lint,)}, {"gates": (lint,), "rules": ()}
    unasked = {"gates": (), "rules": ()}
    unsure = {"gates": (GateRecord("lint", "develop", "required", "unknown"),), "rules": ()}
    for n, what in enumerate((found, found, gone, gone, found, unasked, unsure, found)):
        store.record(run(n, **what))
    (one,) = store.repeated(PROJECT)
    assert (one.runs, one.times, one.stays) == (4, 2, 2)  # a run that did not look says nothing
    store.record(run(9, **gone))
    (one,) = store.repeated(PROJECT)
    assert (one.runs, one.times, one.stays) == (4, 2, 0)


def test_flaky_is_what_passed_and_failed_on_one_commit(store: Store) -> None:
    same = {"commit": "c" * 40}
    store.record(run(1, **same, tests=failing("a", "b", passing=("c",))))
    store.record(run(2, **same, tests=failing("b", passing=("a", "c"))))
    store.record(run(3, **same, tests=failing("c", passing=("a",)), dirty=True))
    store.record(run(4, tests=failing("c", passing=("b",))))
    assert store.flaky(PROJECT) == (Flaky("a", 1, 1, ("c" * 40,), run(1).run_id),)
    assert store.flaky(PROJECT, 3) == ()


def test_what_a_run_is_told_of_those_before_it(store: Store) -> None:
    here = "c" * 40
    store.record(run(1))
    store.record(run(2, tests=failing("a", passing=("b",)), verdict="fail", commit=here))
    store.record(run(3, tests=failing(passing=("a", "b")), commit=here, dirty=True))
    store.record(run(4, complete=False))
    store.record(run(5, profile="commit"))
    past = store.recall(PROJECT, "merge", here, clean=True)
    assert ids(past.passing) == ids((run(3), run(1)))
    assert past.passing[1].metrics == {
        "tests.passed": 2.0,
        "tests.seconds": 0.25,
        "coverage.line": 90.01,
    }
    assert past.tests == {"a": 0.1, "b": 0.1}
    assert past.here == {"a": frozenset({"failed"}), "b": frozenset({"passed"})}
    assert past.unknown is None
    assert store.recall(PROJECT, "merge", here, clean=False).here == {}
    assert store.recall(PROJECT, "merge", None, clean=True).here == {}
    assert ids(store.recall(PROJECT, "merge", here, clean=True, passing=1).passing) == ids(
        (run(3),)
    )
    assert store.recall("another", "merge", here, clean=True).passing == ()


def test_of_older_runs_the_failures_are_kept(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "TESTS_KEPT", 2)
    tests = (
        *TESTS,
        RanTest("t::bad", "failed", 1.0, ("REQ-2",)),
        RanTest("t::worse", "error", 2.0),
    )
    for n in (1, 2, 3):
        store.record(run(n, tests=tests))
    store.record(run(0, tests=tests))  # told late, and no newer for that
    kept = {n: store.run(PROJECT, run(n).run_id) for n in range(4)}
    assert [n for n, one in kept.items() if one and one.tests == tests] == [2, 3]
    assert [n for n, one in kept.items() if one and one.tests == tests[2:]] == [0, 1]


def test_an_end_takes_the_place_of_a_beginning_and_never_the_other_way_round(store: Store) -> None:
    begun = deployment(1, outcome="started", ended=None, exit_code=None)
    store.keep_deployments(PROJECT, [deployment(2, environment="test"), begun])
    assert store.deployments(PROJECT) == (begun, deployment(2, environment="test"))
    store.keep_deployments(PROJECT, [deployment(1)])
    store.keep_deployments(PROJECT, [begun])
    assert store.deployments(PROJECT, "production") == (deployment(1),)
    assert store.deployments(PROJECT, since=moment(1.5)) == (deployment(2, environment="test"),)


def test_what_was_said_last_of_an_incident_holds(store: Store) -> None:
    over = incident(1, ended=moment(2))
    store.keep_incidents(PROJECT, [incident(1), incident(3)], moment(1))
    store.keep_incidents(PROJECT, [over], moment(2))
    store.keep_incidents(PROJECT, [over], moment(9))  # nothing new is said
    assert store.incidents(PROJECT) == (over, incident(3))
    store.take([KeptIncident(PROJECT, moment(1.5), incident(1))])
    assert store.incidents(PROJECT, since=moment(0)) == (over, incident(3))
    store.take([KeptIncident(PROJECT, moment(3), incident(1))])  # it began again
    assert store.incidents(PROJECT) == (incident(1), incident(3))


def test_all_of_it_is_taken_over_by_another(store: Store, tmp_path: Path) -> None:
    store.record(run(1))
    store.record(run(2, tests=failing("a")))
    store.keep_deployments(PROJECT, [deployment(1)])
    store.keep_incidents(PROJECT, [incident(1)], moment(1))
    (tmp_path / "other").mkdir()
    with open_store(tmp_path / "other", HistoryTable(), {}) as other:
        other.record(run(2, tests=failing("a")))
        taken = other.take(store.everything(PROJECT))
        assert (taken.new, taken.known) == (3, 1)
        assert list(other.everything(PROJECT)) == list(store.everything(PROJECT))
        assert other.take(store.everything(PROJECT)).new == 0
    assert ids(tuple(store.everything(PROJECT, after=moment(1)))[:1]) == ids((run(2),))


def test_what_fails_in_the_middle_leaves_nothing_and_the_store_goes_on(store: Store) -> None:
    good = (sql.KEEP_RUN, [rows.of_run(run(1))])
    for broken in (
        "INSERT INTO nowhere VALUES (:a)",
        "INSERT INTO devops_gates_runs (project) VALUES (:a)",
    ):
        with pytest.raises(CannotTell):
            store._database.write([good, (broken, [{"a": "x"}])])
        assert store.runs(PROJECT) == ()
    store.record(run(2))
    assert ids(store.runs(PROJECT)) == ids((run(2),))


HARD = [
    "\0",
    "\ud800",
    "\U0001f375",
    "'; DROP TABLE devops_gates_runs; --",
    "%",
    ":name",
    "\\",
    '"',
    "",
]


@pytest.mark.parametrize("text", HARD)
def test_texts_come_back_whatever_is_in_them(store: Store, text: str) -> None:
    one = run(1, project=text, profile=text, reason=text, commit=text, tests=failing(text))
    store.record(one)
    store.keep_incidents(text, [incident(1, title=text, id=text or "-")], moment(1))
    shown = text.encode("utf-8", "backslashreplace").decode()
    assert [r.reason for r in store.runs(text, profile=rows.plain(text))] == [shown]
    found = store.run(text, one.run_id)
    assert found is not None
    assert found.tests[0].id == shown
    assert store.incidents(text)[0].title == shown


def test_a_thousand_failures_of_a_run_are_kept_for_good(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "TESTS_KEPT", 1)
    store.record(run(1, tests=failing(*map(str, range(1_500)))))
    store.record(run(2))
    kept = store.run(PROJECT, run(1).run_id)
    assert kept is not None
    assert [t.id for t in kept.tests] == [str(n) for n in range(rows.FAILURES_KEPT)]


_WRITER = """
import os, sys, time
from pathlib import Path
from pytest_devops_gates.history.store import open_store
from pytest_devops_gates.outside import HistoryTable
from tests.unit.history_samples import PROJECT, deployment, run
root, first = Path(sys.argv[1]), int(sys.argv[2])
if os.environ.get("DEVOPS_GATES_HISTORY_URL"):
    import sqlalchemy, psycopg
print("ready", flush=True)
sys.stdin.readline()
for n in range(first, first + 5):
    with open_store(root, HistoryTable(), os.environ) as opened:
        opened.record(run(n))
        opened.keep_deployments(PROJECT, [deployment(n)])
"""
HERE = Path(__file__).parents[2]


@pytest.mark.slow
def test_twenty_writers_at_once_lose_nothing(place: dict[str, str], tmp_path: Path) -> None:
    """All of them begin with a database that is empty: they make its tables at once as well."""
    argv = [sys.executable, "-c", _WRITER, str(tmp_path)]
    pipe = subprocess.PIPE
    writers = [
        subprocess.Popen(
            [*argv, str(5 * n)],
            cwd=HERE,
            env={**os.environ, **place},
            stdin=pipe,
            stdout=pipe,
            stderr=pipe,
        )
        for n in range(20)
    ]
    assert {writer.stdout.readline() for writer in writers if writer.stdout} == {b"ready\n"}
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write(b"\n")
        writer.stdin.flush()
    said = [writer.communicate(timeout=120)[1] for writer in writers]
    assert [writer.returncode for writer in writers] == [0] * 20, said
    with open_store(tmp_path, HistoryTable(), place) as opened:
        assert ids(opened.runs(PROJECT, limit=1_000)[::-1]) == ids(tuple(map(run, range(100))))
        assert len(opened.deployments(PROJECT)) == 100


_RECORDER = """
import os, sys
from pathlib import Path
from pytest_devops_gates.history.store import open_store
from pytest_devops_gates.outside import HistoryTable
from tests.unit.history_samples import run
with open_store(Path(sys.argv[1]), HistoryTable(), os.environ) as store:
    for n in range(int(sys.argv[2]), 10**6):
        store.record(run(n))
        print(n, flush=True)
"""


@pytest.mark.slow
def test_nothing_that_was_acknowledged_is_lost_when_writers_are_killed(
    place: dict[str, str], tmp_path: Path
) -> None:
    """A hundred times: a process records and says so, and is killed at any moment. A server is not
    in the process that is killed: ten times are enough."""
    acknowledged, first, times = [], 0, 10 if place else 100
    for round_ in range(times):
        argv = [sys.executable, "-c", _RECORDER, str(tmp_path), str(first)]
        env = {**os.environ, **place}
        with subprocess.Popen(argv, cwd=HERE, env=env, stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None
            told = [writer.stdout.readline()]
            time.sleep(round_ % 10 * 0.0007)
            writer.kill()
            told += writer.stdout.readlines()
        acknowledged += [int(line) for line in told if line.endswith(b"\n")]
        first = acknowledged[-1] + 2  # the one after may be there: nobody said that it is not
    with open_store(tmp_path, HistoryTable(), place) as store:
        kept = {one.run_id for one in store.runs(PROJECT, limit=10**6)}
        assert kept >= {run(n).run_id for n in acknowledged}
        assert len(acknowledged) >= times
        if not place:
            assert store._database.select("PRAGMA integrity_check", {}) == [("ok",)]


def test_of_the_commands_of_a_roll_out_the_programs_alone_are_kept(store: Store) -> None:
    """Others read the history, and an argument may be a secret."""
    undone = RollBack(("curl", "-u", "bob:secret"), 0, 1.0)
    one = msgspec.structs.replace(
        deployment(1), argv=("twine", "upload", "-p", "secret"), roll_back=undone
    )
    store.keep_deployments(PROJECT, [one])
    [kept] = store.deployments(PROJECT)
    assert kept.roll_back is not None
    assert (kept.argv, kept.roll_back.argv) == (("twine",), ("curl",))
