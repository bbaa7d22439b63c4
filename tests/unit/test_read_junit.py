"""The reader of JUnit XML, on reports of real runners and on small ones in the manner of others."""

from __future__ import annotations

from typing import Any
from xml.sax.saxutils import quoteattr

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_devops_gates.errors import CannotTell
from pytest_devops_gates.evidence import Evidence
from pytest_devops_gates.gate import Output
from pytest_devops_gates.readers.junit import READER, read
from tests.unit.samples import DATA, same_every_time


def saved(name: str, exit_code: int = 1) -> Evidence:
    return read(Output(exit_code, (DATA / name).read_bytes())).checked()


def told(text: str, exit_code: int = 0) -> Evidence:
    return read(Output(exit_code, text.encode())).checked()


def counts(found: Evidence) -> tuple[int, ...]:
    names = ("tests", "passed", "failed", "errors", "skipped", "flaky")
    return tuple(int(found.metrics[name]) for name in names)


PYTEST_ROWS = [
    ("failed", "test_all::test_fail: assert 1 == 2"),
    ("error", 'test_all::test_setup: failed on setup with "ValueError: setup'),
    ("failed", "test_all::test_double: AssertionError: call"),
    ("error", 'test_all::test_teardown: failed on teardown with "ValueError: teardown"'),
    ("failed", "test_all::test_param[<&>]: AssertionError: assert '<&>' != '<&>'"),
    ("failed", "test_all::test_xpass_strict: [XPASS(strict)]"),
    ("failed", "test_all::test_sub: assert (1 % 2) == 0"),
    ("failed", "test_all::test_sub_and_fail: assert 0"),
    ("failed", "test_all.T::test_usub: AssertionError: 0 != 1"),
    ("failed", "test_rerun::test_never: assert 0"),
]


@pytest.mark.parametrize("kind", ["", "-xdist", "-xunit1"])
def test_pytest_with_subtests_reruns_and_broken_teardowns(kind: str) -> None:
    """pytest declares 32 tests here, of 21, and lists 25 cases; all of that is one truth."""
    found = saved(f"pytest-9.2.0{kind}.xml")
    assert counts(found) == (21, 7, 10, 3, 4, 1)
    assert sorted((f.rule, f.message) for f in found.findings) == sorted(PYTEST_ROWS)
    assert (found.examined, found.unknown) == (17, None)
    assert {f.path for f in found.findings} == (
        {"test_all.py", "test_rerun.py"} if kind == "-xunit1" else {None}
    )


@pytest.mark.parametrize(
    ("name", "exit_code", "wanted", "examined"),
    [
        ("pytest-9.2.0-collect.xml", 1, (1, 0, 1, 1, 0, 0), 1),
        ("pytest-9.2.0-skipped.xml", 0, (3, 0, 0, 0, 3, 0), 0),
        ("pytest-9.2.0-none.xml", 0, (0, 0, 0, 0, 0, 0), 0),
        ("jest-junit-17.0.0.xml", 1, (4, 2, 1, 0, 1, 0), 3),
        ("jest-junit-17.0.0-suite-errors.xml", 1, (6, 2, 3, 1, 1, 0), 5),
        ("unittest-xml-reporting-4.0.0.xml", 1, (6, 1, 4, 1, 1, 0), 5),
    ],
)
def test_real_reports(name: str, exit_code: int, wanted: Any, examined: int) -> None:
    found = saved(name, exit_code)
    assert (counts(found), found.examined, found.unknown) == (wanted, examined, None)


def test_paths_and_messages_of_jest() -> None:
    (finding,) = saved("jest-junit-17.0.0.xml").findings
    assert finding.path == "a.test.js"
    assert finding.message == (
        "outer <b> inner fails: Error: expect(received).toBe(expected) // Object.is equality"
    )


SUREFIRE = """<?xml version="1.0" encoding="UTF-8"?>
<testsuite xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" version="3.0.2"
  xsi:noNamespaceSchemaLocation="https://maven.apache.org/surefire/surefire-test-report.xsd"
  name="com.example.AppTest" time="1,234.5" tests="4" errors="1" skipped="1" failures="0" flakes="1">
  <properties><property name="java.version" value="21"/></properties>
  <testcase name="flaky" classname="com.example.AppTest" time="1,000.5">
    <flakyFailure message="first" type="java.lang.AssertionError"><stackTrace>at</stackTrace></flakyFailure>
  </testcase>
  <testcase name="never" classname="com.example.AppTest" time="0.5">
    <error message="boom&#10;at line" type="java.lang.RuntimeException">x</error>
    <rerunError message="boom" type="java.lang.RuntimeException"><stackTrace>at</stackTrace></rerunError>
  </testcase>
  <testcase name="off" classname="com.example.AppTest" time="0"><skipped message="x"/></testcase>
  <testcase name="fine" classname="com.example.AppTest" time="0.001"><system-out><![CDATA[<!DOCTYPE html>]]></system-out></testcase>
</testsuite>"""

GOTESTSUM = """<?xml version="1.0" encoding="UTF-8"?>
<testsuites tests="3" failures="1" errors="0" time="0.5">
  <testsuite tests="2" failures="1" time="0.01" name="example.com/a" timestamp="2026-01-01T00:00:00Z">
    <properties><property name="go.version" value="go1.25"></property></properties>
    <testcase classname="example.com/a" name="TestA" time="0.000000"></testcase>
    <testcase classname="example.com/a" name="TestB/sub_case" time="0.000000">
      <failure message="Failed" type="">=== RUN TestB&#xA;</failure>
    </testcase>
  </testsuite>
  <testsuite tests="1" failures="0" time="0" name="example.com/b" timestamp="2026-01-01T00:00:00Z">
    <testcase classname="" name="TestMain" time="0"></testcase>
  </testsuite>
</testsuites>"""

PHPUNIT = """<?xml version="1.0" encoding="UTF-8"?>
<testsuites>
  <testsuite name="phpunit.xml" tests="3" assertions="3" errors="0" failures="1" skipped="0" time="0.01">
    <testsuite name="Unit" tests="3" assertions="3" errors="0" failures="1" skipped="0" time="0.01">
      <testsuite name="ATest" file="/project/tests/ATest.php" tests="3" assertions="3" errors="0" failures="1" skipped="0" time="0.01">
        <testsuite name="ATest::testData" tests="2" assertions="2" errors="0" failures="1" skipped="0" time="0.005">
          <testcase name="testData with data set #0" class="ATest" classname="ATest" assertions="1" time="0.002"/>
          <testcase name="testData with data set #1" class="ATest" classname="ATest" assertions="1" time="0.003">
            <failure type="PHPUnit\\Framework\\ExpectationFailedException">

ATest::testData with data set #1
Failed asserting that false is true.</failure>
          </testcase>
        </testsuite>
        <testcase name="testOther" file="/project/tests/Other.php" line="9" class="ATest" classname="ATest" assertions="1" time="0.005"/>
      </testsuite>
    </testsuite>
  </testsuite>
</testsuites>"""


@pytest.mark.parametrize(
    ("text", "wanted", "rows"),
    [
        (SUREFIRE, (4, 2, 1, 1, 1, 1), [("error", None, "com.example.AppTest::never: boom")]),
        (GOTESTSUM, (3, 2, 1, 0, 0, 0), [("failed", None, "example.com/a::TestB/sub_case: Failed")]),
        (PHPUNIT, (3, 2, 1, 0, 0, 0), [("failed", "/project/tests/ATest.php", "ATest::testData with data set #1: ATest::testData with data set #1")]),
    ],
    ids=["surefire", "gotestsum", "phpunit"],
)  # fmt: skip
def test_dialects(text: str, wanted: Any, rows: list[Any]) -> None:
    found = told(text, exit_code=1)
    assert (counts(found), found.unknown) == (wanted, None)
    assert [(f.rule, f.path, f.message) for f in found.findings] == rows


def test_seconds_are_those_of_the_cases() -> None:
    assert told(SUREFIRE).metrics["seconds"] == pytest.approx(1001.001)


@pytest.mark.parametrize("time", ["", "NaN", "inf", "-1", "1e400", "1e308", "soon", "9" * 5000])
def test_what_is_no_time_counts_as_none(time: str) -> None:
    found = told(f'<testsuite><testcase name="a" time="{time}"/><testcase time="2"/></testsuite>')
    assert found.metrics["seconds"] == 2


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('<testsuite failures="1"><testcase/></testsuite>', "declares 1 failures and lists 0"),
        ('<testsuite errors="2"><testcase><error/></testcase></testsuite>', "declares 2 errors and lists 1"),
        ('<testsuite tests="3"><testcase/></testsuite>', "declares 3 tests and lists 1"),
        ('<testsuites tests="3"><testsuite tests="1"><testcase/></testsuite></testsuites>', "declares 3 tests and lists 1"),
        ('<testsuites><testsuite/><testsuite errors="1"/></testsuites>', "declares 1 errors and lists 0"),
        ('<testsuites name="pytest tests"><testsuite name="pytest" tests="9"/></testsuites>', "declares 9 tests and lists 0"),
        ('<testsuites name="pytest tests"><testsuite name="pytest" tests="9" failures="1"><testcase/></testsuite></testsuites>', "declares 1 failures and lists 0"),
        ('<testsuite tests="many"><testcase/></testsuite>', "declares tests='many', which is no count"),
        ('<testsuite tests="-1"><testcase/></testsuite>', "declares tests='-1', which is no count"),
        (f'<testsuite tests="{"9" * 5000}"><testcase/></testsuite>', "which is no count"),
    ],
)  # fmt: skip
def test_a_report_that_contradicts_itself_is_unknown(text: str, reason: str) -> None:
    assert reason in (told(text).unknown or "")


def test_failures_of_a_report_that_contradicts_itself_are_kept() -> None:
    found = told('<testsuite tests="9"><testcase><failure/></testcase></testsuite>')
    assert found.unknown
    assert found.metrics["failed"] == 1


def test_an_exit_code_that_no_failure_explains_is_unknown() -> None:
    text = "<testsuite><testcase/></testsuite>"
    assert told(text, exit_code=1).unknown == "exited with 1 and lists no failed test"
    assert told(text).unknown is None


def test_a_failure_of_a_suite_itself_counts() -> None:
    found = told('<testsuite name="s" errors="1"><error message="setup"/><testcase/></testsuite>')
    assert counts(found) == (2, 1, 1, 1, 0, 0)
    assert found.findings[0].message == "s: setup"


def test_names_that_repeat_are_different_tests_but_in_pytest() -> None:
    cases = '<testcase name="a"/><testcase name="a"><failure/></testcase><testcase name="a"/>'
    assert counts(told(f'<testsuite name="x">{cases}</testsuite>')) == (3, 2, 1, 0, 0, 0)
    assert counts(told(f'<testsuite name="pytest">{cases}</testsuite>')) == (1, 0, 1, 0, 0, 0)
    shards = f'<testsuite name="pytest">{cases}</testsuite>' * 2
    assert counts(told(f"<testsuites>{shards}</testsuites>")) == (2, 0, 2, 0, 0, 0)


def test_cases_in_elements_of_other_names_are_not_lost() -> None:
    found = told("<testsuites><group><testcase><failure/></testcase></group></testsuites>")
    assert found.metrics["failed"] == 1


def test_a_long_first_line_is_cut() -> None:
    (finding,) = told(f'<testsuite><testcase name="a"><failure message="{"x" * 10**6}"/></testcase></testsuite>').findings  # fmt: skip
    assert finding.message == "a: " + "x" * 500 + "…"


def test_another_root_is_no_report() -> None:
    with pytest.raises(CannotTell, match="root is 'coverage'"):
        told("<coverage/>")


def test_defaults() -> None:
    assert (READER.conditions, READER.accepts) == ({"failed": "== 0"}, (0, 1))


CHILDREN = {
    "passed": "",
    "failed": "<failure/>",
    "errors": "<error/>",
    "skipped": "<skipped/>",
    "flaky": "<flakyFailure/>",
}
xml_text = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff")
)
suites = st.lists(st.lists(st.tuples(st.sampled_from(sorted(CHILDREN)), xml_text), max_size=8))


@same_every_time
@given(suites, st.booleans())
def test_counts_come_back(drawn: list[list[tuple[str, str]]], nested: bool) -> None:
    text = "<testsuites>"
    for cases in drawn:
        kinds = [kind for kind, _ in cases]
        text += f'<testsuite tests="{len(cases)}" failures="{kinds.count("failed")}" errors="{kinds.count("errors")}">'
        text += "<testsuite>" if nested else ""
        text += "".join(
            f"<testcase name={quoteattr(name)}>{CHILDREN[kind]}</testcase>" for kind, name in cases
        )
        text += "</testsuite></testsuite>" if nested else "</testsuite>"
    found = told(text + "</testsuites>")
    kinds = [kind for cases in drawn for kind, _ in cases]
    number = {kind: kinds.count(kind) for kind in CHILDREN}
    bad = number["failed"] + number["errors"]
    assert counts(found) == (len(kinds), number["passed"] + number["flaky"], bad, number["errors"], number["skipped"], number["flaky"])  # fmt: skip
    assert len(found.findings) == bad
    assert found.examined == len(kinds) - number["skipped"]
    assert found.unknown is None


@pytest.mark.parametrize(
    ("attributes", "counts"),
    [
        ('status="notrun" result="suppressed"', (0, 0, 1)),
        ('status="disabled"', (0, 0, 1)),
        ('status="failed"', (1, 0, 0)),
        ('result="error"', (1, 1, 0)),
        ('status="run" result="completed"', (0, 0, 0)),
    ],
)
def test_what_is_told_by_attributes_alone(attributes: str, counts: tuple[int, int, int]) -> None:
    text = f'<testsuite><testcase name="a" {attributes}/><testcase name="b"/></testsuite>'
    evidence = READER.read(Output(exit_code=0, stdout=text.encode()))
    metrics = evidence.metrics
    assert (metrics["failed"], metrics["errors"], metrics["skipped"]) == counts
