"""Asks the product: one probe, as often as it may be asked."""

from __future__ import annotations

import time
from collections.abc import Callable
from urllib.parse import urljoin, urlsplit

import msgspec

from pytest_devops_gates import web
from pytest_devops_gates.errors import CannotTell
from pytest_devops_gates.evidence import Finding, Severity
from pytest_devops_gates.operations import probes
from pytest_devops_gates.operations.endpoint import Server
from pytest_devops_gates.operations.probes import DAY, Probe

LIMIT = 4 * 2**20
"""Bytes of a body that are read."""

HOPS = 5
PAUSE = 1.0
"""Seconds between two attempts."""

SMALLER = " · probe a page that is small"
THROUGH_PROXY = (
    "its certificate cannot be seen through a proxy · name its host in NO_PROXY, or leave the"
    " certificate out by tls-days = 0"
)


class Probed(msgspec.Struct, frozen=True):
    """What a probe found. ``seconds`` are those of its answer, if there was one; ``unknown`` says
    what is the matter on this side, where that is the trouble."""

    probe: str
    findings: tuple[Finding, ...] = ()
    seconds: float | None = None
    tls_days: float | None = None
    unknown: str | None = None


class _Astray(Exception):
    """A redirect that is not followed, and why."""


def probed(
    probe: Probe, server: Server, now: float, sleep: Callable[[float], None] = time.sleep
) -> Probed:
    """Ask until nothing is wrong, or there are no attempts left; the last answer counts."""
    for attempt in range(probe.attempts):
        if attempt:
            sleep(PAUSE)
        found = _once(probe, server, now)
        if found.unknown is None and not found.findings:
            break
    return found


def _once(probe: Probe, server: Server, now: float) -> Probed:
    try:
        answer = _answer(probe, server)
    except (_Astray, CannotTell) as error:
        return _failed(Probed(probe.name), probe, server, error)
    found = Probed(probe.name, tuple(probes.wrong(probe, answer)), answer.seconds)
    try:
        days = _days(probe, server, answer.url, now)
    except CannotTell as error:  # what the answer showed holds nevertheless
        return _failed(found, probe, server, error)
    if days is None:
        return found
    findings = (*found.findings, *probes.ending(probe, days))
    return msgspec.structs.replace(found, findings=findings, tls_days=days)


def _failed(found: Probed, probe: Probe, server: Server, error: Exception) -> Probed:
    """What was found before, with a failure: the product's is a finding, and ours is unknown."""
    why = server.in_words(error)
    match error:
        case _Astray():
            told = probes.finding(probe, "status", why)
        case web.TooLong():
            told = probes.finding(probe, "body", f"answers more than {LIMIT:,} bytes{SMALLER}")
        case web.Untrusted():
            told = probes.finding(probe, "certificate", why)
        case web.Unreachable():
            told = probes.finding(probe, "unreachable", f"{server.shown}: {why}", Severity.CRITICAL)
        case _:
            return msgspec.structs.replace(found, unknown=f"{probe.name}: {why}")
    return msgspec.structs.replace(found, findings=(*found.findings, told))


def _answer(probe: Probe, server: Server) -> web.Response:
    """The answer, of where redirects lead if they are followed; its seconds are those of all."""
    url, headers, method, seconds = server.url, server.headers, probe.method, 0.0
    for _ in range(HOPS + 1):
        left = probe.timeout - seconds
        if left <= 0:
            raise web.Unreachable(f"no whole answer within {probe.timeout:g} seconds")
        answer = web.request(
            method, url, headers={"Accept": "*/*", **headers}, timeout=left, limit=LIMIT,
            authority=server.authority,
        )  # fmt: skip
        seconds += answer.seconds
        where = answer.headers.get("location")
        if not (probe.follow and answer.status in (301, 302, 303, 307, 308) and where):
            return msgspec.structs.replace(answer, seconds=seconds)
        there = _next(url, where)
        if _origin(there) != _origin(url):
            headers = {}  # what may be a secret goes to the one server that is named
        if answer.status == 303 and method == "POST":
            method = "GET"
        url = there
    raise _Astray(f"leads on after {HOPS} redirects")


def _next(url: str, where: str) -> str:
    """Where a redirect leads. Raises _Astray for where nobody should go."""
    try:
        there = urljoin(url, where)
        scheme, host, _ = _origin(there)
    except ValueError:
        there, scheme, host = "", "", None
    if scheme not in ("http", "https") or not host:
        raise _Astray("leads to what is no address of http or https")
    if urlsplit(url).scheme == "https" and scheme == "http":
        raise _Astray("leads from https to http")
    return there


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port


def _days(probe: Probe, server: Server, url: str, now: float) -> float | None:
    """The days that the certificate of whoever answered has left, where it has one that matters."""
    if urlsplit(url).scheme != "https" or not probe.tls_days:
        return None
    if web.has_proxy(url):
        raise CannotTell(THROUGH_PROXY)
    ends = web.certificate_ends(url, timeout=probe.timeout, authority=server.authority)
    return (ends - now) / DAY
