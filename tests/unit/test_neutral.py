"""Hostile text on the terminal and in a CI log."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_devops_gates.evidence import Finding, Receipt, Severity
from pytest_devops_gates.neutral import neutral
from pytest_devops_gates.reporters.terminal import SHOWN, render
from pytest_devops_gates.verdict import Verdict
from tests.unit.samples import HOSTILE, any_text, ruling, same_every_time, verdict

COMMANDS = re.compile(r"##\[|##vso\[|##teamcity\[|^\s*::|section_(start|end):", re.I | re.M)
"""What runners of GitHub, Azure, TeamCity and GitLab obey."""

SGR = re.compile(r"\x1b\[\d*m")


def is_harmless(line: str) -> bool:
    categories = {unicodedata.category(char) for char in line}
    return not categories & {"Cc", "Cf", "Cs", "Zl", "Zp"} and not COMMANDS.search(line)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain text, 100 %: a[0] :: b # c", "plain text, 100 %: a[0] :: b # c"),
        ("grün 日本 😀", "grün 日本 😀"),
        ("##[error]x", "#\\#[error]x"),
        ("a ##[add-mask]b ##[c", "a #\\#[add-mask]b #\\#[c"),
        ("###[error]x", "##\\#[error]x"),
        ("##VSO[task]", "#\\#VSO[task]"),
        ("a ##teamcity[x", "a #\\#teamcity[x"),
        ("::error::x", ":\\:error::x"),
        ("\t::x", "\\t::x"),
        ("section_start:1:a\r", "s\\ection_start:1:a\\r"),
        ("a section_end:1:a", "a s\\ection_end:1:a"),
        ("\x1b[2J", "\\x1b[2J"),
        ("\x1b]8;;u\x07t", "\\x1b]8;;u\\x07t"),
        ("\x9b2J", "\\x9b2J"),
        ("a\u202eb", "a\\u202eb"),
        ("a\nb\r\nc", "a\\nb\\r\\nc"),
        ("a\u2028::b", "a\\u2028::b"),
        ("\0", "\\x00"),
        ("\ud800", "\\ud800"),
        ("\U000e0001", "\\U000e0001"),
        ("\u200b\ufeff", "\\u200b\\ufeff"),
        ("", ""),
    ],
)
def test_neutral_text_is_visible(text: str, expected: str) -> None:
    assert neutral(text) == expected


@pytest.mark.parametrize(
    "text", ["::set-output name=a::b", " ::x", "   ::x", "\u00a0::x", "\u3000::x"]
)
def test_no_line_begins_with_a_command(text: str) -> None:
    assert is_harmless(neutral(text))
    assert neutral(text).replace("\\", "") == text


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_harmless(text: str) -> None:
    made = neutral(text)
    assert is_harmless(made)
    assert len(made.splitlines()) == 1
    made.encode()


@given(any_text)
@same_every_time
def test_any_text_is_harmless(text: str) -> None:
    made = neutral(text)
    assert is_harmless(made)
    assert neutral(made) == made
    made.encode()


# the terminal


def all_over(text: str) -> Verdict:
    """A verdict with the text wherever something from outside may stand."""
    receipt = Receipt(tool=text, version=text, argv=(text,), seconds=1.25)
    found = [
        Finding(text, text, Severity.HIGH, path=text, line=3, gate="lint"),
        Finding(text, text, path=text, gate="lint"),
        Finding(text, text, gate="lint"),
    ]
    rulings = [
        ruling("lint", outcome="fail", reason=f"lint: {text}", notes=(text,), receipt=receipt),
        ruling("format", outcome="fail", reason=text, level="advisory", owner=text),
        ruling("package", stage="build", outcome="not-applicable", reason=text),
        ruling("install", stage="build", outcome="off", reason=text),
        ruling("tests", stage="test", outcome="unknown", reason=text, notes=(text, text)),
        ruling("coverage", stage="test", outcome="warn", reason=text),
        ruling("bandit", stage="security", reason=text),
    ]
    return verdict(*rulings, findings=tuple(found), reason=text)


@pytest.mark.parametrize("colour", [False, True])
@pytest.mark.parametrize("width", [20, 40, 80])
@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_on_the_terminal(text: str, width: int, colour: bool) -> None:
    shown = render(all_over(text), width=width, colour=colour, folder=text)
    if colour:
        shown = SGR.sub("", shown)
    assert all(is_harmless(line) for line in shown.split("\n"))
    assert shown.endswith("\n")
    shown.encode()


@given(any_text, st.integers(-1, 100))
@same_every_time
def test_any_text_on_the_terminal(text: str, width: int) -> None:
    shown = render(all_over(text), width=width, folder=text)
    assert all(is_harmless(line) for line in shown.split("\n"))


@given(any_text, st.integers(0, 100))
@same_every_time
def test_colour_changes_nothing_but_colour(text: str, width: int) -> None:
    plain = render(all_over(text), width=width)
    coloured = render(all_over(text), width=width, colour=True)
    assert "\x1b" not in plain
    assert coloured != plain
    assert SGR.sub("", coloured) == plain


def rows(shown: str) -> list[str]:
    """The table, without its heading."""
    return shown.partition("\n\n")[0].splitlines()[1:]


@pytest.mark.parametrize("width", [20, 40, 80])
def test_no_row_is_wider_than_the_screen(width: int) -> None:
    shown = rows(render(all_over("word " * 50), width=width))
    assert len(shown) == 6
    assert all(len(row) <= width for row in shown)
    assert shown[0].endswith("…")


def test_the_table() -> None:
    receipt = Receipt(tool="ruff", seconds=1.25)
    shown = render(
        verdict(
            ruling("lint", reason="lint: findings.new 0, 3 examined", receipt=receipt),
            ruling("format", outcome="not-applicable", reason="no ruff-format hook"),
            ruling("coverage", stage="test", level="advisory", reason="coverage: line 90"),
            verdict="pass",
            reason="1 required gate passed: lint",
        ),
        width=80,
        folder=".devops-gates/runs/1",
    )
    assert shown.splitlines() == [
        "=" * 33 + " devops gates " + "=" * 33,
        "develop   pass    lint        1.2s  findings.new 0, 3 examined",
        "          -       format (no ruff-format hook)",
        "test      pass    coverage          line 90 (advisory)",
        "",
        "details: .devops-gates/runs/1",
        "verdict: PASS · 1 required gate passed: lint",
    ]


@pytest.mark.parametrize("outcome", ["fail", "unknown", "warn"])
def test_what_did_not_pass_is_told_in_full(outcome: str) -> None:
    reason = "lint: findings.new 2, needs == 0 · ruff check " + "x" * 100
    found = (
        Finding("F401", "unused", path="b.py", line=2, gate="lint"),
        Finding("F821", "undefined", Severity.HIGH, path="c.py", gate="lint"),
        Finding("B602", "shell", gate="bandit"),
    )
    bad = ruling("lint", outcome=outcome, reason=reason, notes=("a note",))
    lines = render(verdict(bad, findings=found), width=40).splitlines()
    at = lines.index(f"{outcome}: {reason}")
    assert lines[at + 1 : at + 4] == [
        "  note: a note",
        "  c.py: F821 high: undefined",
        "  b.py:2: F401 medium: unused",
    ]
    assert not any("B602" in line for line in lines)


def test_findings_beyond_the_first_are_counted() -> None:
    found = tuple(Finding("F401", f"n{n}", gate="lint") for n in range(SHOWN + 3))
    shown = render(verdict(ruling("lint", outcome="fail"), findings=found))
    assert shown.count("F401") == SHOWN
    assert "  … and 3 more\n" in shown


def test_the_last_line_is_the_verdict() -> None:
    shown = render(all_over("why"))
    assert shown.splitlines()[-1] == "verdict: FAIL · why"
