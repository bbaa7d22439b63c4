"""Gate functions run in a process of their own: this is both ends of it."""

from __future__ import annotations

import importlib
import pickle
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from pytest_devops_gates.errors import CannotTell, NotApplicable
from pytest_devops_gates.evidence import Evidence
from pytest_devops_gates.process import python_module
from pytest_devops_gates.project import Project

if TYPE_CHECKING:
    from pytest_devops_gates.engine.task import Task


def write_request(task: Task, project: Project) -> Path:
    """Leave what the worker needs in the run's folder: which function, and what to call it with."""
    function: Any = task.gate.function
    folder = _folder(task, project)
    folder.mkdir(parents=True, exist_ok=True)
    request = folder / "request.pickle"
    named = (function.__module__, function.__qualname__)
    request.write_bytes(pickle.dumps((named, project, task.options, task.asked)))
    return request


def command(request: Path) -> list[str]:
    """The command line of the worker."""
    return python_module("pytest_devops_gates.engine.worker", str(request))


def read_result(task: Task, project: Project) -> tuple[bytes, Evidence]:
    """The bytes and the evidence that the worker left. Raises CannotTell when there is none."""
    try:
        data = (_folder(task, project) / "result.json").read_bytes()
        return data, msgspec.json.decode(data, type=Evidence).checked()
    except (OSError, ValueError) as error:
        raise CannotTell(f"its worker left no result that can be read: {error}") from None


def _folder(task: Task, project: Project) -> Path:
    return project.run_dir / "logs" / task.gate.name


def main(request: Path) -> None:
    """Call the function; what it returns or tells goes to ``result.json`` beside the request."""
    (module, name), project, options, asked = pickle.loads(request.read_bytes())  # noqa: S301
    function = getattr(importlib.import_module(module), name)
    try:
        evidence = function(project, options, asked)
    except NotApplicable as reason:
        evidence = Evidence(not_applicable=str(reason))
    except CannotTell as reason:
        evidence = Evidence(unknown=str(reason))
    plain = msgspec.json.encode(evidence)
    result = request.with_name("result.json")
    temporary = result.with_suffix(".part")
    temporary.write_bytes(plain)
    temporary.replace(result)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
