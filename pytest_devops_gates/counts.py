"""The metrics that every gate has: how many findings, by state, severity, rule and path. Pure."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable, Sequence

import msgspec

from pytest_devops_gates.evidence import Confidence, Finding, Severity
from pytest_devops_gates.verdict import Counts

_SEVERITIES = "|".join(severity.value for severity in Severity)
_METRIC = re.compile(
    rf"findings(?:\.(?P<state>total|new|known|waived))?"
    rf"(?:\.(?P<severity>{_SEVERITIES})(?:\.(?P<confidence>high|medium))?)?"
    r"(?:\.(?P<by>rule|path):(?P<pattern>.+))?",
    re.DOTALL,
)
_SURE = {
    "high": {Confidence.HIGH},
    "medium": {Confidence.HIGH, Confidence.MEDIUM},
    None: {*Confidence, None},
}


class Selector(msgspec.Struct, frozen=True):
    """Which findings a metric counts: those that are new, where it does not say otherwise.

    ``findings.total.high.path:src/app`` are all of high severity in that folder, old ones too.
    A confidence is the least one. A rule or path may be a pattern; a path may be a folder.
    """

    state: str = "new"
    severity: str | None = None
    confidence: str | None = None
    rule: str | None = None
    path: str | None = None

    def takes(self, finding: Finding) -> bool:
        return (
            self.state in ("total", finding.state)
            and self.severity in (None, finding.severity.value)
            and finding.confidence in _SURE[self.confidence]
            and (self.rule is None or fnmatch.fnmatchcase(finding.rule, self.rule))
            and (self.path is None or _lies_in(finding.path or "", self.path))
        )


def selector(metric: str) -> Selector | None:
    """What ``findings...`` selects; None for another metric."""
    found = _METRIC.fullmatch(metric)
    if not found or metric == "findings":
        return None
    by = {found["by"]: found["pattern"]} if found["by"] else {}
    return Selector(found["state"] or "new", found["severity"], found["confidence"], **by)


def finding_metrics(findings: Sequence[Finding], asked: Iterable[str] = ()) -> dict[str, float]:
    """The metrics that every gate has, and those that were asked for."""
    counts = count(findings)
    metrics: dict[str, float] = {
        "findings.total": counts.total,
        "findings.new": counts.new,
        "findings.known": counts.known,
        "findings.waived": counts.waived,
    }
    new = [f for f in findings if f.state == "new"]
    for severity in Severity:
        metrics[f"findings.{severity.value}"] = sum(f.severity == severity for f in new)
    for name in asked:
        chosen = selector(name)
        if chosen and name not in metrics:
            metrics[name] = sum(map(chosen.takes, findings))
    return metrics


def count(findings: Sequence[Finding]) -> Counts:
    """Findings by state."""
    states = [f.state for f in findings]
    return Counts(
        total=len(states),
        new=states.count("new"),
        known=states.count("known"),
        waived=states.count("waived"),
    )


def _lies_in(path: str, wanted: str) -> bool:
    wanted = wanted.rstrip("/")
    return path == wanted or path.startswith(wanted + "/") or fnmatch.fnmatchcase(path, wanted)
