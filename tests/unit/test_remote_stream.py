"""The stream of an xdist worker that cannot reach the folder of the run."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

from pytest_devops_gates.recorder import remote
from pytest_devops_gates.stream import verify

KEY = b"k" * 32


def test_it_comes_with_what_the_worker_reports(tmp_path: Path) -> None:
    there, here = tmp_path / "gone" / "tests.gw0.jsonl", tmp_path / "tests.gw0.jsonl"
    emit, kept = remote.opened(str(there), KEY)
    assert kept is not None
    emit("start", pid=1)
    config = SimpleNamespace(workeroutput={})
    remote.hand_in(config, kept)
    assert not kept.exists()
    remote.take_in(config, str(here))
    assert verify(here.read_bytes(), KEY) == ([b'{"event":"start","pid":1}'], None)


def test_one_that_can_reach_it_writes_there(tmp_path: Path) -> None:
    path = tmp_path / "tests.gw0.jsonl"
    path.touch()
    emit, kept = remote.opened(str(path), KEY)
    emit("start")
    assert kept is None
    assert len(verify(path.read_bytes(), KEY)[0]) == 1


def test_of_a_worker_that_died_there_is_nothing_to_take_in(tmp_path: Path) -> None:
    path = tmp_path / "tests.gw0.jsonl"
    remote.take_in(SimpleNamespace(), str(path))
    assert not path.exists()
