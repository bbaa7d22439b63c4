"""Which findings count: those by which a condition of their gate is broken. Pure."""

from __future__ import annotations

from functools import lru_cache

from pytest_devops_gates.counts import finding_metrics
from pytest_devops_gates.evidence import Finding
from pytest_devops_gates.verdict import Ruling

TESTS = {
    "failed": "failed",
    "error": "errors",
    "collection-error": "errors",
    "exit-status": "errors",
    "outcome-altered": "altered",
}
"""Which metric of the gate ``tests`` counts the findings of a rule."""


def counted(metric: str, finding: Finding) -> bool | None:
    """Whether a metric counts this finding; None when only the gate knows."""
    kind = Finding(
        finding.rule,
        "",
        finding.severity,
        finding.confidence,
        path=finding.path if ".path:" in metric else None,
        gate=finding.gate,
        state=finding.state,
    )
    return _counted(metric, kind)


def breaks(ruling: Ruling, finding: Finding) -> bool:
    """Whether a finding may break a broken condition of its gate; where none is broken, each of
    them may be what the gate is about."""
    broken = [c.metric for c in ruling.conditions if c.holds is False]
    return not broken or any(counted(metric, finding) is not False for metric in broken)


@lru_cache(maxsize=4096)
def _counted(metric: str, kind: Finding) -> bool | None:
    """As ``counted``, of a finding without its place and its words: many are alike then."""
    if kind.gate == "tests" and metric in TESTS.values():
        return TESTS.get(kind.rule) == metric
    if metric == kind.rule:
        return True
    try:
        own = finding_metrics([kind], [metric]).get(metric)
    except ValueError:  # no metric of a policy that can be read
        return None
    return None if own is None else own > 0
