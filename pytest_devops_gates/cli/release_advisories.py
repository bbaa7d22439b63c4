"""``devops-gates release advisories``: fetch OSV's advisories for the gate ``vulnerabilities``."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from pytest_devops_gates import config
from pytest_devops_gates.advisories import refresh
from pytest_devops_gates.cli.door import takes_rootdir, through_pytest
from pytest_devops_gates.config import GateTable
from pytest_devops_gates.errors import UsageError
from pytest_devops_gates.neutral import neutral
from pytest_devops_gates.screen import say
from pytest_devops_gates.verdict import EXIT_PASS

GATE = "vulnerabilities"


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "advisories", help="fetch what is known of vulnerable packages, for work without a network"
    )
    parser.add_argument(
        "--to",
        metavar="DIR",
        help="the folder to write to (default: the option advisories of the gate vulnerabilities)",
    )
    parser.add_argument(
        "--url", metavar="URL", default=refresh.URL, help=f"the archive (default: {refresh.URL})"
    )
    takes_rootdir(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    def errand(pytest_config: pytest.Config, options: argparse.Namespace) -> int:
        folder = Path(pytest_config.invocation_params.dir)
        target = _target(Path(pytest_config.rootpath), folder, arguments.to)
        manifest = refresh.refresh(arguments.url, target)
        count, day = f"{manifest.records:,} advisories", manifest.modified[:10]
        say(neutral(f"{target}: {count}, the newest of {day}, from {manifest.source}"))
        return EXIT_PASS

    return through_pytest(errand, arguments)


def _target(root: Path, folder: Path, asked: str | None) -> Path:
    """The file to write. Raises UsageError where nothing says where it belongs."""
    if asked:
        return folder / asked / refresh.FILE
    table = config.read_table(config.read_pyproject(root))
    told = table.gates.get(GATE, GateTable()).options.get("advisories")
    if not isinstance(told, str) or not told.strip():
        where = f"[tool.devops-gates.gates.{GATE}.options] names no advisories"
        raise UsageError(f"release advisories: {where} · --to DIR")
    place = root / told
    return place if place.suffix == ".zip" else place / refresh.FILE
