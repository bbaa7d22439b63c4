"""The one room that speaks HTTP: one request, its answer bounded in time and size."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import msgspec

from pytest_devops_gates.errors import CannotTell
from pytest_devops_gates.json_text import strictly

LIMIT = 32 * 2**20
"""Bytes of an answer that are read; a longer one is refused."""

CHUNK = 65_536


class Response(msgspec.Struct, frozen=True):
    """An answer, whatever its status. Names of headers are in small letters; ``seconds`` are from
    the start of the connection to the last byte of the body."""

    url: str
    status: int
    headers: dict[str, str]
    body: bytes
    seconds: float

    def json(self) -> Any:
        """Its body as exactly one JSON value. Raises CannotTell for anything else."""
        try:
            return strictly(self.body.decode("utf-8"))
        except (ValueError, RecursionError) as error:
            where = shown(self.url)
            raise CannotTell(f"{where}: answered no JSON that can be read: {error}") from None


def request(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    body: Any = None,
    timeout: float = 10.0,
    limit: int = LIMIT,
    authority: str | None = None,
) -> Response:
    """Ask once; redirects are not followed, and nothing is tried again.

    ``body`` is sent as JSON. ``timeout`` is in seconds, for all of it, and ``authority`` a file
    with certificates to trust. Raises CannotTell when there is no whole answer in time; what it
    says holds neither headers nor the query, where secrets may be.
    """
    import urllib3

    ends = time.monotonic() + timeout
    plain = json.dumps(body).encode() if body is not None else None
    sent = {"User-Agent": "pytest-devops-gates", "Accept": "application/json", **(headers or {})}
    if plain is not None:
        sent["Content-Type"] = "application/json"
    began = time.monotonic()
    try:
        with _pool(url, authority) as pool:
            answer = pool.urlopen(
                method, url, headers=sent, body=plain, redirect=False, retries=False,
                timeout=urllib3.Timeout(total=timeout), preload_content=False,
            )  # fmt: skip
            data = _read(answer, ends, limit, url)
    except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
        raise CannotTell(f"{shown(url)}: {_why(error, timeout)}") from None
    found = {name.lower(): value for name, value in answer.headers.items()}
    return Response(url, answer.status, found, data, time.monotonic() - began)


def certificate_ends(url: str, *, timeout: float = 10.0, authority: str | None = None) -> float:
    """When the certificate of an ``https`` server ends, in seconds since the epoch. Raises
    CannotTell when it shows none that is trusted."""
    parts = urlsplit(url)
    address = (parts.hostname or "", parts.port or 443)
    context = ssl.create_default_context(cafile=authority)
    try:
        with (
            socket.create_connection(address, timeout) as plain,
            context.wrap_socket(plain, server_hostname=address[0]) as secure,
        ):
            found = secure.getpeercert() or {}
    except (OSError, ValueError) as error:
        raise CannotTell(f"{shown(url)}: {_why(error, timeout)}") from None
    return float(ssl.cert_time_to_seconds(str(found["notAfter"])))


def shown(url: str) -> str:
    """An address without what may be secret in it: its user, query and fragment."""
    with contextlib.suppress(ValueError):
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
        return f"{parts.scheme}://{parts.hostname or ''}{port}{parts.path}"
    return "an address that is none"


def _pool(url: str, authority: str | None) -> Any:
    """The connections to a server: through the proxy that the environment names, if it does."""
    import urllib3

    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("is no http or https address")
    proxy = getproxies().get(parts.scheme)
    if proxy and not proxy_bypass(parts.hostname):
        return urllib3.ProxyManager(proxy, ca_certs=authority)
    return urllib3.PoolManager(ca_certs=authority)


def _read(answer: Any, ends: float, limit: int, url: str) -> bytes:
    data = b""
    for chunk in answer.stream(CHUNK):
        data += chunk
        if len(data) > limit:
            raise CannotTell(f"{shown(url)}: answers more than {limit:,} bytes")
        if time.monotonic() > ends:
            raise TimeoutError
    return data


def _why(error: Exception, timeout: float) -> str:
    """What went wrong, in a few words: urllib3's own repeat the address with its query."""
    import urllib3

    reason: BaseException = error
    while isinstance(reason, (urllib3.exceptions.HTTPError, ssl.SSLError)) and reason.__cause__:
        reason = reason.__cause__
    if isinstance(reason, (TimeoutError, urllib3.exceptions.TimeoutError)):
        return f"no whole answer within {timeout:g} seconds"
    if isinstance(reason, ssl.SSLError):
        return f"its certificate or its TLS is refused: {reason.reason or reason}"
    if isinstance(reason, socket.gaierror):
        return "there is no host of that name"
    if isinstance(reason, OSError) and reason.strerror:
        return reason.strerror.lower()
    if isinstance(reason, ValueError) and not isinstance(reason, urllib3.exceptions.HTTPError):
        return str(reason)
    return type(reason).__name__
