"""The end of a run on the terminal: the verdict and its reason, the gates by stage, and what did
not pass in detail."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import groupby

from pytest_devops_gates.columns import LEAST, cut, padded, wrap
from pytest_devops_gates.conditions import compared_with, exact, number
from pytest_devops_gates.evidence import Finding
from pytest_devops_gates.findings import shortened
from pytest_devops_gates.measures import figure, in_a_line, of_trend
from pytest_devops_gates.neutral import neutral
from pytest_devops_gates.report import (
    Report,
    Reporter,
    by_stage,
    is_idle,
    outcome_counts,
    red,
)
from pytest_devops_gates.sparkline import BLOCKS, draw
from pytest_devops_gates.verdict import (
    FAIL,
    NOT_APPLICABLE,
    OFF,
    PASS,
    UNKNOWN,
    WARN,
    Change,
    Compared,
    Measured,
    Ruling,
    Verdict,
)
from pytest_devops_gates.weight import breaks

SHOWN = 10
"""Findings listed for one gate."""
LINE = 20
"""Columns of the line of a trend."""
NARROW = 60
"""Columns below which the table leaves the reasons out."""
MESSAGE = 300
"""Characters shown of a finding's message."""

_COMMAND = re.compile(r"^( *) (?=\s*::)")
"""What GitHub's runner obeys at the start of a line, where a wrapped text may have it as well."""

_COLOURS = {PASS: "32", WARN: "33", FAIL: "31", UNKNOWN: "35", NOT_APPLICABLE: "2", OFF: "2"}


def render(
    report: Report,
    *,
    width: int = 80,
    colour: bool = False,
    verbosity: int = 0,
    folder: str = "",
    shades: str = BLOCKS,
) -> str:
    """One line where ``verbosity`` is below 0; every condition, and where numbers went, drawn in
    ``shades``, where it is above."""
    page = _Page(max(width, LEAST), colour)
    verdict = report.verdict
    if verbosity < 0:
        word = page.paint(verdict.verdict.upper(), verdict.verdict)
        return f"verdict: {word} · {neutral(verdict.reason)}\n"
    page.rule(" devops gates ", None)
    page.verdict(verdict.verdict, neutral(verdict.reason))
    if verdict.compared:
        page.text(_compared(verdict.compared, verdict))
    if verdict.since:
        page.text(_since(verdict.since))
    if verdict.gates:
        page.lines.append("")
        _table(report, page, verbose=verbosity > 0)
        _notes(report, page)
    if verbosity > 0:
        _trends(verdict, page, shades)
    for ruling in red(verdict):
        page.lines.append("")
        _detail(ruling, report.of_gate(ruling.name), page)
    page.lines.append("")
    if folder:
        page.text(f"details: {neutral(folder)} · devops-gates report --open")
    counted = ", ".join(f"{count} {outcome}" for outcome, count in outcome_counts(verdict))
    closing = f" {verdict.verdict.upper()} in {verdict.seconds:.1f}s: {counted or 'no gates'} "
    page.rule(closing, verdict.verdict)
    return "\n".join(page.lines) + "\n"


class _Page:
    """Lines of a certain width, in colours or without."""

    def __init__(self, width: int, colour: bool) -> None:
        self.width = width
        self.lines: list[str] = []
        self._colour = colour

    def paint(self, text: str, outcome: str) -> str:
        return self._wrap(text, _COLOURS.get(outcome, "2"))

    def rule(self, title: str, outcome: str | None) -> None:
        line = cut(title, self.width).center(self.width, "=")
        self.lines.append(self.paint(line, outcome) if outcome else self._wrap(line, "1"))

    def verdict(self, word: str, reason: str) -> None:
        first, *more = self._folded(f"verdict: {word.upper()} · {reason}", "  ")
        self.lines.append(first.replace(word.upper(), self.paint(word.upper(), word), 1))
        self.lines += more

    def text(self, text: str, outcome: str = "", indent: str = "  ") -> None:
        """A paragraph, in the colour of an outcome."""
        found = self._folded(text, indent)
        self.lines += (self.paint(line, outcome) for line in found) if outcome else found

    def row(self, label: str, outcome: str, rest: str) -> None:
        """A row of the table, cut to the width before it is coloured."""
        columns = (9, 7) if self.width >= NARROW else (0, 7)
        label = padded(label, columns[0]) + " " if columns[0] else ""
        plain = cut(f"{label}{padded(outcome, columns[1])} {rest}", self.width)
        at = len(label)
        end = at + columns[1]
        self.lines.append(plain[:at] + self.paint(plain[at:end], outcome) + plain[end:])

    def _folded(self, text: str, indent: str) -> Iterator[str]:
        return (_COMMAND.sub(r"\1\\", line) for line in wrap(text, self.width, indent))

    def _wrap(self, text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._colour else text


def _compared(compared: Compared, verdict: Verdict) -> str:
    """What the change was compared with, and by what it was judged if not by itself."""
    files = "1 file" if compared.files == 1 else f"{compared.files} files"
    lines = "1 new line" if compared.lines == 1 else f"{compared.lines} new lines"
    text = f"compared with {compared.ref} ({compared.told}): {files}, {lines}"
    judged = verdict.policy.source
    return neutral(f"{text}; judged by {judged}" if " at " in judged else text)


def _since(change: Change) -> str:
    """What changed since the last run."""
    said = [f"{gate.name} {gate.before} → {gate.after}" for gate in change.gates]
    said += [f"{m.gate} {m.metric} {number(m.before)} → {number(m.after)}" for m in change.metrics]
    if change.appeared or change.gone:
        said.append(f"findings: {change.appeared} appeared, {change.gone} gone")
    was = f"since {change.started} ({change.verdict})"
    return neutral(f"{was}: {'; '.join(said) or 'nothing changed'}")


def _table(report: Report, page: _Page, *, verbose: bool) -> None:
    narrow = page.width < NARROW
    below = " " * (8 if narrow else 18)
    for stage, _, rulings in by_stage(report.verdict):
        label = stage
        if narrow and rulings:
            page.lines.append(stage)
        for ruling in rulings:
            if is_idle(ruling):
                continue
            page.row(label, ruling.outcome, ruling.name if narrow else _told(ruling))
            label = ""
            if verbose:
                for condition in _conditions(ruling):
                    page.text(below + condition, indent=below + "  ")
        idle = [ruling for ruling in rulings if is_idle(ruling)]
        if idle:
            page.row(label, "-", _share(idle))


def _told(ruling: Ruling) -> str:
    seconds = f"{ruling.receipt.seconds:.1f}s" if ruling.receipt else ""
    level = "" if ruling.level == "required" else "(advisory) "
    reason = neutral(ruling.reason.removeprefix(f"{ruling.name}: "))
    return f"{ruling.name:<12} {seconds:>6}  {level}{reason}"


def _conditions(ruling: Ruling) -> Iterator[str]:
    """Every condition with its measured value, its limit and its baseline."""
    for c in ruling.conditions:
        holds = {True: "holds", False: "BROKEN", None: "cannot tell"}[c.holds]
        yield f"{_measured(c, 'needs')}: {holds}"
    for c in ruling.warnings:
        yield f"{_measured(c, 'should be')}: {'holds' if c.holds else 'warns'}"
    if not ruling.conditions:
        yield "no condition: it shows its numbers only"


def _measured(c: Measured, verb: str) -> str:
    value = "not measured" if c.value is None else number(c.value)
    told = compared_with(c)
    base = f", {told}" if told else ""
    return neutral(f"{c.metric} {value}, {verb} {c.operator} {exact(c.limit)}{base}")


def _share(idle: Sequence[Ruling]) -> str:
    """What did not run, those for one reason together."""
    reasons = dict.fromkeys(ruling.reason for ruling in idle)
    named = {reason: ", ".join(r.name for r in idle if r.reason == reason) for reason in reasons}
    return "; ".join(f"{names} ({neutral(reason)})" for reason, names in named.items())


def _notes(report: Report, page: _Page) -> None:
    shown = red(report.verdict)
    for ruling in report.verdict.gates:
        if ruling not in shown:
            for note in ruling.notes:
                page.text(f"note: {ruling.name}: {neutral(note)}")
    if not report.verdict.selection.complete:
        only = "only a part of the gates, or of the files"
        page.text(f"note: {only}: no verdict on the whole project")


def _trends(verdict: Verdict, page: _Page, shades: str) -> None:
    """Where numbers went over the last runs, and how delivery goes."""
    for trend in verdict.trends:
        if told := of_trend(trend):
            line = draw([point.value for point in trend.points], LINE, shades)
            went = f"{figure(told.first)} → {figure(told.last)} in {told.count} runs"
            page.text(f"trend: {neutral(f'{trend.gate} {trend.metric}')} {went} {line}")
    if verdict.dora:
        where = neutral(verdict.dora.environment)
        page.text(f"delivery to {where}: {neutral(in_a_line(verdict.dora))}")


def _detail(ruling: Ruling, found: Sequence[Finding], page: _Page) -> None:
    advisory = "" if ruling.level == "required" else " (advisory)"
    page.text(f"{ruling.outcome}{advisory}: {neutral(ruling.reason)}", ruling.outcome)
    for note in ruling.notes:
        page.text(f"  note: {neutral(note)}", indent="    ")
    for other in [c for c in ruling.conditions if c.holds is False][1:]:
        page.text(f"  also: {_measured(other, 'needs')}", indent="    ")
    counted = [finding for finding in found if breaks(ruling, finding)]
    _list(counted, page)
    if len(counted) < len(found):
        others = len(found) - len(counted)
        page.text(f"  … and {others} by which no condition is broken", indent="    ")
    for line in ruling.log.splitlines():
        page.text(f"  | {neutral(line)}", indent="  | ")
    if ruling.owner:
        page.text(f"  owner: {neutral(ruling.owner)}", indent="    ")
    page.text(f"  alone: devops-gates run --gate {ruling.name}", indent="    ")
    if counted:
        page.text(f"  a finding: devops-gates explain {counted[0].fingerprint[:8]}", indent="    ")


def _list(found: Sequence[Finding], page: _Page) -> None:
    """The worst findings by file, and how many there are beside them."""
    files = list(dict.fromkeys(f.path for f in found[:SHOWN]))
    shown = sorted(found[:SHOWN], key=lambda f: files.index(f.path))  # stable: the worst first
    for path, some in groupby(shown, key=lambda f: f.path):
        rows = list(some)
        if path:
            page.text(f"  {neutral(path)}", indent="    ")
        for finding in rows:
            page.text(_line(finding), indent=" " * 8)
        more = sum(f.path == path for f in found) - len(rows)
        if more:
            where = neutral(path) if path else "no file"
            page.text(f"    … {more} more in {where}", indent=" " * 6)
    rest = [f for f in found[SHOWN:] if f.path not in files]
    if rest:
        others = len({f.path for f in rest})
        page.text(f"  … {len(rest)} more in {others} other {'file' if others == 1 else 'files'}")


def _line(finding: Finding) -> str:
    at = ":".join(str(n) for n in (finding.line, finding.line and finding.column) if n)
    state = "" if finding.state == "new" else f" ({finding.state})"
    message = shortened(finding.message, MESSAGE)
    told = f"{finding.rule} {finding.severity.value}{state}: {message}"
    return f"    {padded(at, 6)} {neutral(told)}"


TERMINAL = Reporter("terminal", render, about="what is shown at the end of a run")
