"""One run: plan, run, judge, report. What it returns is pytest's exit status."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
import time
import traceback
from collections.abc import Mapping
from datetime import datetime, timezone
from importlib.metadata import version

import msgspec
import pytest

from pytest_devops_gates import git, redact, request, runs, screen
from pytest_devops_gates.brief import Brief, brief, check_start, with_state
from pytest_devops_gates.conclude import conclude
from pytest_devops_gates.engine import schedule
from pytest_devops_gates.engine.task import Job, Task
from pytest_devops_gates.errors import UsageError
from pytest_devops_gates.evidence import Evidence
from pytest_devops_gates.interrupts import listening
from pytest_devops_gates.plan import Plan
from pytest_devops_gates.project import Project
from pytest_devops_gates.reaper import Reaper
from pytest_devops_gates.recorder import DECLARED
from pytest_devops_gates.reporters import verdict_json
from pytest_devops_gates.request import Request
from pytest_devops_gates.stage import Stage
from pytest_devops_gates.verdict import (
    EXIT_INTERNAL,
    EXIT_UNKNOWN,
    EXIT_USAGE,
    SCHEMA,
    UNKNOWN,
    Selection,
    StageOutcome,
    Verdict,
)

PYTEST_USAGE_ERROR = 4


def supervise(pytest_config: pytest.Config, options: argparse.Namespace) -> int:
    """Carry the project round the loop; returns the exit status, which is the verdict."""
    return carry_out(pytest_config, options, request.of_options(pytest_config, options))


def carry_out(pytest_config: pytest.Config, options: argparse.Namespace, asked: Request) -> int:
    """As supervise, for whatever was asked for."""
    clock = time.monotonic()
    try:
        pending = _pending(asked)
        screen.reserve_standard_streams()
        run = runs.create(asked.root, verdict_json.render(pending), pending.run_id)
        with listening() as interrupts:
            verdict = _safely(pytest_config, options, asked, run, pending, interrupts)
        verdict = redact.redact(verdict, redact.secrets(os.environ))
        verdict = msgspec.structs.replace(verdict, seconds=round(time.monotonic() - clock, 3))
        usable = verdict.exit_status != EXIT_USAGE  # the folder itself may be what is wrong
        verdict = _record(verdict, run, asked if usable else None)
        screen.show(verdict, run, asked.root)
        return verdict.exit_status
    except OSError as error:  # not even a run's folder: no disk to write to
        print(f"devops gates: nothing can be written: {error}", file=sys.stderr)
        return EXIT_UNKNOWN


def _pending(asked: Request) -> Verdict:
    """The verdict that stands until there is a better one."""
    return Verdict(
        schema=SCHEMA,
        verdict=UNKNOWN,
        reason="did not finish",
        exit_status=EXIT_UNKNOWN,
        started=datetime.now(timezone.utc).isoformat("T", "seconds").replace("+00:00", "Z"),
        seconds=0.0,
        run_id=runs.new_id(),
        version=version("pytest-devops-gates"),
        profile=asked.profile or "merge",
        stages=tuple(StageOutcome(stage.value, UNKNOWN) for stage in Stage),
    )


def _safely(
    pytest_config: pytest.Config,
    options: argparse.Namespace,
    asked: Request,
    run: runs.Run,
    pending: Verdict,
    interrupts: schedule.Interrupts,
) -> Verdict:
    """The verdict; an error in the configuration, or one of ours, is one as well."""
    try:
        return _judge(pytest_config, options, asked, run, pending, interrupts)
    except UsageError as error:
        one_line = "\\n".join(str(error).splitlines())
        reason, status = f"configuration error: {one_line}", EXIT_USAGE
    except Exception:
        log = run.path / "internal-error.log"
        log.write_text(traceback.format_exc(), encoding="utf-8", errors="backslashreplace")
        reason, status = (
            f"internal error of pytest-devops-gates; report it with {log}",
            EXIT_INTERNAL,
        )
    return msgspec.structs.replace(pending, reason=reason, exit_status=status)


def _record(verdict: Verdict, run: runs.Run, asked: Request | None) -> Verdict:
    """Write the verdict. One that could not be written, here and where asked, is not known."""
    try:
        runs.finish(run, verdict_json.render(verdict), asked.report if asked else None)
    except (OSError, ValueError) as error:
        reason = f"the verdict could not be written: {error}"
        verdict = msgspec.structs.replace(
            verdict, verdict=UNKNOWN, reason=reason, exit_status=EXIT_UNKNOWN
        )
        with contextlib.suppress(OSError, ValueError):
            runs.finish(run, verdict_json.render(verdict))
    return verdict


def _judge(
    pytest_config: pytest.Config,
    options: argparse.Namespace,
    asked: Request,
    run: runs.Run,
    pending: Verdict,
    interrupts: schedule.Interrupts,
) -> Verdict:
    check_start(asked, run)
    known = brief(pytest_config, options, asked, run)
    pending = msgspec.structs.replace(
        pending,
        profile=known.plan.profile,
        selection=Selection(
            stages=known.plan.stages, complete=known.plan.complete and asked.scope is None
        ),
        policy=known.policy,
    )
    _declare_testimony(known)
    with Reaper() as reaper:
        # The tests start before all else; what git knows is learnt while they get going.
        tests = next((task for task in _tasks(known.plan) if task.gate.name == "tests"), None)
        first = Job(tests, known.project, reaper) if tests else None
        state = asked.state or git.state(known.project.root)
        project = with_state(known.project, state, known.base)
        evidence = _gather(known.plan, project, reaper, interrupts, first)
    _raise_usage_error(evidence)
    interrupted = interrupts.name if interrupts.count else None
    return conclude(pending, known.plan, project, evidence, interrupted)


def _declare_testimony(known: Brief) -> None:
    """Tell the test process which gates of conftest.py files it is to run, and their options."""
    plan = known.plan
    declared = {g.name: plan.options[g.name] for g in plan.gates if g.testimony}
    if declared:
        (known.project.run_dir / DECLARED).write_text(json.dumps(declared, default=str), "utf-8")


def _gather(
    plan: Plan,
    project: Project,
    reaper: Reaper,
    interrupts: schedule.Interrupts,
    first: Job | None,
) -> Mapping[str, Evidence]:
    """The evidence of all gates that run."""
    return schedule.run(
        _tasks(plan),
        project,
        reaper,
        interrupts=interrupts,
        deadline=time.monotonic() + plan.deadline,
        progress=screen.ProgressLine(),
        first=first,
    )


def _tasks(plan: Plan) -> list[Task]:
    return [
        Task(
            gate=gate,
            options=plan.options[gate.name],
            timeout=plan.settings[gate.name].timeout,
            asked=tuple(
                c.metric
                for c in (*plan.settings[gate.name].conditions, *plan.settings[gate.name].warnings)
            ),
        )
        for gate in plan.gates
        if gate.name not in plan.reasons
    ]


def _raise_usage_error(evidence: Mapping[str, Evidence]) -> None:
    """pytest's own word for a wrong command line or configuration is ours as well."""
    tests = evidence.get("tests")
    if (
        tests
        and tests.receipt
        and tests.receipt.exit_code == PYTEST_USAGE_ERROR
        and tests.metrics.get("collected", 0) == 0
    ):
        raise UsageError("pytest was used wrongly, or its configuration is wrong; it says so above")
