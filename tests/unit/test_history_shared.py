"""``devops-gates history sync``, ``export`` and ``import``: what is typed, and what is said."""

from __future__ import annotations

import argparse
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from pytest_devops_gates import deployments
from pytest_devops_gates.cli import door, history_export, history_import, history_sync
from pytest_devops_gates.history.store import open_store
from pytest_devops_gates.outside import HistoryTable
from tests.unit.history_samples import deployment, run

Command = Callable[..., tuple[int, str, str]]
MODULES = (history_sync, history_export, history_import)


@pytest.fixture
def command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    """Runs a command in a project that has recorded a run, without another pytest around it."""
    monkeypatch.delenv("DEVOPS_GATES_HISTORY_URL", raising=False)
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "tea-shop"\n')
    with open_store(tmp_path, HistoryTable(), {}) as store:
        store.record(run(1))
    deployments.record(tmp_path, deployment(1))
    config = SimpleNamespace(rootpath=tmp_path, invocation_params=SimpleNamespace(dir=tmp_path))
    for module in MODULES:
        monkeypatch.setattr(
            module,
            "through_pytest",
            lambda errand, _: door._told(errand)(config, argparse.Namespace()),
        )
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers()
    for module in MODULES:
        module.add_parser(commands)

    def typed(*words: str) -> tuple[int, str, str]:
        arguments = parser.parse_args(words)
        return (arguments.run(arguments), *capsys.readouterr())

    return typed


def test_export_and_import(command: Command, tmp_path: Path) -> None:
    status, out, _ = command("export", "h.jsonl.gz")
    assert (status, out) == (0, f"2 records of tea-shop in {tmp_path}/h.jsonl.gz\n")
    (tmp_path / "bad.jsonl").write_text("\n{}\n")
    status, out, err = command("import", "h.jsonl.gz", "bad.jsonl")
    assert status == 1
    assert out == "h.jsonl.gz: 0 new, 2 known, 0 bad\nbad.jsonl: 0 new, 0 known, 1 bad\n"
    assert "bad.jsonl:2: left out: Object missing required field `schema`" in err
    assert command("import", "h.jsonl.gz")[0] == 0
    assert command("import", "nothing")[0] == 4
    assert command("export", "nowhere/h.jsonl")[0] == 4
    (tmp_path / "cut.gz").write_bytes((tmp_path / "h.jsonl.gz").read_bytes()[:-9])
    assert command("import", "cut.gz")[0] == 6


def test_sync(command: Command, tmp_path: Path) -> None:
    status, out, err = command("sync")
    assert (status, out) == (6, "")
    assert err.count("\n") == 1
    subprocess.run(["git", "init", "-q", "--bare", "origin.git"], cwd=tmp_path, check=True)
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    assert "there is no remote 'origin' · git remote add origin URL" in command("sync")[2]
    subprocess.run(["git", "remote", "add", "up", "origin.git"], cwd=tmp_path, check=True)
    status, out, err = command("sync", "--remote", "up")
    assert (status, err) == (0, "")
    assert out == "0 new records came from up, 3 files went there (refs/devops-gates/history)\n"
