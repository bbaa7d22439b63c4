"""How long a browser takes to open the page of a release with many findings.

``python benchmarks/page.py [FINDINGS ...]`` (200, 20,000 and 25,000, the most that are on a page)
prints the milliseconds from the request to the end of the page's own script, the median of five, and
what a filter of its findings takes. Needs Chromium, and Playwright to drive it.
"""

from __future__ import annotations

import shutil
import statistics
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright
from reports import findings, verdict_of

from pytest_devops_gates.findings import complete
from pytest_devops_gates.report import make
from pytest_devops_gates.reporters.html import render

ROUNDS = 5
OPENED = "performance.getEntriesByType('navigation')[0].loadEventEnd"
FILTERED = """() => {
  const field = document.getElementById('filter-text');
  field.value = 'value_777';
  const start = performance.now();
  field.dispatchEvent(new Event('input', { bubbles: true }));
  return performance.now() - start;
}"""


def opened(browser: Browser, page_file: Path) -> tuple[float, float]:
    page = browser.new_page()
    page.goto(page_file.as_uri())
    times = page.evaluate(OPENED), page.evaluate(FILTERED)
    page.close()
    return times


def main(sizes: list[int]) -> None:
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        program = shutil.which("chromium") or shutil.which("google-chrome")
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path=program, args=arguments)
        for size in sizes:
            root = Path(folder, str(size))
            root.mkdir()
            found = complete("lint", findings(size, root), root)
            page_file = root / "report.html"
            page_file.write_text(render(make(verdict_of(found))), encoding="utf-8")
            times = [opened(browser, page_file) for _ in range(ROUNDS)]
            opening, filtering = (statistics.median(column) for column in zip(*times, strict=True))
            mib = page_file.stat().st_size / 2**20
            print(
                f"{size:>7,} findings: {mib:5.1f} MiB,"
                f" opened in {opening:.0f} ms, filtered in {filtering:.0f} ms"
            )
        browser.close()


if __name__ == "__main__":
    main([int(size) for size in sys.argv[1:]] or [200, 20_000, 25_000])
