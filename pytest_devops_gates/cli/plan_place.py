"""Where the plan of a project is, for the commands that show or change it."""

from __future__ import annotations

import time
from pathlib import Path

import msgspec
import pytest

from pytest_devops_gates import config
from pytest_devops_gates.board import plan_file, source
from pytest_devops_gates.board.plan_file import PlanFile
from pytest_devops_gates.outside import TrackerTable
from pytest_devops_gates.project import Project

GATE = "work-items"


class Place(msgspec.Struct, frozen=True):
    """The tracker, where one is configured; else the plan file, its bytes (None where there is
    none) and what it holds. ``version`` is the project's, and ``asked`` the milestone that the
    gate's option names."""

    root: Path
    tracker: TrackerTable | None = None
    data: bytes | None = None
    file: PlanFile | None = None
    version: str | None = None
    asked: str | None = None


def of(pytest_config: pytest.Config) -> Place:
    """The place of the project that pytest found. Raises UsageError for what is wrong with it."""
    root = Path(pytest_config.rootpath)
    pyproject = config.read_pyproject(root)
    table = config.read_table(pyproject)
    project = Project(root, root, root, time.time(), pyproject=pyproject)
    gate = table.gates.get(GATE)
    asked = gate.options.get("milestone") if gate else None
    data = None if table.tracker else plan_file.found(root)
    return Place(
        root=root,
        tracker=table.tracker,
        data=data,
        file=plan_file.read(data) if data is not None else None,
        version=source.version(project),
        asked=asked if isinstance(asked, str) else None,
    )
