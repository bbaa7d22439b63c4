"""What ``devops-gates explain GATE`` tells: what it checks, its conditions and where each came
from, its last ruling, and how to run its tool by hand."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path

import pytest

from pytest_devops_gates.archive import load
from pytest_devops_gates.errors import UsageError
from pytest_devops_gates.neutral import neutral
from pytest_devops_gates.outlook import Prospect, outlook
from pytest_devops_gates.request import of_options
from pytest_devops_gates.runs import FOLDER, find
from pytest_devops_gates.screen import say
from pytest_devops_gates.verdict import OFF, Ruling


def tell(config: pytest.Config, options: argparse.Namespace, gate: str, run: str | None) -> None:
    """Print what is known of a gate; its ruling is that of a ``run``, or else the newest there is.

    Raises UsageError for a wrong configuration, and for a run that is not there.
    """
    with outlook(config, options, of_options(config, options)) as seen:
        root = seen.project.root
        known = {prospect.gate.name: prospect for prospect in seen.prospects}
        folders = [find(root, run)] if run else _newest_first(root)
        lines = render(known[gate], last_ruling(folders, gate))
        say("\n".join(neutral(line) for line in lines))


def _newest_first(root: Path) -> list[Path]:
    return sorted((root / FOLDER / "runs").glob("*"), reverse=True)


def last_ruling(folders: Iterable[Path], gate: str) -> tuple[str, Ruling] | None:
    """The first run in which the gate was not off: when it was, and the ruling."""
    for folder in folders:
        try:
            verdict = load(folder).verdict
        except UsageError:
            continue  # a run that is at work, or was cut off
        ruling = next((r for r in verdict.gates if r.name == gate), None)
        if ruling and ruling.outcome != OFF:
            return verdict.started, ruling
    return None


def render(prospect: Prospect, last: tuple[str, Ruling] | None) -> Iterable[str]:
    """What is known of one gate, a line each."""
    gate, settings = prospect.gate, prospect.settings
    yield f"{gate.name} ({gate.stage.value})"
    if gate.about:
        yield f"  {gate.about}"
    yield f"  level       {settings.level} ({prospect.origins.get('level', 'default')})"
    state = prospect.state if prospect.state == "on" else f"{prospect.state}: {prospect.reason}"
    yield f"  here        {state}"
    if settings.owner:
        yield f"  owner       {settings.owner}"
    for condition in settings.conditions:
        yield f"  condition   {condition} ({prospect.origins.get(condition.metric, 'default')})"
    if not settings.conditions:
        yield "  condition   none: it shows its numbers, and cannot fail"
    for warning in settings.warnings:
        yield f"  warning     {warning}"
    if gate.needs:
        yield f"  needs       {', '.join(gate.needs)}"
    if gate.metrics:
        yield f"  metrics     {', '.join(gate.metrics)}, findings.*"
    if last:
        yield f"  last ruling {last[1].outcome} on {last[0]}: {last[1].reason}"
        receipt = last[1].receipt
        if receipt:
            tool = f"{receipt.tool} {receipt.version or ''}".strip()
            yield f"  last tool   {tool}, exit code {receipt.exit_code}"
    else:
        yield "  last ruling none in the runs that are kept"
    if gate.again:
        yield f"  by hand     {gate.again}"
    yield f"  prove       {'devops-gates prove ' + gate.name if gate.canary else 'has no canary'}"
