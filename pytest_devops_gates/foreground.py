"""A command that the user sees at work, as a roll-out is: it has our terminal, our standard input
and our output."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec

GRACE = 10.0
"""Seconds that a command which is stopped has to end by itself."""

_EVERY = 0.1

Stopped = Callable[[], str | None]
"""The name of the signal by which the user stops it all, or None."""


class Ended(msgspec.Struct, frozen=True):
    """How a command ended: its exit code (a signal's number below 0; None if it never started), and
    why that counts as failed, if it does."""

    exit_code: int | None
    reason: str | None = None


def run(
    argv: Sequence[str],
    *,
    env: Mapping[str, str],
    cwd: Path,
    timeout: float,
    stopped: Stopped = lambda: None,
    alone: bool = False,
    quiet: bool = False,
) -> Ended:
    """Run a command to its end, for ``timeout`` seconds at most, or until it is ``stopped``; what
    it started ends with it then, where it leads a session of its own.

    It does so where standard input is no terminal, or it is to be ``alone``: without the terminal,
    Ctrl-C does not reach it. ``quiet`` drops what it prints on standard output.
    """
    name = os.path.basename(argv[0])
    if by := stopped():
        return Ended(None, f"stopped by {by} before {name} was started")
    leads = hasattr(os, "killpg") and (alone or not _is_terminal())
    try:
        process = subprocess.Popen(
            argv, env=dict(env), cwd=cwd, start_new_session=leads,
            stdin=subprocess.DEVNULL if alone else None,
            stdout=subprocess.DEVNULL if quiet else None,
        )  # fmt: skip
    except (OSError, ValueError) as error:
        return Ended(None, f"{name} cannot be started: {error}")
    ends = time.monotonic() + timeout
    while process.poll() is None and not stopped() and time.monotonic() < ends:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_EVERY)
    by = stopped()
    if process.returncode is None:
        _stop(process, by, leads=leads)
        told = f"was stopped by {by}" if by else f"did not end within {timeout:g} seconds"
        return Ended(process.returncode, f"{name} {told}")
    return Ended(process.returncode, _failure(name, process.returncode, by))


def _failure(name: str, code: int, by: str | None) -> str | None:
    if code < 0:
        known = {each.value: each.name for each in signal.Signals}
        return f"{name} was ended by {known.get(-code, f'signal {-code}')}"
    if code:
        return f"{name} exited with {code}"
    return f"{name} was stopped by {by}, although it exited with 0" if by else None


def _stop(process: subprocess.Popen[bytes], by: str | None, *, leads: bool) -> None:
    """End a command, politely first, and all that is left of its session."""

    def send(number: int) -> None:
        kill = os.killpg if leads else os.kill
        if leads or process.poll() is None:
            with contextlib.suppress(OSError):
                kill(process.pid, number)

    if leads or by != "SIGINT":  # the terminal has sent that to it already
        send(getattr(signal, by or "SIGTERM"))
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(GRACE)
    send(getattr(signal, "SIGKILL", signal.SIGTERM))
    process.wait()


def _is_terminal() -> bool:
    with contextlib.suppress(OSError):
        return os.isatty(0)
    return False
