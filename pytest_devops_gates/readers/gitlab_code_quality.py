"""``gitlab-code-quality``: the JSON array that GitLab's Code Quality report takes.

Source: https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format
"""

from __future__ import annotations

from typing import Literal

import msgspec

from pytest_devops_gates.errors import CannotTell
from pytest_devops_gates.evidence import Evidence, Finding, Rule, Severity
from pytest_devops_gates.gate import Output, Reader

SEVERITIES = {
    "info": Severity.INFO,
    "minor": Severity.LOW,
    "major": Severity.MEDIUM,
    "critical": Severity.HIGH,
    "blocker": Severity.CRITICAL,
}
LAST_LINE = 2**31 - 1
UNNAMED = "code-quality"


class Lines(msgspec.Struct, frozen=True):
    begin: int | None = None


class Position(msgspec.Struct, frozen=True):
    line: int | None = None
    column: int | None = None


class Positions(msgspec.Struct, frozen=True):
    begin: Position | None = None


class Location(msgspec.Struct, frozen=True):
    path: str
    lines: Lines | None = None
    positions: Positions | None = None


class Issue(msgspec.Struct, frozen=True):
    """One entry. GitLab wants the severity too; an entry without one is ``major`` here."""

    description: str
    location: Location
    check_name: str | None = None
    severity: Literal["info", "minor", "major", "critical", "blocker"] | None = None


def read(output: Output) -> Evidence:
    """Each entry as a finding. An empty array is a clean report, if the exit code says so too.

    Raises CannotTell, naming the index, for an entry of another shape.
    """
    issues = output.decode(list[Issue])
    unknown = None
    if output.exit_code and not issues:
        unknown = f"exited with {output.exit_code} and lists no issue"
    findings = [_finding(number, issue) for number, issue in enumerate(issues)]
    files = {finding.path for finding in findings}
    return Evidence.of(
        findings,
        examined=max(1, len(files)),
        unknown=unknown,
        rules=[Rule(UNNAMED, "The tool names no check for it.")],
    )


def _finding(number: int, issue: Issue) -> Finding:
    if not issue.location.path:
        raise CannotTell(f"lists an entry without a path: $[{number}].location.path")
    begin = issue.location.positions and issue.location.positions.begin
    line = issue.location.lines.begin if issue.location.lines else None
    if line is None and begin:
        line = begin.line
    return Finding(
        rule=issue.check_name or UNNAMED,
        message=issue.description,
        severity=SEVERITIES[issue.severity or "major"],
        path=issue.location.path,
        line=_place(line),
        column=_place(begin.column) if begin else None,
    )


def _place(number: int | None) -> int | None:
    """A line or column as a finding has it: tools write 0 or -1 for a whole file."""
    return number if number is not None and 0 < number <= LAST_LINE else None


READER = Reader(
    name="gitlab-code-quality",
    read=read,
    conditions={"findings.critical": "== 0", "findings.high": "== 0"},
)
