"""pyrefly: its JSON, and its summary on standard error, which counts the modules."""

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
from pytest_devops_gates.evidence import Evidence, Rule, Severity
from pytest_devops_gates.gate import Command, Output
from pytest_devops_gates.process import python_module
from pytest_devops_gates.project import Project

OWN_FILE = "pyrefly.toml"
SEVERITIES = {"error": Severity.MEDIUM, "warn": Severity.LOW, "info": Severity.INFO}
CHOOSE_FILES = {"project-includes", "project-excludes", "project_includes", "project_excludes"}
"""Settings that choose files. Named files make pyrefly forget all of them, so it gets none then."""

PAGE = "https://pyrefly.org/en/docs/error-kinds/#"
"""Where its language server leads to, with the kind of an error."""

_MODULES = re.compile(r"INFO ([\d,]+) modules? \(")


class _Error(msgspec.Struct):
    """Source: pyrefly's ``--output-format json``. Lines and columns count from 1."""

    line: int
    column: int
    stop_line: int
    stop_column: int
    path: str
    name: str
    description: str
    severity: str


class _Report(msgspec.Struct):
    errors: list[_Error]


def configured(project: Project) -> str | None:
    if (project.root / OWN_FILE).is_file():
        return OWN_FILE
    return "pyproject.toml" if project.tool("pyrefly") is not None else None


def command(project: Project, args: Sequence[str]) -> Command:
    python = python_module("pyrefly", "check", "--output-format=json", "--summary=full")
    own = own_toml(project, OWN_FILE)
    settings = own if own is not None else project.tool("pyrefly") or {}
    where = [] if CHOOSE_FILES & settings.keys() else targets(project)
    return Command(
        [*python, "--color=never", f"--python-interpreter-path={python[0]}", *args, *where],
        tool="pyrefly",
        version=installed("pyrefly"),
    )


def read(output: Output) -> Evidence:
    """It exits with 1 over errors, and over settings and paths that it cannot read: then without
    a report."""
    talk = said(output)
    if output.exit_code == 2 or (output.exit_code == 1 and not output.stdout.strip()):
        why = _reason(talk)
        raise CannotTell(f"exited with {output.exit_code}: {why}")
    report = output.decode(_Report)
    strange = next((e.severity for e in report.errors if e.severity not in SEVERITIES), None)
    if strange is not None:
        raise CannotTell(f"printed a severity that is not known: {strange[:40]}")
    errors = sum(entry.severity == "error" for entry in report.errors)
    agree(output, errors, len(report.errors))
    modules = next((found[1] for line in talk if (found := _MODULES.search(line))), None)
    return Evidence.of(
        (
            finding(
                entry.name,
                entry.description,
                SEVERITIES[entry.severity],
                entry.path,
                (entry.line, entry.column),
                (entry.stop_line, entry.stop_column),
            )
            for entry in report.errors
        ),
        examined=counted(modules, "how many modules it checked"),
        notes=[line for line in talk if line.startswith("WARN ")][:3],
    )


def tell(kind: str) -> Rule:
    help_ = f"`# pyrefly: ignore[{kind}]` on its line is pyrefly's own word that it is meant."
    return Rule(kind, in_words(kind), help_, PAGE + kind)


def _reason(talk: list[str]) -> str:
    """The line that begins with ERROR, or else the last one."""
    named = [line for line in talk if line.startswith(("ERROR ", "error: "))]
    return (named or talk or ["it printed nothing"])[0 if named else -1][:200]


PYREFLY = Checker(
    name="pyrefly",
    configured=configured,
    command=command,
    read=read,
    hooks=(
        "pyrefly-check",
        "pyrefly-typecheck-system",
        "pyrefly-typecheck-specific-version",
        "pyrefly",
    ),
    tell=tell,
)
