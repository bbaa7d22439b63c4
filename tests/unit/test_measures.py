"""Numbers over time, and DORA's measures, as people read them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_devops_gates.columns import width
from pytest_devops_gates.history import trends
from pytest_devops_gates.measures import Summary, figure, in_a_line, rows, span, summary
from pytest_devops_gates.sparkline import BLOCKS, PLAIN, draw, shades_for
from pytest_devops_gates.verdict import Dora, Measured, Point, Trend
from tests.unit.samples import ruling, same_every_time, verdict

numbers = st.lists(st.floats(), max_size=30)


@pytest.mark.parametrize(
    ("values", "columns", "wanted"),
    [
        ([], 10, ""),
        ([1], 10, "▄"),
        ([0, 0, 0], 10, "▄▄▄"),
        ([1, 2, 3, 4, 5, 6, 7, 8], 10, "▁▂▃▄▅▆▇█"),
        ([9, 1, 2], 2, "▁█"),
        ([1, math.nan, 2, math.inf], 9, "▁ █ "),
        ([-1e308, 1e308], 9, "▁█"),
        ([1, 2], 0, ""),
    ],
)
def test_a_line_of_blocks(values: list[float], columns: int, wanted: str) -> None:
    assert draw(values, columns) == wanted


def test_a_line_in_ascii() -> None:
    assert draw([1, 2, 3, 4], 9, PLAIN) == "_.-="
    assert shades_for("ascii") == shades_for("latin-1") == shades_for("no such") == PLAIN
    assert shades_for("utf-8") == shades_for(None) == BLOCKS


@given(numbers, st.integers(0, 40), st.sampled_from([BLOCKS, PLAIN]))
@same_every_time
def test_a_line_takes_a_column_for_each_value(
    values: list[float], columns: int, shades: str
) -> None:
    line = draw(values, columns, shades)
    assert width(line) == min(len(values), columns)
    assert set(line) <= {*shades, " "}


def test_a_summary() -> None:
    assert summary([3, 1, math.nan, 8]) == Summary(3, 3, 8, 1, 3, 8)
    assert summary([math.inf]) is summary([]) is None


@given(numbers)
@same_every_time
def test_a_summary_is_finite(values: list[float]) -> None:
    told = summary(values)
    if told:
        assert told.least <= told.first <= told.most
        assert math.isfinite(told.median)
        assert figure(told.median)


@pytest.mark.parametrize(
    ("seconds", "wanted"),
    [
        (0, "0 seconds"),
        (119.99, "119.9 seconds"),
        (120, "2 minutes"),
        (7199, "119.9 minutes"),
        (2 * 3600, "2 hours"),
        (94_500, "26.2 hours"),
        (2 * 86_400, "2 days"),
        (86_400 * 400.55, "400.5 days"),
    ],
)
def test_a_time_as_people_read_it(seconds: float, wanted: str) -> None:
    assert span(seconds) == wanted


def test_doras_measures_and_why_there_is_none() -> None:
    none = Dora("production", "2026-08-30T00:00:00Z", "2026-11-28T00:00:00Z", 0, 0.0)
    told = {row.name: (row.value, row.missing) for row in rows(none)}
    assert told["Deployment frequency"] == ("0 a week", False)
    assert [missing for _, missing in told.values()] == [True, False, True, True, True]
    assert told["Change fail rate"][0] == "no deployment ended in these days"
    assert in_a_line(none) == (
        "0 deployments from 2026-08-30 to 2026-11-28, deployment frequency 0 a week"
    )
    some = Dora("p", "2026-08-30", "2026-11-28", 1, 2.239, 7200.0, 60.0, 9.999, 0.0)
    assert [row.value for row in rows(some)] == [
        *("2 hours", "2.23 a week", "60 seconds", "9.99 %", "0 %")
    ]


def points(*values: float) -> list[Point]:
    return [Point(f"r{n}", f"2026-01-0{n + 1}T00:00:00Z", value) for n, value in enumerate(values)]


def test_what_is_drawn_and_in_which_order() -> None:
    condition = Measured("findings.new", "==", 0, 0.0)
    made = verdict(
        ruling(
            "lint", metrics={"findings.new": 0.0, "findings.total": 2.0}, conditions=(condition,)
        ),
        ruling("tests", metrics={"collected": 5.0, "seconds": 1.0, "findings.total": 0.0}),
        ruling("coverage", metrics={"line": 90.0}),
        ruling("idle", outcome="off"),
    )
    earlier = {
        ("coverage", "line"): points(80, 85),
        ("tests", "collected"): points(4),
        ("lint", "findings.new"): points(0, 0),
        ("lint", "findings.total"): points(2, math.nan),
        ("tests", "findings.total"): points(0),
    }
    found = trends.of_verdict(made, lambda gate, metric: earlier.get((gate, metric), []))
    assert [(t.gate, t.metric, [p.value for p in t.points]) for t in found] == [
        ("coverage", "line", [80, 85, 90]),
        ("tests", "collected", [4, 5]),
        ("lint", "findings.total", [2, 2]),
    ]  # what was always 0 is not drawn, nor what no earlier run measured
    assert found[0].points[-1] == Point(made.run_id, made.started, 90.0)


def test_this_run_is_there_once_and_no_line_is_too_long() -> None:
    made = verdict(ruling("coverage", metrics={"line": 90.0}), run_id="x50")
    known = points(*range(9)) + [Point(f"x{n}", "2026-02-01T00:00:00Z", 1.0) for n in range(90)]
    (found,) = trends.of_verdict(made, lambda *_: known)
    assert len(found.points) == trends.RUNS
    assert [p.run_id for p in found.points].count("x50") == 1
    assert found.points[-1].run_id == "x50"


def test_no_more_than_so_many_are_drawn_and_asked_for() -> None:
    made = verdict(*(ruling(f"g{n}", metrics={"findings.total": 1.0}) for n in range(40)))
    asked: list[str] = []

    def series(gate: str, metric: str) -> list[Point]:
        asked.append(gate)
        return points(1)

    found = trends.of_verdict(made, series)
    assert [trend.gate for trend in found] == asked == [f"g{n}" for n in range(trends.MOST)]
    assert trends.of_verdict(verdict(), series) == ()
    assert isinstance(found[0], Trend)
