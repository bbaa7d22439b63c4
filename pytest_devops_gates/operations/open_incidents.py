"""The incidents that are going on, whoever knows of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path

import msgspec

from pytest_devops_gates import disk
from pytest_devops_gates.deployments import DEPLOYED, STARTED, Deployment
from pytest_devops_gates.evidence import Severity
from pytest_devops_gates.incident import Incident
from pytest_devops_gates.json_text import dump

FILE = "incidents.json"
WITHIN = timedelta(days=1)
"""After a roll-out: what begins later is hardly its doing, and one whose end nobody saw by then is
at work no more."""

AT_WORK = "DEVOPS_GATES_DEPLOYMENT"
"""The variable with the id of the roll-out that asks, while it is at work."""


class Seen(msgspec.Struct, frozen=True):
    """The incidents that a run saw, and the ``sources`` that it asked which tell of what goes on,
    and no more of what is over."""

    incidents: tuple[Incident, ...]
    sources: tuple[str, ...]


def keep(run_dir: Path, seen: Seen) -> None:
    """Leave what was seen in the run's folder, for the history. Raises OSError."""
    disk.write(run_dir / FILE, dump(seen))


def kept(run_dir: Path) -> Seen | None:
    """What was seen in this run; None where nobody looked."""
    try:
        return msgspec.json.decode(disk.read_plain(run_dir / FILE), type=Seen)
    except (OSError, ValueError):
        return None


def of_deployments(
    deployments: Iterable[Deployment],
    told: Iterable[Incident],
    now: datetime,
    at_work: str | None = None,
) -> tuple[Incident, ...]:
    """The last roll-out to each environment, where it failed, or nobody saw its end within a day,
    and nothing brought it back: neither a roll-back that succeeded, nor anybody who wrote an
    incident of it down, nor the one that asks, whose id is ``at_work``. One that began within a day
    and has not ended changes nothing yet, and one whose command never started never does."""
    last = {
        one.environment: one
        for one in deployments
        if not one.never_ran and (one.id == at_work or one.outcome != STARTED or is_lost(one, now))
    }
    known = {one.deployment for one in told if one.deployment} | {at_work}
    return tuple(
        _of_deployment(one)
        for one in last.values()
        if one.outcome != DEPLOYED and one.id not in known and not _undone(one)
    )


def caused(
    incidents: Iterable[Incident], deployments: Sequence[Deployment]
) -> tuple[Incident, ...]:
    """The same, each with the roll-out that ended last before it began, where one did so within a
    day and nobody named another."""
    return tuple(
        one
        if one.deployment
        else msgspec.structs.replace(one, deployment=_before(one, deployments))
        for one in incidents
    )


def moment(text: str) -> datetime | None:
    """A time of RFC 3339; None for what is none."""
    try:
        found = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=timezone.utc)


def _of_deployment(one: Deployment) -> Incident:
    what = "ended unseen" if one.outcome == STARTED else f"was {one.outcome}"
    why = f": {one.reason}" if one.reason else ""
    return Incident(
        id=f"deployment-{one.id}",
        title=f"the roll-out to {one.environment} {what}, and nothing undid it{why}",
        severity=Severity.HIGH,
        started=one.ended or one.started,
        environment=one.environment,
        deployment=one.id,
        source="deployments",
    )


def is_lost(one: Deployment, now: datetime) -> bool:
    """Whether nobody saw the end of a roll-out, and nobody will."""
    began = moment(one.started)
    return one.outcome == STARTED and (began is None or abs(now - began) >= WITHIN)


def _undone(one: Deployment) -> bool:
    return one.roll_back is not None and one.roll_back.exit_code == 0 and not one.roll_back.reason


def _before(incident: Incident, deployments: Sequence[Deployment]) -> str | None:
    began = moment(incident.started)
    if began is None:
        return None
    fitting = [
        (ended, one.id)
        for one in deployments
        if not one.never_ran
        and incident.environment in (None, one.environment)
        and (ended := moment(one.ended or ""))
        and timedelta(0) <= began - ended <= WITHIN
    ]
    return max(fitting)[1] if fitting else None
