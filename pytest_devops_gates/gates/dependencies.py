"""``dependencies``: what the product imports is what the project declares, as deptry sees it."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

from pytest_devops_gates import deptry_json, disk
from pytest_devops_gates.dependencies.declared import in_pyproject
from pytest_devops_gates.dependencies.required import names
from pytest_devops_gates.errors import CannotTell
from pytest_devops_gates.evidence import Evidence, Receipt, Rule
from pytest_devops_gates.gate import ADVISORY, OFF, Canary, Extra, Gate, NoOptions, Options, Output
from pytest_devops_gates.optional_imports import optional_lines
from pytest_devops_gates.process import Process, environment, last_line, python_module, run
from pytest_devops_gates.project import BESIDE_CODE, Project
from pytest_devops_gates.stage import Stage

MISSING = "deptry is not installed · python -m pip install 'pytest-devops-gates[security]'"
NONE = "pyproject.toml declares no dependencies that deptry reads, and has no [tool.deptry]"
TIMEOUT = 600.0
"""Seconds; the gate's own timeout is the shorter one."""


def check(project: Project, options: Options, asked: tuple[str, ...]) -> Evidence:
    """Let deptry compare the imports with what is declared. Raises CannotTell when it did not."""
    if importlib.util.find_spec("deptry") is None:
        raise CannotTell(MISSING)
    folder = project.run_dir / "logs" / "dependencies"
    folder.mkdir(parents=True, exist_ok=True)
    report = folder / "deptry.json"
    report.unlink(missing_ok=True)
    argv = python_module("deptry", "--no-ansi", "--json-output", str(report), *arguments(project))
    done = run(
        argv,
        cwd=project.root,
        env=environment(),
        log_dir=folder,
        name="deptry",
        timeout=TIMEOUT,
    )
    failure = done.failure((0, 1))
    if failure:
        raise CannotTell(f"deptry {failure}")
    try:
        written = disk.read_plain(report)
    except OSError:  # a crash and an issue have the same exit code
        raise CannotTell(f"deptry left no report: {last_line(done.stderr())}") from None
    return _evidence(project, done, written)


def _evidence(project: Project, done: Process, written: bytes) -> Evidence:
    output = Output(done.returncode or 0, done.stdout(), done.stderr(), report=written)
    try:
        evidence = deptry_json.read(output, guard(project), judged(project))
    except CannotTell as reason:
        raise CannotTell(f"deptry {reason}") from None
    receipt = Receipt("deptry", version("deptry"), done.argv, done.returncode, done.seconds)
    return Evidence(
        findings=evidence.findings,
        examined=evidence.examined,
        unknown=evidence.unknown,
        notes=evidence.notes,
        receipt=receipt,
    )


def arguments(project: Project) -> list[str]:
    """Where to look: where the project's own settings say, or at the product's code alone."""
    if project.tool("deptry") is not None:
        return ["."]
    names = [re.sub(r"\.py$", "", package.rpartition("/")[2]) for package in project.packages]
    own = [word for name in dict.fromkeys(names) for word in ("--known-first-party", name)]
    beside = "|".join(sorted(BESIDE_CODE))
    leave = ["--extend-exclude", rf"(?:\./)?(?:(?:{beside})/|(?:noxfile|conftest)\.py$)"]
    return [*own, *leave, *project.code_folders()]


def judged(project: Project) -> frozenset[str] | None:
    """The dependencies that should be imported somewhere: without settings of the project, those of
    run time alone, since extras often hold tools and plugins."""
    own = None if project.tool("deptry") is not None else in_pyproject(project)
    return None if own is None else frozenset(names(own.requires))


def guard(project: Project) -> Callable[[str, int], bool]:
    """Whether the code catches the failure of an import; each file is read once."""
    known: dict[str, frozenset[int]] = {}

    def is_guarded(path: str, line: int) -> bool:
        if path not in known:
            try:
                known[path] = optional_lines(project.text(path) or "", path)
            except CannotTell:
                known[path] = frozenset()
        return line in known[path]

    return is_guarded


def applies(project: Project, options: Options) -> str | None:
    if project.tool("deptry") is not None or _declares(project.pyproject):
        return None
    return NONE


def _declares(pyproject: dict[str, Any]) -> bool:
    """Whether deptry can read here what is declared; a ``[project]`` without dependencies says that
    there are none."""
    table, tools = pyproject.get("project"), pyproject.get("tool")
    if isinstance(table, dict):
        dynamic = table.get("dynamic", [])
        return "dependencies" not in (dynamic if isinstance(dynamic, list) else [])
    poetry = tools.get("poetry") if isinstance(tools, dict) else None
    return isinstance(poetry, dict) and isinstance(poetry.get("dependencies"), dict)


def canary(project: Project, options: Options) -> Canary:
    """An import of deptry itself, which is installed where this gate runs."""
    files = [f"{folder}/devops_gates_canary.py" for folder in project.code_folders()]
    return Canary("an import that nothing declares", dict.fromkeys(files, "import deptry\n"))


PAGE = "https://deptry.com/rules-violations/"
RULES = (
    Rule(
        "DEP001",
        "A module is imported that belongs to no declared dependency.",
        "Declare the distribution that holds it; where the distribution is called otherwise, map it"
        " in `[tool.deptry.package_module_name_map]`.",
        PAGE,
    ),
    Rule(
        "DEP002",
        "A dependency is declared that nothing imports.",
        "Take it out. A tool or a plugin that is used without an import belongs into"
        " `[tool.deptry.per_rule_ignores]`.",
        PAGE,
    ),
    Rule(
        "DEP003",
        "A module is imported that is installed only because another dependency needs it.",
        "Declare it as well: the other one may drop it in any release.",
        PAGE,
    ),
    Rule(
        "DEP004",
        "The product imports what is declared for development alone.",
        "Move it to the run-time dependencies, or to an extra of its own.",
        PAGE,
    ),
    Rule(
        "DEP005",
        "A dependency is declared that is a module of the standard library.",
        "Take it out.",
        PAGE,
    ),
)
DEPENDENCIES = Gate(
    name="dependencies",
    stage=Stage.SECURITY,
    options=NoOptions,
    function=check,
    applies=applies,
    level=ADVISORY,
    levels={"commit": OFF, "operate": OFF},
    conditions={"findings.high": "== 0", "findings.medium": "== 0"},
    extra=Extra("security", module="deptry"),
    again="deptry .",
    cost=0.8,
    about="What the product imports is declared as a dependency, and for run time.",
    static=True,
    declared=True,
    canary=canary,
    rules=RULES,
    suppress="# deptry: ignore[{rule}]",
)
