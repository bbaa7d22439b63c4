"""pytest-devops-gates: one believable verdict on a whole project.

The names below are the public face, for plugins that add gates. They are imported when they are
first used, so that a plain pytest run pays for none of them.

PYTEST_DONT_REWRITE: the command ``devops-gates`` starts pytest after this was imported, about which
pytest would warn otherwise.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pytest_devops_gates.errors import CannotTell as CannotTell
    from pytest_devops_gates.errors import NotApplicable as NotApplicable
    from pytest_devops_gates.evidence import Confidence as Confidence
    from pytest_devops_gates.evidence import Evidence as Evidence
    from pytest_devops_gates.evidence import Finding as Finding
    from pytest_devops_gates.evidence import Receipt as Receipt
    from pytest_devops_gates.evidence import Rule as Rule
    from pytest_devops_gates.evidence import Severity as Severity
    from pytest_devops_gates.gate import Canary as Canary
    from pytest_devops_gates.gate import Command as Command
    from pytest_devops_gates.gate import Extra as Extra
    from pytest_devops_gates.gate import Gate as Gate
    from pytest_devops_gates.gate import Output as Output
    from pytest_devops_gates.project import Project as Project
    from pytest_devops_gates.report import Report as Report
    from pytest_devops_gates.report import Reporter as Reporter
    from pytest_devops_gates.stage import Stage as Stage

CHILD_MARKER = "PYTEST_DEVOPS_GATES_CHILD"
"""Tells the test process what it is: ``<descriptor that holds the key>:<path of its stream>``."""

WORKER_MARKER = "PYTEST_DEVOPS_GATES_XDIST"
"""Tells an xdist worker of the test process what it is."""

SHARD = "DEVOPS_GATES_SHARD"
"""The variable by which a job says which of several shards of a run it is."""

_HOMES = {
    "CannotTell": "errors",
    "NotApplicable": "errors",
    "Confidence": "evidence",
    "Evidence": "evidence",
    "Finding": "evidence",
    "Receipt": "evidence",
    "Rule": "evidence",
    "Severity": "evidence",
    "Canary": "gate",
    "Command": "gate",
    "Extra": "gate",
    "Gate": "gate",
    "Output": "gate",
    "Project": "project",
    "Report": "report",
    "Reporter": "report",
    "Stage": "stage",
}
__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
