"""The page for release managers, as text: what stands on it, and that nothing breaks out of it."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import re
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given

from pytest_devops_gates.evidence import (
    Finding,
    FlakyTest,
    LevelCounts,
    Receipt,
    Rule,
    Severity,
    SkipReason,
    TestDetail,
    TimedTest,
)
from pytest_devops_gates.neutral import visible
from pytest_devops_gates.report import FileCoverage, make
from pytest_devops_gates.reporters.html import render
from pytest_devops_gates.reporters.html.page import FINDINGS, ROWS
from pytest_devops_gates.stage import Stage
from pytest_devops_gates.verdict import (
    Approval,
    Change,
    Commit,
    Counts,
    Dora,
    GateChange,
    Measured,
    Point,
    ProjectName,
    Release,
    StageOutcome,
    TestCounts,
    Trend,
    Verdict,
    Waiver,
)
from tests.unit.samples import HOSTILE, all_over, any_text, ruling, same_every_time, verdict

OURS = frozenset(
    "html head meta link title style body a header p h1 h2 h3 h4 span nav svg path text textpath main "
    "section ul li b dl div dt dd code table thead tbody tr th td details summary pre form label "
    "input select option button meter time footer script".split()
)
"""The elements that the template has."""


class Page(HTMLParser):
    """A page as a strict reader sees it: its elements, their attributes, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.raw: dict[str, list[str]] = {"script": [], "style": []}
        self._inside = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag in self.raw:
            self._inside = tag
            self.raw[tag].append("")

    def handle_endtag(self, tag: str) -> None:
        if tag == self._inside:
            self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.raw[self._inside][-1] += data
        elif data.strip():
            self.text.append(data.strip())

    @property
    def said(self) -> str:
        return "\n".join(self.text)

    @property
    def findings(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.raw["script"][0])
        return found

    def attributes(self, tag: str, name: str) -> list[str]:
        return [value for t, a in self.elements if t == tag and (value := a.get(name)) is not None]


def page_of(made: Verdict, **fields: Any) -> Page:
    return Page(render(make(made, **fields)))


def everywhere(text: str) -> Verdict:
    """As ``all_over``, and in whatever else a page shows."""
    detail = TestDetail(
        levels=(LevelCounts(text, 1, 0, 0),),
        slowest=(TimedTest(text, 1.0, text),),
        flaky=(FlakyTest(text, 2),),
        skips=(SkipReason(text, 1),),
    )
    return msgspec.structs.replace(
        all_over(text),
        tests=TestCounts(collected=1, passed=1, skipped=1, detail=detail),
        project=ProjectName(text, text, text),
        rules=(Rule(text, text, text, text, "lint"),),
        release=Release(text, text, 1, (Commit(text, text, text),)),
        waivers=(Waiver(text, text, text, text, text, text, text, text, text, text, 1),),
        approvals=(Approval(text, text, text, text, text),),
        commit=text,
        base=text,
        run_id=text,
    )


def breaks_out_of_nowhere(text: str) -> None:
    page = page_of(everywhere(text), coverage=[FileCoverage(text, 50.0, 2, 1)])
    assert {tag for tag, _ in page.elements} <= OURS
    assert len(page.raw["script"]) == 2
    assert len(page.raw["style"]) == 1
    for _, attributes in page.elements:
        assert not [name for name in attributes if name.startswith("on") or name == "style"]
    for target in page.attributes("a", "href"):
        assert target.startswith(("#", "http://", "https://")) or target == "verdict.json"
    shown = visible(text)
    assert page.findings["rows"][0][7] == shown
    if shown.strip():
        assert shown.strip() in page.said


@pytest.mark.parametrize("text", [*HOSTILE, "javascript:alert(1)", "' onclick='x", '" onclick="x'])
def test_hostile_text_stays_text(text: str) -> None:
    breaks_out_of_nowhere(text)


@given(any_text)
@same_every_time
def test_any_text_stays_text(text: str) -> None:
    breaks_out_of_nowhere(text)


@pytest.mark.parametrize("text", HOSTILE)
def test_no_character_is_left_that_could_hide(text: str) -> None:
    page = render(make(everywhere(text)))
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u2028\u202e\ufffe\ud800]", page)


def test_the_same_report_is_the_same_bytes() -> None:
    assert render(make(everywhere("a"))) == render(make(everywhere("a")))


def test_the_policy_knows_the_scripts_and_styles_that_are_there() -> None:
    page = page_of(verdict())
    policy = next(a["content"] for _, a in page.elements if a.get("http-equiv"))
    assert policy
    for kind, text in (("script", page.raw["script"][1]), ("style", page.raw["style"][0])):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy


def test_nothing_is_fetched() -> None:
    page = page_of(everywhere("x"))
    assert page.attributes("script", "src") == page.attributes("img", "src") == []
    assert page.attributes("link", "href") == ["data:,"]
    assert not re.search(r"url\(|@import", page.raw["style"][0])


def test_the_loop_leads_to_every_stage_and_wears_its_outcome() -> None:
    outcomes = ["off", "pass", "warn", "fail", "unknown", "not-applicable", "pass", "off"]
    stages = tuple(StageOutcome(s.value, o) for s, o in zip(Stage, outcomes, strict=True))
    page = page_of(msgspec.structs.replace(verdict(), stages=stages))
    links = [a for tag, a in page.elements if tag == "a" and (a.get("href") or "")[:7] == "#stage-"]
    assert {(a["href"], a["class"]) for a in links} == {
        (f"#stage-{s.name}", s.outcome) for s in stages
    }
    ids = {a["id"] for _, a in page.elements if "id" in a}
    assert {f"stage-{stage.value}" for stage in Stage} <= ids
    assert {a["href"][1:] for tag, a in page.elements if tag == "a" and a["href"][0] == "#"} <= ids  # type: ignore[index]


def test_the_verdict_and_its_reason_stand_first() -> None:
    page = page_of(verdict(verdict="unknown", reason="tests: could not tell"))
    assert page.text[0] == "UNKNOWN · devops gates · devops gates"  # the title
    at = page.text.index("UNKNOWN")
    assert page.text[at + 1] == "tests: could not tell"


def test_conditions_with_value_limit_and_baseline() -> None:
    measured = Measured("line", ">=", 90.5, 89.999, 91.25, False)
    page = page_of(
        verdict(ruling("coverage", stage="test", conditions=(measured,), outcome="fail"))
    )
    at = page.text.index("line")
    assert page.text[at : at + 5] == ["line", "89.99", ">= 90.5", "no", "91.25"]


def test_warnings_are_conditions_as_well() -> None:
    measured = Measured("slow", "<=", 0, 2, None, False)
    page = page_of(verdict(ruling("tests", stage="test", warnings=(measured,), outcome="warn")))
    at = page.text.index("slow")
    assert page.text[at : at + 6] == ["slow", "warning", "2", "<= 0", "no", "none"]


def test_who_owns_what_is_red_and_what_was_not_checked() -> None:
    page = page_of(
        verdict(
            ruling("lint", outcome="fail", owner="@web-team", reason="lint: 2"),
            ruling("types", outcome="not-applicable", reason="no type checker"),
            ruling("tree"),
        )
    )
    at = page.text.index("What needs somebody")
    red = page.text[at : page.text.index("What was not checked")]
    assert {"lint", "@web-team", "lint: 2", "devops-gates run --gate lint"} <= set(red)
    assert "tree" not in red
    unchecked = page.text[page.text.index("What was not checked") : page.text.index("What changed")]
    assert "types (not-applicable)" in unchecked
    assert "no type checker" in unchecked


def test_what_changed_since_the_last_run_and_the_last_release() -> None:
    change = Change(
        "1", "2026-01-01T00:00:00Z", "pass", (GateChange("lint", "pass", "fail"),), (), 3, 1
    )
    release = Release("v1.2", "2025-12-01", 7, (Commit("abc1234", "Mend the thing", "Ann"),))
    said = page_of(verdict(ruling("lint"), since=change, release=release)).said
    assert "3 findings appeared, 1 is gone" in said
    assert "7\ncommits" in said or "7 commits since" in said
    for told in ("v1.2", "Mend the thing", "The newest 1"):
        assert told in said


def section(page: Page, heading: str, following: str) -> list[str]:
    return page.text[page.text.index(heading) : page.text.index(following)]


def test_trends_are_drawn_and_told() -> None:
    values = [80.5, 85, 91.25]
    points = tuple(Point(f"r{n}", f"2026-01-0{n}T00:00:00Z", v) for n, v in enumerate(values, 1))
    flat = tuple(Point(f"r{n}", f"2026-01-0{n}T00:00:00Z", 7) for n in (1, 3))
    trends = (Trend("coverage", "line", points), Trend("bandit", "findings.total", flat))
    page = page_of(verdict(trends=trends))
    said = section(page, "Trends", "Delivery")
    title = "coverage line over 3 runs: from 80.50 to 91.25, least 80.50, most 91.25"
    assert title in said
    assert "always the same, 2 runs" in said
    lines = [a["d"] or "" for tag, a in page.elements if tag == "path" and a["class"] == "drawn"]
    assert lines == ["M5.0 51.0L120.0 31.7L235.0 5.0", "M5.0 28.0L235.0 28.0"]
    pictures = [a for tag, a in page.elements if tag == "svg" and a.get("role") == "img"]
    ids = {a.get("id") for tag, a in page.elements if tag == "title"}
    assert len(pictures) == 2
    assert {a["aria-labelledby"] for a in pictures} <= ids
    table = said[said.index("All values") :]
    assert table[-9:] == [
        *("2026-01-03 00:00 UTC", "91.25", "7"),  # the newest first
        *("2026-01-02 00:00 UTC", "85", "\u2013"),
        *("2026-01-01 00:00 UTC", "80.50", "7"),
    ]


@pytest.mark.parametrize("value", [math.nan, math.inf, 1e300, -1e308])
def test_numbers_that_no_line_goes_through(value: float) -> None:
    points = (Point("a", "x", value), Point("b", "x", 1), Point("c", "x", -value))
    page = page_of(verdict(trends=(Trend("size", "bytes", points),)))
    drawn = next(a["d"] or "" for tag, a in page.elements if a.get("class") == "drawn")
    assert re.fullmatch(r"[ML0-9. ]+", drawn)
    assert all(len(text) < 100 for text in section(page, "Trends", "Delivery"))


def test_how_delivery_goes() -> None:
    dora = Dora("production", "2026-08-30T00:00:00Z", "2026-11-28T00:00:00Z", 31, 2.2, 94500.0)
    said = section(page_of(verdict(dora=dora)), "Delivery", "Stage by stage")
    for told in ("production", "26.2 hours", "2.20 a week"):
        assert told in said
    assert "not measured: no deployment ended in these days" in said
    assert "are no goals" in " ".join(said)
    assert "DORA's measures were not taken" in page_of(verdict()).said


def test_tests_coverage_waivers_approvals_and_receipts() -> None:
    detail = TestDetail(
        levels=(LevelCounts("unit", 12, 1, 3),),
        slowest=(TimedTest("t.py::slow", 9.5, "passed"),),
        flaky=(FlakyTest("t.py::flaky", 3),),
    )
    waiver = Waiver(
        "W-7", "bandit", "not used", "ann", "2026-01-01", "2026-03-01", ticket="T-1", holds_back=2
    )
    made = verdict(
        ruling(
            "bandit", receipt=Receipt("bandit", "1.9.4", ("bandit", "-r"), 1, 0.5, 31, "ab" * 32)
        ),
        tests=TestCounts(collected=16, passed=11, failed=1, detail=detail),
        waivers=(waiver,),
        approvals=(Approval("bo", "2026-01-02", "c" * 40, "x.whl", "2026-01-09"),),
    )
    said = page_of(made, coverage=[FileCoverage("src/a.py", 62.5, 8, 3)]).text
    for told in (
        *("unit", "12", "t.py::slow", "9.50", "t.py::flaky", "src/a.py", "62.50 %", "3 of 8"),
        *("W-7", "T-1", "not used", "2026-03-01", "bo", "x.whl", "bandit 1.9.4", "31", "ab" * 6),
    ):
        assert told in said


def test_coverage_that_cannot_be_believed_is_not_shown() -> None:
    unknown = ruling("coverage", stage="test", outcome="unknown", metrics={"line": 100.0})
    said = page_of(verdict(unknown)).said
    assert "100 %" not in said
    assert "cannot be believed" in said


def test_the_worst_findings_are_there_without_the_script_and_all_of_them_with_it() -> None:
    found = [Finding("F1", f"n{n}", Severity.LOW, gate="lint") for n in range(ROWS + 5)]
    found.append(Finding("F2", "the worst", Severity.CRITICAL, gate="lint"))
    counted = Counts(total=len(found), new=len(found))
    page = page_of(verdict(ruling("lint", findings=counted), findings=tuple(found)))
    assert page.text.count("low") == ROWS - 1 + 1  # and the choice of the filter
    assert "the worst" in page.text
    assert len(page.findings["rows"]) == ROWS + 6
    assert page.findings["rows"][0][7] == "the worst"
    assert f"{ROWS} of {ROWS + 6} findings, the worst first." in page.text


def test_more_findings_than_a_browser_can_take_are_counted() -> None:
    many = FINDINGS + 11
    found = tuple(Finding("F1", "m", gate="lint", fingerprint=f"{n:08}") for n in range(many))
    page = page_of(verdict(ruling("lint"), findings=found))
    assert len(page.findings["rows"]) == FINDINGS
    assert "11 more findings, none of them worse" in page.said


def test_a_rule_leads_to_its_page() -> None:
    found = (Finding("F1", "m", gate="lint"), Finding("F2", "m", gate="lint"))
    rules = (
        Rule("F1", uri="https://example.org/f1", gate="lint"),
        Rule("F2", uri="javascript:alert(1)", gate="lint"),
    )
    page = page_of(verdict(ruling("lint"), findings=found, rules=rules))
    outside = [a for tag, a in page.elements if tag == "a" and "rel" in a]
    assert [(a["href"], a["rel"]) for a in outside] == [
        ("https://example.org/f1", "noreferrer noopener")
    ]
    assert page.findings["uris"] == ["https://example.org/f1", ""]


def test_a_run_that_never_knew_its_gates_has_a_page() -> None:
    page = page_of(verdict(verdict="unknown", reason="configuration error: tool.x: unknown key"))
    assert "configuration error: tool.x: unknown key" in page.text
    assert "none were judged" in page.said


def test_headings_leave_no_level_out_and_tables_name_their_columns() -> None:
    page = page_of(everywhere("x"), coverage=[FileCoverage("a", 50.0, 2, 1)])
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch(r"h\d", tag)]
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    assert all(
        a.get("scope") in {"col", "row", "rowgroup"} for tag, a in page.elements if tag == "th"
    )
    labelled = page.attributes("section", "aria-labelledby")
    ids = {a["id"] for _, a in page.elements if "id" in a}
    assert set(labelled) <= ids
    assert page.attributes("html", "lang") == ["en"]
