"""The gate ``slo``, at a real Prometheus where that is installed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_devops_gates import testing
from pytest_devops_gates.decode import decode
from pytest_devops_gates.errors import CannotTell, UsageError
from pytest_devops_gates.evidence import Severity
from pytest_devops_gates.gates import slo as slo_gate
from pytest_devops_gates.gates.slo import SLO, SloOptions
from pytest_devops_gates.operations import objectives
from pytest_devops_gates.testing import Judged, judge
from tests.servers import prometheus
from tests.servers.daemon import free_port
from tests.servers.service import service

NEEDS_PROMETHEUS = pytest.mark.skipif(
    not prometheus.installed(), reason="prometheus is not installed"
)
ERRORS = 'sum(rate(requests_total{code="500"}[5m])) / sum(rate(requests_total[5m]))'
GOOD = 'sum(increase(requests_total{code="200"}[$window]))'
TOTAL = "sum(increase(requests_total[$window]))"
OBJECTIVE = {"sli": "errors", "query": ERRORS, "pass": ["<0.01"], "warning": ["<=0.05"]}
BUDGET = {"sli": "checkout", "target": 99.0, "window": "7d", "good": GOOD, "total": TOTAL}


def slo(root: Path, url: str | None, *objectives: dict[str, Any], **options: Any) -> Judged:
    where = {"prometheus": url} if url else {}
    return judge(
        SLO, root, options={**where, "objectives": list(objectives), **options}, profile="operate"
    )


def test_without_objectives_there_is_no_question(tmp_path: Path) -> None:
    judged = judge(SLO, tmp_path, profile="operate")
    assert (judged.outcome, judged.reason) == (
        "not-applicable",
        "no objectives are configured · tool.devops-gates.gates.slo.options.objectives",
    )
    assert judge(SLO, tmp_path, profile="merge").outcome == "off"


def test_nobody_is_there(tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    judged = slo(tmp_path, url, OBJECTIVE, {**OBJECTIVE, "sli": "again"}, BUDGET)
    assert judged.outcome == "unknown"
    assert f"slo: errors, again, checkout: {url}: connection refused" in judged.reason


def test_its_address_and_token_are_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options = {"prometheus-env": "PROM_SECRET", "token-env": "PROM_TOKEN"}
    judged = slo(tmp_path, None, OBJECTIVE, **options)
    assert judged.outcome == "unknown"
    assert "PROM_SECRET is not set" in judged.reason
    monkeypatch.setenv("PROM_SECRET", "http://prometheus.example:9090")
    assert "PROM_SECRET: http would show" in slo(tmp_path, None, OBJECTIVE, **options).reason
    with service() as there:
        monkeypatch.setenv("PROM_SECRET", there.url)
        assert "PROM_TOKEN is not set" in slo(tmp_path, None, OBJECTIVE, **options).reason
        monkeypatch.setenv("PROM_TOKEN", "t" * 20)
        judged = slo(tmp_path, None, OBJECTIVE, **options)
        assert there.seen[0]["authorization"] == "Bearer " + "t" * 20
    assert "$PROM_SECRET: answered 200, and nothing that Prometheus says" in judged.reason
    assert "127.0.0.1" not in judged.reason
    assert "ttt" not in str(judged)


@pytest.mark.parametrize(
    ("objective", "said"),
    [
        ({"sli": "a b"}, r"objectives\[0\].sli: 'a b' is not of"),
        ({"sli": "a"}, "needs a query with pass, or else target, good and total"),
        ({"sli": "a", "query": "x"}, "pass: is missing"),
        ({"sli": "a", "query": " ", "pass": ["<1"]}, "query: has to have"),
        ({"sli": "a", "query": "x", "pass": []}, "pass: is missing"),
        ({"sli": "a", "query": "x", "pass": ["5"]}, "pass: '5' is no criterion"),
        ({"sli": "a", "query": "x", "pass": ["<1"], "warning": ["<5%"]}, "warning: '<5%' is no"),
        ({"sli": "a", "query": "x", "pass": ["<+5%"]}, "compare = .* says with what"),
        ({"sli": "a", "query": "x", "pass": ["<1"], "target": 99.9}, "target: goes with good"),
        ({"sli": "a", "query": "x", "pass": ["<1"], "weight": 0}, "weight"),
        ({"sli": "a", "query": "x", "passes": ["<1"]}, "unknown key"),
        ({**BUDGET, "target": 100.0}, "target: is a percentage"),
        ({**BUDGET, "target": float("nan")}, "target: is a percentage"),
        ({**BUDGET, "window": "1h"}, "window: '1h' is not from 7d"),
        ({**BUDGET, "window": "soon"}, "window: 'soon' is no span"),
        ({**BUDGET, "good": "sum(x[5m])"}, r"good: has no \$window"),
        ({**BUDGET, "key": True}, "go with query"),
    ],
)
def test_what_is_no_objective(tmp_path: Path, objective: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        slo(tmp_path, "http://127.0.0.1:9", objective)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"prometheus-env": "X"}, "needs either prometheus or prometheus-env"),
        ({"prometheus": "ftp://x"}, "prometheus: is no address"),
        ({"compare": ["yesterday"]}, r"compare\[0\]: 'yesterday' is no span"),
        ({"aggregate": "max"}, "aggregate"),
        ({"token-env": "X", "headers": {"authorization": "y"}}, "token-env: the headers say"),
        ({"timeout": 0.0}, "timeout"),
    ],
)
def test_what_are_no_options(tmp_path: Path, options: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        slo(tmp_path, "http://127.0.0.1:9", OBJECTIVE, **options)


def test_names_are_given_once(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"objectives\[1\].sli: 'errors' is another one's"):
        slo(tmp_path, "http://127.0.0.1:9", OBJECTIVE, OBJECTIVE)


def history(errors_of_late: float) -> str:
    """Nine days with 100 requests a second, one in a thousand of them an error, and since 7 hours
    ago some other share of errors."""
    late = 7 * 3600.0

    def bad(age: float) -> float:
        before = (9 * 86_400 - max(age, late)) * 0.1
        return before + max(0.0, late - age) * 100 * errors_of_late

    def good(age: float) -> float:
        return (9 * 86_400 - age) * 100 - bad(age)

    return prometheus.samples('requests_total{code="200"}', good, hours=216) + prometheus.samples(
        'requests_total{code="500"}', bad, hours=216
    )


@pytest.fixture(scope="module")
def well() -> Iterator[str]:
    with prometheus.prometheus({}, history=history(0.001)) as url:
        yield url


@pytest.fixture(scope="module")
def ill() -> Iterator[str]:
    with prometheus.prometheus({}, history=history(0.04)) as url:
        yield url


@NEEDS_PROMETHEUS
@pytest.mark.slow
def test_all_is_well(tmp_path: Path, well: str) -> None:
    compared = {**OBJECTIVE, "sli": "as-before", "pass": ["<=+10%"], "key": True}
    judged = slo(tmp_path, well, OBJECTIVE, compared, BUDGET, compare=["1d", "2d", "30d"])
    assert judged.outcome == "pass", judged.reason
    metrics = judged.evidence.metrics
    assert metrics["score"] == 100
    assert metrics["sli:errors"] == pytest.approx(0.001, rel=0.01)
    assert metrics["budget:checkout"] == pytest.approx(90, abs=0.5)
    assert metrics["burn:checkout"] == pytest.approx(0.1, rel=0.02)
    assert judged.evidence.examined == 3


@NEEDS_PROMETHEUS
@pytest.mark.slow
def test_a_key_objective_vetoes_whatever_the_score_is(tmp_path: Path, ill: str) -> None:
    fine = {"sli": "busy", "query": TOTAL.replace("$window", "5m"), "pass": [">0"], "weight": 99}
    key = {**OBJECTIVE, "sli": "key-one", "key": True, "warning": []}
    judged = slo(tmp_path, ill, fine, key)
    assert judged.outcome == "fail"
    assert judged.reason.startswith("slo: failed:key-one 1, needs == 0")
    assert judged.evidence.metrics["score"] == 99
    (told,) = judged.evidence.findings
    assert told.message.startswith("key objective key-one is 0.04, needs <0.01 · sum(rate(")
    # it may be told although another one is unknown
    lost = {**fine, "sli": "lost", "query": "nothing_at_all"}
    assert slo(tmp_path, ill, lost, key).outcome == "fail"
    lost_only = slo(tmp_path, ill, lost, fine)
    assert (lost_only.outcome, lost_only.evidence.unknown) == (
        "unknown",
        f"lost: {ill}: gives no data",
    )


@NEEDS_PROMETHEUS
@pytest.mark.slow
def test_scores(tmp_path: Path, ill: str) -> None:
    fine = {"sli": "busy", "query": TOTAL.replace("$window", "5m"), "pass": [">0"]}
    for weight, outcome in ((1, "warn"), (4, "pass")):
        judged = slo(tmp_path, ill, OBJECTIVE, {**fine, "weight": weight})
        assert judged.outcome == outcome, judged.reason
        assert judged.rules == ["warned-objective"]
    judged = slo(tmp_path, ill, OBJECTIVE)
    assert judged.reason.startswith("slo: score 50, needs >= 75")


@NEEDS_PROMETHEUS
@pytest.mark.slow
def test_compared_with_earlier_days(tmp_path: Path, ill: str) -> None:
    compared = {**OBJECTIVE, "pass": ["<=+10%"], "warning": []}
    judged = slo(tmp_path, ill, compared, compare=["1d", "2d", "30d"])
    assert judged.rules == ["failed-objective"]
    assert "is 0.04, needs <=+10% (<=0.0011)" in judged.evidence.findings[0].message
    judged = slo(tmp_path, ill, compared, compare=["30d"])
    assert judged.outcome == "unknown"
    assert "errors: there is no earlier value" in judged.reason


@NEEDS_PROMETHEUS
@pytest.mark.slow
def test_a_budget_that_is_used_up_and_one_that_burns(tmp_path: Path, ill: str) -> None:
    judged = slo(tmp_path, ill, BUDGET, {**BUDGET, "sli": "all", "target": 99.9})
    assert judged.outcome == "fail"
    assert judged.reason.startswith("slo: failed:checkout 1, needs == 0")
    # 4 % of errors are 4 times of what may be in the long run: too much within seven days
    assert judged.rules == ["budget-burning", "budget-burning", "budget-exhausted"]
    metrics = judged.evidence.metrics
    assert metrics["burn:checkout"] == pytest.approx(4, rel=0.02)
    assert metrics["burn-slow:checkout"] == pytest.approx(4, rel=0.02)
    assert metrics["budget:all"] == 0
    nobody = {**BUDGET, "good": "0 * " + GOOD, "total": "0 * " + TOTAL}
    assert "there was no traffic in 7d" in slo(tmp_path, ill, nobody).reason


@NEEDS_PROMETHEUS
@pytest.mark.slow
def test_a_service_that_begins_to_fail(tmp_path: Path) -> None:
    query = ERRORS.replace("5m", "2s")
    with service(good=100) as shop:
        with prometheus.prometheus({"shop": shop.url}) as url:
            prometheus.wait_for(url, "sum(rate(requests_total[2s]))")
            shop.serve(good=500)
            prometheus.wait_for(url, "sum(rate(requests_total[2s])) > 0")
            one = {**OBJECTIVE, "query": query}
            judged = slo(tmp_path, url, one)
            assert judged.outcome == "pass", judged.reason
            shop.serve(bad=500)
            prometheus.wait_for(url, f"{query} > 0.05")
            judged = slo(tmp_path, url, one)
            assert judged.outcome == "fail"
            assert judged.rules == ["failed-objective"]
        judged = slo(tmp_path, url, one)
        assert (judged.outcome, "connection refused" in judged.reason) == ("unknown", True)


@NEEDS_PROMETHEUS
@pytest.mark.slow
def test_a_partial_answer_is_none(tmp_path: Path) -> None:
    lost = [{"url": f"http://127.0.0.1:{free_port()}/read", "read_recent": True}]
    with prometheus.prometheus({}, settings={"remote_read": lost}) as url:
        judged = slo(tmp_path, url, {**OBJECTIVE, "query": "sum(up or vector(0))"})
    assert judged.outcome == "unknown"
    assert "warns: remote_read: error sending request" in judged.reason


PLACES = {
    "inline": "objectives = [{{ {} }}]\n",
    "tables": "[[tool.devops-gates.gates.slo.options.objectives]]\n{}\n",
}


@pytest.mark.parametrize("form", PLACES.values(), ids=PLACES)
def test_the_canary_is_an_objective_that_no_number_holds(form: str, tmp_path: Path) -> None:
    lines = ['sli = "a"', 'query = "x"', 'pass = [">0"]']
    own = form.format(("\n" if "[[" in form else ", ").join(lines))
    testing.write(tmp_path, {"pyproject.toml": f"[tool.devops-gates.gates.slo.options]\n{own}"})
    planted = slo_gate.canary(testing.project(tmp_path), SloOptions()).files["pyproject.toml"]
    testing.write(tmp_path, {"pyproject.toml": str(planted)})
    tool: Any = testing.project(tmp_path).tool("devops-gates", "gates", "slo", "options")
    options = decode(SloOptions, {**tool, "prometheus": "http://127.0.0.1:9"}, "options")
    assert [one.sli for one in options.objectives] == ["devops-gates-canary", "a"]
    judged = objectives.judge(options.objectives[0], 1.0, None)
    assert [found.severity for found in judged.findings] == [Severity.HIGH]


def test_no_place_for_a_canary(tmp_path: Path) -> None:
    with pytest.raises(CannotTell, match=r"was not found in pyproject\.toml"):
        slo_gate.canary(testing.project(tmp_path), SloOptions())
