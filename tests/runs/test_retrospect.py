"""Whole runs after others: flaky on one commit, slow since the last run, and numbers compared with
the base or with the history."""

from __future__ import annotations

import pytest

from tests.conftest import Checkout, Ended

pytestmark = pytest.mark.slow

ROOM = '[project]\nname = "app"\nversion = "1"\n'
LIMITS = """
[tool.devops-gates.gates.tests]
conditions = { collected = "no-drop", "slow.new" = "== 0" }
"""
TESTS = """
import os, time

def test_a():
    assert os.environ.get("MOOD") != "bad"

def test_b():
    time.sleep(float(os.environ.get("NAP", 0)))
"""


@pytest.fixture
def project(checkout: Checkout) -> Checkout:
    ignored = {".gitignore": ".devops-gates\n__pycache__\n"}
    return checkout.write({"pyproject.toml": ROOM, "test_app.py": TESTS, **ignored}).commit()


def compared(run: Ended, metric: str) -> tuple[object, str]:
    (found,) = [c for c in run.gate("tests")["conditions"] if c["metric"] == metric]
    return found["baseline"], found["source"]


def test_what_the_history_tells(project: Checkout) -> None:
    assert project.run().status == 0
    project.write({"pyproject.toml": ROOM + LIMITS}).commit()
    run = project.run(env={"MOOD": "bad", "NAP": "1.1"})
    assert compared(run, "collected") == (2, "history")
    assert run.gate("tests")["metrics"]["slow.new"] == 1
    assert "1 test is newly slow: test_app.py::test_b (1." in run.all_said
    assert run.gate("tests")["metrics"]["flaky"] == 0  # another commit than the one before
    run = project.run()
    assert (run.status, run.gate("tests")["metrics"]["flaky"]) == (0, 1), run
    (flaky,) = run.verdict["tests"]["detail"]["flaky"]
    assert flaky == {"id": "test_app.py::test_a", "tries": 1, "known_by": "history"}
    run = project.run(env={"MOOD": "bad"})
    said = [f["message"] for f in run.verdict["findings"] if f["gate"] == "tests"]
    assert run.status == 1
    assert said[0].endswith("passed before on this very commit: flaky")


def test_a_change_is_compared_with_its_base(project: Checkout) -> None:
    project.write({"pyproject.toml": ROOM + LIMITS}).commit()
    project.git("branch", "-M", "main")
    project.git("checkout", "-q", "-b", "feature")
    project.write({"test_app.py": TESTS.partition("def test_b")[0]}).commit()
    run = project.test(env={"GITHUB_BASE_REF": "main"})
    assert compared(run, "collected") == (2, "measured")
    assert run.status == 1
    assert "collected 1, needs >= 2 (2 at the base, measured)" in run.reason("tests")
