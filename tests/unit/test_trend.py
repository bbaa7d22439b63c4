"""The gate ``trend``: what is worse than usual, and what is only noise."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_devops_gates.errors import UsageError
from pytest_devops_gates.evidence import Evidence, Finding, Receipt, Severity
from pytest_devops_gates.gates.trend import TREND, TrendOptions
from pytest_devops_gates.lessons import worsening
from pytest_devops_gates.lessons.worsening import compared
from pytest_devops_gates.past import Past, PastRun
from pytest_devops_gates.testing import Judged, judge

STEADY = {"coverage.line": 90.0, "tests.seconds": 20.0, "tests.passed": 100.0}


def past(runs: int = 8, /, **metrics: float) -> Past:
    told = {name.replace("__", "."): value for name, value in metrics.items()} or STEADY
    return Past(tuple(PastRun(str(n), "2026-11-01T00:00:00Z", "pass", 60.0, metrics=told)
                      for n in range(runs)))  # fmt: skip


def evidence(**metrics: float) -> Evidence:
    return Evidence(metrics=metrics, examined=1, receipt=Receipt("x"))


def review(root: Path, gathered: Mapping[str, Evidence], before: Past, **options: Any) -> Judged:
    return judge(TREND, root, gathered=gathered, past=before, options=options)


@pytest.mark.parametrize(
    ("metric", "values", "now", "is_worse"),
    [
        ("coverage.line", [90.0] * 5, 89.5, False),
        ("coverage.line", [90.0] * 5, 89.4, True),
        ("coverage.line", [90.0] * 5, 99.0, False),
        ("coverage.line", [90, 80, 85, 95, 90], 79.0, False),  # it is never the same
        ("tests.seconds", [20.0] * 5, 30.0, False),
        ("tests.seconds", [20.0] * 5, 30.1, True),
        ("tests.seconds", [1.0] * 5, 5.9, False),  # no more than some seconds
        ("tests.seconds", [20, 40, 20, 60, 40], 70.0, False),
        ("tests.passed", [100] * 5, 99, True),
        ("tests.passed", [100, 102, 101, 100, 103], 100, False),
        ("tests.skipped", [3] * 5, 4, True),
        ("tests.skipped", [3, 5, 3, 5, 3], 5, False),  # of two Pythons in turn
        ("tests.skipped", [3] * 8 + [5, 5], 5, True),  # twice is not usual yet
        ("tests.skipped", [3] * 7 + [5, 5, 5], 5, False),
        ("tests.skipped", [10, 11, 12, 13, 14], 15, True),  # it creeps: a new worst
        ("tests.flaky", [0, 0, 1, 0, 0], 1, True),
        ("tests.flaky", [0, 0, 1, 0, 0], 0, False),
        ("bandit.findings.total", [7] * 5, 8, True),
        ("lint.findings.total", [7] * 5, 6, False),
        ("suppressions.suppressions", [7] * 5, 8, True),
    ],
)
def test_worse_is_what_noise_does_not_explain(
    metric: str, values: list[float], now: float, is_worse: bool
) -> None:
    for order in (values, values[::-1]):
        found = dict(compared({metric: now}, [{metric: one} for one in order], {}, 5))
        assert (found[metric] is not None) is is_worse


@pytest.mark.parametrize("metric", ["policy.findings.total", "tests.rerun", "x.anything"])
def test_what_is_no_trend_is_not_compared(metric: str) -> None:
    assert not list(compared({metric: 9.0}, [{metric: 0.0}] * 5, {}, 5))


@pytest.mark.parametrize(
    ("text", "now", "is_worse"),
    [
        ("up", 9.9, True),
        ("down", 10.1, True),
        ("down", 9.0, False),
        ("<= +10%", 11.0, False),
        ("<= +10%", 11.1, True),
        (">= -1", 8.9, True),
        ("no-drop", 9.9, True),
        ("no-rise", 9.9, False),
    ],
)
def test_what_the_user_names_is_compared_as_they_say(text: str, now: float, is_worse: bool) -> None:
    asked = {"build.size": worsening.own("build.size", text)}
    before = [{"build.size": 10.0}] * 5
    assert (dict(compared({"build.size": now}, before, asked, 5))["build.size"] is not None) is (
        is_worse
    )


def test_the_users_word_goes_before_ours() -> None:
    before = [{"tests.seconds": 20.0}] * 5
    off = {"tests.seconds": worsening.own("tests.seconds", "off")}
    assert not list(compared({"tests.seconds": 900.0}, before, off, 5))
    assert worsening.own("tests.seconds", "down") is worsening.TIME
    assert worsening.own("tests.seconds", "up") is not worsening.TIME


@given(
    st.lists(st.floats(0, 1e6), min_size=5, max_size=20),
    st.sampled_from([*worsening.KNOWN.values()]),
    st.floats(0, 1e6),
)
def test_nothing_is_worse_than_itself_nor_by_being_better(
    values: list[float], watch: worsening.Watch, better: float
) -> None:
    before = [{"a.b": one} for one in values]
    middle = median(values)
    sign = 1 if watch.way == worsening.UP else -1
    for now in (middle, middle + sign * better):
        assert dict(compared({"a.b": now}, before, {"a.b": watch}, 5)) == {"a.b": None}
    worse, worst = (
        dict(compared({"a.b": middle - sign * by}, before, {"a.b": watch}, 5))["a.b"]
        for by in (better, 2 * better)
    )
    assert worse is None or worst is not None


def test_a_run_as_usual_passes(tmp_path: Path) -> None:
    gathered = {"coverage": evidence(line=90.0), "tests": evidence(seconds=20.0, passed=100.0)}
    judged = review(tmp_path, gathered, past())
    assert judged.outcome == "pass"
    assert judged.evidence.metrics == {"compared": 3, "worse": 0}
    assert judged.evidence.examined == 3


def test_what_is_worse_is_told_with_all_numbers(tmp_path: Path) -> None:
    gathered = {"coverage": evidence(line=80.0), "tests": evidence(seconds=90.0, passed=100.0)}
    judged = review(tmp_path, gathered, past())
    assert (judged.outcome, judged.ruling.level) == ("fail", "advisory")
    told = [finding.message.partition(" · ")[0] for finding in judged.evidence.findings]
    assert told == [
        "coverage.line is 80, and was 90 in the median of the last 8 passing runs (-10, -11.11 %)",
        "tests.seconds is 90, and was 20 in the median of the last 8 passing runs (+70, +350 %)",
    ]
    assert {finding.rule for finding in judged.evidence.findings} == {"worse"}


def test_only_the_last_runs_are_looked_back_at(tmp_path: Path) -> None:
    new, old = (past(n, coverage__line=value).passing for n, value in ((2, 80.0), (9, 90.0)))
    gathered = {"coverage": evidence(line=80.0)}
    assert review(tmp_path, gathered, Past((*new, *old)), runs=2, least=2).outcome == "pass"
    assert review(tmp_path, gathered, Past((*new, *old)), runs=11).outcome == "fail"


def test_a_metric_needs_enough_runs_of_its_own() -> None:
    before = [{"tests.skipped": 0.0}] * 4 + [{}]
    assert not list(compared({"tests.skipped": 9.0}, before, {}, 5))
    assert list(compared({"tests.skipped": 9.0}, before, {}, 4))


def test_findings_of_a_gate_are_counted(tmp_path: Path) -> None:
    found = Evidence((Finding("E1", "x", Severity.LOW),) * 3, examined=1, receipt=Receipt("ruff"))
    judged = review(tmp_path, {"lint": found}, past(5, lint__findings__total=2.0))
    assert "lint.findings.total is 3, and was 2" in judged.evidence.findings[0].message


@pytest.mark.parametrize(
    ("before", "gathered", "outcome", "said"),
    [
        (past(2), {}, "not-applicable", "5 passing runs are needed, there are 2"),
        (past(1), {}, "not-applicable", "there is 1"),
        (Past(), {}, "not-applicable", "there are 0"),
        (Past(unknown="no database"), {}, "unknown", "no database"),
        (past(), {}, "not-applicable", "nothing that this run measured"),
        (past(), {"tests": Evidence(unknown="hung")}, "unknown", "tests could not tell"),
        (past(), {"new": evidence(x=1.0)}, "not-applicable", "nothing that this run measured"),
    ],
)
def test_where_nothing_can_be_compared(
    tmp_path: Path, before: Past, gathered: dict[str, Evidence], outcome: str, said: str
) -> None:
    judged = review(tmp_path, gathered, before)
    assert judged.outcome == outcome
    assert said in judged.reason


def test_numbers_that_broke_off_are_not_compared(tmp_path: Path) -> None:
    broken = Evidence(metrics={"passed": 3.0}, examined=3, unknown="hung", receipt=Receipt("x"))
    judged = review(tmp_path, {"tests": broken, "coverage": evidence(line=90.0)}, past())
    assert judged.evidence.metrics == {"compared": 1, "worse": 0}


def test_tests_that_were_left_out_are_not_missing(tmp_path: Path) -> None:
    some = evidence(seconds=2.0, passed=5.0, deselected=95.0)
    judged = review(tmp_path, {"tests": some, "coverage": evidence(line=90.0)}, past())
    assert judged.outcome == "pass"
    assert judged.evidence.notes == (
        "95 tests were deselected, more than before: their numbers are not compared",
    )
    usual = past(8, tests__passed=6.0, tests__deselected=95.0)
    assert review(tmp_path, {"tests": some}, usual).outcome == "fail"


def test_a_metric_that_was_asked_for_has_to_be_there(tmp_path: Path) -> None:
    gathered = {"coverage": evidence(line=90.0)}
    judged = review(tmp_path, gathered, past(), metrics={"coverage.lines": "up"})
    assert judged.outcome == "unknown"
    assert "coverage.lines, which the option 'metrics' names" in judged.reason
    assert review(tmp_path, gathered, past(), metrics={"coverage.lines": "off"}).outcome == "pass"
    broken = {**gathered, "tests": Evidence(unknown="hung")}
    judged = review(tmp_path, broken, past(), metrics={"tests.passed": "up"})
    assert judged.outcome == "unknown"
    assert "was not measured in this run: the gate tests could not tell" in judged.reason


@pytest.mark.parametrize(
    ("metric", "said"),
    [
        ("mutation.score", "the gate mutation did not run"),
        ("install.modules", "the gate install is not applicable"),
        ("coverage.branch", "it was measured in 0 of 8 earlier runs, 5 are needed"),
    ],
)
def test_why_a_metric_that_was_asked_for_is_not_compared(
    tmp_path: Path, metric: str, said: str
) -> None:
    nothing = Evidence(not_applicable="it is no package")
    gathered = {"coverage": evidence(line=90.0, branch=80.0), "install": nothing}
    judged = review(tmp_path, gathered, past(), metrics={metric: "up"})
    assert (judged.outcome, judged.evidence.metrics["compared"]) == ("pass", 1)
    assert judged.evidence.notes == (f"{metric} is not compared: {said}",)
    judged = review(tmp_path, gathered, past(), metrics={metric: "off"})
    assert judged.evidence.notes == ()


def test_a_git_hook_does_not_ask(tmp_path: Path) -> None:
    assert judge(TREND, tmp_path, gathered={}, past=past(), profile="commit").outcome == "off"


@pytest.mark.parametrize(
    "options",
    [
        {"runs": 3},
        {"least": 0},
        {"runs": 1001},
        {"metrics": {"line": "up"}},
        {"metrics": {".line": "up"}},
        {"metrics": {"coverage.line": "sideways"}},
        {"metrics": {"coverage.line": ">= 90"}},
        {"metrics": {"coverage.line": ""}},
        {"metrics": {"lint.findings.new": "down"}},
        {"metrics": {"lint.findings": "down"}},
    ],
)
def test_wrong_options_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=r"gates\.trend\.options"):
        TrendOptions(**options)
