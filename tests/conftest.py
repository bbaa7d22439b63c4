"""Runs of the real plugin, in processes of their own, on small projects made for the purpose."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

PLUGINS_OFF = ("-p", "no:randomly", "-p", "no:asyncio", "-p", "no:hypothesispytest")
ONLY_TESTS = ("--devops-gates-stage", "test")


@dataclass(frozen=True)
class Ended:
    """How a run ended: exit status, what it printed, and its verdict."""

    status: int
    stdout: str
    stderr: str
    verdict: dict[str, Any] = field(repr=False)

    def gate(self, name: str) -> dict[str, Any]:
        return next(gate for gate in self.verdict["gates"] if gate["name"] == name)

    def outcome(self, name: str) -> str:
        return str(self.gate(name)["outcome"])

    def reason(self, name: str) -> str:
        return str(self.gate(name)["reason"])

    @property
    def all_said(self) -> str:
        """Every reason and note of the verdict."""
        gates = self.verdict["gates"]
        notes = [note for gate in gates for note in gate["notes"]]
        return "\n".join([self.verdict["reason"], *(gate["reason"] for gate in gates), *notes])


class Checkout:
    """A project in a folder of its own."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def write(self, files: Mapping[str, str | bytes]) -> Checkout:
        for name, content in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, bytes):
                path.write_bytes(content)
            else:
                path.write_text(dedent(content), encoding="utf-8")
        return self

    def git(self, *args: str) -> str:
        identity = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
        done = subprocess.run(
            ["git", *identity, *args], cwd=self.root, check=True, capture_output=True, text=True
        )
        return done.stdout

    def commit(self) -> Checkout:
        self.git("init", "-q", ".")
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "All")
        return self

    @property
    def latest(self) -> Path:
        return self.root / ".devops-gates" / "latest" / "verdict.json"

    def command(self, *args: str, door: Sequence[str] = ("-m", "pytest")) -> list[str]:
        return [sys.executable, *door, *PLUGINS_OFF, "--devops-gates", *args]

    def environment(self, extra: Mapping[str, str] | None = None) -> dict[str, str]:
        dropped = ("PYTEST_", "COVERAGE_", "GITHUB_", "CI")
        env = {k: v for k, v in os.environ.items() if not k.startswith(dropped)}
        env.pop("PYTHONDONTWRITEBYTECODE", None)  # or each run would compile everything again
        return {**env, "COLUMNS": "120", **(extra or {})}

    def run(
        self,
        *args: str,
        env: Mapping[str, str] | None = None,
        door: Sequence[str] = ("-m", "pytest"),
        timeout: float = 120,
        command: Sequence[str] | None = None,
        cwd: Path | None = None,
    ) -> Ended:
        done = subprocess.run(
            command or self.command(*args, door=door),
            cwd=cwd or self.root,
            env=self.environment(env),
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=timeout,
            text=True,
            errors="backslashreplace",
        )
        verdict = json.loads(self.latest.read_text()) if self.latest.is_file() else {}
        return Ended(done.returncode, done.stdout, done.stderr, verdict)

    def test(self, *args: str, **options: Any) -> Ended:
        """A run of the stage test alone: a second, not ten."""
        return self.run(*ONLY_TESTS, *args, **options)


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    root = tmp_path / "project"
    root.mkdir()
    return Checkout(root)
