"""Criteria as Keptn writes them."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_devops_gates.operations.criteria import aggregated, blocks, hold, parse, words

FINITE = st.floats(allow_nan=False, allow_infinity=False, width=32)


@pytest.mark.parametrize(
    ("text", "value", "before", "holds"),
    [
        ("<0.01", 0.0099, None, True),
        ("<0.01", 0.01, None, False),
        ("<=0.01", 0.01, None, True),
        ("=3", 3.0, None, True),
        ("=3", 3.1, None, False),
        (">= 99.5", 99.5, None, True),
        (">99.5", 99.5, None, False),
        ("<=+10%", 110.0, 100.0, True),  # 100 * 1.1 is more than 110 in floating point
        ("<=+10%", 110.1, 100.0, False),
        ("<=+10%", 110.0, None, None),
        (">=-5", 95.0, 100.0, True),
        (">=-5", 94.9, 100.0, False),
        (">=-5%", -105.0, -100.0, True),  # a share of how much it is, whatever its sign
        ("<+0.1", 0.29, 0.2, True),
        ("= + 0", 0.2, 0.2, True),
        ("<=+10%", 0.0, 0.0, True),
        ("<=+10%", 0.1, 0.0, False),
    ],
)
def test_criteria(text: str, value: float, before: float | None, holds: bool | None) -> None:
    assert parse(text).holds(value, before) is holds


@pytest.mark.parametrize(
    "text",
    ["", "5", "<", "<<5", "==5", "=<5", "!=5", "<5%", "<1e3", "<nan", "<inf", "<0x1", "<1_0",
     "<\u0661", "< 5 6", "<+-5", "<5;", "<" + "9" * 16, "~5"],
)  # fmt: skip
def test_no_criteria(text: str) -> None:
    with pytest.raises(ValueError, match="is no criterion"):
        parse(text)


def test_a_list_is_and_a_list_of_lists_is_or() -> None:
    both = blocks(["<10", ">5"])
    assert [hold(both, n, None) for n in (7, 5, 10)] == [True, False, False]
    either = blocks([["<5"], [">10", "<20"]])
    assert [hold(either, n, None) for n in (4, 7, 15, 20)] == [True, False, True, False]
    assert words(either, None) == "<5 or >10 and <20"
    assert blocks([]) == ()
    assert hold((), 1, None) is False


@pytest.mark.parametrize("raw", [["<5", ["<6"]], [[]], [["<5"], []]])
def test_mixed_and_empty_lists(raw: list[str | list[str]]) -> None:
    with pytest.raises(ValueError, match="list"):
        blocks(raw)


def test_what_cannot_be_told_may_not_matter() -> None:
    """An earlier value that there is not decides nothing that is decided already."""
    assert hold(blocks(["<5", "<=+10%"]), 6, None) is False
    assert hold(blocks(["<5", "<=+10%"]), 4, None) is None
    assert hold(blocks([["<5"], ["<=+10%"]]), 4, None) is True
    assert hold(blocks([["<5"], ["<=+10%"]]), 6, None) is None


def test_limits_are_told_with_what_they_come_from() -> None:
    assert words(blocks(["<=+10%", "<5"]), 2.0) == "<=+10% (<=2.2) and <5"
    assert words(blocks(["<=+10%"]), None) == "<=+10%"


@pytest.mark.parametrize(
    ("how", "wanted"), [("avg", 4.0), ("p50", 3.0), ("p90", 7.6), ("p95", 8.8)]
)
def test_aggregates(how: str, wanted: float) -> None:
    assert aggregated([10, 1, 3, 2, 4], how) == pytest.approx(wanted)
    assert aggregated([7], how) == 7
    assert aggregated([], how) is None


@given(st.lists(FINITE, min_size=1, max_size=9), st.sampled_from(["avg", "p50", "p90", "p95"]))
def test_an_aggregate_lies_between_the_values(values: list[float], how: str) -> None:
    found = aggregated(values, how)
    assert found is not None
    slack = 1e-9 * max(map(abs, values))
    assert min(values) - slack <= found <= max(values) + slack


@given(FINITE, FINITE, st.integers(0, 1000))
def test_more_is_never_allowed_less(value: float, before: float, by: int) -> None:
    """Who holds within n percent holds within more of them, and exactly as the limit says."""
    narrow, wide = parse(f"<=+{by}%"), parse(f"<=+{by + 1}%")
    if narrow.holds(value, before):
        assert wide.holds(value, before)
    limit = Fraction(repr(before)) + abs(Fraction(repr(before))) * by / 100
    assert narrow.holds(value, before) is (Fraction(repr(value)) <= limit)
