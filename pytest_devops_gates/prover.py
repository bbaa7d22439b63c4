"""Carries out proofs: a copy of the project for each canary, and a whole run of the gate in it."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from pytest_devops_gates import git
from pytest_devops_gates.canaries import plant
from pytest_devops_gates.copies import copy_tree
from pytest_devops_gates.errors import CannotTell, NotApplicable, UsageError
from pytest_devops_gates.gate import Canary
from pytest_devops_gates.outlook import Outlook, Prospect
from pytest_devops_gates.process import Process, last_line, python_module
from pytest_devops_gates.project import Project
from pytest_devops_gates.proof import Proof, Run, judge_proof, judge_unplanted, unknown_run
from pytest_devops_gates.reaper import Reaper
from pytest_devops_gates.runs import FOLDER

CLEAN = ""
"""The name of the run without any canary."""

A_DAY = 86_400.0
GENERATED = ("*.so", "*.pyd", "*.py")
"""What lies in packages although git ignores it, and is needed to import them: extensions that were
built in place, version files that a build wrote."""


class Trial(msgspec.Struct, frozen=True):
    """One run to make: of which gates, in which copy. ``tests`` says whether it runs the tests."""

    name: str
    gates: tuple[str, ...]
    root: Path
    cost: float
    tests: bool


def prove(
    seen: Outlook,
    active: Sequence[Prospect],
    folder: Path,
    arguments: Sequence[str],
    progress: Callable[[str], None],
) -> Iterator[Proof]:
    """The proofs of all active gates, from runs in copies below ``folder``.

    ``arguments`` are pytest's. Raises CannotTell when the project cannot be copied.
    """
    progress("copying the project")
    origin = _copy(seen.project, folder / "origin")
    tested = {p.gate.name for p in active if "tests" in (p.gate.name, *p.gate.needs)}
    everything = tuple(p.gate.name for p in active)
    trials = [Trial(CLEAN, everything, origin, float("inf"), bool(tested))]
    canaries: dict[str, Canary] = {}
    unplanted: dict[str, str] = {}
    for prospect in active:
        name = prospect.gate.name
        try:
            root, canaries[name] = _planted(seen.project, prospect, folder, origin)
        except NotApplicable as evidence:
            yield Proof(name, None, f"not applicable: {evidence}")
            continue
        except (CannotTell, UsageError, OSError) as trouble:
            unplanted[name] = str(trouble)
            continue
        trials.append(Trial(name, (name,), root, prospect.gate.cost, name in tested))
    told = _carry_out(trials, seen.project, [*_asked(seen), *arguments], folder, progress)
    for name, canary in canaries.items():
        yield judge_proof(name, canary, _run(told[name], name), _run(told[CLEAN], name))
    for name, why in unplanted.items():
        yield judge_unplanted(name, why, _run(told[CLEAN], name))


def _asked(seen: Outlook) -> list[str]:
    """The same profile and the same base: a clone calls another branch its default one."""
    base = seen.project.base
    return [
        f"--devops-gates-profile={seen.plan.profile}",
        *([f"--devops-gates-base={base}"] if base else []),
    ]


def _copy(project: Project, target: Path) -> Path:
    """A copy of the checkout, with what is generated inside the packages; returns its root."""
    root = copy_tree(project, target)
    if project.toplevel and project.commit:  # the base may be a branch of a remote
        remotes = "+refs/remotes/*:refs/remotes/*"
        git.git(target, "fetch", "--quiet", "--no-tags", str(project.toplevel), remotes)
    for package in project.packages:
        for pattern in GENERATED:
            for path in (project.root / package).rglob(pattern):
                twin = root / path.relative_to(project.root)
                if not twin.exists() and path.is_file() and twin.parent.is_dir():
                    shutil.copy2(path, twin)
    return root


def _planted(
    project: Project, prospect: Prospect, folder: Path, origin: Path
) -> tuple[Path, Canary]:
    """A copy of the copy with the gate's canary in it, and what was planted."""
    inner = origin.relative_to(folder / "origin")
    top = folder / prospect.gate.name
    shutil.copytree(folder / "origin", top, symlinks=True)
    root = top / inner
    there = msgspec.structs.replace(project, root=root, toplevel=project.toplevel and top)
    assert prospect.gate.canary is not None
    canary = prospect.gate.canary(there, prospect.options)
    if not (canary.files or canary.tag or canary.commit):
        raise CannotTell(f"there is no place for {canary.says}")
    plant(canary, root)
    return root, canary


def _carry_out(
    trials: Sequence[Trial],
    project: Project,
    arguments: Sequence[str],
    folder: Path,
    progress: Callable[[str], None],
) -> dict[str, dict[str, Any] | str]:
    """Make all runs, as many at once as there are cores: each verdict, or why there is none."""
    waiting = sorted(trials, key=lambda trial: trial.cost, reverse=True)
    running: dict[str, tuple[Trial, Process]] = {}
    told: dict[str, dict[str, Any] | str] = {}
    with Reaper() as reaper:
        while waiting or running:
            while waiting and len(running) < (os.cpu_count() or 1):
                trial = waiting.pop(0)
                running[trial.name] = trial, _start(trial, project, arguments, folder, reaper)
            for name, (trial, process) in list(running.items()):
                if process.poll():
                    told[name] = _verdict(trial, process)
                    del running[name]
            names = [name or "all of them without canaries" for name in running]
            progress(f"{len(told)} of {len(trials)} runs done; at work: {', '.join(names)}")
            time.sleep(0.05)
    return told


def _start(
    trial: Trial, project: Project, arguments: Sequence[str], folder: Path, reaper: Reaper
) -> Process:
    picked = [option for name in trial.gates for option in ("--gate", name)]
    return Process(
        python_module("pytest_devops_gates", "run", *picked, *arguments),
        cwd=trial.root,
        env=_environment(project, trial),
        log_dir=folder / "logs",
        name=trial.name or "clean",
        timeout=A_DAY,
        reaper=reaper,
    )


LEFT_OUT = ("GIT_", "GITHUB_", "DEVOPS_GATES_")
"""What is about the checkout, or the job, and not about its copies: the key that signs among it."""


def _environment(project: Project, trial: Trial) -> dict[str, str]:
    """As the user has it, but tests import the packages of the copy, not those that an editable
    installation leads to, and what PYTHONPATH names of the project. Nothing else does: a project
    that pytest loads as a plugin, with the canary of ``install`` in it, would break the run itself.
    """
    kept = {k: v for k, v in os.environ.items() if not k.startswith(LEFT_OUT)}
    told = os.environ.get("PYTHONPATH")
    named = [Path(os.path.abspath(entry)) for entry in told.split(os.pathsep)] if told else []
    path: list[Path] = []
    if trial.tests:
        path += [trial.root / Path(package).parent for package in project.packages]
        path += [twin for entry in named if (twin := _twin(entry, project, trial.root)).exists()]
    path += named  # from the copy's folder a relative one would lead elsewhere
    return {**kept, "PYTHONPATH": os.pathsep.join(map(str, dict.fromkeys(path)))} if path else kept


def _twin(path: Path, project: Project, root: Path) -> Path:
    """What stands for a path in the copy of which ``root`` is the root: itself, where the checkout
    does not hold it."""
    origin = project.toplevel or project.root
    if not path.resolve().is_relative_to(origin.resolve()):
        return path
    return Path(os.path.normpath(root / os.path.relpath(path.resolve(), project.root.resolve())))


def _verdict(trial: Trial, process: Process) -> dict[str, Any] | str:
    try:
        latest = trial.root / FOLDER / "latest" / "verdict.json"
        verdict: dict[str, Any] = json.loads(latest.read_text("utf-8"))
    except (OSError, ValueError):
        said = process.trouble or last_line(process.stderr() or process.stdout())
        return f"its run left no verdict: {said}"
    return verdict


def _run(told: dict[str, Any] | str, gate: str) -> Run:
    if isinstance(told, str):
        return unknown_run(gate, told)
    ruling = next((g for g in told["gates"] if g["name"] == gate), None)
    if ruling is None:
        return unknown_run(gate, str(told["reason"]))
    return Run(ruling, tuple(f for f in told["findings"] if f["gate"] == gate))
