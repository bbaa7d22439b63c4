"""Conditions that compare with the base, and metrics by state, severity, rule and path."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_devops_gates.conditions import Baselines, hold, parse_condition
from pytest_devops_gates.counts import finding_metrics, selector
from pytest_devops_gates.evidence import Confidence, Evidence, Finding, Receipt, Severity
from pytest_devops_gates.policy import Settings, rule
from tests.unit.samples import same_every_time

RECEIPT = Receipt(tool="tool", exit_code=0)


@pytest.mark.parametrize(
    ("text", "before", "limit"),
    [
        ("no-drop", 92.1348314606, 92.1348314606),
        (">= +0", 92.5, 92.5),
        ("no-rise", 7, 7),
        (">= -0.5", 90, 89.5),
        (">= - 0.5", 90, 89.5),
        ("<= +10%", 100, 110),
        ("<= +10 %", 0, 0),
        ("<= -50%", 10, 5),
        ("> +1", 1, 2),
        (">= -10%", -10, -11),
    ],
)
def test_a_limit_that_is_relative_to_the_base(text: str, before: float, limit: float) -> None:
    condition = parse_condition("total", text)
    assert condition.limit_from(before) == limit
    assert condition.limit_from(None) is None
    assert str(condition) == f"total {text}"


@pytest.mark.parametrize(
    "text",
    ["== +0", "!= -1", "no drop", "no-drop!", "+10%", "<= ++1", "<= +", "<= +1e400%", ">= +-1"],
)
def test_what_is_no_such_condition(text: str) -> None:
    with pytest.raises(ValueError, match=r"no condition|not finite"):
        parse_condition("failed", text)


def test_the_same_number_is_no_drop_whatever_its_digits() -> None:
    value = 100 * 2 / 3
    measured = hold(parse_condition("line", "no-drop"), {"line": value}, recorded(line=value))
    assert measured.holds is True
    lower = math.nextafter(value, 0)
    assert (
        hold(parse_condition("line", "no-drop"), {"line": lower}, recorded(line=value)).holds
        is False
    )


def recorded(**numbers: float) -> Baselines:
    return Baselines(recorded=numbers)


def test_what_is_recorded_counts_more_than_what_was_measured() -> None:
    both = Baselines(recorded={"line": 90}, measured={"line": 80, "branch": 70})
    assert (both.of("line"), both.of("branch"), both.of("total")) == (
        (90, "recorded"),
        (70, "measured"),
        (None, ""),
    )


@given(st.floats(0, 100), st.floats(0, 100))
@same_every_time
def test_no_drop_holds_exactly_where_nothing_dropped(before: float, value: float) -> None:
    measured = hold(parse_condition("line", "no-drop"), {"line": value}, recorded(line=before))
    assert measured.holds is (value >= before)
    assert (measured.baseline, measured.limit) == (before, before)


def judged(conditions: dict[str, str], evidence: Evidence, **known: object) -> tuple[str, str]:
    settings = Settings(
        name="gate",
        stage="test",
        level="required",
        timeout=1.0,
        conditions=tuple(parse_condition(metric, text) for metric, text in conditions.items()),
    )
    ruling = rule(settings, evidence, **known)  # type: ignore[arg-type]
    return ruling.outcome, ruling.reason


def measured(**fields: object) -> Evidence:
    return Evidence(**{"examined": 1, "receipt": RECEIPT, **fields})  # type: ignore[arg-type]


def test_without_history_it_is_unknown() -> None:
    outcome, reason = judged({"line": "no-drop"}, measured(metrics={"line": 90.0}))
    assert outcome == "unknown"
    assert "no history" in reason
    assert "devops-gates baseline" in reason


def test_a_drop_is_told_with_both_numbers_and_where_they_are_from() -> None:
    found = judged(
        {"line": "no-drop"}, measured(metrics={"line": 89.5}), baselines=recorded(line=90.0)
    )
    assert found == ("fail", "gate: line 89.50, needs >= 90 (90 at the base, recorded)")


def test_what_does_not_apply_is_neither_a_pass_nor_in_the_way() -> None:
    evidence = measured(metrics={"line": 95.0}, inapplicable={"new-line": "no coverable line"})
    assert judged({"new-line": ">= 80"}, evidence) == ("not-applicable", "no coverable line")
    assert judged({"new-line": ">= 80", "line": ">= 90"}, evidence)[0] == "pass"
    assert judged({"new-line": ">= 80", "line": ">= 96"}, evidence)[0] == "fail"
    broken = measured(unknown="it broke", inapplicable={"new-line": "none"})
    assert judged({"new-line": ">= 80"}, broken)[0] == "unknown"


OLD = Finding("F401", "unused", Severity.HIGH, path="src/a.py", state="new")


def test_a_doubt_about_the_base_is_no_fail() -> None:
    evidence = measured(findings=(OLD,))
    assert judged({"findings.new": "== 0"}, evidence)[0] == "fail"
    outcome, reason = judged({"findings.new": "== 0"}, evidence, doubt="git fetch")
    assert (outcome, reason) == ("unknown", "gate: findings.new may be 1: git fetch")
    assert judged({"findings.high": "== 0"}, evidence, doubt="git fetch")[0] == "unknown"
    assert judged({"findings.total": "== 0"}, evidence, doubt="git fetch")[0] == "fail"
    both = {"findings.new": "== 0", "findings.total": "== 0"}
    assert judged(both, evidence, doubt="git fetch")[0] == "fail"
    assert judged({"findings.new": "== 0"}, measured(), doubt="git fetch")[0] == "pass"


FINDINGS = (
    OLD,
    Finding("F841", "x", Severity.MEDIUM, Confidence.HIGH, "src/core/b.py", state="known"),
    Finding("S101", "x", Severity.LOW, Confidence.LOW, "tests/t.py", state="waived"),
    Finding("F401", "x", Severity.HIGH, Confidence.MEDIUM, "src/core/b.py", state="new"),
    Finding("E9", "x", Severity.CRITICAL, path=None, state="new"),
)


@pytest.mark.parametrize(
    ("metric", "value"),
    [
        ("findings.total", 5),
        ("findings.new", 3),
        ("findings.known", 1),
        ("findings.waived", 1),
        ("findings.high", 2),
        ("findings.high.medium", 1),
        ("findings.high.high", 0),
        ("findings.total.medium", 1),
        ("findings.total.medium.high", 1),
        ("findings.rule:F401", 2),
        ("findings.rule:F*", 2),
        ("findings.total.rule:F*", 3),
        ("findings.new.rule:S101", 0),
        ("findings.waived.rule:S101", 1),
        ("findings.path:src", 2),
        ("findings.path:src/", 2),
        ("findings.total.path:src/core", 2),
        ("findings.path:src/a.py", 1),
        ("findings.path:*.py", 2),
        ("findings.path:sr", 0),
        ("findings.high.path:src/core", 1),
        ("findings.critical", 1),
    ],
)
def test_what_a_metric_counts(metric: str, value: int) -> None:
    assert selector(metric)
    assert finding_metrics(FINDINGS, [metric])[metric] == value


@pytest.mark.parametrize(
    "metric",
    ["findings", "findings.", "findings.rule", "findings.rule:", "findings.path:", "findings.old",
     "findings.high.low", "findings.new.total", "findings.rule.F401", "finding.new", "line"],
)  # fmt: skip
def test_what_is_no_metric_of_findings(metric: str) -> None:
    assert selector(metric) is None
