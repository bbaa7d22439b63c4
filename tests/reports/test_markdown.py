"""report.md, as GitHub's own renderer shows it."""

from __future__ import annotations

from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import pytest
from cmarkgfm import github_flavored_markdown_to_html
from cmarkgfm.cmark import Options
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pytest_devops_gates.evidence import Finding, Receipt, Severity, SkipReason, TestDetail
from pytest_devops_gates.neutral import code, neutral, span
from pytest_devops_gates.report import FileCoverage, make
from pytest_devops_gates.reporters.markdown import LEAST, LIMIT, render, within
from pytest_devops_gates.verdict import (
    Change,
    Dora,
    GateChange,
    MetricChange,
    Point,
    ProjectName,
    Ruling,
    Selection,
    StageOutcome,
    TestCounts,
    Trend,
    Verdict,
)
from tests.growth import grows_linearly
from tests.unit.samples import HOSTILE, all_over, any_text, ruling, same_every_time, verdict

MARKDOWN = [
    *("|", "a|b", "\\|", "\\\\|", "|\\", "\\", "`", "``", "` `", "`a", "a`", "`|`", "\\`"),
    *("@org/team", "fixes #1", "GH-1", "org/repo#1", "![](http://t)", "[a](http://t)", "http://t"),
    *("<!--", "-->", "<details>", "</details>", "<b>", "</td>", "&lt;", "&#60;", "<http://t>"),
    *("*a*", "_a_", "~~a~~", "# a", "- a", "1. a", "> a", "    a", "```", "~~~", "[^1]", ":+1:"),
    *(" ", "  ", " a", "a ", " a ", "\u00a0", "$a$", "|---|---|", "a@b.cd", "www.a.bc", "`" * 80),
]
TEXTS = [*HOSTILE, *MARKDOWN, ""]
markdown_text = st.lists(st.sampled_from([*MARKDOWN, *"`|\\ <>*[]()!@#"]), max_size=12).map("".join)
same_every_time_and_more = settings(same_every_time, max_examples=400)

OURS = {"h2", "h3", "h4", "p", "ul", "li", "strong", "code", "details", "summary"}
TABLE = {"table", "thead", "tbody", "tr", "th", "td"}


class Page(HTMLParser):
    """What a browser would make of it: ``shape`` is all but the text inside of code."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.codes: list[str] = []
        self.shape: list[str] = []
        self.open: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.open.append(tag)
        self.shape.append(f"<{tag}>")
        if tag == "code":
            self.codes.append("")
        assert not {name for name, _ in attributes} - {"align"}

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag
        self.shape.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        if "code" in self.open:
            self.codes[-1] += data
        elif data.strip():
            self.shape.append(data.strip())

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data}")

    handle_decl = handle_pi = unknown_decl = handle_comment


def shown(markdown: str, *, unsafe: bool = True) -> Page:
    options = Options.CMARK_OPT_UNSAFE if unsafe else 0
    return Page(github_flavored_markdown_to_html(markdown, options))


def literal(text: str) -> str:
    return neutral(text) if neutral(text).strip() else "-"


def is_literal_in_a_table(text: str) -> bool:
    row = f"| {code(text)} | a | {code(text)} |"
    seen = [shown(f"| 1 | 2 | 3 |\n|---|---|---|\n{row}\n{row}\n", unsafe=u) for u in (True, False)]
    for page in seen:
        assert set(page.tags) == {*TABLE, "code"}
        assert (page.tags.count("tr"), page.tags.count("td")) == (3, 6)
        assert page.codes == [literal(text)] * 4
    return True


def is_literal_in_a_line(text: str) -> bool:
    for before in ("", "- ", "## ", "a "):
        page = shown(f"{before}{span(text)} b {span(text)}\n")
        assert set(page.tags) <= OURS
        assert page.codes == [literal(text)] * 2
    return True


@pytest.mark.parametrize("text", TEXTS)
def test_hostile_text_is_literal(text: str) -> None:
    assert is_literal_in_a_table(text)
    assert is_literal_in_a_line(text)


@given(any_text | markdown_text)
@same_every_time_and_more
def test_any_text_is_literal(text: str) -> None:
    assert is_literal_in_a_table(text)
    assert is_literal_in_a_line(text)


@pytest.mark.parametrize("most", [1, 19, 20, 21, 79, 80, 81, 200])
def test_no_number_of_backticks_ends_a_code_span(most: int) -> None:
    text = "<b> @org/team " + "` ".join("`" * number for number in range(most)) + "`" * most
    page = shown(f"| 1 |\n|---|\n| {code(text)} |\n")
    assert set(page.tags) == {*TABLE, "code"}
    assert page.codes[0].replace("\\x60", "`") == text


@pytest.mark.parametrize("text", [text for text in TEXTS if text.strip()])
def test_hostile_text_leaves_the_page_as_it_is(text: str) -> None:
    assert has_the_shape_of_any_other(text)


@given(any_text | markdown_text)
@same_every_time
def test_any_text_leaves_the_page_as_it_is(text: str) -> None:
    assume(text.strip())
    assert has_the_shape_of_any_other(text)


def has_the_shape_of_any_other(text: str) -> bool:
    harmless = shown(render(make(everywhere("x"))))
    made = render(make(everywhere(text)))
    assert all(neutral(line) == line for line in made.split("\n"))  # it may be printed to a log
    page = shown(made)
    assert page.shape == harmless.shape
    assert set(page.tags) <= OURS | TABLE
    assert not page.open
    return True


def everywhere(text: str) -> Verdict:
    """As all_over, in what may be forged in a verdict.json that is read again, too."""
    found = all_over(text)
    forged = ruling(text, stage=text, level=text, outcome=text, reason=text)
    skipped = TestDetail(skips=(SkipReason(text, 1),))
    return verdict(
        *found.gates,
        forged,
        findings=(*found.findings, Finding(text, text, state="waived", gate=text)),
        reason=text,
        verdict=text,
        since=found.since,
        profile=text,
        commit=text,
        dirty=True,
        selection=Selection(stages=(text,), complete=False),
        tests=TestCounts(collected=2, passed=1, skipped=1, detail=skipped),
        project=ProjectName(text, text),
    )


# what it says


def failing(**fields: Any) -> Verdict:
    found = (
        Finding("F401", "unused", path="b.py", line=2, gate="lint"),
        Finding("F821", "undefined", Severity.HIGH, path="c.py", line=3, column=4, gate="lint"),
        Finding("B602", "shell", Severity.LOW, state="waived", gate="bandit"),
    )
    rulings = (
        ruling("lint", outcome="fail", reason="lint: findings.new 2", owner="@web",
               receipt=Receipt(tool="ruff", seconds=1.25)),
        ruling("format", outcome="unknown", level="advisory", reason="format: no ruff"),
        ruling("bandit", stage="security"),
        ruling("version", stage="release", outcome="off", reason="not asked for"),
    )  # fmt: skip
    return verdict(*rulings, findings=found, reason="lint: findings.new 2", **fields)


def test_the_verdict_and_its_reason_come_first() -> None:
    lines = render(make(failing(commit="abc", dirty=True))).splitlines()
    assert lines[:5] == [
        "## ❌ FAIL",
        "",
        "`lint: findings.new 2`",
        "",
        "profile `merge` · commit `abc` with uncommitted changes · run `1` · 1.5 s",
    ]


@pytest.mark.parametrize(("word", "mark"), [("pass", "✅"), ("unknown", "❔"), ("warn", "⚠️")])
def test_each_verdict_has_its_mark(word: str, mark: str) -> None:
    made = render(make(verdict(verdict=word)))
    assert made.splitlines()[0] == f"## {mark} {word.upper()}"


def test_the_gates_by_stage() -> None:
    assert (
        "| stage | outcome | gate | level | seconds | reason |\n"
        "|---|---|---|---|--:|---|\n"
        "| develop | ❌ fail | `lint` | required | 1.2 | `findings.new 2` |\n"
        "|  | ❔ unknown | `format` | advisory |  | `no ruff` |\n"
        "| security | ✅ pass | `bandit` | required |  | `it is good` |\n"
        "\n"
    ) in render(make(failing()))


def test_what_is_red_names_its_owner_and_its_command() -> None:
    made = render(make(failing()))
    assert (
        "### To look at\n\n"
        "- ❌ fail `lint` (required): `findings.new 2` · owner `@web`"
        " · `devops-gates run --gate lint`\n"
        "- ❔ unknown `format` (advisory): `no ruff` · `devops-gates run --gate format`\n\n"
    ) in made


def test_the_findings_by_gate_the_worst_first() -> None:
    assert (
        "### Findings\n\n"
        "#### `lint`: 2 findings\n\n"
        "- **high** `F821` `c.py:3:4`: `undefined`\n"
        "- **medium** `F401` `b.py:2`: `unused`\n\n"
        "#### `bandit`: 1 finding\n\n"
        "- **low**, waived `B602`: `shell`\n\n"
    ) in render(make(failing()))


def test_what_was_not_checked_is_folded() -> None:
    made = render(make(failing()))
    part = made.partition("<details><summary>Not checked: 3</summary>\n\n")[2]
    assert part.startswith("- `format (unknown)`: `format: no ruff`\n- `version (off)`: `not asked")
    assert part.partition("\n\n")[2].startswith("</details>\n")


def test_what_changed() -> None:
    change = Change(
        run_id="0",
        started="2026-01-01T00:00:00Z",
        verdict="pass",
        gates=(GateChange("lint", "pass", "fail"),),
        metrics=(MetricChange("coverage", "line", 90, 88.5),),
        appeared=3,
        gone=1,
    )
    assert (
        "### Since `2026-01-01T00:00:00Z` (pass)\n\n"
        "- findings: 3 appeared, 1 gone\n"
        "- `lint`: pass → fail\n"
        "- `coverage` `line`: 90 → 88.50\n\n"
    ) in render(make(failing(since=change)))
    assert "- nothing changed\n" in render(make(failing(since=Change("0", "x", "fail"))))
    assert "### Since" not in render(make(failing()))


def test_tests_and_coverage_in_numbers() -> None:
    rulings = (ruling("coverage", stage="test", metrics={"line": 91.257, "line:a": 1.0}),)
    counts = TestCounts(collected=9, passed=7, failed=2, complete=True)
    files = [FileCoverage(f"f{n}.py", 50, 10, n) for n in range(9)]
    made = render(make(verdict(*rulings, tests=counts), files))
    assert "**Tests**: 7 passed, 2 failed; 9 collected\n" in made
    assert "**Coverage**: line 91.25 %\n\n- `f8.py`: 50 %, 8 lines not run\n- `f7.py`" in made
    assert "`f3.py`" not in made
    broken = verdict(tests=TestCounts(collected=9, passed=1))
    assert "9 collected, and the run is not complete\n" in render(make(broken))


def test_where_numbers_went_and_how_delivery_goes() -> None:
    def trend(name: str, *values: float) -> Trend:
        points = tuple(Point(f"r{n}", "2026-01-02T00:00:00Z", v) for n, v in enumerate(values))
        return Trend("coverage", name, points)

    dora = Dora("production", "2026-08-30T00:00:00Z", "2026-11-28T00:00:00Z", 2, 0.155)
    made = verdict(trends=(trend("line", 80.5, 91), trend("branch", 7, 7)), dora=dora)
    text = render(make(made))
    assert "**Trends**: `coverage line` 80.50 → 91 in 2 runs\n" in text
    told = "2 deployments from 2026-08-30 to 2026-11-28, deployment frequency 0.15 a week"
    assert f"**Delivery** to `production`: `{told}`\n" in text
    assert "branch" not in text
    assert "Trends" not in render(make(verdict(trends=(trend("line", 1, 1),))))


def test_a_part_of_the_gates_is_no_verdict_on_the_whole() -> None:
    made = render(make(failing(selection=Selection(("test",), complete=False))))
    assert "(`test`): no verdict on the whole project." in made


def test_a_run_without_gates_has_its_verdict() -> None:
    made = render(make(verdict(reason="configuration error: x", verdict="unknown")))
    assert made.startswith("## ❔ UNKNOWN\n\n`configuration error: x`\n\n")


# sizes

HUGE = [
    "x" * 10_000,
    "\U0001f600" * 10_000,
    "|`" * 5_000,
    "\x1b" * 10_000,
    "\U000e0001" * 10_000,
    "".join("`" * number + " " for number in range(140)),
]


def many(text: str, gates: int, findings: int) -> Verdict:
    rulings: list[Ruling] = [
        ruling(f"g{n}{text}", stage="develop", outcome="fail", reason=text, owner=text)
        for n in range(gates)
    ]
    found = tuple(
        Finding(
            text or "r", f"{n}{text}", path=text or "p", line=n, gate=f"g{n % max(gates, 1)}{text}"
        )
        for n in range(findings)
    )
    change = Change(
        text, text, text, tuple(GateChange(text, text, text) for _ in range(gates)), appeared=1
    )
    detail = TestDetail(skips=tuple(SkipReason(text, 1) for _ in range(100)))
    counts = TestCounts(collected=10**18, passed=10**18, detail=detail)
    return verdict(*rulings, findings=found, reason=f"why: {text}", since=change, tests=counts,
                   project=ProjectName(text, text), profile=text, commit=text)  # fmt: skip


def fits(text: str, limit: int = LIMIT) -> None:
    assert len(text.encode()) <= limit
    assert text.startswith("## ❌ FAIL\n\n")
    assert "why: " in text.splitlines()[2]
    assert text.count("<details>") == text.count("</details>")
    assert text.endswith("\n")
    assert not shown(text).open


@pytest.mark.parametrize("text", HUGE)
@pytest.mark.parametrize(("gates", "findings"), [(1, 1), (3, 1_000), (500, 500)])
def test_nothing_makes_it_too_large(text: str, gates: int, findings: int) -> None:
    report = make(many(text, gates, findings))
    fits(render(report))
    for limit in (0, LEAST - 1, LEAST, 10_000, 30_000):
        fits(within(report, limit), max(limit, LEAST))


def test_a_hundred_thousand_findings() -> None:
    made = render(make(many("", 3, 100_000)))
    fits(made)
    listed = sum(line.startswith("- **medium**") for line in made.splitlines())
    left_out = [
        int(line.split()[2]) for line in made.splitlines() if line.endswith("more findings")
    ]
    assert listed > 400
    assert (len(left_out), listed + sum(left_out)) == (3, 100_000)


@pytest.mark.parametrize("gates", [3, 600])
def test_time_grows_with_the_findings(gates: int) -> None:
    def work(size: int) -> Callable[[], object]:
        report = make(many("", gates, size))
        return lambda: render(report)

    grows_linearly(work, 12_500)


def test_thousands_of_gates() -> None:
    made = render(make(many("", 5_000, 100_000)))
    fits(made)
    rows = [line for line in made.splitlines() if line.startswith("| ")][1:]
    more = rows.pop()
    assert f"… {5_000 - len(rows)} more gates" in more
    assert more.count("|") == 7
    listed = sum(line.startswith("- **medium**") for line in made.splitlines())
    words = [line.split() for line in made.splitlines() if "more finding" in line]
    numbers = [int(line[1] if line[0] == "…" else line[2]) for line in words]
    assert listed + sum(numbers) == 100_000


def test_many_findings_of_one_gate_do_not_hide_those_of_another() -> None:
    found = [Finding("a", "m" * 100, Severity.HIGH, gate="lint") for _ in range(10_000)]
    found.append(Finding("b", "the other", gate="bandit"))
    rulings = (ruling("lint", outcome="fail"), ruling("bandit", stage="security", outcome="fail"))
    assert "`the other`" in render(make(verdict(*rulings, findings=tuple(found))))


def test_a_stage_that_nobody_knows_is_counted() -> None:
    odd = ruling("odd", stage="elsewhere", outcome="fail")
    found = verdict(ruling(), odd)
    assert StageOutcome("elsewhere", "fail") not in found.stages
    assert "… 1 more gate |" in render(make(found))
