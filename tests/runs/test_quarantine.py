"""A quarantine in whole runs: what it holds back, when it is over, and who may bring one in."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone

import pytest

from tests.conftest import Checkout, Ended

pytestmark = pytest.mark.slow

PULL_REQUEST = {"GITHUB_BASE_REF": "main"}
GATES = ("run", "--gate", "tests", "--gate", "policy")
FILE = "devops-gates/quarantine.toml"
TESTS = """
def test_good():
    pass

def test_bad():
    assert 1 == 2
"""
POLICY = '[project]\nname = "app"\nversion = "1"\n\n[tool.devops-gates]\n'


def entry(days: int = 30, test: str = "test_app.py::test_bad") -> str:
    today = datetime.now(timezone.utc).date()
    return f"""\
[[quarantine]]
test = "{test}"
owner = "Ada"
reason = "DNS in CI"
created = {today - timedelta(days=40)}
expires = {today + timedelta(days=days)}
"""


def judged(project: Checkout, env: Mapping[str, str] | None = None) -> Ended:
    """A run of the tests and of the gate ``policy``."""
    return project.run(command=[sys.executable, "-m", "pytest_devops_gates", *GATES], env=env)


@pytest.fixture
def project(checkout: Checkout) -> Checkout:
    return checkout.write({"pyproject.toml": POLICY, "test_app.py": TESTS})


def rules(run: Ended, gate: str) -> list[str]:
    return [f["rule"] for f in run.verdict["findings"] if f["gate"] == gate]


def test_a_failure_in_quarantine_passes_and_is_shown(project: Checkout) -> None:
    project.write({FILE: entry()}).commit()
    run = judged(project)
    assert (run.status, run.verdict["verdict"]) == (0, "pass"), run
    assert rules(run, "tests") == ["quarantined"]
    numbers = run.gate("tests")["metrics"]
    assert (numbers["quarantined"], numbers["failed"], numbers["passed"]) == (1, 0, 1)
    assert numbers["wall"] > 0
    assert "1 test failed in quarantine (test_app.py::test_bad until" in run.stdout + run.stderr
    assert rules(run, "policy") == []


def test_one_that_is_over_holds_nothing(project: Checkout) -> None:
    project.write({FILE: entry(days=-1)}).commit()
    run = judged(project)
    assert (run.status, run.verdict["verdict"]) == (1, "fail"), run
    assert rules(run, "tests") == ["failed"]
    assert rules(run, "policy") == ["quarantine-expired"]


def test_one_that_names_no_test(project: Checkout) -> None:
    project.write({FILE: entry() + entry(test="test_app.py::test_gone")}).commit()
    run = judged(project)
    assert run.status == 1, run
    assert (rules(run, "tests"), rules(run, "policy")) == (
        ["quarantined"],
        ["quarantine-unmatched"],
    )


def test_a_pull_request_that_brings_its_own_is_judged_by_the_base(project: Checkout) -> None:
    project.write({"test_app.py": TESTS.replace("1 == 2", "True")}).commit()
    project.git("branch", "-M", "main")
    project.git("checkout", "-q", "-b", "feature")
    project.write({"test_app.py": TESTS, FILE: entry()})
    project.git("add", "-A")
    project.git("commit", "-q", "-m", "Change it")
    run = judged(project, PULL_REQUEST)
    assert (run.status, run.verdict["verdict"]) == (1, "fail"), run
    assert rules(run, "tests") == ["failed"]
    assert rules(run, "policy") == ["quarantine-added"]
    assert "approve" in run.all_said


def test_what_a_plugin_adds_to_the_failures_is_not_held_back(project: Checkout) -> None:
    conftest = """
    import pytest

    @pytest.hookimpl(wrapper=True)
    def pytest_runtestloop(session):
        result = yield
        session.testsfailed += 1
        return result
    """
    project.write({FILE: entry(), "conftest.py": conftest}).commit()
    run = project.test()
    assert run.status == 1, run
    assert sorted(rules(run, "tests")) == ["exit-status", "quarantined"]
