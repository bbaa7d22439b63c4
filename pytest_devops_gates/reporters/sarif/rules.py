"""The rules of a run: ``tool.driver.rules`` (3.49)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from pytest_devops_gates.evidence import Finding, Severity
from pytest_devops_gates.report import Report
from pytest_devops_gates.reporters.sarif.texts import LEVELS, rule_id, text
from pytest_devops_gates.stage import Stage
from pytest_devops_gates.verdict import Ruling

# In the middle of the bands by which GitHub names them.
_SECURITY_SEVERITY = {
    Severity.CRITICAL: "9.5",
    Severity.HIGH: "8.0",
    Severity.MEDIUM: "5.5",
    Severity.LOW: "2.0",
    Severity.INFO: "0.5",
}
_PROBLEM_SEVERITY = {"error": "error", "warning": "warning", "note": "recommendation"}
_WORST_FIRST = {severity: at for at, severity in enumerate(Severity)}
HELP = 3_000
"""Characters of a rule's help, which may be longer than other texts."""

_CHARACTER = r"(?:[\w.~:/?#@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})"
_PAGE = re.compile(rf"https?://[\w.-]+(?::\d+)?(?:/{_CHARACTER}*)?", re.ASCII)
"""What is surely well formed: validators refuse the whole file for a URI that is not."""


class Rules:
    """The rules that findings name, and the index of each by its id.

    GitHub knows one severity a rule: it is that of its worst finding here.
    """

    def __init__(self, report: Report, shown: Iterable[Finding]) -> None:
        self._report = report
        self._rulings = {ruling.name: ruling for ruling in report.verdict.gates}
        self._worst: dict[str, Finding] = {}
        for finding in shown:
            name = rule_id(finding)
            worst = self._worst.setdefault(name, finding)
            if _WORST_FIRST[finding.severity] < _WORST_FIRST[worst.severity]:
                self._worst[name] = finding
        self.index = {name: at for at, name in enumerate(self._worst)}

    def descriptors(self) -> list[dict[str, Any]]:
        """What is said of each; no text is empty, since GitHub refuses the file for one."""
        return [self._descriptor(name, worst) for name, worst in self._worst.items()]

    def _descriptor(self, name: str, worst: Finding) -> dict[str, Any]:
        rule = self._report.rule(worst)
        ruling = self._rulings.get(worst.gate)
        says = text(rule.says, f"{text(worst.rule, 'a rule')}, as the gate {worst.gate} has it")
        about = ruling.about if ruling else ""
        again = _again(worst.gate, ruling)
        made: dict[str, Any] = {
            "id": name,
            "name": text(worst.rule, "unnamed"),
            "shortDescription": {"text": says},
            "fullDescription": {"text": text(f"{says.rstrip('.')}. {about}")},
            "help": {"text": text(f"{rule.help or about} {again}", limit=HELP)},
            "defaultConfiguration": {"level": LEVELS[worst.severity]},
            "properties": _properties(worst, ruling),
        }
        if _PAGE.fullmatch(rule.uri):
            made["helpUri"] = rule.uri
        return made


def _properties(worst: Finding, ruling: Ruling | None) -> dict[str, Any]:
    """Tags and severities; only what a gate of the stage ``security`` finds is a security alert."""
    stage = ruling.stage if ruling else ""
    tags = dict.fromkeys(text(tag) for tag in (stage, worst.gate) if tag)
    severity = _PROBLEM_SEVERITY[LEVELS[worst.severity]]
    made: dict[str, Any] = {"tags": list(tags), "problem.severity": severity}
    if stage == Stage.SECURITY.value:
        made["security-severity"] = _SECURITY_SEVERITY[worst.severity]
    return made


def _again(gate: str, ruling: Ruling | None) -> str:
    """How the findings of the gate are seen again."""
    alone = f"devops-gates run --gate {gate}"
    by_hand = f"; by hand: {ruling.again}" if ruling and ruling.again else ""
    return f"To see it again: {alone}{by_hand}"
