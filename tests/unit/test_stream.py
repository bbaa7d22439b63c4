"""The event stream: what was written is read, and what was tampered with is noticed."""

from __future__ import annotations

import json
import os
import random
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_devops_gates.stream import MAC_BYTES, derive, open_writer, verify
from tests.unit.samples import same_every_time

KEY = b"k" * 32
TAMPERED = "the event stream was tampered with or lost lines, at line "
EVENTS = 6


@pytest.fixture
def path(tmp_path: Path) -> Iterator[Path]:
    """The file of the stream, which the supervisor makes before the writer opens it."""
    file = tmp_path / "tests.jsonl"
    file.touch()
    yield file
    for number in descriptors(file) if file.exists() else ():
        os.close(number)


@pytest.fixture
def emit(path: Path) -> Callable[..., None]:
    return open_writer(str(path), KEY)


def events(path: Path, key: bytes = KEY) -> list[dict[str, Any]]:
    """The events of a stream that is whole."""
    lines, fault = verify(path.read_bytes(), key)
    assert fault is None
    return [json.loads(line) for line in lines]


def names(path: Path) -> list[str]:
    return [event["event"] for event in events(path)]


def descriptors(path: Path) -> list[int]:
    """Those of this process that lead to the file."""
    wanted, found = path.stat(), []
    for number in range(3, 512):
        try:
            here = os.fstat(number)
        except OSError:
            continue
        if (here.st_dev, here.st_ino) == (wanted.st_dev, wanted.st_ino):
            found.append(number)
    return found


def test_what_is_written_is_read(path: Path, emit: Callable[..., None]) -> None:
    emit("start", pid=1, args=["a b", 'say "mac":"', "\ud800", "é\n\0"], none=None)
    emit("mac", mac='","mac":"00"}')
    emit("finish")
    assert events(path) == [
        {
            "event": "start",
            "pid": 1,
            "args": ["a b", 'say "mac":"', "\ud800", "é\n\0"],
            "none": None,
        },
        {"event": "mac", "mac": '","mac":"00"}'},
        {"event": "finish"},
    ]


@given(st.lists(st.dictionaries(st.text("abc", min_size=1), st.text()), max_size=4))
@same_every_time
def test_any_fields_come_back(tmp_path_factory: Any, rows: list[dict[str, str]]) -> None:
    file = tmp_path_factory.mktemp("stream") / "tests.jsonl"
    file.touch()
    write = open_writer(str(file), KEY)
    for row in rows:
        write("x", **row)
    assert events(file) == [{"event": "x", **row} for row in rows]
    os.close(descriptors(file)[0])


def test_an_empty_stream_is_whole() -> None:
    assert verify(b"", KEY) == ([], None)


def test_each_line_is_one_json_object(path: Path, emit: Callable[..., None]) -> None:
    emit("a", text="one\ntwo")
    emit("b")
    lines = path.read_bytes().splitlines()
    assert [json.loads(line)["event"] for line in lines] == ["a", "b"]
    assert all(len(json.loads(line)["mac"]) == 2 * MAC_BYTES for line in lines)


# tampering


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    file = tmp_path_factory.mktemp("stream") / "tests.jsonl"
    file.touch()
    write = open_writer(str(file), KEY)
    for number in range(EVENTS):
        write("report", test=number % 2, outcome="failed")
    os.close(descriptors(file)[0])
    return file.read_bytes()


def lines_of(data: bytes) -> list[bytes]:
    return data.splitlines(keepends=True)


def assert_noticed(written: bytes, data: bytes, at: int | None = None) -> None:
    """The damage is told, and nothing but what was really written before it is believed."""
    believed, fault = verify(data, KEY)
    assert fault is not None
    assert believed == verify(written, KEY)[0][: len(believed)]
    if at is not None:
        assert fault == f"{TAMPERED}{at + 1}"
        assert len(believed) == at


@pytest.mark.parametrize("at", range(EVENTS - 1))
def test_a_lost_line_is_noticed(written: bytes, at: int) -> None:
    lines = lines_of(written)
    assert_noticed(written, b"".join(lines[:at] + lines[at + 1 :]), at)


@pytest.mark.parametrize("at", range(EVENTS))
def test_a_repeated_line_is_noticed(written: bytes, at: int) -> None:
    lines = lines_of(written)
    assert_noticed(written, b"".join([*lines[: at + 1], *lines[at:]]), at + 1)


@pytest.mark.parametrize(
    ("one", "other"), [(a, b) for a in range(EVENTS) for b in range(a + 1, EVENTS)]
)
def test_swapped_lines_are_noticed(written: bytes, one: int, other: int) -> None:
    lines = lines_of(written)
    lines[one], lines[other] = lines[other], lines[one]
    assert_noticed(written, b"".join(lines), one)


@pytest.mark.parametrize("at", range(EVENTS))
def test_an_edited_line_is_noticed(written: bytes, at: int) -> None:
    lines = lines_of(written)
    lines[at] = lines[at].replace(b"failed", b"passed")
    assert_noticed(written, b"".join(lines), at)


@pytest.mark.parametrize("at", range(EVENTS + 1))
@pytest.mark.parametrize(
    "line",
    [
        b"\n",
        b"{}\n",
        b"rubbish\n",
        b'{"event":"report","test":0,"outcome":"passed"}\n',
        b'{"event":"report","test":0,"outcome":"passed","mac":""}\n',
        b'{"event":"report","test":0,"outcome":"passed","mac":"' + b"0" * 32 + b'"}\n',
    ],
)
def test_a_forged_line_is_noticed(written: bytes, at: int, line: bytes) -> None:
    lines = lines_of(written)
    assert_noticed(written, b"".join([*lines[:at], line, *lines[at:]]), at)


@pytest.mark.parametrize("at", range(EVENTS))
def test_a_replayed_line_is_noticed(written: bytes, at: int) -> None:
    assert_noticed(written, written + lines_of(written)[at], EVENTS)


def test_a_line_signed_with_another_key_is_noticed(written: bytes, path: Path) -> None:
    open_writer(str(path), b"other")("report", test=0, outcome="passed")
    assert_noticed(written, written + path.read_bytes(), EVENTS)
    assert verify(path.read_bytes(), KEY) == ([], f"{TAMPERED}1")


@given(st.data())
@same_every_time
def test_a_stream_that_is_cut_off_is_noticed(written: bytes, data: st.DataObject) -> None:
    kept = written[: data.draw(st.integers(0, len(written) - 1))]
    believed, fault = verify(kept, KEY)
    assert believed == verify(written, KEY)[0][: kept.count(b"\n")]
    # After a whole line nothing shows here: the events then lack the end of a test.
    assert (fault is None) == (kept == b"" or kept.endswith(b"\n"))


@given(st.data())
@same_every_time
def test_any_changed_byte_is_noticed(written: bytes, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(written) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda value: value != written[at]))
    assert_noticed(written, written[:at] + bytes([byte]) + written[at + 1 :])


@given(st.data(), st.binary(min_size=1, max_size=40))
@same_every_time
def test_any_inserted_bytes_are_noticed(written: bytes, data: st.DataObject, more: bytes) -> None:
    at = data.draw(st.integers(0, len(written)))
    changed = written[:at] + more + written[at:]
    if changed != written:
        assert_noticed(written, changed)


@given(st.binary())
@same_every_time
def test_nothing_is_believed_of_any_other_bytes(data: bytes) -> None:
    believed, fault = verify(data, KEY)
    assert believed == []
    assert (fault is None) == (data == b"")


def test_each_worker_has_a_key_of_its_own(path: Path) -> None:
    keys = {KEY, derive(KEY, "gw0"), derive(KEY, "gw1"), derive(b"other", "gw0")}
    assert len(keys) == 4
    open_writer(str(path), derive(KEY, "gw0"))("a")
    assert verify(path.read_bytes(), derive(KEY, "gw0"))[1] is None
    for key in keys - {derive(KEY, "gw0")}:
        assert verify(path.read_bytes(), key) == ([], f"{TAMPERED}1")


# what tests do to the process


def test_it_survives_a_closed_descriptor(path: Path, emit: Callable[..., None]) -> None:
    emit("before")
    os.close(descriptors(path)[0])
    emit("after")
    emit("later")
    assert names(path) == ["before", "after", "later"]


def test_it_never_writes_to_a_file_that_got_its_descriptor(
    path: Path, emit: Callable[..., None], tmp_path: Path
) -> None:
    number = descriptors(path)[0]
    with (tmp_path / "theirs").open("wb") as theirs:
        os.dup2(theirs.fileno(), number)
        emit("after")
        os.close(number)
    assert (tmp_path / "theirs").read_bytes() == b""
    assert names(path) == ["after"]


def test_it_does_not_follow_a_file_that_took_its_place(
    path: Path, emit: Callable[..., None]
) -> None:
    emit("before")
    number = descriptors(path)[0]
    path.rename(path.with_name("aside"))
    path.touch()
    os.close(number)
    emit("after")
    assert path.read_bytes() == b""
    assert names(path.with_name("aside")) == ["before"]


def test_it_survives_that_its_file_is_gone(path: Path, emit: Callable[..., None]) -> None:
    os.close(descriptors(path)[0])
    path.unlink()
    emit("after")
    assert not path.exists()


def _refuse(*args: object, **kwargs: object) -> NoReturn:
    raise RuntimeError("patched")


@pytest.mark.parametrize(
    "target",
    [
        *("os.open", "os.write", "os.fstat", "os.stat", "os.getpid", "os.path.abspath"),
        *("builtins.open", "json.dumps", "json.JSONEncoder", "hashlib.blake2b", "threading.Lock"),
    ],
)
def test_it_does_not_see_patches(
    path: Path, emit: Callable[..., None], target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    emit("before")
    number = descriptors(path)[0]
    with monkeypatch.context() as patch:
        patch.setattr(target, _refuse)
        emit("patched")
        os.close(number)
        emit("reopened")
    assert names(path) == ["before", "patched", "reopened"]


def test_it_writes_by_absolute_path_from_a_deleted_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "tests.jsonl"
    file.touch()
    monkeypatch.chdir(tmp_path)
    emit = open_writer("tests.jsonl", KEY)
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    emit("here")
    os.close(descriptors(file)[0])
    emit("there")
    assert names(file) == ["here", "there"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_a_forked_child_writes_nothing(path: Path, emit: Callable[..., None]) -> None:
    emit("before")
    child = os.fork()
    if not child:
        try:
            emit("child")
        finally:
            os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    emit("after")
    assert names(path) == ["before", "after"]


def test_lines_of_several_threads_stay_whole(path: Path, emit: Callable[..., None]) -> None:
    def work(who: int) -> None:
        for number in range(50):
            emit("x", who=who, number=number)

    threads = [threading.Thread(target=work, args=(who,)) for who in range(4)]
    patient = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(patient)
    found = events(path)
    assert len(found) == 200
    for who in range(4):
        assert [e["number"] for e in found if e["who"] == who] == list(range(50))


def test_a_write_cut_short_is_carried_on(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write, dice = os.write, random.Random(1)
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda fd, data: write(fd, data[: dice.randint(1, 9)]))
        emit = open_writer(str(path), KEY)
    emit("a", text="x" * 100)
    emit("b")
    assert names(path) == ["a", "b"]


def test_a_write_that_fails_shows_as_a_gap(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write, calls = os.write, iter(range(9))

    def full_at_the_second(fd: int, data: bytes) -> int:
        if next(calls) == 1:
            raise OSError(28, "No space left on device")
        return write(fd, data)

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full_at_the_second)
        emit = open_writer(str(path), KEY)
    for name in ("a", "b", "c"):
        emit(name)
    assert verify(path.read_bytes(), KEY) == ([b'{"event":"a"}'], f"{TAMPERED}2")
