"""What loosens in the way from a verdict to a roll-out: environments, and shards."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_devops_gates.config import AUTOMATIC, TABLE, EnvironmentTable, ShardTable, Table
from pytest_devops_gates.evidence import Finding, Severity
from pytest_devops_gates.loosening.say import told


def rollouts(before: Table, after: Table) -> Iterator[Finding]:
    """An environment that is gone can be rolled out to no more, which loosens nothing."""
    for name in sorted(before.environments.keys() & after.environments.keys()):
        path = f"{TABLE}.environments.{name}"
        yield from _environment(path, before.environments[name], after.environments[name])
    if before.evidence.key != after.evidence.key:
        path = f"{TABLE}.evidence.key"
        was, now = before.evidence.key, after.evidence.key
        yield told("setting-changed", path, was, now, severity=Severity.LOW)
    for name in sorted(before.shards):
        path = f"{TABLE}.shards.{name}"
        yield from _shard(path, before.shards[name], after.shards.get(name))


def _environment(path: str, was: EnvironmentTable, now: EnvironmentTable) -> Iterator[Finding]:
    if was.approval != now.approval and now.approval == AUTOMATIC:
        yield told("environment-loosened", f"{path}.approval", was.approval, now.approval)
    if was.freeze and not now.freeze:
        yield told("environment-loosened", f"{path}.freeze", was.freeze, now.freeze)
    if was.key and was.key != now.key:
        yield told("environment-loosened", f"{path}.key", was.key, now.key)
    if was.roll_back and not now.roll_back:
        yield told("environment-loosened", f"{path}.roll-back", was.roll_back, "none")
    if was.incident and not now.incident:
        yield told("environment-loosened", f"{path}.incident", was.incident, now.incident)
    if now.steady < was.steady:
        yield told("environment-loosened", f"{path}.steady", was.steady, now.steady)
    if was.max_age != now.max_age:
        yield told("environment-loosened", f"{path}.max-age", was.max_age, now.max_age)


def _shard(path: str, was: ShardTable, now: ShardTable | None) -> Iterator[Finding]:
    """What fewer shards ran, and what a shard may now speak for beside."""
    if now is None:
        yield told("shard-gone", path, "expected", "gone")
    elif was.stages is not None and not {*was.stages} >= {*(now.stages or ["all"])}:
        yield told("shard-widened", f"{path}.stages", was.stages, now.stages)
