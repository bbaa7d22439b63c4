"""The page for release managers in a real browser."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from pytest_devops_gates.evidence import Finding, Severity
from pytest_devops_gates.report import FileCoverage, make
from pytest_devops_gates.reporters.html import render
from pytest_devops_gates.reporters.html.page import ROWS
from pytest_devops_gates.stage import Stage
from pytest_devops_gates.verdict import Counts, Measured, Point, StageOutcome, Trend, Verdict
from tests.reports import tools
from tests.reports.browser import chromium, served
from tests.reports.test_html import everywhere
from tests.unit.samples import HOSTILE, ruling, verdict

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.slow

OUTCOMES = ("off", "fail", "pass", "unknown", "pass", "warn", "not-applicable", "off")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium(tools.chromium()) as found:
        yield found


Open = Callable[..., "Page"]


@pytest.fixture
def opened(browser: Browser, tmp_path: Path) -> Iterator[Open]:
    """Opens the page of a verdict, from a server that has nothing but it."""
    contexts = []

    def open_page(made: Verdict | str, **context: Any) -> Page:
        text = (
            made
            if isinstance(made, str)
            else render(make(made, [FileCoverage("a.py", 50.0, 2, 1)]))
        )
        (tmp_path / "report.html").write_text(text, encoding="utf-8")
        contexts.append(
            browser.new_context(**{"viewport": {"width": 1100, "height": 900}, **context})
        )
        page = contexts[-1].new_page()
        page.requests = []  # type: ignore[attr-defined]
        page.complaints = []  # type: ignore[attr-defined]
        page.on("request", lambda request: page.requests.append(request.url))  # type: ignore[attr-defined]
        page.on("console", lambda message: page.complaints.append(message.text))  # type: ignore[attr-defined]
        page.on("pageerror", lambda error: page.complaints.append(str(error)))  # type: ignore[attr-defined]
        page.on("dialog", lambda dialog: (page.complaints.append("a dialog"), dialog.dismiss()))  # type: ignore[attr-defined]
        page.goto(f"{address}/report.html")
        return page

    with served(tmp_path) as address:
        yield open_page
        for context in contexts:
            context.close()


def looked_over(findings: int = 250) -> Verdict:
    """A verdict with a bit of everything."""
    severities = list(Severity)
    found = tuple(
        Finding(
            rule=f"F{n % 4}",
            message=f"message {n}",
            severity=severities[n % 5],
            path=f"src/file_{n % 7}.py",
            line=n + 1,
            gate="bandit" if n % 2 else "lint",
            fingerprint=f"{n:08x}",
            state="new" if n % 10 else "waived",
        )
        for n in range(findings)
    )
    stages = tuple(StageOutcome(s.value, o) for s, o in zip(Stage, OUTCOMES, strict=True))
    broken = Measured("findings.new", "==", 0, findings, None, False)
    made = verdict(
        ruling("lint", outcome="fail", conditions=(broken,), findings=Counts(findings, findings)),
        ruling("bandit", stage="security", outcome="unknown", owner="@web-team"),
        findings=found,
    )
    return msgspec.structs.replace(made, stages=stages)


def rows(page: Page) -> list[list[str]]:
    found: list[list[str]] = page.eval_on_selector_all(
        "#table tbody tr", "rows => rows.map(row => [...row.cells].map(cell => cell.textContent))"
    )
    return found


def test_the_loop_is_there_and_leads_to_its_stages(opened: Open) -> None:
    from playwright.sync_api import expect

    page = opened(looked_over())
    fills = {}
    for stage, outcome in zip(Stage, OUTCOMES, strict=True):
        link = page.locator(f".loop a[href='#stage-{stage.value}']")
        box = link.locator(".band").bounding_box()
        assert box and box["width"] > 40 and box["height"] > 40  # noqa: PT018
        assert link.locator("text").text_content() is not None
        fills.setdefault(
            outcome, link.locator(".band").evaluate("band => getComputedStyle(band).fill")
        )
    assert len({fills[outcome] for outcome in ("pass", "warn", "fail", "unknown", "off")}) == 5
    page.locator(".loop a[href='#stage-operate'] text").click()
    assert page.url.endswith("#stage-operate")
    expect(page.locator("#stage-operate")).to_be_in_viewport()


def test_the_loop_is_reached_by_the_keyboard(opened: Open) -> None:
    page = opened(looked_over())
    seen = []
    for _ in range(9):
        page.keyboard.press("Tab")
        seen.append(page.evaluate("document.activeElement.getAttribute('href')"))
    assert seen[0] == "#verdict"
    assert sorted(seen[1:]) == sorted(f"#stage-{stage.value}" for stage in Stage)
    page.keyboard.press("Enter")
    assert re.search(r"#stage-\w+$", page.url)


def test_findings_are_filtered(opened: Open) -> None:
    page = opened(looked_over())
    assert len(rows(page)) == ROWS
    assert page.text_content("#shown") == f"{ROWS} of 250 findings."
    page.select_option("#filter-severity", "critical")
    assert {row[0] for row in rows(page)} == {"critical"}
    assert page.text_content("#shown") == "50 of 50 findings that fit, of 250."
    page.select_option("#filter-gate", "bandit")
    assert {(row[0], row[1]) for row in rows(page)} == {("critical", "bandit")}
    page.select_option("#filter-gate", "")
    page.select_option("#filter-severity", "")
    page.select_option("#filter-stage", "security")
    assert {row[1] for row in rows(page)} == {"bandit"}
    page.select_option("#filter-stage", "")
    page.select_option("#filter-state", "waived")
    assert {row[5] for row in rows(page)} == {"waived"}
    page.select_option("#filter-state", "")
    page.fill("#filter-text", "FILE_3.py")
    assert {row[3].split(":")[0] for row in rows(page)} == {"src/file_3.py"}
    page.fill("#filter-text", "there is nothing like this")
    assert rows(page) == []
    assert page.text_content("#shown") == "0 of 0 findings that fit, of 250."
    assert page.complaints == []  # type: ignore[attr-defined]


def test_findings_are_sorted_both_ways_and_shown_by_the_page(opened: Open) -> None:
    page = opened(looked_over())
    file = page.locator("#table th[data-column=file]")
    file.locator("button").click()
    assert file.get_attribute("aria-sort") == "ascending"
    paths = [row[3].split(":")[0] for row in rows(page)]
    assert paths == sorted(paths)
    file.locator("button").click()
    assert file.get_attribute("aria-sort") == "descending"
    assert rows(page)[0][3].startswith("src/file_6.py")
    page.click("#more")
    page.click("#more")
    assert len(rows(page)) == 250
    assert page.is_hidden("#more")


def test_findings_are_sorted_by_stage_in_the_order_of_the_loop(opened: Open) -> None:
    page = opened(looked_over(60))
    page.locator("#table th[data-column=stage] button").click()
    stages = [row[7] for row in rows(page)]
    assert stages == ["develop"] * 30 + ["security"] * 30


@pytest.mark.parametrize("name", ["severity", "gate", "rule", "file", "state", "stage"])
def test_every_sorting_keeps_all_findings(opened: Open, name: str) -> None:
    page = opened(looked_over(80))
    before = sorted(row[6] for row in rows(page))
    page.locator(f"#table th[data-column={name}] button").click()
    assert sorted(row[6] for row in rows(page)) == before


def test_twenty_thousand_findings_are_few_rows_at_a_time(opened: Open) -> None:
    page = opened(looked_over(20_000))
    assert page.text_content("#shown") == f"{ROWS} of 20000 findings."
    assert page.evaluate("document.getElementsByTagName('*').length") < 3000
    page.fill("#filter-text", "message 19999")
    assert [row[4] for row in rows(page)] == ["message 19999"]


def test_hostile_text_is_text(opened: Open) -> None:
    page = opened(everywhere(" ".join(HOSTILE)))
    page.fill("#filter-text", "onerror")  # what the script itself puts there
    assert "<img src=x onerror=alert(1)>" in rows(page)[0][4]
    assert page.locator("img, iframe, object, a[href^=javascript]").count() == 0
    assert page.locator("script").count() == 2
    body = page.inner_text("body")
    assert "<img src=x onerror=alert(1)>" in body
    assert "{{7*7}}" in body
    assert "left\\u202etfel" in body
    assert page.complaints == []  # type: ignore[attr-defined]


def test_no_request_leaves_the_page(opened: Open) -> None:
    page = opened(everywhere("http://127.0.0.1/x.png"))
    page.fill("#filter-text", "x")
    assert [re.sub(r":\d+", "", url) for url in page.requests] == [  # type: ignore[attr-defined]
        "http://127.0.0.1/report.html"
    ]


PLANTED = """
document.body.insertAdjacentHTML('beforeend', '<img src="/x.png" onerror="window.broken = 1">');
const script = document.createElement('script');
script.textContent = 'window.ran = 1';
document.body.append(script);
const style = document.createElement('style');
style.textContent = 'body { color: rgb(1, 2, 3) }';
document.body.append(style);
"""


@pytest.mark.parametrize("guarded", [True, False])
def test_the_content_security_policy_holds(opened: Open, guarded: bool) -> None:
    """Whatever would break out of the page could do nothing; without its policy it could."""
    text = render(make(looked_over()))
    if not guarded:
        text = re.sub(r"<meta http-equiv=.*\n", "", text)
    page = opened(text)
    page.evaluate(PLANTED)
    fetched = page.evaluate("fetch('/report.html').then(() => true, () => false)")
    page.wait_for_timeout(100)
    found = page.evaluate(
        "[window.broken ?? 0, window.ran ?? 0, getComputedStyle(document.body).color]"
    )
    assert (found[:2], fetched) == (([0, 0], False) if guarded else ([1, 1], True))
    assert (found[2] == "rgb(1, 2, 3)") is not guarded


def test_the_page_can_be_read_without_its_script(opened: Open) -> None:
    page = opened(looked_over(), java_script_enabled=False)
    assert page.is_hidden("#filters")
    assert page.locator("#table tbody tr").count() == ROWS
    assert "message" in page.inner_text("#table")


@pytest.mark.parametrize("width", [320, 390])
def test_a_phone_need_not_scroll_sideways(opened: Open, width: int) -> None:
    made = msgspec.structs.replace(looked_over(), reason="lint: " + "word " * 40 + "x" * 200)
    page = opened(made, viewport={"width": width, "height": 700})
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_print_leaves_out_what_paper_cannot_do(opened: Open) -> None:
    page = opened(looked_over())
    page.emulate_media(media="print")
    assert page.is_hidden("#filters")
    assert page.is_hidden("#more")
    assert page.is_visible(".loop svg")
    assert page.pdf().startswith(b"%PDF")


CONTRAST = """
() => {
  const parse = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((v) => (v /= 255) <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4);
    return .2126 * x + .7152 * y + .0722 * z;
  };
  const over = (top, below) => {
    const alpha = top[3] ?? 1;
    return [0, 1, 2].map((n) => top[n] * alpha + below[n] * (1 - alpha));
  };
  const ground = (node) => {
    if (!node) return parse(getComputedStyle(document.documentElement).backgroundColor).slice(0, 3);
    const own = parse(getComputedStyle(node).backgroundColor);
    return (own[3] ?? 1) === 1 ? own : over(own, ground(node.parentElement));
  };
  const poor = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode.parentElement;
    const style = getComputedStyle(node);
    if (!walker.currentNode.data.trim() || !node.checkVisibility() || node.closest("script, style, .skip, .sr, title")) continue;
    const svg = node.closest(".loop a");
    const back = svg ? parse(getComputedStyle(svg.querySelector(".band")).fill) : ground(node);
    const front = over(parse(svg ? style.fill : style.color), back);
    const [a, b] = [light(front), light(back)].sort((x, y) => y - x);
    const ratio = (a + .05) / (b + .05);
    if (ratio < 4.5) poor.push(node.className + ": " + walker.currentNode.data.trim().slice(0, 30) + " " + ratio.toFixed(2));
  }
  return poor;
}
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_stands_out(opened: Open, scheme: str) -> None:
    """WCAG 2.2, 1.4.3: a contrast of 4.5 to 1."""
    page = opened(looked_over(), color_scheme=scheme)
    assert page.evaluate(CONTRAST) == []
    page.evaluate(
        "document.querySelector('.reason').style.setProperty('color', 'rgb(150, 60, 60)')"
    )
    assert page.evaluate(CONTRAST) != []


def test_every_control_has_a_name(opened: Open) -> None:
    page = opened(looked_over())
    assert page.get_by_role("searchbox", name="Search").count() == 1
    for name in ("Stage", "Gate", "Severity", "State"):
        assert page.get_by_role("combobox", name=name, exact=True).count() == 1
    assert page.get_by_role("navigation", name="The stages of the DevOps loop").count() == 1
    assert page.get_by_role("link", name="develop: fail").count() == 1
    assert page.get_by_role("heading", level=1).count() == 1


def test_trends_are_drawn_in_their_boxes_and_named(opened: Open) -> None:
    points = tuple(Point(f"r{n}", f"2026-01-0{n + 1}T00:00:00Z", n % 3) for n in range(9))
    trends = tuple(Trend(f"gate{n}", "a.metric" * 9, points) for n in range(12))
    made = msgspec.structs.replace(looked_over(), trends=trends)
    for width in (1100, 320):
        page = opened(made, viewport={"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        for picture in page.get_by_role("img", name="over 9 runs: from 0 to 2").all():
            outer = picture.bounding_box()
            inner = picture.locator(".drawn").bounding_box()
            assert outer
            assert inner
            assert inner["width"] > outer["width"] * 0.9
            assert inner["height"] > outer["height"] * 0.6
        assert page.get_by_role("img", name="over 9 runs: from 0 to 2").count() == 12
        page.get_by_text("All values").click()
        assert page.get_by_role("region", name="The values of the trends").is_visible()
        assert page.complaints == []
