"""The reader of SARIF, on logs that real tools left and on small ones of its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_devops_gates.errors import CannotTell
from pytest_devops_gates.evidence import Evidence, Severity
from pytest_devops_gates.findings import relative
from pytest_devops_gates.gate import Output
from pytest_devops_gates.readers.sarif import READER, read
from tests.unit.samples import DATA, same_every_time

RULES = [
    {"id": "A", "properties": {"security-severity": "9.8"}},
    {"id": "B", "defaultConfiguration": {"level": "error"}},
    {"id": "C", "messageStrings": {"hit": {"text": "{0} is {{not}} {1}, {7}"}}},
]
EXTENSION = [{"id": "E", "properties": {"security-severity": 7}}]


def saved(name: str, exit_code: int = 0) -> Evidence:
    return read(Output(exit_code, (DATA / name).read_bytes())).checked()


def log(*results: Any, exit_code: int = 0, **run: Any) -> Evidence:
    tool = {"driver": {"name": "t", "rules": RULES}, "extensions": [{"rules": EXTENSION}]}
    whole = {"version": "2.1.0", "runs": [{"tool": tool, "results": list(results), **run}]}
    return read(Output(exit_code, json.dumps(whole).encode())).checked()


def result(**fields: Any) -> dict[str, Any]:
    return {"message": {"text": "m"}, **fields}


def at(uri: str | None, **artifact: Any) -> dict[str, Any]:
    named = {**({} if uri is None else {"uri": uri}), **artifact}
    return result(locations=[{"physicalLocation": {"artifactLocation": named}}])


@pytest.mark.parametrize(
    ("name", "exit_code", "rows"),
    [
        ("ruff-0.17.6.sarif", 1, [("E401", "high", "/project/app.py", 1), ("F401", "high", "/project/app.py", 1), ("S602", "high", "/project/app.py", 6), ("S607", "high", "/project/app.py", 6)]),
        ("ruff-0.17.6-clean.sarif", 0, []),
        ("eslint-8.57.1.sarif", 1, [("no-unused-vars", "medium", "/project/a.js", 1), ("no-eval", "high", "/project/a.js", 2)]),
        ("zizmor-1.32.0.sarif", 0, [("zizmor/artipacked", "medium", ".github/workflows/a.yml", 6), ("zizmor/excessive-permissions", "medium", ".github/workflows/a.yml", 3), ("zizmor/dangerous-triggers", "high", ".github/workflows/a.yml", 1), ("zizmor/template-injection", "high", ".github/workflows/a.yml", 7), ("zizmor/unpinned-uses", "high", ".github/workflows/a.yml", 6)]),
    ],
)  # fmt: skip
def test_real_logs(name: str, exit_code: int, rows: list[Any]) -> None:
    found = saved(name, exit_code)
    assert [(f.rule, f.severity.value, f.path, f.line) for f in found.findings] == rows
    assert (found.examined, found.unknown) == (1, None)


def test_bandit() -> None:
    found = saved("bandit-1.9.4.sarif", 1)
    assert len(found.findings) == 11
    assert {f.severity for f in found.findings} == {Severity.LOW}


def test_a_file_that_bandit_could_not_parse_is_unknown_though_bandit_ended_well() -> None:
    found = saved("bandit-1.9.4-syntax-error.sarif")
    assert found.unknown == (
        "Bandit tells of an error: syntax error while parsing AST from file (syn.py)"
    )


@pytest.mark.parametrize(
    ("fields", "rule", "severity"),
    [
        ({"ruleId": "A"}, "A", "critical"),
        ({"ruleId": "A", "level": "note"}, "A", "critical"),
        ({"ruleId": "A", "properties": {"security-severity": "8.9"}}, "A", "high"),
        ({"ruleId": "A", "properties": {"security-severity": ""}}, "A", "critical"),
        ({"ruleId": "x", "properties": {"security-severity": "9.0"}}, "x", "critical"),
        ({"ruleId": "x", "properties": {"security-severity": 7}}, "x", "high"),
        ({"ruleId": "x", "properties": {"security-severity": "6.9"}}, "x", "medium"),
        ({"ruleId": "x", "properties": {"security-severity": "4.0"}}, "x", "medium"),
        ({"ruleId": "x", "properties": {"security-severity": "0.0"}}, "x", "low"),
        ({"ruleId": "B"}, "B", "high"),
        ({"ruleId": "B", "level": "note"}, "B", "low"),
        ({"ruleId": "B/one"}, "B/one", "high"),
        ({"ruleIndex": 0}, "A", "critical"),
        ({"ruleIndex": 1}, "B", "high"),
        ({"ruleId": "B", "ruleIndex": 0}, "B", "high"),
        ({"ruleId": "E"}, "E", "high"),
        ({"rule": {"id": "A"}}, "A", "critical"),
        ({"rule": {"index": 1}}, "B", "high"),
        ({"rule": {"index": 0, "toolComponent": {"index": 0}}}, "E", "high"),
        ({"ruleId": "E", "ruleIndex": 0, "rule": {"index": 0, "toolComponent": {"index": 0}}}, "E", "high"),
        ({"ruleId": "x"}, "x", "medium"),
        ({"ruleId": "x", "level": "none"}, "x", "info"),
        ({}, "t", "medium"),
        ({"kind": "fail", "level": "error"}, "t", "high"),
        ({"kind": None, "level": None, "ruleId": None, "locations": None}, "t", "medium"),
        ({"baselineState": "unchanged"}, "t", "medium"),
        ({"suppressions": []}, "t", "medium"),
        ({"suppressions": [{"kind": "inSource"}, {"status": "rejected"}]}, "t", "medium"),
        ({"suppressions": [{"status": "underReview"}]}, "t", "medium"),
    ],
)  # fmt: skip
def test_rule_and_severity(fields: dict[str, Any], rule: str, severity: str) -> None:
    (found,) = log(result(**fields), exit_code=1).findings
    assert (found.rule, found.severity.value) == (rule, severity)


@pytest.mark.parametrize(
    "fields",
    [
        *({"kind": kind} for kind in ("pass", "notApplicable", "informational", "open", "review")),
        {"baselineState": "absent"},
        {"suppressions": [{"kind": "inSource"}]},
        {"suppressions": [{"status": "accepted"}]},
    ],
)
def test_what_is_no_finding(fields: dict[str, Any]) -> None:
    found = log(result(**fields))
    assert (found.findings, found.unknown) == ((), None)
    found = log(result(**fields), exit_code=1)
    assert found.unknown == "exited with 1 and lists no result that explains it"


NOTE = {"level": "error", "message": {"text": "no rules"}}


@pytest.mark.parametrize(
    ("run", "reason"),
    [
        ({"results": None}, "t lists no results, not even none: its scan did not happen"),
        ({"invocations": [{"executionSuccessful": False}]}, "t says that it did not run to its end: no reason given"),
        ({"invocations": [{"executionSuccessful": False, "exitCodeDescription": "oom"}]}, "t says that it did not run to its end: oom"),
        ({"invocations": [{"executionSuccessful": False, "toolExecutionNotifications": [NOTE]}]}, "t tells of an error: no rules"),
        ({"invocations": [{"executionSuccessful": True, "toolExecutionNotifications": [NOTE]}]}, "t tells of an error: no rules"),
        ({"invocations": [{"executionSuccessful": True, "toolConfigurationNotifications": [NOTE]}]}, "t tells of an error: no rules"),
        ({"externalPropertyFileReferences": {"results": [{"location": {"uri": "r.json"}}]}}, "t keeps results in other files, which are not read"),
    ],
)  # fmt: skip
def test_a_run_that_did_not_end_well_is_unknown(run: dict[str, Any], reason: str) -> None:
    assert log(**run).unknown == reason


def test_a_finding_beside_a_broken_run_is_kept() -> None:
    found = log(result(ruleId="A"), invocations=[{"executionSuccessful": False}])
    assert len(found.findings) == 1
    assert found.unknown


def test_a_warning_of_the_tool_is_no_trouble() -> None:
    note = {"message": {"text": "slow"}}
    found = log(invocations=[{"executionSuccessful": True, "toolExecutionNotifications": [note]}])
    assert found.unknown is None


@pytest.mark.parametrize(
    ("whole", "reason"),
    [
        ({}, "without a version"),
        ({"version": "2.0.0", "runs": [{}]}, "of version '2.0.0'"),
        ({"version": 2.1, "runs": [{}]}, r"of version 2\.1"),
        ({"version": "2.1.0"}, "without a run"),
        ({"version": "2.1.0", "runs": []}, "without a run"),
        ({"version": "2.1.0", "runs": None}, "without a run"),
        ({"version": "2.1.0", "runs": {}}, "another shape"),
        ({"version": "2.1.0", "runs": [{}]}, "missing required field `tool`"),
        ({"version": "2.1.0", "runs": [{"tool": {"driver": {}}, "results": [{"level": "bad"}]}]}, "Invalid enum value 'bad'"),
        ({"version": "2.1.0", "runs": [{"tool": {"driver": {}}, "results": [{"kind": "Fail"}]}]}, "Invalid enum value 'Fail'"),
        ({"version": "2.1.0", "runs": [{"tool": {"driver": {}}, "results": [{"ruleIndex": 3}]}]}, "the rule at 3, where none is"),
        *(
            ({"version": "2.1.0", "runs": [{"tool": {"driver": {}}, "results": [{"properties": {"security-severity": score}}]}]}, "a security-severity that is none")
            for score in ("high", "nan", "-1", 11, True, [1], 10**400)
        ),
        ({"version": "2.1.0", "runs": [{"tool": {"driver": {}}, "results": [at("a" * 5000)]}]}, "more than 4096 characters"),
    ],
)  # fmt: skip
def test_what_is_no_sarif(whole: Any, reason: str) -> None:
    with pytest.raises(CannotTell, match=reason):
        read(Output(0, json.dumps(whole).encode()))


BASES = {
    "SRC": {"uri": "file:///project/"},
    "LIB": {"uri": "lib", "uriBaseId": "SRC"},
    "ROOT": {"description": {"text": "the root"}},
    "LOOP": {"uri": "x/", "uriBaseId": "LOOP"},
}


@pytest.mark.parametrize(
    ("uri", "fields", "path"),
    [
        ("a%20b/%C3%A9.py", {}, "a b/é.py"),
        ("a%FF.py", {}, "a\udcff.py"),
        ("file:///project/a.py", {}, "/project/a.py"),
        ("file:/project/a.py", {}, "/project/a.py"),
        ("FILE://localhost/project/a.py", {}, "/project/a.py"),
        ("file:///C:/a%20b.py", {}, "C:/a b.py"),
        ("file://host/share/a.py", {}, "file://host/share/a.py"),
        ("https://example.org/a.py", {}, "https://example.org/a.py"),
        ("../../etc/passwd", {}, "../../etc/passwd"),
        ("a.py", {"uriBaseId": "SRC"}, "/project/a.py"),
        ("a.py", {"uriBaseId": "LIB"}, "/project/lib/a.py"),
        ("a.py", {"uriBaseId": "ROOT"}, "a.py"),
        ("a.py", {"uriBaseId": "%SRCROOT%"}, "a.py"),
        ("/b/a.py", {"uriBaseId": "SRC"}, "/b/a.py"),
        (None, {"index": 0}, "from/index.py"),
        (None, {"index": 9}, None),
        (None, {}, None),
    ],
)
def test_paths(uri: str | None, fields: dict[str, Any], path: str | None) -> None:
    artifacts = [{"location": {"uri": "from/index.py"}}]
    found = log(at(uri, **fields), artifacts=artifacts, originalUriBaseIds=BASES)
    assert found.findings[0].path == path


def test_bases_that_rest_on_themselves_come_to_an_end() -> None:
    (found,) = log(at("a.py", uriBaseId="LOOP"), originalUriBaseIds=BASES).findings
    assert found.path == "x/" * 10 + "a.py"


def test_absolute_uris_become_relative(tmp_path: Path) -> None:
    (found,) = log(at((tmp_path / "a b.py").as_uri())).findings
    assert relative(found.path, tmp_path) == ("a b.py", True)


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ({"text": "plain {0}"}, "plain {0}"),
        ({"text": "with {0}", "arguments": ["one"]}, "with one"),
        ({"id": "hit", "arguments": ["a", "b"]}, "a is {not} b, {7}"),
        ({"id": "other"}, "other"),
        ({"markdown": "*m*"}, "*m*"),
        ({}, "C"),
        (None, "C"),
        ({"text": "{0}" * 1000, "arguments": ["x" * 4000]}, "x" * 4096),
    ],
)
def test_messages(message: Any, text: str) -> None:
    (found,) = log(result(ruleId="C", message=message)).findings
    assert found.message == text


@pytest.mark.parametrize(
    ("region", "place"),
    [
        ({"startLine": 3, "startColumn": 1, "endLine": 4, "endColumn": 9}, (3, 1, 4, 9)),
        ({"startLine": 0, "startColumn": -1}, (None, None, None, None)),
        ({"startLine": 10**30, "endLine": None}, (None, None, None, None)),
        (None, (None, None, None, None)),
    ],
)
def test_regions(region: Any, place: tuple[Any, ...]) -> None:
    (found,) = log(result(locations=[{"physicalLocation": {"region": region}}])).findings
    assert (found.line, found.column, found.end_line, found.end_column) == place


def test_artifacts_are_what_was_examined() -> None:
    assert log(artifacts=[{"location": {"uri": name}} for name in "abc"]).examined == 3
    assert log(artifacts=[]).examined == 1


def test_defaults() -> None:
    assert READER.conditions == {"findings.critical": "== 0", "findings.high": "== 0"}
    assert READER.accepts == (0, 1)


levels = st.sampled_from(["error", "warning", "note", None])
kinds = st.sampled_from(["fail", "pass", "review", None])


@same_every_time
@given(st.lists(st.tuples(levels, kinds, st.booleans()), max_size=20))
def test_counts_come_back(drawn: list[tuple[str | None, str | None, bool]]) -> None:
    names: dict[str | None, str] = {
        "error": "high",
        "warning": "medium",
        "note": "low",
        None: "medium",
    }
    results = [
        result(level=level, kind=kind, suppressions=[{"kind": "external"}] if muted else None)
        for level, kind, muted in drawn
    ]
    wanted = [names[level] for level, kind, muted in drawn if kind in ("fail", None) and not muted]
    assert [f.severity.value for f in log(*results).findings] == wanted
