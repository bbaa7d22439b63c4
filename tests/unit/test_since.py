"""What changed since an earlier run."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_devops_gates import runs, since
from pytest_devops_gates.evidence import Finding
from pytest_devops_gates.json_text import dump
from pytest_devops_gates.verdict import (
    Change,
    GateChange,
    Measured,
    MetricChange,
    Selection,
    Verdict,
)
from tests.unit.samples import ruling, verdict


def lint(outcome: str = "pass", *values: float | None, **fields: Any) -> Any:
    measured = tuple(Measured(f"m{n}", "==", 0, value) for n, value in enumerate(values))
    return ruling("lint", outcome=outcome, conditions=measured, **fields)


def found(*fingerprints: str, gate: str = "lint") -> tuple[Finding, ...]:
    return tuple(Finding("R", "m", gate=gate, fingerprint=f) for f in fingerprints)


@pytest.fixture
def earlier(tmp_path: Path) -> Callable[..., list[Path]]:
    """Earlier runs, the newest first, each with the text of its verdict.json."""

    def written(*verdicts: Verdict | str | bytes) -> list[Path]:
        folders = []
        for n, each in enumerate(verdicts):
            folder = tmp_path / f"run{n}"
            folder.mkdir()
            data = dump(each) if isinstance(each, Verdict) else each
            text = data if isinstance(data, bytes) else data.encode()
            (folder / "verdict.json").write_bytes(text)
            folders.append(folder)
        return folders

    return written


def test_nothing_came_before() -> None:
    assert since.compare(verdict(lint()), []) is None


def test_a_run_that_changed_nothing(earlier: Callable[..., list[Path]]) -> None:
    made = verdict(lint("fail", 1.5), findings=found("a"))
    assert since.compare(made, earlier(made)) == Change("1", "2026-01-02T03:04:05Z", "fail")


def test_what_changed(earlier: Callable[..., list[Path]]) -> None:
    before = verdict(
        lint("pass", 90.0, 1.0, None, 3.0),
        ruling("tests", outcome="unknown"),
        ruling("gone"),
        findings=found("a", "b"),
        verdict="unknown",
    )
    now = verdict(
        lint("fail", 89.5, 1.0, 2.0, None),
        ruling("tests"),
        ruling("new"),
        findings=found("b", "c", "d"),
    )
    assert since.compare(now, earlier(before)) == Change(
        run_id="1",
        started="2026-01-02T03:04:05Z",
        verdict="unknown",
        gates=(GateChange("lint", "pass", "fail"), GateChange("tests", "unknown", "pass")),
        metrics=(MetricChange("lint", "m0", 90.0, 89.5),),
        appeared=2,
        gone=1,
    )


@pytest.mark.parametrize("outcome", ["unknown", "off", "not-applicable"])
def test_findings_of_a_gate_that_was_not_judged_are_not_gone(
    outcome: str, earlier: Callable[..., list[Path]]
) -> None:
    with_findings = verdict(lint("fail"), findings=found("a"))
    without = verdict(lint(outcome))
    for before, now in ((with_findings, without), (without, with_findings)):
        (folder,) = earlier(before)
        change = since.compare(now, [folder])
        assert change is not None
        assert (change.appeared, change.gone, len(change.gates)) == (0, 0, 1)
        (folder / "verdict.json").unlink()
        folder.rmdir()


OTHERS = {
    "another profile": verdict(lint(), profile="release"),
    "another selection": verdict(lint(), selection=Selection(("test",), False)),
    "interrupted": verdict(lint(), exit_status=2),
    "did not finish": verdict(),
    "another schema": verdict(lint(), schema="pytest-devops-gates/verdict/2"),
    "no known verdict": verdict(lint(), verdict="splendid"),
    "no known outcome": verdict(lint("splendid")),
    "empty": "",
    "truncated": dump(verdict(lint()))[:-100],
    "not UTF-8": b"\xff",
    "an array": "[]",
    "wrong types": dump(verdict(lint())).replace('"exit_status": 1', '"exit_status": "1"'),
    "too many brackets": "[" * 200_000,
    "brackets in a field of later versions": dump(verdict(lint()))[:-2]
    + ', "later": '
    + "[" * 200_000,
}


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
def test_runs_that_cannot_be_compared_are_passed_over(
    other: Verdict | str | bytes, earlier: Callable[..., list[Path]]
) -> None:
    before = verdict(lint(), run_id="0")
    folders = earlier(other, before)
    change = since.compare(verdict(lint()), folders)
    assert change is not None
    assert change.run_id == "0"
    assert since.compare(verdict(lint()), folders[:1]) is None


def test_of_two_runs_the_newer_is_taken(earlier: Callable[..., list[Path]]) -> None:
    folders = earlier(verdict(lint("fail"), run_id="2"), verdict(lint(), run_id="1"))
    change = since.compare(verdict(lint()), folders)
    assert change == Change(
        "2", "2026-01-02T03:04:05Z", "fail", gates=(GateChange("lint", "fail", "pass"),)
    )


def test_gates_that_were_picked_must_be_the_same(earlier: Callable[..., list[Path]]) -> None:
    part = Selection(("develop", "test"), complete=False)
    alone = verdict(lint(), ruling("tests", outcome="off"), selection=part)
    other = verdict(lint("off"), ruling("tests"), selection=part)
    folders = earlier(other, alone)
    assert since.compare(alone, folders[:1]) is None
    assert since.compare(alone, folders) == Change("1", "2026-01-02T03:04:05Z", "fail")


def test_a_run_without_gates_is_not_compared(earlier: Callable[..., list[Path]]) -> None:
    assert since.compare(verdict(), earlier(verdict(lint()))) is None


def test_fields_of_later_versions_are_passed_over(earlier: Callable[..., list[Path]]) -> None:
    text = json.loads(dump(verdict(lint())))
    text["later"] = text["gates"][0]["later"] = {"x": [1]}
    assert since.compare(verdict(lint()), earlier(json.dumps(text))) is not None


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_only_plain_files_are_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "verdict.json")
    (tmp_path / "folder" / "verdict.json").mkdir(parents=True)
    (tmp_path / "link").mkdir()
    (tmp_path / "link" / "verdict.json").symlink_to("/dev/zero")
    folders = [tmp_path, tmp_path / "folder", tmp_path / "link", tmp_path / "missing"]
    assert since.compare(verdict(lint()), folders) is None


def test_the_runs_before_this_one_come_the_newest_first(tmp_path: Path) -> None:
    names = [f"2026010{n}T000000Z-00000{n}" for n in range(1, 5)]
    for name in names:
        (tmp_path / "runs" / name).mkdir(parents=True)
    run = runs.Run(names[2], tmp_path / "runs" / names[2], tmp_path)
    assert [path.name for path in runs.earlier(run)] == [names[1], names[0]]
    assert list(runs.earlier(runs.Run(names[2], tmp_path, None))) == []
