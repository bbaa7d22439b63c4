"""junit.xml and junit-gitlab.xml: the gates as test cases, a suite for each stage.

The first is what Jenkins's schema takes, like pytest's own ``xunit2``:
https://github.com/jenkinsci/xunit-plugin/blob/xunit-2.3.2/src/main/resources/org/jenkinsci/plugins/xunit/types/model/xsd/junit-10.xsd
The second tells the file of each case as well, which that schema refuses and GitLab shows:
https://docs.gitlab.com/ci/testing/unit_test_reports/

Red where the verdict is no pass, and only there: what is advisory becomes a skipped case that says
what came out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from pytest_devops_gates.ci import GITLAB
from pytest_devops_gates.evidence import Finding
from pytest_devops_gates.findings import shortened
from pytest_devops_gates.neutral import xml
from pytest_devops_gates.report import (
    Report,
    Reporter,
    anchor,
    by_stage,
    is_idle,
    located,
    place,
)
from pytest_devops_gates.verdict import FAIL, PASS, WARN, Ruling, Verdict

SHOWN = 100
"""Findings, and lines of a tool's output, that are listed for one gate."""
TEXT = 1_000
"""Characters of one text."""
LONGEST = 10.0**9
"""Seconds beyond which no time is believed: the schema takes no exponent."""

_RED = ("failure", "error")


class Case(msgspec.Struct, frozen=True):
    """What is told of one gate. ``kind`` is the element that says how it came out: ``failure``,
    ``error``, ``skipped``, or none for a pass."""

    name: str
    stage: str
    kind: str
    message: str
    said: tuple[str, ...] = ()
    seconds: float = 0.0
    file: str = ""


def render(report: Report) -> str:
    """The report in Jenkins's dialect."""
    return _write(report, with_files=False)


def render_for_gitlab(report: Report) -> str:
    """The report in GitLab's dialect."""
    return _write(report, with_files=True)


# what is told


def _suites(report: Report) -> list[tuple[str, list[Case]]]:
    """The cases by stage; a suite ``verdict`` says what no gate says."""
    verdict = report.verdict
    findings: dict[str, list[Finding]] = {}
    for finding in report.findings:
        findings.setdefault(finding.gate, []).append(finding)
    suites = [
        (stage, [_case(verdict, ruling, findings.get(ruling.name, ())) for ruling in rulings])
        for stage, _, rulings in by_stage(verdict)
        if rulings
    ]
    red = any(case.kind in _RED for _, cases in suites for case in cases)
    if verdict.verdict != PASS and not red:
        kind = "failure" if verdict.verdict == FAIL else "error"
        said = (report.headline,)
        whole = Case("verdict", "verdict", kind, verdict.reason, said, file=anchor(verdict))
        suites.append(("verdict", [whole]))
    return suites


def _case(verdict: Verdict, ruling: Ruling, found: Sequence[Finding]) -> Case:
    kind, message, said = "", ruling.reason, _details(ruling, found)
    if is_idle(ruling):
        kind, said = "skipped", ()
    elif ruling.outcome == PASS:
        said = (ruling.reason, *ruling.notes)
    elif ruling.outcome != WARN:
        kind = "failure" if ruling.outcome == FAIL else "error"
        if ruling.level != "required":
            kind, message = "skipped", f"{ruling.level}: {ruling.outcome}: {ruling.reason}"
    seconds = ruling.receipt.seconds if ruling.receipt else 0.0
    file = located(verdict, found[0]).path if found else anchor(verdict)
    return Case(ruling.name, ruling.stage, kind, message, said, seconds, file)


def _details(ruling: Ruling, found: Sequence[Finding]) -> tuple[str, ...]:
    """The reason first, for whoever shows nothing but this."""
    lines = [ruling.reason, *(f"note: {note}" for note in ruling.notes)]
    lines += map(_line, found[:SHOWN])
    if len(found) > SHOWN:
        lines.append(f"… {len(found) - SHOWN} more")
    lines += (f"| {line}" for line in ruling.log.splitlines()[-SHOWN:])
    return (*lines, f"alone: devops-gates run --gate {ruling.name}")


def _line(finding: Finding) -> str:
    state = "" if finding.state == "new" else f" ({finding.state})"
    told = f"{finding.rule} {finding.severity.value}{state}: {finding.message}"
    return f"{place(finding)}: {told}" if finding.path else told


def _properties(report: Report) -> Iterator[tuple[str, object]]:
    verdict, tests = report.verdict, report.verdict.tests
    yield "verdict", verdict.verdict
    yield "reason", verdict.reason
    yield "exit_status", verdict.exit_status
    yield "profile", verdict.profile
    yield "complete", str(verdict.selection.complete).lower()
    yield "run_id", verdict.run_id
    yield "commit", verdict.commit or ""
    for name in ("total", "new", "known", "waived"):
        yield f"findings.{name}", getattr(report.counts, name)
    for name in ("collected", "deselected", "passed", "failed", "errors", "skipped"):
        yield f"tests.{name}", getattr(tests, name)
    for name in ("xfailed", "xpassed", "rerun", "flaky", "altered"):
        yield f"tests.{name}", getattr(tests, name)
    yield "tests.complete", str(tests.complete).lower()


# how it is written


def _write(report: Report, *, with_files: bool) -> str:
    """The XML, as junitparser makes it.

    That writes with lxml where it happens to be installed, and otherwise without: only the
    canonical form is the same everywhere.
    """
    from xml.etree.ElementTree import canonicalize

    from junitparser import xunit2  # loaded when it is used

    library: Any = xunit2  # without types
    root = library.JUnitXml("devops-gates")
    for name, cases in _suites(report):
        suite = library.TestSuite(xml(name))
        suite.timestamp = xml(report.verdict.started)
        for key, value in _properties(report):
            suite.add_property(key, xml(str(value)))
        suite.extend([_element(case, with_files=with_files) for case in cases])
        root.append(suite)
    root.update_statistics()
    made = canonicalize(root.tostring().decode("utf-8"))
    return f'<?xml version="1.0" encoding="utf-8"?>\n{made}\n'


def _element(case: Case, *, with_files: bool) -> Any:
    from junitparser import Attr, Error, Failure, Skipped, xunit2

    class TestCase(xunit2.TestCase):
        file = Attr()

    seconds = round(case.seconds, 3) if 0 <= case.seconds < LONGEST else 0.0
    element: Any = TestCase(xml(case.name), f"devops-gates.{xml(case.stage)}", seconds)
    if with_files:
        element.file = xml(case.file)
    said = "\n".join(_text(line) for line in case.said)
    if case.kind:
        kind = {"failure": Failure, "error": Error, "skipped": Skipped}[case.kind]
        result = kind(_text(case.message), "devops-gates")
        element.append(result)
        if case.kind in _RED:
            result.text = said
            return element
    if said:
        element.system_out = said
    return element


def _text(text: str) -> str:
    return shortened(xml(text), TEXT) or "no reason is known"


_CI = "the gates as test cases, for"
JUNIT = Reporter("junit", render, file="junit.xml", about=f"{_CI} Jenkins and others (JUnit)")
JUNIT_GITLAB = Reporter(
    "junit-gitlab",
    render_for_gitlab,
    file="junit-gitlab.xml",
    about=f"{_CI} GitLab (JUnit with files)",
    ci=GITLAB,
)
