"""Keeps what happened around a run: the roll-outs of its checkout, the incidents that it saw."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path

import msgspec

from pytest_devops_gates import deployments
from pytest_devops_gates.history.store import Store
from pytest_devops_gates.incident import Incident

NEWEST = 200
"""Roll-outs of a checkout that are handed over; older ones were, when they were new."""

ELSEWHERE = ("alertmanager", "github", "gitlab", "deployments")
"""Sources that tell of what goes on, and no more of what is over."""


def keep(store: Store, project: str, root: Path, seen: Sequence[Incident] | None, now: str) -> None:
    """Keep the roll-outs, and, where somebody looked, the incidents that were ``seen`` just
    ``now``. What was going on then and is not seen any more is over. Raises CannotTell."""
    rolled: tuple[deployments.Deployment, ...] = ()
    with contextlib.suppress(OSError):
        rolled = deployments.recorded(root)[-NEWEST:]
    if rolled:
        store.keep_deployments(project, rolled)
    if seen is not None:
        store.keep_incidents(project, [*seen, *ended(store.incidents(project), seen, now)], now)


def ended(known: Sequence[Incident], seen: Sequence[Incident], now: str) -> tuple[Incident, ...]:
    """Of the ``known`` ones those that went on and are not ``seen`` any more, which are over."""
    still = {one.id for one in seen}
    return tuple(
        msgspec.structs.replace(one, ended=now)
        for one in known
        if one.ended is None and one.source in ELSEWHERE and one.id not in still
    )
