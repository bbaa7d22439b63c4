"""``[tool.devops-gates]``, decoded strictly: every mistake is one line with the key's full path."""

from __future__ import annotations

import hashlib
import json
import re
import sys
import typing
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from pytest_devops_gates.errors import UsageError, did_you_mean
from pytest_devops_gates.gate import LEVELS, OFF, REQUIRED, Gate, Options
from pytest_devops_gates.policy import Condition, Settings, parse_condition
from pytest_devops_gates.project import Project
from pytest_devops_gates.stage import Stage

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # the same module, for Python 3.10

TABLE = "tool.devops-gates"
PROFILES = ("commit", "merge", "release", "operate")
EVERY_GATE = re.compile(
    r"findings\.(total|new|known|waived|(critical|high|medium|low|info)(\.(high|medium))?)"
)


class GateTable(msgspec.Struct, frozen=True, rename="kebab"):
    """``[tool.devops-gates.gates.NAME]``."""

    level: str | None = None
    timeout: float | None = None
    owner: str | None = None
    conditions: dict[str, str] = {}
    warnings: dict[str, str] = {}
    options: dict[str, Any] = {}


class ProfileTable(msgspec.Struct, frozen=True, rename="kebab"):
    """``[tool.devops-gates.profiles.NAME]``."""

    stages: list[str] | None = None
    levels: dict[str, str] = {}


class Table(msgspec.Struct, frozen=True, rename="kebab"):
    """``[tool.devops-gates]``. ``deadline`` is in seconds, for the whole run."""

    profile: str | None = None
    base: str | None = None
    deadline: float = 21_600.0
    gates: dict[str, GateTable] = {}
    profiles: dict[str, ProfileTable] = {}


class Plan(msgspec.Struct, frozen=True):
    """Every known gate with its settings, and those that will run with their options.

    ``reasons`` says for each gate that will not run why it is ``off``.
    """

    gates: tuple[Gate, ...]
    settings: dict[str, Settings]
    options: dict[str, Options]
    reasons: dict[str, str]
    profile: str
    stages: tuple[str, ...]
    complete: bool
    deadline: float
    digest: str


def load_toml(data: bytes, name: str) -> dict[str, Any]:
    """A TOML file's table. Raises UsageError with the place of the mistake."""
    try:
        table: dict[str, Any] = tomllib.loads(data.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise UsageError(f"{name}: not UTF-8 at byte {error.start}; save it as UTF-8") from None
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{name}: {error}") from None
    return table


def read_table(pyproject: Mapping[str, Any]) -> Table:
    """The configuration's table. Raises UsageError for unknown keys, wrong types and ranges."""
    tool = pyproject.get("tool", {})
    raw = tool.get("devops-gates", {}) if isinstance(tool, dict) else {}
    table: Table = decode(Table, raw, TABLE)
    _positive(table.deadline, f"{TABLE}.deadline")
    for name, gate in table.gates.items():
        path = f"{TABLE}.gates.{name}"
        if gate.level is not None:
            _one_of(gate.level, LEVELS, f"{path}.level", "level")
        if gate.timeout is not None:
            _positive(gate.timeout, f"{path}.timeout")
    for name, profile in table.profiles.items():
        path = f"{TABLE}.profiles.{name}"
        if profile.stages == []:
            raise UsageError(f"{path}.stages: names no stage; leave it out for all of them")
        for stage in profile.stages or ():
            _one_of(stage, [s.value for s in Stage], f"{path}.stages", "stage")
        for gate_name, level in profile.levels.items():
            _one_of(level, LEVELS, f"{path}.levels.{gate_name}", "level")
    return table


def plan(
    table: Table,
    gates: Iterable[Gate],
    project: Project,
    *,
    profile: str | None = None,
    stages: Iterable[str] = (),
) -> Plan:
    """Settle every gate's settings: command line beats gate beats profile beats default.

    Raises UsageError for a gate, stage, profile or metric that does not exist.
    """
    gates = tuple(sorted(gates, key=lambda gate: list(Stage).index(gate.stage)))
    names = [gate.name for gate in gates]
    _check_needs(gates)
    told = table.profile if profile is None else profile
    chosen = "merge" if told is None else told
    where = f"{TABLE}.profile" if profile is None else "--devops-gates-profile"
    _one_of(chosen, [*PROFILES, *table.profiles], where, "profile")
    _check_names(table, names)
    picked = list(stages)
    for stage in picked:
        _one_of(stage, [s.value for s in Stage], "--devops-gates-stage", "stage")
    profile_table = table.profiles.get(chosen, ProfileTable())
    options = {gate.name: _options(gate, table.gates.get(gate.name, GateTable())) for gate in gates}
    levels = {gate.name: _level(gate, table, chosen, profile_table) for gate in gates}
    reasons = {
        gate.name: reason
        for gate in gates
        if (reason := _off(gate, levels[gate.name][0], picked, profile_table, chosen))
    }
    for gate in gates:
        needed = [need for need in gate.needs if need in reasons]
        if needed and gate.name not in reasons and not levels[gate.name][1]:
            reasons[gate.name] = f"needs {needed[0]}, which is off"
    settings = {}
    for gate in gates:
        runs = gate.limits and gate.name not in reasons
        stated = gate.limits(project, options[gate.name]) if gate.limits and runs else {}
        settings[gate.name] = _settle(gate, table, levels[gate.name], stated)
    return Plan(
        gates=gates,
        settings=settings,
        options=options,
        reasons=reasons,
        profile=chosen,
        stages=tuple(picked or profile_table.stages or [s.value for s in Stage]),
        complete=not picked,
        deadline=table.deadline,
        digest=_digest(chosen, settings, options),
    )


def decode(kind: Any, raw: Any, path: str) -> Any:
    """Decode plain data into a struct, strictly. Raises UsageError naming the key's full path."""
    if not isinstance(raw, dict):
        raise UsageError(f"{path}: expected a table, got {_kind(raw)}")
    fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
    values = {}
    for key, value in raw.items():
        here = f"{path}.{key}"
        if key not in fields:
            raise UsageError(f"{here}: unknown key{did_you_mean(key, fields)}")
        values[fields[key].name] = _value(fields[key].type, value, here)
    try:
        return kind(**values)
    except TypeError as error:
        raise UsageError(f"{path}: {error}") from None


def _value(kind: Any, raw: Any, path: str) -> Any:
    nested = _struct_of_table(kind)
    if nested is not None:
        if not isinstance(raw, dict):
            raise UsageError(f"{path}: expected a table, got {_kind(raw)}")
        return {key: decode(nested, value, f"{path}.{key}") for key, value in raw.items()}
    try:
        return msgspec.convert(raw, kind, strict=True)
    except msgspec.ValidationError as error:
        key = ""
        if isinstance(raw, dict):
            key = next((f".{k}" for k, v in raw.items() if not isinstance(v, str)), "")
        said = str(error).partition(" - at ")[0].replace("`", "")
        raise UsageError(f"{path}{key}: {said[:1].lower()}{said[1:]}") from None


def _struct_of_table(kind: Any) -> Any:
    """The struct S where a field's type is ``dict[str, S]``."""
    inner = typing.get_args(kind)[1] if typing.get_origin(kind) is dict else None
    return inner if isinstance(inner, type) and issubclass(inner, msgspec.Struct) else None


def _level(gate: Gate, table: Table, profile: str, profile_table: ProfileTable) -> tuple[str, bool]:
    """A gate's level, and whether the configuration says so."""
    own = table.gates.get(gate.name, GateTable()).level or profile_table.levels.get(gate.name)
    standard = profile if profile in PROFILES else "merge"
    return own or gate.levels.get(standard, gate.level), own is not None


def _settle(
    gate: Gate, table: Table, level: tuple[str, bool], stated: Mapping[str, str]
) -> Settings:
    own = table.gates.get(gate.name, GateTable())
    path = f"{TABLE}.gates.{gate.name}"
    wanted = {**gate.conditions, **stated, **own.conditions}
    conditions = _conditions(gate, wanted, path, "conditions")
    name, configured = level
    if gate.required_once_limited and conditions and not configured and name != OFF:
        name = REQUIRED
    return Settings(
        name=gate.name,
        stage=gate.stage.value,
        level=name,
        timeout=own.timeout or gate.timeout,
        owner=own.owner,
        conditions=conditions,
        warnings=_conditions(gate, own.warnings, path, "warnings"),
        again=gate.again,
    )


def _conditions(
    gate: Gate, table: Mapping[str, str], path: str, kind: str
) -> tuple[Condition, ...]:
    found = []
    for metric, text in table.items():
        here = f"{path}.{kind}.{metric}"
        name, colon, target = metric.partition(":")
        known_here = name + colon in gate.metrics and bool(target) == bool(colon)
        if not known_here and not EVERY_GATE.fullmatch(metric):
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


def _off(
    gate: Gate,
    level: str,
    picked: list[str],
    profile_table: ProfileTable,
    profile: str,
) -> str | None:
    if picked:
        if gate.stage.value not in picked:
            return "not selected"
    elif profile_table.stages is not None and gate.stage.value not in profile_table.stages:
        return f"not in the profile {profile}"
    if level == OFF:
        return f"off in the profile {profile}" if gate.levels.get(profile) == OFF else "level off"
    return None


def _check_names(table: Table, names: list[str]) -> None:
    for name in table.gates:
        _one_of(name, names, f"{TABLE}.gates.{name}", "gate")
    for profile, content in table.profiles.items():
        for name in content.levels:
            _one_of(name, names, f"{TABLE}.profiles.{profile}.levels.{name}", "gate")


def _check_needs(gates: Iterable[Gate]) -> None:
    """Raises UsageError when gates wait for each other."""
    needs = {gate.name: set(gate.needs) for gate in gates}
    while free := [name for name, waits in needs.items() if not waits & needs.keys()]:
        for name in free:
            del needs[name]
    if needs:
        raise UsageError(f"the gates {', '.join(needs)} need each other in a circle")


def _one_of(value: str, known: Iterable[str], path: str, noun: str) -> None:
    known = list(known)
    if value not in known:
        raise UsageError(f"{path}: unknown {noun} '{value}'{did_you_mean(value, known)}")


def _positive(seconds: float, path: str) -> None:
    if not 0 < seconds < 10_000_000:
        raise UsageError(f"{path}: {seconds} is no number of seconds")


def _kind(raw: Any) -> str:
    return {str: "a string", list: "an array", bool: "a boolean", int: "a number"}.get(
        type(raw), "something else"
    )


def _digest(profile: str, settings: Mapping[str, Settings], options: Mapping[str, Options]) -> str:
    content = msgspec.to_builtins([profile, settings, options])
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(canonical.encode()).hexdigest()
