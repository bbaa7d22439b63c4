"""Objectives: what each comes to, and what all do."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_devops_gates.errors import CannotTell
from pytest_devops_gates.evidence import Severity
from pytest_devops_gates.gates.slo import together
from pytest_devops_gates.operations import budget, objectives, prometheus
from pytest_devops_gates.operations.budget import Spent
from pytest_devops_gates.operations.endpoint import Server
from pytest_devops_gates.operations.measuring import Before, asking, measured
from pytest_devops_gates.operations.objectives import Judged, Objective, judge, score
from pytest_devops_gates.operations.prometheus import Missing
from pytest_devops_gates.web import Unreachable

ERRORS = {"sli": "errors", "query": "sum(x)", "passes": ["<0.01"], "warning": ["<=0.05"]}


def errors(**fields: Any) -> Objective:
    return Objective(**{**ERRORS, **fields})


@pytest.mark.parametrize(
    ("value", "result", "rule", "severity"),
    [
        (0.005, "pass", None, None),
        (0.01, "warning", "warned-objective", Severity.LOW),
        (0.05, "warning", "warned-objective", Severity.LOW),
        (0.0501, "fail", "failed-objective", Severity.MEDIUM),
    ],
)
def test_results(value: float, result: str, rule: str | None, severity: Severity | None) -> None:
    judged = judge(errors(), value, None)
    assert judged.result == result
    assert [(f.rule, f.severity) for f in judged.findings] == ([(rule, severity)] if rule else [])
    assert judged.metrics == {"sli:errors": value, "failed:errors": float(result == "fail")}


def test_what_is_told() -> None:
    (told,) = judge(errors(query="sum(\n  rate(x[5m])\n)" + "y" * 200), 0.5, None).findings
    assert told.message.startswith("objective errors is 0.5, needs <0.01 · sum( rate(x[5m]) )yyy")
    assert told.message.endswith("y…")
    assert len(told.message) < 150
    (key,) = judge(errors(key=True), 0.5, None).findings
    assert key.severity == Severity.HIGH
    assert key.message.startswith("key objective errors is 0.5")
    (near,) = judge(errors(), 0.0100000001, None).findings
    assert "is 0.0100000001, needs <0.01" in near.message


def test_compared() -> None:
    one = errors(passes=["<=+10%"], warning=["<=+50%"])
    assert one.compares
    assert not errors().compares
    assert errors(warning=["<=+5%"]).compares
    assert judge(one, 1.1, 1.0).result == "pass"
    assert judge(one, 1.2, 1.0).result == "warning"
    (told,) = judge(one, 1.6, 1.0).findings
    assert "is 1.6, needs <=+10% (<=1.1)" in told.message
    with pytest.raises(CannotTell, match="no earlier value"):
        judge(one, 1.1, None)


def test_without_earlier_values_nothing_passes_that_needs_them() -> None:
    one = errors(passes=["<0.01"], warning=["<=+50%"])
    assert judge(one, 0.005, None).result == "pass"
    with pytest.raises(CannotTell, match="no earlier value"):
        judge(one, 0.02, None)


def told(result: Any, **fields: Any) -> Judged:
    return Judged(errors(**fields), result)


@pytest.mark.parametrize(
    ("judged", "wanted"),
    [
        ([told("pass"), told("pass")], 100),
        ([told("pass"), told("warning")], 75),
        ([told("pass", weight=3), told("fail")], 75),
        ([told("fail"), told("fail")], 0),
        ([told("warning", weight=2), told("fail", weight=1)], 100 / 3),
        ([told("pass"), told(None)], None),
        ([], None),
        ([Judged(Objective("b"), "fail")], None),
        ([told("pass"), Judged(Objective("b"), "fail")], 100),
    ],
)
def test_scores(judged: list[Judged], wanted: float | None) -> None:
    assert score(judged) == (wanted if wanted is None else pytest.approx(wanted))


RESULTS = st.sampled_from(["pass", "warning", "fail"])
MANY = st.lists(st.tuples(RESULTS, st.integers(1, 1000)), min_size=1, max_size=12)


@given(MANY)
def test_a_score_is_a_percentage(many: list[tuple[str, int]]) -> None:
    found = score([told(result, weight=weight) for result, weight in many])
    assert found is not None
    assert 0 <= found <= 100
    assert (found == 100) is all(result == "pass" for result, _ in many)
    assert (found == 0) is all(result == "fail" for result, _ in many)


@given(MANY, st.integers(0, 11))
def test_a_better_result_never_lowers_the_score(many: list[tuple[str, int]], at: int) -> None:
    at %= len(many)
    better = [*many[:at], ("pass", many[at][1]), *many[at + 1 :]]
    before, after = (score([told(r, weight=w) for r, w in each]) for each in (many, better))
    assert before is not None
    assert after is not None
    assert after >= before


def test_all_together() -> None:
    found = together(
        [
            judge(errors(), 0.001, None),
            judge(errors(sli="slow", key=True), 1.0, None),
            Judged(errors(sli="a"), unknown="gives no data"),
            Judged(errors(sli="b"), unknown="gives no data"),
            Judged(errors(sli="c"), unknown="gives NaN"),
        ]
    )
    assert found.unknown == "a, b: gives no data; c: gives NaN"
    assert "score" not in found.metrics
    assert found.examined == 2
    assert (
        found.metrics["failed"] == found.metrics["failed-key"] == found.metrics["failed:slow"] == 1
    )
    assert objectives.MISSED == "fail"


@pytest.mark.parametrize(
    ("spent", "result", "left"),
    [
        (Spent(100, 0, 0), "pass", 100),
        (Spent(50, 0, 9), "warning", 50),
        (Spent(50, 20, 9), "fail", 50),
        (Spent(-5, 0, 0), "fail", 0),
    ],
)
def test_budgets(spent: Spent, result: str, left: float) -> None:
    one = Objective("b", target=99.9, good="g[$window]", total="t[$window]")
    found = objectives.of_budget(one, spent, budget.findings("b", 99.9, "30d", spent))
    assert found.result == result
    assert found.metrics == {
        "budget:b": left,
        "burn:b": spent.fast,
        "burn-slow:b": spent.slow,
        "failed:b": float(result == "fail"),
    }
    assert one.is_key, "a budget that is used up fails whatever the score is"


def test_earlier_values_are_asked_for_their_instants() -> None:
    """The median of those that there are; one that lacks data is left out, any other trouble is
    not."""
    one = errors(passes=["<=+10%"], warning=[])
    numbers = {None: 2.1, 1_000_000 - 86_400: 1.0, 1_000_000 - 172_800: 2.0}

    def ask(query: str, at: float | None) -> float:
        if at not in numbers:
            raise Missing("gives no data")
        return numbers[at]

    before = Before(("1d", "2d", "7d"), "avg", 1_000_000)
    (found,) = measured(one, before, ask).findings
    assert "is 2.1, needs <=+10% (<=1.65)" in found.message
    assert measured(one, Before(("2d",), "p50", 1_000_000), ask).result == "pass"
    assert measured(one, Before(("7d",), "p50", 1_000_000), ask).unknown == (
        "there is no earlier value that it could be compared with"
        " · leave such a criterion out until it has run that long"
    )

    def broken(query: str, at: float | None) -> float:
        if at is not None:
            raise CannotTell("answered 503")
        return 2.1

    assert measured(one, before, broken).unknown == "answered 503"


def test_a_server_that_is_gone_is_not_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fifty objectives that each wait for a dead server would outlast the gate."""
    asked = []

    def value(server: Server, query: str, at: float | None, timeout: float) -> float:
        asked.append(query)
        raise Unreachable("no whole answer within 10 seconds")

    monkeypatch.setattr(prometheus, "value", value)
    ask = asking(Server("http://a", "http://a", {}, None, False), 10)
    told = [measured(errors(sli=f"s{n}"), Before(), ask).unknown for n in range(50)]
    assert set(told) == {"no whole answer within 10 seconds"}
    assert len(asked) == 1


def test_without_scored_objectives_there_is_no_score() -> None:
    spent = Spent(50, 0, 0)
    found = together([objectives.of_budget(Objective("b", target=99.9), spent, ())])
    assert ("score" in found.metrics, list(found.inapplicable)) == (False, ["score"])
    found = together([judge(errors(), 0.001, None)])
    assert (found.metrics["score"], found.inapplicable) == (100, {})
