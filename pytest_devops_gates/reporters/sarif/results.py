"""The findings of a run: ``results`` (3.27)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import quote

from pytest_devops_gates.evidence import Finding
from pytest_devops_gates.report import located
from pytest_devops_gates.reporters.sarif.rules import Rules
from pytest_devops_gates.reporters.sarif.texts import LEVELS, rule_id, text
from pytest_devops_gates.verdict import Verdict, Waiver

# A waived finding is no news either: who waived it has seen it.
_BASELINE = {"new": "new", "known": "unchanged", "waived": "unchanged"}
_LINE_HASH = re.compile(r"[0-9a-f]{1,16}:[1-9][0-9]{0,8}")


def results(verdict: Verdict, shown: Sequence[Finding], rules: Rules) -> Iterator[dict[str, Any]]:
    """Suppressions and states are given for all results or for none (3.27.23, 3.27.24)."""
    states = {finding.state for finding in shown}
    waivers = {waiver.id: waiver for waiver in verdict.waivers}
    for finding in shown:
        result = _result(verdict, finding, rules)
        if "known" in states:
            result["baselineState"] = _BASELINE[finding.state]
        if "waived" in states:
            waived = finding.state == "waived"
            result["suppressions"] = (
                [_suppression(waivers.get(finding.waiver or ""))] if waived else []
            )
        yield result


def _result(verdict: Verdict, finding: Finding, rules: Rules) -> dict[str, Any]:
    at = located(verdict, finding)
    name = rule_id(finding)
    region = {
        "startLine": at.line,
        "startColumn": at.column,
        "endLine": at.end_line,
        "endColumn": at.end_column,
    }
    properties = {
        "gate": text(finding.gate),
        "severity": finding.severity.value,
        "state": finding.state,
    }
    if finding.confidence:
        properties["confidence"] = finding.confidence.value
    return {
        "ruleId": name,
        "ruleIndex": rules.index[name],
        "level": LEVELS[finding.severity],
        "message": {"text": text(at.message, name)},
        "locations": [
            {"physicalLocation": {"artifactLocation": {"uri": _uri(at.path)}, "region": region}}
        ],
        "partialFingerprints": _fingerprints(finding),
        "properties": properties,
    }


def _uri(path: str) -> str:
    """A path as a relative URI, in which no character but the slash means anything."""
    return quote(path.encode("utf-8", "backslashreplace"), safe="/")


def _fingerprints(finding: Finding) -> dict[str, str]:
    """What GitHub knows an alert by when it comes again, and what we know it by.

    For a finding without a line that could be read, the one stands in for the other.
    """
    line = finding.line_hash
    if not _LINE_HASH.fullmatch(line):
        own = finding.fingerprint or "\0".join((finding.gate, finding.rule, finding.message))
        digest = hashlib.blake2b(own.encode("utf-8", "backslashreplace"), digest_size=8)
        line = f"{digest.hexdigest()}:1"
    made = {"primaryLocationLineHash": line}
    if finding.fingerprint:
        made["devopsGatesFingerprint/v1"] = text(finding.fingerprint)
    return made


def _suppression(waiver: Waiver | None) -> dict[str, str]:
    made = {"kind": "external", "status": "accepted"}
    if waiver:
        told = f"{waiver.id}: {waiver.reason} ({waiver.owner}, until {waiver.expires})"
        made["justification"] = text(told)
    return made
