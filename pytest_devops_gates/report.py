"""A finished run as reporters see it, and what a reporter is. Pure.

Everything that two reports could tell differently is worked out here once: which finding is worse,
what was not checked, what a row of the summary says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from pathlib import PurePosixPath, PureWindowsPath

import msgspec

from pytest_devops_gates.evidence import Finding, Rule, Severity
from pytest_devops_gates.verdict import (
    FAIL,
    NOT_APPLICABLE,
    OFF,
    OUTCOMES,
    PASS,
    UNKNOWN,
    WARN,
    Counts,
    Ruling,
    Verdict,
)

STATES = ("new", "known", "waived")
SEVERITIES = tuple(severity.value for severity in Severity)
ANCHOR = "pyproject.toml"
LAST = 2**31 - 2
"""The last line or column that can be told, with one more that is its end."""


class FileCoverage(msgspec.Struct, frozen=True):
    """How much of one file was run. ``percent`` is coverage's own mix of lines and branches."""

    path: str
    percent: float
    statements: int
    missing: int
    branches: int = 0
    missing_branches: int = 0


class Unchecked(msgspec.Struct, frozen=True):
    """Something that this run says nothing about, and why."""

    what: str
    why: str


class Located(msgspec.Struct, frozen=True):
    """Where a finding is shown by what knows only files of the repository: ``path`` is relative to
    the repository's root, all numbers count from 1, and the end column is exclusive.

    One that has no place there is ``anchored`` to the first character of the project's
    pyproject.toml, and its message tells the place that the tool gave.
    """

    path: str
    line: int
    column: int
    end_line: int
    end_column: int
    message: str
    anchored: bool = False


class Report(msgspec.Struct, frozen=True):
    """Everything that a reporter may see.

    ``findings`` are those of the verdict, the worst first, and ``coverage`` the files with most
    left to run first. Text in it is as it came from outside: each reporter makes it harmless for
    its own format (see neutral.py).
    """

    verdict: Verdict
    findings: tuple[Finding, ...]
    coverage: tuple[FileCoverage, ...]
    unchecked: tuple[Unchecked, ...]
    counts: Counts
    rules: dict[tuple[str, str], Rule]

    @property
    def headline(self) -> str:
        """The verdict and the one reason that decided it."""
        return f"{self.verdict.verdict.upper()} · {self.verdict.reason}"

    def of_gate(self, name: str) -> tuple[Finding, ...]:
        """The findings of one gate, the worst first."""
        return tuple(finding for finding in self.findings if finding.gate == name)

    def rule(self, finding: Finding) -> Rule:
        """What is known of a finding's rule; no more than its name if nothing is."""
        known = self.rules.get((finding.gate, finding.rule))
        return known or Rule(finding.rule, gate=finding.gate)


class Reporter(msgspec.Struct, frozen=True):
    """One format of the report.

    ``render`` makes the text, the same for the same report, and decides nothing. ``file`` is its
    name in the run's folder; without one it is made on demand alone, by ``devops-gates report
    --format NAME``. With ``ci`` it is written by itself only there (``github`` or ``gitlab``).
    """

    name: str
    render: Callable[[Report], str]
    file: str = ""
    about: str = ""
    ci: str = ""


def make(verdict: Verdict, coverage: Iterable[FileCoverage] = ()) -> Report:
    """The report of a verdict."""
    return Report(
        verdict=verdict,
        findings=worst_first(verdict.findings, verdict.gates),
        coverage=tuple(
            sorted(coverage, key=lambda f: (-(f.missing + f.missing_branches), f.percent, f.path))
        ),
        unchecked=tuple(_unchecked(verdict)),
        counts=_counts(verdict.gates),
        rules={(rule.gate, rule.id): rule for rule in verdict.rules},
    )


def worst_first(findings: Iterable[Finding], rulings: Sequence[Ruling]) -> tuple[Finding, ...]:
    """Findings that count before those that do not, those that block first, and by severity."""
    blocking = {r.name for r in rulings if r.level == "required" and r.outcome in (FAIL, UNKNOWN)}
    severity = {name: at for at, name in enumerate(SEVERITIES)}
    state = {name: at for at, name in enumerate(STATES)}

    def key(f: Finding) -> tuple[int, bool, int, str, str, int, str, str]:
        place = (f.gate, f.path or "", f.line or 0, f.rule, f.fingerprint)
        return (state[f.state], f.gate not in blocking, severity[f.severity.value], *place)

    return tuple(sorted(findings, key=key))


def by_stage(verdict: Verdict) -> list[tuple[str, str, tuple[Ruling, ...]]]:
    """Each stage with its outcome and its gates, in the loop's order."""
    return [
        (stage.name, stage.outcome, tuple(r for r in verdict.gates if r.stage == stage.name))
        for stage in verdict.stages
    ]


def red(verdict: Verdict) -> tuple[Ruling, ...]:
    """The gates that somebody has to look at: what blocks first, then what warns."""
    found = [r for r in verdict.gates if r.outcome in (FAIL, UNKNOWN, WARN)]
    return tuple(sorted(found, key=lambda r: (r.level != "required", r.outcome == WARN)))


def is_idle(ruling: Ruling) -> bool:
    """Whether the gate was not asked anything here."""
    return ruling.outcome in (OFF, NOT_APPLICABLE)


def outcome_counts(verdict: Verdict) -> list[tuple[str, int]]:
    """How many gates came out how, the worst first, outcomes that no gate has left out."""
    outcomes = [ruling.outcome for ruling in verdict.gates]
    return [(outcome, outcomes.count(outcome)) for outcome in OUTCOMES if outcome in outcomes]


def place(finding: Finding) -> str:
    """``path:line:column``, as far as it is known."""
    known = [finding.path, finding.line, finding.column if finding.line else None]
    return ":".join(str(part) for part in known if part)


def located(verdict: Verdict, finding: Finding) -> Located:
    """The place of a finding in the repository, or the anchor for one that has none."""
    path = _below(verdict.project.folder, finding.path or "")
    if path is None:
        told = f"{place(finding)}: {finding.message}" if finding.path else finding.message
        return Located(anchor(verdict), 1, 1, 1, 2, told, anchored=True)
    line = _within(finding.line, 1)
    column = _within(finding.column if finding.line else None, 1)
    end_line = _within(finding.end_line if finding.line else None, line)
    least = column + 1 if end_line == line else 1
    end_column = _within(finding.end_column if finding.line else None, least)
    return Located(path, line, column, end_line, end_column, finding.message)


def anchor(verdict: Verdict) -> str:
    """The file that stands for the project where a report needs one, from the repository's root."""
    return _below(verdict.project.folder, ANCHOR) or ANCHOR


@lru_cache(maxsize=4096)
def _below(folder: str, path: str) -> str | None:
    """The path from the folder that ``folder`` is in; None where it leads out, on any system, or
    names no file.

    What findings.relative takes for outside always leads out: it is kept as it was given.
    """
    for part in (folder, path):
        windows = PureWindowsPath(part)
        if windows.drive or part.startswith("/") or ".." in windows.parts:
            return None
        if "://" in part or "\0" in part:
            return None
    return str(PurePosixPath(folder, path)) if PurePosixPath(path).parts else None


def _within(number: int | None, least: int) -> int:
    """A line or column that is no less than another, and that 32 bits hold, as its readers do."""
    return min(max(number or least, least), max(LAST, least))


def _counts(rulings: Iterable[Ruling]) -> Counts:
    found = [ruling.findings for ruling in rulings]
    return Counts(
        total=sum(c.total for c in found),
        new=sum(c.new for c in found),
        known=sum(c.known for c in found),
        waived=sum(c.waived for c in found),
    )


def _unchecked(verdict: Verdict) -> Iterable[Unchecked]:
    """What the run says nothing about, the weightiest first."""
    if not verdict.gates:
        yield Unchecked("everything", verdict.reason)
        return
    if not verdict.selection.complete:
        only = ", ".join(verdict.selection.stages)
        yield Unchecked("the whole", f"only a part of the gates or of the files was asked ({only})")
    for outcome in (UNKNOWN, OFF, NOT_APPLICABLE):
        for ruling in verdict.gates:
            if ruling.outcome == outcome:
                yield Unchecked(f"{ruling.name} ({outcome})", ruling.reason)
    for ruling in verdict.gates:
        if ruling.outcome == PASS and not ruling.conditions:
            yield Unchecked(ruling.name, "no limit is set: it shows its numbers only")
    for name, outcome, rulings in by_stage(verdict):
        if not rulings and outcome == OFF:
            yield Unchecked(f"the stage {name}", "no gate asks anything there")
    yield from _untested(verdict)


def _untested(verdict: Verdict) -> Iterable[Unchecked]:
    tests = verdict.tests
    for skip in tests.detail.skips:
        yield Unchecked(_tests(skip.tests, "skipped"), skip.reason)
    told = sum(skip.tests for skip in tests.detail.skips)
    if tests.skipped > told:
        yield Unchecked(_tests(tests.skipped - told, "skipped"), "for other reasons")
    if tests.deselected:
        yield Unchecked(_tests(tests.deselected, "deselected"), "by the project's own settings")
    if tests.xfailed:
        yield Unchecked(_tests(tests.xfailed, "xfailed"), "they are expected to fail, and did")


def _tests(count: int, what: str) -> str:
    return f"{count} {what} {'test' if count == 1 else 'tests'}"
