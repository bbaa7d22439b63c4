"""All reports of one run say the same: the verdict, its reason, and how many findings there are."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from xml.etree import ElementTree

import msgspec
import pytest

from pytest_devops_gates import counts, policy
from pytest_devops_gates.builtin import REPORTERS
from pytest_devops_gates.evidence import Finding, Severity
from pytest_devops_gates.report import Reporter, make
from pytest_devops_gates.reporters.annotations import commands
from pytest_devops_gates.verdict import Ruling, Verdict
from tests.reports.test_html import Page
from tests.unit.samples import ruling, verdict

Told = tuple[str | None, str | None, int | None, int | None]
"""The verdict, its reason, and the findings that are new and those that are waived; None where a
format has no place for it."""


def of_json(text: str) -> Told:
    told = json.loads(text)
    counts = [gate["findings"] for gate in told["gates"]]
    new, waived = (sum(count[name] for count in counts) for name in ("new", "waived"))
    return told["verdict"], told["reason"], new, waived


def of_terminal(text: str) -> Told:
    _, first, *_ = text.splitlines()
    word, reason = first.removeprefix("verdict: ").split(" · ", 1)
    closing = text.splitlines()[-1].strip("= ")
    assert closing.split(" in ")[0] == word
    return word.lower(), reason, None, None


def of_html(text: str) -> Told:
    page = Page(text)
    word, _, _ = page.text[0].partition(" · ")
    at = page.text.index(word)
    states = [page.findings["states"][row[2]] for row in page.findings["rows"]]
    assert f"{len(states)} of {len(states)} findings, the worst first." in page.text or not states
    return word.lower(), page.text[at + 1], states.count("new"), states.count("waived")


def of_markdown(text: str) -> Told:
    heading, _, reason = text.splitlines()[:3]
    word = re.sub(r"\W", "", heading.split()[-1])
    found = re.fullmatch(r"(`+) ?(.*?) ?\1", reason)
    assert found, reason
    return word.lower(), found[2], None, None


def of_sarif(text: str) -> Told:
    run = json.loads(text)["runs"][0]
    results = run["results"]
    waived = sum(bool(result.get("suppressions")) for result in results)
    assert run["properties"]["findings"]["total"] == len(results)
    told = run["properties"]
    return told["verdict"], told["reason"], len(results) - waived, waived


def of_junit(text: str) -> Told:
    root = ElementTree.fromstring(text)
    told = {p.get("name"): p.get("value") for p in root[0].iter("property")}
    red = {case.tag for case in root.iter() if case.tag in ("failure", "error")}
    assert bool(red) == (told["verdict"] != "pass")
    return (
        told["verdict"],
        told["reason"],
        int(told["findings.new"] or ""),
        int(told["findings.waived"] or ""),
    )


def of_code_quality(text: str) -> Told:
    issues = json.loads(text)
    untold = sum(issue["check_name"].endswith("/could-not-tell") for issue in issues)
    return "unknown" if untold else None, None, len(issues) - untold, None


def of_dotenv(text: str) -> Told:
    told = dict(line.split("=") for line in text.splitlines())
    name = "DEVOPS_GATES_{}".format
    counts = [told.get(name(f"FINDINGS_{state}")) for state in ("NEW", "WAIVED")]
    new, waived = (None if count is None else int(count) for count in counts)  # nobody counted
    return told[name("VERDICT")], None, new, waived


READERS: dict[str, Callable[[str], Told]] = {
    "json": of_json,
    "terminal": of_terminal,
    "html": of_html,
    "markdown": of_markdown,
    "sarif": of_sarif,
    "junit": of_junit,
    "junit-gitlab": of_junit,
    "code-quality": of_code_quality,
    "dotenv": of_dotenv,
}


def judged(*rulings: Ruling, found: tuple[Finding, ...] = ()) -> Verdict:
    """The verdict that these gates come to, by the judge himself."""
    counted = [
        msgspec.structs.replace(r, findings=counts.count([f for f in found if f.gate == r.name]))
        for r in rulings
    ]
    answer = policy.answer(counted)
    return verdict(*counted, findings=found, verdict=answer.verdict, reason=answer.reason)


def found(gate: str = "lint", count: int = 3, waived: int = 1) -> tuple[Finding, ...]:
    severities = list(Severity)
    return tuple(
        Finding(
            f"F{n}",
            f"message {n}",
            severities[n % 5],
            path="src/a.py",
            line=n + 1,
            gate=gate,
            fingerprint=f"{n:032x}",
            state="waived" if n < waived else "new",
        )
        for n in range(count)
    )


VERDICTS: dict[str, Verdict] = {
    "failed": judged(
        ruling(outcome="fail", reason="lint: findings.new 2, needs == 0"), found=found()
    ),
    "unknown": judged(ruling(outcome="unknown", reason="lint: ruff crashed"), ruling("tree")),
    "nothing required": judged(ruling(level="advisory", outcome="pass")),
    "an advisory gate failed": judged(
        ruling("types", outcome="fail", level="advisory", reason="types: 2"), found=found("types")
    ),
    "wrong configuration": verdict(
        verdict="unknown", reason="configuration error: tool.x: unknown"
    ),
    "interrupted": verdict(ruling(), verdict="unknown", reason="interrupted by SIGINT"),
    "passed": verdict(ruling(), verdict="pass", reason="1 required gate passed: lint"),
    "passed with findings": verdict(
        ruling(findings=counts.count(found())),
        findings=found(),
        verdict="pass",
        reason="1 required gate passed: lint",
    ),
}


def test_every_reporter_is_held_to_it() -> None:
    assert READERS.keys() == {reporter.name for reporter in REPORTERS}


@pytest.mark.parametrize("name", VERDICTS)
@pytest.mark.parametrize("reporter", REPORTERS, ids=lambda reporter: reporter.name)
def test_all_reports_say_the_same(name: str, reporter: Reporter) -> None:
    made = VERDICTS[name]
    report = make(made)
    expected: Told = (made.verdict, made.reason, report.counts.new, report.counts.waived)
    told = READERS[reporter.name](reporter.render(report))
    for said, wanted in zip(told, expected, strict=True):
        assert said is None or said == wanted
    assert any(said is not None for said in told)


@pytest.mark.parametrize("name", VERDICTS)
def test_annotations_say_it_too(name: str) -> None:
    made = VERDICTS[name]
    errors = [command for command in commands(make(made)) if command.startswith("::error")]
    if made.verdict == "pass":
        assert errors == []
    else:
        assert errors[0].endswith(f"::{made.verdict.upper()} · {made.reason}")


@pytest.mark.parametrize("reporter", REPORTERS, ids=lambda reporter: reporter.name)
def test_two_renders_are_the_same_bytes(reporter: Reporter) -> None:
    assert len({reporter.render(make(VERDICTS["failed"])) for _ in range(2)}) == 1
