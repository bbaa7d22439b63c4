"""The reader of GitLab's Code Quality, on reports of real tools and on small ones of its own."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_devops_gates.errors import CannotTell
from pytest_devops_gates.evidence import Evidence
from pytest_devops_gates.gate import Output
from pytest_devops_gates.readers.gitlab_code_quality import READER, SEVERITIES, read
from tests.unit.samples import DATA, same_every_time


def saved(name: str, exit_code: int) -> Evidence:
    return read(Output(exit_code, (DATA / name).read_bytes())).checked()


def told(value: Any, exit_code: int = 0) -> Evidence:
    return read(Output(exit_code, json.dumps(value).encode())).checked()


def issue(**fields: Any) -> dict[str, Any]:
    return {"description": "d", "location": {"path": "a.py"}, **fields}


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("ruff-0.17.6-gitlab.json", [("E401", "medium", "app.py", 1, 1), ("F401", "medium", "app.py", 1, 8), ("S602", "medium", "app.py", 6, 9), ("S607", "medium", "app.py", 6, 25)]),
        ("ty-0.0.107-gitlab.json", [("invalid-assignment", "medium", "ty_.py", 1, 10)]),
    ],
)  # fmt: skip
def test_real_reports(name: str, rows: list[Any]) -> None:
    found = saved(name, 1)
    assert [(f.rule, f.severity.value, f.path, f.line, f.column) for f in found.findings] == rows
    assert (found.examined, found.unknown) == (1, None)


def test_an_empty_array_is_a_clean_report() -> None:
    found = saved("ruff-0.17.6-gitlab-clean.json", 0)
    assert (found.findings, found.examined, found.unknown) == ((), 1, None)


def test_an_empty_array_does_not_explain_an_exit_code() -> None:
    assert told([], exit_code=1).unknown == "exited with 1 and lists no issue"


@pytest.mark.parametrize(
    ("severity", "wanted"),
    [("info", "info"), ("minor", "low"), ("major", "medium"), ("critical", "high"), ("blocker", "critical"), (None, "medium")],
)  # fmt: skip
def test_severities(severity: str | None, wanted: str) -> None:
    (finding,) = told([issue(severity=severity)]).findings
    assert finding.severity == wanted


@pytest.mark.parametrize(
    ("place", "line"),
    [
        ({"lines": {"begin": 3}}, 3),
        ({"lines": {"begin": 3, "end": 9}, "positions": {"begin": {"line": 4}}}, 3),
        ({"positions": {"begin": {"line": 4, "column": 1}}}, 4),
        ({"lines": None, "positions": None}, None),
        ({"lines": {"begin": 0}}, None),
        ({"lines": {"begin": 10**30}}, None),
        ({}, None),
    ],
)
def test_lines(place: dict[str, Any], line: int | None) -> None:
    (finding,) = told([issue(location={"path": "a.py", **place})]).findings
    assert finding.line == line


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ({}, "Expected `array`"),
        (None, "Expected `array`"),
        ([issue(), 1], r"\$\[1\]"),
        ([issue(), {"location": {"path": "a"}}], r"missing required field `description` - at `\$\[1\]`"),
        ([issue(), {"description": "d"}], r"missing required field `location` - at `\$\[1\]`"),
        ([issue(), issue(location={})], r"missing required field `path` - at `\$\[1\]\.location`"),
        ([issue(), issue(location={"path": ""})], r"without a path: \$\[1\]"),
        ([issue(severity="huge")], r"Invalid enum value 'huge' - at `\$\[0\]\.severity`"),
        ([issue(location={"path": "a", "lines": {"begin": "3"}})], r"\$\[0\]\.location\.lines\.begin"),
        ([issue(description=None)], r"\$\[0\]\.description"),
    ],
)  # fmt: skip
def test_what_is_no_report(value: Any, reason: str) -> None:
    with pytest.raises(CannotTell, match=reason):
        told(value)


def test_distinct_files_are_what_was_examined() -> None:
    entries = [issue(location={"path": name}) for name in ("a", "b", "b", "c")]
    assert told(entries).examined == 3


def test_defaults() -> None:
    assert READER.conditions == {"findings.critical": "== 0", "findings.high": "== 0"}
    assert READER.accepts == (0, 1)


names = st.text(min_size=1)
entries = st.lists(st.tuples(st.sampled_from(sorted(SEVERITIES)), names, st.integers(1, 10**6)))


@same_every_time
@given(entries)
def test_counts_come_back(drawn: list[tuple[str, str, int]]) -> None:
    value = [
        issue(severity=severity, location={"path": path, "lines": {"begin": line}})
        for severity, path, line in drawn
    ]
    found = told(value)
    rows = [(f.severity, f.path, f.line) for f in found.findings]
    assert rows == [(SEVERITIES[severity], path, line) for severity, path, line in drawn]
    assert found.examined == max(1, len({path for _, path, _ in drawn}))
