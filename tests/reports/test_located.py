"""Where findings are placed by what knows only files of the repository."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_devops_gates.evidence import Finding
from pytest_devops_gates.report import LAST, anchor, located
from pytest_devops_gates.verdict import ProjectName
from tests.unit.samples import any_text, same_every_time, verdict

HERE = verdict()
BELOW = verdict(project=ProjectName(folder="packages/core"))


def region(**fields: Any) -> tuple[int, int, int, int]:
    at = located(HERE, Finding("R", "m", path="a.py", **fields))
    return at.line, at.column, at.end_line, at.end_column


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, (1, 1, 1, 2)),
        ({"column": 7}, (1, 1, 1, 2)),
        ({"line": 3}, (3, 1, 3, 2)),
        ({"line": 3, "column": 7}, (3, 7, 3, 8)),
        ({"line": 3, "column": 7, "end_line": 3, "end_column": 9}, (3, 7, 3, 9)),
        ({"line": 3, "column": 7, "end_column": 9}, (3, 7, 3, 9)),
        ({"line": 3, "column": 7, "end_line": 3, "end_column": 7}, (3, 7, 3, 8)),
        ({"line": 3, "column": 7, "end_line": 4}, (3, 7, 4, 1)),
        ({"line": 3, "column": 7, "end_line": 4, "end_column": 2}, (3, 7, 4, 2)),
        ({"line": 3, "column": 0, "end_line": 2, "end_column": -1}, (3, 1, 3, 2)),
        ({"line": -1, "column": -1}, (1, 1, 1, 2)),
        ({"line": 10**30, "column": 10**30}, (LAST, LAST, LAST, LAST + 1)),
    ],
)
def test_all_four_numbers_are_there(fields: dict[str, Any], expected: tuple[int, ...]) -> None:
    assert region(**fields) == expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [("a.py", "a.py"), ("./a//b.py", "a/b.py"), ("~/ü b.py", "~/ü b.py"), (".x/..y", ".x/..y")],
)
def test_paths_start_at_the_repository(path: str, expected: str) -> None:
    finding = Finding("R", "m", path=path, line=3)
    assert located(HERE, finding).path == expected
    assert located(BELOW, finding).path == f"packages/core/{expected}"
    assert not located(BELOW, finding).anchored


OUTSIDE = [
    "/etc/x",
    "../x",
    "a/../../x",
    "C:\\x",
    "C:x",
    "\\\\h\\s\\x",
    "a\\..\\..\\x",
    "file:///x",
]


@pytest.mark.parametrize("path", [*OUTSIDE, "https://h/x", "a\0b", "."])
def test_what_lies_elsewhere_is_anchored_and_says_where(path: str) -> None:
    at = located(BELOW, Finding("R", "m", path=path, line=3, column=4, end_line=9))
    assert (at.path, at.anchored) == ("packages/core/pyproject.toml", True)
    assert (at.line, at.column, at.end_line, at.end_column) == (1, 1, 1, 2)
    assert at.message == f"{path}:3:4: m"


@pytest.mark.parametrize("path", [None, ""])
def test_what_has_no_place_is_anchored(path: str | None) -> None:
    at = located(BELOW, Finding("R", "m", path=path, line=3))
    assert (at.path, at.line, at.message) == (anchor(BELOW), 1, "m")
    assert at.path == "packages/core/pyproject.toml"


@pytest.mark.parametrize("folder", ["..", "/x", "C:", "a/../.."])
def test_a_project_outside_its_repository_has_no_places_there(folder: str) -> None:
    strange = verdict(project=ProjectName(folder=folder))
    at = located(strange, Finding("R", "m", path="a.py"))
    assert (at.path, at.message) == ("pyproject.toml", "a.py: m")


numbers = st.none() | st.integers(-5, 9) | st.integers(2**31 - 5, 2**33)


@given(any_text, any_text, numbers, numbers, numbers, numbers)
@same_every_time
def test_no_place_leads_out(
    folder: str,
    path: str,
    line: int | None,
    column: int | None,
    end_line: int | None,
    end_column: int | None,
) -> None:
    region = {"line": line, "column": column, "end_line": end_line, "end_column": end_column}
    project = verdict(project=ProjectName(folder=folder))
    at = located(project, Finding("R", "m", path=path, **region))
    assert not at.path.startswith(("/", "./"))
    assert ".." not in at.path.split("/")
    assert 1 <= at.line <= at.end_line <= 2**31 - 1
    assert at.column >= 1
    assert 1 <= at.end_column <= 2**31 - 1
    assert (at.line, at.column) < (at.end_line, at.end_column)
