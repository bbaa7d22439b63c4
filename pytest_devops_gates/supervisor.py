"""One run: plan, run, judge, report. What it returns is pytest's exit status."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import time
import traceback
from collections.abc import Mapping
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pytest_devops_gates import config, git, invocation, redact, registry, runs, screen, session
from pytest_devops_gates.conclude import conclude
from pytest_devops_gates.engine import schedule
from pytest_devops_gates.engine.task import Job, Task
from pytest_devops_gates.errors import CannotTell, UsageError
from pytest_devops_gates.evidence import Evidence
from pytest_devops_gates.gates.coverage import packages
from pytest_devops_gates.interrupts import listening
from pytest_devops_gates.project import Project
from pytest_devops_gates.reaper import Reaper
from pytest_devops_gates.reporters import verdict_json
from pytest_devops_gates.stage import Stage
from pytest_devops_gates.verdict import (
    EXIT_INTERNAL,
    EXIT_UNKNOWN,
    EXIT_USAGE,
    SCHEMA,
    UNKNOWN,
    PolicySource,
    Selection,
    StageOutcome,
    Verdict,
)

PYTEST_USAGE_ERROR = 4
PROJECT_FILES = ("pyproject.toml", "setup.py", "setup.cfg")


def supervise(pytest_config: pytest.Config, options: argparse.Namespace) -> int:
    """Carry the project round the loop; returns the exit status, which is the verdict."""
    clock = time.monotonic()
    try:
        pending = _pending(options)
        root = Path(pytest_config.rootpath)
        screen.reserve_standard_streams()
        run = runs.create(root, verdict_json.render(pending), pending.run_id)
        with listening() as interrupts:
            verdict = _safely(pytest_config, options, run, pending, interrupts)
        verdict = redact.redact(verdict, redact.secrets(os.environ))
        verdict = msgspec.structs.replace(verdict, seconds=round(time.monotonic() - clock, 3))
        usable = verdict.exit_status != EXIT_USAGE  # the folder itself may be what is wrong
        copy_to = invocation.report_folder(options, pytest_config) if usable else None
        verdict = _record(verdict, run, copy_to)
        screen.show(verdict, run, root)
        return verdict.exit_status
    except OSError as error:  # not even a run's folder: no disk to write to
        print(f"devops gates: nothing can be written: {error}", file=sys.stderr)
        return EXIT_UNKNOWN


def _pending(options: argparse.Namespace) -> Verdict:
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
        profile=options.devops_gates_profile or "merge",
        stages=tuple(StageOutcome(stage.value, UNKNOWN) for stage in Stage),
    )


def _safely(
    pytest_config: pytest.Config,
    options: argparse.Namespace,
    run: runs.Run,
    pending: Verdict,
    interrupts: schedule.Interrupts,
) -> Verdict:
    """The verdict; an error in the configuration, or one of ours, is one as well."""
    try:
        return _judge(pytest_config, options, run, pending, interrupts)
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


def _record(verdict: Verdict, run: runs.Run, copy_to: Path | None) -> Verdict:
    """Write the verdict. One that could not be written, here and where asked, is not known."""
    try:
        runs.finish(run, verdict_json.render(verdict), copy_to)
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
    run: runs.Run,
    pending: Verdict,
    interrupts: schedule.Interrupts,
) -> Verdict:
    root = Path(pytest_config.rootpath)
    _check_start(root, invocation.report_folder(options, pytest_config), run)
    pyproject = _pyproject(root)
    policy, source = _policy(root, pyproject, options.devops_gates_policy)
    table = config.read_table(policy)
    gates = registry.all_gates(pytest_config.pluginmanager)
    project = Project(
        root=root,
        run_dir=run.path,
        cache=run.cache,
        started=time.time(),
        pyproject=pyproject,
        test_paths=tuple(_slashes(path) for path in pytest_config.getini("testpaths")),
        packages=tuple(packages(root, pyproject)),
    )
    project = _prepare(project, pytest_config, options, measured=False)
    plan = config.plan(
        table,
        gates,
        project,
        profile=options.devops_gates_profile,
        stages=options.devops_gates_stage,
    )
    if not {"tests", "coverage"} & plan.reasons.keys():
        project = _prepare(project, pytest_config, options, measured=True)
    pending = msgspec.structs.replace(
        pending,
        profile=plan.profile,
        selection=Selection(stages=plan.stages, complete=plan.complete),
        policy=PolicySource(source=source, sha256=plan.digest),
    )
    base = options.devops_gates_base or table.base
    evidence, project = _gather(plan, project, base, interrupts)
    _raise_usage_error(evidence)
    return conclude(pending, plan, project, evidence, interrupts.name if interrupts.count else None)


def _gather(
    plan: config.Plan, project: Project, base: str | None, interrupts: schedule.Interrupts
) -> tuple[Mapping[str, Evidence], Project]:
    """The evidence of all gates, and the project with what git told of it meanwhile."""
    with Reaper() as reaper:
        first, project = _start(plan, project, reaper, base)
        evidence = schedule.run(
            _tasks(plan),
            project,
            reaper,
            interrupts=interrupts,
            deadline=time.monotonic() + plan.deadline,
            progress=screen.ProgressLine(),
            first=first,
        )
    return evidence, project


def _start(
    plan: config.Plan, project: Project, reaper: Reaper, base: str | None
) -> tuple[Job | None, Project]:
    """Start the tests before all else, and learn what git knows while they get going."""
    tests = next((task for task in _tasks(plan) if task.gate.name == "tests"), None)
    job = Job(tests, project, reaper) if tests else None
    state = git.state(project.root)
    return job, msgspec.structs.replace(
        project,
        files=state.files,
        listing_error=state.refused,
        toplevel=state.toplevel,
        commit=state.commit,
        dirty=state.dirty,
        base=git.merge_base(project.root, base) if base and state.commit else None,
    )


def _tasks(plan: config.Plan) -> list[Task]:
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


def _prepare(
    project: Project, pytest_config: pytest.Config, options: argparse.Namespace, *, measured: bool
) -> Project:
    prepared = session.prepare(
        pytest_config, options, project.run_dir, project.pyproject, measured=measured
    )
    return msgspec.structs.replace(project, session=prepared)


def _check_start(root: Path, report_folder: Path | None, run: runs.Run) -> None:
    """All that can be known to be wrong before anything is read or run."""
    if os.name == "nt":
        raise UsageError("--devops-gates needs Linux or macOS; Windows is not supported yet")
    _check_report_folder(report_folder, run)
    _check_root(root)


def _check_root(root: Path) -> None:
    """pytest's rootdir is the project, unless the project's own files lie above it."""
    if any((root / name).is_file() for name in PROJECT_FILES):
        return
    folders = [root, *root.parents]
    top = next((n for n, folder in enumerate(folders) if (folder / ".git").exists()), 1)
    for above in folders[1 : top + 1]:
        if any((above / name).is_file() for name in PROJECT_FILES):
            raise UsageError(
                f"pytest's rootdir is {root}, below the project in {above}, whose settings would"
                f" not be read; pass --rootdir={above}"
            )


def _check_report_folder(folder: Path | None, run: runs.Run) -> None:
    """A folder that cannot take the report is told before anything runs."""
    if folder is None:
        return
    home = (run.home or run.path).resolve()
    if home == folder.resolve() or home in folder.resolve().parents:
        raise UsageError(f"--devops-gates-report: {folder} lies inside {home}; name another folder")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"--devops-gates-report: {folder}: {error.strerror}") from None


def _pyproject(root: Path) -> dict[str, Any]:
    try:
        return config.load_toml((root / "pyproject.toml").read_bytes(), "pyproject.toml")
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise UsageError(f"pyproject.toml cannot be read: {error}") from None


def _policy(
    root: Path, pyproject: dict[str, Any], revision: str | None
) -> tuple[dict[str, Any], str]:
    """The pyproject.toml that holds the policy, and where it came from."""
    if revision is None:
        told = "devops-gates" in pyproject.get("tool", {})
        return pyproject, "pyproject.toml" if told else "defaults"
    try:
        data = git.show(root, revision, "pyproject.toml")
    except CannotTell as reason:
        raise UsageError(f"--devops-gates-policy: {reason}") from None
    named = f"pyproject.toml at {revision}"
    return (config.load_toml(data, named) if data else {}), named


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


def _slashes(path: object) -> str:
    return str(path).replace(os.sep, "/").strip("/")
