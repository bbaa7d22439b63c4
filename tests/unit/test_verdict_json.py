"""verdict.json."""

from __future__ import annotations

import json
from typing import Any, NoReturn

import pytest
from hypothesis import given

from pytest_devops_gates.evidence import Finding, Receipt
from pytest_devops_gates.report import make
from pytest_devops_gates.reporters.verdict_json import render
from pytest_devops_gates.verdict import Measured, Verdict
from tests.unit.samples import HOSTILE, any_text, ruling, same_every_time, verdict


def refuse(constant: str) -> NoReturn:
    raise AssertionError(f"{constant} is not JSON")


def parsed(made: Verdict) -> dict[str, Any]:
    """As a strict reader of UTF-8 would read it."""
    text = render(make(made)).encode("utf-8").decode("utf-8")
    content: dict[str, Any] = json.loads(text, parse_constant=refuse)
    return content


def full(text: str) -> Verdict:
    receipt = Receipt(text, text, (text, "--x"), 1, 0.5, 3, text, True)
    measured = Measured("findings.new", "==", 0, 1, None, False)
    found = Finding(text, text, path=text, line=1, gate="lint", fingerprint="f", waiver=text)
    ruled = ruling(
        reason=text,
        owner=text,
        conditions=(measured,),
        metrics={f"line:{text}": 1.5},
        receipt=receipt,
        notes=(text,),
    )
    return verdict(ruled, findings=(found,), reason=text, commit=text, base=text)


def parses_and_is_the_same_everywhere(text: str) -> None:
    content = parsed(full(text))
    told = content["reason"]
    gate, finding = content["gates"][0], content["findings"][0]
    assert told == text.encode("utf-8", "backslashreplace").decode()
    assert [content["commit"], content["base"]] == [told] * 2
    assert [gate["reason"], gate["owner"], *gate["notes"]] == [told] * 3
    assert gate["metrics"] == {f"line:{told}": 1.5}
    assert gate["receipt"]["argv"] == [told, "--x"]
    assert [finding[key] for key in ("rule", "message", "path", "waiver")] == [told] * 4


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_parses(text: str) -> None:
    parses_and_is_the_same_everywhere(text)


@given(any_text)
@same_every_time
def test_any_text_parses(text: str) -> None:
    parses_and_is_the_same_everywhere(text)


def test_a_file_name_that_is_no_utf8_stays_readable() -> None:
    name = b"caf\xe9.py".decode("utf-8", "surrogateescape")
    assert parsed(full(name))["findings"][0]["path"] == "caf\\udce9.py"


def test_every_field_of_the_contract_is_there() -> None:
    content = parsed(full("x"))
    assert content.keys() >= {
        *("schema", "verdict", "reason", "exit_status", "started", "seconds", "commit", "dirty"),
        *("base", "profile", "run_id", "version", "selection", "policy", "stages", "gates"),
        *("findings", "tests"),
    }
    assert content["schema"] == "pytest-devops-gates/verdict/1"
    assert content["selection"].keys() >= {"stages", "complete"}
    assert content["policy"].keys() >= {"source", "sha256"}
    gate = content["gates"][0]
    assert gate.keys() >= {
        *("name", "stage", "level", "outcome", "reason", "owner", "conditions", "metrics"),
        *("findings", "receipt"),
    }
    assert gate["conditions"][0].keys() >= {
        *("metric", "operator", "limit", "value", "baseline", "holds"),
    }
    assert gate["findings"].keys() >= {"total", "new", "known", "waived"}
    assert gate["receipt"].keys() >= {
        *("tool", "version", "argv", "exit_code", "seconds", "examined", "output_sha256", "cached"),
    }
    assert content["findings"][0].keys() >= {
        *("gate", "rule", "severity", "confidence", "message", "path", "line", "column"),
        *("end_line", "end_column", "fingerprint", "state", "waiver"),
    }
    assert content["tests"].keys() >= {
        *("collected", "deselected", "passed", "failed", "errors", "skipped", "xfailed"),
        *("xpassed", "rerun", "flaky", "altered", "seconds", "complete"),
    }


def test_the_stages_are_all_eight_in_the_order_of_the_loop() -> None:
    assert [stage["name"] for stage in parsed(full("x"))["stages"]] == [
        *("plan", "develop", "build", "test", "security", "deploy", "operate", "feedback")
    ]


def test_what_is_missing_is_null() -> None:
    content = parsed(verdict(ruling()))
    assert content["commit"] is content["base"] is content["gates"][0]["receipt"] is None
