"""The loop that runs the tasks: tests first, beside them as many others as there are lanes."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

import msgspec

from pytest_devops_gates.engine.task import Job, Task
from pytest_devops_gates.evidence import Evidence
from pytest_devops_gates.project import Project
from pytest_devops_gates.reaper import Reaper

AT_BASE = " at the base"
PAUSE = 0.01
"""Seconds between two looks at what is running."""


class Interrupts:
    """Counts what the user sends: one asks for an orderly end, two for an immediate one."""

    def __init__(self) -> None:
        self.count = 0
        self.forward = False
        self.name = "SIGINT"


Progress = Callable[[list[tuple[str, float]]], None]


class Running(Protocol):
    """A job at work: see Job."""

    task: Task
    started: float

    @property
    def owns_terminal(self) -> bool: ...

    @property
    def hears_terminal(self) -> bool: ...

    def poll(self) -> Evidence | None: ...

    def kill(self, trouble: str) -> Evidence: ...

    def interrupt(self) -> None: ...

    def testimony(self) -> dict[str, Evidence]: ...


class Witness(Protocol):
    """Whoever is told of each gate that ends. ``take`` may ask for one more run of it, on the
    base's tree, and ``take_base`` is told of the end of that."""

    def take(self, task: Task, evidence: Evidence) -> Running | None: ...

    def take_base(self, task: Task, evidence: Evidence) -> None: ...


def run(
    tasks: Iterable[Task],
    project: Project,
    reaper: Reaper,
    *,
    interrupts: Interrupts,
    deadline: float,
    progress: Progress,
    witness: Witness,
    pointless: Callable[[Mapping[str, Evidence]], bool],
    first: Job | None = None,
) -> dict[str, Evidence]:
    """Run all tasks and return the evidence of each by gate name.

    ``deadline`` is a time.monotonic() value; what is not done by then is unknown.
    ``witness`` is told of each that ends; where what is done makes all others ``pointless``, they
    are ended. ``first`` is the test run, when it was started already, before all of the project was
    known.
    """
    waiting = {task.gate.name: task for task in order(tasks)}
    running: dict[str, Running] = {}
    done: dict[str, Evidence] = {}
    testimony: dict[str, Evidence] = {}
    if first:
        first.project = project
        del waiting[first.task.gate.name]
        running[first.task.gate.name] = first
    while waiting or running:
        _take_testimony(waiting, done, testimony)
        _start_what_can(waiting, running, done, project, reaper)
        for name, job in list(running.items()):
            evidence = job.poll()
            if evidence is None:
                continue
            del running[name]
            if name.endswith(AT_BASE):
                witness.take_base(job.task, evidence)
                continue
            done[name] = evidence
            testimony |= job.testimony()
            if more := witness.take(job.task, evidence):
                running[name + AT_BASE] = more
        trouble = _trouble(interrupts, deadline, pointless(done))
        if trouble:
            done.update(_end(running, waiting, interrupts, trouble))
            return done
        if not any(job.owns_terminal for job in running.values()):
            progress([(name, time.monotonic() - job.started) for name, job in running.items()])
        time.sleep(PAUSE)
    progress([])
    return done


def order(tasks: Iterable[Task]) -> list[Task]:
    """Longest chain first: what others wait for counts with all that wait for it."""
    tasks = list(tasks)
    chains: dict[str, float] = {}

    def chain(task: Task) -> float:
        name = task.gate.name
        if name not in chains:
            chains[name] = 0.0  # a cycle counts once
            after = [chain(o) for o in tasks if name in (*o.gate.needs, *o.gate.after)]
            chains[name] = task.gate.cost + max(after, default=0.0)
        return chains[name]

    return sorted(tasks, key=chain, reverse=True)


def _take_testimony(
    waiting: dict[str, Task], done: dict[str, Evidence], testimony: dict[str, Evidence]
) -> None:
    """What the test process said of the gates that run inside of it, once it has ended."""
    for name, task in list(waiting.items()):
        if task.gate.testimony and all(need in done for need in task.gate.needs):
            silent = Evidence(unknown="no conftest.py of this run said anything of it")
            done[name] = _refused(task, done) or testimony.get(name, silent)
            del waiting[name]


def _start_what_can(
    waiting: dict[str, Task],
    running: dict[str, Running],
    done: dict[str, Evidence],
    project: Project,
    reaper: Reaper,
) -> None:
    for name, task in list(waiting.items()):
        before = (*task.gate.needs, *task.gate.after)
        if any(name in waiting or name in running for name in before):
            continue
        refused = _refused(task, done)
        if refused is not None:
            done[name] = refused
        elif len(running) < _lanes(running, project):
            running[name] = Job(task, project, reaper)
        else:
            continue
        del waiting[name]


def _refused(task: Task, done: dict[str, Evidence]) -> Evidence | None:
    """What a gate inherits from one that it needs and that found nothing to give."""
    for need in task.gate.needs:
        found = done.get(need)
        if found is None:
            return Evidence(unknown=f"needs the gate {need}, which did not run")
        if found.not_applicable:
            return Evidence(not_applicable=f"{need}: {found.not_applicable}")
        if found.unknown:
            return Evidence(unknown=f"not judged, since {need} could not tell: {found.unknown}")
    return None


def _lanes(running: dict[str, Running], project: Project) -> int:
    """How many may run at once: beside the tests, the cores that they leave free, one at least."""
    cores = os.cpu_count() or 1
    if not any(job.owns_terminal for job in running.values()):
        return cores
    busy = project.session.workers if project.session else 1
    return 1 + max(1, cores - busy)


def _trouble(interrupts: Interrupts, deadline: float, is_pointless: bool) -> str | None:
    if interrupts.count:
        return f"interrupted by {interrupts.name}"
    if is_pointless:
        return "not judged, since pytest was used wrongly"
    if time.monotonic() > deadline:
        return "the whole run took longer than its deadline"
    return None


def _end(
    running: dict[str, Running], waiting: dict[str, Task], interrupts: Interrupts, trouble: str
) -> dict[str, Evidence]:
    """End the tools at once, and let the tests end by themselves, unless they are asked twice."""
    ended = {name: Evidence(unknown=trouble) for name in waiting}
    for name, job in running.items():
        if not job.owns_terminal:
            ended[name] = job.kill(trouble)
    for name, job in running.items():
        if job.owns_terminal:
            if interrupts.forward or not interrupts.count or not job.hears_terminal:
                job.interrupt()
            ended[name] = _await(job, interrupts, trouble)
    return ended


def _await(job: Running, interrupts: Interrupts, trouble: str) -> Evidence:
    asked = interrupts.count
    evidence = job.poll()
    while evidence is None:
        if interrupts.count > asked:
            asked = interrupts.count
            job.interrupt()
        time.sleep(PAUSE)
        evidence = job.poll()
    return msgspec.structs.replace(evidence, unknown=trouble)
