"""``devops-gates waivers``, in real runs of the real tools."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Checkout, Ended

pytestmark = pytest.mark.slow

SOURCE = "import subprocess\n\n\ndef run(command):\n    subprocess.call(command, shell=True)\n"
FILE = "devops-gates/waivers.toml"


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with findings of bandit, after one run."""
    root = tmp_path_factory.mktemp("waivers") / "project"
    root.mkdir()
    project = Checkout(root)
    project.write({"pyproject.toml": "", "src/app/__init__.py": SOURCE}).commit()
    run = project.run("--devops-gates-stage", "security")
    assert run.outcome("bandit") == "fail", run
    return root


@pytest.fixture
def project(judged: Path, tmp_path: Path) -> Checkout:
    """The same, in a folder that a test may change."""
    root = tmp_path / "project"
    shutil.copytree(judged, root, symlinks=True)
    return Checkout(root)


def waivers(project: Checkout, *args: str, **options: Any) -> Ended:
    return project.run(
        command=[sys.executable, "-m", "pytest_devops_gates", "waivers", *args], **options
    )


def fingerprint(project: Checkout) -> str:
    found = json.loads(project.latest.read_text())["findings"]
    return str(next(f["fingerprint"] for f in found if f["rule"] == "B602"))


def test_a_waiver_is_added_and_listed(project: Checkout) -> None:
    run = waivers(project)
    assert (run.status, run.stdout) == (0, f"there is no {FILE}: nothing is waived\n")
    one = fingerprint(project)
    wanted = ("--reason", '"quoted"\n##[error]x', "--owner", "Ada", "--days", "7")
    # from another folder, and with the root before the word add
    run = waivers(project, "--rootdir", str(project.root), "add", one[:8], *wanted,
                  cwd=project.root / "src")  # fmt: skip
    assert run.status == 0, run
    assert f"bandit-b602-{one[:4]} in {FILE} holds back {one[:12]} bandit/B602" in run.stdout
    before = (project.root / FILE).read_bytes()
    assert f'fingerprint = "{one}"'.encode() in before

    run = waivers(project, env={"COLUMNS": "80"})
    assert run.status == 0, run
    assert f"bandit-b602-{one[:4]}           -  20" in run.stdout
    assert '"quoted"\\n#\\#[error]x' in run.stdout
    assert "##[" not in run.stdout
    assert max(map(len, run.stdout.splitlines())) <= 80

    run = waivers(project, "add", one, *wanted)
    assert run.status == 4
    assert "is waived already, by 'bandit-b602-" in run.stderr
    assert (project.root / FILE).read_bytes() == before


def test_a_bad_waiver_is_told(project: Checkout) -> None:
    wanted = ("--reason", "r", "--owner", "o")
    assert waivers(project, "add", "bandit/B602", *wanted).status == 0
    path = project.root / FILE
    sound = path.read_text()
    path.write_text(sound + '\n[[waiver]]\nid = "x"\ngate = "bandi"\n')
    run = waivers(project)
    assert run.status == 1
    bad = [line for line in run.stdout.splitlines() if line.startswith("BAD: ")]
    line = sound.count("\n") + 2
    assert (
        f"BAD: {FILE}:{line}: waiver-without-owner: the waiver 'x': it has no owner: add one" in bad
    )
    assert any("waiver-unknown-gate" in told and "did you mean 'bandit'?" in told for told in bad)
    assert "bandit-b602-" in run.stdout

    path.write_text("[[waivers]]\n")
    run = waivers(project)
    assert (run.status, run.stdout) == (4, "")
    assert run.stderr == f"devops-gates: {FILE}:1: unknown key 'waivers' (did you mean 'waiver'?)\n"


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (("add", "bandit/B602", "--owner", "o"), "--reason"),
        (("add", "bandit/B602", "--owner", "o", "--reason", " "), "--reason says nothing"),
        (
            ("add", "bandit/B602", "--owner", "o", "--reason", "r", "--days", "91"),
            "--days: '91' is no whole number from 1 to 90",
        ),
        (("add", "bandit/B602", "--owner", "o", "--reason", "r", "--days", "x"), "--days"),
        (("add", "bandit/B999", "--owner", "o", "--reason", "r"), "no finding 'bandit/B999'"),
        (("ad",), "invalid choice"),
    ],
)
def test_what_is_asked_for_in_vain(project: Checkout, args: tuple[str, ...], told: str) -> None:
    run = waivers(project, *args)
    assert run.status == 4, run
    assert told in run.stderr
    assert not (project.root / "devops-gates").exists()


def test_before_the_first_run(checkout: Checkout) -> None:
    checkout.write({"pyproject.toml": "", FILE: ""})
    run = waivers(checkout)
    assert run.status == 0, run
    assert run.stdout.startswith("no run yet")
    run = waivers(checkout, "add", "0123abcd", "--reason", "r", "--owner", "o")
    assert run.status == 6
    assert "there is no run in" in run.stderr
