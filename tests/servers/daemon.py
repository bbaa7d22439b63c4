"""A server of ours: started on a free port in a folder of its own, stopped by its own process."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from http.client import HTTPException
from pathlib import Path
from urllib.request import ProxyHandler, build_opener

READY, STOP = 30.0, 10.0
"""Seconds that a server gets to be ready, and to stop."""

TRIES = 3

DIRECT = build_opener(ProxyHandler({}))


def wanted() -> bool:
    """Whether no server may be missing, as in CI (see .ci/tools)."""
    return os.environ.get("DEVOPS_GATES_ALL_TOOLS") == "1"


def free_port() -> int:
    """A port that nobody has at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def get(url: str, timeout: float = 5.0) -> bytes:
    """What a server of ours answers, past the code under test and past any proxy."""
    with DIRECT.open(url, timeout=timeout) as answer:
        return bytes(answer.read())


@contextlib.contextmanager
def running(argv: Callable[[int], list[str]], ready: str, folder: Path) -> Iterator[str]:
    """The address of a server that was started with ``argv(port)`` and answers at ``ready``.

    Another port is tried where somebody was quicker. Raises AssertionError with its log when it
    does not come up.
    """
    for _ in range(TRIES):
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        with _process(argv(port), folder) as process:
            if _is_ready(process, url + ready):
                yield url
                return
    log = (folder / "log").read_text(encoding="utf-8", errors="replace")
    raise AssertionError(f"{argv(0)[0]} does not come up:\n{log[-3000:]}")


@contextlib.contextmanager
def _process(argv: list[str], folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(
            argv, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            env={"PATH": os.defpath, "HOME": str(folder), "GOMAXPROCS": "2"},
            start_new_session=True,
        )  # fmt: skip
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(STOP)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(STOP)


def _is_ready(process: subprocess.Popen[bytes], url: str) -> bool:
    ends = time.monotonic() + READY
    while time.monotonic() < ends and process.poll() is None:
        with contextlib.suppress(OSError, HTTPException):  # an HTTP error is an OSError as well
            get(url, 1.0)
            return True
        time.sleep(0.05)
    return False
