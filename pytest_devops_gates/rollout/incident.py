"""Writes a roll-out that was not fine into ``devops-gates/incidents.toml``."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from pytest_devops_gates import disk
from pytest_devops_gates.deployments import Deployment
from pytest_devops_gates.errors import UsageError
from pytest_devops_gates.evidence import Severity
from pytest_devops_gates.incident import Incident
from pytest_devops_gates.operations import incidents_file
from pytest_devops_gates.operations.incidents_file import FILE


def write_down(root: Path, done: Deployment, now: datetime) -> str:
    """Append the incident that a roll-out was; returns its id. It is over where the roll-back
    succeeded. Raises UsageError where it cannot be written."""
    data = incidents_file.found(root) or b""
    name = incidents_file.read(data, now).next_id()
    undone = done.roll_back is not None and done.roll_back.reason is None
    incident = Incident(
        id=name,
        title=f"the roll-out of {done.version} to {done.environment} was {done.outcome}",
        severity=Severity.HIGH,
        started=done.started,
        ended=done.ended if undone else None,
        environment=done.environment,
        deployment=done.id,
    )
    text = incidents_file.appended(data, incident, now).decode()
    try:
        (root / FILE).parent.mkdir(exist_ok=True)
        disk.write(root / FILE, text)
    except OSError as error:
        raise UsageError(f"{FILE} cannot be written: {error.strerror}") from None
    return name
