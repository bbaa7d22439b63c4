"""What a run is told of the roll-outs before it: DORA's measures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from pytest_devops_gates.errors import UsageError
from pytest_devops_gates.history import dora
from pytest_devops_gates.history.failures import Ended
from pytest_devops_gates.history.instants import instant
from pytest_devops_gates.history.known import Known
from pytest_devops_gates.history.lineage import Delivered
from pytest_devops_gates.verdict import Dora

Commits = Callable[[Sequence[Ended], datetime], Mapping[str, Delivered]]
"""Knows what deployments that succeeded delivered, of those that ended after a moment: as
``delivered.delivered`` does of a checkout."""


def delivery(known: Known, commits: Commits, started: str) -> Dora | None:
    """The measures up to the start of a run (RFC 3339, UTC); None where nothing was ever deployed,
    or nobody says which of several environments is meant."""
    until = instant(started)
    if until is None or not known.deployments:
        return None
    try:
        environment = dora.environment_of(known.deployments)
    except UsageError:
        return None
    return measured(known, commits, environment, until).dora


def measured(
    known: Known, commits: Commits, environment: str, until: datetime, days: float = dora.DAYS
) -> dora.Measures:
    """DORA's measures of an environment in the ``days`` before a moment."""
    since = until - timedelta(days=days)
    good = dora.successful(known.deployments, environment)
    return dora.measure(
        known.deployments,
        known.incidents,
        commits([one for one in good if one.ended <= until], since),
        environment=environment,
        since=since,
        until=until,
    )
