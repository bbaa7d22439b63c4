"""What is wrong with the runs that are to be put together. Pure.

One that is missing, doubled, stale or foreign is told by its name, and says nothing, good or bad.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timezone

import msgspec

from pytest_devops_gates.config import ShardTable
from pytest_devops_gates.shards.parts import Part
from pytest_devops_gates.verdict import EXIT_FAIL, EXIT_PASS, EXIT_UNKNOWN, Verdict


class Wanted(msgspec.Struct, frozen=True):
    """What the parts must be of. ``shards`` are those that the policy expects. Parts began between
    ``since`` and ``until``, and were compared with ``base``."""

    commit: str | None
    profile: str
    policy: str
    shards: Mapping[str, ShardTable]
    base: str | None = None
    since: datetime = datetime.min.replace(tzinfo=timezone.utc)
    until: datetime = datetime.max.replace(tzinfo=timezone.utc)


def flaws(parts: Sequence[Part], wanted: Wanted) -> list[str]:
    """All that keeps the parts from being the whole, in the order of the expected shards."""
    if not wanted.shards:
        return ["no shard is expected: [tool.devops-gates.shards] names none"]
    found = [part.error for part in parts if part.error]
    counted = Counter(part.name for part in parts if part.verdict)
    found += [f"the shard {name} is missing" for name in wanted.shards if name not in counted]
    found += [f"the shard {n} is there {count} times" for n, count in counted.items() if count > 1]
    runs = Counter(part.verdict.run_id for part in parts if part.verdict)
    found += [f"the run {run} is there under {n} names" for run, n in runs.items() if n > 1]
    for part in parts:
        if part.verdict:
            told = f"the shard {part.name} ({part.where})" if part.name else part.where
            found += [f"{told} {flaw}" for flaw in _flaws(part.verdict, wanted)]
    return found


def sound(parts: Sequence[Part], wanted: Wanted) -> list[Part]:
    """The parts that may say anything: one that is doubled, stale or foreign says nothing."""
    counted = Counter(part.name for part in parts if part.verdict)
    return [
        part
        for part in parts
        if part.verdict and counted[part.name] == 1 and not any(_flaws(part.verdict, wanted))
    ]


def _flaws(verdict: Verdict, wanted: Wanted) -> Iterator[str]:
    if not verdict.shard:
        yield "is no shard: DEVOPS_GATES_SHARD was not set when it ran"
    elif verdict.shard not in wanted.shards:
        yield "is foreign: the policy expects no such shard"
    if verdict.exit_status not in (EXIT_PASS, EXIT_FAIL, EXIT_UNKNOWN) or not verdict.gates:
        yield f"came to no end: {verdict.reason}"
        return
    if verdict.commit != wanted.commit:
        commits = f"{_short(verdict.commit)}, not {_short(wanted.commit)}"
        yield f"is foreign: it is of the commit {commits}"
    if verdict.dirty:
        yield "ran on a checkout with changes that no commit holds"
    if verdict.profile != wanted.profile:
        yield f"is foreign: it is of the profile {verdict.profile}, not {wanted.profile}"
    if verdict.policy.sha256 != wanted.policy:
        told = f"{verdict.policy.sha256[:12]}, not {wanted.policy[:12]}"
        yield f"is foreign: it was judged by another policy ({told})"
    if verdict.base != wanted.base:
        bases = f"{_short(verdict.base)}, not {_short(wanted.base)}"
        yield f"is foreign: it was compared with {bases}"
    begun = _instant(verdict.started)
    if begun is None or begun < wanted.since:
        yield f"is stale: it began at {verdict.started}"
    elif begun > wanted.until:
        yield f"is of the future: it began at {verdict.started}"


def _short(commit: str | None) -> str:
    return commit[:10] if commit else "(none)"


def _instant(told: str) -> datetime | None:
    try:
        return datetime.fromisoformat(told.replace("Z", "+00:00"))
    except ValueError:
        return None
