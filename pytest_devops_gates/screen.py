"""What the supervisor itself shows on the terminal: the progress line, and the end."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import time
from pathlib import Path

from pytest_devops_gates.neutral import neutral
from pytest_devops_gates.report import Report
from pytest_devops_gates.reporters import terminal
from pytest_devops_gates.runs import Run
from pytest_devops_gates.sparkline import shades_for

_EVERY = 0.2


def reserve_standard_streams() -> None:
    """Lead standard streams that are closed to nowhere, before a pipe takes their place."""
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            # takes the lowest free number, which is this one
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115


def show(report: Report, run: Run, root: Path, verbosity: int) -> None:
    """Print the end of the run. A terminal that is gone changes nothing about the verdict."""
    folder = os.path.relpath(run.path, root) if run.home else str(run.path)
    write(in_words(report, verbosity, folder))


def in_words(report: Report, verbosity: int = 0, folder: str = "") -> str:
    """The report for the terminal that this is, as wide as it is, and with its colours."""
    return terminal.render(
        report,
        width=shutil.get_terminal_size().columns,
        colour=_coloured(),
        verbosity=verbosity,
        folder=folder,
        shades=shades(),
    )


def shades() -> str:
    """What lines are drawn in on this terminal."""
    return shades_for(getattr(sys.stdout, "encoding", None))


def warn(line: str) -> None:
    """Say on standard error what went wrong beside the verdict."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        print(f"devops gates: {neutral(line)}", file=sys.stderr)


def say(line: str) -> None:
    """Print a line. A terminal or a pipe that is gone changes nothing."""
    write(line + "\n")


class ProgressLine:
    """One live line while gates run and no tests do; nothing where there is no terminal."""

    def __init__(self) -> None:
        self._live = _is_terminal() and os.environ.get("TERM") != "dumb"
        self._next = 0.0
        self._shown = False

    def __call__(self, running: list[tuple[str, float]]) -> None:
        if not self._live or (running and time.monotonic() < self._next):
            return
        self._next = time.monotonic() + _EVERY
        if not running and not self._shown:
            return
        line = "running: " + ", ".join(f"{name} {seconds:.0f}s" for name, seconds in running)
        width = shutil.get_terminal_size().columns - 1
        self._shown = bool(running)
        write(f"\r\x1b[K{line[:width] if running else ''}")


def _coloured() -> bool:
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return _is_terminal() and os.environ.get("TERM") != "dumb"


def _is_terminal() -> bool:
    with contextlib.suppress(AttributeError, ValueError):
        return sys.stdout.isatty()
    return False


def write(text: str) -> None:
    """Write what the stream can show; what it cannot encode is escaped."""
    stream = sys.stdout
    try:
        encoding = getattr(stream, "encoding", None) or "utf-8"
        stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
        stream.flush()
    except (OSError, ValueError, AttributeError):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            # Python flushes once more at exit, and would exit with 120 on a closed pipe.
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
