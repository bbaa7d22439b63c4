"""A server on loopback that speaks the protocol of api.osv.dev, from records in a folder.

``POST /v1/query``, ``POST /v1/querybatch`` and ``GET /v1/vulns/ID`` (https://google.github.io/osv.dev/api/).
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import msgspec
from packaging.utils import canonicalize_name

from pytest_devops_gates.advisories import matching, osv


class Handler(BaseHTTPRequestHandler):
    raw: ClassVar[dict[str, dict[str, Any]]]
    asked: ClassVar[list[dict[str, Any]]]
    trouble: ClassVar[str]

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.asked.append(body)
        if self.trouble == "slow":
            time.sleep(1)
        if self.trouble == "rubbish":
            return self._send(200, b"<html>log in</html>")
        if self.trouble == "broken":
            return self._send(503, b"later")
        if self.path == "/v1/querybatch":
            results = [{"vulns": [{"id": i} for i in self._ids(q)]} for q in body["queries"]]
            return self._tell({"results": results})
        vulns = [self.raw[found] for found in self._ids(body)]
        return self._tell({"vulns": vulns} if vulns else {})

    def do_GET(self) -> None:
        record = self.raw.get(self.path.removeprefix("/v1/vulns/"))
        if record is None:
            return self._send(404, b"{}")
        return self._tell(record)

    def _ids(self, query: dict[str, Any]) -> list[str]:
        name = canonicalize_name(query["package"]["name"])
        return [
            found
            for found, raw in self.raw.items()
            if matching.vulnerabilities(name, query["version"], [msgspec.convert(raw, osv.Record)])
        ]

    def _tell(self, value: Any) -> None:
        self._send(200, json.dumps(value).encode())

    def _send(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serving(folder: Path, trouble: str = "") -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """The address for pip-audit's ``--osv-url``, and all that was asked."""
    records = [json.loads(path.read_bytes()) for path in sorted(folder.glob("*.json"))]
    own: dict[str, Any] = {
        "raw": {record["id"]: record for record in records}, "asked": [], "trouble": trouble,
    }  # fmt: skip
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Own", (Handler,), own))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1/query", own["asked"]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
