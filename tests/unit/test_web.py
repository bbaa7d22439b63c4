"""The one room that speaks HTTP: what it says of servers that lie, hang and hide."""

from __future__ import annotations

import errno
import gzip
import os
import re
import socket
import time
import tracemalloc
import zlib
from pathlib import Path
from typing import Any

import pytest

from pytest_devops_gates import web
from pytest_devops_gates.errors import CannotTell
from pytest_devops_gates.web import NoAnswer, TooLong, Unreachable, Untrusted
from tests.servers.certificates import self_signed
from tests.servers.daemon import free_port
from tests.servers.liar import Answer, dripping, liar, page, reset
from tests.servers.service import service

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
BREAKS = "its answer breaks off, or is none of HTTP"
LATE = "no whole answer within 0.3 seconds"

LIES: dict[str, tuple[Answer, type[Exception], str]] = {
    "truncated": (HEAD + b"Content-Length: 100\r\n\r\nhalf", Unreachable, BREAKS),
    "a chunk that breaks off": (
        HEAD + b"Transfer-Encoding: chunked\r\n\r\nff\r\nhalf", Unreachable, BREAKS,
    ),
    "a chunk of no size": (HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", Unreachable, BREAKS),
    "no HTTP": (b"SSH-2.0-OpenSSH_9.2\r\n", Unreachable, BREAKS),
    "nothing": (b"", Unreachable, BREAKS),
    "hangs up": (reset, Unreachable, "connection reset by peer"),
    "says nothing": (lambda _: time.sleep(1), Unreachable, LATE),
    "drips headers": (dripping(b"HTTP/1.1 200 OK\r\nX: ", 0.02), Unreachable, LATE),
    "drips a body": (dripping(HEAD + b"\r\n", 0.005), Unreachable, LATE),
    "gzip that is none": (
        page(b"no gzip", "200 OK", "Content-Encoding: gzip"), Unreachable, BREAKS,
    ),
    "half of a gzip": (
        page(gzip.compress(b"whole")[:-9], "200 OK", "Content-Encoding: gzip"), Unreachable, BREAKS,
    ),
    "half of a second gzip": (
        page(gzip.compress(b"a") + gzip.compress(b"b")[:-9], "200 OK", "Content-Encoding: gzip"),
        Unreachable, BREAKS,
    ),
    "no gzip behind a gzip": (
        page(gzip.compress(b"a") + b"no gzip", "200 OK", "Content-Encoding: gzip"),
        Unreachable, BREAKS,
    ),
    "half of a deflate": (
        page(zlib.compress(b"whole")[:-2], "200 OK", "Content-Encoding: deflate"),
        Unreachable, BREAKS,
    ),
    "an encoding of its own": (
        page(b"x", "200 OK", "Content-Encoding: br"), Unreachable,
        "answers in an encoding that was not asked for",
    ),
    "too long": (page(bytes(2000)), TooLong, "answers more than 1,000 bytes"),
}  # fmt: skip


def ask(url: str, **fields: Any) -> web.Response:
    return web.request("GET", url, **{"timeout": 0.3, "limit": 1000, **fields})


def told(kind: type[Exception], url: str, **fields: Any) -> str:
    """What is said of an address, and exactly of what kind it is."""
    with pytest.raises(CannotTell) as caught:
        ask(url, **fields)
    assert caught.type is kind
    return str(caught.value)


@pytest.mark.parametrize(("answer", "kind", "says"), LIES.values(), ids=LIES)
def test_a_server_that_lies_is_told(answer: Answer, kind: type[Exception], says: str) -> None:
    with liar(answer) as url:
        began = time.monotonic()
        assert told(kind, f"{url}a?secret=1") == f"{url}a: {says}"
        assert time.monotonic() - began < 1.0


def test_an_honest_answer() -> None:
    with liar(page(b'{"a": 1}', "201 Created", "X-One: two")) as url:
        answer = ask(url)
    assert (answer.status, answer.headers["x-one"], answer.json()) == (201, "two", {"a": 1})
    assert 0 < answer.seconds < 0.3


@pytest.mark.parametrize(
    ("packed", "encoding"),
    [
        (gzip.compress(b"whole"), "gzip"),
        (gzip.compress(b"who") + gzip.compress(b"") + gzip.compress(b"le"), "X-GZIP"),
        (zlib.compress(b"whole"), "deflate"),
    ],
    ids=["gzip", "several members", "deflate"],
)
def test_what_is_packed_unasked_is_unpacked(packed: bytes, encoding: str) -> None:
    with liar(page(packed, "200 OK", f"Content-Encoding: {encoding}")) as url:
        assert ask(url).body == b"whole"


def test_a_header_that_is_there_twice_is_whole() -> None:
    links = ('Link: </2>; rel="next"', 'link: </old>; rel="deprecation"')
    with liar(page(b"[]", "200 OK", *links)) as url:
        assert ask(url).headers["link"] == '</2>; rel="next", </old>; rel="deprecation"'


@pytest.mark.parametrize("more", ["\u20ac", "\xe9", "\n", "\x7f"])
def test_what_no_header_may_hold_is_refused_and_not_shown(more: str) -> None:
    said = told(NoAnswer, "http://127.0.0.1:1/a?b", headers={"X-Token": f"secret{more}"})
    assert said == "http://127.0.0.1:1/a: the header X-Token holds what none may · set it anew"


def test_a_bomb_is_not_unpacked() -> None:
    bomb = page(gzip.compress(bytes(50_000_000)), "200 OK", "Content-Encoding: gzip")
    with liar(bomb) as url:
        ask(url, limit=10**8, timeout=5.0)  # what is imported takes memory as well
        tracemalloc.start()
        try:
            said = told(TooLong, url, limit=100_000, timeout=5.0)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert said.endswith("answers more than 100,000 bytes")
    assert peak < 3_000_000


def test_nobody_listens() -> None:
    assert told(Unreachable, f"http://127.0.0.1:{free_port()}/").endswith(": connection refused")


def failing(error: Exception) -> Any:
    def fail(*_: Any, **__: Any) -> None:
        raise error

    return fail


NAMES = {
    "no such host": (socket.EAI_NONAME, Unreachable, "there is no host of that name"),
    "no name server": (
        socket.EAI_AGAIN, NoAnswer, "its name cannot be looked up: no name server answers",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("number", "kind", "says"), NAMES.values(), ids=NAMES)
def test_a_name_that_is_not_found_is_theirs_and_no_name_server_is_ours(
    number: int, kind: type[Exception], says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", failing(socket.gaierror(number, "")))
    assert told(kind, "http://no-such-host.example/") == f"http://no-such-host.example/: {says}"


def test_a_name_server_that_hangs_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: time.sleep(1))
    began = time.monotonic()
    assert LATE in told(Unreachable, "http://slow.example/")
    assert time.monotonic() - began < 0.8


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (errno.ENETUNREACH, NoAnswer),
        (errno.EMFILE, NoAnswer),
        (errno.EHOSTUNREACH, Unreachable),
        (errno.ECONNREFUSED, Unreachable),
    ],
)
def test_no_network_is_ours_and_a_host_that_is_gone_is_theirs(
    number: int, kind: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket.socket, "connect", failing(OSError(number, os.strerror(number))))
    assert os.strerror(number).lower() in told(kind, "http://127.0.0.1:1/")


def test_a_proxy_that_does_not_answer_is_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{free_port()}")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    said = told(NoAnswer, "http://service.example/")
    assert said.endswith(": connection refused, by the proxy of the environment")


@pytest.mark.parametrize("url", ["ftp://a/", "http:///x", "a", "http://[::1/", ""])
def test_what_is_no_address_is_ours(url: str) -> None:
    assert "address" in told(NoAnswer, url)


# ---- TLS


def test_a_certificate_is_trusted_by_its_authority(tmp_path: Path) -> None:
    served, trusted = self_signed(tmp_path, days=5.5)
    with service(served) as there:
        assert ask(there.url, timeout=3.0, authority=str(trusted)).status == 200
        days = (web.certificate_ends(there.url, authority=str(trusted)) - time.time()) / 86_400
        assert 5.4 < days < 5.6
        said = told(Untrusted, there.url, timeout=3.0)
        assert re.search(r": its certificate is refused: self.signed certificate$", said)
        with pytest.raises(Untrusted, match=r"self.signed"):
            web.certificate_ends(there.url)


def test_one_that_is_over_or_of_another_is_refused(tmp_path: Path) -> None:
    for days, host, says in ((-1.0, "127.0.0.1", "expired"), (5.0, "127.0.0.2", "mismatch")):
        served, trusted = self_signed(tmp_path, days=days, host=host)
        with service(served) as there:
            assert says in told(Untrusted, there.url, timeout=3.0, authority=str(trusted))


def test_no_tls_where_it_should_be() -> None:
    with liar(page(b"plain")) as url:
        said = told(Unreachable, url.replace("http", "https"), timeout=3.0)
        assert ": its TLS is refused: " in said


def test_an_authority_that_is_no_file_is_ours(tmp_path: Path) -> None:
    served, _ = self_signed(tmp_path, days=5)
    with service(served) as there:
        said = told(NoAnswer, there.url, timeout=3.0, authority=str(tmp_path / "none.pem"))
        assert "no such file" in said
