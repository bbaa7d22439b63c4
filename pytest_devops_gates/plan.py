"""What a run will do: every gate's settings, settled from all that says something of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from pytest_devops_gates.conditions import Condition, parse_condition
from pytest_devops_gates.config import TABLE, GateTable, ProfileTable, Table, with_stages
from pytest_devops_gates.counts import selector
from pytest_devops_gates.decode import decode, one_of
from pytest_devops_gates.errors import UsageError, did_you_mean
from pytest_devops_gates.extras import is_missing
from pytest_devops_gates.gate import ADVISORY, ANY_METRIC, OFF, REQUIRED, Gate, Options
from pytest_devops_gates.policy import Settings
from pytest_devops_gates.project import Project
from pytest_devops_gates.stage import Stage

PROFILES = ("commit", "merge", "release", "operate")


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
    chosen = _profile(table, profile)
    if only and profile is None:
        chosen = _where_on(only, gates, table, chosen)
    for stage in stages:
        one_of(stage, [s.value for s in Stage], "--devops-gates-stage", "stage")
    profile_table = with_stages(chosen, table.profiles.get(chosen))
    settled_levels = {
        gate.name: _level(gate, table, chosen, profile_table, levels or {}) for gate in gates
    }
    wanted = _with_needs(only, gates)
    reasons = {
        gate.name: reason
        for gate in gates
        if (
            reason := _off(
                gate, settled_levels[gate.name][0], stages, wanted, profile_table, chosen
            )
        )
    }
    _check_asked(only, reasons, chosen)
    _leave_out_missing(gates, table, settled_levels, reasons, project.root)
    _follow_needs(gates, settled_levels, reasons)
    options = {gate.name: _options(gate, table.gates.get(gate.name, GateTable())) for gate in gates}
    settled = {
        gate.name: _settle(
            gate,
            table,
            settled_levels[gate.name],
            _stated(gate, project, options[gate.name]) if gate.name not in reasons else {},
        )
        for gate in gates
    }
    settings = {name: found for name, (found, _) in settled.items()}
    return Plan(
        gates=gates,
        settings=settings,
        options=options,
        reasons=reasons,
        origins={name: origin for name, (_, origin) in settled.items()},
        profile=chosen,
        stages=tuple(stages or profile_table.stages or [s.value for s in Stage]),
        complete=not stages and not only,
        deadline=table.deadline,
        digest=_digest(chosen, settings, options, table),
    )


def _profile(table: Table, asked: str | None) -> str:
    told = table.profile if asked is None else asked
    chosen = "merge" if told is None else told
    where = f"{TABLE}.profile" if asked is None else "--devops-gates-profile"
    one_of(chosen, [*PROFILES, *table.profiles], where, "profile")
    return chosen


def _where_on(only: Sequence[str], gates: Sequence[Gate], table: Table, usual: str) -> str:
    """The profile for gates that are asked for by name: the usual one, or the first in which one of
    them is on."""
    named = [gate for gate in gates if gate.name in only]
    for profile in (usual, *PROFILES[1:]):
        own = with_stages(profile, table.profiles.get(profile))
        for gate in named:
            is_there = own.stages is None or gate.stage.value in own.stages
            if is_there and _level(gate, table, profile, own, {})[0] != OFF:
                return profile
    return usual


def _level(
    gate: Gate, table: Table, profile: str, profile_table: ProfileTable, asked: Mapping[str, str]
) -> tuple[str, str | None]:
    """A gate's level, and the key of the configuration that says so, if one does."""
    if gate.name in asked:
        return asked[gate.name], "the command line"
    own = table.gates.get(gate.name, GateTable()).level
    if own:
        return own, f"{TABLE}.gates.{gate.name}.level"
    if gate.name in profile_table.levels:
        return profile_table.levels[gate.name], f"{TABLE}.profiles.{profile}.levels.{gate.name}"
    standard = profile if profile in PROFILES else "merge"
    return gate.levels.get(standard, gate.level), None


def _with_needs(only: Sequence[str], gates: Sequence[Gate]) -> frozenset[str]:
    """The named gates and all whose artefacts they use. Raises UsageError for an unknown name."""
    needs = {gate.name: gate.needs for gate in gates}
    wanted: set[str] = set()
    waiting = list(only)
    while waiting:
        name = waiting.pop()
        one_of(name, needs, "the command line", "gate")
        if name not in wanted:
            wanted.add(name)
            waiting += needs[name]
    return frozenset(wanted)


def _off(
    gate: Gate,
    level: str,
    stages: Sequence[str],
    wanted: frozenset[str],
    profile_table: ProfileTable,
    profile: str,
) -> str | None:
    if wanted and gate.name not in wanted:
        return "not selected"
    if stages and gate.stage.value not in stages:
        return "not selected"
    if level == OFF:
        return f"off in the profile {profile}" if gate.levels.get(profile) == OFF else "level off"
    own = profile_table.stages
    if not stages and own is not None and gate.stage.value not in own:
        return f"not in the profile {profile}"
    return None


def _check_asked(only: Sequence[str], reasons: Mapping[str, str], profile: str) -> None:
    """Raises UsageError where all that is asked for by name is off."""
    if only and all(name in reasons for name in only):
        told = f"--gate {only[0]}: {reasons[only[0]]}"
        raise UsageError(f"{told} · --devops-gates-profile PROFILE names another than {profile}")


def _leave_out_missing(
    gates: Sequence[Gate],
    table: Table,
    levels: Mapping[str, tuple[str, str | None]],
    reasons: dict[str, str],
    root: Path,
) -> None:
    """An advisory gate whose tool is not installed is off, unless the configuration names it."""
    for gate in gates:
        level, configured = levels[gate.name]
        asked_for = configured or gate.name in table.gates or level != ADVISORY
        extra = None if asked_for or gate.name in reasons else gate.extra
        if extra and is_missing(extra, root):
            tool = extra.module or extra.program
            reasons[gate.name] = f"{tool} is not installed · {extra.install}"


def _follow_needs(
    gates: Sequence[Gate], levels: Mapping[str, tuple[str, str | None]], reasons: dict[str, str]
) -> None:
    """A gate is off with one that it needs, unless the configuration asks for it by name."""
    for gate in gates:
        needed = [need for need in gate.needs if need in reasons]
        asked_for = levels[gate.name][1] or gate.origin
        if needed and gate.name not in reasons and not asked_for:
            reasons[gate.name] = f"needs {needed[0]}, which is off"


def _stated(gate: Gate, project: Project, options: Options) -> Mapping[str, str]:
    """The conditions that the project's own tool settings state."""
    return gate.limits(project, options) if gate.limits else {}


def _settle(
    gate: Gate, table: Table, level: tuple[str, str | None], stated: Mapping[str, str]
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
