"""What stands on the page: the report, prepared for its template."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from pytest_devops_gates.conditions import exact, number
from pytest_devops_gates.evidence import Finding
from pytest_devops_gates.json_text import dump
from pytest_devops_gates.measures import NO_GOALS, figure, rows
from pytest_devops_gates.neutral import visible
from pytest_devops_gates.report import (
    SEVERITIES,
    STATES,
    Report,
    by_stage,
    outcome_counts,
    red,
)
from pytest_devops_gates.reporters.html import charts, loop

FINDINGS = 25_000
"""Findings that are on the page; more of them no browser opens in a second."""
ROWS = 100
"""Findings that are on it without its script, and that the script shows at a time."""
FILES = 300
"""Files whose coverage is on it."""

_HERE = Path(__file__).parent
_WORDS = {"not-applicable": "n/a"}
_SIGNS = {"pass": "✓", "warn": "!", "fail": "✕", "unknown": "?", "not-applicable": "·", "off": "·"}


def page(report: Report) -> str:
    """The page as one file."""
    style, script = _part("style.css"), _part("script.js")
    verdict = report.verdict
    shown = report.findings[:FINDINGS]
    return _template().render(
        report=report,
        verdict=verdict,
        csp=_policy(style, script),
        style=_as_it_is(style),
        script=_as_it_is(script),
        loop=loop,
        arrows=list(zip(loop.arrows(len(verdict.stages)), verdict.stages, strict=True)),
        stages=by_stage(verdict),
        red=red(verdict),
        outcomes=outcome_counts(verdict),
        rows=shown[:ROWS],
        data=_data(report, shown),
        left_out=len(report.findings) - len(shown),
        files=report.coverage[:FILES],
        severities=SEVERITIES,
        states=STATES,
        gates=_with_findings(report),
        stage_of={ruling.name: ruling.stage for ruling in verdict.gates},
        charts=charts.charts(verdict.trends),
        box=f"0 0 {charts.WIDTH} {charts.HEIGHT}",
        values=charts.table(verdict.trends),
        measures=rows(verdict.dora) if verdict.dora else (),
        no_goals=NO_GOALS,
    )


@cache
def _part(name: str) -> str:
    return (_HERE / name).read_text("utf-8")


@cache
def _template() -> jinja2.Template:
    """The template. Every text that it puts on the page is made visible, and then escaped."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
        finalize=_shown,
    )
    environment.filters.update(number=number, exact=exact, figure=figure, link=_link)
    environment.globals.update(words=_WORDS, signs=_SIGNS)
    return environment.get_template("page.html")


def _shown(value: Any) -> Any:
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _link(uri: str) -> str:
    """An address that may be followed, or nothing: ``javascript:`` is an address as well."""
    return uri if uri.startswith(("https://", "http://")) else ""


def _as_it_is(text: str) -> Markup:
    """For what is our own, or was made harmless already."""
    return Markup(text)  # noqa: S704


def _policy(style: str, script: str) -> str:
    """The Content-Security-Policy: this style and this script, known by their digests."""
    return "; ".join(
        [
            "default-src 'none'",
            f"style-src '{_digest(style)}'",
            f"script-src '{_digest(script)}'",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
        ]
    )


def _digest(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"


def _with_findings(report: Report) -> list[str]:
    names = {finding.gate for finding in report.findings}
    return [ruling.name for ruling in report.verdict.gates if ruling.name in names]


def _data(report: Report, findings: Sequence[Finding]) -> Markup:
    """The findings for the script: tables of the texts that recur, and rows of their numbers.

    JSON inside of HTML: what would end the element, or begin a comment, is written as an escape.
    """
    stage_of = {ruling.name: ruling.stage for ruling in report.verdict.gates}
    gates, paths = _Table(), _Table()
    rules = _Table()
    rows = [
        (
            gates.at(f.gate),
            SEVERITIES.index(f.severity.value),
            STATES.index(f.state),
            rules.at(f"{f.gate}\0{f.rule}"),
            paths.at(f.path or ""),
            f.line or 0,
            f.column or 0,
            visible(f.message),
            f.fingerprint[:8],
        )
        for f in findings
    ]
    uris = [report.rules.get((g, r)) for g, r in (key.split("\0", 1) for key in rules.texts)]
    content = {
        "gates": [[name, stage_of.get(name, "")] for name in gates.texts],
        "severities": SEVERITIES,
        "states": STATES,
        "rules": [visible(key.split("\0", 1)[1]) for key in rules.texts],
        "uris": [_link(rule.uri) if rule else "" for rule in uris],
        "paths": [visible(path) for path in paths.texts],
        "page": ROWS,
        "rows": rows,
    }
    text = dump(content, indent=0)
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return _as_it_is(text)


class _Table:
    """Texts, each once, in the order in which they came."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def at(self, text: str) -> int:
        return self._numbers.setdefault(text, len(self._numbers))

    @property
    def texts(self) -> Iterable[str]:
        return self._numbers
