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
from pytest_devops_gates.gate import REQUIRED
from pytest_devops_gates.json_text import dump
from pytest_devops_gates.neutral import visible
from pytest_devops_gates.report import Report, Reporter, anchor, located
from pytest_devops_gates.verdict import UNKNOWN

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
    """What could not be told, then the findings that nobody waived, the worst first.

    GitLab takes a finding that is missing for one that was mended: a gate that could not tell is
    an issue itself, so that its silence is no good news.
    """
    return dump([*_untold(report), *_issues(report)]) + "\n"


def _untold(report: Report) -> Iterator[dict[str, Any]]:
    verdict = report.verdict
    silent = [r for r in verdict.gates if r.outcome == UNKNOWN and r.level == REQUIRED]
    reasons = {ruling.name: ruling.reason for ruling in silent}
    if verdict.verdict == UNKNOWN and not silent:
        reasons = {"verdict": verdict.reason}
    for name, reason in reasons.items():
        yield {
            "description": shortened(visible(f"could not tell: {reason}"), TEXT),
            "check_name": f"{visible(name)}/could-not-tell",
            "fingerprint": _digest(f"could-not-tell\0{name}"),
            "severity": _SEVERITIES[Severity.CRITICAL],
            "location": {"path": visible(anchor(verdict)), "lines": {"begin": 1}},
        }


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
    return _digest(f"{finding.fingerprint}\0{nth}")


def _digest(content: str) -> str:
    data = content.encode("utf-8", "backslashreplace")
    return hashlib.blake2b(data, digest_size=16).hexdigest()


CODE_QUALITY = Reporter(
    "code-quality",
    render,
    file="code-quality.json",
    about="the findings, for merge requests (GitLab Code Quality)",
)
