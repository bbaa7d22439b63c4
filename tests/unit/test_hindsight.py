"""The history, as a run meets it: it informs, and nothing depends on its being there."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pytest_devops_gates import hindsight, runs
from pytest_devops_gates.engine.task import Task
from pytest_devops_gates.errors import CannotTell
from pytest_devops_gates.evidence import Evidence, RanTest, Severity
from pytest_devops_gates.gate import Gate
from pytest_devops_gates.gates import trend
from pytest_devops_gates.history.place import VARIABLE
from pytest_devops_gates.history.store import open_store
from pytest_devops_gates.incident import Incident
from pytest_devops_gates.operations import open_incidents
from pytest_devops_gates.operations.open_incidents import Seen
from pytest_devops_gates.outside import HistoryTable
from pytest_devops_gates.project import Project
from pytest_devops_gates.stage import Stage
from pytest_devops_gates.verdict import Ruling, Selection, Verdict

STARTED = "2026-03-02T10:15:00Z"
RAN = (RanTest("test_a.py::test_a", "passed", 0.5),)


def project(root: Path, **fields: Any) -> Project:
    run_dir = root / ".devops-gates" / "runs" / "1"
    run_dir.mkdir(parents=True, exist_ok=True)
    return Project(root, run_dir, root, time.time(), commit="c" * 40, **fields)


def verdict(run_id: str = "20260302T101500Z-000001", line: float = 90.0) -> Verdict:
    ruling = Ruling("coverage", "test", "required", "pass", "", metrics={"line": line})
    return Verdict("s", "pass", "all passed", 0, STARTED, 1.0, run_id, "1", commit="c" * 40,
                   selection=Selection((), True), gates=(ruling,))  # fmt: skip


def kept(here: Project, *verdicts: Verdict, address: hindsight.Address | None = None) -> None:
    for one in verdicts:
        keep = hindsight.keeper(here, RAN, address or {})
        assert keep
        keep(one)


def test_the_next_run_is_told_of_this_one(tmp_path: Path) -> None:
    here = project(tmp_path)
    assert hindsight.ask(here, STARTED, {}).past.passing == ()
    kept(here, verdict())
    told = hindsight.ask(here, STARTED, {})
    assert [run.metrics["coverage.line"] for run in told.past.passing] == [90.0]
    assert told.past.tests == {"test_a.py::test_a": 0.5}
    assert told.past.here == {"test_a.py::test_a": frozenset({"passed"})}
    (trend,) = hindsight.drawn(verdict("20260302T111500Z-000002", 91.0), told).trends
    assert [point.value for point in trend.points] == [90.0, 91.0]


@pytest.mark.parametrize("unwanted", ["hook", "variable", "no folder"])
def test_a_run_that_nobody_wants_kept_is_neither_kept_nor_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, unwanted: str
) -> None:
    here = project(tmp_path, scope=("a.py",) if unwanted == "hook" else None)
    if unwanted == "variable":
        monkeypatch.setenv(runs.UNRECORDED, "1")
    if unwanted == "no folder":  # a checkout that cannot be written
        here = msgspec.structs.replace(here, run_dir=tmp_path.parent)
    assert hindsight.keeper(here, RAN, {}) is None
    assert hindsight.ask(here, STARTED, {}) == hindsight.Hindsight()
    assert not (tmp_path / ".devops-gates" / "history.sqlite").exists()


def test_a_history_elsewhere_is_used_where_the_checkout_cannot_be_written(tmp_path: Path) -> None:
    here = msgspec.structs.replace(project(tmp_path), run_dir=tmp_path.parent)
    address = {VARIABLE: f"sqlite:///{tmp_path}/elsewhere.sqlite"}
    kept(here, verdict(), address=address)
    assert len(hindsight.ask(here, STARTED, address).past.passing) == 1


def test_a_history_that_cannot_be_read_is_unknown_and_no_more(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    here = project(tmp_path)
    (tmp_path / ".devops-gates" / "history.sqlite").write_bytes(b"no database at all" * 99)
    told = hindsight.ask(here, STARTED, {})
    assert "history.sqlite" in (told.past.unknown or "")
    kept(here, verdict())
    said = capsys.readouterr().err
    assert "the history does not know of this run" in said
    assert len(said.strip().splitlines()) == 1


def test_a_bug_in_it_costs_no_verdict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise KeyError("line")

    monkeypatch.setattr(hindsight, "open_store", broken)
    told = hindsight.ask(project(tmp_path), STARTED, {})
    assert "cannot be asked" in (told.past.unknown or "")
    kept(project(tmp_path), verdict())


def test_the_address_is_out_of_the_sight_of_what_is_started() -> None:
    environment = {VARIABLE: "postgresql://u:secret@h/d", "PATH": "/bin"}
    assert hindsight.take(environment) == {VARIABLE: "postgresql://u:secret@h/d"}
    assert environment == {"PATH": "/bin"}
    assert hindsight.take(environment) == {}


@pytest.mark.parametrize("blank", ["", "  "])
def test_a_blank_address_is_none_and_hides_no_committed_history(tmp_path: Path, blank: str) -> None:
    here = project(tmp_path)
    kept(here, verdict())
    environment = {VARIABLE: blank}
    address = hindsight.take(environment)
    assert (address, environment) == ({}, {})
    here = msgspec.structs.replace(here, files=(".devops-gates/history.sqlite",))
    assert hindsight.ask(here, STARTED, address).past.passing == ()


@pytest.mark.parametrize("committed", [".devops-gates/x", ".devops-gates"])  # a link
def test_beside_committed_files_of_ours_the_history_is_unknown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], committed: str
) -> None:
    here = project(tmp_path, files=(".devops-gates.toml", committed))
    told = hindsight.ask(here, STARTED, {})
    assert (told.past.unknown or "").startswith(f"{committed} was committed")
    with pytest.raises(CannotTell, match="git rm -r --cached"):
        trend.review(msgspec.structs.replace(here, past=told.past), trend.TrendOptions(), {})
    kept(here, verdict())
    assert f"does not know of this run: {committed} was committed" in capsys.readouterr().err
    address = {VARIABLE: f"sqlite:///{tmp_path}/elsewhere.sqlite"}
    assert hindsight.ask(here, STARTED, address).past.unknown is None


def test_what_was_seen_of_incidents_is_kept_and_ends_when_it_is_gone(tmp_path: Path) -> None:
    here = project(tmp_path)
    alert = Incident("alert-1", "it is down", Severity.HIGH, STARTED, source="alertmanager")
    written = Incident("I-1", "it was down", Severity.HIGH, STARTED)
    open_incidents.keep(here.run_dir, Seen((alert, written), ("alertmanager",)))
    kept(here, verdict())
    open_incidents.keep(here.run_dir, Seen((), ("alertmanager",)))
    now = "2026-03-02T11:15:00Z"
    kept(here, msgspec.structs.replace(verdict("20260302T111500Z-000002"), started=now))
    with open_store(tmp_path, HistoryTable(), {}) as store:
        found = store.incidents(tmp_path.name)
    assert {one.id: one.ended for one in found} == {"alert-1": now, "I-1": None}


def review(*_: object) -> Evidence:
    return Evidence.of(examined=1, metrics={"seen": 1.0})


def test_a_part_of_a_run_is_not_reviewed(tmp_path: Path) -> None:
    gate = Gate("looks-back", Stage.FEEDBACK, review=review)
    tasks = [Task(gate, {}, 1.0)]
    whole = hindsight.looked_back(tasks, project(tmp_path), {})
    assert whole["looks-back"].metrics == {"seen": 1.0}
    part = hindsight.looked_back(tasks, project(tmp_path, shard="one"), {})
    assert "all shards together" in (part["looks-back"].not_applicable or "")


@pytest.mark.parametrize("error", [KeyError("x"), SystemExit(1)])
def test_a_review_that_crashes_is_unknown(tmp_path: Path, error: BaseException) -> None:
    def crashing(*_: object) -> Evidence:
        raise error

    gate = Gate("looks-back", Stage.FEEDBACK, review=crashing)
    found = hindsight.looked_back([Task(gate, {}, 1.0)], project(tmp_path), {})
    assert "crashed" in (found["looks-back"].unknown or "")
