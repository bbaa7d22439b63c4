"""code-quality.json: the findings that count, as GitLab shows them in a merge request.

Source: https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from typing import Any

from pytest_devops_gates.evidence import Finding, Severity
from pytest_devops_gates.findings import shortened
from pytest_devops_gates.json_text import dump
from pytest_devops_gates.neutral import visible
from pytest_devops_gates.report import Report, Reporter, located

TEXT = 1_000
"""Characters of a description."""

_SEVERITIES = {
    Severity.CRITICAL: "blocker",
    Severity.HIGH: "critical",
    Severity.MEDIUM: "major",
    Severity.LOW: "minor",
    Severity.INFO: "info",
}


def render(report: Report) -> str:
    """The findings that nobody waived, the worst first."""
    return dump(list(_issues(report))) + "\n"


def _issues(report: Report) -> Iterator[dict[str, Any]]:
    seen: Counter[str] = Counter()
    for finding in report.findings:
        if finding.state == "waived":
            continue
        at = located(report.verdict, finding)
        name = visible(f"{finding.gate}/{finding.rule}")
        seen[finding.fingerprint] += 1
        yield {
            "description": shortened(visible(at.message).strip(), TEXT) or name,
            "check_name": shortened(name, TEXT),
            "fingerprint": _fingerprint(finding, seen[finding.fingerprint]),
            "severity": _SEVERITIES[finding.severity],
            "location": {"path": visible(at.path), "lines": {"begin": at.line}},
        }


def _fingerprint(finding: Finding, nth: int) -> str:
    """What GitLab tells issues apart by: it shows one of those that have the same."""
    if finding.fingerprint.strip() and nth == 1:
        return visible(finding.fingerprint)
    content = f"{finding.fingerprint}\0{nth}".encode("utf-8", "backslashreplace")
    return hashlib.blake2b(content, digest_size=16).hexdigest()


CODE_QUALITY = Reporter(
    "code-quality",
    render,
    file="code-quality.json",
    about="the findings, for merge requests (GitLab Code Quality)",
)
