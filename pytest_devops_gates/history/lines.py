"""A record of the history as one JSON value: a line of an export, or a file of the shared ref.

What comes from there is somebody's word, and is decoded strictly.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable

import msgspec

from pytest_devops_gates.deployments import DEPLOYED, FAILED, REJECTED, STARTED, Deployment
from pytest_devops_gates.evidence import RanTest
from pytest_devops_gates.history.instants import instant
from pytest_devops_gates.history.records import SCHEMA, RunRecord
from pytest_devops_gates.incident import Incident
from pytest_devops_gates.json_text import dump
from pytest_devops_gates.verdict import (
    EXIT_INTERNAL,
    EXIT_INTERRUPTED,
    EXIT_STATUS,
    EXIT_USAGE,
    OUTCOMES,
)

DEPLOYMENT = "pytest-devops-gates/history-deployment/1"
TESTS = "pytest-devops-gates/history-tests/1"
INCIDENT = "pytest-devops-gates/history-incident/1"

LONGEST = 32 * 2**20
"""Bytes of one record: a run with 100,000 tests has some ten million."""

_RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", re.ASCII)
_ENDS = (STARTED, DEPLOYED, FAILED, REJECTED)
_STATUSES = {*EXIT_STATUS.values(), EXIT_INTERRUPTED, EXIT_INTERNAL, EXIT_USAGE}
_ID = 500
"""Characters of the id of a deployment or an incident."""


class KeptDeployment(msgspec.Struct, frozen=True):
    """A deployment, and whose it is."""

    project: str
    deployment: Deployment
    schema: str = DEPLOYMENT


class KeptIncident(msgspec.Struct, frozen=True):
    """An incident, whose it is, and when this was ``said`` of it (RFC 3339, UTC)."""

    project: str
    said: str
    incident: Incident
    schema: str = INCIDENT


class KeptTests(msgspec.Struct, frozen=True):
    """All tests of a run whose record has those alone that are kept for good."""

    project: str
    run_id: str
    started: str
    tests: tuple[RanTest, ...]
    schema: str = TESTS


Record = RunRecord | KeptTests | KeptDeployment | KeptIncident
_KINDS: dict[str, type[Record]] = {
    SCHEMA: RunRecord,
    TESTS: KeptTests,
    DEPLOYMENT: KeptDeployment,
    INCIDENT: KeptIncident,
}


class _Head(msgspec.Struct):
    schema: str


def encode(record: Record) -> bytes:
    """One line, without its end."""
    return dump(record, indent=0).encode("ascii")


def decode(data: bytes, project: str) -> Record:
    """A record of this project. Raises ValueError, which says what is wrong with it."""
    if len(data) > LONGEST:
        raise ValueError(f"it has more than {LONGEST >> 20} MiB")
    try:
        schema = msgspec.json.decode(data, type=_Head).schema
        kind = _KINDS.get(schema)
        if kind is None:
            raise ValueError(f"its schema is '{schema[:80]}', which is none of ours")
        record = msgspec.json.decode(data, type=kind)
    except RecursionError:
        raise ValueError("it is nested too deep") from None
    if record.project != project:
        raise ValueError(f"it is of the project '{record.project[:80]}', not of '{project}'")
    check(record)
    return record


def check(record: Record) -> None:
    """Raises ValueError where a record says what none of ours says."""
    if isinstance(record, (RunRecord, KeptTests)):
        if not _RUN_ID.fullmatch(record.run_id):
            raise ValueError("its run_id is none")
        _check_times(record.started)
        _check_seconds(test.seconds for test in record.tests)
        if isinstance(record, RunRecord):
            _check_run(record)
        return
    event = record.deployment if isinstance(record, KeptDeployment) else record.incident
    if not 0 < len(event.id) <= _ID:
        raise ValueError("its id is empty or too long")
    _check_times(event.started, *([event.ended] if event.ended is not None else []))
    if isinstance(record, KeptIncident):
        _check_times(record.said)
        return
    if record.deployment.outcome not in _ENDS:
        raise ValueError(f"its outcome is '{record.deployment.outcome[:80]}'")
    _check_numbers([record.deployment.exit_code or 0])


def _check_run(run: RunRecord) -> None:
    if run.verdict not in EXIT_STATUS:
        raise ValueError(f"its verdict is '{run.verdict[:80]}'")
    if run.exit_status not in _STATUSES:
        raise ValueError("its exit_status is none of ours")
    if any(gate.outcome not in OUTCOMES for gate in run.gates):
        raise ValueError("it has a gate with an unknown outcome")
    counts = [n for rule in run.rules for n in (rule.new, rule.known, rule.waived)]
    if min(counts, default=0) < 0:
        raise ValueError("it counts fewer findings than none")
    _check_numbers(counts)
    _check_seconds([run.seconds, *(gate.seconds for gate in run.gates)])
    _check_numbers(value for gate in run.gates for value in gate.metrics.values())


def _check_seconds(values: Iterable[float]) -> None:
    found = list(values)
    _check_numbers(found)
    if min(found, default=0.0) < 0:
        raise ValueError("it took less than no time")


def _check_numbers(values: Iterable[float]) -> None:
    if not all(abs(value) <= sys.float_info.max for value in values):
        raise ValueError("it has a number that is not finite, or too large")


def _check_times(*texts: str) -> None:
    for text in texts:
        if instant(text) is None:
            raise ValueError(f"'{text[:40]}' is no time of RFC 3339")
