"""A PostgreSQL server of our own for tests: a cluster in a temporary folder, on the loopback.

A test asks for the fixture ``postgres`` (import it, with ``server``, which lasts as long as the
tests), and gets the URL of a new and empty database. They are skipped where PostgreSQL is not
installed.
"""

from __future__ import annotations

import contextlib
import glob
import itertools
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.servers.daemon import wanted

USER = "gates"
_PLACES = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
)
_SETTINGS = {"fsync": "off", "max_connections": "60", "shared_buffers": "16MB"}


class Server:
    """A running server. ``password`` is that of its only user over the loopback."""

    def __init__(self, folder: Path, port: int, password: str) -> None:
        self.folder, self.port, self.password = folder, port, password
        self._numbers = itertools.count()

    def url(self, database: str, password: str | None = None) -> str:
        said = self.password if password is None else password
        return f"postgresql://{USER}:{said}@127.0.0.1:{self.port}/{database}"

    def ask(self, *statements: str, database: str = "postgres") -> list[tuple[Any, ...]]:
        """Say statements past the code under test; returns what the last one answers."""
        import psycopg

        with psycopg.connect(self.url(database), autocommit=True) as connection:
            for statement in statements:
                cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def new_database(self) -> str:
        """The URL of a new and empty database."""
        name = f"history{next(self._numbers)}"
        self.ask(f"CREATE DATABASE {name}")
        return self.url(name)


def programs() -> Path | None:
    """The folder of initdb and postgres, or None."""
    found = shutil.which("initdb")
    folders = [Path(found).parent] if found else []
    folders += [Path(name) for place in _PLACES for name in sorted(glob.glob(place), reverse=True)]
    return next((f for f in folders if (f / "initdb").exists() and (f / "postgres").exists()), None)


@contextlib.contextmanager
def running(folder: Path) -> Iterator[Server]:
    """A server whose programs are in ``folder``; it ends, and all that it wrote goes."""
    place = Path(tempfile.mkdtemp(prefix="pg"))  # the path of its socket must be short
    try:
        someone = _someone(place)
        password = secrets.token_hex(8)
        (place / "password").write_text(password)
        data = place / "data"
        made = [folder / "initdb", "-D", data, "-U", USER, "--no-sync", "-E", "UTF8"]
        made += ["--auth-local=trust", "--auth-host=scram-sha-256", f"--pwfile={place}/password"]
        subprocess.run(made, cwd=place, check=True, capture_output=True, **someone)
        port = _free_port()
        argv = [folder / "postgres", "-D", data, "-p", str(port), "-k", place, "-h", "127.0.0.1"]
        argv += [word for name, value in _SETTINGS.items() for word in ("-c", f"{name}={value}")]
        with (place / "log").open("wb") as log:
            process = subprocess.Popen(argv, cwd=place, stdout=log, stderr=log, **someone)
        try:
            _wait(process, place / "log", port)
            yield Server(place, port, password)
        finally:
            process.send_signal(signal.SIGQUIT)  # at once: nothing of it is needed any more
            process.wait(20)
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _someone(place: Path) -> dict[str, Any]:
    """Under whose name it runs: PostgreSQL refuses to be root."""
    if os.geteuid():
        return {}
    shutil.chown(place, "postgres", "postgres")
    return {"user": "postgres", "group": "postgres", "extra_groups": []}


def _wait(process: subprocess.Popen[bytes], log: Path, port: int) -> None:
    ends = time.monotonic() + 30
    while b"ready to accept connections" not in log.read_bytes():
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < ends, f"no server on port {port}: {log.read_text()}"
        time.sleep(0.02)


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    folder = programs()
    if folder is None:
        assert not wanted(), "PostgreSQL is not installed"
        pytest.skip("PostgreSQL is not installed")
    with running(folder) as one:
        yield one


@pytest.fixture
def postgres(server: Server) -> str:
    """The URL of a new and empty database."""
    return server.new_database()
