"""junit.xml and junit-gitlab.xml: red where the verdict is no pass, and readable everywhere."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import product
from typing import Any
from xml.etree import ElementTree

import junitparser
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from junitparser import xunit2
from lxml import etree

from pytest_devops_gates import policy
from pytest_devops_gates.evidence import Finding, Receipt, Severity
from pytest_devops_gates.gate import Output
from pytest_devops_gates.neutral import visible, xml
from pytest_devops_gates.readers import junit as reader
from pytest_devops_gates.report import Report, make
from pytest_devops_gates.reporters.junit import SHOWN, render, render_for_gitlab
from pytest_devops_gates.stage import Stage
from pytest_devops_gates.verdict import Counts, Measured, ProjectName, Ruling, TestCounts
from tests.reports.samples import NASTY, everywhere, is_visible
from tests.reports.tools import JUNIT_XSD, tool
from tests.unit.samples import any_text, ruling, same_every_time, verdict

BOTH = pytest.mark.parametrize("dialect", [render, render_for_gitlab])
OUTCOMES = ("pass", "warn", "fail", "unknown", "not-applicable", "off")
LEVELS = ("required", "advisory", "off")


def read(made: Report, dialect: Callable[[Report], str] = render) -> Any:
    """As junitparser reads it, after a look at its counts."""
    written = dialect(made)
    assert written == dialect(made)
    root = xunit2.JUnitXml.fromstring(written.encode("utf-8"))
    counted = [root.tests, root.failures, root.errors]
    for suite in root:
        told = [suite.tests, suite.failures, suite.errors, suite.skipped]
        suite.update_statistics()
        assert told == [suite.tests, suite.failures, suite.errors, suite.skipped]
    root.update_statistics()
    assert counted == [root.tests, root.failures, root.errors]
    return root


def cases(made: Report, dialect: Callable[[Report], str] = render) -> list[Any]:
    return [case for suite in read(made, dialect) for case in suite]


def is_red(made: Report, dialect: Callable[[Report], str] = render) -> bool:
    root = read(made, dialect)
    return bool(root.failures + root.errors)


def only(gate: Ruling, *found: Finding) -> Any:
    """The case of a gate, in a run that passed otherwise."""
    (case,) = cases(make(verdict(gate, findings=found, verdict="pass")))
    return case


def kind(case: Any) -> str:
    (told,) = [type(result).__name__ for result in case.result] or ["Passed"]
    return told


# the verdict


@pytest.mark.parametrize(
    ("outcome", "level", "expected"),
    [
        ("pass", "required", "Passed"),
        ("warn", "required", "Passed"),
        ("fail", "required", "Failure"),
        ("unknown", "required", "Error"),
        ("not-applicable", "required", "Skipped"),
        ("off", "required", "Skipped"),
        ("pass", "advisory", "Passed"),
        ("warn", "advisory", "Passed"),
        ("fail", "advisory", "Skipped"),
        ("unknown", "advisory", "Skipped"),
        ("not-applicable", "advisory", "Skipped"),
        ("off", "off", "Skipped"),
    ],
)
def test_outcomes(outcome: str, level: str, expected: str) -> None:
    assert kind(only(ruling(outcome=outcome, level=level))) == expected


gates = st.lists(
    st.builds(
        lambda name, stage, level, outcome, judged: ruling(
            name, stage=stage, level=level, outcome=outcome, conditions=judged
        ),
        st.sampled_from("abcdefgh"),
        st.sampled_from([stage.value for stage in Stage]),
        st.sampled_from(LEVELS),
        st.sampled_from(OUTCOMES),
        st.sampled_from([(), (Measured("m", "==", 0),)]),
    ),
    unique_by=lambda gate: gate.name,
)


@given(gates)
@same_every_time
def test_it_is_red_where_the_verdict_is_no_pass(rulings: list[Ruling]) -> None:
    answer = policy.answer(rulings)
    made = make(verdict(*rulings, verdict=answer.verdict, reason=answer.reason))
    assert is_red(made) == is_red(made, render_for_gitlab) == (answer.verdict != "pass")
    root = read(made)
    assert bool(root.failures) == (answer.verdict == "fail")


@BOTH
@pytest.mark.parametrize(("outcome", "expected"), [("fail", "Failure"), ("unknown", "Error")])
@pytest.mark.parametrize("rulings", [(), (ruling(),), (ruling(outcome="fail", level="advisory"),)])
def test_what_no_gate_says_a_case_of_its_own_says(
    dialect: Callable[[Report], str], outcome: str, expected: str, rulings: tuple[Ruling, ...]
) -> None:
    made = make(verdict(*rulings, verdict=outcome, reason="interrupted by SIGINT"))
    *_, last = cases(made, dialect)
    assert (last.classname, last.name, kind(last)) == ("devops-gates.verdict", "verdict", expected)
    assert last.result[0].message == "interrupted by SIGINT"
    assert last.result[0].text == f"{outcome.upper()} · interrupted by SIGINT"


# what is told


def test_suites_are_stages_and_cases_gates() -> None:
    rulings = [
        ruling("lint", receipt=Receipt("ruff", seconds=0.0314)),
        ruling("format", outcome="off", reason="not selected"),
        ruling("tests", stage="test", receipt=Receipt("pytest", seconds=61)),
    ]
    root = read(make(verdict(*rulings, verdict="pass")))
    assert [(suite.name, suite.tests, suite.time) for suite in root] == [
        ("develop", 2, 0.031),
        ("test", 1, 61.0),
    ]
    rows = [(case.classname, case.name, case.time) for suite in root for case in suite]
    assert rows == [
        ("devops-gates.develop", "lint", 0.031),
        ("devops-gates.develop", "format", 0.0),
        ("devops-gates.test", "tests", 61.0),
    ]
    assert {suite.timestamp for suite in root} == {"2026-01-02T03:04:05Z"}


def test_the_run_stands_with_each_suite() -> None:
    gate = ruling(findings=Counts(total=3, new=1, known=1, waived=1))
    tests = TestCounts(collected=9, passed=7, failed=2, complete=True)
    made = msgspec.structs.replace(verdict(gate, reason="why <not>"), commit="c0ffee", tests=tests)
    (suite, _) = read(make(made))
    told = {each.name: each.value for each in suite.properties()}
    assert told["verdict"] == "fail"
    assert told["reason"] == "why <not>"
    assert (told["run_id"], told["commit"], told["profile"]) == ("1", "c0ffee", "merge")
    names = ("total", "new", "known", "waived")
    assert [told[f"findings.{name}"] for name in names] == ["3", "1", "1", "1"]
    names = ("collected", "passed", "failed", "complete")
    assert [told[f"tests.{name}"] for name in names] == ["9", "7", "2", "true"]


FOUND = (
    Finding("F401", "unused", path="b.py", line=2, gate="lint"),
    Finding("F821", "undefined", Severity.HIGH, path="c.py", gate="lint", state="known"),
    Finding("TREE", "no place", Severity.LOW, gate="lint"),
    Finding("B602", "of another gate", gate="bandit"),
)
SAID = """\
lint: no
note: a note
b.py:2: F401 medium: unused
TREE low: no place
c.py: F821 high (known): undefined
| what it
| printed
alone: devops-gates run --gate lint"""


@pytest.mark.parametrize("outcome", ["fail", "unknown"])
def test_what_is_red_is_told_in_full(outcome: str) -> None:
    gate = ruling(outcome=outcome, reason="lint: no", notes=("a note",), log="what it\nprinted")
    (result,) = only(gate, *FOUND).result
    assert (result.message, result.text) == ("lint: no", SAID)


@pytest.mark.parametrize(("outcome", "level"), [("warn", "required"), *product(["fail", "unknown"], ["advisory"])])  # fmt: skip
def test_so_is_what_only_warns(outcome: str, level: str) -> None:
    gate = ruling(outcome=outcome, level=level, reason="lint: no", notes=("a note",), log="what it\nprinted")  # fmt: skip
    case = only(gate, *FOUND)
    assert case.system_out == SAID
    if level == "advisory":
        assert case.result[0].message == f"advisory: {outcome}: lint: no"


def test_a_pass_says_what_was_measured_and_a_skip_why() -> None:
    assert only(ruling(reason="lint: 3 examined", notes=("n",))).system_out == "lint: 3 examined\nn"
    skipped = only(ruling(outcome="not-applicable", reason="no Python here"))
    assert (skipped.result[0].message, skipped.system_out) == ("no Python here", None)


def test_findings_beyond_the_first_are_counted() -> None:
    found = [Finding("R", f"n{n}", path="a.py", line=n + 1, gate="lint") for n in range(1_000)]
    (result,) = only(ruling(outcome="fail"), *found).result
    lines = result.text.splitlines()
    assert lines[1] == "a.py:1: R medium: n0"
    assert (len(lines), lines[-2]) == (SHOWN + 3, f"… {1_000 - SHOWN} more")


@pytest.mark.parametrize(
    ("path", "expected"),
    [("src/a.py", "core/src/a.py"), ("../../x", "core/pyproject.toml"), (None, "core/pyproject.toml")],
)  # fmt: skip
def test_gitlab_gets_the_file_of_the_worst_finding(path: str | None, expected: str) -> None:
    worst = Finding("R", "m", Severity.HIGH, path=path, gate="lint")
    found = (Finding("R", "m", path="other.py", gate="lint"), worst)
    gates = (ruling(outcome="fail"), ruling("format"))
    made = make(verdict(*gates, findings=found, project=ProjectName(folder="core")))
    first, second = ElementTree.fromstring(render_for_gitlab(made)).iter("testcase")
    assert (first.get("file"), second.get("file")) == (expected, "core/pyproject.toml")
    assert "file=" not in render(made)


# hostile text


def breaks_out_of_nowhere(text: str) -> None:
    made = make(everywhere(text))
    plain = make(everywhere("x"))
    for dialect in (render, render_for_gitlab):
        written = dialect(made)
        written.encode("utf-8")
        assert not re.search(r"\[\[ATTACHMENT", written, re.IGNORECASE)
        tree = ElementTree.fromstring(written)
        assert tags(tree) == tags(ElementTree.fromstring(dialect(plain)))
        for element in tree.iter():
            told = (element.text or "").replace("\n", ""), *element.attrib.values()
            assert all(map(is_visible, told))
        told = {each.get("value") for each in tree.iter("property") if each.get("name") == "reason"}
        assert told == {xml(text)}
        assert "[[" in text or xml(text) == visible(text)


def tags(tree: Any) -> list[str]:
    return [element.tag for element in tree.iter()]


@pytest.mark.parametrize("text", [text for text in NASTY if text.strip()])
def test_hostile_text_stays_text(text: str) -> None:
    breaks_out_of_nowhere(text)


@given(any_text)
@same_every_time
def test_any_text_stays_text(text: str) -> None:
    breaks_out_of_nowhere(text)


# other readers


def jenkins() -> etree.XMLSchema:
    return etree.XMLSchema(etree.parse(str(tool(JUNIT_XSD))))


@pytest.mark.parametrize("text", NASTY)
def test_jenkins_takes_it(text: str) -> None:
    jenkins().assertValid(etree.fromstring(render(make(everywhere(text))).encode("utf-8")))


@pytest.mark.parametrize(
    "seconds", [0.0, 1e-9, 0.0005, 59.9996, 12_345.678, 1e15, 1e300, -1.0, float("inf")]
)
def test_jenkins_takes_all_times(seconds: float) -> None:
    made = make(verdict(ruling(receipt=Receipt("t", seconds=seconds))))
    jenkins().assertValid(etree.fromstring(render(made).encode("utf-8")))


def test_jenkins_takes_no_files() -> None:
    schema = etree.XMLSchema(etree.parse(str(tool(JUNIT_XSD))))
    assert not schema.validate(
        etree.fromstring(render_for_gitlab(make(verdict(ruling()))).encode())
    )


@BOTH
def test_it_is_the_same_with_and_without_lxml(
    dialect: Callable[[Report], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = [make(everywhere(text)) for text in (*NASTY, "ü\t\n\"'&<>")]
    written = []
    for library in (etree, ElementTree):
        monkeypatch.setattr(junitparser.junitparser, "etree", library)
        written.append([dialect(each) for each in made])
    assert written[0] == written[1]


@BOTH
def test_our_own_reader_sees_the_same(dialect: Callable[[Report], str]) -> None:
    gates = (
        ruling("lint", outcome="fail", reason="lint: no"),
        ruling("tests", stage="test", outcome="unknown", reason="tests: cut short"),
        ruling("format", outcome="fail", level="advisory"),
        ruling("tree"),
    )
    written = dialect(make(verdict(*gates))).encode("utf-8")
    found = reader.read(Output(1, written)).checked()
    assert found.unknown is None
    counted = {name: found.metrics[name] for name in ("tests", "failed", "errors", "skipped")}
    assert counted == {"tests": 4, "failed": 2, "errors": 1, "skipped": 1}
    assert [f.message for f in found.findings] == [
        "devops-gates.develop::lint: lint: no",
        "devops-gates.test::tests: tests: cut short",
    ]
