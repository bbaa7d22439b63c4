"""What loosens in ``[tool.devops-gates]`` beside the gates' own settings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from pytest_devops_gates.config import (
    TABLE,
    CommandTable,
    GateTable,
    ProfileTable,
    Table,
    with_stages,
)
from pytest_devops_gates.evidence import Finding, Severity
from pytest_devops_gates.gate import Gate
from pytest_devops_gates.loosening.rollouts import rollouts
from pytest_devops_gates.loosening.say import canonical, told
from pytest_devops_gates.loosening.settings import weaker_level
from pytest_devops_gates.stage import Stage

DEFAULT = "merge"
STANDARD = ("commit", "merge", "release")
"""The standard profiles that ask for ever more."""
PROFILES = (*STANDARD, "operate")

NO_OTHER_WORK = {"name", "level", "timeout", "conditions", "stage"}
"""Keys of a command that are compared as settings of its gate, or that its name implies."""


def tables(
    before: Table, after: Table, gates: Mapping[str, Gate], chosen: str = DEFAULT
) -> Iterator[Finding]:
    """Each loosening of the configuration's table.

    ``gates`` are those that there are here, for the levels that they have by default. The levels
    of the profile ``chosen`` are left to ``policy``, which tells them as they are settled.
    """
    yield from _profile(before, after)
    if before.base != after.base:
        yield told("base-changed", f"{TABLE}.base", before.base, after.base)
    if before.deadline != after.deadline:
        yield told(
            "deadline-changed",
            f"{TABLE}.deadline",
            before.deadline,
            after.deadline,
            severity=Severity.LOW,
        )
    if before.tracker and before.tracker != after.tracker:
        was, now = msgspec.to_builtins(before.tracker), msgspec.to_builtins(after.tracker)
        yield told("tracker-changed", f"{TABLE}.tracker", was, now)
    for name in sorted({*before.profiles, *after.profiles}):
        yield from _stages(name, before.profiles.get(name), after.profiles.get(name))
        if name != chosen and name in before.profiles:
            yield from _levels(name, before, after, gates)
    yield from _commands(before, after)
    yield from rollouts(before, after)


def _profile(before: Table, after: Table) -> Iterator[Finding]:
    base, here = before.profile or DEFAULT, after.profile or DEFAULT
    own = {*before.profiles, *after.profiles} & {base, here}
    known = not own and {base, here} <= {*STANDARD}
    if base != here and not (known and STANDARD.index(here) > STANDARD.index(base)):
        yield told("profile-changed", f"{TABLE}.profile", base, here)


def _stages(name: str, base: ProfileTable | None, here: ProfileTable | None) -> Iterator[Finding]:
    """Without a list of stages a profile has all of them."""
    path = f"{TABLE}.profiles.{name}"
    if base is not None and here is None and name not in PROFILES:
        yield told("profile-changed", path, "a profile", "gone")
        return
    if base is None and name not in PROFILES:
        return  # there was nothing to weaken; choosing it is told of
    left = with_stages(name, here).stages or [stage.value for stage in Stage]
    for stage in with_stages(name, base).stages or [stage.value for stage in Stage]:
        if stage not in left:
            yield told("stage-removed", f"{path}, stage {stage}", "on", "off")


def _levels(
    profile: str, before: Table, after: Table, gates: Mapping[str, Gate]
) -> Iterator[Finding]:
    """A level that a gate has for itself beats that of any profile."""
    here = after.profiles.get(profile, ProfileTable()).levels
    for name, level in before.profiles[profile].levels.items():
        gate = gates.get(name)
        standard = profile if profile in PROFILES else DEFAULT
        default = gate.levels.get(standard, gate.level) if gate else "gone"
        own = after.gates.get(name, GateTable()).level
        was = before.gates.get(name, GateTable()).level or level
        now = own or here.get(name, default)
        if weaker_level(was, now):
            yield told("level-lowered", f"{TABLE}.profiles.{profile}.levels.{name}", was, now)


def _commands(before: Table, after: Table) -> Iterator[Finding]:
    """Any change of what a command does: nobody can tell whether it still finds as much. One that
    is gone is a gate that is gone."""
    left = {command.name: command for command in after.command}
    for base in before.command:
        here = left.get(base.name)
        for key, was in _work(base).items() if here else ():
            now = _work(here)[key] if here else None
            if canonical(was) != canonical(now):
                yield told("command-changed", f"the command {base.name}, {key}", was, now)


def _work(command: CommandTable) -> dict[str, Any]:
    table: dict[str, Any] = msgspec.to_builtins(command)
    return {key: value for key, value in table.items() if key not in NO_OTHER_WORK}
