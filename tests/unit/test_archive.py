"""A run's folder, read again."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from pytest_devops_gates import archive, disk
from pytest_devops_gates.errors import UsageError
from pytest_devops_gates.json_text import dump
from pytest_devops_gates.redact import redact
from pytest_devops_gates.report import FileCoverage, Report
from pytest_devops_gates.verdict import Verdict
from tests.unit.samples import DATA, all_over, any_text, ruling, same_every_time, verdict
from tests.unit.test_redact import everywhere

COVERED = verdict(ruling("coverage", stage="test"))


def written(made: Verdict | str | bytes, folder: Path) -> Path:
    data = dump(made) if isinstance(made, Verdict) else made
    (folder / "verdict.json").write_bytes(data if isinstance(data, bytes) else data.encode())
    return folder


@given(any_text)
@same_every_time
def test_a_report_is_the_same_when_it_is_made_again(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    folder = tmp_path_factory.mktemp("run")
    for told in (everywhere(text), all_over(text)):
        made = redact(told, ())
        assert archive.load(written(made, folder)) == archive.of(made, folder)


# a verdict that cannot be read


def without(field: str) -> str:
    content = json.loads(dump(COVERED))
    del content[field]
    return json.dumps(content)


def replaced(field: str, value: Any) -> str:
    return json.dumps({**json.loads(dump(COVERED)), field: value})


BAD = {
    "empty": "",
    "truncated": dump(COVERED)[:-20],
    "twice": dump(COVERED) * 2,
    "an array": "[]",
    "text": "hello",
    "not UTF-8": b'{"schema": "\xff"}',
    "half a character": '{"schema": "\\ud800"}',
    "UTF-16": dump(COVERED).encode("utf-16"),
    "a field is missing": without("reason"),
    "a field of another type": replaced("seconds", "1.5"),
    "findings of another type": replaced("findings", [{"rule": 1}]),
    "a severity that there is not": replaced(
        "findings", [{"rule": "R", "message": "m", "severity": "high\nest"}]
    ),
    "another schema": replaced("schema", "pytest-devops-gates/verdict/2\n"),
    "a huge nesting": "[" * 200_000,
    "a huge nesting in a field that is not known": dump(COVERED)[:-2] + ', "x": ' + "[" * 200_000,
    "a huge number": replaced("seconds", 0).replace('"seconds": 0', '"seconds": ' + "9" * 5_000),
}


@pytest.mark.parametrize("content", BAD.values(), ids=BAD)
def test_a_bad_verdict_is_one_line(content: str | bytes, tmp_path: Path) -> None:
    folder = tmp_path / "a\nfolder"
    folder.mkdir()
    with pytest.raises(UsageError) as told:
        archive.load(written(content, folder))
    message = str(told.value)
    assert len(message.splitlines()) == 1
    assert message.startswith(str(folder / "verdict.json").replace("\n", "\\n"))
    assert len(message) < 700


def test_a_verdict_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file or directory"):
        archive.load(tmp_path)
    with pytest.raises(UsageError, match="No such file or directory"):
        archive.load(tmp_path / "no folder")


def folder_in_place(path: Path) -> None:
    path.mkdir()


def pipe_in_place(path: Path) -> None:
    os.mkfifo(path)


def device_in_place(path: Path) -> None:
    path.symlink_to("/dev/zero")


@pytest.mark.skipif(os.name != "posix", reason="pipes and devices")
@pytest.mark.parametrize("make", [folder_in_place, pipe_in_place, device_in_place])
def test_what_is_no_plain_file_is_not_read(make: Callable[[Path], None], tmp_path: Path) -> None:
    make(tmp_path / "verdict.json")
    with pytest.raises(UsageError):
        archive.load(tmp_path)
    make(tmp_path / "coverage.json")
    assert archive.of(COVERED, tmp_path).coverage == ()


def test_a_file_that_is_too_large_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(COVERED, tmp_path)
    monkeypatch.setattr(disk, "LARGEST", 100)
    with pytest.raises(UsageError, match="more than 0 MiB"):
        archive.load(tmp_path)


def test_fields_of_later_versions_are_passed_over(tmp_path: Path) -> None:
    assert archive.load(written(replaced("later", [1]), tmp_path)).verdict == COVERED


# coverage by file


def covered(folder: Path, made: Verdict = COVERED) -> tuple[FileCoverage, ...]:
    report: Report = archive.of(made, folder)
    return report.coverage


def test_coverage_by_file_is_that_of_coverage_itself(tmp_path: Path) -> None:
    (tmp_path / "coverage.json").write_bytes((DATA / "coverage-7.17.3.json").read_bytes())
    told = json.loads((tmp_path / "coverage.json").read_text())["files"]
    read = {file.path: file for file in covered(tmp_path)}
    assert read.keys() == told.keys()
    assert len(read) > 1
    for path, file in told.items():
        summary = file["summary"]
        assert read[path] == FileCoverage(
            path,
            summary["percent_covered"],
            summary["num_statements"],
            summary["missing_lines"],
            summary.get("num_branches", 0),
            summary.get("missing_branches", 0),
        )


@pytest.mark.parametrize("content", ["", "[]", '{"files": {"a.py": {}}}', "[" * 200_000, "{"])
def test_coverage_that_cannot_be_read_is_left_out(content: str, tmp_path: Path) -> None:
    (tmp_path / "coverage.json").write_text(content)
    assert covered(tmp_path) == ()


@pytest.mark.parametrize("outcome", ["unknown", "off", "not-applicable"])
def test_coverage_that_was_not_judged_is_left_out(outcome: str, tmp_path: Path) -> None:
    """As of a run of a part of the tests, or of another run in the folder that was asked for."""
    (tmp_path / "coverage.json").write_bytes((DATA / "coverage-7.17.3.json").read_bytes())
    assert covered(tmp_path, verdict(ruling("coverage", outcome=outcome))) == ()
    assert covered(tmp_path, verdict(ruling("tests"))) == ()
    assert covered(tmp_path) != ()
