"""verdict.json."""

from __future__ import annotations

from pytest_devops_gates.json_text import dump
from pytest_devops_gates.report import Report, Reporter


def render(report: Report) -> str:
    """The verdict as JSON (``pytest-devops-gates/verdict/1``), in ASCII."""
    return dump(report.verdict) + "\n"


JSON = Reporter("json", render, file="verdict.json", about="the verdict itself, for machines")
