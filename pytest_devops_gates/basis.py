"""What a change starts from: which findings were owed before it, and gates run on the base's tree
where that is not written down."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import json
import os
import sys
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import msgspec

from pytest_devops_gates import disk
from pytest_devops_gates.baseline import Baseline
from pytest_devops_gates.basetree import is_settings, lay_out, with_own_pyproject
from pytest_devops_gates.change import Change
from pytest_devops_gates.engine.schedule import Running
from pytest_devops_gates.engine.task import Job, Task
from pytest_devops_gates.errors import CannotTell
from pytest_devops_gates.evidence import Evidence, Finding
from pytest_devops_gates.findings import complete, read_source
from pytest_devops_gates.gate import Gate
from pytest_devops_gates.newness import (
    AtBase,
    New,
    is_open,
    lacks_numbers,
    newness,
    numbers_at_base,
)
from pytest_devops_gates.plan import Plan
from pytest_devops_gates.project import Project
from pytest_devops_gates.reaper import Reaper
from pytest_devops_gates.remeasure import MARK, Remeasurement


class Basis:
    """Completes the findings of each gate as it ends, and runs it on the base where it has to."""

    def __init__(
        self,
        project: Project,
        plan: Plan,
        owed: Baseline,
        reaper: Reaper,
        room: contextlib.ExitStack,
    ) -> None:
        self.project = project
        self.evidence: dict[str, Evidence] = {}
        self.at_base: dict[str, AtBase] = {}
        self._plan = plan
        self._owed = owed
        self._reaper = reaper
        self._room = room
        self._laid: dict[bool, Project] = {}
        self._keys: dict[str, Path] = {}

    def take(self, task: Task, evidence: Evidence) -> Running | None:
        """A gate has ended. Returns its run on the base's tree, if one is needed."""
        name = task.gate.name
        evidence = completed(name, evidence, self.project.root)
        self.evidence[name] = evidence
        change = self.project.change
        if change is None or evidence.not_applicable or MARK in os.environ:
            return None
        if not self._is_needed(task.gate, evidence, change):
            return None
        kept = self._keys[name] = self._place(task, evidence, change)
        with contextlib.suppress(OSError, ValueError):
            self.at_base[name] = decoded(disk.read_plain(kept))
            return None
        try:
            if task.gate.static:
                return Job(task, self._base_project(task.gate, change), self._reaper)
            patience = self._plan.settings["tests"].timeout
            return Remeasurement(task, self.project, change, self._reaper, self._room, patience)
        except (CannotTell, OSError) as trouble:
            self.at_base[name] = AtBase(Evidence(unknown=str(trouble)))
            return None

    def take_base(self, task: Task, evidence: Evidence) -> None:
        """A gate has ended on the base's tree."""
        name = task.gate.name
        laid = self._laid.get(task.gate.declared)
        root = laid.root if laid else self.project.root
        evidence = completed(name, evidence, root)
        lines = ("",) * len(evidence.findings) if task.gate.private else _lines(evidence, root)
        found = AtBase(evidence, lines)
        self.at_base[name] = found
        if not evidence.unknown:
            with contextlib.suppress(OSError):
                self._keys[name].parent.mkdir(parents=True, exist_ok=True)
                disk.write(self._keys[name], msgspec.json.encode(found).decode())

    def newness(self, name: str, evidence: Evidence, waived: Callable[[Finding], bool]) -> New:
        """Which of a gate's findings are new, and what was measured at the base."""
        gate = next(gate for gate in self._plan.gates if gate.name == name)
        there = self.at_base.get(name)
        if not gate.debt:
            numbers = numbers_at_base(name, self._owed, there.evidence if there else None)
            return New(evidence.findings, numbers)
        return newness(evidence, name, self._owed, there, self.project, waived)

    def _is_needed(self, gate: Gate, evidence: Evidence, change: Change) -> bool:
        settings = self._plan.settings[gate.name]
        if not gate.static:
            return lacks_numbers(settings, self._owed) and not evidence.unknown
        is_hook = self.project.scope is not None
        return lacks_numbers(settings, self._owed) or is_open(
            settings, evidence, self._owed, change, hurried=is_hook
        )

    def _base_project(self, gate: Gate, change: Change) -> Project:
        own = gate.declared
        if own not in self._laid:
            laid = lay_out(self.project, change, self._room, own_settings=own)
            self._laid[own] = with_own_pyproject(laid) if own else laid
        return self._laid[own]

    def _place(self, task: Task, evidence: Evidence, change: Change) -> Path:
        """Where the evidence of a gate at the base is kept: for one commit, tool and settings."""
        root = self.project.root
        touched = sorted(f.path for f in change.files if is_settings(f.path))
        receipt = evidence.receipt
        parts = [
            change.base.commit,
            str(self.project.toplevel and os.path.relpath(root, self.project.toplevel)),
            task.gate.name,
            repr(task.options),
            repr(task.asked),
            repr(self.project.scope),
            repr(receipt and (receipt.tool, receipt.version)),
            sys.version,
            json.dumps(sorted(_installed())),
            *(f"{name} {_digest(root / name)}" for name in touched),
        ]
        key = hashlib.blake2b("\0".join(parts).encode("utf-8", "replace"), digest_size=20)
        return self.project.cache / "base" / f"{key.hexdigest()}.json"


def decoded(data: bytes) -> AtBase:
    """What is kept of a gate at the base. Raises ValueError for what is no such thing."""
    found = msgspec.json.decode(data, type=AtBase)
    if len(found.lines) != len(found.evidence.findings):
        raise ValueError("not a line for each finding")
    return found


def completed(name: str, evidence: Evidence, root: Path) -> Evidence:
    """Evidence whose findings say all that the engine knows of them."""
    return msgspec.structs.replace(evidence, findings=complete(name, evidence.findings, root))


def _lines(evidence: Evidence, root: Path) -> tuple[str, ...]:
    read = lru_cache(maxsize=64)(lambda path: read_source(root, path))
    return tuple(read(f.path).line(f.line) if f.path and f.line else "" for f in evidence.findings)


def _digest(path: Path) -> str:
    try:
        return hashlib.sha256(disk.read_plain(path)).hexdigest()
    except OSError:
        return "-"


def _installed() -> set[str]:
    """All that is installed beside the tools: type checkers read it."""
    return {f"{d.name} {d.version}" for d in importlib.metadata.distributions()}
