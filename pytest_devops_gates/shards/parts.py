"""The runs of several jobs, as ``release combine`` reads them."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import msgspec

from pytest_devops_gates import disk
from pytest_devops_gates.archive import VERDICT
from pytest_devops_gates.measurement import DATA, ROOT
from pytest_devops_gates.neutral import visible
from pytest_devops_gates.release import soundness, strict
from pytest_devops_gates.release.bundle import BadBundle
from pytest_devops_gates.release.evidence import is_artefact
from pytest_devops_gates.shards.unpack import opened
from pytest_devops_gates.verdict import ShardRun, Verdict

EVENTS, TESTS = "tests.jsonl", "tests"


class Part(msgspec.Struct, frozen=True):
    """One job's run. ``tests`` are the ids of the tests that it ran; ``where`` is what the folder
    is called in messages, and ``error`` says why nothing can be read of it."""

    where: str
    folder: Path
    verdict: Verdict | None = None
    sha256: str = ""
    tests: frozenset[str] = frozenset()
    error: str | None = None

    @property
    def name(self) -> str:
        """The shard that it says it was."""
        return (self.verdict and self.verdict.shard) or ""

    @property
    def run(self) -> ShardRun:
        assert self.verdict
        return ShardRun(self.name, self.verdict.run_id, self.sha256)

    def file(self, name: str) -> Path | None:
        """A plain file of the run, if it is there and is no link, nor lies behind one."""
        path = self.folder / name
        try:
            inside = self.folder.resolve() in path.resolve().parents
            is_link = path.resolve() != self.folder.resolve() / name
        except OSError:
            return None
        return path if inside and not is_link and path.is_file() else None

    @property
    def coverage(self) -> Path | None:
        """The data of its coverage, if it was measured."""
        return self.file(f"logs/coverage/{DATA}/data")

    @property
    def root(self) -> str | None:
        """The path at which its checkout lay, where that was written down."""
        told = self.file(f"logs/coverage/{DATA}/{ROOT}")
        return told.read_text("utf-8", "surrogateescape") if told else None


def load(stack: ExitStack, path: Path, where: str, name: str | None = None) -> Part:
    """A run's folder, or a zip of it that stays unpacked as long as the stack is open. ``name`` is
    the shard that it has to be, where the caller knows.

    Raises UsageError where there is neither."""
    try:
        part = read(stack.enter_context(opened(path)), where)
    except BadBundle as error:
        return Part(where, path, error=f"{where}: {error}")
    if name and part.verdict and part.name != name:
        told = f"{where}: says that it is the shard '{visible(part.name)[:64]}', not {name}"
        return Part(where, path, error=told)
    return part


def read(folder: Path, where: str) -> Part:
    """What lies in the folder of a run, of which nothing is believed. What cannot be read, or
    contradicts itself, is its ``error``."""
    part = Part(where, folder)
    try:
        found = part.file(VERDICT)
        if found is None:
            raise ValueError(f"has no {VERDICT}")
        data = disk.read_plain(found)
        verdict = strict.verdict(data)
        wrong = next(soundness.contradictions(verdict), None)
        if wrong or (wrong := next(_unfit(verdict), None)):
            raise ValueError(wrong)
        events = part.file(EVENTS)
        ran = frozenset(_ran(events)) if events else frozenset()
    except OSError as error:
        return Part(where, folder, error=f"{where}: {error.strerror}")
    except (ValueError, IndexError, RecursionError) as error:
        return Part(where, folder, error=f"{where}: {visible(str(error))[:300]}")
    return Part(where, folder, verdict, hashlib.sha256(data).hexdigest(), ran)


def _unfit(verdict: Verdict) -> Iterator[str]:
    """What no run of ours would say."""
    for artefact in verdict.artefacts:
        if not is_artefact(artefact.name) or Path(artefact.name).name != artefact.name:
            yield f"artefacts: '{artefact.name}' is no name of a file that is built"
    for ruling in verdict.gates:
        for name, value in ruling.metrics.items():
            if ruling.name == TESTS and not name.startswith("findings.") and value < 0:
                yield f"gates.{TESTS}.metrics.{name}: {value}, needs 0 at least"


class _Event(msgspec.Struct):
    """What is read of an event of the recorder (see recorder/plugin.py)."""

    event: str
    first: int = 0
    ids: list[str] = []
    test: int = -1
    when: str = ""


def _ran(path: Path) -> Iterator[str]:
    """The ids of the tests that ran to their end. Raises ValueError for what is no event stream.

    Who wrote it cannot be told any more: the key of its authentication went with the run. What the
    tests came to is in the verdict; the ids are there to see that no test was left to nobody."""
    ids: list[str] = []
    for line in io.BytesIO(disk.read_plain(path)):
        if b'"ids"' not in line and b'"teardown"' not in line:
            continue
        event = _decode(line)
        if event.event == "ids":
            if event.first != len(ids):
                raise ValueError(f"test {len(ids)} is missing")
            ids += event.ids
        elif event.event == "report" and event.when == "teardown":
            if event.test < 0:
                raise ValueError(f"{EVENTS}: a report of no test")
            yield ids[event.test]


_fast = msgspec.json.Decoder(_Event).decode


def _decode(line: bytes) -> _Event:
    """Only Python's own decoder takes half characters, of names that are no UTF-8."""
    try:
        return _fast(line)
    except msgspec.DecodeError:
        return msgspec.convert(json.loads(line), _Event)
