"""Export and import, and what is read of records that somebody else wrote."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_devops_gates.errors import CannotTell, UsageError
from pytest_devops_gates.evidence import RanTest
from pytest_devops_gates.history import lines, transfer
from pytest_devops_gates.history.lines import KeptDeployment, KeptIncident, KeptTests, Record
from pytest_devops_gates.history.records import GateRecord, RuleRecord, RunRecord
from pytest_devops_gates.history.store import Store, open_store
from pytest_devops_gates.outside import HistoryTable
from tests.unit.history_samples import PROJECT, deployment, failing, incident, moment, run

DEPLOYMENT = KeptDeployment(PROJECT, deployment(1))
INCIDENT = KeptIncident(PROJECT, moment(2), incident(1))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    (tmp_path / "here").mkdir()
    with open_store(tmp_path / "here", HistoryTable(), {}) as opened:
        opened.take([run(1), run(2, tests=failing("a\ud800\0")), DEPLOYMENT, INCIDENT])
        yield opened


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Store]:
    (tmp_path / "there").mkdir()
    with open_store(tmp_path / "there", HistoryTable(), {}) as opened:
        yield opened


@pytest.mark.parametrize("name", ["history.jsonl", "history.jsonl.gz"])
def test_what_is_exported_is_imported(
    tmp_path: Path, store: Store, other: Store, name: str
) -> None:
    path = tmp_path / name
    assert transfer.write(path, store.everything(PROJECT)) == 4
    data = path.read_bytes()
    assert data[:2] == (b"\x1f\x8b" if name.endswith("gz") else b'{"')
    text = gzip.decompress(data) if name.endswith("gz") else data
    first, *told, last = map(json.loads, text.splitlines())
    assert [one["project"] for one in told] == [PROJECT] * 4
    assert first == {"schema": transfer.EXPORT}
    assert last == {"schema": transfer.EXPORT, "records": 4}
    assert transfer.read(path, other, PROJECT) == transfer.Imported(4, 0, 0, ())
    assert transfer.read(path, other, PROJECT) == transfer.Imported(0, 4, 0, ())
    assert list(other.everything(PROJECT)) == list(store.everything(PROJECT))
    transfer.write(path, other.everything(PROJECT))
    assert path.read_bytes() == data


def test_bad_lines_are_told_by_their_numbers_and_good_ones_taken(
    tmp_path: Path, other: Store
) -> None:
    path = tmp_path / "some.jsonl"
    path.write_bytes(
        b"\n{\n"
        + lines.encode(run(1))
        + b"\r\n\n"
        + lines.encode(run(2))[:-1]
        + b"\n"
        + lines.encode(run(3))
    )
    done = transfer.read(path, other, PROJECT)
    assert (done.new, done.known, done.bad) == (2, 0, 2)
    assert [number for number, _ in done.shown] == [2, 5]
    for line in (b"{}", b'{"records":1}', b'{"schema":"pytest-devops-gates/history-export/2"}'):
        path.write_bytes(line)
        assert transfer.read(path, other, PROJECT).bad == 1
    path.write_bytes(b"x\n" * 1_000)
    done = transfer.read(path, other, PROJECT)
    assert (done.bad, len(done.shown)) == (1_000, transfer.SHOWN)


def test_a_file_that_is_cut_off_is_told(tmp_path: Path, store: Store, other: Store) -> None:
    path = tmp_path / "h.gz"
    transfer.write(path, store.everything(PROJECT))
    for data in (path.read_bytes()[:-20], path.read_bytes()[:-6] + b"xxxxxx", b"\x1f\x8bnonsense"):
        path.write_bytes(data)
        with pytest.raises(CannotTell, match=r"h\.gz is damaged, or cut off: .* · export it again"):
            transfer.read(path, other, PROJECT)


def test_a_file_that_is_cut_off_at_the_end_of_a_line_is_told(
    tmp_path: Path, store: Store, other: Store
) -> None:
    path = tmp_path / "h.jsonl"
    transfer.write(path, store.everything(PROJECT))
    told = path.read_bytes().splitlines(keepends=True)
    cut = [told[:n] for n in range(1, 6)]
    missing = [told[:2] + told[3:], told[1:], told[:3] + told]
    for some in (*cut, *missing, [*told[:5], told[5][:-3]]):
        path.write_bytes(b"".join(some))
        with pytest.raises(
            CannotTell, match=r"h\.jsonl is damaged, or cut off: .* export it again"
        ):
            transfer.read(path, other, PROJECT)


def test_exports_may_stand_one_after_another_and_earlier_ones_count_nothing(
    tmp_path: Path, store: Store, other: Store
) -> None:
    path = tmp_path / "h.jsonl"
    transfer.write(path, store.everything(PROJECT))
    told = path.read_bytes()
    path.write_bytes(told + told)
    assert transfer.read(path, other, PROJECT) == transfer.Imported(4, 4, 0, ())
    path.write_bytes(b"".join(told.splitlines(keepends=True)[1:-1]))
    assert transfer.read(path, other, PROJECT) == transfer.Imported(0, 4, 0, ())


def test_what_no_import_would_take_is_not_written(
    tmp_path: Path, store: Store, other: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "h.jsonl"
    monkeypatch.setattr(
        lines, "LONGEST", max(len(lines.encode(one)) for one in store.everything(PROJECT)) - 1
    )
    with pytest.raises(CannotTell, match="holds 3 records, and not 1 of more than 0 MiB"):
        transfer.write(path, store.everything(PROJECT))
    assert transfer.read(path, other, PROJECT) == transfer.Imported(3, 0, 0, ())


def test_what_cannot_be_read_is_told(tmp_path: Path, other: Store) -> None:
    with pytest.raises(UsageError, match="nothing cannot be read: No such file"):
        transfer.read(tmp_path / "nothing", other, PROJECT)
    with pytest.raises(UsageError, match="cannot be read: Is a directory"):
        transfer.read(tmp_path, other, PROJECT)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UsageError, match="pipe cannot be read: no plain file"):
        transfer.read(tmp_path / "pipe", other, PROJECT)


def test_a_line_without_an_end_fills_no_memory(
    tmp_path: Path, other: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines, "LONGEST", 5_000)
    (tmp_path / "h.gz").write_bytes(
        gzip.compress(b" " * 100 + b"x" * 100_000 + b"\n" + lines.encode(run(1)))
    )
    done = transfer.read(tmp_path / "h.gz", other, PROJECT)
    assert (done.new, done.bad) == (1, 21)  # pieces
    assert done.shown[0][1] == "it has more than 0 MiB"


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "h.jsonl"
    path.write_text("old")

    def broken() -> Iterator[Record]:
        yield run(1)
        raise CannotTell("the server ended")

    with pytest.raises(CannotTell, match="the server ended"):
        transfer.write(path, broken())
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["h.jsonl"]
    with pytest.raises(UsageError, match="cannot be written: No such file"):
        transfer.write(tmp_path / "nowhere" / "h.jsonl", [])
    with pytest.raises(UsageError, match="cannot be written: File name too long"):
        transfer.write(tmp_path / ("x" * 300), [])
    for special in (tmp_path, Path(os.devnull)):
        with pytest.raises(UsageError, match="cannot be written: it is no plain file"):
            transfer.write(special, [])


def changed(record: Record, **values: object) -> bytes:
    return lines.encode(msgspec.structs.replace(record, **values))


def gate(**values: object) -> tuple[GateRecord, ...]:
    return (msgspec.structs.replace(GateRecord("g", "test", "required", "pass"), **values),)


BAD = {
    "no JSON": (b"{", "truncated"),
    "nothing": (b"", "truncated"),
    "an array": (b"[]", "Expected `object`"),
    "nested": (b"[" * 100_000, "Expected `object`"),
    "nested inside": (b'{"schema":"pytest-devops-gates/run/1","x":' + b"[" * 100_000, "nested too deep"),
    "no schema": (b"{}", "missing required field `schema`"),
    "a later schema": (changed(run(7), schema="pytest-devops-gates/run/2"), "schema is 'pytest-devops-gates/run/2', which is none of ours"),
    "of another project": (changed(run(7), project="coffee"), "of the project 'coffee', not of 'tea-shop'"),
    "a wrong type": (lines.encode(run(7)).replace(b'"seconds":3.5', b'"seconds":"3"'), "Expected `float`"),
    "NaN": (lines.encode(run(7)).replace(b'"seconds":3.5', b'"seconds":NaN'), "malformed|invalid"),
    "infinity": (lines.encode(run(7)).replace(b'"seconds":3.5', b'"seconds":1e999'), "out of range|finite"),
    "not UTF-8": (lines.encode(run(7)).replace(b"all gates", b"all \xff"), "utf-8"),
    "negative": (changed(run(7), seconds=-1.0), "less than no time"),
    "a negative gate": (changed(run(7), gates=gate(seconds=-1.0)), "less than no time"),
    "a negative test": (changed(run(7), tests=(RanTest("a", "passed", -1.0),)), "less than no time"),
    "fewer than none": (changed(run(7), rules=(RuleRecord("g", "r", new=-1),)), "fewer findings than none"),
    "no verdict": (changed(run(7), verdict="great"), "verdict is 'great'"),
    "no exit status": (changed(run(7), exit_status=5), "exit_status is none of ours"),
    "a huge exit status": (changed(run(7), exit_status=10**400), "exit_status is none of ours"),
    "a huge count": (changed(run(7), rules=(RuleRecord("g", "r", new=10**400),)), "too large"),
    "a huge exit code": (changed(DEPLOYMENT, deployment=deployment(1, exit_code=10**400)), "too large"),
    "no outcome": (changed(run(7), gates=gate(outcome="great")), "unknown outcome"),
    "no time": (changed(run(7), started="2026-03-01 07:00"), "no time of RFC 3339"),
    "no such day": (changed(run(7), started="2026-02-30T00:00:00Z"), "no time of RFC 3339"),
    "a path": (changed(run(7), run_id="../x"), "run_id is none"),
    "an empty id": (changed(run(7), run_id=""), "run_id is none"),
    "a newline": (changed(run(7), run_id="x\n"), "run_id is none"),
    "tests of a path": (changed(KeptTests(PROJECT, "../x", moment(1), ())), "run_id is none"),
    "lost": (changed(DEPLOYMENT, deployment=deployment(1, outcome="lost")), "outcome is 'lost'"),
    "no id": (changed(DEPLOYMENT, deployment=deployment(1, id="")), "id is empty"),
    "an end that is no time": (changed(DEPLOYMENT, deployment=deployment(1, ended="")), "no time of RFC 3339"),
    "said at no time": (changed(INCIDENT, said="now"), "no time of RFC 3339"),
    "no severity": (lines.encode(INCIDENT).replace(b'"high"', b'"awful"'), "Invalid enum value"),
}  # fmt: skip


@pytest.mark.parametrize("kind", BAD)
def test_what_is_no_record_is_told(kind: str) -> None:
    data, told = BAD[kind]
    with pytest.raises(ValueError, match=told) as reason:
        lines.decode(data, PROJECT)
    assert "\n" not in str(reason.value)
    assert len(str(reason.value)) < 300


TIMES = st.datetimes().map(lambda at: at.strftime("%Y-%m-%dT%H:%M:%SZ").rjust(20, "0"))
SECONDS = st.floats(0, 1e9)
RUNS = st.builds(
    RunRecord,
    project=st.just(PROJECT),
    run_id=st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,20}", fullmatch=True),
    profile=st.text(),
    complete=st.booleans(),
    verdict=st.sampled_from(["pass", "fail", "unknown"]),
    reason=st.text(),
    exit_status=st.sampled_from([0, 1, 2, 3, 4, 6]),
    started=TIMES,
    seconds=SECONDS,
    commit=st.none() | st.text(),
    gates=st.lists(st.builds(GateRecord, st.text(), st.text(), st.text(), st.just("pass"), st.text(), SECONDS,
                             metrics=st.dictionaries(st.text(), st.floats(allow_nan=False, allow_infinity=False)))).map(tuple),
    tests=st.lists(st.builds(RanTest, st.text(), st.text(), SECONDS)).map(tuple),
)  # fmt: skip


@settings(max_examples=50, deadline=None)
@given(RUNS)
def test_every_run_comes_back(one: RunRecord) -> None:
    line = lines.encode(one)
    assert b"\n" not in line
    assert line.isascii()
    assert lines.decode(line, PROJECT) == one


@settings(max_examples=200, deadline=None)
@given(st.binary() | st.just(lines.encode(run(1))).flatmap(
    lambda data: st.tuples(st.integers(0, len(data)), st.binary(max_size=4)).map(lambda cut: data[: cut[0]] + cut[1] + data[cut[0] + len(cut[1]) :])
))  # fmt: skip
def test_whatever_is_read_is_a_record_or_told(data: bytes) -> None:
    try:
        found = lines.decode(data, PROJECT)
    except ValueError:
        return
    lines.check(found)
    assert lines.decode(lines.encode(found), PROJECT) == found
