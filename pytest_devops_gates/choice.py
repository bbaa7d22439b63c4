"""What of all gates is to run, and why the others do not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from pytest_devops_gates.config import TABLE, GateTable, ProfileTable, Table, with_stages
from pytest_devops_gates.decode import one_of
from pytest_devops_gates.errors import UsageError
from pytest_devops_gates.extras import is_missing
from pytest_devops_gates.gate import ADVISORY, OFF, Gate
from pytest_devops_gates.stage import Stage

PROFILES = ("commit", "merge", "release", "operate")
Level = tuple[str, str | None]
"""A gate's level, and the key of the configuration that says so, if one does."""


class Choice(NamedTuple):
    """What of all gates is to run: the profile and its table, and the stages and gates that were
    asked for by name (all, where these are empty)."""

    profile: str
    table: ProfileTable
    stages: Sequence[str]
    only: Sequence[str]


def choose(
    table: Table,
    gates: Sequence[Gate],
    profile: str | None,
    stages: Sequence[str],
    only: Sequence[str],
) -> Choice:
    """Raises UsageError for a profile or a stage that does not exist."""
    for stage in stages:
        one_of(stage, [s.value for s in Stage], "--devops-gates-stage", "stage")
    named = _profile(table, profile)
    if only and profile is None:
        named = _where_on(only, gates, table, named)
    return _in_profile(table, named)._replace(stages=stages, only=only)


def _in_profile(table: Table, profile: str) -> Choice:
    return Choice(profile, with_stages(profile, table.profiles.get(profile)), (), ())


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
        chosen = _in_profile(table, profile)
        for gate in named:
            is_there = chosen.table.stages is None or gate.stage.value in chosen.table.stages
            if is_there and level_of(gate, table, chosen, {})[0] != OFF:
                return profile
    return usual


def level_of(gate: Gate, table: Table, chosen: Choice, asked: Mapping[str, str]) -> Level:
    """Command line beats gate beats profile beats default."""
    profile = chosen.profile
    if gate.name in asked:
        return asked[gate.name], "the command line"
    own = table.gates.get(gate.name, GateTable()).level
    if own:
        return own, f"{TABLE}.gates.{gate.name}.level"
    if gate.name in chosen.table.levels:
        return chosen.table.levels[gate.name], f"{TABLE}.profiles.{profile}.levels.{gate.name}"
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


def left_out(
    gates: Sequence[Gate],
    table: Table,
    chosen: Choice,
    levels: Mapping[str, Level],
    root: Path,
) -> dict[str, str]:
    """Why gates do not run, by their names. Raises UsageError where none of those that were asked
    for by name would."""
    wanted = _with_needs(chosen.only, gates)
    found = {gate.name: _off(gate, levels[gate.name][0], wanted, chosen) for gate in gates}
    reasons = {name: reason for name, reason in found.items() if reason}
    _check_asked(chosen.only, reasons, chosen.profile)
    _leave_out_missing(gates, table, levels, reasons, root)
    _follow_needs(gates, levels, reasons)
    return reasons


def _off(gate: Gate, level: str, wanted: frozenset[str], chosen: Choice) -> str | None:
    profile, stages, own = chosen.profile, chosen.stages, chosen.table.stages
    if wanted and gate.name not in wanted:
        return "not selected"
    if stages and gate.stage.value not in stages:
        return "not selected"
    if level == OFF:
        return f"off in the profile {profile}" if gate.levels.get(profile) == OFF else "level off"
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
    levels: Mapping[str, Level],
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
    gates: Sequence[Gate], levels: Mapping[str, Level], reasons: dict[str, str]
) -> None:
    """A gate is off with one that it needs, unless the configuration asks for it by name."""
    for gate in gates:
        needed = [need for need in gate.needs if need in reasons]
        asked_for = levels[gate.name][1] or gate.origin
        if needed and gate.name not in reasons and not asked_for:
            reasons[gate.name] = f"needs {needed[0]}, which is off"
