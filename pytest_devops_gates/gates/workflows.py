"""``workflows``: GitHub's workflows, actions and Dependabot settings, as zizmor sees them."""

from __future__ import annotations

import re
import sys

from pytest_devops_gates import zizmor_json
from pytest_devops_gates.errors import CannotTell
from pytest_devops_gates.evidence import Evidence
from pytest_devops_gates.gate import (
    ADVISORY,
    OFF,
    Canary,
    Command,
    Extra,
    Gate,
    NoOptions,
    Options,
    Output,
)
from pytest_devops_gates.process import find_optional, tool_version
from pytest_devops_gates.project import Project
from pytest_devops_gates.stage import Stage

FOLDER = ".github/workflows/"
DEPENDABOT = (".github/dependabot.yml", ".github/dependabot.yaml")
INSTALL = (
    "python -m pip install 'pytest-devops-gates[security]'"
    if sys.version_info >= (3, 11)
    else "uv tool install zizmor"  # PyPI has it for Python 3.11 and newer
)
NONE = "no GitHub workflow, action or Dependabot settings"
CANARY = """\
name: devops-gates-canary
on: pull_request_target
permissions: {}
jobs:
  canary:
    runs-on: ubuntu-latest
    steps:
      - run: echo "${{ github.event.pull_request.title }}"
"""

_ACTION = re.compile(r"(?:.*/)?action\.ya?ml")
_RUNS = re.compile(r"""^["']?runs["']?\s*:""", re.MULTILINE)


def inputs(project: Project) -> list[str]:
    """The files to read: workflows, Dependabot's settings, and actions.

    An ``action.yml`` without ``runs`` is none of GitHub's, and what lies among the tests may be
    broken on purpose. Raises CannotTell when the files could not be listed.
    """
    names = dict.fromkeys([*project.listing(), *_hidden(project)])
    return [name for name in names if _is_input(project, name)]


def _hidden(project: Project) -> list[str]:
    """What lies in GitHub's folder: a listing without git leaves hidden folders out."""
    if project.toplevel is not None:
        return []
    found = [*(project.root / FOLDER).glob("*"), *(project.root / name for name in DEPENDABOT)]
    return sorted(path.relative_to(project.root).as_posix() for path in found)


def _is_input(project: Project, name: str) -> bool:
    if not (project.root / name).is_file():
        return False
    if name in DEPENDABOT:
        return True
    folder, _, base = name.rpartition("/")
    if folder + "/" == FOLDER:
        return base.endswith((".yml", ".yaml"))
    if not _ACTION.fullmatch(name) or project.is_test(name):
        return False
    text = project.text(name)
    return text is None or bool(_RUNS.search(text))


def command(project: Project, options: Options) -> Command:
    """Named files, so that it is known which of them were read; zizmor.yml is found from them."""
    zizmor = find_optional("zizmor", project.root)
    if zizmor is None:
        raise CannotTell(f"zizmor is not installed · {INSTALL}")
    names = [f"./{name}" for name in inputs(project)]
    return Command(
        [zizmor, "--offline", "--format", "json", "--no-progress", "--color", "never", *names],
        env={"RUST_BACKTRACE": "0"},
        tool="zizmor",
        version=tool_version(zizmor),
    )


def read(output: Output, project: Project, options: Options) -> Evidence:
    return zizmor_json.read(output, inputs(project))


def applies(project: Project, options: Options) -> str | None:
    if project.listing_error or inputs(project):
        return None
    return NONE + ("" if project.scope is None else " among the files to look at")


def canary(project: Project, options: Options) -> Canary:
    files: dict[str, str | None] = {f"{FOLDER}devops-gates-canary.yml": CANARY}
    return Canary("a script injection by the title of a pull request", files)


WORKFLOWS = Gate(
    name="workflows",
    stage=Stage.SECURITY,
    options=NoOptions,
    command=command,
    read=read,
    applies=applies,
    accepts=zizmor_json.ACCEPTS,
    level=ADVISORY,
    levels={"commit": OFF, "operate": OFF},
    conditions={"findings.high.medium": "== 0"},
    extra=Extra("security", program="zizmor"),
    again="zizmor --offline .",
    cost=1.0,
    about="GitHub's workflows, actions and Dependabot settings have no weakness that zizmor knows.",
    static=True,
    canary=canary,
    suppress="# zizmor: ignore[{rule}]",
)
