"""gates.env: words, numbers and digests, and nothing that a shell could take for more."""

from __future__ import annotations

import re

import msgspec
import pytest
from hypothesis import given

from pytest_devops_gates.report import make
from pytest_devops_gates.reporters.dotenv import render
from pytest_devops_gates.verdict import Counts, PolicySource, Selection, TestCounts, Verdict
from tests.reports.samples import NASTY, everywhere
from tests.unit.samples import any_text, ruling, same_every_time, verdict


def variables(made: Verdict) -> dict[str, str]:
    """What is set, after a look at the rules of GitLab."""
    written = render(make(made))
    assert len(written.encode()) <= 5_000
    lines = written.splitlines()
    assert len(lines) <= 20
    assert written == "".join(f"{line}\n" for line in lines)
    assert all(re.fullmatch(r"DEVOPS_GATES_[A-Z0-9_]+=[A-Za-z0-9.-]+", line) for line in lines)
    found = dict(line.split("=") for line in lines)
    assert len(found) == len(lines)
    return found


def test_what_is_told() -> None:
    gate = ruling(findings=Counts(total=4, new=1, known=2, waived=1))
    made = msgspec.structs.replace(
        verdict(gate),
        run_id="20261125T101301Z-d9e0de",
        commit="672971d66a2ef9f85151e53283113f33d642dabd",
        policy=PolicySource("defaults", "bdd27cfe"),
        tests=TestCounts(collected=9, passed=5, failed=2, errors=1, skipped=1),
    )
    assert variables(made) == {
        "DEVOPS_GATES_VERDICT": "fail",
        "DEVOPS_GATES_EXIT_STATUS": "1",
        "DEVOPS_GATES_PROFILE": "merge",
        "DEVOPS_GATES_COMPLETE": "true",
        "DEVOPS_GATES_RUN_ID": "20261125T101301Z-d9e0de",
        "DEVOPS_GATES_POLICY_SHA256": "bdd27cfe",
        "DEVOPS_GATES_COMMIT": "672971d66a2ef9f85151e53283113f33d642dabd",
        "DEVOPS_GATES_FINDINGS_TOTAL": "4",
        "DEVOPS_GATES_FINDINGS_NEW": "1",
        "DEVOPS_GATES_FINDINGS_KNOWN": "2",
        "DEVOPS_GATES_FINDINGS_WAIVED": "1",
        "DEVOPS_GATES_TESTS_PASSED": "5",
        "DEVOPS_GATES_TESTS_FAILED": "2",
        "DEVOPS_GATES_TESTS_ERRORS": "1",
        "DEVOPS_GATES_TESTS_SKIPPED": "1",
    }


@pytest.mark.parametrize("outcome", ["pass", "fail", "unknown"])
def test_the_verdict(outcome: str) -> None:
    assert variables(verdict(verdict=outcome))["DEVOPS_GATES_VERDICT"] == outcome


@pytest.mark.parametrize("commit", [None, "", "HEAD", "c0ffee", "../x", "a" * 41])
def test_a_commit_is_a_whole_hash(commit: str | None) -> None:
    assert "DEVOPS_GATES_COMMIT" not in variables(verdict(commit=commit))


def test_what_nobody_counted_is_not_zero() -> None:
    assert not [name for name in variables(verdict()) if "FINDINGS" in name or "TESTS" in name]
    assert not [name for name in variables(verdict(ruling())) if "TESTS" in name]


def test_a_part_is_no_whole() -> None:
    made = verdict(selection=Selection(("test",), complete=False))
    assert variables(made)["DEVOPS_GATES_COMPLETE"] == "false"


SHELL = [
    "$(id)",
    "`id`",
    "a;b",
    "a b",
    "a=b",
    "'",
    '"',
    "a\nDEVOPS_GATES_VERDICT=pass",
    "pass\n",
    "é",
]


@pytest.mark.parametrize("text", [*NASTY, *SHELL])
def test_hostile_text_is_left_out(text: str) -> None:
    names = ("PROFILE", "RUN_ID", "POLICY_SHA256", "COMMIT")
    found = variables(everywhere(text))
    assert not {f"DEVOPS_GATES_{name}" for name in names} & found.keys()
    assert "DEVOPS_GATES_VERDICT" not in variables(verdict(verdict=text))


@given(any_text)
@same_every_time
def test_any_text_breaks_no_line(text: str) -> None:
    assert variables(everywhere(text))["DEVOPS_GATES_VERDICT"] == "fail"
