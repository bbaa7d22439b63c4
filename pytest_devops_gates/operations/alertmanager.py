"""Alertmanager's active alerts, by its API v2.

Source: https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml, ``/alerts``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import Annotated, Any
from urllib.parse import urlencode

import msgspec

from pytest_devops_gates import web
from pytest_devops_gates.errors import CannotTell
from pytest_devops_gates.evidence import Severity
from pytest_devops_gates.incident import Incident

MOST = 10_000
"""Alerts that are read; more of them are no answer to anything."""

SEVERITIES = {
    "critical": Severity.CRITICAL,
    "page": Severity.CRITICAL,
    "error": Severity.HIGH,
    "high": Severity.HIGH,
    "major": Severity.HIGH,
    "warning": Severity.MEDIUM,
    "warn": Severity.MEDIUM,
    "medium": Severity.MEDIUM,
    "minor": Severity.LOW,
    "low": Severity.LOW,
    "info": Severity.INFO,
    "none": Severity.INFO,
}
"""By the label ``severity``, as people write it; another word, or none, counts as high."""

_STATES = {"silenced": "false", "inhibited": "false", "unprocessed": "true", "active": "true"}


class _Status(msgspec.Struct):
    state: str


class _Alert(msgspec.Struct, rename="camel"):
    labels: dict[str, str]
    starts_at: Annotated[datetime, msgspec.Meta(tz=True)]
    status: _Status
    fingerprint: str
    annotations: dict[str, str] = {}
    generator_url: str | None = msgspec.field(default=None, name="generatorURL")


def active(
    address: str, matchers: Sequence[str], headers: Mapping[str, str], timeout: float
) -> tuple[Incident, ...]:
    """The alerts that are neither silenced nor inhibited and fit all of the ``matchers``, as
    incidents. Raises CannotTell when Alertmanager does not answer as it should."""
    query = urlencode([*_STATES.items(), *(("filter", matcher) for matcher in matchers)])
    url = f"{address.rstrip('/')}/api/v2/alerts?{query}"
    answer = web.request("GET", url, headers=headers, timeout=timeout)
    if answer.status != 200:
        raise CannotTell(f"{web.shown(url)}: answered {answer.status}{_said(answer)}")
    return read(answer.json(), web.shown(url))


def read(raw: Any, where: str) -> tuple[Incident, ...]:
    """The alerts of an answer. Raises CannotTell for one of another shape."""
    try:
        alerts = msgspec.convert(raw, list[_Alert])
    except msgspec.ValidationError as error:
        raise CannotTell(f"{where}: answered in another shape: {error}") from None
    if len(alerts) > MOST:
        raise CannotTell(f"{where}: tells {len(alerts):,} alerts; name fewer by its matchers")
    fired = [one for one in alerts if one.status.state != "suppressed"]
    try:
        found = [_incident(one) for one in fired]
    except OverflowError:
        raise CannotTell(f"{where}: answered a time that is none") from None
    return tuple(sorted(found, key=lambda one: (one.started, one.id)))


def _incident(alert: _Alert) -> Incident:
    name = alert.labels.get("alertname", "an alert without a name")
    told = alert.annotations.get("summary") or alert.annotations.get("description") or ""
    severity = SEVERITIES.get(alert.labels.get("severity", "").lower(), Severity.HIGH)
    began = alert.starts_at.astimezone(timezone.utc)
    return Incident(
        id=f"alert-{alert.fingerprint}-{began:%Y%m%dT%H%M%SZ}",
        title=f"{name}: {told}" if told else name,
        severity=severity,
        started=f"{began:%Y-%m-%dT%H:%M:%SZ}",
        environment=alert.labels.get("environment") or alert.labels.get("env"),
        source="alertmanager",
        url=alert.generator_url,
    )


def _said(answer: web.Response) -> str:
    """What it says of it: a text in JSON."""
    try:
        told = answer.json()
    except CannotTell:
        return ""
    return f" ({' '.join(told.split())[:160]})" if isinstance(told, str) else ""
