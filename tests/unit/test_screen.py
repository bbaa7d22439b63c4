"""What is written to the terminal, and how."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from pytest_devops_gates import screen
from pytest_devops_gates.report import make
from pytest_devops_gates.runs import Run
from tests.unit.samples import ruling, verdict

REPORT = make(verdict(ruling(outcome="fail"), reason="grün"))


class Stream(io.TextIOWrapper):
    """A stream of bytes that may be a terminal."""

    def __init__(self, *, terminal: bool, encoding: str = "utf-8") -> None:
        super().__init__(io.BytesIO(), encoding=encoding)
        self.terminal = terminal

    def isatty(self) -> bool:
        return self.terminal

    @property
    def written(self) -> bytes:
        self.flush()
        assert isinstance(self.buffer, io.BytesIO)
        return self.buffer.getvalue()


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "TERM", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)


def shown(monkeypatch: pytest.MonkeyPatch, stream: Stream, verbosity: int = 0) -> bytes:
    monkeypatch.setattr(sys, "stdout", stream)
    run = Run("1", Path("/p/.devops-gates/runs/1"), Path("/p/.devops-gates"))
    screen.show(REPORT, run, Path("/p"), verbosity)
    return stream.written


@pytest.mark.parametrize(
    ("terminal", "environment", "coloured"),
    [
        (True, {}, True),
        (True, {"TERM": "xterm"}, True),
        (True, {"TERM": "dumb"}, False),
        (True, {"NO_COLOR": "1"}, False),
        (True, {"NO_COLOR": ""}, True),
        (True, {"NO_COLOR": "1", "FORCE_COLOR": "1"}, False),
        (False, {}, False),
        (False, {"TERM": "xterm"}, False),
        (False, {"FORCE_COLOR": "1"}, True),
        (False, {"FORCE_COLOR": "1", "TERM": "dumb"}, True),
        (False, {"FORCE_COLOR": ""}, False),
    ],
)
def test_colours_only_where_they_are_wanted(
    terminal: bool, environment: dict[str, str], coloured: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert (b"\x1b[" in shown(monkeypatch, Stream(terminal=terminal))) is coloured


def test_as_wide_as_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    for columns in (20, 60, 120):
        monkeypatch.setenv("COLUMNS", str(columns))
        text = shown(monkeypatch, Stream(terminal=False)).decode()
        assert max(map(len, text.splitlines())) == columns


def test_the_folder_is_told_from_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    text = shown(monkeypatch, Stream(terminal=False)).decode()
    assert "details: .devops-gates/runs/1 ·" in text


def test_quiet_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    text = shown(monkeypatch, Stream(terminal=False), verbosity=-1).decode()
    assert text == "verdict: FAIL · grün\n"


def test_what_the_stream_cannot_show_is_escaped(monkeypatch: pytest.MonkeyPatch) -> None:
    text = shown(monkeypatch, Stream(terminal=False, encoding="ascii"))
    assert b"verdict: FAIL \\xb7 gr\\xfcn" in text


def test_a_stream_that_is_gone_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Stream(terminal=False)
    stream.close()
    monkeypatch.setattr(sys, "stdout", stream)
    screen.say("x")
    monkeypatch.setattr(sys, "stdout", None)
    screen.say("x")
    monkeypatch.setattr(sys, "stderr", None)
    screen.warn("x")


def test_a_warning_is_one_harmless_line(capsys: pytest.CaptureFixture[str]) -> None:
    screen.warn("one\n::error::two")
    assert capsys.readouterr().err == "devops gates: one\\n::error::two\n"
