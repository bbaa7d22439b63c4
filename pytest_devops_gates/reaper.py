"""A small process that outlives a killed supervisor just long enough to end what it left.

It reads ``+g123`` (watch group 123), ``+p123`` (watch process 123) and the same with ``-`` from a
pipe. When the pipe closes, by whatever end of the supervisor, it kills what is still watched.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys

_CODE = """
import os, sys, signal
for name in ("SIGINT", "SIGTERM", "SIGHUP"):
    if hasattr(signal, name):
        signal.signal(getattr(signal, name), signal.SIG_IGN)
watched = set()
for line in sys.stdin.buffer:
    sign, who = line[:1], line[1:].strip()
    watched.add(who) if sign == b"+" else watched.discard(who)
for who in watched:
    kill = getattr(os, "killpg", os.kill) if who[:1] == b"g" else os.kill
    try:
        kill(int(who[1:]), getattr(signal, "SIGKILL", signal.SIGTERM))
    except OSError:
        pass
"""


class Reaper:
    """Watches the process groups of one run. Use as a context manager."""

    def __init__(self) -> None:
        self._popen = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _CODE],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def watch_group(self, pid: int) -> None:
        self._tell(f"+g{pid}")

    def forget_group(self, pid: int) -> None:
        self._tell(f"-g{pid}")

    def watch_process(self, pid: int) -> None:
        self._tell(f"+p{pid}")

    def forget_process(self, pid: int) -> None:
        self._tell(f"-p{pid}")

    def _tell(self, line: str) -> None:
        assert self._popen.stdin is not None
        with contextlib.suppress(OSError):  # the reaper died: nothing to be told, the run goes on
            self._popen.stdin.write(line.encode() + b"\n")
            self._popen.stdin.flush()

    def __enter__(self) -> Reaper:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._popen.stdin is not None
        with contextlib.suppress(OSError):
            self._popen.stdin.close()
        self._popen.wait()
