"""What was run: ``invocations`` (3.20). One that failed is one that cannot tell."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from typing import Any

from pytest_devops_gates.evidence import Receipt
from pytest_devops_gates.report import Report
from pytest_devops_gates.reporters.sarif.texts import text
from pytest_devops_gates.verdict import UNKNOWN, Ruling

COMMAND = 2_000
"""Characters of a command line: some tools are given every file by its name."""

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", re.ASCII)


def invocations(report: Report, left_out: int) -> Iterator[dict[str, Any]]:
    """The run as a whole, and then each gate that was run or should have been."""
    yield _whole(report, left_out)
    for ruling in report.verdict.gates:
        if ruling.receipt or ruling.outcome == UNKNOWN:
            yield _gate(ruling)


def _whole(report: Report, left_out: int) -> dict[str, Any]:
    verdict = report.verdict
    unknown = verdict.verdict == UNKNOWN
    notices = [_notice("error", verdict.reason)] if unknown else []
    if left_out:
        told = f"The {len(report.findings) - left_out} worst findings are listed here; {left_out}"
        notices.append(_notice("warning", f"{told} more are left out, and stand in verdict.json."))
    made: dict[str, Any] = {
        "executionSuccessful": not unknown,
        "exitCode": verdict.exit_status,
        "exitCodeDescription": text(report.headline),
        "toolExecutionNotifications": notices,
        "properties": {"seconds": verdict.seconds},
    }
    if _TIME.fullmatch(verdict.started):
        made["startTimeUtc"] = verdict.started
    return made


def _gate(ruling: Ruling) -> dict[str, Any]:
    unknown = ruling.outcome == UNKNOWN
    properties: dict[str, Any] = {
        "gate": text(ruling.name),
        "stage": text(ruling.stage),
        "level": text(ruling.level),
        "outcome": text(ruling.outcome),
        "reason": text(ruling.reason),
    }
    made: dict[str, Any] = {
        "executionSuccessful": not unknown,
        "toolExecutionNotifications": [_notice("error", ruling.reason)] if unknown else [],
        "properties": properties,
    }
    if ruling.receipt:
        _add(ruling.receipt, made, properties)
    return made


def _add(receipt: Receipt, made: dict[str, Any], properties: dict[str, Any]) -> None:
    """What the receipt proves."""
    properties["tool"] = text(f"{receipt.tool} {receipt.version or ''}")
    properties["seconds"] = receipt.seconds
    properties["examined"] = receipt.examined
    if receipt.argv:
        made["commandLine"] = text(shlex.join(receipt.argv), limit=COMMAND)
    if receipt.exit_code is not None and abs(receipt.exit_code) < 2**31:  # as readers hold it
        made["exitCode"] = receipt.exit_code


def _notice(level: str, told: str) -> dict[str, Any]:
    return {"level": level, "message": {"text": text(told, "no reason is known")}}
