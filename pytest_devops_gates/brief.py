"""All that is known of a run before anything of it starts: the project, the policy, the plan."""

from __future__ import annotations

import argparse
import hashlib
import os
import time
from datetime import date, datetime, timezone
from pathlib import Path

import msgspec
import pytest

from pytest_devops_gates import SHARD, config, quarantine_file, registry, session
from pytest_devops_gates.charter import table_of
from pytest_devops_gates.comparison import Comparison, compare
from pytest_devops_gates.decode import one_of
from pytest_devops_gates.errors import UsageError
from pytest_devops_gates.measurement import packages
from pytest_devops_gates.plan import Plan, plan
from pytest_devops_gates.project import Project
from pytest_devops_gates.request import Request
from pytest_devops_gates.runs import Run
from pytest_devops_gates.verdict import PolicySource

PROJECT_FILES = ("pyproject.toml", "setup.py", "setup.cfg")


class Brief(msgspec.Struct, frozen=True):
    """What a run sets out with."""

    project: Project
    plan: Plan
    policy: PolicySource
    comparison: Comparison


def brief(
    pytest_config: pytest.Config,
    options: argparse.Namespace,
    request: Request,
    run: Run,
    *,
    runs: bool = True,
) -> Brief:
    """Read the policy and settle the plan; with ``runs``, get ready to carry it out.

    Raises UsageError for whatever is wrong with them.
    """
    root = request.tree or request.root
    known = compare(request, os.environ)
    table = table_of(known.judging)
    request = _of_shard(request, table, table_of(known.own))
    project = Project(
        root=root,
        run_dir=run.path,
        cache=run.cache,
        started=time.time(),
        pyproject=known.own.pyproject,
        scope=request.scope,
        message=request.message,
        shard=request.shard,
        tracker=table.tracker,
        history=table.history,
        quarantine=quarantine_file.read(known.judging.quarantine or b"", _today()).entries,
        git=request.git,
        test_paths=tuple(_slashes(path) for path in pytest_config.getini("testpaths")),
        packages=tuple(packages(root, known.own.pyproject)),
    )
    project = _with_session(project, pytest_config, options, measured=False)
    settled = planned(table, project, request, pytest_config.pluginmanager)
    if runs and not {"tests", "coverage"} & settled.reasons.keys():
        project = _with_session(project, pytest_config, options, measured=True)
    return Brief(
        project=msgspec.structs.replace(project, profile=settled.profile),
        plan=settled,
        policy=PolicySource(known.judging.source, _digest(settled.digest, known.judging.digest)),
        comparison=known,
    )


def _of_shard(request: Request, table: config.Table, own: config.Table) -> Request:
    """With the stages that the shard may speak for. Raises UsageError for one that nobody expects.

    A shard that the change adds is none of the base's yet."""
    if request.shard is None:
        return request
    known = {**own.shards, **table.shards}
    if not known:
        raise UsageError(f"{SHARD}={request.shard}: [{config.TABLE}.shards] expects no shard")
    one_of(request.shard, known, SHARD, "shard")
    stages = known[request.shard].stages or ()
    return msgspec.structs.replace(request, stages=request.stages or tuple(stages))


def planned(
    table: config.Table,
    project: Project,
    request: Request,
    manager: pytest.PytestPluginManager,
) -> Plan:
    """The plan by a configuration's table. Raises UsageError for whatever is wrong with it."""
    return plan(
        table,
        registry.all_gates(manager, table),
        project,
        profile=request.profile,
        stages=request.stages,
        only=request.only,
        levels=request.levels,
    )


def check_start(request: Request) -> None:
    """Raises UsageError for what can be known to be wrong before anything is read or run."""
    if os.name == "nt":
        raise UsageError("--devops-gates needs Linux or macOS; Windows is not supported yet")
    _check_root(request.root)


def _with_session(
    project: Project, pytest_config: pytest.Config, options: argparse.Namespace, *, measured: bool
) -> Project:
    prepared = session.prepare(
        pytest_config, options, project.run_dir, project.pyproject, measured=measured
    )
    return msgspec.structs.replace(project, session=prepared)


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


def _digest(policy: str, beside: str) -> str:
    """The digest of all that judges: of the policy alone where nothing is beside it."""
    return hashlib.sha256(f"{policy} {beside}".encode()).hexdigest() if beside else policy


def _today() -> date:
    return datetime.now(timezone.utc).date()


def _slashes(path: object) -> str:
    return str(path).replace(os.sep, "/").strip("/")
