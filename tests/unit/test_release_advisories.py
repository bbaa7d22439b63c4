"""``devops-gates release advisories``: where it writes, and what it says."""

from __future__ import annotations

import argparse
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_devops_gates.advisories import refresh
from pytest_devops_gates.advisories.store import Manifest
from pytest_devops_gates.cli import release_advisories
from pytest_devops_gates.errors import UsageError
from pytest_devops_gates.testing import write

OPTIONS = "[tool.devops-gates.gates.vulnerabilities.options]\nadvisories = {}\n"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs the command in a project without pytest's door; returns the file and the address."""
    asked: list[tuple[str, str]] = []

    def fetch(url: str, target: Path) -> Manifest:
        asked.append((target.relative_to(tmp_path).as_posix(), url))
        return Manifest(url, "", "2026-01-02T03:04:05Z", 12_345, "")

    def door(errand: Any, arguments: argparse.Namespace) -> int:
        where = SimpleNamespace(rootpath=tmp_path, invocation_params=SimpleNamespace(dir=tmp_path))
        return int(errand(where, arguments))

    monkeypatch.setattr(refresh, "refresh", fetch)
    monkeypatch.setattr(release_advisories, "through_pytest", door)

    def start(*typed: str) -> tuple[str, str]:
        parser = argparse.ArgumentParser()
        release_advisories.add_parser(parser.add_subparsers())
        arguments = parser.parse_args(["advisories", *typed])
        assert arguments.run(arguments) == 0
        return asked.pop()

    return start


@pytest.mark.parametrize(
    ("option", "typed", "file"),
    [
        ('"osv"', [], "osv/PyPI.zip"),
        ('"osv/all.zip"', [], "osv/all.zip"),
        ('"osv"', ["--to", "other"], "other/PyPI.zip"),
    ],
)
def test_it_writes_where_the_gate_reads(
    run: Any, tmp_path: Path, option: str, typed: list[str], file: str,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    write(tmp_path, {"pyproject.toml": OPTIONS.format(option)})
    assert run(*typed) == (file, refresh.URL)
    assert "12,345 advisories, the newest of 2026-01-02" in capsys.readouterr().out
    assert run(*typed, "--url", "http://x")[1] == "http://x"


def test_it_asks_where_nothing_says_it(run: Any) -> None:
    with pytest.raises(UsageError, match="--to DIR"):
        run()
