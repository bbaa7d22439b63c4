"""What a change takes away of what has to be proven: requirements that the base's plan has."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_devops_gates.board.items import DROPPED, Board
from pytest_devops_gates.board.plan_file import FILE
from pytest_devops_gates.evidence import Finding, Severity
from pytest_devops_gates.loosening.say import stated


def requirements(before: Board, after: Board, *, required: bool) -> Iterator[Finding]:
    """A finding for each requirement that no item of the change's plan has any more; of high
    severity where the gate ``traceability`` is ``required``."""
    left = _named(after)
    for requirement, item in sorted(_named(before).items()):
        if requirement not in left:
            told = f"the requirement {requirement} of {item} is in the plan at the base, gone here"
            severity = Severity.HIGH if required else Severity.LOW
            yield stated("requirement-gone", told, severity=severity, path=FILE)


def _named(board: Board) -> dict[str, str]:
    """The requirements of what is not dropped, each with the id of its first item."""
    found: dict[str, str] = {}
    for item in board.items:
        for requirement in item.requirements if item.status != DROPPED else ():
            found.setdefault(requirement, item.id)
    return found
