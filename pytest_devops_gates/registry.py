"""The gates and reporters of a run: what ships and what plugins add, through the same hooks."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

import msgspec
import pytest

from pytest_devops_gates import builtin, runs
from pytest_devops_gates.ci import GITHUB, GITLAB
from pytest_devops_gates.commands import command_gates, declared_gates
from pytest_devops_gates.config import TABLE, Table
from pytest_devops_gates.errors import UsageError, did_you_mean, told
from pytest_devops_gates.evidence import Rule
from pytest_devops_gates.gate import GATE_NAME, LEVELS, Gate
from pytest_devops_gates.report import Reporter
from pytest_devops_gates.stage import Stage

BUILTIN = "devops-gates-builtin"
WRONG_NAME = "needs a name of lower-case letters, digits and single hyphens, 64 at most"
T = TypeVar("T")
N = TypeVar("N", Gate, Reporter)


def all_gates(manager: pytest.PytestPluginManager, table: Table) -> list[Gate]:
    """All gates: what plugins add, the built-in ones too, and what the configuration names.

    Raises UsageError for a broken one.
    """
    added = (*_implemented(manager, "pytest_devops_gates_add", Gate), *_named(table))
    return _checked("gate", added, lambda gate, _: _flaw(gate))


def all_reporters(manager: pytest.PytestPluginManager) -> list[Reporter]:
    """All formats of the report: what plugins add, the built-in ones too.

    Raises UsageError for a broken one.
    """
    added = _implemented(manager, "pytest_devops_gates_add_reporters", Reporter)
    return _checked("reporter", added, _broken)


def _checked(
    noun: str, added: Iterable[tuple[N, str]], flaw: Callable[[N, Sequence[N]], str | None]
) -> list[N]:
    """What was added, in its order. ``flaw`` says what is wrong with one beside those before it."""
    found: dict[str, str] = {}
    sound: list[N] = []
    for each, who in added:
        wrong = flaw(each, sound)
        if wrong:
            raise UsageError(f"the {noun} {each.name!r} of {who} {wrong}")
        if each.name in found:
            raise UsageError(
                f"the {noun} {each.name} is added twice: by {found[each.name]} and {who}"
            )
        found[each.name] = who
        sound.append(each)
    return sound


def _named(table: Table) -> Iterable[tuple[Gate, str]]:
    for number, gate in enumerate(command_gates(table.command)):
        yield gate, f"{TABLE}.command[{number}]"
    for gate in declared_gates(table.gates.items()):
        yield gate, f"{TABLE}.gates.{gate.name}"


def _implemented(
    manager: pytest.PytestPluginManager, hook: str, kind: type[T]
) -> Iterable[tuple[T, str]]:
    """What all plugins return from a hook, and who did; each may return one or several."""
    if not manager.is_registered(builtin) and not manager.register(builtin, BUILTIN):
        raise UsageError(f"-p no:{BUILTIN} takes all gates away; set their level to off instead")
    noun = f"{kind.__name__.lower()}s"
    for implementation in reversed(getattr(manager.hook, hook).get_hookimpls()):
        who = f"the plugin {implementation.plugin_name}"
        try:
            added = implementation.function()
        except BaseException as error:  # pytest.skip() and sys.exit() too
            raise UsageError(f"{who} failed to add its {noun}: {told(error)}") from None
        for each in list(added) if isinstance(added, (list, tuple)) else [added]:
            if not isinstance(each, kind):
                raise UsageError(f"{who} added {type(each).__name__}, which is no {kind.__name__}")
            yield each, who


def _broken(reporter: Reporter, others: Sequence[Reporter]) -> str | None:
    """What is wrong with a reporter that a plugin made, beside the others."""
    name, file = reporter.name, reporter.file
    if not isinstance(name, str) or not re.fullmatch(GATE_NAME, name):
        return WRONG_NAME
    if not callable(reporter.render):
        return "needs a function render(report) -> str"
    if reporter.ci not in ("", GITHUB, GITLAB):
        return f"needs the CI {GITHUB} or {GITLAB} or none, not {reporter.ci!r}"
    if file == "":
        return None
    if not isinstance(file, str) or not re.fullmatch(r"(?!\.)[\w.-]{1,100}", file, re.ASCII):
        return f"needs a plain file name, not {file!r}"
    # on some systems the case of a file's name makes no other file of it
    if file.lower() in {other.file.lower() for other in others}:
        return f"writes {file}, which another one writes"
    if runs.OWN.fullmatch(file):
        return f"would replace {file} of the run"
    return None


def _flaw(gate: Gate) -> str | None:
    """What is wrong with a gate that a plugin made."""
    if not re.fullmatch(GATE_NAME, str(gate.name)):
        return WRONG_NAME
    if not isinstance(gate.stage, Stage):
        return f"needs a Stage, not {gate.stage!r}"
    if gate.testimony:
        return None
    ways = (gate.function is not None) + (gate.review is not None)
    if (gate.command is not None and gate.read is not None) + ways != 1:
        return "needs a command and a reader, a function, or a review"
    if gate.level not in LEVELS:
        return f"has the level {gate.level!r}{did_you_mean(str(gate.level), LEVELS)}"
    if not isinstance(gate.suppress, str):
        return f"needs a text for suppress, not {gate.suppress!r:.80}"
    try:
        msgspec.convert(msgspec.to_builtins(gate.rules), tuple[Rule, ...])
    except (ValueError, TypeError, RecursionError) as error:
        return f"has rules that are none: {error}"
    return None
