"""``beacon``: a small service, as it was released, as it is to become, and as it is mended.

Version 1.1.0 greets people by a name of their own and was tested with plain ASCII; in production
there is a Zoë.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

PYPROJECT = """\
[build-system]
requires = ["hatchling>=1.27"]
build-backend = "hatchling.build"

[project]
name = "beacon"
version = "1.0.0"
description = "Greets whoever comes by"
readme = "README.md"
requires-python = ">=3.10"
license = "MIT"
license-files = ["LICENSE"]

[tool.hatch.build.targets.wheel]
packages = ["src/beacon"]

[tool.hatch.build.targets.sdist]
include = ["/src", "/tests", "/CHANGELOG.md"]

[tool.pytest.ini_options]
testpaths = ["tests"]
pythonpath = ["src"]

[tool.coverage.run]
branch = true

[tool.coverage.report]
fail_under = 80

[tool.ruff.lint]
select = ["E", "F", "I"]

[tool.ruff.format]

[tool.mypy]
strict = true
packages = ["beacon"]
mypy_path = "src"

[tool.devops-gates.gates.commits]
level = "required"
options = { convention = "conventional", work-item = true }

[tool.devops-gates.gates.approval.options]
required = 1

[tool.devops-gates.gates.health.options]
probes = [{ name = "alive", url = "http://127.0.0.1:SERVICE/health", body = "ok", latency = 2.0 }]

[tool.devops-gates.gates.slo.options]
prometheus = "PROMETHEUS"

[[tool.devops-gates.gates.slo.options.objectives]]
sli = "errors"
query = '''
(sum(rate(http_requests_total{code="500"}[5s])) or vector(0)) / sum(rate(http_requests_total[5s]))
'''
pass = ["<0.01"]
key = true

[tool.devops-gates.environments.production]
roll-back = ["PYTHON", "PLATFORM", "back"]
delay = 4
wait = 20
interval = 1
incident = true
"""

INIT = '''\
"""Greets whoever comes by."""

__version__ = "1.0.0"


def greeting() -> str:
    """What everybody hears."""
    return "Hello!"
'''

SERVICE = '''\
"""The service: it greets, says how it is, and counts its answers for Prometheus."""

from __future__ import annotations

import sys
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import beacon

answers: Counter[int] = Counter()


class Handler(BaseHTTPRequestHandler):
    """Answers one request."""

    def do_GET(self) -> None:
        """Route by the path."""
        parts = urlsplit(self.path)
        if parts.path == "/health":
            self.answer(200, f"ok {beacon.__version__}")
        elif parts.path == "/metrics":
            self.answer(200, metrics())
        else:
            self.greet(parse_qs(parts.query))

    def greet(self, query: dict[str, list[str]]) -> None:
        """Greet, and count whether it went well."""
        try:
            code, text = 200, words(query)
        except ValueError as error:
            code, text = 500, str(error)
        answers[code] += 1
        self.answer(code, text)

    def answer(self, code: int, text: str) -> None:
        """Send an answer in plain text."""
        body = text.encode()
        self.send_response(code)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def words(query: dict[str, list[str]]) -> str:
    """What the one who asks hears."""
    return beacon.greeting()


def metrics() -> str:
    """The answers so far, in Prometheus's text format."""
    lines = ["# TYPE http_requests_total counter"]
    for code, count in sorted(answers.items()):
        lines.append(f'http_requests_total{{code="{code}"}} {count}')
    return "\\n".join(lines) + "\\n"


def serve(port: int) -> ThreadingHTTPServer:
    """A server on loopback."""
    return ThreadingHTTPServer(("127.0.0.1", port), Handler)


if __name__ == "__main__":
    serve(int(sys.argv[1])).serve_forever()
'''

UNIT = """\
import beacon


def test_greeting() -> None:
    assert beacon.greeting() == "Hello!"
"""
INTEGRATION = """\
import threading
from collections.abc import Iterator
from urllib.request import urlopen

import pytest

from beacon.service import serve


@pytest.fixture
def address() -> Iterator[str]:
    with serve(0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_it_greets_over_http(address: str) -> None:
    assert urlopen(address + "/").read().startswith(b"Hello")


def test_it_counts_its_answers(address: str) -> None:
    urlopen(address + "/").read()
    assert b'http_requests_total{code="200"}' in urlopen(address + "/metrics").read()
"""
SYSTEM = """\
import os
import socket
import subprocess
import sys
import time
from urllib.request import urlopen


def test_the_whole_service_starts_and_is_well() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "beacon.service", str(port)]
    with subprocess.Popen(command, env={**os.environ, "PYTHONPATH": "src"}) as service:
        try:
            assert answer(f"http://127.0.0.1:{port}/health").startswith(b"ok")
        finally:
            service.kill()


def answer(url: str) -> bytes:
    for _ in range(100):
        try:
            return urlopen(url).read()
        except OSError:
            time.sleep(0.1)
    raise AssertionError("it never answered")
"""

FIRST = {
    "README.md": "# beacon\n\nGreets whoever comes by.\n",
    "LICENSE": "MIT License\n\nCopyright (c) the authors\n",
    "CHANGELOG.md": "# Changelog\n\n## 1.0.0 - 2026-01-05\n\n- The first release.\n",
    ".gitignore": ".devops-gates/\n__pycache__/\n.coverage*\n.mypy_cache/\n.ruff_cache/\n"
    ".pytest_cache/\n",
    "src/beacon/__init__.py": INIT,
    "src/beacon/py.typed": "",
    "src/beacon/service.py": SERVICE,
    "tests/unit/test_greeting.py": UNIT,
    "tests/integration/test_service.py": INTEGRATION,
    "tests/system/test_system.py": SYSTEM,
}

NAMED = '''\
def greeting(name: str = "") -> str:
    """What somebody hears; with a name it is for them alone."""
    return f"Hello, {plain(name)}!" if name else "Hello!"


def plain(name: str) -> str:
    """A name of printable characters."""
    return name.encode("ascii").decode()
'''
MENDED = '''\
def plain(name: str) -> str:
    """A name of printable characters, in any script."""
    return "".join(char for char in name if char.isprintable())
'''
BY_NAME = """\
    return beacon.greeting(query.get("name", [""])[0])
"""
UNIT_HEAD = "import beacon\n"
NAMED_TEST = """\
import pytest

import beacon


@pytest.mark.requirement("REQ-1")
def test_somebody_is_greeted_by_name() -> None:
    assert beacon.greeting("Anna") == "Hello, Anna!"
"""
HTTP_TEST = """\


@pytest.mark.requirement("REQ-2")
def test_a_name_comes_by_the_query(address: str) -> None:
    assert urlopen(address + "/?name=Anna").read() == b"Hello, Anna!"
"""
ANY_SCRIPT_TEST = """\


def test_names_of_any_script() -> None:
    assert beacon.greeting("Zo\\u00eb") == "Hello, Zo\\u00eb!"
"""

PLATFORM = '''\
"""The platform of production: it unpacks a wheel beside the older ones, and starts it in their place.

``platform.py deploy FILES`` and ``platform.py back``; the port is in the file beside it.
"""

import os
import signal
import subprocess
import sys
import time
import urllib.request
import zipfile
from pathlib import Path

HOME = Path(__file__).parent
PORT = (HOME / "port").read_text()
RELEASES, PID = HOME / "releases", HOME / "pid"


def main(verb, *wheels):
    if verb == "deploy":
        wheel = next(Path(w) for w in wheels if w.endswith(".whl"))
        target = RELEASES / f"{len(list(RELEASES.glob('*'))):03}-{wheel.name}"
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(target)
    else:
        released = sorted(RELEASES.iterdir())
        target = released[-2]
        released[-1].rename(HOME / f"bad-{released[-1].name}")
    start(target)
    print(f"production runs {target.name[4:]}")


def start(target):
    if PID.exists():
        stop(int(PID.read_text()))
    service = subprocess.Popen(
        [sys.executable, "-m", "beacon.service", PORT], cwd=target, start_new_session=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env={"PYTHONPATH": str(target), "PATH": os.defpath},
    )
    PID.write_text(str(service.pid))
    for _ in range(100):
        try:
            return urllib.request.urlopen(f"http://127.0.0.1:{PORT}/health").read()
        except OSError:
            time.sleep(0.05)
    sys.exit("it does not answer")


def stop(pid):
    try:
        os.kill(pid, signal.SIGTERM)
    except ProcessLookupError:
        return
    time.sleep(0.2)


if __name__ == "__main__":
    RELEASES.mkdir(exist_ok=True)
    main(*sys.argv[1:])
'''


def pyproject(service: int, prometheus: str, platform: str) -> str:
    """The project's settings, for the servers and the platform of this machine."""
    filled = PYPROJECT.replace(":SERVICE", f":{service}").replace("PROMETHEUS", prometheus)
    return filled.replace("PYTHON", sys.executable).replace("PLATFORM", platform)


def stop(home: Path) -> None:
    """End whatever runs in production."""
    if (home / "pid").exists():
        os.kill(int((home / "pid").read_text()), signal.SIGTERM)


def make_platform(home: Path, port: int) -> None:
    """Production, without anything that runs there."""
    home.mkdir(parents=True)
    (home / "platform.py").write_text(PLATFORM, encoding="utf-8")
    (home / "port").write_text(str(port), encoding="utf-8")
