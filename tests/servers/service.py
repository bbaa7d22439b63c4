"""A small service on the loopback that exports metrics, and can be made to fail."""

from __future__ import annotations

import contextlib
import ssl
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

METRICS = """\
# HELP requests_total Answered requests.
# TYPE requests_total counter
requests_total{code="200"} %d
requests_total{code="500"} %d
# HELP request_seconds Seconds of the last answer.
# TYPE request_seconds gauge
request_seconds %s
"""


@dataclass
class Service:
    """What it does may be changed while it runs.

    ``errors`` makes each request but those for metrics fail, ``delay`` is in seconds before each
    answer. ``body`` is what a good answer holds, and ``more`` are metrics beside its own. ``good``
    and ``bad`` count the answers, and ``seen`` are the headers of those who asked.
    """

    errors: bool = False
    delay: float = 0.0
    body: bytes = b'{"status": "ok"}\n'
    good: int = 0
    bad: int = 0
    seen: list[dict[str, str]] = field(default_factory=list)
    more: str = ""
    url: str = ""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def serve(self, good: int = 0, bad: int = 0) -> None:
        """Count requests as if they had been answered."""
        with self.lock:
            self.good += good
            self.bad += bad

    def metrics(self) -> bytes:
        return (METRICS % (self.good, self.bad, self.delay) + self.more).encode()


@contextlib.contextmanager
def service(certificate: Path | None = None, **fields: Any) -> Iterator[Service]:
    """A service that runs; ``certificate`` is a file with its key and certificate, for HTTPS."""
    state = Service(**fields)
    handler = type("Handler", (_Handler,), {"state": state})
    server = _Server(("127.0.0.1", 0), handler)
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        # the handshake is the handler's, in its own thread
        server.socket = context.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
    scheme = "http" if certificate is None else "https"
    state.url = f"{scheme}://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128  # of 5, the sixth who comes at once waits for a second


class _Handler(BaseHTTPRequestHandler):
    state: ClassVar[Service]

    def do_GET(self) -> None:
        state = self.state
        if self.path == "/metrics":
            self._tell(200, state.metrics(), "text/plain; version=0.0.4")
            return
        with state.lock:
            state.seen.append({name.lower(): value for name, value in self.headers.items()})
        time.sleep(state.delay)
        failed = state.errors
        state.serve(good=not failed, bad=failed)
        if failed:
            self._tell(500, b"out of order\n", "text/plain")
        else:
            self._tell(200, state.body, "application/json")

    def _tell(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with contextlib.suppress(OSError):  # whoever asked may have left
            self.wfile.write(body)

    def handle(self) -> None:
        with contextlib.suppress(OSError):  # a handshake that the client gives up, a reset
            super().handle()

    def log_message(self, format: str, *args: object) -> None:
        pass
