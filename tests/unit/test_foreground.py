"""A command that the user sees at work: how it ends, and that nothing of it is left then."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_devops_gates import foreground
from pytest_devops_gates.foreground import Ended


def run(cwd: Path, code: str, **options: Any) -> Ended:
    options = {"env": dict(os.environ), "timeout": 20.0, **options}
    return foreground.run([sys.executable, "-c", code], cwd=cwd, **options)


NAME = os.path.basename(sys.executable)
ENDS = {
    "well": ("", 0, None),
    "badly": ("raise SystemExit(3)", 3, f"{NAME} exited with 3"),
    "by a signal": (
        "import os; os.kill(os.getpid(), 9)",
        -9,
        f"{NAME} was ended by SIGKILL",
    ),
}


@pytest.mark.parametrize(("code", "exit_code", "reason"), ENDS.values(), ids=ENDS)
def test_how_it_ends(code: str, exit_code: int, reason: str | None, tmp_path: Path) -> None:
    assert run(tmp_path, code) == Ended(exit_code, reason)


@pytest.mark.parametrize("argv", [["./none"], ["/dev/null"], ["a\0b"], [sys.executable, "\0"]])
def test_what_cannot_be_started(argv: list[str], tmp_path: Path) -> None:
    ended = foreground.run(argv, env={}, cwd=tmp_path, timeout=1)
    assert ended.exit_code is None
    assert "cannot be started" in (ended.reason or "")


GRANDCHILD = """
import signal, subprocess, sys, time
{first}
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(0.8); open('left', 'w')"])
open("begun", "w")
time.sleep({seconds})
"""


def test_when_its_time_is_up_what_it_started_ends_as_well(tmp_path: Path) -> None:
    code = GRANDCHILD.format(first="", seconds=60)
    ended = run(tmp_path, code, timeout=0.4, alone=True)
    assert ended.reason == f"{NAME} did not end within 0.4 seconds"
    time.sleep(0.9)
    assert (tmp_path / "begun").exists()
    assert not (tmp_path / "left").exists()


def test_one_that_does_not_listen_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(foreground, "GRACE", 0.2)
    deaf = "signal.signal(signal.SIGTERM, signal.SIG_IGN)"
    ended = run(tmp_path, GRANDCHILD.format(first=deaf, seconds=60), timeout=0.4, alone=True)
    assert ended.exit_code == -signal.SIGKILL


def test_what_it_left_at_work_stays_after_a_good_end(tmp_path: Path) -> None:
    """A service that a roll-out starts, say."""
    assert run(tmp_path, GRANDCHILD.format(first="", seconds=0), alone=True).reason is None
    time.sleep(1.2)
    assert (tmp_path / "left").exists()


def stops(path: Path) -> Callable[[], str | None]:
    """The user presses Ctrl-C when a file is there."""
    return lambda: "SIGINT" if path.exists() else None


def test_the_user_stops_it(tmp_path: Path) -> None:
    first = "signal.signal(signal.SIGINT, lambda *_: (open('heard', 'w'), sys.exit(0)))"
    code = GRANDCHILD.format(first=first, seconds=60)
    ended = run(tmp_path, code, stopped=stops(tmp_path / "begun"), alone=True)
    assert ended == Ended(0, f"{NAME} was stopped by SIGINT")
    assert (tmp_path / "heard").exists()
    time.sleep(0.9)
    assert not (tmp_path / "left").exists()


def test_a_good_end_of_one_that_was_stopped_counts_for_nothing(tmp_path: Path) -> None:
    code = "open('begun', 'w')"
    ended = run(tmp_path, code, stopped=stops(tmp_path / "begun"))
    assert "was stopped by SIGINT" in (ended.reason or "")


def test_one_that_is_stopped_before_it_begins_is_not_started(tmp_path: Path) -> None:
    ended = run(tmp_path, "open('begun', 'w')", stopped=lambda: "SIGTERM")
    assert ended.exit_code is None
    assert not (tmp_path / "begun").exists()


def test_a_signal_that_is_ignored_here_is_not_inherited(tmp_path: Path) -> None:
    code = "import signal; raise SystemExit(signal.getsignal(signal.SIGINT) == signal.SIG_IGN)"
    assert run(tmp_path, code).reason is None
