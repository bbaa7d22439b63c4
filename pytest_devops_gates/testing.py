"""For the tests of those who write gates; the tests of the built-in gates use it as well.

``judge`` runs one gate on a folder through the real engine and the real policy, ``read`` gives its
reader what a tool printed, and ``prove`` plants its canary.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from pytest_devops_gates import config, git
from pytest_devops_gates.canaries import plant
from pytest_devops_gates.comparison import with_files
from pytest_devops_gates.copies import copy_tree
from pytest_devops_gates.engine.review import reviewed
from pytest_devops_gates.engine.task import Job, Task
from pytest_devops_gates.evidence import Evidence
from pytest_devops_gates.findings import complete
from pytest_devops_gates.gate import Gate, Output
from pytest_devops_gates.measurement import packages
from pytest_devops_gates.plan import plan
from pytest_devops_gates.policy import rule
from pytest_devops_gates.project import Project, TestSession
from pytest_devops_gates.reaper import Reaper
from pytest_devops_gates.verdict import OFF, Ruling

_FOLDERS: list[tempfile.TemporaryDirectory[str]] = []
"""Run folders: they are removed when the interpreter ends, if not before."""


class Judged(msgspec.Struct, frozen=True):
    """What a gate gathered, and what the policy makes of it."""

    evidence: Evidence
    ruling: Ruling

    @property
    def outcome(self) -> str:
        return self.ruling.outcome

    @property
    def reason(self) -> str:
        return self.ruling.reason

    @property
    def rules(self) -> list[str]:
        """The rules of its findings, sorted."""
        return sorted(finding.rule for finding in self.evidence.findings)


def write(root: Path, files: Mapping[str, str | bytes]) -> Path:
    """Write files below ``root``; returns ``root``."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return root


def project(root: Path, **fields: Any) -> Project:
    """The project in a folder, as gates see it; ``fields`` replace what is found there."""
    path = root / "pyproject.toml"
    pyproject = config.load_toml(path.read_bytes(), path.name) if path.is_file() else {}
    folder = tempfile.TemporaryDirectory(prefix="devops-gates-testing-", ignore_cleanup_errors=True)
    _FOLDERS.append(folder)
    run_dir = Path(folder.name)
    found = Project(
        root=root,
        run_dir=run_dir,
        cache=run_dir / "cache",
        started=time.time(),
        pyproject=pyproject,
        packages=tuple(packages(root, pyproject)),
        session=TestSession(argv=()),
    )
    return msgspec.structs.replace(with_files(found, git.state(root)), **fields)


def judge(
    gate: Gate,
    root: Path,
    *,
    options: Mapping[str, Any] | None = None,
    conditions: Mapping[str, str] | None = None,
    gathered: Mapping[str, Evidence] | None = None,
    **fields: Any,
) -> Judged:
    """Run one gate on the project in ``root``, its own settings included.

    ``options`` and ``conditions`` are those of its configuration, ``gathered`` is the evidence of
    other gates for one that reviews them, and ``fields`` replace fields of the Project. Raises
    UsageError for options and conditions that are wrong.
    """
    here = project(root, **fields)
    try:
        own = config.GateTable(options=dict(options or {}), conditions=dict(conditions or {}))
        table = config.Table(gates={gate.name: own})
        alone = msgspec.structs.replace(gate, refers=None)  # the gates it speaks of are not here
        settled = plan(table, [alone], here, profile=here.profile)
        settings = settled.settings[gate.name]
        if gate.name in settled.reasons:
            off = Ruling(gate.name, gate.stage.value, OFF, OFF, settled.reasons[gate.name])
            return Judged(Evidence(), off)
        asked = tuple(c.metric for c in (*settings.conditions, *settings.warnings))
        task = Task(gate, settled.options[gate.name], settings.timeout, asked)
        evidence = _gather(task, here, gathered or {})
        found = complete(gate.name, evidence.findings, root)
        evidence = msgspec.structs.replace(evidence, findings=found)
        return Judged(evidence, rule(settings, evidence))
    finally:
        shutil.rmtree(here.run_dir, ignore_errors=True)


def read(
    gate: Gate,
    stdout: str | bytes = b"",
    *,
    exit_code: int = 0,
    stderr: str | bytes = b"",
    census: Sequence[str] = (),
    report: bytes | None = None,
    project: Project | None = None,
    options: Any = None,
) -> Evidence:
    """What the gate's reader makes of a tool's output. Raises CannotTell as the reader does."""
    assert gate.read is not None, f"the gate {gate.name} has no reader"
    output = Output(
        exit_code=exit_code,
        stdout=_bytes(stdout),
        stderr=_bytes(stderr),
        census=_bytes("\n".join(census)),
        report=report,
    )
    here = project or Project(Path.cwd(), Path.cwd(), Path.cwd(), time.time())
    return gate.read(output, here, options)


def prove(gate: Gate, root: Path, **arguments: Any) -> tuple[Judged, Judged]:
    """The gate on the project as it is, and on a copy with the gate's canary planted."""
    assert gate.canary is not None, f"the gate {gate.name} has no canary"
    clean = judge(gate, root, **arguments)
    with tempfile.TemporaryDirectory() as folder:
        here = project(root)
        copy = copy_tree(here, Path(folder, "copy"))
        shutil.rmtree(here.run_dir, ignore_errors=True)
        own = dict(arguments.get("options") or {})
        options = msgspec.convert(own, gate.options) if gate.options else own
        there = project(copy)
        plant(gate.canary(there, options), copy)
        shutil.rmtree(there.run_dir, ignore_errors=True)
        return clean, judge(gate, copy, **arguments)


def _gather(task: Task, here: Project, gathered: Mapping[str, Evidence]) -> Evidence:
    if task.gate.review:
        return reviewed([task], here, gathered)[task.gate.name]
    with Reaper() as reaper:
        job = Job(task, here, reaper)
        while (evidence := job.poll()) is None:
            time.sleep(0.005)
    return evidence


def _bytes(text: str | bytes) -> bytes:
    return text.encode() if isinstance(text, str) else text
