"""A type checker, and what all of them have in common."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import PurePosixPath
from typing import Any

import msgspec

from pytest_devops_gates.config import load_toml
from pytest_devops_gates.errors import CannotTell, UsageError
from pytest_devops_gates.evidence import Evidence, Finding, Rule, Severity
from pytest_devops_gates.gate import Command, Output
from pytest_devops_gates.project import Project

NO_RULE = "syntax"
"""The rule of a finding for which its checker names none."""

NOT_SHIPPED = frozenset({"setup.py", "noxfile.py", "conftest.py"})
"""Sources that lie beside the modules of a project without being its product."""


class Checker(msgspec.Struct, frozen=True):
    """One type checker.

    ``configured`` names the file of the project that configures it, or is None. ``command`` takes
    further arguments of the user. ``read`` is pure. ``hooks`` are the ids of its pre-commit hooks.
    ``tell`` says what is known of one of its rules, if anything is; the pages are those that its
    own output or its language server leads to.
    """

    name: str
    configured: Callable[[Project], str | None]
    command: Callable[[Project, Sequence[str]], Command]
    read: Callable[[Output], Evidence]
    hooks: tuple[str, ...]
    tell: Callable[[str], Rule | None]


def targets(project: Project) -> list[str]:
    """The product's code, for a checker whose settings name no files: the packages that the
    project ships, or its modules. Raises CannotTell when there is none to be found."""
    project.listing()
    found: list[str] = []
    for folder in project.code_folders():
        whole = folder in project.packages
        found += [folder] if whole else _modules(project, folder)
    if not found:
        raise CannotTell("no package or module to check was found; name them in its settings")
    return found


def _modules(project: Project, folder: str) -> list[str]:
    above = PurePosixPath(folder)
    paths = [PurePosixPath(name) for name in project.files if name.endswith((".py", ".pyi"))]
    beside = [path for path in paths if path.parent == above and path.stem.isidentifier()]
    return [
        str(path)
        for path in beside
        if path.name not in NOT_SHIPPED and not project.is_test(str(path))
    ]


def own_toml(project: Project, name: str) -> dict[str, Any] | None:
    """The table of a tool's own TOML file at the root; empty where the tool will refuse it, and
    None when there is no such file."""
    text = project.text(name) if (project.root / name).is_file() else None
    if text is None:
        return None
    try:
        return load_toml(text.encode(), name)
    except UsageError:
        return {}


def installed(distribution: str) -> str | None:
    """The version in the interpreter's own environment."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def agree(output: Output, errors: int, entries: int) -> None:
    """Raises CannotTell when the exit code says another thing than what was listed."""
    if (errors and output.exit_code == 0) or (output.exit_code == 1 and not entries):
        raise CannotTell(
            f"contradicts itself: it exited with {output.exit_code} and listed {errors} errors"
        )


def said(output: Output) -> list[str]:
    """What it said on standard error, line by line; what is no UTF-8 is replaced."""
    lines = output.stderr.decode("utf-8", "replace").splitlines()
    return [line.strip() for line in lines if line.strip()]


def counted(number: str | None, what: str) -> int:
    """The number of inputs from the tool's own words. Raises CannotTell without it."""
    if number is None:
        raise CannotTell(f"does not say {what}")
    return int(number.replace(",", ""))


def finding(
    rule: str | None,
    message: str,
    severity: Severity,
    path: str | None,
    start: tuple[int | None, int | None] = (None, None),
    end: tuple[int | None, int | None] = (None, None),
) -> Finding:
    """A finding at lines and columns that count from 1; what is below is not known."""
    line, column, end_line, end_column = ((n if n and n > 0 else None) for n in (*start, *end))
    return Finding(
        rule=rule or NO_RULE,
        message=message,
        severity=severity,
        path=path or None,
        line=line,
        column=column,
        end_line=end_line,
        end_column=end_column,
    )


def rules(findings: Iterable[Finding], tell: Callable[[str], Rule | None]) -> tuple[Rule, ...]:
    """What is known of the rules that findings name, each once."""
    names = dict.fromkeys(finding.rule for finding in findings)
    return tuple(rule for name in names if (rule := tell(name)))


def in_words(rule: str) -> str:
    """``missing-import`` and ``reportMissingImports`` as words."""
    parts = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", rule.removeprefix("report"))
    return parts.replace("-", " ").lower()
