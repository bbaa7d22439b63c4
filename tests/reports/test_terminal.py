"""The end of a run on the terminal."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_devops_gates.columns import LEAST
from pytest_devops_gates.evidence import Finding, Receipt, Severity
from pytest_devops_gates.report import make
from pytest_devops_gates.reporters import terminal
from pytest_devops_gates.reporters.terminal import SHOWN
from pytest_devops_gates.verdict import (
    Change,
    Dora,
    GateChange,
    Measured,
    MetricChange,
    Point,
    Selection,
    Trend,
    Verdict,
)
from tests.unit.samples import (
    HOSTILE,
    WIDE,
    all_over,
    any_text,
    long_text,
    ruling,
    same_every_time,
    verdict,
)
from tests.unit.test_neutral import is_harmless

SGR = re.compile(r"\x1b\[\d*m")
WIDTHS = [20, 40, 80, 120]


def render(made: Verdict, **options: Any) -> str:
    return terminal.render(make(made), **options)


def lines(made: Verdict, **options: Any) -> list[str]:
    return render(made, **options).splitlines()


def table(shown: list[str]) -> list[str]:
    """The rows between the first two empty lines."""
    start = shown.index("") + 1
    return shown[start : shown.index("", start)]


def columns(text: str) -> int:
    """How many columns a terminal takes for it, not less."""
    return sum(
        0 if unicodedata.combining(char) else 1 + (unicodedata.east_asian_width(char) in "WF")
        for char in text
    )


# whatever the text


@pytest.mark.parametrize("colour", [False, True])
@pytest.mark.parametrize("width", [20, 40, 80])
@pytest.mark.parametrize("text", [*HOSTILE, "words then ::error::x " * 9, "t.py::" * 30])
def test_hostile_text_on_the_terminal(text: str, width: int, colour: bool) -> None:
    for verbosity in (-1, 0, 1):
        shown = render(all_over(text), width=width, colour=colour, verbosity=verbosity, folder=text)
        assert all(is_harmless(line) for line in SGR.sub("", shown).split("\n"))
        assert shown.endswith("\n")
        shown.encode()


@given(any_text, st.integers(-1, 100), st.integers(-1, 1))
@same_every_time
def test_any_text_on_the_terminal(text: str, width: int, verbosity: int) -> None:
    shown = render(all_over(text), width=width, verbosity=verbosity, folder=text)
    assert all(is_harmless(line) for line in shown.split("\n"))


@given(any_text, st.integers(0, 100), st.integers(-1, 1))
@same_every_time
def test_colour_changes_nothing_but_colour(text: str, width: int, verbosity: int) -> None:
    plain = render(all_over(text), width=width, verbosity=verbosity)
    coloured = render(all_over(text), width=width, verbosity=verbosity, colour=True)
    assert "\x1b" not in plain
    assert coloured != plain
    assert SGR.sub("", coloured) == plain


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("text", ["word " * 50, "x" * 500, *WIDE])
def test_no_line_is_wider_than_the_screen(text: str, width: int) -> None:
    shown = lines(all_over(text), width=width, verbosity=1, folder=text)
    assert max(map(columns, shown)) == width
    assert not any(line.isspace() for line in shown)


@given(long_text, st.integers(0, 130), st.integers(0, 1))
@same_every_time
def test_no_line_of_any_text_is_wider_than_the_screen(
    text: str, width: int, verbosity: int
) -> None:
    shown = lines(all_over(text), width=width, verbosity=verbosity, folder=text)
    assert max(map(columns, shown)) <= max(width, LEAST)


def test_a_very_long_text_is_shown_at_once() -> None:
    long = ruling(outcome="fail", reason="日" * 10**6)
    assert len(lines(verdict(long), width=20)) > 10**5


# the page


def page() -> Verdict:
    receipt = Receipt(tool="ruff", seconds=1.25)
    return verdict(
        ruling("lint", reason="lint: findings.new 0, 3 examined", receipt=receipt),
        ruling("format", outcome="not-applicable", reason="no ruff-format hook"),
        ruling("types", outcome="off", reason="not selected"),
        ruling("tree", outcome="off", reason="not selected"),
        ruling("coverage", stage="test", level="advisory", reason="coverage: line 90"),
        verdict="pass",
        reason="1 required gate passed: lint",
    )


def test_the_page() -> None:
    assert lines(page(), width=80, folder=".devops-gates/runs/1") == [
        "=" * 33 + " devops gates " + "=" * 33,
        "verdict: PASS · 1 required gate passed: lint",
        "",
        "develop   pass    lint           1.2s  findings.new 0, 3 examined",
        "          -       format (no ruff-format hook); types, tree (not selected)",
        "test      pass    coverage             (advisory) line 90",
        "",
        "details: .devops-gates/runs/1 · devops-gates report --open",
        "================ PASS in 1.5s: 2 pass, 1 not-applicable, 2 off =================",
    ]


def test_a_narrow_page_leaves_the_reasons_out() -> None:
    assert lines(page(), width=40) == [
        "============= devops gates =============",
        "verdict: PASS · 1 required gate passed:",
        "  lint",
        "",
        "develop",
        "pass    lint",
        "-       format (no ruff-format hook); t…",
        "test",
        "pass    coverage",
        "",
        " PASS in 1.5s: 2 pass, 1 not-applicable…",
    ]


@pytest.mark.parametrize("outcome", ["pass", "fail", "unknown"])
def test_quiet_is_one_line(outcome: str) -> None:
    reason = "findings.new 2\nneeds == 0 " + "x" * 100
    made = verdict(ruling(outcome="fail"), verdict=outcome, reason=reason)
    shown = reason.replace("\n", "\\n")
    for verbosity in (-1, -2):
        told = render(made, width=20, verbosity=verbosity, folder="f")
        assert told == f"verdict: {outcome.upper()} · {shown}\n"


def test_verbose_is_every_condition_with_its_value_and_its_limit() -> None:
    measured = (
        Measured("line", ">=", 90, 91.239, 92.5, True),
        Measured("branch", ">=", 80.125, 70.0, None, False),
        Measured("total", "==", 1.0),
    )
    judged = ruling("coverage", stage="test", outcome="fail", conditions=measured)
    shown = table(lines(verdict(judged, ruling("format", outcome="off")), width=80, verbosity=1))
    assert shown == [
        "develop   -       format (it is good)",
        "test      fail    coverage             it is good",
        "                  line 91.23, needs >= 90, 92.50 at the base: holds",
        "                  branch 70, needs >= 80.125: BROKEN",
        "                  total not measured, needs == 1: cannot tell",
    ]
    shown = table(lines(verdict(ruling("coverage", stage="test")), verbosity=1))
    assert shown[1].strip() == "no condition: it shows its numbers only"


def test_verbose_is_where_numbers_went_as_well() -> None:
    points = tuple(Point(f"r{n}", "2026-01-02T00:00:00Z", n) for n in range(8))
    dora = Dora("production", "2026-08-30T00:00:00Z", "2026-11-28T00:00:00Z", 2, 0.155, 7200.0)
    made = verdict(ruling("lint"), trends=(Trend("coverage", "line", points),), dora=dora)
    shown = lines(made, verbosity=1, width=200)
    assert "trend: coverage line 0 → 7 in 8 runs ▁▂▃▄▅▆▇█" in shown
    told = "2 deployments from 2026-08-30 to 2026-11-28, change lead time 2 hours"
    assert f"delivery to production: {told}, deployment frequency 0.15 a week" in shown
    plain = render(made, verbosity=1, width=200, shades="_.-=")
    assert "in 8 runs __..--==" in plain
    assert "trend" not in render(made)


def test_the_closing_rule_counts_the_gates_the_worst_first() -> None:
    outcomes = ["pass", "off", "unknown", "pass", "fail", "not-applicable", "warn"]
    made = verdict(*(ruling(f"g{n}", outcome=outcome) for n, outcome in enumerate(outcomes)))
    last = lines(made)[-1]
    counted = "1 fail, 1 unknown, 1 warn, 2 pass, 1 not-applicable, 1 off"
    assert last.strip("=") == f" FAIL in 1.5s: {counted} "
    assert lines(verdict(verdict="unknown"))[-1].strip("=") == " UNKNOWN in 1.5s: no gates "


def test_a_part_of_the_gates_is_told_to_be_one() -> None:
    note = "note: only a part of the gates, or of the files: no verdict on the whole project"
    part = Selection(stages=("test",), complete=False)
    assert note in " ".join(lines(verdict(ruling(), selection=part)))
    assert note not in " ".join(lines(verdict(ruling())))


# what changed


def since(**fields: Any) -> str:
    change = Change(run_id="0", started="2026-01-01T00:00:00Z", verdict="pass", **fields)
    shown = lines(verdict(ruling(), since=change), width=120)
    (told,) = (line for line in shown if line.startswith("since "))
    assert shown.index(told) == 2
    return told.removeprefix("since 2026-01-01T00:00:00Z (pass): ")


def test_what_changed_since_the_last_run() -> None:
    gates = (GateChange("lint", "pass", "fail"), GateChange("tree", "off", "pass"))
    metrics = (MetricChange("coverage", "line", 91.239, 90),)
    told = "lint pass → fail; tree off → pass; coverage line 91.23 → 90"
    assert since(gates=gates, metrics=metrics) == told
    assert since(appeared=3, gone=1) == "findings: 3 appeared, 1 gone"
    assert since() == "nothing changed"
    assert not any(line.startswith("since") for line in lines(verdict(ruling())))


# what is red


def found(path: str | None, line: int | None = None, **fields: Any) -> Finding:
    return Finding("F401", "unused", path=path, line=line, gate="lint", **fields)


def detail(made: Verdict, **options: Any) -> list[str]:
    """What is told of the first gate that is red."""
    shown = lines(made, **options)
    start = shown.index("", shown.index("") + 1) + 1
    return shown[start : shown.index("", start)]


@pytest.mark.parametrize("outcome", ["fail", "unknown", "warn"])
def test_what_did_not_pass_is_told_in_full(outcome: str) -> None:
    reason = "lint: findings.new 2, needs == 0 · ruff check " + "x" * 50
    found = (
        Finding("F401", "unused", path="b.py", line=2, column=7, gate="lint", state="known"),
        Finding("F821", "undefined", Severity.HIGH, path="c.py", gate="lint", fingerprint="f" * 32),
        Finding("F401", "unused", path="c.py", line=3, gate="lint"),
        Finding("B602", "shell", gate="bandit"),
    )
    bad = ruling(
        "lint", outcome=outcome, reason=reason, notes=("a note",), log="end\nof log", owner="@us"
    )
    assert detail(verdict(bad, findings=found), width=60) == [
        f"{outcome}: lint: findings.new 2, needs == 0 · ruff check"[:60],
        "  " + "x" * 50,
        "  note: a note",
        "  c.py",
        "           F821 high: undefined",
        "    3      F401 medium: unused",
        "  b.py",
        "    2:7    F401 medium (known): unused",
        "  | end",
        "  | of log",
        "  owner: @us",
        "  alone: devops-gates run --gate lint",
        "  a finding: devops-gates explain ffffffff",
    ]


def test_what_warns_comes_after_what_blocks() -> None:
    made = verdict(
        ruling("lint", outcome="warn"),
        ruling("format", outcome="fail", level="advisory"),
        ruling("tests", outcome="unknown"),
        ruling("bandit", outcome="fail"),
        ruling("tree"),
    )
    told = [line for line in lines(made) if re.match("(fail|warn|unknown)[: ]", line)]
    assert told == [
        "unknown: it is good",
        "fail: it is good",
        "warn: it is good",
        "fail (advisory): it is good",
    ]


def test_findings_beyond_the_first_are_counted() -> None:
    many = [found("a.py", n) for n in range(1, 7)] + [found("b.py", n) for n in range(1, 8)]
    many += [found("c.py", 1), found("d.py", 2), found("d.py", 3)]
    shown = detail(verdict(ruling("lint", outcome="fail"), findings=tuple(many)))
    assert sum("F401" in line for line in shown) == SHOWN
    assert shown[1] == "  a.py"
    assert shown[8] == "  b.py"
    assert shown[13:15] == ["    … 3 more in b.py", "  … 3 more in 2 other files"]
    few = detail(verdict(ruling("lint", outcome="fail"), findings=tuple(many[:SHOWN])))
    assert not any("more in" in line for line in few)
    other = detail(verdict(ruling("lint", outcome="fail"), findings=(*many[:13], found("c.py"))))
    assert "  … 1 more in 1 other file" in other


def test_findings_without_a_file_are_counted_as_such() -> None:
    many = tuple(found(None) for _ in range(SHOWN + 3))
    shown = detail(verdict(ruling("lint", outcome="fail"), findings=many))
    assert "    … 3 more in no file" in shown


def test_a_long_message_loses_its_middle() -> None:
    long = Finding("F401", f"begin{'x' * 9000}end", gate="lint")
    shown = detail(verdict(ruling("lint", outcome="fail"), findings=(long,)), width=120)
    told = "".join(line.strip() for line in shown)
    assert "begin" in told
    assert "end" in told
    assert len(told) < 600


def test_notes_of_what_passed_are_told() -> None:
    shown = lines(verdict(ruling("lint", notes=("one\ntwo",))))
    assert "note: lint: one\\ntwo" in shown


def test_findings_by_which_nothing_is_broken_are_counted_only() -> None:
    broken = Measured("findings.high", "==", 0, 1, None, False)
    found = (
        Finding("B1", "the one", Severity.HIGH, path="a.py", line=1, gate="bandit"),
        *(Finding("B2", f"other {n}", Severity.LOW, path="a.py", gate="bandit") for n in range(7)),
    )
    made = verdict(ruling("bandit", outcome="fail", conditions=(broken,)), findings=found)
    shown = render(made)
    assert "the one" in shown
    assert "other" not in shown
    assert "… and 7 by which no condition is broken" in shown
