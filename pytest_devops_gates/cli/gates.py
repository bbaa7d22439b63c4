"""``devops-gates gates``: what would run here, and why each gate is on, off or not applicable."""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Iterable

import msgspec
import pytest

from pytest_devops_gates.cli.door import takes_rootdir, through_pytest
from pytest_devops_gates.neutral import neutral
from pytest_devops_gates.outlook import Outlook, Prospect, outlook
from pytest_devops_gates.request import of_options
from pytest_devops_gates.screen import say
from pytest_devops_gates.stage import Stage


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "gates", help="list the gates: what would run here, and why the others would not"
    )
    parser.add_argument("--profile", metavar="NAME", help="as in this profile")
    takes_rootdir(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    def errand(config: pytest.Config, options: argparse.Namespace) -> int:
        asked = msgspec.structs.replace(of_options(config, options), profile=arguments.profile)
        with outlook(config, options, asked) as seen:
            say("\n".join(render(seen, shutil.get_terminal_size().columns)))
        return 0

    return through_pytest(errand, arguments)


def render(seen: Outlook, width: int) -> Iterable[str]:
    """One line a gate, by stage: its level, its state, and its conditions or the reason."""
    yield f"profile {seen.plan.profile}, in {neutral(str(seen.project.root))}"
    longest = max(len(p.gate.name) for p in seen.prospects)
    for stage in Stage:
        label = stage.value
        for prospect in (p for p in seen.prospects if p.gate.stage == stage):
            line = f"{label:<9} {prospect.gate.name:<{longest}}  {_state(prospect)}"
            yield line if len(line) <= width or width < 60 else line[: width - 1] + "…"
            label = ""


def _state(prospect: Prospect) -> str:
    if prospect.state != "on":
        reason = f": {neutral(prospect.reason)}"
        return f"{prospect.state:<8}  {reason.removeprefix(': ')}"
    conditions = ", ".join(str(condition) for condition in prospect.settings.conditions)
    return f"{prospect.settings.level:<8}  {conditions or 'no condition: shows its numbers only'}"
