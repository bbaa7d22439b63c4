"""How a secret is told: by its kind and length, never by its value. Pure."""

from __future__ import annotations

from pytest_devops_gates.evidence import Rule, Severity
from pytest_devops_gates.project import BESIDE_CODE, Project
from pytest_devops_gates.scanning.leaks import Leak
from pytest_devops_gates.scanning.patterns import KINDS

MEND = "revoke it where it was made, for whoever has read it keeps it"
_EXAMPLES = BESIDE_CODE - {"scripts"}
"""Folders of which what they hold is for show or for tests: scripts are for real."""


def is_for_show(name: str, project: Project) -> bool:
    """Whether a file is a test, documentation or an example."""
    return project.is_test(name) or bool(_EXAMPLES.intersection(name.lower().split("/")[:-1]))


def severity(leak: Leak, name: str | None, project: Project) -> Severity:
    """That of its kind; low for a mild one in a file that is for show."""
    if leak.kind.mild and name is not None and is_for_show(name, project):
        return Severity.LOW
    return leak.kind.severity


def size(leak: Leak) -> str:
    """The length of a secret, where that says something."""
    if leak.kind.id == "private-key":
        return "its whole text"
    return f"{leak.length} characters"


HELP = (
    "Revoke it where it was made, make a new one, and hand that over by the environment or a store"
    " of secrets. What was pushed stays in clones, whatever is rewritten."
)
RULES = tuple(
    Rule(
        kind.id,
        f"A file, or a commit of the change, holds {kind.says}.",
        HELP,
        "https://cheatsheetseries.owasp.org/cheatsheets/Secrets_Management_Cheat_Sheet.html",
    )
    for kind in KINDS
)
"""What is known of each kind of secret."""
