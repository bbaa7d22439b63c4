"""Keeps what happened around a run: the roll-outs of its checkout, the incidents that it saw."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path

import msgspec

from pytest_devops_gates import deployments
from pytest_devops_gates.history.store import Store
from pytest_devops_gates.incident import Incident
from pytest_devops_gates.operations.open_incidents import Seen

NEWEST = 200
"""Roll-outs of a checkout that are handed over; older ones were, when they were new."""


def keep(store: Store, project: str, root: Path, seen: Seen | None, now: str) -> None:
    """Keep the roll-outs, and, where somebody looked, the incidents that were ``seen`` just
    ``now``. What a source that was asked does not tell any more is over. Raises CannotTell."""
    rolled: tuple[deployments.Deployment, ...] = ()
    with contextlib.suppress(OSError):
        rolled = deployments.recorded(root)[-NEWEST:]
    if rolled:
        store.keep_deployments(project, rolled)
    if seen is not None:
        over = ended(store.incidents(project), seen, now)
        store.keep_incidents(project, [*seen.incidents, *over], now)


def ended(known: Sequence[Incident], seen: Seen, now: str) -> tuple[Incident, ...]:
    """Of the ``known`` ones those that went on, and that their source, which was asked, does not
    tell any more: they are over."""
    still = {one.id for one in seen.incidents}
    return tuple(
        msgspec.structs.replace(one, ended=now)
        for one in known
        if one.ended is None and one.source in seen.sources and one.id not in still
    )
