"""``[[tool.devops-gates.command]]``: any command becomes a gate, with no code."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable, Iterator
from pathlib import PurePath

from pytest_devops_gates.builtin import READERS
from pytest_devops_gates.config import TABLE, CommandTable, GateTable
from pytest_devops_gates.decode import one_of
from pytest_devops_gates.errors import UsageError
from pytest_devops_gates.evidence import Evidence
from pytest_devops_gates.gate import (
    ANY_METRIC,
    LEVELS,
    OFF,
    Canary,
    Command,
    Gate,
    NoOptions,
    Options,
    Output,
    Reader,
)
from pytest_devops_gates.project import Project
from pytest_devops_gates.stage import Stage


def _elsewhere(table: CommandTable) -> str:
    """The profile of another time: what is in operation is not what is about to be released."""
    return "release" if table.stage == Stage.OPERATE else "operate"


def command_gates(tables: Iterable[CommandTable]) -> Iterator[Gate]:
    """The gates that are commands. Raises UsageError naming the key that is wrong."""
    for number, table in enumerate(tables):
        path = f"{TABLE}.command[{number}]"
        _check(table, path)
        yield _gate(table, READERS[table.reads], path)


def declared_gates(tables: Iterable[tuple[str, GateTable]]) -> Iterator[Gate]:
    """The gates that a conftest.py adds, as far as the configuration declares them."""
    for name, table in tables:
        if table.testimony:
            yield Gate(
                name=name,
                stage=Stage(table.stage or Stage.TEST),
                needs=("tests",),
                testimony=True,
                metrics=(ANY_METRIC,),
                again="pytest",
                about="What a conftest.py of the project found after the last test.",
                origin=f"{TABLE}.gates.{name}",
            )


def _check(table: CommandTable, path: str) -> None:
    one_of(table.stage, [stage.value for stage in Stage], f"{path}.stage", "stage")
    one_of(table.reads, READERS, f"{path}.reads", "format")
    one_of(table.level, LEVELS, f"{path}.level", "level")
    if not table.run or not table.run[0]:
        raise UsageError(f"{path}.run: names no command")
    if not 0 < table.timeout < 10_000_000:
        raise UsageError(f"{path}.timeout: {table.timeout} is no number of seconds")
    if table.exit_codes is not None and not {*table.exit_codes} <= {*range(256)}:
        raise UsageError(f"{path}.exit-codes: an exit code is a number from 0 to 255")
    if table.exit_codes == []:
        raise UsageError(f"{path}.exit-codes: names none; leave it out for the format's own")
    if table.output is not None and table.reads == "exit-code":
        raise UsageError(f"{path}.output: nothing is read but the exit code; leave it out")
    for key, name in [("output", table.output), *(("canary", name) for name in table.canary)]:
        if name is not None and not _is_below(name):
            raise UsageError(f"{path}.{key}: '{name}' is no path below the project's root")


def _is_below(name: str) -> bool:
    return (
        bool(name)
        and "\0" not in name
        and not PurePath(name).is_absolute()
        and ".." not in PurePath(name).parts
    )


def _gate(table: CommandTable, reader: Reader, path: str) -> Gate:
    def command(project: Project, options: Options) -> Command:
        env = {name: os.environ[name] for name in table.pass_env if name in os.environ}
        return Command(table.run, report=table.output, env=env, trusted=True)

    def read(output: Output, project: Project, options: Options) -> Evidence:
        return reader.read(output)

    def canary(project: Project, options: Options) -> Canary:
        return Canary(f"the canary of {table.name}", dict(table.canary))

    return Gate(
        name=table.name,
        stage=Stage(table.stage),
        command=command,
        read=read,
        needs=tuple(table.needs),
        accepts=tuple(table.exit_codes or reader.accepts),
        timeout=table.timeout,
        level=table.level,
        levels={"commit": OFF, _elsewhere(table): OFF},
        conditions={**reader.conditions, **table.conditions},
        options=NoOptions,
        metrics=reader.metrics,
        again=shlex.join(table.run),
        about=f"The command `{shlex.join(table.run)}`, read as {table.reads}.",
        canary=canary if table.canary else None,
        origin=path,
    )
