"""Makes the pictures of the README from a real run: the head of its page, and its end on a
terminal.

``python docs/pictures.py RUN_FOLDER`` writes them to ``docs/images``. Needs Chromium, and
Playwright to drive it (``pip install playwright``).
"""

from __future__ import annotations

import html
import re
import shutil
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from pytest_devops_gates import archive
from pytest_devops_gates.report import Report
from pytest_devops_gates.reporters.html import HTML
from pytest_devops_gates.reporters.terminal import render

IMAGES = Path(__file__).parent / "images"
WIDTH, HEIGHT = 1200, 760
COLOURS = {
    "1": "#fff",
    "2": "#8b949e",
    "31": "#ff7b72",
    "32": "#56d364",
    "33": "#e3b341",
    "35": "#d2a8ff",
}
TERMINAL = """<!doctype html><meta charset="utf-8"><style>
body {{ margin: 0; background: #0d1117; }}
pre {{ display: inline-block; margin: 0; padding: 18px 22px; color: #d5dbe1;
  font: 14px/1.45 "DejaVu Sans Mono", monospace; }}
</style><pre>{}</pre>"""


def main(folder: Path) -> None:
    report = archive.load(folder)
    program = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as aside:
        browser = playwright.chromium.launch(
            executable_path=program, args=["--no-sandbox", "--disable-gpu"]
        )
        page_file = Path(aside, "report.html")
        page_file.write_text(HTML.render(report), encoding="utf-8")
        for scheme in ("light", "dark"):
            _head(browser, page_file, scheme)
        page_file.write_text(TERMINAL.format(_in_html(report)), encoding="utf-8")
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        page.goto(page_file.as_uri())
        page.locator("pre").screenshot(path=IMAGES / "terminal.png")
        browser.close()


def _head(browser: Browser, page_file: Path, scheme: str) -> None:
    page = browser.new_page(
        viewport={"width": WIDTH, "height": HEIGHT},
        color_scheme="dark" if scheme == "dark" else "light",
    )
    page.goto(page_file.as_uri())
    page.screenshot(path=IMAGES / f"report-{scheme}.png")
    page.close()


def _in_html(report: Report) -> str:
    """The end of the run as a terminal shows it, its colours as elements."""
    text = html.escape(render(report, width=88, colour=True, folder=".devops-gates/latest"))
    return re.sub(
        "\x1b\\[(\\d+)m(.*?)\x1b\\[0m",
        lambda found: f'<span style="color: {COLOURS[found[1]]}">{found[2]}</span>',
        text.rstrip("\n"),
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
