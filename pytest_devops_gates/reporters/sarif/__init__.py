"""findings.sarif: SARIF 2.1.0, as GitHub's code scanning takes it.

Sources: https://docs.oasis-open.org/sarif/sarif/v2.1.0/os/sarif-v2.1.0-os.html (section numbers in
these files) and, for what GitHub asks for beyond it and for its limits,
https://docs.github.com/en/code-security/reference/code-scanning/sarif-support-for-code-scanning

``rules.py``, ``results.py`` and ``invocations.py`` make the three lists of a run, ``texts.py`` what
is written in them.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any

from pytest_devops_gates.evidence import Finding
from pytest_devops_gates.json_text import dump
from pytest_devops_gates.report import Report, Reporter
from pytest_devops_gates.reporters.sarif.invocations import invocations
from pytest_devops_gates.reporters.sarif.results import results
from pytest_devops_gates.reporters.sarif.rules import Rules
from pytest_devops_gates.reporters.sarif.texts import text
from pytest_devops_gates.verdict import Verdict

RESULTS = 25_000
"""Results in a run. GitHub refuses a file with more, and keeps 5,000 of them."""
PACKED = 9_500_000
"""Bytes of the file under gzip. GitHub refuses more than 10 MB."""

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def render(report: Report) -> str:
    """The report as SARIF, with no more results than GitHub takes: the worst ones."""
    shown = min(len(report.findings), RESULTS)
    while True:
        made = dump(_log(report, report.findings[:shown])) + "\n"
        size = _packed(made)
        if size <= PACKED or not shown:
            return made
        # By at least a tenth each time, so that all tries together cost a few times the first.
        shown = shown * PACKED * 9 // (size * 10)


def _packed(made: str) -> int:
    """How many bytes are uploaded; what is small enough as it stands is not tried."""
    return len(made) if len(made) <= PACKED else len(zlib.compress(made.encode("ascii")))


def _log(report: Report, shown: Sequence[Finding]) -> dict[str, Any]:
    verdict = report.verdict
    rules = Rules(report, shown)
    left_out = len(report.findings) - len(shown)
    run = {
        "tool": {
            "driver": {
                "name": "pytest-devops-gates",
                "version": text(verdict.version, "0"),
                "rules": rules.descriptors(),
            }
        },
        "automationDetails": {"id": _id(verdict)},
        "columnKind": "unicodeCodePoints",
        "invocations": list(invocations(report, left_out)),
        "results": list(results(report.verdict, shown, rules)),
        "properties": _summary(report, left_out),
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _id(verdict: Verdict) -> str:
    """``category/run`` (3.17.2). GitHub closes the alerts that a later upload of the same category
    no longer has: so each profile, project and part of the stages is a category of its own, and a
    run that never came to its gates closes nothing."""
    category = ["devops-gates", verdict.profile]
    if not verdict.selection.complete or not verdict.gates:
        category += ["part", *verdict.selection.stages]
    if verdict.project.folder:
        category.append(verdict.project.folder)
    parts = ("-".join(category), verdict.run_id)
    return "/".join(text(part.replace("/", "-"), "-") for part in parts)


def _summary(report: Report, left_out: int) -> dict[str, Any]:
    """The verdict, for whoever reads the file itself."""
    verdict, counts = report.verdict, report.counts
    return {
        "verdict": text(verdict.verdict),
        "reason": text(verdict.reason),
        "exitStatus": verdict.exit_status,
        "profile": text(verdict.profile),
        "complete": verdict.selection.complete,
        "runId": text(verdict.run_id),
        "commit": text(verdict.commit) if verdict.commit else None,
        "dirty": verdict.dirty,
        "findings": {
            "total": counts.total,
            "new": counts.new,
            "known": counts.known,
            "waived": counts.waived,
            "leftOut": left_out,
        },
    }


SARIF = Reporter(
    "sarif", render, file="findings.sarif", about="the findings, for code scanning (SARIF 2.1.0)"
)
