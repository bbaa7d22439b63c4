"""``devops-gates init`` on real projects: what it writes, and what it leaves alone."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import Checkout, Ended

pytestmark = pytest.mark.slow

WORKFLOW = ".github/workflows/devops-gates.yml"
FILES = ("pyproject.toml", WORKFLOW, ".pre-commit-config.yaml")
SETTINGS = b"""\
[tool.ruff]
line-length = 99  # wide
[tool.pytest.ini_options]
pythonpath = ["."]
testpaths = ["tests"]"""
OWED = "def old():\n    return undefined_name\n"
INIT = [sys.executable, "-m", "pytest_devops_gates", "init"]


def init(checkout: Checkout, *args: str, cwd: Path | None = None) -> Ended:
    return checkout.run(command=[*INIT, *args], cwd=cwd)


def state(checkout: Checkout) -> dict[str, bytes]:
    """Every file that git could commit."""
    names = checkout.git("ls-files", "-co", "--exclude-standard").splitlines()
    return {name: (checkout.root / name).read_bytes() for name in names}


@pytest.fixture
def project(checkout: Checkout) -> Checkout:
    checkout.write(
        {
            "pyproject.toml": SETTINGS.replace(b"\n", b"\r\n"),
            "app/__init__.py": "",
            "app/a.py": "def one():\n    return 1\n",
            "tests/test_a.py": "from app.a import one\ndef test_one(): assert one() == 1\n",
            ".github/CODEOWNERS": "* @a\n",
        }
    ).commit()
    checkout.git("branch", "-M", "main")
    return checkout


def test_a_rehearsal_writes_nothing(project: Checkout) -> None:
    before = state(project)
    run = init(project, "--dry-run", "--yes")
    assert run.status == 0, run
    assert state(project) == before
    assert not (project.root / ".devops-gates").exists()
    for name in FILES:
        assert f"+++ b/{name}" in run.stdout
    assert "devops-gates/baseline.json" in run.stdout


def test_what_is_written_is_understood_and_written_once(project: Checkout) -> None:
    old = state(project)
    run = init(project, "--no-baseline")
    assert run.status == 0, run
    new = state(project)
    assert set(new) - set(old) == set(FILES[1:])
    assert new["pyproject.toml"].startswith(old["pyproject.toml"] + b"\r\n\r\n[tool.devops-gates]")
    assert {n: new[n] for n in old if n not in FILES} == {n: old[n] for n in old if n not in FILES}
    command = [sys.executable, "-m", "pytest_devops_gates", "gates"]
    assert project.run(command=command).status == 0
    again = init(project, "--no-baseline")
    assert (again.status, again.stdout.splitlines()[-1]) == (0, "nothing to do")
    assert state(project) == new


def test_nothing_is_overwritten_without_being_asked(project: Checkout) -> None:
    project.write({WORKFLOW: "name: mine\n"})
    run = init(project, "--no-baseline")
    assert run.status == 4
    assert run.stderr.count("\n") == 1
    assert WORKFLOW in run.stderr
    assert state(project)[WORKFLOW] == b"name: mine\n"
    assert b"devops-gates" in state(project)["pyproject.toml"]
    assert init(project, "--no-baseline", "--yes").status == 0
    assert b"--devops-gates" in state(project)[WORKFLOW]


@pytest.mark.parametrize(("answer", "kept"), [(b"n\n", True), (b"\n", True), (b"y\n", False)])
def test_the_answer_on_a_terminal_decides(project: Checkout, answer: bytes, kept: bool) -> None:
    project.write({WORKFLOW: "name: mine\n"})
    ours, theirs = pty.openpty()
    started = subprocess.Popen(
        [*INIT, "--no-baseline"],
        cwd=project.root,
        env=project.environment(),
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    os.close(theirs)
    os.write(ours, answer)
    said, _ = started.communicate(timeout=60)
    os.close(ours)
    assert started.returncode == 0, said
    assert f"overwrite {WORKFLOW}? [y/N]".encode() in said
    assert (state(project)[WORKFLOW] == b"name: mine\n") is kept


@pytest.mark.parametrize("case", ["link", "folder", "toml", "table", "root"])
def test_where_one_file_cannot_be_had_none_is_written(
    project: Checkout, case: str, tmp_path: Path
) -> None:
    cwd = None
    if case == "link":
        (project.root / ".pre-commit-config.yaml").symlink_to(tmp_path / "out.yaml")
    elif case == "folder":
        (project.root / ".github" / "workflows").symlink_to(tmp_path)
    elif case == "toml":
        project.write({"pyproject.toml": "[tool.ruff]\ntext = 'a\n"})
    elif case == "table":
        project.write({"pyproject.toml": "[tool.devops-gates]\nbaes = 'x'\n"})
    else:
        cwd = project.root / "app"
        project.write({"app/pytest.ini": "[pytest]\n"})
    before = project.git("status", "--porcelain", "-uall")
    run = init(project, "--yes", "--no-baseline", cwd=cwd)
    assert run.status == 4, run
    assert project.git("status", "--porcelain", "-uall") == before
    assert not (tmp_path / "out.yaml").exists()
    assert not (tmp_path / "devops-gates.yml").exists()


def test_afterwards_the_project_passes_and_the_next_problem_fails(project: Checkout) -> None:
    project.write({"app/old.py": OWED})
    project.git("add", "-A")
    project.git("commit", "-q", "-m", "Debt")
    project.git("switch", "-q", "-c", "change")
    run = init(project, "--yes")
    assert run.status == 0, run
    held = json.loads((project.root / "devops-gates/baseline.json").read_text())
    owed = [entry["rule"] for entry in held["findings"] if entry and entry["gate"] == "lint"]
    assert owed == ["F821"]
    first = project.run()
    assert first.status == 0, first
    assert first.gate("lint")["findings"]["known"] == 1
    assert any(c["metric"] == "line" and c["holds"] for c in first.gate("coverage")["conditions"])
    project.write({"app/new.py": OWED})
    second = project.run()
    assert second.status == 1, second
    assert second.outcome("lint") == "fail"
    assert second.gate("lint")["findings"]["new"] == 1


def test_coverage_that_cannot_be_measured_is_not_asked_for(project: Checkout) -> None:
    settings = '\r\n[tool.coverage.run]\r\nsource = ["not_there"]\r\n'
    with (project.root / "pyproject.toml").open("ab") as stream:
        stream.write(settings.encode())
    run = init(project, "--yes", "--no-hooks", "--ci", "none")
    table = state(project)["pyproject.toml"].decode()
    assert "# [tool.devops-gates.gates.coverage]" in table
    assert run.stdout.count("its condition is a comment") == 1
    assert project.run().status == 0
