"""A verdict as in-toto statements, and the files that hold them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_devops_gates.json_text import whole
from pytest_devops_gates.release import attested, envelope, evidence, statements
from pytest_devops_gates.release.statements import SVR, TEST_RESULT, VSA
from pytest_devops_gates.verdict import Artefact, PolicySource, ProjectName, Ruling, Verdict
from tests.conformance import sample
from tests.conformance.make import text
from tests.unit.samples import any_text, same_every_time

whole_text = any_text.map(whole)
FILES = {"verdict.json": "ab" * 32, "tests.jsonl": "cd" * 32}


def verdict(**fields: Any) -> Verdict:
    return msgspec.structs.replace(msgspec.convert(sample.verdict(), Verdict), **fields)


def made(**fields: Any) -> dict[str, Any]:
    return statements.make(verdict(**fields), FILES)


RESOURCE = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "uri": {"type": "string", "minLength": 1},
        "digest": {
            "type": "object",
            "minProperties": 1,
            "additionalProperties": {"type": "string"},
        },
    },
    "anyOf": [{"required": ["uri"]}, {"required": ["digest"]}],
}
SCHEMAS: dict[str, Any] = {
    # written down from the specifications that statements.py names
    TEST_RESULT: {
        "required": ["result", "configuration"],
        "properties": {
            "result": {"enum": ["PASSED", "WARNED", "FAILED"]},
            "configuration": {"type": "array", "items": RESOURCE},
            "passedTests": {"type": "array", "items": {"type": "string"}},
            "warnedTests": {"type": "array", "items": {"type": "string"}},
            "failedTests": {"type": "array", "items": {"type": "string"}},
        },
    },
    SVR: {
        "required": ["verifier", "timeCreated", "properties"],
        "properties": {
            "verifier": {
                "required": ["id"],
                "properties": {
                    "id": {"type": "string", "pattern": "^[a-z]+:"},
                    "policies": {"type": "array", "items": RESOURCE},
                },
            },
            "timeCreated": {"pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$"},
            "properties": {"type": "array", "items": {"type": "string"}},
        },
    },
    VSA: {
        "required": ["verifier", "timeVerified", "resourceUri", "policy", "verificationResult",
                     "verifiedLevels"],
        "properties": {
            "verifier": {"required": ["id"], "properties": {"version": {"type": "object"}}},
            "timeVerified": {"pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$"},
            "resourceUri": {"type": "string", "pattern": "^pkg:"},
            "policy": RESOURCE,
            "inputAttestations": {
                "type": "array",
                "items": {**RESOURCE, "required": ["uri", "digest"]},
            },
            "verificationResult": {"enum": ["PASSED", "FAILED"]},
            "verifiedLevels": {
                "type": "array",
                "minItems": 1,
                "items": {"type": "string", "not": {"pattern": "^SLSA_"}},
            },
        },
    },
}  # fmt: skip


@pytest.mark.parametrize("outcome", ["pass", "fail", "unknown"])
@pytest.mark.parametrize("kind", statements.PREDICATES)
def test_statements_are_of_the_published_form(kind: str, outcome: str) -> None:
    statement = made(verdict=outcome)[kind]
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert statement["predicateType"] == kind
    assert statement["subject"]
    assert all(subject["digest"] for subject in statement["subject"])
    jsonschema.validate(statement["predicate"], SCHEMAS[kind])


@pytest.mark.parametrize(
    ("outcome", "result", "levels"),
    [
        ("pass", "PASSED", ["DEVOPS_GATES_PROFILE_RELEASE"]),
        ("fail", "FAILED", ["FAILED"]),
        ("unknown", "FAILED", ["FAILED"]),
    ],
)
def test_only_a_pass_is_passed(outcome: str, result: str, levels: list[str]) -> None:
    told = made(verdict=outcome)
    assert told[VSA]["predicate"]["verificationResult"] == result
    assert told[VSA]["predicate"]["verifiedLevels"] == levels
    assert told[TEST_RESULT]["predicate"]["result"] == result
    assert ("DEVOPS_GATES_PROFILE_RELEASE" in told[SVR]["predicate"]["properties"]) == (
        outcome == "pass"
    )


def test_gates_are_the_tests_of_a_test_result() -> None:
    def gate(name: str, level: str, outcome: str) -> Ruling:
        return Ruling(name, "test", level, outcome, "because")

    gates = (
        gate("good", "required", "pass"),
        gate("warned", "required", "warn"),
        gate("advised", "advisory", "fail"),
        gate("broken", "required", "fail"),
        gate("crashed", "required", "unknown"),
        gate("absent", "required", "off"),
        gate("elsewhere", "required", "not-applicable"),
    )
    told = made(gates=gates)[TEST_RESULT]["predicate"]
    assert told["result"] == "WARNED"
    assert told["passedTests"] == ["good"]
    assert told["warnedTests"] == ["warned", "advised"]
    assert told["failedTests"] == ["broken", "crashed"]
    # a gate without a condition passes, and shows nothing
    assert made(gates=gates)[SVR]["predicate"]["properties"] == ["DEVOPS_GATES_PROFILE_RELEASE"]


def test_subjects_are_the_commit_and_what_was_built() -> None:
    commit = {"name": "commit", "digest": {"gitCommit": sample.COMMIT}}
    built = [
        {"name": name, "digest": {"sha256": sample.sha256(data)}}
        for name, data in sample.ARTEFACTS.items()
    ]
    assert statements.subjects(verdict()) == [commit, *built]
    assert statements.subjects(verdict(dirty=True)) == built
    assert statements.subjects(verdict(commit=None)) == built
    assert statements.subjects(verdict(commit="HEAD")) == built


def test_inputs_are_all_files_by_name_and_digest() -> None:
    told = made()[VSA]["predicate"]["inputAttestations"]
    assert [(each["uri"], each["digest"]["sha256"]) for each in told] == [
        ("tests.jsonl", "cd" * 32),
        ("verdict.json", "ab" * 32),
    ]


@pytest.mark.parametrize(
    ("name", "version", "uri"),
    [
        ("Demo_App", "1.0+local", "pkg:pypi/demo-app@1.0%2Blocal"),
        ("demo", None, "pkg:pypi/demo"),
        ("a b/c", "1", "pkg:pypi/a%20b%2Fc@1"),
    ],
)
def test_resource_is_a_package_url(name: str, version: str | None, uri: str) -> None:
    assert statements.resource(verdict(project=ProjectName(name, version))) == uri


def test_a_run_without_a_policy_has_no_digest_of_it() -> None:
    assert "digest" not in made(policy=PolicySource())[VSA]["predicate"]["policy"]


def test_the_time_is_that_of_the_run_s_end() -> None:
    assert statements.ended(verdict(started="2026-02-28T23:59:59Z", seconds=61.9)) == (
        "2026-03-01T00:01:00Z"
    )


@pytest.mark.parametrize("written", ["", "now", "2026-1-31T12:00:00Z", "2026-01-31T12:00:00+00:00"])
def test_another_way_to_write_a_time_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        statements.moment(written)


@same_every_time
@given(whole_text, whole_text, st.lists(whole_text, max_size=3))
def test_whatever_names_hold_can_be_written(name: str, source: str, built: list[str]) -> None:
    told = statements.make(
        verdict(
            project=ProjectName(name),
            policy=PolicySource(source, "ef" * 32),
            artefacts=tuple(Artefact(each, "01" * 32, 1) for each in built),
        ),
        FILES,
    )
    lines = "".join(envelope.write(envelope.pack(each)) + "\n" for each in told.values())
    assert lines.isascii()
    assert attested.read(lines.encode()).stated == told


def test_evidence_of_a_run(tmp_path: Path) -> None:
    (tmp_path / "verdict.json").write_bytes(text(sample.verdict()))
    (tmp_path / "tests.jsonl").write_bytes(sample.TESTS)
    (tmp_path / "tests.gw0.jsonl").write_bytes(b"")
    (tmp_path / "report.html").write_bytes(b"<p>")
    assert evidence.write(tmp_path, None) == "unsigned"
    stated = attested.read((tmp_path / evidence.FILE).read_bytes()).stated
    inputs = stated[VSA]["predicate"]["inputAttestations"]
    names = ["tests.gw0.jsonl", "tests.jsonl", "verdict.json"]
    assert [each["name"] for each in inputs] == names
    assert inputs[2]["digest"]["sha256"] == sample.sha256(text(sample.verdict()))


def test_no_evidence_without_a_verdict(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        evidence.write(tmp_path, None)
    assert not (tmp_path / evidence.FILE).exists()


def test_artefacts_are_plain_files_that_were_built(tmp_path: Path) -> None:
    dist = tmp_path / "dist"
    dist.mkdir()
    for name in ("b-1.tar.gz", "a-1-py3-none-any.whl", "a.zip", "notes.txt", ".gitignore"):
        (dist / name).write_bytes(name.encode())
    os.symlink("/etc/hostname", dist / "c-1-py3-none-any.whl")
    (dist / "d.whl").mkdir()
    found = evidence.artefacts(tmp_path)
    assert [each.name for each in found] == ["a-1-py3-none-any.whl", "b-1.tar.gz"]
    assert found[1] == Artefact("b-1.tar.gz", sample.sha256(b"b-1.tar.gz"), 10)
    assert evidence.artefacts(tmp_path / "elsewhere") == ()
