"""Texts from outside as SARIF and its viewers may have them."""

from __future__ import annotations

import re

from pytest_devops_gates.evidence import Finding, Severity
from pytest_devops_gates.findings import shortened
from pytest_devops_gates.neutral import visible

TEXT = 1_000
"""Characters of one text. GitHub refuses a description of more than 1,024."""
NAME = 200
"""Characters of the id of a rule."""

LEVELS = {
    Severity.CRITICAL: "error",
    Severity.HIGH: "error",
    Severity.MEDIUM: "warning",
    Severity.LOW: "note",
    Severity.INFO: "note",
}

_LINK = re.compile(r"\](?=\()")


def text(value: str, otherwise: str = "", limit: int = TEXT) -> str:
    """A text in one visible line; ``otherwise`` where there is nothing in it.

    What a viewer would show as a link (``[text](target)``, 3.11.6) is taken apart by a blank.
    """
    shown = _LINK.sub("] ", visible(value)).strip()
    return shortened(shown, limit) if shown or not otherwise else text(otherwise, limit=limit)


def rule_id(finding: Finding) -> str:
    """``gate/rule``."""
    return text(f"{finding.gate}/{finding.rule.strip() or 'unnamed'}", limit=NAME)
