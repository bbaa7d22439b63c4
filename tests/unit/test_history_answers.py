"""What the history answers of the tests of many runs."""

from __future__ import annotations

from pytest_devops_gates.evidence import RanTest
from pytest_devops_gates.history import answers
from pytest_devops_gates.history.answers import Flaky, Outcomes

PASSED, FAILED, BROKE, SKIPPED = (
    (RanTest("a", outcome, 0.1),) for outcome in ("passed", "failed", "error", "skipped")
)


def test_a_test_that_broke_failed() -> None:
    runs = [Outcomes("3", "c", PASSED), Outcomes("2", "c", BROKE), Outcomes("1", "c", FAILED)]
    assert answers.flaky(runs) == (Flaky("a", 1, 2, ("c",), "2"),)
    assert answers.flaky([runs[0], Outcomes("2", "c", SKIPPED)]) == ()
    assert answers.outcomes([BROKE, SKIPPED]) == {"a": {"failed"}}
    assert answers.outcomes([BROKE, PASSED]) == {"a": {"failed", "passed"}}
