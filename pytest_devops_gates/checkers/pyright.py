"""pyright and basedpyright: one JSON report, which says how many files were read."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import msgspec

from pytest_devops_gates.checkers.checker import (
    NO_RULE,
    Checker,
    agree,
    finding,
    in_words,
    installed,
    said,
    targets,
)
from pytest_devops_gates.errors import CannotTell
from pytest_devops_gates.evidence import Evidence, Finding, Rule, Severity
from pytest_devops_gates.gate import Command, Output
from pytest_devops_gates.process import BUILD, environment, last_line, python_module
from pytest_devops_gates.project import Project

OWN_FILE = "pyrightconfig.json"
SEVERITIES = {"error": Severity.MEDIUM, "warning": Severity.LOW, "information": Severity.INFO}

PAGES = {
    "pyright": "https://github.com/microsoft/pyright/blob/main/docs/configuration.md#",
    "basedpyright": "https://docs.basedpyright.com/latest/configuration/config-files/#",
}
"""Where their language servers lead to, with the name of a rule."""

_NAMES_FILES = re.compile(r'^[^/\n]*"(?:include|extends)"\s*:', re.MULTILINE)
"""In pyrightconfig.json, which may hold comments. Settings that it extends may name files too."""

PATIENCE = {"npm_config_fetch_retries": "1", "npm_config_fetch_timeout": "30000"}
"""For npm, with which pyright's wheel fetches what it does not bundle."""

NO_NODE = b"nodeenv failed"
"""How pyright's wheel says that there is no node, and no network to fetch it."""


class _Position(msgspec.Struct):
    line: int
    character: int


class _Range(msgspec.Struct):
    start: _Position
    end: _Position


class _Diagnostic(msgspec.Struct):
    """Source: pyright's docs/command-line.md, "JSON Output". All numbers count from 0."""

    severity: str
    message: str
    file: str | None = None
    rule: str | None = None
    range: _Range | None = None


class _Summary(msgspec.Struct):
    filesAnalyzed: int  # noqa: N815
    errorCount: int  # noqa: N815


class _Report(msgspec.Struct):
    generalDiagnostics: list[_Diagnostic]  # noqa: N815
    summary: _Summary


def configured(project: Project, *, table: str) -> str | None:
    """The file with its settings. pyrightconfig.json, which both read, is taken for pyright's."""
    if table == "pyright" and (project.root / OWN_FILE).is_file():
        return OWN_FILE
    return "pyproject.toml" if project.tool(table) is not None else None


def _names_files(project: Project, table: str) -> bool:
    text = project.text(OWN_FILE) if (project.root / OWN_FILE).is_file() else None
    if text is not None:
        return _NAMES_FILES.search(text) is not None
    tables = [project.tool(name) or {} for name in {table, "pyright"}]
    return any({"include", "extends"} & own.keys() for own in tables)


def command(project: Project, args: Sequence[str], *, module: str) -> Command:
    """Its exclusions hold for named folders as well.

    The wheel of pyright looks for node on ``PATH``, and fetches one when there is none: it gets a
    path without the checkout, and the proxies of the environment.
    """
    python = python_module(module, "--outputjson")
    where = [] if _names_files(project, module) else targets(project)
    return Command(
        [*python, "--pythonpath", python[0], *args, *where],
        env=_environment(project.root),
        tool=module,
        version=installed(module),
    )


def _environment(root: Path) -> dict[str, str]:
    kept = {k: v for k, v in environment(build=True).items() if k in BUILD}
    root = root.resolve()
    folders = environment().get("PATH", os.defpath).split(os.pathsep)
    outside = [f for f in folders if os.path.isabs(f) and not _inside(Path(f).resolve(), root)]
    return {**kept, **PATIENCE, "PATH": os.pathsep.join(outside)}


def _inside(path: Path, folder: Path) -> bool:
    return path == folder or folder in path.parents


def read(output: Output) -> Evidence:
    """Its report. Settings that cannot be read are an exit code of their own (3)."""
    if output.exit_code != 0 and not output.stdout.strip():
        if NO_NODE in output.stderr:
            extra = "python -m pip install 'pyright[nodejs]'"
            raise CannotTell(f"found no node.js, and could not fetch it · {extra}")
        raise CannotTell(f"exited with {output.exit_code}: {last_line(output.stderr)}")
    if output.exit_code == 2:
        raise CannotTell("exited with 2: a fatal error")
    report = output.decode(_Report)
    errors = sum(entry.severity == "error" for entry in report.generalDiagnostics)
    if errors != report.summary.errorCount:
        counted = report.summary.errorCount
        raise CannotTell(f"contradicts itself: it listed {errors} errors and counted {counted}")
    agree(output, errors, len(report.generalDiagnostics))
    return Evidence.of(
        (_finding(entry) for entry in report.generalDiagnostics),
        examined=max(0, report.summary.filesAnalyzed),
        notes=said(output)[:3],
    )


def _finding(entry: _Diagnostic) -> Finding:
    if entry.severity not in SEVERITIES:
        raise CannotTell(f"printed a severity that is not known: {entry.severity[:40]}")
    place = entry.range
    start = (place.start.line + 1, place.start.character + 1) if place else (None, None)
    end = (place.end.line + 1, place.end.character + 1) if place else (None, None)
    severity = SEVERITIES[entry.severity]
    rule = entry.rule or (NO_RULE if entry.severity == "error" else entry.severity)
    return finding(rule, entry.message, severity, entry.file, start, end)


def tell(rule: str, *, page: str) -> Rule | None:
    if not rule.startswith("report"):
        return None  # it was said without a rule
    help_ = (
        f"The setting `{rule}` turns it off or makes it a warning, for all of the project."
        f" `# pyright: ignore[{rule}]` on its line is pyright's own word that it is meant."
    )
    return Rule(rule, in_words(rule), help_, page + rule)


def _checker(name: str) -> Checker:
    return Checker(
        name=name,
        configured=partial(configured, table=name),
        command=partial(command, module=name),
        read=read,
        hooks=(name,),
        tell=partial(tell, page=PAGES[name]),
    )


PYRIGHT = _checker("pyright")
BASEDPYRIGHT = _checker("basedpyright")
