"""One run: plan, run, judge, report. What it returns is pytest's exit status."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from pytest_devops_gates import (
    builtin,
    config,
    git,
    hindsight,
    last_release,
    redact,
    registry,
    request,
    retrospect,
    runs,
    screen,
    steady,
)
from pytest_devops_gates.basis import Basis, completed
from pytest_devops_gates.brief import Brief, brief, check_start
from pytest_devops_gates.ci import AUTO, detect
from pytest_devops_gates.closing import Place, announce, close, usable, withdraw
from pytest_devops_gates.comparison import with_state
from pytest_devops_gates.conclude import conclude
from pytest_devops_gates.engine import schedule
from pytest_devops_gates.engine.task import Job, planned_tasks
from pytest_devops_gates.errors import UsageError
from pytest_devops_gates.evidence import Evidence
from pytest_devops_gates.github import foreign
from pytest_devops_gates.interrupts import listening
from pytest_devops_gates.json_text import dump
from pytest_devops_gates.newness import New
from pytest_devops_gates.oversight import Seen, settle, waived_once, watch
from pytest_devops_gates.owing import with_proposals
from pytest_devops_gates.plan import Plan
from pytest_devops_gates.project import Project
from pytest_devops_gates.publish import rehearse
from pytest_devops_gates.reaper import Reaper
from pytest_devops_gates.recorder import DECLARED
from pytest_devops_gates.release import keys
from pytest_devops_gates.release.evidence import PROFILE
from pytest_devops_gates.release.keys import SigningKey
from pytest_devops_gates.report import make
from pytest_devops_gates.request import Request
from pytest_devops_gates.stage import Stage
from pytest_devops_gates.verdict import (
    EXIT_INTERNAL,
    EXIT_UNKNOWN,
    EXIT_USAGE,
    SCHEMA,
    UNKNOWN,
    Release,
    Selection,
    StageOutcome,
    Verdict,
)

PYTEST_USAGE_ERROR = 4


class Given(msgspec.Struct, frozen=True):
    """What a run has before it starts: what was asked for, its folder, the verdict that stands
    until there is a better one, who counts the interrupts, and where the history is."""

    pytest_config: Any
    options: argparse.Namespace
    asked: Request
    run: runs.Run
    pending: Verdict
    interrupts: schedule.Interrupts
    history: hindsight.Address = {}


class Answered(msgspec.Struct, frozen=True):
    """The verdict, and whoever keeps it for later runs, once it is written."""

    verdict: Verdict
    keep: Callable[[Verdict], None] | None = None


Judge = Callable[[Given], Answered]
"""Comes to the verdict. Raises UsageError for a configuration that is wrong."""


def supervise(pytest_config: pytest.Config, options: argparse.Namespace) -> int:
    """Carry the project round the loop; returns the exit status, which is the verdict."""
    return carry_out(pytest_config, options, request.of_options(pytest_config, options))


def carry_out(
    pytest_config: pytest.Config,
    options: argparse.Namespace,
    asked: Request,
    judge: Judge | None = None,
) -> int:
    """As supervise, for whatever was asked for, and by whoever is to ``judge``."""
    clock = time.monotonic()
    given_key, history = keys.take(os.environ), hindsight.take(os.environ)  # before all else
    try:
        pending = _pending(asked)
        screen.reserve_standard_streams()
        run = runs.create(asked.root, dump(pending) + "\n", pending.run_id)
        ci = _ci(asked.root)  # before the tests, which may write to the configuration
        with listening() as interrupts:
            with foreign(ci, screen.say):
                given = Given(pytest_config, options, asked, run, pending, interrupts, history)
                answered, key = _safely(given, judge or _judge, given_key)
            verdict = redact.redact(answered.verdict, redact.secrets(os.environ))
            verdict = msgspec.structs.replace(verdict, seconds=round(time.monotonic() - clock, 3))
            place = Place(run, usable(asked.report, run), ci, key)
            report = close(verdict, place, pytest_config.pluginmanager)
        screen.show(report, run, asked.root, options.verbose)
        if answered.keep:
            answered.keep(report.verdict)
        return report.verdict.exit_status
    except OSError as error:  # not even a run's folder: no disk to write to
        print(f"devops gates: nothing can be written: {error}", file=sys.stderr)
        if asked.report:
            withdraw(asked.report, pytest_config.pluginmanager)
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
    given: Given, judge: Judge, given_key: keys.Given | None
) -> tuple[Answered, SigningKey | None]:
    """The verdict, and the key that signs it; an error in the configuration, or one of ours, is a
    verdict as well."""
    run, pending, key = given.run, given.pending, None
    try:
        if given.asked.report:
            announce(given.asked.report, run, pending, given.pytest_config.pluginmanager)
        check_start(given.asked)
        registry.all_reporters(given.pytest_config.pluginmanager)
        key = _signing_key(given.asked, given_key)
        return judge(given), key
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
    return Answered(msgspec.structs.replace(pending, reason=reason, exit_status=status)), key


def _signing_key(asked: Request, given: keys.Given | None) -> SigningKey | None:
    """The key for the evidence of a release. Raises UsageError for one that cannot be used."""
    table = config.read_table(config.read_pyproject(asked.root))
    if (asked.profile or table.profile) != PROFILE:
        return None
    return keys.load(given, table.evidence.key, asked.root)


def _ci(root: Path) -> str:
    """Which CI's ways are used; also where the configuration is too wrong to be read."""
    try:
        setting = config.read_table(config.read_pyproject(root)).ci
    except UsageError:
        setting = AUTO
    return detect(setting, os.environ)


def _judge(given: Given) -> Answered:
    asked = given.asked
    known = brief(given.pytest_config, given.options, asked, given.run)
    pending = _set_out(given.pending, known, asked)
    _declare_testimony(known)
    found = _gathered(given, known, pending)
    if _is_usage_error(found.evidence):
        raise UsageError("pytest was used wrongly, or its configuration is wrong; it says so above")
    project = msgspec.structs.replace(found.project, past=found.told.past)
    evidence = retrospect.looked_back(found.evidence, known.plan.options, project)
    evidence = hindsight.looked_back(planned_tasks(known.plan), project, evidence)
    interrupted = given.interrupts.name if given.interrupts.count else None
    pending = msgspec.structs.replace(pending, release=found.released)
    waived = waived_once(known, project, found.seen)
    news = {name: found.basis.newness(name, one, waived) for name, one in evidence.items()}
    unfit = known.comparison.unfit or steady.moved(project, found.marks)
    verdict = ruled(pending, known, project, evidence, news, found.seen, interrupted, unfit)
    ran = evidence["tests"].ran if "tests" in evidence else ()
    keep = hindsight.keeper(project, ran, given.history) if not asked.only else None
    return Answered(hindsight.drawn(verdict, found.told), keep)


def _set_out(pending: Verdict, known: Brief, asked: Request) -> Verdict:
    """The pending verdict with what the run sets out with."""
    is_whole = asked.scope is None and asked.shard is None
    return msgspec.structs.replace(
        pending,
        profile=known.plan.profile,
        selection=Selection(known.plan.stages, known.plan.complete and is_whole),
        shard=asked.shard,
        policy=known.policy,
    )


class Gathered(NamedTuple):
    """What came of the gates, and of whoever looked at something beside them."""

    evidence: Mapping[str, Evidence]
    project: Project
    basis: Basis
    marks: Mapping[str, steady.Mark | None]
    released: Release | None
    seen: Seen
    told: hindsight.Hindsight


def _gathered(given: Given, known: Brief, pending: Verdict) -> Gathered:
    """Run all gates. The tests start before all else; what git and the history know is learnt while
    they get going."""
    asked, manager = given.asked, given.pytest_config.pluginmanager
    with Reaper() as reaper:
        tests = [task for task in planned_tasks(known.plan) if task.gate.name == "tests"]
        first = Job(tests[0], known.project, reaper) if tests else None
        state = asked.state or git.state(known.project.root)
        project = with_state(known.project, state, known.comparison, is_hook=asked.is_hook)
        owed = known.comparison.judging.baseline
        with ThreadPoolExecutor(max_workers=1) as beside, ExitStack() as room:
            released = beside.submit(last_release.since_last, project)
            watched = beside.submit(watch, known, project, asked, manager)
            remembered = beside.submit(hindsight.ask, project, pending.started, given.history)
            beside.submit(rehearse, make(pending), builtin.REPORTERS)
            basis = Basis(project, known.plan, owed, reaper, room)
            marks = steady.marks(project) if tests else {}
            evidence = _gather(known.plan, project, reaper, given.interrupts, first, basis)
    return Gathered(
        evidence, project, basis, marks, released.result(), watched.result(), remembered.result()
    )


def ruled(
    pending: Verdict,
    known: Brief,
    project: Project,
    evidence: Mapping[str, Evidence],
    news: Mapping[str, New],
    seen: Seen,
    interrupted: str | None,
    unfit: str | None,
) -> Verdict:
    """The verdict, once each finding has its state and the gate ``policy`` its last word."""
    settled = settle(evidence, news, known, project, seen)
    pending = msgspec.structs.replace(pending, waivers=settled.waivers, approvals=settled.approvals)
    verdict = conclude(pending, known.plan, project, settled.evidence, news, interrupted, unfit)
    return with_proposals(verdict, known.plan, known.comparison.own.baseline)


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
    basis: Basis,
) -> Mapping[str, Evidence]:
    """The evidence of all gates that run."""
    gathered = schedule.run(
        [task for task in planned_tasks(plan) if task.gate.review is None],
        project,
        reaper,
        interrupts=interrupts,
        deadline=time.monotonic() + plan.deadline,
        progress=screen.ProgressLine(),
        witness=basis,
        pointless=_is_usage_error,
        first=first,
    )
    return {
        name: basis.evidence.get(name) or completed(name, evidence, project.root)
        for name, evidence in gathered.items()
        if name in plan.settings
    }


def _is_usage_error(evidence: Mapping[str, Evidence]) -> bool:
    """Whether pytest says that its command line or configuration is wrong: then ours is as well."""
    tests = evidence.get("tests")
    return (
        tests is not None
        and tests.receipt is not None
        and tests.receipt.exit_code == PYTEST_USAGE_ERROR
        and tests.metrics.get("collected", 0) == 0
    )
