"""``release combine``: one verdict from the runs of several jobs or machines."""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from datetime import datetime, timedelta, timezone
from pathlib import Path

import msgspec

from pytest_devops_gates import config, disk, git, last_release, measurement, session
from pytest_devops_gates.brief import Brief, brief
from pytest_devops_gates.charter import table_of
from pytest_devops_gates.comparison import with_state
from pytest_devops_gates.conclude import conclude
from pytest_devops_gates.engine.task import Job, Task
from pytest_devops_gates.errors import CannotTell, UsageError
from pytest_devops_gates.evidence import Evidence, Receipt
from pytest_devops_gates.gate import Gate, Output
from pytest_devops_gates.project import Project
from pytest_devops_gates.reaper import Reaper
from pytest_devops_gates.shards import combining
from pytest_devops_gates.shards.combining import Wanted
from pytest_devops_gates.shards.parts import Part
from pytest_devops_gates.supervisor import Given
from pytest_devops_gates.verdict import Selection, Verdict

BESIDE = ("sbom.cdx.json",)
"""Files of a run, beside its artefacts, that one part alone has to bring."""

Load = Callable[[ExitStack], Sequence[Part]]


class Asked(msgspec.Struct, frozen=True):
    """The parts to put together, which ``load`` brings (for as long as the stack is open), reports
    of other languages by the gates that read them, and how old a part may be."""

    load: Load
    reports: Mapping[str, Path]
    max_age: timedelta


def judge(given: Given, asked: Asked) -> Verdict:
    """The verdict over all parts. Raises UsageError for a report of no gate that could read it."""
    known = brief(given.pytest_config, given.options, given.asked, given.run, runs=False)
    state = git.state(known.project.root)
    project = with_state(known.project, state, known.comparison, is_hook=False)
    table, own = table_of(known.comparison.judging), table_of(known.comparison.own)
    with ExitStack() as stack:
        parts = asked.load(stack)
        wanted = _wanted(known, project, table, own, asked.max_age)
        flaws = [*combining.flaws(parts, wanted), *combining.conflicts(parts)]
        parts = combining.sound(parts, wanted)
        extra = {name: _read(known, name, path, project) for name, path in asked.reports.items()}
        if "coverage" not in known.plan.reasons:
            missed = Evidence(unknown="not all shards are there")
            extra["coverage"] = missed if flaws else _coverage(given, known, project, parts)
        shards = {**own.shards, **table.shards}
        gathered = combining.gather(parts, known.plan, shards, extra, _test_files(project))
        _bring(parts, project.run_dir)
        pending = msgspec.structs.replace(
            given.pending,
            profile=known.plan.profile,
            selection=Selection(known.plan.stages, known.plan.complete and not flaws),
            policy=known.policy,
            release=last_release.since_last(project),
            waivers=combining.waivers(parts),
            approvals=next((p.verdict.approvals for p in parts if p.verdict), ()),
            shards=tuple(part.run for part in parts if part.verdict),
        )
    unfit = known.comparison.unfit or _told(flaws)
    return conclude(
        pending, known.plan, project, gathered.evidence, gathered.news, _interrupted(given), unfit
    )


def _test_files(project: Project) -> list[str]:
    """Those below the test paths, or all where none are configured."""
    above = tuple(f"{path}/" for path in project.test_paths)
    return [name for name in project.test_files() if not above or name.startswith(above)]


def _interrupted(given: Given) -> str | None:
    return given.interrupts.name if given.interrupts.count else None


def _told(flaws: Sequence[str]) -> str | None:
    more = f" (and {len(flaws) - 1} more)" if len(flaws) > 1 else ""
    return f"not all shards can be put together: {flaws[0]}{more}" if flaws else None


def _wanted(
    known: Brief, project: Project, table: config.Table, own: config.Table, max_age: timedelta
) -> Wanted:
    return Wanted(
        commit=project.commit,
        profile=known.plan.profile,
        policy=known.policy.sha256,
        shards=table.shards,
        added=own.shards,
        since=datetime.now(timezone.utc) - max_age,
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
    return msgspec.structs.replace(evidence, receipt=receipt)


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
    return evidence


def _bring(parts: Sequence[Part], run_dir: Path) -> None:
    """What was built, and what was written beside it, into the folder of this run."""
    for part in parts:
        files = [part.folder / name for name in BESIDE]
        if part.verdict:
            files += [part.folder / "dist" / artefact.name for artefact in part.verdict.artefacts]
        for file in files:
            target = run_dir / file.relative_to(part.folder)
            if file.is_file() and not file.is_symlink() and not target.exists():
                target.parent.mkdir(exist_ok=True)
                shutil.copyfile(file, target)
