"""The runs of several jobs, as ``release combine`` reads them."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import msgspec

from pytest_devops_gates import archive, disk
from pytest_devops_gates.errors import UsageError
from pytest_devops_gates.measurement import DATA, ROOT
from pytest_devops_gates.release.bundle import BadBundle
from pytest_devops_gates.shards.unpack import opened
from pytest_devops_gates.verdict import ShardRun, Verdict

EVENTS = "tests.jsonl"


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

    @property
    def coverage(self) -> Path | None:
        """The data of its coverage, if it was measured."""
        data = self.folder / "logs" / "coverage" / DATA / "data"
        return data if data.is_file() and not data.is_symlink() else None

    @property
    def root(self) -> str | None:
        """The path at which its checkout lay, where that was written down."""
        try:
            told = disk.read_plain(self.folder / "logs" / "coverage" / DATA / ROOT)
            return told.decode("utf-8", "surrogateescape")
        except OSError:
            return None


def load(stack: ExitStack, path: Path, where: str) -> Part:
    """A run's folder, or a zip of it that stays unpacked as long as the stack is open.

    Raises UsageError where there is neither."""
    try:
        return read(stack.enter_context(opened(path)), where)
    except BadBundle as error:
        return Part(where, path, error=f"{where}: {error}")


def read(folder: Path, where: str) -> Part:
    """What lies in the folder of a run. What cannot be read is its ``error``."""
    try:
        data = disk.read_plain(folder / archive.VERDICT)
        verdict = archive.load(folder).verdict
        ran = frozenset(_ran(folder / EVENTS)) if (folder / EVENTS).is_file() else frozenset()
    except OSError as error:
        return Part(where, folder, error=f"{where}: {error.strerror}")
    except UsageError as error:
        return Part(where, folder, error=str(error))
    except (ValueError, IndexError) as error:
        return Part(where, folder, error=f"{where}: {EVENTS} cannot be read: {error}")
    return Part(where, folder, verdict, hashlib.sha256(data).hexdigest(), ran)


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
            yield ids[event.test]


_fast = msgspec.json.Decoder(_Event).decode


def _decode(line: bytes) -> _Event:
    """Only Python's own decoder takes half characters, of names that are no UTF-8."""
    try:
        return _fast(line)
    except msgspec.DecodeError:
        return msgspec.convert(json.loads(line), _Event)
