"""The gates of a run: what ships and what plugins add, all through the same hook."""

from __future__ import annotations

import re
from collections.abc import Iterable

import pytest

from pytest_devops_gates import builtin
from pytest_devops_gates.commands import command_gates, declared_gates
from pytest_devops_gates.config import TABLE, Table
from pytest_devops_gates.errors import UsageError, did_you_mean
from pytest_devops_gates.gate import LEVELS, Gate
from pytest_devops_gates.stage import Stage

BUILTIN = "devops-gates-builtin"


def all_gates(manager: pytest.PytestPluginManager, table: Table) -> list[Gate]:
    """All gates: what plugins add, the built-in ones too, and what the configuration names.

    Raises UsageError for a broken one.
    """
    found: dict[str, str] = {}
    gates: list[Gate] = []
    for gate, who in (*_added(manager), *_named(table)):
        wrong = _flaw(gate)
        if wrong:
            raise UsageError(f"the gate {gate.name!r} of {who} {wrong}")
        if gate.name in found:
            raise UsageError(
                f"the gate {gate.name} is added twice: by {found[gate.name]} and {who}"
            )
        found[gate.name] = who
        gates.append(gate)
    return gates


def _named(table: Table) -> Iterable[tuple[Gate, str]]:
    for number, gate in enumerate(command_gates(table.command)):
        yield gate, f"{TABLE}.command[{number}]"
    for gate in declared_gates(table.gates.items()):
        yield gate, f"{TABLE}.gates.{gate.name}"


def _added(manager: pytest.PytestPluginManager) -> Iterable[tuple[Gate, str]]:
    if not manager.is_registered(builtin) and not manager.register(builtin, BUILTIN):
        raise UsageError(f"-p no:{BUILTIN} takes all gates away; set their level to off instead")
    for implementation in reversed(manager.hook.pytest_devops_gates_add.get_hookimpls()):
        who = f"the plugin {implementation.plugin_name}"
        try:
            added = implementation.function()
        except Exception as error:
            raise UsageError(
                f"{who} failed to add its gates: {type(error).__name__}: {error}"
            ) from None
        for gate in list(added) if isinstance(added, (list, tuple)) else [added]:
            if not isinstance(gate, Gate):
                raise UsageError(f"{who} added {type(gate).__name__}, which is no Gate")
            yield gate, who


def _flaw(gate: Gate) -> str | None:
    """What is wrong with a gate that a plugin made."""
    if not re.fullmatch(r"(?=.{1,64}$)[a-z0-9]+(-[a-z0-9]+)*", str(gate.name)):
        return "needs a name of lower-case letters, digits and single hyphens, 64 at most"
    if not isinstance(gate.stage, Stage):
        return f"needs a Stage, not {gate.stage!r}"
    if gate.testimony:
        return None
    if (gate.command is None or gate.read is None) == (gate.function is None):
        return "needs a command and a reader, or a function"
    if gate.level not in LEVELS:
        return f"has the level {gate.level!r}{did_you_mean(str(gate.level), LEVELS)}"
    return None
