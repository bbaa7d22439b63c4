"""findings.sarif: what GitHub asks for is there, and what is told is true."""

from __future__ import annotations

import gzip
import json
import random
import re
from typing import Any, NoReturn
from urllib.parse import unquote

import msgspec
import pytest
from hypothesis import given

from pytest_devops_gates.evidence import Confidence, Finding, Receipt, Rule, Severity
from pytest_devops_gates.gate import Output
from pytest_devops_gates.neutral import visible
from pytest_devops_gates.readers.sarif import read
from pytest_devops_gates.report import Report, make
from pytest_devops_gates.reporters import sarif
from pytest_devops_gates.reporters.sarif import render
from pytest_devops_gates.verdict import ProjectName, Selection, Waiver
from tests.reports.samples import NASTY, everywhere, is_visible, many, report
from tests.unit.samples import any_text, ruling, same_every_time, verdict

NOT_READ = "it did not finish"


def refuse(constant: str) -> NoReturn:
    raise AssertionError(f"{constant} is not JSON")


def run_of(made: Report) -> dict[str, Any]:
    """The one run of the report, after a look at all that GitHub refuses a file for."""
    written = render(made)
    assert written == render(made)
    assert written.isascii()
    log = json.loads(written, parse_constant=refuse)
    assert (log["version"], len(log["runs"])) == ("2.1.0", 1)
    assert log["$schema"].endswith("sarif-2.1.0.json")
    run: dict[str, Any] = log["runs"][0]
    rules = run["tool"]["driver"]["rules"]
    assert run["tool"]["driver"]["name"] == "pytest-devops-gates"
    assert len({rule["id"] for rule in rules}) == len(rules)
    for rule in rules:
        github_takes_the_rule(rule)
    assert len(run["results"]) <= 25_000
    for result in run["results"]:
        assert result["ruleId"] == rules[result["ruleIndex"]]["id"]
        github_takes_the_result(result)
    return run


def github_takes_the_rule(rule: dict[str, Any]) -> None:
    assert rule["name"].strip()
    for name in ("shortDescription", "fullDescription"):
        assert 0 < len(rule[name]["text"].strip()) <= 1024
    assert rule["help"]["text"].strip()
    tags = rule["properties"]["tags"]
    assert len(set(tags)) == len(tags) <= 10
    assert re.fullmatch(r"https?://[!-~]+", rule.get("helpUri", "https://x"))


def github_takes_the_result(result: dict[str, Any]) -> None:
    assert result["message"]["text"].strip()
    assert "](" not in result["message"]["text"]
    (location,) = result["locations"]
    place = location["physicalLocation"]
    assert re.fullmatch(r"[A-Za-z0-9._~/%-]+", place["artifactLocation"]["uri"])
    decoded = unquote(place["artifactLocation"]["uri"], errors="strict")
    assert not decoded.startswith("/")
    assert ".." not in decoded.split("/")
    region = place["region"]
    start = region["startLine"], region["startColumn"]
    assert start < (region["endLine"], region["endColumn"])
    assert min(region.values()) >= 1
    hashed = result["partialFingerprints"]["primaryLocationLineHash"]
    assert re.fullmatch(r"[0-9a-f]{1,16}:[1-9]\d*", hashed)


def only(made: Report) -> tuple[dict[str, Any], dict[str, Any]]:
    """The one result of a report, and its rule."""
    run = run_of(made)
    (result,) = run["results"]
    return result, run["tool"]["driver"]["rules"][0]


def shape(value: Any) -> Any:
    """A value without its texts and numbers."""
    if isinstance(value, dict):
        return {key: shape(inner) for key, inner in value.items() if key != "helpUri"}
    if isinstance(value, list):
        return [shape(inner) for inner in value]
    return type(value).__name__


def texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [*value, *(text for inner in value.values() for text in texts(inner))]
    if isinstance(value, list):
        return [text for inner in value for text in texts(inner)]
    return [value] if isinstance(value, str) else []


# hostile text


def breaks_out_of_nowhere(text: str) -> None:
    run = run_of(make(everywhere(text)))
    assert all(map(is_visible, texts(run)))
    assert not [told for told in texts(run) if "](" in told]
    for told in texts(run):
        told.encode("utf-8")
    assert len(run["results"]) == 5
    assert run["automationDetails"]["id"].count("/") == 1
    assert "startTimeUtc" not in run["invocations"][0]
    if text.strip() and len(text) < 100:
        shown = visible(text).replace("](", "] (").strip()
        assert all(shown in result["message"]["text"] for result in run["results"])


@pytest.mark.parametrize("text", NASTY)
def test_hostile_text_stays_text(text: str) -> None:
    breaks_out_of_nowhere(text)


@given(any_text)
@same_every_time
def test_any_text_stays_text(text: str) -> None:
    breaks_out_of_nowhere(text)


@pytest.mark.parametrize("text", [text for text in NASTY if text])
def test_no_text_changes_the_shape(text: str) -> None:
    plain, made = (run_of(make(everywhere(each))) for each in ("x", text))
    for each in (plain, made):
        each["tool"]["driver"]["rules"] = each["tool"]["driver"]["rules"][:1]
        for bag in each["tool"]["driver"]["rules"][0]["properties"], each["invocations"][0]:
            bag.pop("startTimeUtc", None)
    assert shape(made) == shape(plain)


# rules


@pytest.mark.parametrize(
    ("severity", "level", "score"),
    [
        ("critical", "error", "9.5"),
        ("high", "error", "8.0"),
        ("medium", "warning", "5.5"),
        ("low", "note", "2.0"),
        ("info", "note", "0.5"),
    ],
)
def test_severities(severity: str, level: str, score: str) -> None:
    finding = Finding("R", "m", Severity(severity), Confidence.LOW, path="a.py")
    result, rule = only(report(finding, stage="security"))
    assert result["level"] == rule["defaultConfiguration"]["level"] == level
    assert rule["properties"]["security-severity"] == score
    assert rule["properties"]["tags"] == ["security", "lint"]
    assert result["properties"] == {
        "gate": "lint",
        "severity": severity,
        "confidence": "low",
        "state": "new",
    }
    _, elsewhere = only(report(finding))
    assert "security-severity" not in elsewhere["properties"]
    expected = {"error": "error", "warning": "warning", "note": "recommendation"}[level]
    assert elsewhere["properties"]["problem.severity"] == expected


def test_a_rule_is_as_bad_as_its_worst_finding() -> None:
    found = [
        Finding("R", "m", Severity.LOW),
        Finding("R", "m", Severity.HIGH, state="known"),
        Finding("R", "m", Severity.MEDIUM, state="waived"),
    ]
    run = run_of(report(*found, stage="security"))
    (rule,) = run["tool"]["driver"]["rules"]
    assert rule["properties"]["security-severity"] == "8.0"
    assert [result["level"] for result in run["results"]] == ["note", "error", "warning"]


def test_what_is_known_of_a_rule_is_told() -> None:
    known = Rule(
        "F401", "A module is imported but not used.", "Remove it.", "https://e.org/F401", "lint"
    )
    _, rule = only(report(Finding("F401", "`os` imported but unused"), rules=(known,)))
    assert rule == {
        "id": "lint/F401",
        "name": "F401",
        "shortDescription": {"text": "A module is imported but not used."},
        "fullDescription": {"text": "A module is imported but not used. It is tidy."},
        "help": {
            "text": "Remove it. To see it again: devops-gates run --gate lint; by hand: ruff check"
        },
        "helpUri": "https://e.org/F401",
        "defaultConfiguration": {"level": "warning"},
        "properties": {"tags": ["develop", "lint"], "problem.severity": "warning"},
    }


@pytest.mark.parametrize("rule", ["F401", "", " ", "x" * 500])
def test_a_rule_that_nobody_knows_is_described_all_the_same(rule: str) -> None:
    for made in (
        make(verdict(findings=(Finding(rule, "m", gate="lint"),))),
        report(Finding(rule, "m")),
    ):
        _, told = only(made)
        assert told["id"].partition("/")[2]


@pytest.mark.parametrize(
    "uri",
    ["javascript:alert(1)", "http://", "https://e.org/a b", "https://e.org/%zz", "//e.org", "https://e.org/\ud800", "https://e.org/[", "ftp://e.org/"],
)  # fmt: skip
def test_a_link_that_is_none_is_left_out(uri: str) -> None:
    _, rule = only(report(Finding("R", "m"), rules=(Rule("R", uri=uri, gate="lint"),)))
    assert "helpUri" not in rule


# results


def test_a_place() -> None:
    at = Finding("R", "m", path="src/ü b#1.py", line=3, column=5, end_line=4, end_column=2)
    result, _ = only(report(at, project=ProjectName(folder="packages/core")))
    place = result["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "packages/core/src/%C3%BC%20b%231.py"
    assert place["region"] == {"startLine": 3, "startColumn": 5, "endLine": 4, "endColumn": 2}


@pytest.mark.parametrize("path", [None, "../../etc/passwd", "/etc/passwd", "C:\\x", "file:///x"])
def test_what_lies_elsewhere_is_kept(path: str | None) -> None:
    result, _ = only(report(Finding("R", "message", path=path, line=9)))
    place = result["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "pyproject.toml"
    assert place["region"] == {"startLine": 1, "startColumn": 1, "endLine": 1, "endColumn": 2}
    assert result["message"]["text"] == (f"{path}:9: message" if path else "message")


def test_fingerprints() -> None:
    own, of_line = "0123456789abcdef" * 2, "4cd15e1e11ac017e:1"
    result, _ = only(report(Finding("R", "m", fingerprint=own, line_hash=of_line)))
    expected = {"primaryLocationLineHash": of_line, "devopsGatesFingerprint/v1": own}
    assert result["partialFingerprints"] == expected


def test_without_a_line_the_fingerprint_stands_in_for_its_hash() -> None:
    def hashed(**fields: str) -> str:
        result, _ = only(report(Finding("R", fields.pop("message", "m"), **fields)))  # type: ignore[arg-type]
        return str(result["partialFingerprints"]["primaryLocationLineHash"])

    assert (
        hashed(fingerprint="a")
        == hashed(fingerprint="a", message="n")
        == hashed(fingerprint="a", line_hash="x:y")
    )
    assert hashed(fingerprint="a") != hashed(fingerprint="b")
    assert hashed() != hashed(message="n")


def test_waived_findings_are_suppressed_and_no_others() -> None:
    told = Waiver("W1", "lint", "it is generated", "@web", "2026-01-01", "2026-03-01")
    found = [
        Finding("A", "m"),
        Finding("B", "m", state="waived", waiver="W1"),
        Finding("C", "m", state="waived", waiver="gone"),
    ]
    run = run_of(report(*found, waivers=(told,)))
    by_rule = {result["ruleId"]: result["suppressions"] for result in run["results"]}
    accepted = {"kind": "external", "status": "accepted"}
    assert by_rule == {
        "lint/A": [],
        "lint/B": [{**accepted, "justification": "W1: it is generated (@web, until 2026-03-01)"}],
        "lint/C": [accepted],
    }
    assert [f.rule for f in read_again(report(*found)).findings] == ["lint/A"]


def test_without_a_waived_finding_nothing_is_said_of_suppressions() -> None:
    assert "suppressions" not in only(report(Finding("A", "m")))[0]


def test_states_are_told_for_all_or_for_none() -> None:
    states = ("new", "known", "waived")
    run = run_of(report(*(Finding(state, "m", state=state) for state in states)))  # type: ignore[arg-type]
    told = {result["ruleId"]: result["baselineState"] for result in run["results"]}
    assert told == {"lint/new": "new", "lint/known": "unchanged", "lint/waived": "unchanged"}
    assert "baselineState" not in only(report(Finding("A", "m")))[0]


# the run


def test_the_verdict_stands_in_the_file() -> None:
    run = run_of(
        report(Finding("R", "m"), reason="lint: findings.new 1, needs == 0", commit="c0ffee")
    )
    assert run["properties"] == {
        "verdict": "fail",
        "reason": "lint: findings.new 1, needs == 0",
        "exitStatus": 1,
        "profile": "merge",
        "complete": True,
        "runId": "1",
        "commit": "c0ffee",
        "dirty": False,
        "findings": {"total": 0, "new": 0, "known": 0, "waived": 0, "leftOut": 0},
    }
    assert run["columnKind"] == "unicodeCodePoints"
    assert run["invocations"][0]["startTimeUtc"] == "2026-01-02T03:04:05Z"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, "devops-gates-merge/1"),
        ({"profile": "release"}, "devops-gates-release/1"),
        ({"project": ProjectName(folder="a/b")}, "devops-gates-merge-a-b/1"),
        ({"selection": Selection(("test",), complete=False)}, "devops-gates-merge-part-test/1"),
        ({"gates": ()}, "devops-gates-merge-part/1"),
        ({"run_id": "a/b"}, "devops-gates-merge/a-b"),
    ],
)
def test_what_covers_other_ground_is_another_category(fields: Any, expected: str) -> None:
    made = make(msgspec.structs.replace(verdict(ruling()), **fields))
    assert run_of(made)["automationDetails"]["id"] == expected


def read_again(made: Report) -> Any:
    """As our own reader takes what we wrote."""
    return read(Output(0, render(made).encode())).checked()


def test_what_was_run_is_told() -> None:
    receipt = Receipt("ruff", "0.17.6", ("ruff", "check", "a b"), 1, 0.5, 3)
    gates = (
        ruling("lint", outcome="fail", reason="lint: no", receipt=receipt),
        ruling("tests", outcome="off"),
        ruling("types", outcome="not-applicable"),
    )
    run, lint = run_of(make(verdict(*gates)))["invocations"]
    assert run["executionSuccessful"]
    assert (run["exitCode"], run["exitCodeDescription"]) == (1, "FAIL · why")
    assert lint == {
        "executionSuccessful": True,
        "exitCode": 1,
        "commandLine": "ruff check 'a b'",
        "toolExecutionNotifications": [],
        "properties": {
            "gate": "lint",
            "stage": "develop",
            "level": "required",
            "outcome": "fail",
            "reason": "lint: no",
            "tool": "ruff 0.17.6",
            "seconds": 0.5,
            "examined": 3,
        },
    }


@pytest.mark.parametrize("level", ["required", "advisory"])
@pytest.mark.parametrize("receipt", [None, Receipt("ruff", exit_code=-9)])
def test_a_gate_that_cannot_tell_is_a_failed_invocation(
    level: str, receipt: Receipt | None
) -> None:
    gate = ruling("lint", outcome="unknown", level=level, reason=NOT_READ, receipt=receipt)
    passed = ruling("format", receipt=Receipt("ruff"))
    _, lint, format_ = run_of(make(verdict(gate, passed, verdict="pass")))["invocations"]
    assert not lint["executionSuccessful"]
    assert lint["toolExecutionNotifications"] == [{"level": "error", "message": {"text": NOT_READ}}]
    assert format_["executionSuccessful"]
    assert NOT_READ in read_again(make(verdict(gate, passed))).unknown


def test_a_run_that_cannot_tell_is_a_failed_invocation() -> None:
    made = make(verdict(verdict="unknown", reason="interrupted by SIGINT"))
    (run,) = run_of(made)["invocations"]
    assert not run["executionSuccessful"]
    assert run["toolExecutionNotifications"][0]["message"]["text"] == "interrupted by SIGINT"
    assert "interrupted by SIGINT" in read_again(made).unknown


@pytest.mark.parametrize("outcome", ["pass", "fail"])
def test_a_run_that_can_tell_is_none(outcome: str) -> None:
    made = make(verdict(ruling(outcome=outcome, receipt=Receipt("ruff")), verdict=outcome))
    assert all(call["executionSuccessful"] for call in run_of(made)["invocations"])
    assert read_again(made).unknown is None


def test_exit_codes_that_readers_cannot_hold_are_left_out() -> None:
    gate = ruling(receipt=Receipt("t", exit_code=0xC0000005))
    assert "exitCode" not in run_of(make(verdict(gate)))["invocations"][1]


def test_our_own_reader_sees_the_same() -> None:
    found = [
        Finding(
            "R1",
            "one",
            Severity.CRITICAL,
            path="a b.py",
            line=3,
            column=4,
            end_line=3,
            end_column=9,
        ),
        Finding("R2", "two", Severity.LOW, path="ü.py", line=1, column=1, end_line=2, end_column=1),
    ]
    again = read_again(report(*found, stage="security")).findings
    fields = ("message", "severity", "path", "line", "column", "end_line", "end_column")
    assert [[getattr(f, name) for name in fields] for f in again] == [
        [getattr(f, name) for name in fields] for f in found
    ]


# sizes


def left_out(run: dict[str, Any]) -> int:
    """How many results are said to be left out, in the two places that say so."""
    count = int(run["properties"]["findings"]["leftOut"])
    notices = run["invocations"][0]["toolExecutionNotifications"]
    assert [notice["level"] for notice in notices] == (["warning"] if count else [])
    assert not count or f" {count} more are left out" in notices[0]["message"]["text"]
    return count


def test_github_gets_no_more_than_it_takes() -> None:
    made = many(30_000)
    run = run_of(made)
    assert (len(run["results"]), left_out(run)) == (25_000, 5_000)
    levels = [result["level"] for result in run["results"]]
    assert levels == ["error"] * 10_000 + ["note"] * 15_000
    assert left_out(run_of(many(25))) == 0


def test_the_file_is_small_enough_when_packed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert sarif.PACKED < 10_000_000
    monkeypatch.setattr(sarif, "PACKED", 1_000_000)
    chance = random.Random(1)
    noise = [Finding(chance.randbytes(40).hex(), chance.randbytes(500).hex()) for _ in range(2_000)]
    made = report(*noise)
    assert 800_000 < len(gzip.compress(render(made).encode())) < 1_000_000
    run = run_of(made)
    kept = [result["ruleId"] for result in run["results"]]
    assert len(kept) + left_out(run) == 2_000
    assert kept == [f"lint/{finding.rule}" for finding in made.findings[: len(kept)]]


def test_the_limits_of_the_file_hold_even_where_nothing_fits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sarif, "PACKED", 100)
    run = run_of(many(50))
    assert (run["results"], left_out(run)) == ([], 50)


def test_a_command_with_every_file_in_it_is_cut() -> None:
    gate = ruling(receipt=Receipt("t", argv=("t", *(f"file{n}.py" for n in range(10_000)))))
    assert len(run_of(make(verdict(gate)))["invocations"][1]["commandLine"]) == 2_000
