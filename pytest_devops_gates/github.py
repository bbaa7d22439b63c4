"""GitHub Actions: the step's summary, its outputs and its annotations.

Tests may have written to the same files before, and what the runner cannot read in them would take
our words with it. Source: actions/runner, FileCommandManager.cs and ActionCommandManager.cs.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from collections.abc import Callable, Iterator, Mapping
from io import FileIO
from pathlib import Path

from pytest_devops_gates.ci import GITHUB
from pytest_devops_gates.findings import shortened
from pytest_devops_gates.neutral import neutral
from pytest_devops_gates.report import Report
from pytest_devops_gates.reporters import markdown
from pytest_devops_gates.reporters.annotations import commands

SUMMARY, OUTPUT = "GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT"
SUMMARY_CAP = 900 * 1024
"""Bytes of a step's summary, ours and that of others. GitHub drops one of more than 1 MiB whole."""
OUTPUT_CAP = 2**20
"""Bytes of outputs that are read. GitHub takes 1 MB of a job."""
VALUE = 4_000
"""Characters of one of our outputs."""

_RUNNERS_FOLDER = "_runner_file_commands"
"""Where the runner keeps these files; all of them are plain ones."""
_BOM = b"\xef\xbb\xbf"
_OTHER_BOMS = (b"\xff\xfe", b"\xfe\xff", b"\0\0\xfe\xff")
"""By which the runner takes a whole file for UTF-16 or UTF-32, our words too."""

Say = Callable[[str], None]


@contextlib.contextmanager
def foreign(ci: str, say: Say) -> Iterator[None]:
    """While others print, the runner is told to obey none of it; only who knows the token can end
    that."""
    if ci != GITHUB:
        yield
        return
    token = secrets.token_hex(16)
    say(f"::stop-commands::{token}")
    try:
        yield
    finally:
        say(f"\n::{token}::")  # what was printed last need not have ended its line


def tell(
    report: Report, folder: Path, environment: Mapping[str, str], say: Say = print
) -> list[str]:
    """Write the step's summary and outputs, and print its annotations; returns what went wrong, a
    line each. ``folder`` is where the reports lie."""
    troubles: list[str] = []

    def write(variable: str, put: Callable[[FileIO], str]) -> None:
        try:
            with _opened(environment.get(variable, "")) as file:
                trouble = put(file)
        except Exception as error:  # whatever it is, the verdict stands
            trouble = f"not written: {_why(error)}"
        if trouble:
            troubles.append(f"{variable}: {trouble}")

    write(SUMMARY, lambda file: _summarize(report, file))
    write(OUTPUT, lambda file: _put_out(report, folder, file))
    try:
        for line in commands(report):
            say(line)
    except Exception as error:
        troubles.append(f"annotations: not told: {_why(error)}")
    return troubles


def _why(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return neutral(f"{type(error).__name__}: {error}")


@contextlib.contextmanager
def _opened(path: str) -> Iterator[FileIO]:
    """The plain file at a path, for reading and writing. Raises OSError where it is none.

    In the runner's own folder, what a test put into its place is replaced.
    """
    if not path:
        raise OSError(0, "the variable is not set")
    if os.path.basename(os.path.dirname(path)) == _RUNNERS_FOLDER:
        with contextlib.suppress(FileNotFoundError):
            if not stat.S_ISREG(os.lstat(path).st_mode):
                os.unlink(path)
    # without O_NONBLOCK, opening a FIFO may wait for ever
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    with FileIO(os.open(path, flags, 0o644), "r+") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(0, "it is no plain file")
        yield file


def _rewrite(file: FileIO, at: int, text: bytes) -> None:
    """Let the file end with a text that begins ``at`` a place."""
    file.seek(at)
    rest = memoryview(text)
    while rest:
        rest = rest[file.write(rest) :]
    file.truncate()


def _read(file: FileIO, cap: int) -> bytes:
    parts = []
    while cap > 0 and (part := file.read(cap)):
        parts.append(part)
        cap -= len(part)
    return b"".join(parts)


def _summarize(report: Report, file: FileIO) -> str:
    """Put the report before what others wrote: an HTML comment or a fence that they left open
    would swallow what comes after. Too much of theirs is cut; returns what was."""
    theirs = os.fstat(file.fileno()).st_size
    room = SUMMARY_CAP - theirs
    ours = markdown.within(report, max(min(room, markdown.LIMIT), markdown.LEAST)).encode()
    if theirs:
        ours += b"\n---\n\n"
    held = _read(file, SUMMARY_CAP - len(ours))
    if len(held) < theirs:
        held = held[: held.rfind(b"\n") + 1]
    _rewrite(file, 0, ours + held)
    cut = theirs - len(held)
    return f"{cut} bytes that others wrote were cut: GitHub would drop all of it" if cut else ""


def _put_out(report: Report, folder: Path, file: FileIO) -> str:
    """Write our outputs last, since the last of a name counts, and so that the runner reads them.
    Returns what had to be done for that."""
    size = os.fstat(file.fileno()).st_size
    held = _read(file, OUTPUT_CAP)
    if len(held) < size:
        held = held[: held.rfind(b"\n") + 1]
    kept, closing = readable(held)
    verdict = report.verdict
    values = {
        "verdict": verdict.verdict,
        "reason": verdict.reason,
        "report": os.path.abspath(folder / "report.html"),
    }
    entries = "".join(entry(name, value) for name, value in values.items())
    try:
        _rewrite(file, kept, closing + entries.encode("utf-8", "backslashreplace"))
    except OSError:
        file.truncate(kept)  # the disk is full: half an entry would be worse than none
        raise
    if kept < size:
        return f"{size - kept} bytes that others wrote were removed: GitHub cannot read them"
    return "a value that others had left open was closed" if closing.strip() else ""


def entry(name: str, value: str) -> str:
    """An output as the runner reads it, its value in one line.

    Raises ValueError if the delimiter is part of the value."""
    delimiter = f"devops-gates-{secrets.token_hex(16)}"
    shown = shortened(neutral(value[: 4 * VALUE]), VALUE)
    if delimiter in shown:
        raise ValueError(f"the delimiter of the output {name} is part of its value")
    return f"{name}<<{delimiter}\n{shown}\n{delimiter}\n"


def readable(held: bytes) -> tuple[int, bytes]:
    """How many bytes of an output file the runner can read, and what must follow them so that it
    goes on reading: it stops at the first line that is none of its own, and at a value without an
    end."""
    if held.startswith(_OTHER_BOMS):
        return 0, b""
    at = len(_BOM) if held.startswith(_BOM) else 0
    delimiter, awaited = b"", ""
    while at < len(held):
        end = held.find(b"\n", at)
        line = held[at:] if end < 0 else held[at:end]
        if delimiter:
            delimiter = b"" if _text(line) == awaited else delimiter
        elif line:
            equals, heredoc = line.find(b"="), line.find(b"<<")
            if heredoc > 0 and (equals < 0 or heredoc < equals) and line[heredoc + 2 :]:
                delimiter = line[heredoc + 2 :]
                awaited = _text(delimiter)
            elif not (equals > 0 and (heredoc < 0 or equals < heredoc)):
                return at, b""
        at = len(held) if end < 0 else end + 1
    fresh = b"" if held.endswith(b"\n") or held in (b"", _BOM) else b"\n"
    return len(held), fresh + (delimiter + b"\n" if delimiter else b"")


def _text(line: bytes) -> str:
    return line.decode("utf-8", "replace")
