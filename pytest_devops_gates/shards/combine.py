"""``release combine``: one verdict from the runs of several jobs or machines."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from datetime import datetime, timedelta, timezone
from pathlib import Path

import msgspec

from pytest_devops_gates import (
    SHARD,
    config,
    descent,
    disk,
    git,
    hindsight,
    last_release,
    measurement,
    retrospect,
    session,
)
from pytest_devops_gates.basis import completed
from pytest_devops_gates.brief import Brief, brief
from pytest_devops_gates.charter import table_of
from pytest_devops_gates.comparison import with_state
from pytest_devops_gates.config import ShardTable
from pytest_devops_gates.engine.task import Job, Task, planned_tasks
from pytest_devops_gates.errors import CannotTell, UsageError
from pytest_devops_gates.evidence import Evidence, Receipt
from pytest_devops_gates.gate import Gate, Output
from pytest_devops_gates.newness import New
from pytest_devops_gates.oversight import watch
from pytest_devops_gates.project import Project
from pytest_devops_gates.reaper import Reaper
from pytest_devops_gates.release.expectations import SKEW
from pytest_devops_gates.shards.bringing import bring
from pytest_devops_gates.shards.combining import gather
from pytest_devops_gates.shards.flaws import Wanted, flaws, sound
from pytest_devops_gates.shards.parts import Part
from pytest_devops_gates.supervisor import Answered, Given, ruled
from pytest_devops_gates.verdict import Selection

ANEW = ("work-items", "policy", "freeze", "approval", "incidents")
"""Gates that are asked when the parts are put together, whatever they said before."""

Load = Callable[[ExitStack], Sequence[Part]]


class Asked(msgspec.Struct, frozen=True):
    """The parts to put together, which ``load`` brings (for as long as the stack is open), reports
    of other languages by the gates that read them, and how old a part may be."""

    load: Load
    reports: Mapping[str, Path]
    max_age: timedelta


def judge(given: Given, asked: Asked) -> Answered:
    """The verdict over all parts. Raises UsageError for a report of no gate that could read it."""
    if given.asked.shard:
        raise UsageError(f"{SHARD}={given.asked.shard}: whoever combines is no shard; unset it")
    known = brief(given.pytest_config, given.options, given.asked, given.run, runs=False)
    project = _project(known)
    seen = watch(known, project, given.asked, given.pytest_config.pluginmanager)
    shards = table_of(known.comparison.judging).shards
    with ExitStack() as stack:
        parts = asked.load(stack)
        wanted = _wanted(known, project, shards, asked.max_age)
        wrong = flaws(parts, wanted)
        parts = sound(parts, wanted)
        wrong += bring(parts, shards, project.run_dir)
        reports = {name: _read(known, name, path, project) for name, path in asked.reports.items()}
        here = _here(given, known, project, parts, complete=not wrong)
        gathered = gather(parts, known.plan, shards, here, reports, _test_files(project))
    pending = msgspec.structs.replace(
        given.pending,
        profile=known.plan.profile,
        selection=Selection(known.plan.stages, known.plan.complete and not wrong),
        policy=known.policy,
        release=last_release.since_last(project),
        shards=tuple(part.run for part in parts),
    )
    unfit = known.comparison.unfit or _told(wrong)
    interrupted = given.interrupts.name if given.interrupts.count else None
    told = hindsight.ask(project, pending.started, given.history)
    project = msgspec.structs.replace(project, past=told.past)
    evidence = retrospect.looked_back(gathered.evidence, known.plan.options, project)
    evidence = hindsight.looked_back(planned_tasks(known.plan), project, evidence)
    news = {name: gathered.news.get(name, New(found.findings)) for name, found in evidence.items()}
    verdict = ruled(pending, known, project, evidence, news, seen, interrupted, unfit)
    return Answered(hindsight.drawn(verdict, told), hindsight.keeper(project, (), given.history))


def _project(known: Brief) -> Project:
    """The checkout, in which the folders of the parts are no change."""
    root = known.project.root
    project = with_state(known.project, git.state(root), known.comparison, is_hook=False)
    if project.commit is None:
        return project
    return msgspec.structs.replace(project, dirty=bool(descent.altered(root)))


def _here(
    given: Given, known: Brief, project: Project, parts: Sequence[Part], *, complete: bool
) -> dict[str, Evidence]:
    """The gates that are asked once more: they are about this moment, about what judges, or about
    all parts together."""
    gates = {gate.name: gate for gate in known.plan.gates if gate.name not in known.plan.reasons}
    found = {name: _run(gates[name], known, project) for name in ANEW if name in gates}
    if "coverage" in gates:
        missed = Evidence(unknown="not all shards are there")
        found["coverage"] = _coverage(given, known, project, parts) if complete else missed
    return found


def _test_files(project: Project) -> list[str]:
    """Those below the test paths, or all where none are configured."""
    above = tuple(f"{path}/" for path in project.test_paths)
    return [name for name in project.test_files() if not above or name.startswith(above)]


def _told(flaws: Sequence[str]) -> str | None:
    more = f" (and {len(flaws) - 1} more)" if len(flaws) > 1 else ""
    return f"not all shards can be put together: {flaws[0]}{more}" if flaws else None


def _wanted(
    known: Brief, project: Project, shards: Mapping[str, ShardTable], max_age: timedelta
) -> Wanted:
    now = datetime.now(timezone.utc)
    return Wanted(
        commit=project.commit,
        profile=known.plan.profile,
        policy=known.policy.sha256,
        shards=shards,
        base=project.base,
        since=now - max_age,
        until=now + SKEW,
    )


def _read(known: Brief, name: str, path: Path, project: Project) -> Evidence:
    """What a command's gate reads in the report of a job that ran it elsewhere. That it is of this
    commit is the word of whoever names the file."""
    gate = next((gate for gate in known.plan.gates if gate.name == name), None)
    if gate is None or gate.read is None or not gate.origin:
        raise UsageError(f"--report {name}: no [[{config.TABLE}.command]] has this name")
    try:
        data = disk.read_plain(path)
        evidence = gate.read(Output(exit_code=0, stdout=data), project, known.plan.options[name])
    except OSError as error:
        return Evidence(unknown=f"{path.name}: {error.strerror}")
    except CannotTell as why:
        return Evidence(unknown=f"{path.name}: {why}")
    receipt = Receipt(
        tool=f"{path.name}, of another job",
        examined=evidence.examined,
        output_sha256=hashlib.sha256(data).hexdigest(),
    )
    return completed(name, msgspec.structs.replace(evidence, receipt=receipt), project.root)


def _coverage(given: Given, known: Brief, project: Project, parts: Sequence[Part]) -> Evidence:
    """What the tests of all parts covered, by the gate's own way of telling it."""
    gate = next(gate for gate in known.plan.gates if gate.name == "coverage")
    told = [part for part in parts if part.tests]
    silent = [part.name for part in told if part.coverage is None]
    if not told or silent:
        return Evidence(unknown=f"no coverage data of {', '.join(silent) or 'any shard'}")
    prepared = session.prepare(
        given.pytest_config, given.options, project.run_dir, project.pyproject, measured=True
    )
    env = measurement.measuring(project.root, project.run_dir, project.pyproject)
    prepared = msgspec.structs.replace(prepared, measured_by="coverage", env=env)
    project = msgspec.structs.replace(project, session=prepared)
    try:
        for part in told:
            measurement.adopt(project, part.name, part.coverage or part.folder, part.root)
    except CannotTell as why:
        return Evidence(unknown=str(why))
    return _run(gate, known, project)


def _run(gate: Gate, known: Brief, project: Project) -> Evidence:
    """One gate, through the engine."""
    settings = known.plan.settings[gate.name]
    wanted = tuple(c.metric for c in (*settings.conditions, *settings.warnings))
    task = Task(gate, known.plan.options[gate.name], settings.timeout, wanted)
    with Reaper() as reaper:
        job = Job(task, project, reaper)
        while (evidence := job.poll()) is None:
            time.sleep(0.01)
    return completed(gate.name, evidence, project.root)
