"""A command that shares the terminal with us, as a roll-out does."""

from __future__ import annotations

import contextlib
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

GRACE = 10.0
"""Seconds that a command whose time is up has to end by itself."""
NOT_STARTED = 127
"""As a shell has it."""


class Ended(msgspec.Struct, frozen=True):
    """How a command ended: its exit code (the signal's number below 0), and why that counts as
    failed, if it does."""

    exit_code: int
    reason: str | None = None


def run(argv: Sequence[str], *, env: Mapping[str, str], cwd: Path, timeout: float) -> Ended:
    """Run a command to its end, for ``timeout`` seconds at most. Ctrl-C reaches it alone."""
    with _deaf():
        try:
            process = subprocess.Popen(argv, env=dict(env), cwd=cwd)
        except (OSError, ValueError) as error:
            return Ended(NOT_STARTED, f"{argv[0]} cannot be started: {error}")
        try:
            code = process.wait(timeout)
        except subprocess.TimeoutExpired:
            _stop(process)
            return Ended(process.returncode, f"{argv[0]} did not end within {timeout:g} seconds")
    if code < 0:
        return Ended(code, f"{argv[0]} was ended by signal {-code}")
    return Ended(code, f"{argv[0]} exited with {code}" if code else None)


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(GRACE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextlib.contextmanager
def _deaf() -> Iterator[None]:
    before = signal.signal(signal.SIGINT, _ignore)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _ignore(number: int, frame: object) -> None:
    """Not SIG_IGN, which the command would inherit."""
