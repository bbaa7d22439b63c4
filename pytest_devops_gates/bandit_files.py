"""What bandit tells of each file: its report is taken apart, so that several processes can make it,
and parts of it can be kept from one run to the next (bandit_cache.py)."""

from __future__ import annotations

import posixpath
from typing import Annotated, Literal

import msgspec

from pytest_devops_gates.errors import CannotTell
from pytest_devops_gates.evidence import Count
from pytest_devops_gates.gate import Output

Rank = Literal["HIGH", "MEDIUM", "LOW", "UNDEFINED"]
Line = Annotated[int, msgspec.Meta(ge=0)]


class Weakness(msgspec.Struct, frozen=True):
    id: int | None = None
    link: str | None = None


class Result(msgspec.Struct, frozen=True, omit_defaults=True):
    """One issue. Source: bandit's JSON formatter, as are the next two."""

    test_id: str
    issue_text: str
    issue_severity: Rank
    issue_confidence: Rank
    filename: str
    line_number: Line
    line_range: list[int] = []
    col_offset: int | None = None
    end_col_offset: int | None = None
    test_name: str | None = None
    more_info: str | None = None
    issue_cwe: Weakness | None = None


class _Error(msgspec.Struct):
    filename: str
    reason: str


class _Report(msgspec.Struct):
    results: list[Result]
    errors: list[_Error]
    metrics: dict[str, dict[str, int]]


class Told(msgspec.Struct, frozen=True, omit_defaults=True):
    """What bandit told of one file: its issues, its lines of code and how many ``nosec`` it holds.

    ``error`` says why it could not be read, and ``left_out`` that the settings exclude it.
    """

    results: tuple[Result, ...] = ()
    lines: Count = 0
    nosec: Count = 0
    error: str | None = None
    left_out: bool = False


def by_file(output: Output) -> dict[str, Told]:
    """A report of bandit, file by file, under names without ``./``.

    Files that bandit could not read stand in its ``errors`` alone: neither its exit code nor its
    results tell of them. Raises CannotTell for what is no report, or contradicts itself.
    """
    report = output.decode(_Report)
    if bool(report.results) != (output.exit_code == 1):
        found = f"{len(report.results)} results"
        raise CannotTell(f"contradicts itself: it exited with {output.exit_code} and {found}")
    metrics = {plain(name): told for name, told in report.metrics.items() if name != "_totals"}
    errors = {plain(error.filename): error.reason for error in report.errors}
    results: dict[str, list[Result]] = {}
    for result in report.results:
        results.setdefault(plain(result.filename), []).append(result)
    for name in results.keys() - metrics.keys():
        raise CannotTell(f"contradicts itself: it found something in {name}, and did not read it")
    return {
        name: Told(
            results=tuple(results.get(name, ())),
            lines=metrics.get(name, {}).get("loc", 0),
            nosec=metrics.get(name, {}).get("nosec", 0),
            error=errors.get(name),
        )
        for name in dict.fromkeys([*metrics, *errors])
    }


def plain(name: str) -> str:
    """bandit puts a ``./`` before each name that it is given."""
    return posixpath.normpath(name)
