"""The gates that review what all others gathered: the last to be asked."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from importlib.metadata import version

import msgspec

from pytest_devops_gates.engine.task import Task, crashed
from pytest_devops_gates.errors import CannotTell, NotApplicable
from pytest_devops_gates.evidence import Evidence, Receipt
from pytest_devops_gates.project import Project


def reviewed(
    tasks: Iterable[Task], project: Project, gathered: Mapping[str, Evidence]
) -> dict[str, Evidence]:
    """The evidence of the gates that review; whatever goes wrong in one of them is evidence too."""
    return {task.gate.name: _review(task, project, gathered) for task in tasks if task.gate.review}


def _review(task: Task, project: Project, gathered: Mapping[str, Evidence]) -> Evidence:
    gate, options = task.gate, task.options
    assert gate.review is not None
    began = time.monotonic()
    try:
        if gate.applies and (reason := gate.applies(project, options)):
            return Evidence(not_applicable=reason)
        evidence = gate.review(project, options, gathered).checked()
    except NotApplicable as reason:
        return Evidence(not_applicable=str(reason))
    except CannotTell as reason:
        return Evidence(unknown=str(reason))
    except (Exception, SystemExit) as error:
        return crashed(error, project.run_dir / "logs" / gate.name)
    own = evidence.receipt or Receipt(gate.name)
    receipt = msgspec.structs.replace(
        own,
        version=own.version or version("pytest-devops-gates"),
        seconds=round(time.monotonic() - began, 3),
        examined=evidence.examined,
    )
    return msgspec.structs.replace(evidence, receipt=receipt)
