"""The report for release managers: one page in one file, that needs no network and no server.

``page.html`` is the page (Jinja2), ``style.css`` its looks, ``script.js`` the filters of its
findings, ``loop.py`` the geometry of the figure-eight at its head. Its Content-Security-Policy
lets the browser run this one script and nothing else.
"""

from __future__ import annotations

from pytest_devops_gates.report import Report, Reporter


def render(report: Report) -> str:
    """The page."""
    from pytest_devops_gates.reporters.html.page import page  # Jinja2 is loaded when it is used

    return page(report)


HTML = Reporter("html", render, file="report.html", about="one page for release managers")
