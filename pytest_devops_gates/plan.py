"""What a run will do: every gate's settings, settled from all that says something of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from pytest_devops_gates.choice import Level, choose, left_out, level_of
from pytest_devops_gates.conditions import Condition, parse_condition
from pytest_devops_gates.config import TABLE, GateTable, Table
from pytest_devops_gates.counts import selector
from pytest_devops_gates.decode import decode, one_of
from pytest_devops_gates.errors import UsageError, did_you_mean
from pytest_devops_gates.gate import ANY_METRIC, OFF, REQUIRED, Gate, Options
from pytest_devops_gates.policy import Settings
from pytest_devops_gates.project import Project
from pytest_devops_gates.stage import Stage


class Plan(msgspec.Struct, frozen=True):
    """Every known gate with its settings, and those that will run with their options.

    ``reasons`` says for each gate that will not run why it is ``off``, and ``origins`` for each
    gate where its level and its conditions come from, by ``level`` and the metric's name.
    """

    gates: tuple[Gate, ...]
    settings: dict[str, Settings]
    options: dict[str, Options]
    reasons: dict[str, str]
    origins: dict[str, dict[str, str]]
    profile: str
    stages: tuple[str, ...]
    complete: bool
    deadline: float
    digest: str


def plan(
    table: Table,
    gates: Iterable[Gate],
    project: Project,
    *,
    profile: str | None = None,
    stages: Sequence[str] = (),
    only: Sequence[str] = (),
    levels: Mapping[str, str] | None = None,
) -> Plan:
    """Settle every gate's settings: command line beats gate beats profile beats default.

    ``only`` names the gates to run, with what they need; all of them if it is empty. ``levels``
    beats what the configuration says.
    Raises UsageError for a gate, stage, profile or metric that does not exist.
    """
    gates = tuple(sorted(gates, key=lambda gate: list(Stage).index(gate.stage)))
    _check_needs(gates)
    _check_names(table, [gate.name for gate in gates])
    choice = choose(table, gates, profile, stages, only)
    found = {gate.name: level_of(gate, table, choice, levels or {}) for gate in gates}
    reasons = left_out(gates, table, choice, found, project.root)
    options = {gate.name: _options(gate, table.gates.get(gate.name, GateTable())) for gate in gates}
    _check_references(gates, options)
    stated = {
        gate.name: _stated(gate, project, options[gate.name])
        for gate in gates
        if gate.name not in reasons
    }
    settled = {
        gate.name: _settle(gate, table, found[gate.name], stated.get(gate.name, {}))
        for gate in gates
    }
    settings = {name: own for name, (own, _) in settled.items()}
    return Plan(
        gates=gates,
        settings=settings,
        options=options,
        reasons=reasons,
        origins={name: origin for name, (_, origin) in settled.items()},
        profile=choice.profile,
        stages=tuple(stages or choice.table.stages or [s.value for s in Stage]),
        complete=not stages and not only,
        deadline=table.deadline,
        digest=_digest(choice.profile, settings, options, table),
    )


def _stated(gate: Gate, project: Project, options: Options) -> Mapping[str, str]:
    """The conditions that the project's own tool settings state."""
    return gate.limits(project, options) if gate.limits else {}


def _settle(
    gate: Gate, table: Table, level: Level, stated: Mapping[str, str]
) -> tuple[Settings, dict[str, str]]:
    own = table.gates.get(gate.name, GateTable())
    path = f"{TABLE}.gates.{gate.name}"
    wanted = {**gate.conditions, **stated, **own.conditions}
    warned = {**gate.warnings, **own.warnings}
    name, configured = level
    origins = dict.fromkeys(
        gate.conditions, f"{gate.origin}.conditions" if gate.origin else "default"
    )
    origins |= dict.fromkeys(stated, "the project's own tool settings")
    origins |= dict.fromkeys(own.conditions, f"{path}.conditions")
    conditions = _conditions(gate, wanted, origins)
    origins["level"] = configured or gate.origin or "default"
    if gate.required_once_limited and conditions and not configured and name != OFF:
        name, origins["level"] = REQUIRED, "required, since it has a limit"
    settings = Settings(
        name=gate.name,
        stage=gate.stage.value,
        level=name,
        timeout=own.timeout or gate.timeout,
        owner=own.owner,
        conditions=conditions,
        warnings=_conditions(gate, warned, _places(gate, own, path)),
        again=gate.again,
    )
    return settings, origins


def _places(gate: Gate, own: GateTable, path: str) -> dict[str, str]:
    """Where the conditions stand that only warn."""
    return dict.fromkeys(gate.warnings, "default") | dict.fromkeys(own.warnings, f"{path}.warnings")


def _conditions(
    gate: Gate, table: Mapping[str, str], origins: Mapping[str, str]
) -> tuple[Condition, ...]:
    """``origins`` are the keys where the conditions stand, for what is said of a wrong one."""
    found = []
    for metric, text in table.items():
        stated = origins[metric] if "." in origins[metric] else f"the gate {gate.name}: conditions"
        here = f"{stated}.{metric}"
        name, colon, target = metric.partition(":")
        known_here = name + colon in gate.metrics and bool(target) == bool(colon)
        if not known_here and not selector(metric) and ANY_METRIC not in gate.metrics:
            known = [*gate.metrics, "findings.new", "findings.total", "findings.high"]
            raise UsageError(f"{here}: unknown metric{did_you_mean(metric, known)}")
        try:
            found.append(parse_condition(metric, text))
        except ValueError as error:
            raise UsageError(f"{here}: {error}") from None
    return tuple(found)


def _options(gate: Gate, own: GateTable) -> Options:
    path = f"{TABLE}.gates.{gate.name}.options"
    if gate.options is None:
        return own.options
    return decode(gate.options, own.options, path)


def _check_names(table: Table, names: Sequence[str]) -> None:
    for name in table.gates:
        one_of(name, names, f"{TABLE}.gates.{name}", "gate")
    for profile, content in table.profiles.items():
        for name in content.levels:
            one_of(name, names, f"{TABLE}.profiles.{profile}.levels.{name}", "gate")


def _check_references(gates: Sequence[Gate], options: Mapping[str, Options]) -> None:
    """Raises UsageError when the options of a gate speak of one that there is not."""
    for gate in gates:
        references = gate.refers(options[gate.name]) if gate.refers else {}
        for key, named in references.items():
            one_of(named, options, f"{TABLE}.gates.{gate.name}.options.{key}", "gate")


def _check_needs(gates: Iterable[Gate]) -> None:
    """Raises UsageError when gates wait for each other, or for one that there is not."""
    needs = {gate.name: set(gate.needs) for gate in gates}
    for gate in gates:
        for need in gate.needs:
            one_of(need, needs, f"{gate.origin or f'the gate {gate.name}'}.needs", "gate")
    while free := [name for name, waits in needs.items() if not waits & needs.keys()]:
        for name in free:
            del needs[name]
    if needs:
        raise UsageError(f"the gates {', '.join(needs)} need each other in a circle")


def _digest(
    profile: str, settings: Mapping[str, Settings], options: Mapping[str, Options], table: Table
) -> str:
    """The digest of all that decides: of a run, of shards put together, and of a roll-out."""
    content: Any = msgspec.to_builtins(
        [profile, settings, options, table.shards, table.environments]
    )
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(canonical.encode()).hexdigest()
