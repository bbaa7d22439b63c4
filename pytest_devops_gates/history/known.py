"""The deployments and incidents that are known: of the shared history, and of this checkout."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from datetime import datetime, timezone
from pathlib import Path

import msgspec

from pytest_devops_gates.deployments import STARTED, Deployment, recorded
from pytest_devops_gates.errors import UsageError
from pytest_devops_gates.history.store import Store
from pytest_devops_gates.incident import Incident
from pytest_devops_gates.operations import incidents_file


class Known(msgspec.Struct, frozen=True):
    """What happened, the earliest first."""

    deployments: tuple[Deployment, ...] = ()
    incidents: tuple[Incident, ...] = ()


def known(store: Store, project: str, root: Path) -> Known:
    """All of a project. Raises CannotTell where the store does not answer; what lies in the
    checkout and cannot be read is left out."""
    here: tuple[Deployment, ...] = ()
    with contextlib.suppress(OSError):
        here = recorded(root)
    incidents = {one.id: one for one in (*store.incidents(project), *_written(root))}
    return Known(together((*store.deployments(project), *here)), tuple(incidents.values()))


def _written(root: Path) -> tuple[Incident, ...]:
    """The incidents of the checkout's own file."""
    with contextlib.suppress(UsageError):
        data = incidents_file.found(root)
        return incidents_file.read(data, datetime.now(timezone.utc)).incidents if data else ()
    return ()


def together(deployments: Iterable[Deployment]) -> tuple[Deployment, ...]:
    """Each once: as it ended, wherever that was written down."""
    found: dict[str, Deployment] = {}
    for one in deployments:
        before = found.get(one.id)
        if before is None or before.outcome == STARTED:
            found[one.id] = one
    return tuple(sorted(found.values(), key=lambda one: (one.started, one.id)))
