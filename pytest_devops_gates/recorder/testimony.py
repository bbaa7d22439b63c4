"""Gates of conftest.py files: run inside the test process after the last test, as testimony."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pytest_devops_gates import config as configuration
from pytest_devops_gates import git
from pytest_devops_gates.errors import CannotTell, NotApplicable, UsageError
from pytest_devops_gates.evidence import Evidence
from pytest_devops_gates.gate import Gate, Output
from pytest_devops_gates.process import environment, find_tool, run
from pytest_devops_gates.project import Project

Emit = Callable[..., None]


def testify(
    pytest_config: pytest.Config, run_dir: Path, declared: dict[str, Any], emit: Emit
) -> None:
    """Emit ``testimony`` for each declared gate, ``undeclared`` for each that is not."""
    project: Project | None = None
    for gate in _gates(pytest_config, emit):
        if gate.name not in declared:
            emit("undeclared", gate=str(gate.name))
            continue
        project = project or _project(pytest_config, run_dir)
        evidence = _gather(gate, project, declared[gate.name])
        emit("testimony", gate=gate.name, evidence=msgspec.to_builtins(evidence))


def _gates(pytest_config: pytest.Config, emit: Emit) -> Iterator[Gate]:
    for implementation in pytest_config.hook.pytest_devops_gates_add.get_hookimpls():
        file = getattr(implementation.plugin, "__file__", None) or ""
        if os.path.basename(file) == "conftest.py":
            try:
                added: Any = implementation.function()
            except Exception as error:
                emit("no-gates", why=f"{file}: {type(error).__name__}: {str(error)[:200]}")
                continue
            for gate in added if isinstance(added, (list, tuple)) else [added]:
                if isinstance(gate, Gate):
                    yield gate
                else:
                    emit("no-gates", why=f"{file}: {type(gate).__name__} is no Gate")


def _project(pytest_config: pytest.Config, run_dir: Path) -> Project:
    root = Path(pytest_config.rootpath)
    state = git.state(root)
    path = root / "pyproject.toml"
    return Project(
        root=root,
        run_dir=run_dir,
        cache=run_dir.parent.parent / "cache",
        started=time.time(),
        pyproject=configuration.load_toml(path.read_bytes(), path.name) if path.is_file() else {},
        files=state.files,
        listing_error=state.refused,
        toplevel=state.toplevel,
        commit=state.commit,
        dirty=state.dirty,
    )


def _gather(gate: Gate, project: Project, options: Any) -> Evidence:
    """The gate's evidence; whatever goes wrong is evidence too."""
    try:
        if gate.conditions != Gate(gate.name, gate.stage).conditions:
            raise CannotTell(
                "states conditions in conftest.py, where nobody judges by them"
                f" · write them to [tool.devops-gates.gates.{gate.name}]"
            )
        own = msgspec.convert(options, gate.options) if gate.options else options
        if gate.applies and (reason := gate.applies(project, own)):
            return Evidence(not_applicable=reason)
        evidence = gate.function(project, own, ()) if gate.function else _ask(gate, project, own)
        return evidence.checked()
    except NotApplicable as evidence_of_it:
        return Evidence(not_applicable=str(evidence_of_it))
    except (CannotTell, UsageError) as reason:
        return Evidence(unknown=str(reason))
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # pytest.skip() is none of Exception
        said = json.dumps(str(error)[:200])
        return Evidence(unknown=f"the gate's own code crashed: {type(error).__name__} {said}")


def _ask(gate: Gate, project: Project, options: Any) -> Evidence:
    """What the gate's reader makes of its command."""
    if gate.command is None or gate.read is None:
        raise CannotTell("needs a command and a reader, or a function")
    command = gate.command(project, options)
    process = run(
        [find_tool(command.argv[0], project.root), *command.argv[1:]],
        cwd=project.root,
        env=environment(command.env, trusted=True),
        log_dir=project.run_dir / "logs" / gate.name,
        name="tool",
        timeout=gate.timeout,
    )
    failure = process.failure(gate.accepts)
    if failure:
        raise CannotTell(f"{command.argv[0]} {failure}")
    output = Output(
        exit_code=process.returncode or 0, stdout=process.stdout(), stderr=process.stderr()
    )
    return gate.read(output, project, options)
