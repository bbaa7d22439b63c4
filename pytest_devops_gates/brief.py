"""All that is known of a run before anything of it starts: the project, the policy, the plan."""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pytest_devops_gates import config, git, registry, session
from pytest_devops_gates.errors import CannotTell, UsageError
from pytest_devops_gates.gates.coverage import packages
from pytest_devops_gates.plan import Plan, plan
from pytest_devops_gates.project import Project
from pytest_devops_gates.request import Request
from pytest_devops_gates.runs import Run
from pytest_devops_gates.verdict import PolicySource

PROJECT_FILES = ("pyproject.toml", "setup.py", "setup.cfg")


class Brief(msgspec.Struct, frozen=True):
    """What a run sets out with. ``base`` is the revision that the change is compared with."""

    project: Project
    plan: Plan
    policy: PolicySource
    base: str | None


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
    pyproject = config.read_pyproject(root)
    policy, source = _policy(request.root, pyproject, request.policy)
    table = config.read_table(policy)
    gates = registry.all_gates(pytest_config.pluginmanager, table)
    project = Project(
        root=root,
        run_dir=run.path,
        cache=run.cache,
        started=time.time(),
        pyproject=pyproject,
        scope=request.scope,
        message=request.message,
        git=request.git,
        test_paths=tuple(_slashes(path) for path in pytest_config.getini("testpaths")),
        packages=tuple(packages(root, pyproject)),
    )
    project = _with_session(project, pytest_config, options, measured=False)
    settled = plan(
        table,
        gates,
        project,
        profile=request.profile,
        stages=request.stages,
        only=request.only,
        levels=request.levels,
    )
    if runs and not {"tests", "coverage"} & settled.reasons.keys():
        project = _with_session(project, pytest_config, options, measured=True)
    return Brief(
        project=msgspec.structs.replace(project, profile=settled.profile),
        plan=settled,
        policy=PolicySource(source=source, sha256=settled.digest),
        base=request.base or table.base,
    )


def check_start(request: Request) -> None:
    """Raises UsageError for what can be known to be wrong before anything is read or run."""
    if os.name == "nt":
        raise UsageError("--devops-gates needs Linux or macOS; Windows is not supported yet")
    _check_root(request.root)


def with_state(project: Project, state: git.GitState, base: str | None) -> Project:
    """The project with what git says of it."""
    since = git.merge_base(project.root, base) if base and state.commit else None
    missing = f"git finds no commit that HEAD shares with '{base}' · git fetch --unshallow origin"
    return msgspec.structs.replace(
        project,
        files=state.files,
        listing_error=state.refused,
        toplevel=state.toplevel,
        commit=state.commit,
        dirty=state.dirty,
        base=since,
        base_error=missing if base and state.commit and since is None else None,
    )


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


def _slashes(path: object) -> str:
    return str(path).replace(os.sep, "/").strip("/")
