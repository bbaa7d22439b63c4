"""What all reports tell alike."""

from __future__ import annotations

import random

from pytest_devops_gates.evidence import Finding, Rule, Severity, SkipReason, TestDetail
from pytest_devops_gates.report import (
    FileCoverage,
    Unchecked,
    by_stage,
    make,
    outcome_counts,
    place,
    red,
    worst_first,
)
from pytest_devops_gates.verdict import (
    Counts,
    Measured,
    Selection,
    StageOutcome,
    TestCounts,
    Verdict,
)
from tests.unit.samples import ruling, verdict

JUDGED = (Measured("findings.new", "==", 0, 0, None, True),)


def finding(gate: str, severity: Severity, state: str = "new", **fields: object) -> Finding:
    return Finding("R", "m", severity, gate=gate, state=state, **fields)  # type: ignore[arg-type]


def test_the_worst_finding_comes_first() -> None:
    rulings = [
        ruling("lint", outcome="fail", level="advisory"),
        ruling("bandit", outcome="fail"),
        ruling("tests", outcome="unknown"),
        ruling("types"),
    ]
    order = [
        finding("bandit", Severity.HIGH, path="a.py", line=2),
        finding("bandit", Severity.HIGH, path="a.py", line=10),
        finding("bandit", Severity.HIGH, path="b.py", line=1),
        finding("tests", Severity.HIGH),
        finding("bandit", Severity.LOW),
        finding("lint", Severity.CRITICAL),
        finding("types", Severity.CRITICAL),
        finding("lint", Severity.INFO),
        finding("bandit", Severity.CRITICAL, "known"),
        finding("lint", Severity.HIGH, "known"),
        finding("bandit", Severity.CRITICAL, "waived"),
    ]
    for seed in range(9):
        mixed = random.Random(seed).sample(order, len(order))
        assert list(worst_first(mixed, rulings)) == order
    assert list(make(verdict(*rulings, findings=tuple(mixed))).findings) == order


def test_the_findings_and_the_rule_of_a_gate() -> None:
    found = (finding("lint", Severity.LOW), finding("tests", Severity.HIGH))
    known = Rule("R", says="it says", gate="lint")
    report = make(verdict(ruling("lint"), findings=found, rules=(known,)))
    assert report.of_gate("lint") == found[:1]
    assert report.rule(found[0]) == known
    assert report.rule(found[1]) == Rule("R", gate="tests")


def test_the_file_with_most_left_to_run_comes_first() -> None:
    files = [
        FileCoverage("a.py", 90.0, 100, 9, branches=4, missing_branches=1),
        FileCoverage("b.py", 50.0, 20, 10),
        FileCoverage("c.py", 80.0, 25, 5),
        FileCoverage("d.py", 100.0, 25, 0),
    ]
    told = make(verdict(), reversed(files)).coverage
    assert [file.path for file in told] == ["b.py", "a.py", "c.py", "d.py"]


def test_the_counts_of_all_gates_are_added() -> None:
    report = make(
        verdict(
            ruling("lint", findings=Counts(6, 1, 2, 3)),
            ruling("tests", findings=Counts(10, 10, 0, 0)),
        )
    )
    assert report.counts == Counts(16, 11, 2, 3)


def test_the_headline() -> None:
    assert make(verdict(reason="why")).headline == "FAIL · why"


def test_gates_by_stage_in_the_order_of_the_loop() -> None:
    rulings = (ruling("tests", stage="test"), ruling("lint"), ruling("types"))
    found = by_stage(verdict(*rulings))
    names = {stage: [r.name for r in inner] for stage, _, inner in found if inner}
    assert list(names.items()) == [("develop", ["lint", "types"]), ("test", ["tests"])]
    assert len(found) == 8


def test_what_somebody_has_to_look_at() -> None:
    made = verdict(
        ruling("a", outcome="warn"),
        ruling("b", outcome="fail", level="advisory"),
        ruling("c", outcome="unknown"),
        ruling("d", outcome="fail"),
        *(ruling(outcome, outcome=outcome) for outcome in ("pass", "off", "not-applicable")),
    )
    assert [r.name for r in red(made)] == ["c", "d", "a", "b"]


def test_how_many_gates_came_out_how() -> None:
    made = verdict(*(ruling(outcome=o) for o in ("off", "pass", "warn", "pass", "fail")))
    assert outcome_counts(made) == [("fail", 1), ("warn", 1), ("pass", 2), ("off", 1)]
    assert outcome_counts(verdict()) == []


def test_the_place_of_a_finding() -> None:
    places = [
        Finding("R", "m", path="a.py", line=2, column=3),
        Finding("R", "m", path="a.py", line=2),
        Finding("R", "m", path="a.py", column=3),
        Finding("R", "m"),
    ]
    assert [place(finding) for finding in places] == ["a.py:2:3", "a.py:2", "a.py", ""]


# what was not checked


def unchecked(made: Verdict) -> list[tuple[str, str]]:
    return [(entry.what, entry.why) for entry in make(made).unchecked]


def test_a_run_without_gates_checked_nothing() -> None:
    assert make(verdict(reason="did not finish")).unchecked == (
        Unchecked("everything", "did not finish"),
    )


def test_a_run_that_judged_all_of_it_leaves_nothing_out() -> None:
    assert unchecked(verdict(ruling(conditions=JUDGED))) == []


def test_what_was_not_checked_the_weightiest_first() -> None:
    made = verdict(
        ruling("a", outcome="off", reason="level off"),
        ruling("b", outcome="not-applicable", reason="no build-system"),
        ruling("c", outcome="unknown", reason="c: crashed"),
        ruling("d"),
        ruling("e", outcome="fail"),
        ruling("f", outcome="unknown", reason="f: hung"),
        selection=Selection(stages=("develop", "test"), complete=False),
    )
    assert unchecked(made) == [
        ("the whole", "only a part of the gates or of the files was asked (develop, test)"),
        ("c (unknown)", "c: crashed"),
        ("f (unknown)", "f: hung"),
        ("a (off)", "level off"),
        ("b (not-applicable)", "no build-system"),
        ("d", "no limit is set: it shows its numbers only"),
    ]


def test_a_stage_without_gates_is_not_checked() -> None:
    made = verdict(ruling(conditions=JUDGED))
    stages = (StageOutcome("plan", "off"), StageOutcome("develop", "off"))
    told = unchecked(verdict(*made.gates, stages=stages))
    assert told == [("the stage plan", "no gate asks anything there")]


def test_tests_that_did_not_run_are_told_with_the_reason() -> None:
    skips = (SkipReason("needs docker", 3), SkipReason("windows only", 1))
    tests = TestCounts(skipped=6, deselected=1, xfailed=2, detail=TestDetail(skips=skips))
    assert unchecked(verdict(ruling(conditions=JUDGED), tests=tests)) == [
        ("3 skipped tests", "needs docker"),
        ("1 skipped test", "windows only"),
        ("2 skipped tests", "for other reasons"),
        ("1 deselected test", "by the project's own settings"),
        ("2 xfailed tests", "they are expected to fail, and did"),
    ]
