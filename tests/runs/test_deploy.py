"""``devops-gates release deploy`` as it is typed, on a real run of the profile release."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from pytest_devops_gates.builtin import GATES
from pytest_devops_gates.release import keys
from tests.conftest import Checkout, Ended

pytestmark = pytest.mark.slow

KEPT = ("package", "tests", "freeze", "approval", "policy", "incidents")
OFF = ", ".join(f'{gate.name} = "off"' for gate in GATES if gate.name not in KEPT)
PYPROJECT = f"""
[build-system]
requires = ["flit_core>=3.11"]
build-backend = "flit_core.buildapi"

[project]
name = "sound"
version = "1.0"
description = "Sound"
readme = "README.md"

[tool.devops-gates.profiles.release]
levels = {{ {OFF}, alive = "off" }}

[tool.devops-gates.profiles.operate]
stages = ["operate"]

[[tool.devops-gates.command]]
name = "alive"
stage = "operate"
run = ["{sys.executable}", "health.py"]

[tool.devops-gates.environments.production]
key = "release.key.pub"
roll-back = ["{sys.executable}", "back.py"]
wait = 5

[tool.devops-gates.environments.staging]
approval = "automatic"
freeze = false
interval = 0.1
wait = 20
"""
FILES = {
    "pyproject.toml": PYPROJECT,
    "README.md": "# Sound\n",
    "src/sound/__init__.py": '"""Sound."""\n',
    "tests/test_sound.py": "def test_sound(): pass\n",
    "health.py": "import os, sys; sys.exit(not os.path.exists('.devops-gates/up'))\n",
    "back.py": "open('.devops-gates/back', 'w')\n",
    ".gitignore": ".devops-gates/\n__pycache__/\n.pytest_cache/\n*.key\n.coverage*\n",
}
DEPLOY = (sys.executable, "-m", "pytest_devops_gates", "release", "deploy", "--to")
PYTHON = ("--", sys.executable, "-c")


@pytest.fixture(scope="module")
def passed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a run that passed and is signed; its commit is approved after it."""
    checkout = Checkout(tmp_path_factory.mktemp("deploy") / "sound")
    checkout.root.mkdir()
    keys.make(checkout.root / "release.key")
    checkout.write(FILES).commit()
    key = {keys.VARIABLE: str(checkout.root / "release.key")}
    run = checkout.run("--devops-gates-profile", "release", env=key, timeout=300)
    assert run.status == 0, run.stdout
    told = [sys.executable, "-m", "pytest_devops_gates", "release", "approve", "--who",
            "B <b@example.org>"]  # fmt: skip
    assert checkout.run(command=told).status == 0
    checkout.git("add", "-A")
    checkout.git("commit", "-qm", "Approve")
    return checkout.root


@pytest.fixture
def sound(passed: Path, tmp_path: Path) -> Checkout:
    return Checkout(Path(shutil.copytree(passed, tmp_path / "sound", symlinks=True)))


def deploy(sound: Checkout, *args: str, **options: Any) -> Ended:
    return sound.run(command=[*DEPLOY, *args], **options)


def records(sound: Checkout) -> list[dict[str, Any]]:
    path = sound.root / ".devops-gates" / "deployments.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.is_file() else []


def test_what_passed_and_is_approved_is_rolled_out(sound: Checkout) -> None:
    code = "import json, os, sys; json.dump([sys.argv[1:], dict(os.environ)], open('told', 'w'))"
    env = {keys.VARIABLE: "nobody's business", "PYTEST_ADDOPTS": "-q", "APP_TOKEN": "abc"}
    run = deploy(sound, "production", *PYTHON, code, "{artefacts}", env=env, cwd=sound.root / "src")
    assert run.status == 0, run
    assert "approval: approved by B <b@example.org>" in run.stdout
    assert "deployed to production: 1.0 of " in run.stdout
    files, told = json.loads((sound.root / "src" / "told").read_text())
    assert [Path(file).name for file in files] == [
        "sound-1.0-py2.py3-none-any.whl",
        "sound-1.0.tar.gz",
    ]
    assert keys.VARIABLE not in told
    assert "PYTEST_VERSION" not in told
    assert (told["PYTEST_ADDOPTS"], told["APP_TOKEN"]) == ("-q", "abc")
    assert [told[f"DEVOPS_GATES_{key}"] for key in ("ENVIRONMENT", "VERSION")] == [
        "production",
        "1.0",
    ]
    begun, ended = records(sound)
    assert (begun["outcome"], ended["outcome"]) == ("started", "deployed")
    assert begun["id"] == ended["id"]


def test_nothing_begins_without_permission(sound: Checkout) -> None:
    sound.write({"src/sound/__init__.py": '"""Sounder."""\n'}).commit()
    wheel = next((sound.latest.parent / "dist").glob("*.whl"))
    wheel.write_bytes(wheel.read_bytes()[:-1] + b"!")
    run = deploy(sound, "production", *PYTHON, "open('begun', 'w')")
    assert run.status == 1, run
    assert run.stdout.splitlines()[-1] == (
        "NOT deployed to production: commit, artefacts, dist, approval"
    )
    assert not (sound.root / "begun").exists()
    assert records(sound) == []


WRONG = {
    "an unknown environment": (["stagging", "--", "true"], "(did you mean 'staging'?)"),
    "no command": (["staging"], "names no command"),
    "an empty one": (["staging", "--", ""], "names no command"),
    "a run that there is not": (["staging", "--run", "./none", "--", "true"], "no such folder"),
    "a file that there is not": (["staging", "--artifact", "x.whl", "--", "true"], "No such file"),
    "a wheel of somebody": (["staging", "--", "twine", "upload", "other.whl"], "say {artefacts}"),
}


@pytest.mark.parametrize(("args", "told"), WRONG.values(), ids=WRONG)
def test_what_is_asked_wrongly(args: list[str], told: str, sound: Checkout) -> None:
    sound.write({"other.whl": "x"})
    run = deploy(sound, *args)
    assert (run.status, told in run.stderr) == (4, True), run
    assert records(sound) == []


def test_what_does_not_operate_is_rolled_back(sound: Checkout) -> None:
    run = deploy(sound, "production", "--then", *PYTHON, "print('rolled out')")
    assert run.status == 1, run
    assert "NOT deployed to production, rejected: the gates of operation were not" in run.stdout
    assert "fail: alive: exit-code 1" in run.stdout
    assert (sound.root / ".devops-gates" / "back").exists()
    assert records(sound)[-1]["outcome"] == "rejected"
    assert deploy(sound, "staging", *PYTHON, "raise SystemExit(1)").status == 1
    again = deploy(sound, "staging", "--then", *PYTHON, "open('.devops-gates/up', 'w')")
    assert again.status == 0, again
    assert "approval: automatic" in again.stdout


INCIDENT = """
[[incident]]
id = "I-1"
title = "Nothing sounds"
severity = "high"
started = 2026-01-02T10:00:00Z
"""


def test_an_incident_since_the_run_holds_a_roll_out_and_no_roll_back(sound: Checkout) -> None:
    goes_wrong = (
        f"open('devops-gates/incidents.toml', 'w').write({INCIDENT!r}); raise SystemExit(1)"
    )
    run = deploy(sound, "production", *PYTHON, goes_wrong)
    assert run.status == 1, run
    assert "rolled back in " in run.stdout, run
    assert (sound.root / ".devops-gates" / "back").exists()
    run = deploy(sound, "production", *PYTHON, "open('begun', 'w')")
    assert run.status == 1, run
    assert run.stdout.splitlines()[-1] == "NOT deployed to production: incidents"
    assert "FAILED       incidents: open 1, needs == 0: I-1: Nothing sounds" in run.stdout
    assert not (sound.root / "begun").exists()


def begun(sound: Checkout, *args: str) -> subprocess.Popen[str]:
    """A roll-out at work, in a session of its own."""
    code = "import os, time; open('pid', 'w').write(str(os.getpid())); time.sleep(60)"
    process = subprocess.Popen(
        [*DEPLOY, "production", *args, *PYTHON, code],
        cwd=sound.root, env=sound.environment(), text=True, start_new_session=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    ends = time.monotonic() + 60
    while not (sound.root / "pid").exists() and time.monotonic() < ends:
        time.sleep(0.05)
    return process


def test_a_second_one_waits_for_nothing_and_ctrl_c_rolls_back(sound: Checkout) -> None:
    process = begun(sound)
    second = deploy(sound, "production", *PYTHON, "open('second', 'w')")
    assert second.status == 1, second
    assert f"(process {process.pid}) since {datetime.now(timezone.utc):%Y-%m-}" in second.stdout
    assert not (sound.root / "second").exists()
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=60)[0]
    assert process.returncode == 1, said
    assert "was stopped by SIGINT" in said
    assert "rolled back in" in said
    assert (sound.root / ".devops-gates" / "back").exists()
    assert records(sound)[-1]["outcome"] == "failed"


def test_one_that_was_killed_is_told_by_the_next(sound: Checkout) -> None:
    process = begun(sound)
    process.kill()
    os.kill(int((sound.root / "pid").read_text()), signal.SIGKILL)  # it would go on
    process.communicate(timeout=20)
    assert [one["outcome"] for one in records(sound)] == ["started"]
    run = deploy(sound, "production", *PYTHON, "")
    assert run.status == 0, run
    assert f"nobody saw the end of {records(sound)[0]['id']}" in run.stderr
    assert "nobody saw" not in deploy(sound, "production", *PYTHON, "").stderr
