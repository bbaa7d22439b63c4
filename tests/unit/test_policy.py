"""The judge."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_devops_gates.conditions import Condition, number, parse_condition
from pytest_devops_gates.counts import finding_metrics
from pytest_devops_gates.evidence import Confidence, Evidence, Finding, Receipt, Severity
from pytest_devops_gates.policy import Settings, answer, rule
from pytest_devops_gates.verdict import Measured, Ruling, worst
from tests.unit.samples import ruling, same_every_time

RECEIPT = Receipt(tool="tool", exit_code=0)
GOOD = Measured("findings.new", "==", 0, 0, None, True)


def settings(*conditions: str, level: str = "required", warnings: tuple[str, ...] = ()) -> Settings:
    def read(text: str) -> Condition:
        metric, _, rest = text.partition(" ")
        return parse_condition(metric, rest)

    return Settings(
        name="gate",
        stage="test",
        level=level,
        timeout=1.0,
        conditions=tuple(map(read, conditions)),
        warnings=tuple(map(read, warnings)),
        again="tool --again",
    )


def evidence(**fields: Any) -> Evidence:
    return Evidence(**{"examined": 1, "receipt": RECEIPT, **fields})


# conditions


@pytest.mark.parametrize(
    ("text", "operator", "limit"),
    [
        (">= 90", ">=", 90),
        ("<= 7", "<=", 7),
        ("== 0", "==", 0),
        ("!= 1", "!=", 1),
        ("> 1", ">", 1),
        ("< 2", "<", 2),
        (">=90", ">=", 90),
        ("  >=  90.25 %  ", ">=", 90.25),
        (">= 100%", ">=", 100),
        (">= 0", ">=", 0),
    ],
)
def test_a_condition_is_read(text: str, operator: str, limit: float) -> None:
    assert parse_condition("line", text) == Condition("line", operator, limit)


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "high", "90", "101 %", "inf", "nan", ">=", ">= ", "= 90", "=> 90", "=== 90"),
        *(">= high", ">= inf", ">= -inf", ">= nan", ">= 1e400", ">= 9e1", ">= 0x10", ">= 1_000"),
        *(">= 90 90", ">= 90 %%", ">= 90 < 95", ">= 90.", ">= .5", ">= 9,5", "== +5", "drop"),
        ">= 90; import os",
        ">= " + "9" * 400,
    ],
)
@pytest.mark.parametrize("metric", ["failed", "line"])
def test_what_is_no_condition_is_refused(metric: str, text: str) -> None:
    with pytest.raises(ValueError, match=r"is no condition|is not finite"):
        parse_condition(metric, text)


@pytest.mark.parametrize("metric", ["line", "branch", "total", "line:src/a.py", "total:src/*"])
@pytest.mark.parametrize("text", [">= 100.01", ">= 101 %", ">= 100.5"])
def test_a_percentage_lies_between_0_and_100(metric: str, text: str) -> None:
    with pytest.raises(ValueError, match="is a percentage, from 0 to 100"):
        parse_condition(metric, text)


@given(st.text())
@same_every_time
def test_any_text_is_a_finite_condition_or_refused(text: str) -> None:
    try:
        condition = parse_condition("failed", text)
    except ValueError:
        return
    assert math.isfinite(condition.limit)


# numbers


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (90, "90"),
        (90.0, "90"),
        (0.0, "0"),
        (89.999999, "89.99"),
        (99.995, "99.99"),
        (99.99999999999, "99.99"),
        (66.66666666666667, "66.66"),
        (0.004, "0.00"),
        (12.5, "12.50"),
    ],
)
def test_a_number_is_never_rounded_up(value: float, shown: str) -> None:
    assert number(value) == shown


@given(st.floats(0, 100), st.integers(0, 100))
@same_every_time
def test_a_number_never_looks_like_a_limit_that_it_misses(value: float, limit: int) -> None:
    assert float(number(value)) <= value
    if value < limit:
        assert float(number(value)) < limit


# one gate

OUTCOMES: list[tuple[str, Settings, Evidence, str, str]] = [
    (
        "all conditions hold",
        settings("failed == 0", "line >= 90"),
        evidence(metrics={"failed": 0, "line": 90.0}),
        "pass",
        "gate: failed 0, line 90, 1 examined",
    ),
    (
        "a condition on findings that every gate has",
        settings("findings.new == 0"),
        evidence(findings=(Finding("R1", "bad"),)),
        "fail",
        "gate: findings.new 1, needs == 0 · tool --again",
    ),
    (
        "without any condition it passes by itself, and says that there was none",
        settings(),
        evidence(metrics={"line": 1.0}),
        "pass",
        "gate: line 1, no limit is set, 1 examined",
    ),
    (
        "a condition is missed by a hair",
        settings("line >= 90"),
        evidence(metrics={"line": 89.9999999}),
        "fail",
        "gate: line 89.99, needs >= 90 · tool --again",
    ),
    (
        "a warning condition",
        settings("line >= 80", warnings=("line >= 95",)),
        evidence(metrics={"line": 90.0}),
        "warn",
        "gate: line 90, needs >= 95 · tool --again",
    ),
    (
        "a warning condition on what was not measured",
        settings("line >= 80", warnings=("branch >= 95",)),
        evidence(metrics={"line": 90.0}),
        "warn",
        "gate: branch not measured, needs >= 95 · tool --again",
    ),
    (
        "a failure comes before a warning",
        settings("line >= 80", warnings=("line >= 95",)),
        evidence(metrics={"line": 70.0}),
        "fail",
        "gate: line 70, needs >= 80 · tool --again",
    ),
    (
        "not applicable",
        settings("failed == 0"),
        Evidence(not_applicable="no [build-system] in pyproject.toml"),
        "not-applicable",
        "no [build-system] in pyproject.toml",
    ),
    (
        "no receipt",
        settings("failed == 0"),
        Evidence(metrics={"failed": 0}, examined=1),
        "unknown",
        "gate: left no receipt: nothing shows that it ran",
    ),
    (
        "nothing examined",
        settings("failed == 0"),
        evidence(metrics={"failed": 0}, examined=0),
        "unknown",
        "gate: examined nothing, where something was expected",
    ),
    (
        "nothing examined, and no condition",
        settings(),
        evidence(examined=0),
        "unknown",
        "gate: examined nothing, where something was expected",
    ),
    (
        "broke off, though all that was seen is good",
        settings("failed == 0"),
        evidence(metrics={"failed": 0}, unknown="pytest was killed by SIGKILL"),
        "unknown",
        "gate: pytest was killed by SIGKILL",
    ),
    (
        "broke off with an upper limit exceeded already",
        settings("failed == 0"),
        evidence(metrics={"failed": 2}, unknown="pytest was killed by SIGKILL"),
        "fail",
        "gate: failed 2, needs == 0 · tool --again",
    ),
    (
        "broke off with an upper limit of another kind exceeded",
        settings("warnings < 3"),
        evidence(metrics={"warnings": 3}, unknown="broke off"),
        "fail",
        "gate: warnings 3, needs < 3 · tool --again",
    ),
    (
        "broke off before a lower limit was reached",
        settings("passed >= 10"),
        evidence(metrics={"passed": 2}, unknown="broke off"),
        "unknown",
        "gate: broke off",
    ),
    (
        "broke off before a number was reached",
        settings("passed == 10"),
        evidence(metrics={"passed": 2}, unknown="broke off"),
        "unknown",
        "gate: broke off",
    ),
    (
        "broke off, and percentages of a part say nothing",
        settings("line >= 90", "branch <= 10", "total == 0"),
        evidence(metrics={"line": 10.0, "branch": 50.0, "total": 50.0}, unknown="incomplete"),
        "unknown",
        "gate: incomplete",
    ),
    (
        "broke off with a warning",
        settings(warnings=("failed == 0",)),
        evidence(metrics={"failed": 1}, unknown="incomplete"),
        "unknown",
        "gate: incomplete",
    ),
    (
        "a finding without a receipt is a finding",
        settings("findings.new == 0"),
        Evidence(findings=(Finding("R1", "bad"),), examined=1),
        "fail",
        "gate: findings.new 1, needs == 0 · tool --again",
    ),
    (
        "not measured",
        settings("line >= 0"),
        evidence(),
        "unknown",
        "gate: line was not measured",
    ),
    (
        "NaN is no measure",
        settings("line >= 0"),
        evidence(metrics={"line": math.nan}),
        "unknown",
        "gate: line was not measured",
    ),
    (
        "NaN is no measure of what must differ either",
        settings("line != 1"),
        evidence(metrics={"line": math.nan}),
        "unknown",
        "gate: line was not measured",
    ),
    (
        "infinity is no measure",
        settings("passed >= 1"),
        evidence(metrics={"passed": math.inf}),
        "unknown",
        "gate: passed was not measured",
    ),
    (
        "one condition fails, another was not measured",
        settings("line >= 90", "failed == 0"),
        evidence(metrics={"failed": 1}),
        "fail",
        "gate: failed 1, needs == 0 · tool --again",
    ),
]


@pytest.mark.parametrize(
    ("policy", "found", "outcome", "reason"),
    [row[1:] for row in OUTCOMES],
    ids=[row[0] for row in OUTCOMES],
)
def test_outcome(policy: Settings, found: Evidence, outcome: str, reason: str) -> None:
    ruled = rule(policy, found)
    assert (ruled.outcome, ruled.reason) == (outcome, reason)


def test_a_ruling_carries_what_decided_it() -> None:
    policy = settings("line >= 90", "branch >= 50")
    ruled = rule(policy, evidence(metrics={"line": 95.0}, notes=("note",)))
    assert ruled.conditions == (
        Measured("line", ">=", 90, 95.0, None, True),
        Measured("branch", ">=", 50, None, None, None),
    )
    assert (ruled.name, ruled.stage, ruled.level) == ("gate", "test", "required")
    assert (ruled.receipt, ruled.notes) == (RECEIPT, ("note",))


def test_a_gate_cannot_hand_in_its_own_count_of_findings() -> None:
    lie = evidence(findings=(Finding("R1", "bad"),), metrics={"findings.new": 0})
    assert rule(settings("findings.new == 0"), lie).outcome == "fail"


def test_findings_are_counted_by_state_severity_and_confidence() -> None:
    high = Severity.HIGH
    metrics = finding_metrics(
        [
            Finding("a", "", high, Confidence.HIGH),
            Finding("b", "", high, Confidence.MEDIUM),
            Finding("c", "", high, Confidence.LOW),
            Finding("d", "", high),
            Finding("e", "", high, Confidence.HIGH, state="known"),
            Finding("f", "", high, Confidence.HIGH, state="waived"),
            Finding("g", "", Severity.INFO),
        ],
        ["findings.high.high", "findings.high.medium", "findings.low.medium", "failed"],
    )
    assert {name: value for name, value in metrics.items() if value} == {
        "findings.total": 7,
        "findings.new": 5,
        "findings.known": 1,
        "findings.waived": 1,
        "findings.high": 4,
        "findings.high.high": 1,
        "findings.high.medium": 2,
        "findings.info": 1,
    }


numbers = st.floats(allow_nan=True, allow_infinity=True) | st.integers(-5, 200)
operators = st.sampled_from([">=", "<=", "==", "!=", ">", "<"])
metric_names = st.sampled_from(["failed", "line", "branch:src", "findings.new", "passed"])
conditions = st.lists(
    st.builds(Condition, metric_names, operators, st.integers(0, 100)), max_size=3
).map(tuple)
all_settings = st.builds(
    Settings,
    st.just("gate"),
    st.just("test"),
    st.sampled_from(["required", "advisory", "off"]),
    st.just(1.0),
    st.none(),
    conditions,
    conditions,
)
condition_metrics = st.dictionaries(metric_names, numbers, max_size=5)
findings = st.lists(st.builds(Finding, st.just("R1"), st.just("bad")), max_size=2).map(tuple)


@given(all_settings, condition_metrics, findings, st.none() | st.integers(0, 9))
@same_every_time
def test_unknown_evidence_never_passes(
    policy: Settings, metrics: dict[str, float], found: tuple[Finding, ...], examined: int | None
) -> None:
    given_up = Evidence(found, metrics, examined, unknown="broke off", receipt=RECEIPT)
    assert rule(policy, given_up).outcome in ("unknown", "fail")


@given(conditions.filter(bool), condition_metrics, findings, st.booleans(), st.booleans())
@same_every_time
def test_a_pass_has_a_receipt_and_every_condition_measured_and_held(
    limits: tuple[Condition, ...],
    metrics: dict[str, float],
    found: tuple[Finding, ...],
    receipt: bool,
    examined: bool,
) -> None:
    policy = Settings("gate", "test", "required", 1.0, conditions=limits)
    ruled = rule(
        policy, Evidence(found, metrics, int(examined), receipt=RECEIPT if receipt else None)
    )
    all_hold = all(measured.holds for measured in ruled.conditions)
    assert (ruled.outcome == "pass") == (receipt and examined and all_hold)


@given(conditions.filter(bool), condition_metrics, findings, st.none() | st.just("broke off"))
@same_every_time
def test_a_level_never_changes_an_outcome(
    limits: tuple[Condition, ...],
    metrics: dict[str, float],
    found: tuple[Finding, ...],
    unknown: str | None,
) -> None:
    seen = Evidence(found, metrics, 1, unknown=unknown, receipt=RECEIPT)
    ruled = [
        rule(Settings("gate", "test", level, 1.0, conditions=limits), seen)
        for level in ("required", "advisory", "off")
    ]
    assert len({(r.outcome, r.reason) for r in ruled}) == 1


# all gates

VERDICTS: list[tuple[str, list[Ruling], str, str, str | None]] = [
    (
        "one required pass",
        [ruling("lint", conditions=(GOOD,))],
        "pass",
        "1 required gate passed: lint",
        None,
    ),
    (
        "a warning is a pass",
        [ruling("lint", conditions=(GOOD,)), ruling("format", outcome="warn", conditions=(GOOD,))],
        "pass",
        "2 required gates passed: lint, format",
        None,
    ),
    (
        "a fail outweighs passes and unknowns",
        [
            ruling("lint", conditions=(GOOD,)),
            ruling("tests", outcome="unknown", reason="cannot tell"),
            ruling("bandit", outcome="fail", reason="B602"),
        ],
        "fail",
        "B602",
        "bandit",
    ),
    (
        "several fails: the first, and how many more",
        [
            ruling("lint", outcome="fail", reason="bad"),
            ruling("format", outcome="fail", reason="ugly"),
            ruling("tests", outcome="fail", reason="wrong"),
        ],
        "fail",
        "bad (and 2 more fail)",
        "lint",
    ),
    (
        "an unknown outweighs passes",
        [
            ruling("lint", conditions=(GOOD,)),
            ruling("tests", outcome="unknown", reason="cannot tell"),
        ],
        "unknown",
        "cannot tell",
        "tests",
    ),
    (
        "advisory fails and unknowns do not count",
        [
            ruling("lint", conditions=(GOOD,)),
            ruling("tests", level="advisory", outcome="fail"),
            ruling("bandit", level="advisory", outcome="unknown"),
        ],
        "pass",
        "1 required gate passed: lint",
        None,
    ),
    (
        "what is not applicable or off stands in nobody's way",
        [
            ruling("lint", conditions=(GOOD,)),
            ruling("package", outcome="not-applicable"),
            ruling("tests", outcome="off"),
        ],
        "pass",
        "1 required gate passed: lint",
        None,
    ),
    ("no gate at all", [], "unknown", "nothing required passed", None),
    (
        "all off, advisory or not applicable",
        [
            ruling("lint", outcome="off"),
            ruling("coverage", level="advisory", conditions=(GOOD,)),
            ruling("package", outcome="not-applicable"),
            ruling("tests", level="off", outcome="off"),
        ],
        "unknown",
        "nothing required passed",
        None,
    ),
    (
        "a required gate without any condition is not enough",
        [ruling("package")],
        "unknown",
        "nothing required passed",
        None,
    ),
    (
        "a required gate without any condition is not named among those that passed",
        [ruling("package"), ruling("lint", conditions=(GOOD,))],
        "pass",
        "1 required gate passed: lint",
        None,
    ),
]


@pytest.mark.parametrize(
    ("rulings", "expected", "reason", "gate"),
    [row[1:] for row in VERDICTS],
    ids=[row[0] for row in VERDICTS],
)
def test_verdict(rulings: list[Ruling], expected: str, reason: str, gate: str | None) -> None:
    given_answer = answer(rulings)
    assert (given_answer.verdict, given_answer.gate) == (expected, gate)
    assert given_answer.reason.startswith(reason)


any_rulings = st.lists(
    st.builds(
        ruling,
        st.sampled_from(["lint", "tests", "bandit"]),
        level=st.sampled_from(["required", "advisory", "off"]),
        outcome=st.sampled_from(["pass", "warn", "fail", "unknown", "not-applicable", "off"]),
        conditions=st.sampled_from([(), (GOOD,)]),
    ),
    max_size=5,
)


@given(any_rulings)
@same_every_time
def test_a_required_fail_or_unknown_never_comes_out_as_pass(rulings: list[Ruling]) -> None:
    required = {r.outcome for r in rulings if r.level == "required"}
    said = answer(rulings).verdict
    assert (said == "fail") == ("fail" in required)
    if "unknown" in required:
        assert said != "pass"


@given(any_rulings)
@same_every_time
def test_a_pass_needs_a_required_gate_that_was_judged(rulings: list[Ruling]) -> None:
    judged = [
        r
        for r in rulings
        if r.level == "required" and r.outcome in ("pass", "warn") and r.conditions
    ]
    if answer(rulings).verdict == "pass":
        assert judged


# a stage


@pytest.mark.parametrize(
    ("rulings", "expected"),
    [
        ([], "off"),
        ([ruling(outcome="off"), ruling(outcome="not-applicable")], "not-applicable"),
        ([ruling(), ruling(outcome="off")], "pass"),
        ([ruling(), ruling(outcome="warn")], "warn"),
        ([ruling(outcome="warn"), ruling(outcome="unknown")], "unknown"),
        ([ruling(outcome="unknown"), ruling(outcome="fail")], "fail"),
        ([ruling(), ruling(outcome="fail", level="advisory")], "warn"),
        ([ruling(), ruling(outcome="unknown", level="advisory")], "warn"),
    ],
)
def test_a_stage_shows_its_worst_outcome(rulings: list[Ruling], expected: str) -> None:
    assert worst(rulings) == expected


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (8.2, "8.20"),
        (64.1, "64.10"),
        (0.29, "0.29"),
        (99.999, "99.99"),
        (100.0, "100"),
        (1e-7, "0.00"),
    ],
)
def test_numbers_are_cut_and_not_rounded(value: float, shown: str) -> None:
    assert number(value) == shown


@pytest.mark.parametrize(
    ("condition", "value", "says"),
    [
        ("line >= 64.1", 64.0999999, "line 64.09, needs >= 64.1"),
        ("line <= 0.5", 0.505, "line 0.50, needs <= 0.5"),
        ("line >= 90", 89.999999, "line 89.99, needs >= 90"),
        ("line <= 90", 90.001, "line 90.00, needs <= 90"),
    ],
)
def test_a_limit_is_shown_in_full(condition: str, value: float, says: str) -> None:
    assert says in rule(settings(condition), evidence(metrics={"line": value})).reason
