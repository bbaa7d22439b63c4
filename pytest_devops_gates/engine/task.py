"""One planned gate on its way through the engine."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
import traceback
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec

from pytest_devops_gates import disk
from pytest_devops_gates.engine import child, worker
from pytest_devops_gates.errors import CannotTell, NotApplicable
from pytest_devops_gates.evidence import Evidence, Receipt
from pytest_devops_gates.gate import Command, Gate, Options, Output
from pytest_devops_gates.plan import Plan
from pytest_devops_gates.process import (
    OUTPUT_CAP,
    Process,
    environment,
    find_tool,
    last_lines,
    read_capped,
)
from pytest_devops_gates.project import Project
from pytest_devops_gates.reaper import Reaper

MEND = " · "
"""Between what went wrong and the command that mends it."""


class Task(msgspec.Struct, frozen=True):
    """A gate with what the policy lets it know: its options, its time, the metrics asked for."""

    gate: Gate
    options: Options
    timeout: float
    asked: tuple[str, ...] = ()


def planned_tasks(plan: Plan) -> list[Task]:
    """A task for each gate that is to run."""
    settled = [(gate, plan.settings[gate.name]) for gate in plan.gates]
    return [
        Task(
            gate=gate,
            options=plan.options[gate.name],
            timeout=settings.timeout,
            asked=tuple(c.metric for c in (*settings.conditions, *settings.warnings)),
        )
        for gate, settings in settled
        if gate.name not in plan.reasons
    ]


class Job:
    """A task at work. ``poll`` returns its evidence once there is some."""

    def __init__(self, task: Task, project: Project, reaper: Reaper) -> None:
        self.task = task
        self.logs = project.run_dir / "logs" / task.gate.name
        self.project = project
        self._reaper = reaper
        self._process: Process | None = None
        self._child: child.TestProcess | None = None
        self._command: Command | None = None
        self._census = b""
        self._before: disk.Mark | None = None
        self.started = time.monotonic()
        self._begun = self._guard(self._begin)

    @property
    def owns_terminal(self) -> bool:
        return self._child is not None

    def poll(self) -> Evidence | None:
        """The evidence, or None while it is still at work."""
        evidence = self._begun or self._guard(self._step)
        if evidence and evidence.unknown and not evidence.log and not self._child:
            if MEND in evidence.unknown:  # whoever knows what mends it has said enough
                return evidence
            return msgspec.structs.replace(evidence, log=tail(self.logs))
        return evidence

    def kill(self, trouble: str) -> Evidence:
        """End it at once. Its evidence is unknown, and gives the reason."""
        if self._process:
            self._process.kill(trouble)
        if self._child:
            self._child.kill()
        return self._begun or Evidence(unknown=trouble)

    @property
    def hears_terminal(self) -> bool:
        """Whether a Ctrl-C on the terminal reaches the test process without us."""
        return self._child is not None and not self._child.leads

    def testimony(self) -> dict[str, Evidence]:
        """What gates of conftest.py files said inside the test process, by their names."""
        return self._child.testimony() if self._child else {}

    def interrupt(self) -> None:
        """Ask the test process to stop by itself and print its summary."""
        if self._child:
            self._child.interrupt()

    # steps

    def _begin(self) -> Evidence | None:
        gate = self.task.gate
        if gate.applies and (reason := gate.applies(self.project, self.task.options)):
            raise NotApplicable(reason)
        if gate.function:
            request = worker.write_request(self.task, self.project)
            self._process = self._start(worker.command(request), "worker", build=True)
            return None
        assert gate.command is not None
        self._command = gate.command(self.project, self.task.options)
        if self._command.owns_terminal:
            self._child = child.TestProcess(
                self._command, self.project, self._reaper, self.task.timeout
            )
        elif self._command.census:
            self._process = self._start(self._command.census, "census")
        else:
            if self._command.report:
                report = self.project.root / self._command.report
                report.parent.mkdir(parents=True, exist_ok=True)
                self._before = disk.mark(report)
            self._process = self._start(self._command.argv, "tool")
        return None

    def _step(self) -> Evidence | None:
        if self._child:
            return self._told(self._child.output()) if self._child.poll() else None
        assert self._process is not None
        if not self._process.poll():
            return None
        if self.task.gate.function:
            return self._result()
        assert self._command is not None
        failure = self._process.failure(self.task.gate.accepts)
        if failure:
            return Evidence(unknown=f"{self._tool()} {failure}", receipt=self._receipt(None))
        if self._process.stdout_path.name == "census.stdout":
            self._census = self._process.stdout()
            self._process = self._start(self._command.argv, "tool")
            return None
        output = Output(
            exit_code=self._process.returncode or 0,
            stdout=self._process.stdout(),
            stderr=self._process.stderr(),
            census=self._census,
            asked=self.task.asked,
        )
        return self._told(output)

    def _told(self, output: Output) -> Evidence:
        """What the reader makes of it; what it cannot make sense of is unknown."""
        try:
            return self._read(self._with_report(output))
        except CannotTell as reason:
            return Evidence(unknown=f"{self._tool()} {reason}", receipt=self._receipt(output))

    def _with_report(self, output: Output) -> Output:
        """The output with the report that the tool wrote, if it names one."""
        assert self._command is not None
        if self._command.report is None:
            return output
        report = disk.read_fresh(
            self.project.root, self._command.report, self._before, self.project.started, OUTPUT_CAP
        )
        return msgspec.structs.replace(output, report=report)

    def _read(self, output: Output) -> Evidence:
        gate = self.task.gate
        receipt = self._receipt(output)
        assert gate.read is not None
        evidence = gate.read(output, self.project, self.task.options)
        if not isinstance(evidence, Evidence):
            raise CannotTell(f"its reader returned {type(evidence).__name__}, not Evidence")
        try:
            evidence = evidence.checked()
        except (ValueError, TypeError) as error:
            return Evidence(unknown=f"its reader returned wrong evidence: {error}", receipt=receipt)
        receipt = msgspec.structs.replace(receipt, examined=evidence.examined)
        return msgspec.structs.replace(evidence, receipt=receipt)

    def _result(self) -> Evidence:
        assert self._process is not None
        failure = self._process.failure((0,))
        seconds = self._process.seconds
        if failure:
            receipt = Receipt(tool=self.task.gate.name, seconds=seconds)
            return Evidence(unknown=f"its worker {failure}", receipt=receipt)
        data, evidence = worker.read_result(self.task, self.project)
        if evidence.receipt is None:
            return evidence
        own = evidence.receipt  # where the worker itself is the tool, it says no more than its name
        receipt = msgspec.structs.replace(
            own,
            version=own.version or version("pytest-devops-gates"),
            argv=own.argv or self._process.argv,
            exit_code=self._process.returncode if own.exit_code is None else own.exit_code,
            seconds=round(seconds, 3),
            examined=evidence.examined,
            output_sha256=hashlib.sha256(data).hexdigest(),
        )
        return msgspec.structs.replace(evidence, receipt=receipt)

    def _start(self, argv: Any, name: str, *, build: bool = False) -> Process:
        extra = {**(self._command.env if self._command else {}), **self._passed()}
        trusted = bool(self._command and self._command.trusted)
        argv = [find_tool(argv[0], self.project.root, trusted=trusted), *argv[1:]]
        return Process(
            argv,
            cwd=self.project.root,
            env=environment({**self.project.git, **extra}, build=build, trusted=trusted),
            log_dir=self.logs,
            name=name,
            timeout=self.task.timeout,
            reaper=self._reaper,
        )

    def _passed(self) -> dict[str, str]:
        """The secrets that the gate's worker is trusted with."""
        gate = self.task.gate
        if gate.passes is None or gate.function is None:
            return {}
        names = gate.passes(self.project, self.task.options)
        return {name: os.environ[name] for name in names if name in os.environ}

    def _tool(self) -> str:
        return _tool_name(self._command, self.task.gate)

    def _receipt(self, output: Output | None) -> Receipt:
        source = self._child or self._process
        assert source is not None
        return Receipt(
            tool=self._tool(),
            version=self._command.version if self._command else None,
            argv=tuple(source.argv),
            exit_code=source.returncode,
            seconds=round(source.seconds, 3),
            output_sha256=hashlib.sha256(output.written).hexdigest() if output else None,
        )

    def _guard(self, step: Callable[[], Evidence | None]) -> Evidence | None:
        """Whatever goes wrong in a gate's own code is evidence too."""
        try:
            return step()
        except NotApplicable as reason:
            return Evidence(not_applicable=str(reason))
        except CannotTell as reason:
            return Evidence(unknown=str(reason))
        except (Exception, SystemExit) as error:
            return crashed(error, self.logs)


def tail(logs: Path) -> str:
    """The last lines of what a gate's tools said last: on standard error, if they said anything
    there."""
    found = [path for path in logs.glob("*.std*") if path.stat().st_size]
    if not found:
        return ""
    last = max(found, key=lambda path: (path.stat().st_mtime, path.suffix == ".stderr"))
    beside = last.with_suffix(".stderr")
    chosen = beside if beside in found else last
    return last_lines(read_capped(chosen))


def crashed(error: BaseException, logs: Path) -> Evidence:
    """The evidence of a gate whose own code raised what no gate may raise."""
    with contextlib.suppress(OSError):
        logs.mkdir(parents=True, exist_ok=True)
        (logs / "traceback.txt").write_text(
            "".join(traceback.format_exception(error)), encoding="utf-8", errors="backslashreplace"
        )
    said = json.dumps(str(error)[:200])
    return Evidence(unknown=f"the gate's own code crashed: {type(error).__name__} {said}")


def _tool_name(command: Command | None, gate: Gate) -> str:
    if command is None:
        return gate.name
    return command.tool or Path(command.argv[0]).name
