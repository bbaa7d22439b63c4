"""``[tool.devops-gates]`` as it is written, decoded strictly."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from pytest_devops_gates.ci import AUTO, SETTINGS
from pytest_devops_gates.decode import decode, one_of
from pytest_devops_gates.errors import UsageError
from pytest_devops_gates.gate import LEVELS
from pytest_devops_gates.outside import HistoryTable, TrackerTable
from pytest_devops_gates.stage import Stage

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # the same module, for Python 3.10

TABLE = "tool.devops-gates"

MANUAL, AUTOMATIC = "manual", "automatic"


class GateTable(msgspec.Struct, frozen=True, rename="kebab"):
    """``[tool.devops-gates.gates.NAME]``.

    ``testimony`` declares a gate that a conftest.py adds; ``stage`` is for these alone.
    """

    level: str | None = None
    timeout: float | None = None
    owner: str | None = None
    conditions: dict[str, str] = {}
    warnings: dict[str, str] = {}
    options: dict[str, Any] = {}
    testimony: bool = False
    stage: str | None = None


class CommandTable(msgspec.Struct, frozen=True, rename="kebab"):
    """``[[tool.devops-gates.command]]``: any command as a gate.

    ``output`` is the file that it writes, relative to the project's root; standard output if left
    out. ``exit_codes`` are those with which its output may be read. ``pass_env`` names variables
    that it gets although they look like secrets. ``canary`` maps files to a content that must turn
    the gate red.
    """

    name: str
    stage: str
    run: list[str]
    reads: str = "exit-code"
    output: str | None = None
    level: str = "required"
    timeout: float = 600.0
    conditions: dict[str, str] = {}
    needs: list[str] = []
    exit_codes: list[int] | None = None
    pass_env: list[str] = []
    canary: dict[str, str] = {}


class ProfileTable(msgspec.Struct, frozen=True, rename="kebab"):
    """``[tool.devops-gates.profiles.NAME]``."""

    stages: list[str] | None = None
    levels: dict[str, str] = {}


STAGES = {"operate": [Stage.OPERATE.value, Stage.FEEDBACK.value]}
"""The stages of standard profiles that have not all of them: what judges a product that runs is not
what judges a change, whatever level it has."""


def with_stages(profile: str, table: ProfileTable | None) -> ProfileTable:
    """A profile with the stages that it has where it does not say."""
    told = table or ProfileTable()
    return msgspec.structs.replace(told, stages=told.stages or STAGES.get(profile))


class EnvironmentTable(msgspec.Struct, frozen=True, rename="kebab"):
    """``[tool.devops-gates.environments.NAME]``: how a roll-out to it is held.

    ``approval`` is ``manual`` (somebody has to approve first) or ``automatic``. With ``freeze`` no
    roll-out starts in a window of the gate ``freeze``. ``roll_back`` is the command that undoes a
    roll-out that failed, ``key`` the file with the public key that the evidence must be signed
    with, and ``max_age`` how old it may be. ``timeout`` is in seconds, for either command. The
    gates of operation are asked first after ``delay`` seconds, and then every ``interval`` seconds
    until all of them were fine ``steady`` times in a row, for ``wait`` seconds at most. With
    ``incident`` a roll-out that was not fine is written into ``devops-gates/incidents.toml``.
    """

    approval: str = MANUAL
    freeze: bool = True
    roll_back: list[str] = []
    key: str | None = None
    max_age: str = "24h"
    timeout: float = 3600.0
    delay: float = 0.0
    wait: float = 300.0
    interval: float = 10.0
    steady: int = 1
    incident: bool = False


class EvidenceTable(msgspec.Struct, frozen=True, rename="kebab"):
    """``[tool.devops-gates.evidence]``. ``key`` is the file of the private key that signs."""

    key: str | None = None


class ShardTable(msgspec.Struct, frozen=True, rename="kebab"):
    """``[tool.devops-gates.shards]``: a job that ``release combine`` waits for, and the stages that
    it may speak for (all if left out)."""

    stages: list[str] | None = None


class Table(msgspec.Struct, frozen=True, rename="kebab"):
    """``[tool.devops-gates]``. ``deadline`` is in seconds, for the whole run, and ``ci`` says whose
    own ways of showing results are used (see ci.py)."""

    profile: str | None = None
    base: str | None = None
    ci: str = AUTO
    deadline: float = 21_600.0
    gates: dict[str, GateTable] = {}
    profiles: dict[str, ProfileTable] = {}
    command: list[CommandTable] = []
    environments: dict[str, EnvironmentTable] = {}
    evidence: EvidenceTable = EvidenceTable()
    shards: dict[str, ShardTable] = {}
    tracker: TrackerTable | None = None
    history: HistoryTable = HistoryTable()


def load_toml(data: bytes, name: str) -> dict[str, Any]:
    """A TOML file's table. Raises UsageError with the place of the mistake."""
    try:
        table: dict[str, Any] = tomllib.loads(data.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise UsageError(f"{name}: not UTF-8 at byte {error.start}; save it as UTF-8") from None
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{name}: {error}") from None
    return table


def read_pyproject(root: Path) -> dict[str, Any]:
    """The project's pyproject.toml, empty where it has none. Raises UsageError for a broken one."""
    try:
        return load_toml((root / "pyproject.toml").read_bytes(), "pyproject.toml")
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise UsageError(f"pyproject.toml cannot be read: {error}") from None


def read_table(pyproject: Mapping[str, Any]) -> Table:
    """The configuration's table. Raises UsageError for unknown keys, wrong types and ranges."""
    tool = pyproject.get("tool", {})
    raw = tool.get("devops-gates", {}) if isinstance(tool, dict) else {}
    table: Table = decode(Table, raw, TABLE)
    _positive(table.deadline, f"{TABLE}.deadline")
    one_of(table.ci, SETTINGS, f"{TABLE}.ci", "setting")
    for name, gate in table.gates.items():
        _check_gate(gate, f"{TABLE}.gates.{name}")
    for name, profile in table.profiles.items():
        _check_profile(profile, f"{TABLE}.profiles.{name}")
    for name, environment in table.environments.items():
        _check_environment(environment, f"{TABLE}.environments.{name}")
    for name, shard in table.shards.items():
        _check_stages(shard.stages, f"{TABLE}.shards.{name}")
    return table


def _check_gate(gate: GateTable, path: str) -> None:
    if gate.level is not None:
        one_of(gate.level, LEVELS, f"{path}.level", "level")
    if gate.timeout is not None:
        _positive(gate.timeout, f"{path}.timeout")
    if gate.stage is not None:
        if not gate.testimony:
            raise UsageError(f"{path}.stage: only a gate with testimony = true is given a stage")
        one_of(gate.stage, [s.value for s in Stage], f"{path}.stage", "stage")


def _check_profile(profile: ProfileTable, path: str) -> None:
    _check_stages(profile.stages, path)
    for gate_name, level in profile.levels.items():
        one_of(level, LEVELS, f"{path}.levels.{gate_name}", "level")


def _check_stages(stages: list[str] | None, path: str) -> None:
    if stages == []:
        raise UsageError(f"{path}.stages: names no stage; leave it out for all of them")
    for stage in stages or ():
        one_of(stage, [s.value for s in Stage], f"{path}.stages", "stage")


def _check_environment(environment: EnvironmentTable, path: str) -> None:
    name = path.removeprefix(f"{TABLE}.environments.")
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", name):  # it is a part of a file's name
        raise UsageError(f"{TABLE}.environments: '{name}' is no name of letters, digits, '-._'")
    if not all(environment.roll_back[:1]):
        raise UsageError(f"{path}.roll-back: names no command")
    one_of(environment.approval, (MANUAL, AUTOMATIC), f"{path}.approval", "way")
    if environment.steady < 1:
        raise UsageError(f"{path}.steady: {environment.steady} is no number of times")
    for key in ("timeout", "wait", "interval"):
        _positive(getattr(environment, key), f"{path}.{key}")
    if environment.delay:
        _positive(environment.delay, f"{path}.delay")


def _positive(seconds: float, path: str) -> None:
    if not 0 < seconds < 10_000_000:
        raise UsageError(f"{path}: {seconds} is no number of seconds")
