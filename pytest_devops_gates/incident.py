"""An incident: something that users of the product felt, or could have. Values only."""

from __future__ import annotations

import msgspec

from pytest_devops_gates.evidence import Severity


class Incident(msgspec.Struct, frozen=True):
    """One incident. Times are RFC 3339, UTC; one without an end is still going on.

    ``source`` says who knows of it (``alertmanager``, ``file``, or a tracker), ``deployment`` is
    the id of the one that caused it, and ``follow_up`` the work item by which something is
    learnt.
    """

    id: str
    title: str
    severity: Severity
    started: str
    ended: str | None = None
    environment: str | None = None
    deployment: str | None = None
    follow_up: str | None = None
    source: str = "file"
    url: str | None = None
