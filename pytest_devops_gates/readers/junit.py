"""``junit``: the XML of test results that runners of all languages write, in its many dialects.

There is no standard. Sources: https://github.com/testmoapp/junitxml, Jenkins's junit-10.xsd, and
https://maven.apache.org/surefire/maven-surefire-plugin/xsd/surefire-test-report.xsd
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

import msgspec

from pytest_devops_gates import markup
from pytest_devops_gates.errors import CannotTell
from pytest_devops_gates.evidence import Evidence, Finding, Rule, Severity
from pytest_devops_gates.gate import Output, Reader

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

SUITES = {"testsuites", "testsuite"}
TROUBLE = {"failure": "failed", "error": "error"}
PYTEST = {"pytest", "pytest tests"}
"""How pytest names its suite and its root."""
MESSAGE = 500
"""Characters kept of a failure's first line."""
PATH = 4096
"""Characters allowed in a path: that of a suite may serve 100,000 cases."""
RULES = (
    Rule(
        "failed",
        "A test failed: what it asserts does not hold.",
        "Mend the code, or the test where it asks for the wrong thing.",
    ),
    Rule(
        "error",
        "A test broke off: something beside what it asserts went wrong, its setup for example.",
        "The report of its runner tells where.",
    ),
)


class Case(msgspec.Struct):
    """One test, with all tries of it that the report lists."""

    title: str
    path: str | None
    said: str = ""
    failed: bool = False
    errored: bool = False
    skipped: bool = False
    rerun: bool = False
    seconds: float = 0.0

    def merge(self, other: Case) -> None:
        """Add a later try, or an error that a teardown added to a test that ended before."""
        self.said = self.said or other.said
        self.failed |= other.failed
        self.errored |= other.errored
        self.skipped |= other.skipped
        self.rerun = True
        self.seconds += other.seconds

    @property
    def bad(self) -> bool:
        return self.failed or self.errored


class Listed(msgspec.Struct):
    """How many elements of each kind stand below a suite."""

    tests: int = 0
    failures: int = 0
    errors: int = 0


class Report(msgspec.Struct):
    """What was read so far. ``unknown`` is the first contradiction in it."""

    by_pytest: bool
    cases: list[Case] = []
    tries: dict[tuple[int, str], Case] = {}
    unknown: str | None = None


def read(output: Output) -> Evidence:
    """The counts of cases, and a finding for each that failed or errored.

    Raises CannotTell for what is no such XML; a report that declares more than it lists is unknown.
    """
    root = markup.tree(output.written)
    if root.tag not in SUITES:
        raise CannotTell(f"wrote XML whose root is '{root.tag[:40]}', not 'testsuites'")
    suites = (suite for suite in root.iter() if suite.tag in SUITES)
    report = Report(by_pytest=any(suite.get("name") in PYTEST for suite in suites))
    _read_suite(root, root.get("file"), report)
    metrics = _metrics(report.cases)
    unknown = report.unknown
    if output.exit_code and not metrics["failed"]:
        unknown = unknown or f"exited with {output.exit_code} and lists no failed test"
    return Evidence.of(
        (_finding(case) for case in report.cases if case.bad),
        examined=int(metrics["tests"] - metrics["skipped"]),
        metrics=metrics,
        unknown=unknown,
        rules=RULES,
    )


def _read_suite(suite: Element, path: str | None, report: Report) -> Listed:
    """Read all cases below an element, at whatever depth they are."""
    if path and len(path) > PATH:
        raise CannotTell(f"names a file by more than {PATH} characters")
    listed = Listed()
    for child in suite:
        if child.tag == "testcase":
            case = _case(child, path, listed)
            _keep(case, suite, report)
        elif child.tag in TROUBLE:  # of the suite itself, as some runners tell a broken setup
            name = suite.get("name") or "the whole suite"
            case = Case(name, path, said=_first_line(child.get("message"), child.text))
            case.failed, case.errored = child.tag == "failure", child.tag == "error"
            listed.failures += case.failed
            listed.errors += case.errored
            report.cases.append(case)
        else:
            below = _read_suite(child, child.get("file") or path, report)
            listed.tests += below.tests
            listed.failures += below.failures
            listed.errors += below.errors
    if suite.tag in SUITES:
        report.unknown = report.unknown or _contradiction(suite, listed, report.by_pytest)
    return listed


def _keep(case: Case, suite: Element, report: Report) -> None:
    """Add a case. pytest lists a test several times when it was rerun or its teardown failed too;
    other runners have different tests of one name.
    """
    key = (id(suite), case.title)
    if report.by_pytest and key in report.tries:
        report.tries[key].merge(case)
        return
    if report.by_pytest:
        report.tries[key] = case
    report.cases.append(case)


def _case(element: Element, path: str | None, listed: Listed) -> Case:
    from junitparser import Error, Failure, Skipped, xunit2

    parsed = xunit2.TestCase.fromelem(element)  # type: ignore[no-untyped-call]
    name, classname = element.get("name", ""), element.get("classname", "")
    title = f"{classname}::{name}" if classname and classname != name else name
    case = Case(title or "a test without a name", element.get("file") or path)
    case.seconds = _seconds(element.get("time", ""))
    listed.tests += 1
    for result in parsed:
        if isinstance(result, (Failure, Error)):
            case.said = case.said or _first_line(result.message, result.text)
            case.failed |= isinstance(result, Failure)
            case.errored |= isinstance(result, Error)
            listed.failures += isinstance(result, Failure)
            listed.errors += isinstance(result, Error)
        case.skipped |= isinstance(result, Skipped)
        case.rerun |= isinstance(result, xunit2.InterimResult)
    # GoogleTest and others tell by attributes what has no element
    told = {element.get(name, "").lower() for name in ("status", "result")}
    case.skipped |= bool(told & {"notrun", "suppressed", "skipped", "disabled"})
    case.failed |= bool(told & {"failed", "failure"}) and not case.errored
    case.errored |= "error" in told
    return case


def _contradiction(suite: Element, listed: Listed, by_pytest: bool) -> str | None:
    """What a suite declares and does not list. To list more than is declared is common.

    pytest counts each passed subtest and each try of a rerun among its tests, and lists none or
    not all of them.
    """
    for name in ("tests", "failures", "errors"):
        text = suite.get(name, "").strip()
        if text and not re.fullmatch(r"\d{1,15}", text, re.ASCII):
            return f"the report declares {name}={text[:40]!r}, which is no count"
        told, found = int(text or 0), getattr(listed, name)
        if told > found and not (name == "tests" and by_pytest and found):
            return f"the report declares {told} {name} and lists {found}"
    return None


def _metrics(cases: Iterable[Case]) -> dict[str, float]:
    names = ("tests", "passed", "failed", "errors", "skipped", "flaky", "seconds")
    metrics: dict[str, float] = dict.fromkeys(names, 0)
    for case in cases:
        metrics["tests"] += 1
        metrics["failed"] += case.bad
        metrics["errors"] += case.errored
        metrics["skipped"] += case.skipped and not case.bad
        metrics["flaky"] += case.rerun and not case.bad and not case.skipped
        metrics["seconds"] += case.seconds
    metrics["passed"] = metrics["tests"] - metrics["failed"] - metrics["skipped"]
    return metrics


def _finding(case: Case) -> Finding:
    rule = TROUBLE["failure" if case.failed else "error"]
    message = f"{case.title}: {case.said}" if case.said else case.title
    return Finding(rule, message, Severity.HIGH, path=case.path or None)


def _first_line(*texts: str | None) -> str:
    """The first line with anything in it, cut where it is too long to be read."""
    for text in texts:
        start = (text or "").lstrip()[: 4 * MESSAGE]
        if start:
            line = start.splitlines()[0].rstrip()
            return line if len(line) <= MESSAGE else line[:MESSAGE] + "…"
    return ""


def _seconds(text: str) -> float:
    """A case's time, with commas between the thousands; 0 for what is no time."""
    try:
        seconds = float(text[:40].replace(",", ""))
    except ValueError:
        return 0.0
    return seconds if math.isfinite(seconds) and 0 <= seconds < 1e9 else 0.0


READER = Reader(
    name="junit",
    read=read,
    conditions={"failed": "== 0"},
    metrics=("tests", "passed", "failed", "errors", "skipped", "flaky", "seconds"),
)
