"""code-quality.json: what GitLab asks for is there, and what is told is true."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given

from pytest_devops_gates.evidence import Finding, Severity
from pytest_devops_gates.gate import Output
from pytest_devops_gates.neutral import visible
from pytest_devops_gates.readers import gitlab_code_quality as reader
from pytest_devops_gates.report import Report, make
from pytest_devops_gates.reporters.code_quality import TEXT, render
from pytest_devops_gates.verdict import ProjectName
from tests.reports.samples import NASTY, everywhere, is_visible, many, report
from tests.unit.samples import any_text, ruling, same_every_time, verdict


def issues(made: Report) -> list[Any]:
    """The issues, after a look at the rules of GitLab."""
    written = render(made)
    assert written == render(made)
    assert written.isascii()
    assert written.startswith("[")
    found: list[Any] = json.loads(written)
    assert len({issue["fingerprint"] for issue in found}) == len(found)
    for issue in found:
        assert issue.keys() == {"description", "check_name", "fingerprint", "severity", "location"}
        assert issue["description"].strip()
        assert issue["check_name"].strip()
        assert issue["fingerprint"].strip()
        assert issue["severity"] in {"info", "minor", "major", "critical", "blocker"}
        path = issue["location"]["path"]
        assert path
        assert not path.startswith(("/", "./"))
        assert ".." not in path.split("/")
        assert issue["location"]["lines"]["begin"] >= 1
    return found


def test_an_issue() -> None:
    found = Finding("F401", "unused", path="src/a.py", line=3, fingerprint="f1")
    assert issues(report(found, project=ProjectName(folder="core"))) == [
        {
            "description": "unused",
            "check_name": "lint/F401",
            "fingerprint": "f1",
            "severity": "major",
            "location": {"path": "core/src/a.py", "lines": {"begin": 3}},
        }
    ]


@pytest.mark.parametrize(
    ("severity", "expected"),
    [
        ("critical", "blocker"),
        ("high", "critical"),
        ("medium", "major"),
        ("low", "minor"),
        ("info", "info"),
    ],
)
def test_severities(severity: str, expected: str) -> None:
    (issue,) = issues(report(Finding("R", "m", Severity(severity))))
    assert issue["severity"] == expected


@pytest.mark.parametrize("path", [None, "../../etc/passwd", "/etc/passwd", "C:\\x", "file:///x"])
def test_what_lies_elsewhere_is_kept(path: str | None) -> None:
    (issue,) = issues(report(Finding("R", "message", path=path, line=9)))
    assert issue["location"] == {"path": "pyproject.toml", "lines": {"begin": 1}}
    assert issue["description"] == (f"{path}:9: message" if path else "message")


def test_waived_findings_are_left_out() -> None:
    found = [Finding("A", "m"), Finding("B", "m", state="waived"), Finding("C", "m", state="known")]
    assert [issue["check_name"] for issue in issues(report(*found))] == ["lint/A", "lint/C"]


def test_no_two_have_the_same_fingerprint() -> None:
    same = [Finding("R", "m", fingerprint=print_) for print_ in ("f1", "f1", "f1", "", "")]
    others = (msgspec.structs.replace(same[0], gate="bandit"), Finding("R", "m", gate="bandit"))
    found = issues(report(*same, *others))
    assert len(found) == 7
    assert [issue["fingerprint"] for issue in found].count("f1") == 1


def test_nothing_found_is_an_empty_list() -> None:
    assert render(make(verdict())) == "[]\n"


def test_all_of_many_are_there() -> None:
    assert len(issues(many(30_000))) == 30_000


def breaks_out_of_nowhere(text: str) -> None:
    found = issues(make(everywhere(text)))
    assert [issue["check_name"][-15:] for issue in found].count("/could-not-tell") == 1
    assert len(found) == 5
    for issue in found:
        assert set(issue["location"]) == {"path", "lines"}
        told = issue["description"], issue["check_name"], issue["fingerprint"]
        assert all(map(is_visible, (*told, issue["location"]["path"])))
        assert all(len(each) <= TEXT for each in told[:2])
        if text.strip() and len(text) < 100:
            assert visible(text).strip() in issue["description"]


@pytest.mark.parametrize("text", NASTY)
def test_hostile_text_stays_text(text: str) -> None:
    breaks_out_of_nowhere(text)


@given(any_text)
@same_every_time
def test_any_text_stays_text(text: str) -> None:
    breaks_out_of_nowhere(text)


def test_our_own_reader_sees_the_same() -> None:
    made = report(
        Finding("R1", "one", Severity.CRITICAL, path="a b.py", line=3, fingerprint="1"),
        Finding("R2", "two", Severity.INFO, path="ü.py", line=1, fingerprint="2"),
    )
    again = reader.read(Output(0, render(made).encode("utf-8"))).checked().findings
    assert [(f.rule, f.message, f.severity, f.path, f.line) for f in again] == [
        (f"lint/{f.rule}", f.message, f.severity, f.path, f.line) for f in made.findings
    ]


def test_what_could_not_be_told_is_an_issue_itself() -> None:
    """Or GitLab would take the findings that are missing for mended ones."""
    silent = ruling("lint", outcome="unknown", reason="lint: ruff crashed")
    aside = ruling("types", outcome="unknown", level="advisory")
    (issue,) = issues(make(verdict(silent, aside, verdict="unknown", reason="lint: ruff crashed")))
    assert issue["check_name"] == "lint/could-not-tell"
    assert issue["description"] == "could not tell: lint: ruff crashed"
    assert issue["severity"] == "blocker"
    (whole,) = issues(make(verdict(verdict="unknown", reason="configuration error: x")))
    assert whole["check_name"] == "verdict/could-not-tell"
    assert issues(make(verdict(ruling("types", outcome="unknown", level="advisory")))) == []
