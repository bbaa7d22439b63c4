"""What is told of one finding, line by line. Pure.

All text in a finding, and in the source that it was found in, is foreign: each line goes through
``neutral`` after it was wrapped, since a break may bring a command to the beginning of a line.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from pytest_devops_gates.columns import cut, width, wrap
from pytest_devops_gates.conditions import exact, number
from pytest_devops_gates.evidence import Finding
from pytest_devops_gates.neutral import neutral, visible
from pytest_devops_gates.report import Report, place
from pytest_devops_gates.verdict import FAIL, UNKNOWN, Measured, Ruling, Waiver
from pytest_devops_gates.weight import counted
from pytest_devops_gates.whereabouts import Excerpt

LABEL = 12
NARROWEST = 40
MESSAGE = 200
"""Characters of a message that a list shows."""
TAB = 4

_HOLDS = {True: "holds", False: "BROKEN", None: "cannot tell"}


class Subject(msgspec.Struct, frozen=True):
    """A finding with what is known of it beside the report: its lines in the file as it is now, or
    why there are none (``gone``), the comment that suppresses it in its line, whether the gate
    ``suppressions`` counts such a comment, and what the tool's own ``manual`` says of the rule."""

    finding: Finding
    excerpt: Excerpt | None = None
    gone: str = ""
    suppress: str = ""
    is_counted: bool = False
    manual: tuple[str, str] | None = None


def render(report: Report, subject: Subject, columns: int) -> list[str]:
    """All that is known of a finding."""
    columns = max(columns, NARROWEST)
    finding = subject.finding
    ruling = next((r for r in report.verdict.gates if r.name == finding.gate), None)
    lines = [
        *_head(finding, columns),
        *_place(subject, columns),
        *_rule(report, finding, columns),
        *(_weight(finding, ruling, columns) if ruling else ()),
        *_waiver(finding, report.verdict.waivers, columns),
        *_by_hand(finding, ruling, columns),
        *_suppression(subject, columns),
        *_field("run", f"{report.verdict.run_id}, {report.verdict.started}", columns),
        *(_manual(*subject.manual) if subject.manual else ()),
    ]
    return [neutral(line) for line in lines]


def brief(finding: Finding) -> str:
    """A finding in a few words: the beginning of its fingerprint, its rule, its place."""
    return f"{finding.fingerprint[:12]} {finding.gate}/{finding.rule} {place(finding)}".rstrip()


def listed(findings: Sequence[Finding], shown: int, columns: int) -> list[str]:
    """The first of the findings in a line each, and how many there are beside them."""
    columns = max(columns, NARROWEST)
    lines = [
        cut(f"  {visible(f'{brief(finding)}: {finding.message[:MESSAGE]}')}", columns)
        for finding in findings[:shown]
    ]
    if len(findings) > shown:
        lines.append(f"  … and {len(findings) - shown} more")
    return [neutral(line) for line in lines]


def _field(label: str, text: str, columns: int) -> Iterator[str]:
    yield from wrap(f"  {label:<{LABEL}}{visible(text)}", columns, " " * (LABEL + 2))


def _head(finding: Finding, columns: int) -> Iterator[str]:
    sure = f", {finding.confidence.value} confidence" if finding.confidence else ""
    told = f"{finding.severity.value} severity{sure}, {finding.state}"
    yield from wrap(visible(f"{finding.gate}/{finding.rule}: {told}"), columns)
    for line in finding.message.splitlines() or [""]:
        yield from wrap(f"  {visible(line)}", columns, "    ")
    yield from _field("finding", finding.fingerprint, columns)


def _place(subject: Subject, columns: int) -> Iterator[str]:
    where, excerpt = place(subject.finding), subject.excerpt
    if where:
        moved = f" (now in line {excerpt.line})" if excerpt and excerpt.moved else ""
        yield from _field("place", where + moved, columns)
    if subject.gone:
        yield from _field("", subject.gone, columns)
    if excerpt:
        yield ""
        yield from source_lines(excerpt, columns)
        yield ""


def source_lines(excerpt: Excerpt, columns: int) -> Iterator[str]:
    """The lines with their numbers, those that are meant marked, and carets below their columns."""
    digits = len(str(excerpt.first + len(excerpt.lines) - 1))
    for at, text in enumerate(excerpt.lines, excerpt.first):
        mark = ">" if excerpt.line <= at <= excerpt.end else " "
        gutter = f"  {mark} {at:>{digits}} | "
        room = columns - len(gutter)
        is_first = at == excerpt.line and excerpt.column is not None
        part, column = _window(text, (excerpt.column or 1) if is_first else 1, room)
        yield (gutter + cut(_shown(part), room)).rstrip()
        if is_first:
            length = (excerpt.end_column or 0) - (excerpt.column or 0)
            to_end = excerpt.end > excerpt.line
            carets = _carets(part, column, len(part) if to_end else length, room)
            yield f"{' ' * (len(gutter) - 2)}| {carets}" if carets else ""


def _window(text: str, column: int, room: int) -> tuple[str, int]:
    """The part of a long line that is shown, so that the column is in it, and the column there."""
    if column <= room * 2 // 3:
        return text[: 4 * room], column
    begin = column - 1 - room // 2
    return "…" + text[begin : begin + 4 * room], column - begin + 1


def _carets(text: str, column: int, length: int, room: int) -> str:
    before = width(_shown(text[: column - 1]))
    inside = width(_shown(text[: column - 1 + max(length, 1)])) - before
    return " " * before + "^" * min(max(inside, 1), room - before) if before < room else ""


def _shown(text: str) -> str:
    return visible(text.expandtabs(TAB))


def _rule(report: Report, finding: Finding, columns: int) -> Iterator[str]:
    rule = report.rule(finding).fit()
    for label, text in (("rule", rule.says), ("mend", rule.help)):
        if text:
            yield from _field(label, text, columns)
    if rule.uri:
        yield f"  {'more':<{LABEL}}{rule.uri}"  # in one piece, to be copied


def _weight(finding: Finding, ruling: Ruling, columns: int) -> Iterator[str]:
    """Whether the finding counts, and by which conditions."""
    yield from _field("counts", _counts(finding, ruling), columns)
    for condition in ruling.conditions:
        yield from _field("condition", _condition(condition, finding), columns)
    if not ruling.conditions:
        yield from _field("condition", "none: the gate shows its numbers, and cannot fail", columns)
    if ruling.owner:
        yield from _field("owner", ruling.owner, columns)


def _counts(finding: Finding, ruling: Ruling) -> str:
    name, broken = ruling.name, [c for c in ruling.conditions if c.holds is False]
    named = [counted(condition.metric, finding) for condition in broken]
    if ruling.outcome == UNKNOWN:
        return f"{name} could not tell whether it passes · {ruling.reason}"
    if ruling.outcome != FAIL or not any(n is not False for n in named):
        held = {"waived": ": a waiver holds it back", "known": ": it was known before"}
        return f"no: no condition of {name} is broken by it{held.get(finding.state, '')}"
    over = "over it" if True in named else "over what it measures; perhaps over this"
    if ruling.level == "required":
        return f"yes: {name} is required, and fails {over}"
    return f"as a warning: {name} is advisory, and fails {over}"


def _condition(condition: Measured, finding: Finding) -> str:
    value = "not measured" if condition.value is None else number(condition.value)
    limit = f"{condition.operator} {exact(condition.limit)}"
    is_one = counted(condition.metric, finding)
    one = {True: ", and this is one of them", False: ", and this is none of them", None: ""}[is_one]
    return f"{condition.metric} {value}, needs {limit}: {_HOLDS[condition.holds]}{one}"


def _waiver(finding: Finding, waivers: Iterable[Waiver], columns: int) -> Iterator[str]:
    if finding.waiver is None:
        return
    known = next((w for w in waivers if w.id == finding.waiver), None)
    told = f"by {finding.waiver}"
    if known:
        ticket = f", {known.ticket}" if known.ticket else ""
        told += f", {known.owner}, until {known.expires}{ticket}: {known.reason}"
    yield from _field("waived", told, columns)


def _by_hand(finding: Finding, ruling: Ruling | None, columns: int) -> Iterator[str]:
    if ruling and ruling.again:
        yield from _field("by hand", ruling.again, columns)
    yield from _field("alone", f"devops-gates run --gate {finding.gate}", columns)


def _suppression(subject: Subject, columns: int) -> Iterator[str]:
    if not subject.suppress or not subject.finding.line:
        return
    where, lines = "its line", subject.excerpt
    if lines:
        where = f"line {lines.line}" + (f", or {lines.end}" if lines.end > lines.line else "")
    seen = "; the gates suppressions and policy count such comments" if subject.is_counted else ""
    yield from _field("suppress", f"{subject.suppress} in {where}{seen}", columns)


def _manual(command: str, text: str) -> Iterator[str]:
    """The manual as it was written, with its own line ends: there is code in it."""
    yield ""
    yield f"$ {command}"
    yield from (f"  {line}".rstrip() for line in text.splitlines())
