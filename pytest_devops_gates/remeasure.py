"""What only a whole run can measure, such as coverage, measured at the base: pytest is started
again as the user started it, in a clone that holds the base and knows of no other revision."""

from __future__ import annotations

import json
import os
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import msgspec

from pytest_devops_gates import git
from pytest_devops_gates.base import TARGETS
from pytest_devops_gates.change import Change
from pytest_devops_gates.engine.task import Task
from pytest_devops_gates.errors import CannotTell
from pytest_devops_gates.evidence import Evidence
from pytest_devops_gates.policy import NO_HISTORY
from pytest_devops_gates.process import Process
from pytest_devops_gates.project import Project
from pytest_devops_gates.reaper import Reaper
from pytest_devops_gates.runs import FOLDER, UNRECORDED
from pytest_devops_gates.verdict import UNKNOWN

MARK = "DEVOPS_GATES_AT_BASE"
"""Set in such a run, so that it measures no base of its own."""

OURS = "--devops-gates"


class Remeasurement:
    """A run on the base, as the engine sees a job: ``poll`` returns the gate's evidence."""

    owns_terminal = hears_terminal = False

    def __init__(
        self,
        task: Task,
        project: Project,
        change: Change,
        reaper: Reaper,
        room: ExitStack,
        timeout: float,
    ) -> None:
        self.task = task
        self.started = time.monotonic()
        self._root = clone(project, change, room)
        self._process = Process(
            _argv(task, project, self._root),
            cwd=self._root,
            env=_environment(project, self._root),
            log_dir=project.run_dir / "base" / "logs" / task.gate.name,
            name="run",
            timeout=timeout,
            reaper=reaper,
        )

    def poll(self) -> Evidence | None:
        """The evidence, or None while it is still at work."""
        return self._read() if self._process.poll() else None

    def kill(self, trouble: str) -> Evidence:
        """End it at once."""
        self._process.kill(trouble)
        return Evidence(unknown=trouble)

    def interrupt(self) -> None:
        """Nobody but the tests of the run itself is asked to end in order."""

    def testimony(self) -> dict[str, Evidence]:
        """What is said there by the gates of conftest.py files is of no account here."""
        return {}

    def _read(self) -> Evidence:
        try:
            path = self._root / FOLDER / "latest" / "verdict.json"
            verdict: dict[str, Any] = json.loads(path.read_text("utf-8"))
            gate = next(g for g in verdict["gates"] if g["name"] == self.task.gate.name)
        except (OSError, ValueError, StopIteration):
            said = self._process.trouble or f"exit status {self._process.returncode}"
            return Evidence(unknown=f"the run on the base left no verdict ({said})")
        if gate["outcome"] == UNKNOWN and NO_HISTORY not in gate["reason"]:
            return Evidence(unknown=gate["reason"])
        return Evidence(metrics=msgspec.convert(gate["metrics"], dict[str, float]), examined=1)


def clone(project: Project, change: Change, room: ExitStack) -> Path:
    """The project at the base, alone in a repository; it goes with ``room``. Raises CannotTell."""
    top = project.toplevel
    if top is None:
        raise CannotTell("there is no git repository to take the base from")
    target = Path(room.enter_context(tempfile.TemporaryDirectory(prefix="devops-gates-")), "base")
    git.git(top, "clone", "--quiet", "--no-checkout", "--no-tags", "--local", "--template=",
            str(top), str(target))  # fmt: skip
    git.git(target, "checkout", "--quiet", "--detach", change.base.commit)
    git.git(target, "remote", "remove", "origin")
    heads = git.git(target, "for-each-ref", "--format=%(refname:short)", "refs/heads").decode()
    for branch in heads.splitlines():
        git.git(target, "branch", "--quiet", "-D", branch)
    return target / os.path.relpath(project.root.resolve(), top.resolve())


def _argv(task: Task, project: Project, root: Path) -> list[str]:
    """As the user started pytest, with our options for this errand in place of theirs."""
    session = project.session
    if session is None:
        raise CannotTell("this run has no tests to start on the base")
    here = str(project.root)
    own = [OURS, f"{OURS}-profile={project.profile}", f"{OURS}-stage={task.gate.stage.value}"]
    typed = [arg.replace(here, str(root)) for arg in session.argv if not arg.startswith(OURS)]
    return [*typed, *own]


def _environment(project: Project, root: Path) -> dict[str, str]:
    """The tests there import the base's packages, not those of an editable installation."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("GIT_", "GITHUB_")) and name not in TARGETS
    }
    folders = dict.fromkeys(str((root / package).parent) for package in project.packages)
    path = os.pathsep.join([*folders, os.environ.get("PYTHONPATH", "")]).strip(os.pathsep)
    return {**kept, **({"PYTHONPATH": path} if path else {}), MARK: "1", UNRECORDED: "1"}
