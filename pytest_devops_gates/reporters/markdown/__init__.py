"""report.md: for a comment on a pull request, and for the summary of a CI's step.

All text from outside stands in code spans (see neutral.py). The file has a limit, so each part
(``parts.py``) has a share of it: what does not fit is counted, and the verdict, which stands first,
always fits.
"""

from __future__ import annotations

from collections.abc import Sequence

from pytest_devops_gates.report import Report, Reporter
from pytest_devops_gates.reporters.markdown import parts
from pytest_devops_gates.reporters.markdown.texts import size

LIMIT = 60_000
"""Bytes of the file. GitHub takes 65,536 characters in a comment, and 1 MiB in a step's summary."""
LEAST = 8_192
"""Bytes in which the verdict finds room, whatever its texts are."""


def render(report: Report) -> str:
    """The report in GitHub Flavored Markdown, fit for a comment."""
    return within(report, LIMIT)


def within(report: Report, limit: int) -> str:
    """The report in no more than ``limit`` bytes; the verdict stands in it in any case."""
    head = parts.head(report.verdict)
    room = limit - size(head)
    before = [
        *parts.table(report.verdict, room * 3 // 10),
        *parts.since(report.verdict.since, room // 20),
        *parts.to_look_at(report.verdict, room * 3 // 20),
    ]
    after = [
        *parts.unchecked(report, room // 10),
        *parts.tests(report.verdict.tests, room // 20),
        *parts.coverage(report, room // 20),
        *parts.trends(report.verdict, room // 20),
    ]
    found = parts.findings(report, room - size(before) - size(after))
    return _text([*head, *before, *found, *after])


def _text(lines: Sequence[str]) -> str:
    return "\n".join(lines).rstrip("\n") + "\n"


MARKDOWN = Reporter(
    "markdown", render, file="report.md", about="a comment on a pull request (Markdown)"
)
