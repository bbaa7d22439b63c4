"""Annotations of GitHub Actions: what is shown at the lines of a change, and above a run's log.

Each is a workflow command, a line that the runner obeys. Of each type it keeps the first ten of a
step. Source: actions/runner, ExecutionContext.cs (limits) and ActionCommand.cs (escapes).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from pytest_devops_gates.evidence import Finding
from pytest_devops_gates.neutral import neutral, workflow_data, workflow_property
from pytest_devops_gates.report import Report, located, place, red
from pytest_devops_gates.verdict import FAIL, PASS, UNKNOWN, WARN, Ruling, Verdict
from pytest_devops_gates.weight import breaks

KEPT = 10
"""Annotations of one type that GitHub keeps of a step."""
LENGTH = 4_096
"""Characters of one annotation, counted as the runner does: in UTF-16."""
PATH, TITLE = 1_000, 200
"""Characters of a file's name, beyond which none is named, and of a title."""

ERROR, WARNING = "error", "warning"
OURS = "devops gates"
"""The title of what is about the run as a whole."""


class Note(msgspec.Struct, frozen=True):
    """One annotation before it is escaped. ``at`` are the properties that name its place."""

    message: str
    title: str = OURS
    at: dict[str, str] = {}


def commands(report: Report) -> list[str]:
    """The commands, the worst first: errors for what blocks, warnings for what does not."""
    verdict = report.verdict
    rulings = red(verdict)
    blocking = [r for r in rulings if r.level == "required" and r.outcome in (FAIL, UNKNOWN)]
    others = [r for r in rulings if r.level != "required" or r.outcome == WARN]
    first = []
    if verdict.verdict != PASS:
        first.append(Note(f"{verdict.verdict.upper()} · {verdict.reason}"))
    return [
        *_of_type(ERROR, first, blocking, report),
        *_of_type(WARNING, [], others, report),
    ]


def _of_type(
    kind: str, first: Sequence[Note], rulings: Sequence[Ruling], report: Report
) -> list[str]:
    """Of one type: gates of which there is only a reason to show, then the findings of the others,
    then how many more there are."""
    judged = {ruling.name: ruling for ruling in rulings if ruling.outcome != UNKNOWN}
    found = [
        finding
        for finding in report.findings
        if finding.gate in judged and finding.state == "new"
        if breaks(judged[finding.gate], finding)
    ]
    shown = {finding.gate for finding in found}
    notes = list(first)
    for ruling in rulings:
        told = bool(first) and report.verdict.reason.startswith(ruling.reason)  # by the verdict
        if ruling.name not in shown and not told:
            notes.append(_of_gate(ruling))
    total = len(notes) + len(found)
    kept = total if total <= KEPT else KEPT - 1
    notes = notes[:kept]
    notes += [_of_finding(report.verdict, finding) for finding in found[: kept - len(notes)]]
    if total > kept:
        notes.append(Note(f"{total - kept} more {kind}s: see the step's summary, or the report"))
    return [_command(kind, note) for note in notes]


def _of_gate(ruling: Ruling) -> Note:
    owner = f" · owner: {ruling.owner}" if ruling.owner else ""
    return Note(ruling.reason + owner, ruling.name)


def _of_finding(verdict: Verdict, finding: Finding) -> Note:
    """Columns are told within one line only: the runner drops others."""
    title = f"{finding.gate}: {finding.rule}"
    here = located(verdict, finding)
    if len(workflow_property(here.path)) > PATH:
        return Note(f"{place(finding)}: {finding.message}", title)
    at = {"file": here.path, "line": str(here.line), "endLine": str(here.end_line)}
    if finding.column and here.line == here.end_line and not here.anchored:
        at |= {"col": str(here.column), "endColumn": str(here.end_column)}
    return Note(here.message, title, at)


def _command(kind: str, note: Note) -> str:
    properties = {**note.at, "title": _cut(note.title, TITLE, workflow_property)}
    named = ",".join(f"{key}={workflow_property(value)}" for key, value in properties.items())
    start = f"::{kind} {named}::"
    return start + workflow_data(_cut(note.message, LENGTH - _length(start), workflow_data))


def _cut(text: str, room: int, escaped: Callable[[str], str]) -> str:
    """As much of a text as has room when it is escaped; no escape is halved, since they come
    after."""
    shown = neutral(text[:room])
    if len(text) <= room and _length(escaped(shown)) <= room:
        return shown
    room -= len("…")
    for at, char in enumerate(shown):
        room -= _length(escaped(char))
        if room < 0:
            return shown[:at] + "…"
    return shown + "…"


def _length(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2
