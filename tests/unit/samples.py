"""Values that several test modules build on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st

from pytest_devops_gates.evidence import Finding, Receipt, Severity
from pytest_devops_gates.project import Project
from pytest_devops_gates.stage import Stage
from pytest_devops_gates.verdict import (
    SCHEMA,
    Change,
    Dora,
    GateChange,
    Measured,
    MetricChange,
    Point,
    Ruling,
    StageOutcome,
    Trend,
    Verdict,
)

DATA = Path(__file__).parents[1] / "data"

same_every_time = settings(derandomize=True, database=None, deadline=None, max_examples=100)
"""Property tests try the same examples in every run."""

_PIECES = [
    *"\0\n\r\t\x1b\x9b\u2028\u202e\u200b\ufffe\ud800\udce9:#[ a",
    *("::", "##", "##[", "##vso[", "##teamcity[", "section_start:", "section_end:", "../"),
]
any_text = st.lists(
    st.sampled_from(_PIECES) | st.characters(codec=None, exclude_categories=()), max_size=12
).map("".join)
"""Text with everything in it that must not reach a terminal or a file as it is."""

WIDE = [
    "日本語のテスト" * 20,
    "\U0001f600 \U0001f468 " * 40,
    "e\u0301" * 90,
    "가" * 15 + " " + "x" * 200,
]
long_text = st.lists(
    any_text | st.sampled_from(WIDE) | st.text("ab ", max_size=90), max_size=5
).map("".join)
"""Text that does not fit into a line, of wide, narrow and combining characters."""

HOSTILE = [
    "<img src=x onerror=alert(1)>",
    "</script>",
    "{{7*7}}",
    "##[error]x",
    "fine so far ##[add-mask]a",
    "::error::x",
    "  ::set-output name=a::b",
    "::stop-commands::x",
    "##vso[task.setvariable]x",
    "##teamcity[message text='x']",
    "section_start:1:a",
    "section_end:1:a",
    "%0A::error::",
    "a,b:c.py",
    "\x1b[2J",
    "\x1b]8;;http://example.org\x07link\x1b]8;;\x07",
    "\x9b2J",
    "left\u202etfel",
    "one\ntwo",
    "one\r::error::two",
    "one\u2028::error::two",
    "a|b",
    "`code`",
    "-->",
    "NUL\0",
    "\ufffe",
    "lone \ud800 surrogate",
    "]]>",
    "[[ATTACHMENT|../../etc/passwd]]",
    "=HYPERLINK()",
]


def project(root: Path, **fields: Any) -> Project:
    return Project(root=root, run_dir=root / "run", cache=root / "cache", started=0.0, **fields)


def ruling(name: str = "lint", **fields: Any) -> Ruling:
    standard = {"stage": "develop", "level": "required", "outcome": "pass", "reason": "it is good"}
    return Ruling(name=name, **{**standard, **fields})


def verdict(
    *rulings: Ruling, findings: tuple[Finding, ...] = (), reason: str = "why", **fields: Any
) -> Verdict:
    standard = {
        "schema": SCHEMA,
        "verdict": "fail",
        "exit_status": 1,
        "started": "2026-01-02T03:04:05Z",
        "seconds": 1.5,
        "run_id": "1",
        "version": "0",
        "stages": tuple(StageOutcome(stage.value, "pass") for stage in Stage),
    }
    return Verdict(reason=reason, gates=rulings, findings=findings, **{**standard, **fields})


def all_over(text: str) -> Verdict:
    """A verdict with the text wherever something from outside may stand."""
    receipt = Receipt(tool=text, version=text, argv=(text,), seconds=1.25)
    found = [
        Finding(text, text, Severity.HIGH, path=text, line=3, gate="lint"),
        Finding(text, text, path=text, gate="lint"),
        Finding(text, text, gate="lint"),
    ]
    measured = Measured(text, ">=", 90, 89.5, 91, False)
    rulings = [
        ruling("lint", outcome="fail", reason=f"lint: {text}", notes=(text,), receipt=receipt),
        ruling("format", outcome="fail", reason=text, level="advisory", owner=text, log=text),
        ruling("package", stage="build", outcome="not-applicable", reason=text),
        ruling("install", stage="build", outcome="off", reason=text),
        ruling("tests", stage="test", outcome="unknown", reason=text, notes=(text, text)),
        ruling("coverage", stage="test", outcome="warn", reason=text, conditions=(measured,)),
        ruling("bandit", stage="security", reason=text, notes=(text,)),
    ]
    change = Change(
        run_id=text,
        started=text,
        verdict=text,
        gates=(GateChange(text, text, text),),
        metrics=(MetricChange(text, text, 1, 2),),
    )
    points = (Point(text, text, 1), Point(f"2 {text}", text, 2.5))
    return verdict(
        *rulings,
        findings=tuple(found),
        reason=text,
        since=change,
        trends=(Trend(text, text, points),),
        dora=Dora(text, text, text, 1, 0.5, 60.0, None, 100.0, 0.0),
    )
