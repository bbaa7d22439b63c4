"""How a loosening is told, and what its rules mean."""

from __future__ import annotations

import json
from typing import Any

from pytest_devops_gates.evidence import Confidence, Finding, Rule, Severity
from pytest_devops_gates.neutral import visible

CONFIGURATION = "pyproject.toml"
"""Where the policy stands."""

_WAIT = (
    "Take it back, or bring it in by a change of its own: it takes effect once it is on the base."
)
_SAYS = {
    "level-lowered": "A gate's level is lower than at the base.",
    "condition-gone": "A condition or a warning of the base's policy is gone.",
    "limit-weakened": "A limit lets more pass than at the base, or nobody can tell.",
    "gate-gone": "A gate or a command of the base is gone.",
    "stage-changed": "A gate stands at another stage, which may be switched off.",
    "command-changed": "A command that is a gate does something else than at the base.",
    "options-changed": "A gate's options are others than at the base.",
    "profile-changed": "Another profile is chosen, or a profile of the base is gone.",
    "stage-removed": "A stage of a profile is left out.",
    "base-changed": "Another base is chosen, from which it is told what is new.",
    "deadline-changed": "The deadline of a run is another one.",
    "setting-loosened": "A tool's setting lets more pass than at the base, or nobody can tell.",
    "setting-changed": "A tool's setting is another one, and may weaken it.",
    "settings-shadowed": "A tool reads another file now than its settings at the base.",
    "settings-gone": "A tool has no settings any more.",
    "settings-unreadable": "A settings file cannot be read, so it cannot be compared.",
    "suppressions-grown": "There are more suppressions of a kind than at the base.",
    "baseline-grown": "The baseline takes a finding for known that it did not hold at the base.",
    "environment-loosened": "A roll-out to an environment is held less than at the base.",
    "tracker-changed": "The work items are read from somewhere else than at the base.",
    "requirement-gone": "A requirement of the base's plan is in the plan no more.",
    "shard-gone": "A shard that the base expects is expected no more: what it ran is not missed.",
    "shard-widened": "A shard may speak for stages for which it may not at the base.",
    "waiver-added": "A waiver holds back a finding that was not waived at the base.",
    "quarantine-added": "Failures of a test do not count that do at the base.",
    "quarantine-prolonged": "Failures of a test do not count for longer than at the base.",
}
RULES = tuple(Rule(rule, says, _WAIT) for rule, says in _SAYS.items())
"""What is known of the rules by which findings of this package are named."""


def told(
    rule: str,
    name: str,
    before: Any,
    after: Any,
    *,
    severity: Severity = Severity.HIGH,
    path: str | None = CONFIGURATION,
    line: int | None = None,
    more: str = "",
) -> Finding:
    """A finding in one sentence: ``NAME: X at the base, Y here``."""
    return stated(
        rule,
        f"{clipped(name)}: {shown(before)} at the base, {shown(after)} here{more}",
        severity=severity,
        path=path,
        line=line,
    )


def stated(
    rule: str,
    message: str,
    *,
    severity: Severity = Severity.HIGH,
    path: str | None = CONFIGURATION,
    line: int | None = None,
) -> Finding:
    """A finding in words of its own."""
    return Finding(rule, visible(message), severity, Confidence.HIGH, path, line)


def shown(value: Any) -> str:
    """A value in few words. A text is one that is meant for people already."""
    if value is None:
        return "not set"
    return clipped(value if isinstance(value, str) else canonical(value))


def canonical(value: Any) -> str:
    """The same text for the same plain value, whatever the order of its keys."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, default=repr)


def clipped(text: str, limit: int = 120) -> str:
    """A text that is cut where it is long."""
    return text if len(text) <= limit else text[: limit - 1] + "…"
