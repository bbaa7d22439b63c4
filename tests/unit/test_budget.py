"""Error budgets and burn rates."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_devops_gates.errors import CannotTell
from pytest_devops_gates.evidence import Severity
from pytest_devops_gates.operations.budget import (
    Events,
    Spent,
    findings,
    query,
    seconds,
    spent,
    thresholds,
    windows,
)

ALL = ("30d", "1h", "5m", "6h", "30m")


def events(whole: float, hour: float, five: float, six: float, half: float) -> dict[str, Events]:
    """Of a thousand events in each window, so many were bad."""
    bad = (whole, hour, five, six, half)
    return {name: Events(1000 - n, 1000) for name, n in zip(ALL, bad, strict=True)}


@pytest.mark.parametrize(
    ("bad", "left", "fast", "slow"),
    [
        ((0, 0, 0, 0, 0), 100, 0, 0),
        ((1, 0, 0, 0, 0), 0, 0, 0),
        ((0.5, 20, 30, 7, 8), 50, 20, 7),
        ((0.5, 20, 0, 7, 0), 50, 0, 0),  # it is over: the short windows say so
        ((2, 0, 0, 0, 0), -100, 0, 0),
        ((1000, 1000, 1000, 1000, 1000), -99_900, 1000, 1000),
    ],
)
def test_what_is_left(bad: tuple[float, ...], left: float, fast: float, slow: float) -> None:
    found = spent(99.9, "30d", events(*bad))
    assert (found.left, found.fast, found.slow) == pytest.approx((left, fast, slow), abs=1e-6)


@pytest.mark.parametrize(
    ("found", "rules"),
    [
        (Spent(100, 0, 0), []),
        (Spent(0.1, 14.4, 6), []),
        (Spent(50, 14.5, 7), [("budget-burning", Severity.HIGH)]),
        (Spent(50, 14.4, 6.1), [("budget-burning", Severity.MEDIUM)]),
        (Spent(0, 0, 0), [("budget-exhausted", Severity.HIGH)]),
        (
            Spent(-5, 20, 20),
            [("budget-exhausted", Severity.HIGH), ("budget-burning", Severity.HIGH)],
        ),
    ],
)
def test_findings(found: Spent, rules: list[tuple[str, Severity]]) -> None:
    told = findings("checkout", 99.9, "30d", found)
    assert [(one.rule, one.severity) for one in told] == rules
    assert all(one.message.startswith("checkout: the error budget ") for one in told)


def test_what_is_told() -> None:
    told = [one.message for one in findings("checkout", 99.9, "30d", Spent(-5, 20, 20))]
    assert told == [
        "checkout: the error budget of 99.9 % over 30d is used up, 5.0 % more than there is",
        (
            "checkout: the error budget burns 20 times as fast as it may over 1h and 5m, needs <= 14.4;"
            " 0.0 % of it are left"
        ),
    ]


def test_a_budget_that_is_used_up_to_the_last_event() -> None:
    found = spent(99.9, "30d", events(1, 14, 14, 6, 6))
    assert found == Spent(0, 14, 6)
    used_up = "checkout: the error budget of 99.9 % over 30d is used up"
    assert [one.message for one in findings("checkout", 99.9, "30d", found)] == [used_up]
    nearly = findings("checkout", 99.9, "30d", Spent(-1e-9, 0, 0))  # Prometheus extrapolates
    assert [one.message for one in nearly] == [used_up]


def test_rates_are_those_of_the_window() -> None:
    assert thresholds("30d") == (14.4, 6)
    assert thresholds("4w") == thresholds("28d") == pytest.approx((13.44, 5.6))
    assert thresholds("7d") == pytest.approx((3.36, 1.4))
    assert windows("28d") == ("28d", "1h", "5m", "6h", "30m")
    assert query("x[$window] / y[$window]", "5m") == "x[5m] / y[5m]"


@pytest.mark.parametrize("text", ["", "30", "d", "0d", "-1d", "1.5d", "1y", "1d2h", " 1d", "1D"])
def test_no_spans(text: str) -> None:
    with pytest.raises(ValueError, match="no span of time"):
        seconds(text)


@pytest.mark.parametrize("text", ["1h", "6d", "367d", "53w"])
def test_windows_for_which_there_are_no_rates(text: str) -> None:
    with pytest.raises(ValueError, match="is not from 7d to 366d"):
        thresholds(text)


def test_no_traffic() -> None:
    none = dict.fromkeys(ALL, Events(0, 0))
    with pytest.raises(CannotTell, match="there was no traffic in 30d"):
        spent(99.9, "30d", none)
    quiet = {**none, "30d": Events(999, 1000)}
    assert spent(99, "30d", quiet) == Spent(pytest.approx(90), 0, 0)


@pytest.mark.parametrize("bad", [Events(-1, 10), Events(1, -10), Events(11, 10), Events(1, 0)])
def test_contradictions(bad: Events) -> None:
    with pytest.raises(CannotTell, match="contradict each other"):
        spent(99.9, "30d", {**events(0, 0, 0, 0, 0), "5m": bad})


def test_extrapolation_is_no_contradiction() -> None:
    assert spent(99.9, "30d", dict.fromkeys(ALL, Events(1000.9, 1000))) == Spent(100, 0, 0)


BAD = st.floats(0, 1000)


@given(st.floats(0.1, 99.99), BAD, BAD, BAD, BAD, BAD, st.floats(0, 1000))
def test_more_errors_never_leave_more(
    target: float, a: float, b: float, c: float, d: float, e: float, more: float
) -> None:
    before = spent(target, "30d", events(a, b, c, d, e))
    after = spent(target, "30d", events(*(min(1000, n + more) for n in (a, b, c, d, e))))
    assert after.left <= before.left + 1e-6
    assert after.fast >= before.fast - 1e-6
    assert after.slow >= before.slow - 1e-6
    assert before.left <= 100
    assert before.fast >= 0
