"""ty: its report for GitLab, which is JSON, and its log, which counts the files."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from pytest_devops_gates.checkers.checker import (
    Checker,
    agree,
    counted,
    finding,
    in_words,
    installed,
    own_toml,
    said,
    targets,
)
from pytest_devops_gates.errors import CannotTell
from pytest_devops_gates.evidence import Evidence, Finding, Rule, Severity
from pytest_devops_gates.gate import Command, Output
from pytest_devops_gates.process import python_module
from pytest_devops_gates.project import Project

OWN_FILE = "ty.toml"
SEVERITIES = {"major": Severity.MEDIUM, "minor": Severity.MEDIUM, "info": Severity.INFO}
"""ty exits with 1 over warnings (``minor``) as well."""
FATAL = "critical"
"""The severity of a file over which ty itself crashed."""

PAGE = "https://ty.dev/rules#"
"""Where its diagnostics lead to, with the name of a rule."""
NO_RULES = {"invalid-syntax", "io", "panic", "revealed-type"}
"""What it tells of without a rule of that name."""

_INDEXED = re.compile(r"INFO Indexed ([\d,]+) file\(s\)")


class _Place(msgspec.Struct):
    line: int
    column: int


class _Positions(msgspec.Struct):
    begin: _Place
    end: _Place


class _Location(msgspec.Struct):
    path: str
    positions: _Positions


class _Issue(msgspec.Struct):
    """Source: GitLab's "Code Quality report format", as ty writes it. Numbers count from 1."""

    check_name: str
    description: str
    severity: str
    location: _Location


def configured(project: Project) -> str | None:
    if (project.root / OWN_FILE).is_file():
        return OWN_FILE
    return "pyproject.toml" if project.tool("ty") is not None else None


def command(project: Project, args: Sequence[str]) -> Command:
    """Its exclusions hold for named folders as well."""
    python = python_module("ty", "check", "-v", "--output-format=gitlab", "--no-progress")
    own = own_toml(project, OWN_FILE)
    settings = (own if own is not None else project.tool("ty") or {}).get("src")
    chosen = isinstance(settings, dict) and "include" in settings
    where = [] if chosen else targets(project)
    return Command(
        [*python, "--color=never", f"--python={python[0]}", *args, *where],
        tool="ty",
        version=installed("ty"),
    )


def read(output: Output) -> Evidence:
    talk = said(output)
    if output.exit_code == 2:
        causes = [line for line in talk if not line.startswith(("INFO ", "WARN "))]
        why = " ".join(causes)[:300] or "it could not read what it was given"
        raise CannotTell(f"exited with 2: {why}")
    issues = output.decode(list[_Issue])
    for issue in issues:
        if issue.severity == FATAL:
            raise CannotTell(f"crashed over {issue.location.path}: {issue.description[:200]}")
        if issue.severity not in SEVERITIES:
            raise CannotTell(f"printed a severity that is not known: {issue.severity[:40]}")
    agree(output, sum(issue.severity == "major" for issue in issues), len(issues))
    indexed = next((found[1] for line in talk if (found := _INDEXED.search(line))), None)
    return Evidence.of(
        map(_finding, issues),
        examined=counted(indexed, "how many files it checked"),
        notes=[line for line in talk if line.startswith("WARN ")][:3],
    )


def _finding(issue: _Issue) -> Finding:
    at = issue.location.positions
    return finding(
        issue.check_name,
        issue.description.removeprefix(f"{issue.check_name}: "),
        SEVERITIES[issue.severity],
        issue.location.path,
        (at.begin.line, at.begin.column),
        (at.end.line, at.end.column),
    )


def tell(rule: str) -> Rule | None:
    if rule in NO_RULES:
        return None
    help_ = (
        f"`ty explain rule {rule}` explains it."
        f" `# ty: ignore[{rule}]` on its line is ty's own word that it is meant."
    )
    return Rule(rule, in_words(rule), help_, PAGE + rule)


TY = Checker(
    name="ty",
    configured=configured,
    command=command,
    read=read,
    hooks=("ty", "ty-check"),
    tell=tell,
)
