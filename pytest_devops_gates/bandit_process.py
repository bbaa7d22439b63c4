"""bandit in several processes, each with a share of the files."""

from __future__ import annotations

import contextlib
import math
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import msgspec

from pytest_devops_gates.bandit_files import Told, by_file, plain
from pytest_devops_gates.errors import CannotTell
from pytest_devops_gates.gate import Output
from pytest_devops_gates.process import Process, environment
from pytest_devops_gates.project import Project

SENTINEL = "devops_gates_sentinel.py"

ARGUMENTS = 24_000 if os.name == "nt" else 100_000
"""Bytes of file names that one process gets. Windows takes 32,767 characters in all, macOS 1 MiB
with the environment, and Linux more."""

WORTH = 60_000
"""Bytes of source for which a process is worth its start, which takes about as long."""

TIMEOUT = 1800.0
"""Seconds for one process; the gate's own timeout ends the whole of them."""


class Ended(msgspec.Struct, frozen=True):
    """A process of bandit that was to read some files: what it told of them, or its ``trouble``,
    for which nothing of that is to be believed."""

    names: tuple[str, ...]
    argv: tuple[str, ...] = ()
    exit_code: int | None = None
    told: Mapping[str, Told] = {}
    trouble: str | None = None


def run(argv: Sequence[str], names: Sequence[str], project: Project, count: int) -> list[Ended]:
    """Have bandit read the files, in up to ``count`` processes at once.

    ``argv`` is its command line without them. In a hook it holds a file of ours as well, of which
    each process has to tell.
    """
    waiting = shares({name: _size(project.root / name) for name in names}, count)
    running: list[tuple[Process, list[str]]] = []
    ended: list[Ended] = []
    while waiting or running:
        while waiting and len(running) < count:
            share = waiting.pop(0)
            command = [*argv, *("./" + name for name in share)]
            try:
                process = _start(command, project, len(running) + len(ended) + 1)
            except CannotTell as reason:
                ended.append(Ended(tuple(share), tuple(command), trouble=str(reason)))
            else:
                running.append((process, share))
        done = [one for one in running if one[0].poll()]
        running = [one for one in running if one not in done]
        ended += [_end(process, share, project) for process, share in done]
        if not done:
            time.sleep(0.01)
    return ended


def sentinel(project: Project) -> Path:
    """A file of ours that bandit reads too in a hook: it has to tell of that in any case."""
    return project.run_dir / SENTINEL


def _start(argv: Sequence[str], project: Project, number: int) -> Process:
    return Process(
        argv,
        cwd=project.root,
        env=environment(project.git),
        log_dir=project.run_dir / "logs" / "bandit",
        name=f"bandit-{number}",
        timeout=TIMEOUT,
        reaper=None,
    )


def _end(process: Process, names: Sequence[str], project: Project) -> Ended:
    ended = Ended(tuple(names), process.argv, process.returncode)
    try:
        if failure := process.failure((0, 1)):
            raise CannotTell(failure)
        output = Output(process.returncode or 0, process.stdout(), process.stderr())
        told = by_file(output)
        if project.scope is not None and told.pop(plain(str(sentinel(project))), None) is None:
            raise CannotTell("did not read the file that it always gets")
        for name in told.keys() - frozenset(names):
            raise CannotTell(f"contradicts itself: it was not to read {name}")
        return msgspec.structs.replace(ended, told=told)
    except CannotTell as reason:
        return msgspec.structs.replace(ended, trouble=f"bandit {reason}")


def processes() -> int:
    """How many to run at once: the cores that this process may use but one, one at least."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)) - 1)
    return max(1, (os.cpu_count() or 1) - 1)


def shares(sizes: Mapping[str, int], count: int) -> list[list[str]]:
    """Files in shares of about the same number of bytes, one for each of ``count`` processes, but
    no more than are worth their start; a share whose names are too long for one command line is
    cut in several."""
    count = max(1, min(count, math.ceil(sum(sizes.values()) / WORTH)))
    loads = [(0, number) for number in range(count)]
    found: list[list[str]] = [[] for _ in loads]
    for name in sorted(sizes, key=lambda name: (-sizes[name], name)):  # the largest first
        load, number = min(loads)
        found[number].append(name)
        loads[number] = (load + sizes[name], number)
    return [part for share in found for part in _cut(sorted(share))]


def _cut(names: Sequence[str]) -> Iterable[list[str]]:
    part: list[str] = []
    room = ARGUMENTS
    for name in names:
        length = len(os.fsencode(name)) + 3  # the "./" before it and what ends an argument
        if part and length > room:
            yield part
            part, room = [], ARGUMENTS
        part.append(name)
        room -= length
    if part:
        yield part


def _size(path: Path) -> int:
    with contextlib.suppress(OSError):
        return path.stat().st_size
    return 0
