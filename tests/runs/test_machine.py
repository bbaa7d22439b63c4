"""Signals, full disks, odd terminals, odd paths: a verdict all the same, and nothing left running."""

from __future__ import annotations

import json
import os
import pty
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tests.conftest import Checkout
from tests.runs.test_lying_tools import ROGUE, is_alive

pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name != "posix", reason="POSIX signals")]

SLEEPS = """
    import os, pathlib, time
    def test_sleeps():
        pathlib.Path("test.pid").write_text(str(os.getpid()))
        time.sleep(120)
"""
TOOL = (
    "import os, pathlib, time; pathlib.Path('tool.pid').write_text(str(os.getpid()));"
    " time.sleep(120)"
)
GOOD = "def test_good(): pass\n"


def wait_for(what: Callable[[], bool], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.05)


def start_sleeping(checkout: Checkout, *args: str, **options: object) -> subprocess.Popen[str]:
    """A run whose tests and one tool sleep; returns when both do."""
    rogue = ROGUE.replace("CODE", repr(TOOL)).replace("TIMEOUT", "300")
    checkout.write({"plugins/rogue_gate.py": rogue, "test_it.py": SLEEPS})
    stages = ("--devops-gates-stage", "test", "--devops-gates-stage", "security")
    process = subprocess.Popen(
        checkout.command(*stages, "-p", "rogue_gate", *args),
        cwd=checkout.root,
        env=checkout.environment({"PYTHONPATH": str(checkout.root / "plugins")}),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        **{"stdin": subprocess.DEVNULL, **options},  # type: ignore[call-overload]
    )
    wait_for(lambda: all(_pid(checkout, n) for n in ("test.pid", "tool.pid")))
    return process


def _pid(checkout: Checkout, name: str) -> int:
    path = checkout.root / name
    return int(path.read_text() or 0) if path.exists() else 0


def assert_nothing_left(checkout: Checkout) -> None:
    for name in ("test.pid", "tool.pid"):
        wait_for(partial(_has_ended, _pid(checkout, name)), 10)


def _has_ended(pid: int) -> bool:
    return not is_alive(pid)


def verdict(checkout: Checkout) -> dict[str, object]:
    return json.loads(checkout.latest.read_text())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("args", [(), ("-n", "1")], ids=["plain", "xdist"])
def test_one_signal_ends_in_order(
    number: signal.Signals, args: tuple[str, ...], checkout: Checkout
) -> None:
    process = start_sleeping(checkout, *args)
    process.send_signal(number)
    output, _ = process.communicate(timeout=40)
    assert process.returncode == 2, output
    assert "KeyboardInterrupt" in output or "Interrupted" in output
    assert verdict(checkout)["verdict"] == "unknown"
    assert verdict(checkout)["exit_status"] == 2
    assert f"interrupted by {number.name}" in str(verdict(checkout)["reason"])
    assert_nothing_left(checkout)


def test_a_second_signal_ends_at_once(checkout: Checkout) -> None:
    stubborn = SLEEPS.replace("time.sleep(120)", "").rstrip() + (
        "\n        while True:\n            try:\n                time.sleep(120)"
        "\n            except KeyboardInterrupt:\n                pass\n"
    )
    rogue = ROGUE.replace("CODE", repr(TOOL)).replace("TIMEOUT", "300")
    checkout.write({"plugins/rogue_gate.py": rogue, "test_it.py": stubborn})
    process = subprocess.Popen(
        checkout.command("--devops-gates-stage", "test"),
        cwd=checkout.root,
        env=checkout.environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    wait_for(lambda: bool(_pid(checkout, "test.pid")))
    process.send_signal(signal.SIGINT)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=20)
    assert process.returncode == 2, output
    wait_for(lambda: not is_alive(_pid(checkout, "test.pid")), 10)


@pytest.mark.parametrize("args", [(), ("-n", "1")], ids=["plain", "xdist"])
def test_kill_leaves_nothing_running_and_no_pass(args: tuple[str, ...], checkout: Checkout) -> None:
    checkout.write({"test_it.py": GOOD})
    assert checkout.test().status == 0
    process = start_sleeping(checkout, *args)
    process.kill()
    process.communicate(timeout=10)
    assert_nothing_left(checkout)
    assert verdict(checkout)["verdict"] == "unknown"
    assert verdict(checkout)["reason"] == "did not finish"
    checkout.write({"test_it.py": GOOD})
    assert checkout.test().status == 0


def test_ctrl_c_on_a_terminal(checkout: Checkout) -> None:
    """On a terminal both processes hear it; the tests' own summary is shown once."""
    main, other = pty.openpty()
    process = start_sleeping(
        checkout, stdin=other, preexec_fn=lambda: _take_terminal(other), start_new_session=False
    )
    os.write(main, b"\x03")
    output, _ = process.communicate(timeout=40)
    os.close(main)
    os.close(other)
    assert process.returncode == 2, output
    assert verdict(checkout)["exit_status"] == 2
    assert_nothing_left(checkout)


def _take_terminal(descriptor: int) -> None:
    import fcntl
    import termios

    os.setsid()
    fcntl.ioctl(descriptor, termios.TIOCSCTTY, 0)


def test_a_debugger_talks_to_the_terminal(checkout: Checkout) -> None:
    checkout.write({"test_it.py": "def test_it():\n    answer = 6 * 7\n    assert answer == 0\n"})
    main, other = pty.openpty()
    process = subprocess.Popen(
        checkout.command("--devops-gates-stage", "test", "--pdb"),
        cwd=checkout.root,
        env=checkout.environment(),
        stdin=other,
        stdout=other,
        stderr=other,
        close_fds=True,
        preexec_fn=lambda: _take_terminal(other),
    )
    os.close(other)
    seen = b""
    while b"(Pdb)" not in seen:
        seen += os.read(main, 1000)
    os.write(main, b"p answer + 1000\nc\n")
    try:
        while chunk := os.read(main, 1000):
            seen += chunk
    except OSError:
        pass
    assert process.wait(timeout=30) == 1
    assert b"1042" in seen
    assert b"verdict:" in seen


def test_a_live_line_on_a_terminal_and_none_in_a_log(checkout: Checkout) -> None:
    slow = ROGUE.replace("CODE", repr("import time; time.sleep(1); print('[]')"))
    checkout.write({"plugins/rogue_gate.py": slow.replace("TIMEOUT", "30"), "mod.py": "x = 1\n"})
    arguments = ("--devops-gates-stage", "security", "-p", "rogue_gate")
    env = checkout.environment({"PYTHONPATH": str(checkout.root / "plugins"), "TERM": "xterm"})
    main, other = pty.openpty()
    process = subprocess.Popen(
        checkout.command(*arguments), cwd=checkout.root, env=env, stdout=other
    )
    os.close(other)
    seen = b""
    try:
        while chunk := os.read(main, 1000):
            seen += chunk
    except OSError:
        pass
    os.close(main)
    assert process.wait(timeout=30) == 0
    assert b"running: " in seen
    assert b"\x1b[32mPASS" in seen
    run = checkout.run(*arguments, env={"PYTHONPATH": str(checkout.root / "plugins")})
    assert "running: " not in run.stdout


def test_the_deadline_of_the_whole_run(checkout: Checkout) -> None:
    checkout.write(
        {
            "pyproject.toml": "[tool.devops-gates]\ndeadline = 3\n",
            "test_it.py": "import time\ndef test_sleeps(): time.sleep(60)\n",
        }
    )
    started = time.monotonic()
    run = checkout.test()
    assert time.monotonic() - started < 40
    assert (run.status, run.verdict["verdict"]) == (6, "unknown")
    assert "deadline" in run.verdict["reason"]


def test_the_timeout_of_the_tests(checkout: Checkout) -> None:
    checkout.write(
        {
            "pyproject.toml": "[tool.devops-gates.gates.tests]\ntimeout = 3\n",
            "test_it.py": "import time\ndef test_sleeps(): time.sleep(60)\n",
        }
    )
    run = checkout.test()
    assert run.status == 6
    assert "hung: no end after 3 seconds at test_it.py::test_sleeps" in run.reason("tests")


def test_file_size_limit_is_never_a_pass(checkout: Checkout) -> None:
    """A disk that fills up: the verdict is old or new, never half, and the status not 0."""
    checkout.write({"test_it.py": GOOD})

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (700, 700))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    env = checkout.environment()
    env.pop("COVERAGE_PROCESS_CONFIG", None)  # half a data file would spoil the measuring of us
    done = subprocess.run(
        checkout.command("--devops-gates-stage", "test", "-p", "no:cacheprovider"),
        cwd=checkout.root,
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        preexec_fn=limit,
    )
    assert done.returncode not in (0, 1), done
    assert not checkout.latest.exists() or verdict(checkout)["verdict"] == "unknown"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has it")
def test_output_to_a_full_device(checkout: Checkout) -> None:
    checkout.write({"mod.py": "x = 1\n"})
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            checkout.command("--devops-gates-stage", "develop"),
            cwd=checkout.root,
            env=checkout.environment(),
            stdout=full,
            stderr=subprocess.DEVNULL,
        )
    assert done.returncode == 0
    assert verdict(checkout)["verdict"] == "pass"


def test_closed_output(checkout: Checkout) -> None:
    checkout.write({"mod.py": "def f(): return nothing\n"})
    command = checkout.command("--devops-gates-stage", "develop")
    done = subprocess.run(
        ["sh", "-c", 'exec "$@" >&-', "sh", *command],
        cwd=checkout.root,
        env=checkout.environment(),
        stderr=subprocess.PIPE,
    )
    assert done.returncode == 1, done.stderr
    assert verdict(checkout)["verdict"] == "fail"


@pytest.mark.parametrize("module", ["def test_a(): pass\n", "def test_a(): assert 0\n"])
def test_all_standard_streams_closed(module: str, checkout: Checkout) -> None:
    command = checkout.write({"test_it.py": module}).command("--devops-gates-stage", "test")
    done = subprocess.run(
        ["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", *command],
        cwd=checkout.root,
        env=checkout.environment(),
    )
    assert done.returncode == ("assert" in module)
    assert verdict(checkout)["exit_status"] == done.returncode


def test_latest_that_is_a_real_folder_is_replaced(checkout: Checkout) -> None:
    """As from a cache that followed the link: an old pass must not stay in sight."""
    checkout.write({"mod.py": "x = 1\n"})
    assert checkout.run("--devops-gates-stage", "develop").status == 0
    latest = checkout.latest.parent
    copied = latest.resolve()
    latest.unlink()
    shutil.copytree(copied, latest)
    checkout.write({"mod.py": "x = nothing\n"})
    run = checkout.run("--devops-gates-stage", "develop")
    assert (run.status, run.verdict["verdict"]) == (1, "fail"), run


def test_a_report_folder_that_cannot_be_one(checkout: Checkout) -> None:
    checkout.write({"mod.py": "x = 1\n", "file": ""})
    for wrong in ("file", ".devops-gates/latest", ".devops-gates/runs/here"):
        run = checkout.run("--devops-gates-stage", "develop", "--devops-gates-report", wrong)
        assert (run.status, run.verdict["exit_status"]) == (4, 4), run


def test_a_checkout_that_cannot_be_written(checkout: Checkout) -> None:
    """A file in the place of the folder, since root may write anywhere."""
    checkout.write({"mod.py": "x = 1\n", ".devops-gates": "in the way"})
    wide = {"TMPDIR": str(checkout.root.parent), "COLUMNS": "1000"}  # however long that is
    run = checkout.run("--devops-gates-stage", "develop", env=wide)
    assert run.status == 0, run
    folder = next(checkout.root.parent.glob("devops-gates-*"))
    assert json.loads((folder / "verdict.json").read_text())["verdict"] == "pass"
    assert str(folder) in run.stdout


@pytest.mark.parametrize(
    "env",
    [
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "ascii"},
        {"TERM": "dumb"},
        {"NO_COLOR": "1"},
        {"COLUMNS": "20"},
        {"HOME": "/nonexistent"},
        {"PYTHONDONTWRITEBYTECODE": "1"},
    ],
    ids=lambda env: next(iter(env)),
)
def test_odd_environments(env: dict[str, str], checkout: Checkout) -> None:
    checkout.write({"test_it.py": GOOD, "mod.py": "x = 1\n"}).commit()
    run = checkout.run("--devops-gates-stage", "test", "--devops-gates-stage", "develop", env=env)
    assert run.status == 0, run
    assert "verdict: PASS" in run.stdout
    assert "\x1b" not in run.stdout


@pytest.mark.parametrize(
    ("name", "lint"),
    [
        ("with space", "fail"),
        ("new\nline", "fail"),
        (b"caf\xe9".decode("utf-8", "surrogateescape"), "unknown"),  # ruff refuses such a name
    ],
)
def test_odd_paths(name: str, lint: str, tmp_path: Path) -> None:
    root = tmp_path / name
    root.mkdir()
    checkout = Checkout(root).write({"test_it.py": GOOD, "mod.py": "x = nothing\n"}).commit()
    (root / name).write_text("x")
    run = checkout.run("--devops-gates-stage", "test", "--devops-gates-stage", "develop")
    assert (run.outcome("tests"), run.outcome("lint")) == ("pass", lint), run


def test_without_git(checkout: Checkout, tmp_path: Path) -> None:
    checkout.write({"test_it.py": GOOD, "mod.py": "x = 1\n"}).commit()
    empty = tmp_path / "bin"
    empty.mkdir()
    run = checkout.run(
        "--devops-gates-stage", "test", "--devops-gates-stage", "security", env={"PATH": str(empty)}
    )
    assert run.status == 0, run
    assert run.verdict["commit"] is None


def test_eight_runs_at_once(checkout: Checkout) -> None:
    checkout.write({"test_it.py": GOOD, "mod.py": "x = 1\n"})
    stages = ("--devops-gates-stage", "test", "--devops-gates-stage", "develop")
    runs = [
        subprocess.Popen(
            checkout.command(*stages, "-p", "no:cacheprovider"),
            cwd=checkout.root,
            env=checkout.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        for _ in range(8)
    ]
    said = [run.communicate(timeout=120)[0] for run in runs]
    assert [run.returncode for run in runs] == [0] * 8, said
    verdicts = sorted((checkout.root / ".devops-gates" / "runs").glob("*/verdict.json"))
    assert [json.loads(p.read_text())["verdict"] for p in verdicts] == ["pass"] * 8
    assert verdict(checkout)["verdict"] == "pass"


def test_old_runs_are_removed(checkout: Checkout) -> None:
    checkout.write({"mod.py": "x = 1\n"})
    checkout.run("--devops-gates-stage", "develop")
    runs = checkout.root / ".devops-gates" / "runs"
    first = next(runs.iterdir())
    for n in range(30):
        shutil.copytree(first, runs / f"20000101T0000{n:02}Z-000000")
    checkout.run("--devops-gates-stage", "develop")
    assert len(list(runs.iterdir())) == 20
    assert first.is_dir()


def test_the_report_folder_gets_the_files(checkout: Checkout, tmp_path: Path) -> None:
    checkout.write({"mod.py": "x = 1\n"})
    target = tmp_path / "artefacts" / "here"
    run = checkout.run("--devops-gates-stage", "develop", "--devops-gates-report", str(target))
    assert run.status == 0
    assert json.loads((target / "verdict.json").read_text()) == run.verdict
    assert (target / "logs" / "lint" / "tool.stdout").is_file()


def test_no_path_of_the_interpreter_is_needed() -> None:
    """The reaper must start where nothing is on PATH."""
    code = "from pytest_devops_gates.reaper import Reaper\nwith Reaper() as r: r.watch_process(99999999)"
    assert subprocess.run([sys.executable, "-c", code], env={}).returncode == 0
