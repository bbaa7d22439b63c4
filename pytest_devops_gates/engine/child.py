"""The test process: it owns the terminal, and streams its events over an authenticated file."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from pytest_devops_gates import CHILD_MARKER, SHARD
from pytest_devops_gates.errors import CannotTell
from pytest_devops_gates.evidence import Evidence, Receipt
from pytest_devops_gates.gate import Command, Output
from pytest_devops_gates.process import signal_name
from pytest_devops_gates.project import Project
from pytest_devops_gates.reaper import Reaper
from pytest_devops_gates.stream import derive, verify

GRACE = 30.0
"""Seconds from the first request to stop until the tests are ended."""

IMPATIENCE = 2.0
"""The same from the second request on."""


class TestProcess:
    """``python -m pytest`` with the user's own arguments, and the recorder's stream."""

    __test__ = False

    def __init__(self, command: Command, project: Project, reaper: Reaper, timeout: float) -> None:
        self.argv = tuple(command.argv)
        self.ended: float | None = None
        self._timeout = timeout
        self._trouble: str | None = None
        self._ends_at: float | None = None
        self._reaper = reaper
        self._key = secrets.token_bytes(32)
        self._path = project.run_dir / "tests.jsonl"
        self._path.touch()
        self.leads = not _stdin_is_terminal()
        self.started = time.monotonic()
        self._popen = self._start(command)
        if self.leads:
            reaper.watch_group(self._popen.pid)
        else:
            reaper.watch_process(self._popen.pid)

    def _start(self, command: Command) -> subprocess.Popen[bytes]:
        reading, writing = os.pipe()
        try:
            os.write(writing, self._key)
            os.set_inheritable(reading, True)
            env = {**os.environ, **command.env, CHILD_MARKER: f"{reading}:{self._path}"}
            env.pop(SHARD, None)  # runs that tests start are runs of their own
            return subprocess.Popen(
                self.argv,
                env=env,
                pass_fds=(reading,),
                start_new_session=self.leads,
            )
        except OSError as error:
            raise CannotTell(f"pytest cannot be started: {error}") from None
        finally:
            os.close(reading)
            os.close(writing)

    @property
    def returncode(self) -> int | None:
        return self._popen.returncode

    @property
    def seconds(self) -> float:
        return (self.ended or time.monotonic()) - self.started

    def poll(self) -> bool:
        """Whether it has ended; stops it when its time is up."""
        if self.ended is not None:
            return True
        if self._popen.poll() is not None:
            self._end()
            return True
        if self.seconds > self._timeout and not self._trouble:
            self._trouble = f"hung: no end after {self._timeout:g} seconds"
            self.interrupt()
        if self._ends_at and time.monotonic() > self._ends_at:
            self.kill()
        return self.ended is not None

    def interrupt(self) -> None:
        """Ask it to stop, as Ctrl-C does; the second time with less patience."""
        self._ends_at = time.monotonic() + (IMPATIENCE if self._ends_at else GRACE)
        with contextlib.suppress(OSError):
            self._popen.send_signal(signal.SIGINT)

    def kill(self) -> None:
        """End it at once."""
        if self.ended is None:
            with contextlib.suppress(OSError):
                self._popen.kill()
            self._popen.wait()
            self._end()

    def _end(self) -> None:
        self.ended = time.monotonic()
        if self.leads:
            with contextlib.suppress(OSError):
                os.killpg(self._popen.pid, signal.SIGKILL)
            self._reaper.forget_group(self._popen.pid)
        else:
            self._reaper.forget_process(self._popen.pid)

    def testimony(self) -> dict[str, Evidence]:
        """What gates inside of it said, by their names; what is no evidence is unknown.

        Of several (xdist's workers), the findings are put together and the numbers added.
        """
        found: dict[str, Evidence] = {}
        streams = [(self._path, self._key), *self._workers()]
        for path, key in streams:
            heard: set[str] = set()
            for line in _read(path, key)[0]:
                if b'"testimony"' in line and (event := json.loads(line))["event"] == "testimony":
                    name, said = str(event["gate"]), _evidence(event["evidence"])
                    if name in heard:
                        said = Evidence(unknown="two gates of conftest.py files bear this name")
                    heard.add(name)
                    found[name] = _together(found[name], said) if name in found else said
        return found

    def _workers(self) -> Iterator[tuple[Path, bytes]]:
        """The streams of xdist's workers, and their keys."""
        for path in sorted(self._path.parent.glob("tests.*.jsonl")):
            yield path, derive(self._key, path.name.split(".")[1])

    def output(self) -> Output:
        """Its events as JSON lines, each with the name of its stream; the first is of our own."""
        lines, broken = _read(self._path, self._key)
        faults = [broken] if broken else []
        for path, key in self._workers():
            who = path.name.split(".")[1]
            more, broken = _read(path, key)
            mark = b',"stream":' + json.dumps(who).encode() + b"}"
            lines += [line[:-1] + mark for line in more]
            faults += [f"{who}: {broken}"] if broken else []
        code = self._popen.returncode
        own = {
            "event": "process",
            "exit_code": code,
            "signal": signal_name(-code) if code < 0 else None,
            "trouble": self._trouble,
            "seconds": round(self.seconds, 3),
            "faults": faults,
        }
        lines.insert(0, json.dumps(own).encode())
        return Output(exit_code=code, stdout=b"\n".join(lines))


def _read(path: Path, key: bytes) -> tuple[list[bytes], str | None]:
    try:
        return verify(path.read_bytes(), key)
    except OSError as error:
        return [], f"the event stream cannot be read: {error.strerror}"


def _evidence(testified: Any) -> Evidence:
    """What a gate of a conftest.py found. Of the test run itself it has nothing to say."""
    try:
        evidence = msgspec.convert(testified, Evidence).checked()
    except (ValueError, TypeError) as error:
        return Evidence(unknown=f"its testimony is no evidence: {error}")
    receipt = Receipt(tool="conftest.py, inside the test process", examined=evidence.examined)
    return msgspec.structs.replace(evidence, receipt=receipt, tests=None, ran=())


def _together(one: Evidence, other: Evidence) -> Evidence:
    """The testimony of two processes as one. What one of them could not tell is not known."""
    metrics = Counter(one.metrics)
    metrics.update(other.metrics)
    return msgspec.structs.replace(
        one,
        findings=one.findings + other.findings,
        metrics=dict(metrics),
        examined=(one.examined or 0) + (other.examined or 0),
        unknown=one.unknown or other.unknown,
        not_applicable=one.not_applicable and other.not_applicable,
        notes=tuple(dict.fromkeys(one.notes + other.notes)),
        rules=tuple(dict.fromkeys(one.rules + other.rules)),
    )


def _stdin_is_terminal() -> bool:
    """A child that shares the terminal stays in its foreground group, so that Ctrl-C reaches it."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        return os.isatty(0) or bool(sys.__stdin__ and sys.__stdin__.isatty())
    return False
