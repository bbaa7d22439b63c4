"""``lint`` (ruff check) and ``format`` (ruff format --check)."""

from __future__ import annotations

import re
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pytest_devops_gates.errors import CannotTell
from pytest_devops_gates.evidence import Evidence, Finding, Severity
from pytest_devops_gates.gate import OFF, Command, Gate, Options, Output
from pytest_devops_gates.project import Project
from pytest_devops_gates.stage import Stage

REAL_ERRORS = "E9,F63,F7,F82"
"""What a project without ruff settings is held to: syntax errors and undefined names."""

_HIGH = re.compile(r"E9\d\d|F63\d|F7\d\d|F82\d|invalid-syntax|syntax-error")
_HOOK = re.compile(r"^\s*-?\s*id:\s*['\"]?ruff-format['\"]?\s*$", re.MULTILINE)
_PIN = re.compile(r"ruff-pre-commit['\"]?\s+rev:\s*(?:[0-9a-f]{40}\s*#\s*frozen:\s*)?['\"]?v?([\d.]+)")


def lint_command(project: Project, options: Options) -> Command:
    check = ["ruff", "check", *_common(project)]
    if not _configured(project):
        check += ["--isolated", "--select", REAL_ERRORS]
    census = [*check, "--show-files", "."]
    return Command(
        [*check, "--no-fix", "--no-show-fixes", "--output-format=json", "."],
        census=census,
        tool="ruff check",
        version=version("ruff"),
    )


def read_lint(output: Output, project: Project, options: Options) -> Evidence:
    """Source of the format: ruff's ``--output-format=json``, a list of violations."""
    entries = _entries(output)
    _agree(output.exit_code, bool(entries), "violations")
    return Evidence.of(
        (_finding(entry, _severity(entry)) for entry in entries),
        examined=len(output.census_lines()),
        notes=_drift(project) if entries else (),
    )


def format_command(project: Project, options: Options) -> Command:
    common = _common(project)
    return Command(
        ["ruff", "format", *common, "--check", "--output-format=json", "."],
        census=["ruff", "check", *common, "--show-files", "."],
        tool="ruff format",
        version=version("ruff"),
    )


def read_format(output: Output, project: Project, options: Options) -> Evidence:
    """As read_lint; a file that ruff cannot parse is listed as ``invalid-syntax``."""
    entries = _entries(output)
    broken = [e for e in entries if e.get("code") != "unformatted"]
    if broken:
        raise CannotTell(f"could not parse {_name(broken[0])}: {broken[0].get('message')}")
    _agree(output.exit_code, bool(entries), "unformatted files")
    return Evidence.of(
        (_finding(entry, Severity.LOW) for entry in entries),
        examined=len(output.census_lines()),
        notes=_drift(project) if entries else (),
    )


def has_python(project: Project, options: Options) -> str | None:
    if not project.listing_error and not project.python_files():
        return "no Python file in the project"
    return None


def formats(project: Project, options: Options) -> str | None:
    """Whether the project says that ruff formats it: by its settings, or by a pre-commit hook."""
    hooks = project.text(".pre-commit-config.yaml") or ""
    own = [project.text(name) or "" for name in ("ruff.toml", ".ruff.toml")]
    if (
        project.tool("ruff", "format") is not None
        or any(re.search(r"^\s*\[format\]", text, re.MULTILINE) for text in own)
        or _HOOK.search(hooks)
    ):
        return has_python(project, options)
    return "no [tool.ruff.format] and no ruff-format hook: ruff does not format this project"


def _common(project: Project) -> list[str]:
    return ["--quiet", "--cache-dir", str(project.cache / "ruff")]


def _configured(project: Project) -> bool:
    """Whether ruff finds settings of the project, where it looks: here, and in folders above."""
    if project.tool("ruff") is not None:
        return True
    top = project.toplevel or project.root
    folders = [project.root, *(p for p in project.root.parents if top == p or top in p.parents)]
    named = any((f / name).is_file() for f in folders for name in ("ruff.toml", ".ruff.toml"))
    return named or any(_has_table(folder / "pyproject.toml") for folder in folders[1:])


def _has_table(pyproject: Path) -> bool:
    try:
        return re.search(r"^\s*\[tool\.ruff\b", pyproject.read_text("utf-8"), re.MULTILINE) is not None
    except (OSError, UnicodeDecodeError):
        return False


def _entries(output: Output) -> list[dict[str, Any]]:
    entries = output.json()
    if not isinstance(entries, list) or not all(isinstance(e, dict) for e in entries):
        raise CannotTell("printed JSON that is not its list of violations")
    return entries


def _agree(exit_code: int, found: bool, what: str) -> None:
    if found != (exit_code == 1):
        listed = "listed" if found else "listed no"
        raise CannotTell(f"contradicts itself: it exited with {exit_code} and {listed} {what}")


def _finding(entry: dict[str, Any], severity: Severity) -> Finding:
    start, end = entry.get("location") or {}, entry.get("end_location") or {}
    return Finding(
        rule=str(entry.get("code") or "syntax-error"),
        message=str(entry.get("message") or ""),
        severity=severity,
        path=entry.get("filename"),
        line=start.get("row"),
        column=start.get("column"),
        end_line=end.get("row"),
        end_column=end.get("column"),
    )


def _severity(entry: dict[str, Any]) -> Severity:
    code = entry.get("code")
    return Severity.HIGH if code is None or _HIGH.fullmatch(str(code)) else Severity.MEDIUM


def _name(entry: dict[str, Any]) -> str:
    return Path(str(entry.get("filename"))).name


def _drift(project: Project) -> tuple[str, ...]:
    """Tells a ruff other than the one that the project pins: its findings may come from that."""
    pinned = _PIN.search(project.text(".pre-commit-config.yaml") or "")
    here = version("ruff")
    if pinned and pinned[1].strip(".") != here:
        pin = pinned[1].strip(".")
        return (f"ruff {here} ran; the project pins {pin} · python -m pip install ruff=={pin}",)
    return ()


LINT = Gate(
    name="lint",
    stage=Stage.DEVELOP,
    command=lint_command,
    read=read_lint,
    applies=has_python,
    levels={"operate": OFF},
    again="ruff check",
    cost=0.2,
)
FORMAT = Gate(
    name="format",
    stage=Stage.DEVELOP,
    command=format_command,
    read=read_format,
    applies=formats,
    levels={"operate": OFF},
    again="ruff format --check",
    cost=0.2,
)
