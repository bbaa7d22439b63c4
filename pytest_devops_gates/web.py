"""The one room that speaks HTTP: one request, its answer bounded in time and size."""

from __future__ import annotations

import contextlib
import errno
import gzip
import io
import json
import queue
import socket
import threading
import time
import zlib
from collections.abc import Callable, Mapping
from typing import Any, TypeVar
from urllib.parse import urlsplit

import msgspec

from pytest_devops_gates.errors import CannotTell
from pytest_devops_gates.json_text import strictly

LIMIT = 32 * 2**20
"""Bytes of an answer that are read; a longer one is refused."""

CHUNK = 65_536

_BROKEN = "its answer breaks off, or is none of HTTP"

T = TypeVar("T")

_OURS = frozenset(
    getattr(errno, name)
    for name in "ENETUNREACH ENETDOWN EADDRNOTAVAIL EMFILE ENFILE ENOMEM ENOBUFS EACCES EPERM"
    " ENOENT".split()
)
"""What a connection fails with where this machine, and not the server, is in trouble."""


_NO_HOST = frozenset((socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)))


_LOOPBACK = ("localhost", "127.0.0.1", "::1")


class NoAnswer(CannotTell):
    """There is no whole answer, or none that can be used. ``why`` is the reason apart from the
    address, which may be a secret."""

    def __init__(self, why: str, url: str | None = None) -> None:
        super().__init__(why if url is None else f"{shown(url)}: {why}")
        self.why = why


class Unreachable(NoAnswer):
    """The server itself is in the way: nobody listens there, there is no such host, its TLS is
    refused, or its answer breaks off or does not come in time."""


class TooLong(NoAnswer):
    """The answer is longer than what is read of it."""


class Untrusted(Unreachable):
    """The server shows a certificate that is not taken: it is over, another's, or nobody's whom we
    trust."""


class Response(msgspec.Struct, frozen=True):
    """An answer, whatever its status. Names of headers are in small letters, and values of the same
    name are joined by a comma; ``seconds`` are from the start of the connection to the last byte of
    the body."""

    url: str
    status: int
    headers: dict[str, str]
    body: bytes
    seconds: float

    def json(self) -> Any:
        """Its body as exactly one JSON value. Raises NoAnswer for anything else."""
        try:
            return strictly(self.body.decode("utf-8"))
        except (ValueError, RecursionError) as error:
            raise NoAnswer(f"answered no JSON that can be read: {error}", self.url) from None


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
    with certificates to trust. Raises NoAnswer when there is no whole answer in time; what it
    says holds neither headers nor the query, where secrets may be.
    """
    for name, value in (headers or {}).items():
        if not (value.isascii() and value.isprintable()):  # an error of others would show it
            raise NoAnswer(f"the header {name} holds what none may · set it anew", url)
    plain = json.dumps(body).encode() if body is not None else None
    sent = {"User-Agent": "pytest-devops-gates", "Accept": "application/json", **(headers or {})}
    if plain is not None:
        sent["Content-Type"] = "application/json"

    def ask() -> Response:
        import urllib3

        began = time.monotonic()
        with _pool(url, authority) as pool:
            answer = pool.urlopen(
                method, url, headers=sent, body=plain, redirect=False, retries=False,
                timeout=urllib3.Timeout(total=timeout), preload_content=False,
                decode_content=False,
            )  # fmt: skip
            with contextlib.closing(answer):
                data = _read(answer, began + timeout, limit, url)
        found = {name.lower(): answer.headers[name] for name in answer.headers}
        whole = _unpacked(data, found.get("content-encoding", ""), limit, url)
        return Response(url, answer.status, found, whole, time.monotonic() - began)

    return _told(ask, url, timeout)


def certificate_ends(url: str, *, timeout: float = 10.0, authority: str | None = None) -> float:
    """When the certificate of an ``https`` server ends, in seconds since the epoch. Raises
    NoAnswer when it shows none that is trusted."""
    import ssl

    def look() -> float:
        parts = urlsplit(url)
        address = (parts.hostname or "", parts.port or 443)
        context = ssl.create_default_context(cafile=authority)
        with (
            socket.create_connection(address, timeout) as plain,
            context.wrap_socket(plain, server_hostname=address[0]) as secure,
        ):
            found = secure.getpeercert() or {}
        return float(ssl.cert_time_to_seconds(str(found["notAfter"])))

    return _told(look, url, timeout)


def has_proxy(url: str) -> bool:
    """Whether the environment names a proxy for an address."""
    from urllib.request import getproxies, proxy_bypass

    parts = urlsplit(url)
    return bool(getproxies().get(parts.scheme)) and not proxy_bypass(parts.hostname or "")


def is_open(url: str) -> bool:
    """Whether everybody on the way can read what is sent there: plain HTTP to another machine."""
    parts = urlsplit(url)
    return parts.scheme == "http" and parts.hostname not in _LOOPBACK


def shown(url: str) -> str:
    """An address without what may be secret in it: its user, query and fragment."""
    with contextlib.suppress(ValueError):
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
        return f"{parts.scheme}://{parts.hostname or ''}{port}{parts.path}"
    return "an address that is none"


def _pool(url: str, authority: str | None) -> Any:
    """The connections to a server: through the proxy that the environment names, if it does."""
    from urllib.request import getproxies

    import urllib3

    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("is no http or https address")
    if has_proxy(url):
        return urllib3.ProxyManager(getproxies()[parts.scheme], ca_certs=authority)
    return urllib3.PoolManager(ca_certs=authority)


def _read(answer: Any, ends: float, limit: int, url: str) -> bytes:
    data = b""
    for chunk in answer.stream(CHUNK, decode_content=False):
        data += chunk
        if len(data) > limit:
            raise TooLong(f"answers more than {limit:,} bytes", url)
        if time.monotonic() > ends:
            raise TimeoutError
    return data


def _unpacked(data: bytes, encoding: str, limit: int, url: str) -> bytes:
    """A body as it was before the server packed it, although nobody asked it to; half of one is
    refused, which urllib3 takes for the whole."""
    name = encoding.strip().lower()
    if name in ("", "identity") or not data:
        return data
    if name not in ("gzip", "x-gzip", "deflate"):
        raise Unreachable("answers in an encoding that was not asked for", url)
    try:
        plain = _inflated(data, limit + 1) if name == "deflate" else _gunzipped(data, limit + 1)
    except (EOFError, OSError, zlib.error):
        raise Unreachable(_BROKEN, url) from None
    if len(plain) > limit:
        raise TooLong(f"answers more than {limit:,} bytes", url)
    return plain


def _gunzipped(data: bytes, most: int) -> bytes:
    """So many bytes of what may have several members. Raises EOFError, OSError or zlib.error."""
    return gzip.GzipFile(fileobj=io.BytesIO(data)).read(most)


def _inflated(data: bytes, most: int) -> bytes:
    unpacker = zlib.decompressobj()
    plain = unpacker.decompress(data, most)
    if len(plain) < most and (unpacker.unused_data or not unpacker.eof):
        raise EOFError
    return plain


def _told(work: Callable[[], T], url: str, timeout: float) -> T:
    """What comes of it, or NoAnswer in a few words."""
    import ssl

    import urllib3

    try:
        return _within(timeout, work)
    except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
        reason = _reason(error)
        kind = NoAnswer if _is_ours(error, reason) else Unreachable
        if isinstance(reason, ssl.SSLCertVerificationError):
            kind = Untrusted
        by = ", by the proxy of the environment" if _is_proxys(error) else ""
        raise kind(_why(reason, timeout) + by, url) from None


def _within(seconds: float, work: Callable[[], T]) -> T:
    """Do it in a thread that is left alone when its time is up: neither a name server that hangs
    nor a server that sends byte by byte is stopped by the time limits of sockets."""
    ended: queue.SimpleQueue[tuple[T | None, BaseException | None]] = queue.SimpleQueue()

    def run() -> None:
        try:
            ended.put((work(), None))
        except BaseException as error:
            ended.put((None, error))

    threading.Thread(target=run, daemon=True).start()
    try:
        result, error = ended.get(timeout=seconds)
    except queue.Empty:
        raise TimeoutError from None
    if error is not None:
        raise error
    return result  # type: ignore[return-value]


def _reason(error: BaseException) -> BaseException:
    """What is behind an error of urllib3, which names it as its cause, or only among its texts."""
    import urllib3

    while isinstance(error, urllib3.exceptions.HTTPError):
        held = [one for one in error.args if isinstance(one, BaseException)]
        behind = error.__cause__ or next(iter(held), None)
        if behind is None:
            break
        error = behind
    return error


def _is_ours(error: BaseException, reason: BaseException) -> bool:
    """Whether the trouble is on this side: our address, our network, our proxy."""
    import ssl

    import urllib3

    if _is_proxys(error):
        return True
    if isinstance(reason, urllib3.exceptions.HTTPError):
        return isinstance(reason, urllib3.exceptions.LocationValueError)
    if isinstance(reason, socket.gaierror):
        return reason.errno not in _NO_HOST
    if isinstance(reason, OSError):
        return not isinstance(reason, ssl.SSLError) and reason.errno in _OURS
    return isinstance(reason, ValueError)


def _is_proxys(error: BaseException) -> bool:
    import urllib3

    return isinstance(error, urllib3.exceptions.ProxyError)


def _why(reason: BaseException, timeout: float) -> str:
    """What went wrong, in a few words: urllib3's own repeat the address with its query."""
    import ssl

    import urllib3

    if isinstance(reason, (TimeoutError, urllib3.exceptions.TimeoutError)):
        return f"no whole answer within {timeout:g} seconds"
    if isinstance(reason, ssl.SSLCertVerificationError):
        return f"its certificate is refused: {reason.verify_message}"
    if isinstance(reason, ssl.SSLError):
        return f"its TLS is refused: {reason.reason or 'it breaks off'}"
    if isinstance(reason, socket.gaierror):
        if reason.errno in _NO_HOST:
            return "there is no host of that name"
        return "its name cannot be looked up: no name server answers"
    if isinstance(reason, OSError) and reason.strerror:
        return reason.strerror.lower()
    if isinstance(reason, ValueError) and not isinstance(reason, urllib3.exceptions.HTTPError):
        return str(reason)
    return _BROKEN
