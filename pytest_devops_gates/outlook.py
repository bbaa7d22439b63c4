"""What would run here: each gate, whether it is on, and why not."""

from __future__ import annotations

import argparse
import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import msgspec
import pytest

from pytest_devops_gates import git
from pytest_devops_gates.brief import brief, check_start
from pytest_devops_gates.charter import table_of
from pytest_devops_gates.comparison import with_state
from pytest_devops_gates.config import Table
from pytest_devops_gates.errors import CannotTell, NotApplicable
from pytest_devops_gates.gate import Gate, Options
from pytest_devops_gates.plan import Plan
from pytest_devops_gates.policy import Settings
from pytest_devops_gates.project import Project
from pytest_devops_gates.request import Request
from pytest_devops_gates.runs import Run
from pytest_devops_gates.verdict import PolicySource


class Prospect(msgspec.Struct, frozen=True):
    """A gate as it would run: ``state`` says whether it does, ``reason`` why it does not."""

    gate: Gate
    settings: Settings
    options: Options
    origins: dict[str, str]
    state: Literal["on", "not-applicable", "off", "unknown"]
    reason: str = ""


class Outlook(msgspec.Struct, frozen=True):
    """All gates of a project, the project as they see it, and what would judge."""

    project: Project
    plan: Plan
    prospects: tuple[Prospect, ...]
    policy: PolicySource
    table: Table


@contextlib.contextmanager
def outlook(
    pytest_config: pytest.Config, options: argparse.Namespace, asked: Request
) -> Iterator[Outlook]:
    """Look ahead without running anything. Raises UsageError for a wrong configuration."""
    with tempfile.TemporaryDirectory(prefix="devops-gates-") as folder:
        run = Run(run_id="", path=Path(folder), home=None)
        check_start(asked)
        known = brief(pytest_config, options, asked, run, runs=False)
        state = git.state(known.project.root)
        project = with_state(known.project, state, known.comparison, is_hook=False)
        found: dict[str, Prospect] = {}
        for gate in known.plan.gates:
            found[gate.name] = _prospect(gate, known.plan, project)
        prospects = tuple(_follow(prospect, found) for prospect in found.values())
        table = table_of(known.comparison.judging)
        yield Outlook(project, known.plan, prospects, known.policy, table)


def _prospect(gate: Gate, plan: Plan, project: Project) -> Prospect:
    options = plan.options[gate.name]
    off = plan.reasons.get(gate.name)
    state: Literal["on", "not-applicable", "off", "unknown"] = "off" if off else "on"
    reason = off or ""
    if not off and gate.applies:
        try:
            not_here = gate.applies(project, options)
        except NotApplicable as evidence:
            not_here = str(evidence)
        except CannotTell as why:
            state, reason, not_here = "unknown", str(why), None
        if not_here:
            state, reason = "not-applicable", not_here
    return Prospect(
        gate=gate,
        settings=plan.settings[gate.name],
        options=options,
        origins=plan.origins[gate.name],
        state=state,
        reason=reason,
    )


def _follow(prospect: Prospect, others: dict[str, Prospect]) -> Prospect:
    """A gate that needs one that does not apply does not apply either."""
    for need in prospect.gate.needs:
        needed = others.get(need)
        if prospect.state == "on" and needed and needed.state == "not-applicable":
            return msgspec.structs.replace(
                prospect, state="not-applicable", reason=f"{need}: {needed.reason}"
            )
    return prospect
