"""What loosens in the policy of each gate, as it is settled for the chosen profile."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from pytest_devops_gates.conditions import Condition
from pytest_devops_gates.evidence import Finding, Severity
from pytest_devops_gates.gate import LEVELS, OFF, Gate, Options
from pytest_devops_gates.loosening.limits import kept, text
from pytest_devops_gates.loosening.say import canonical, told
from pytest_devops_gates.policy import Settings


def policy(
    before: Mapping[str, Settings],
    after: Mapping[str, Settings],
    before_options: Mapping[str, Options],
    after_options: Mapping[str, Options],
    gates: Mapping[str, Gate],
) -> Iterator[Finding]:
    """Each loosening of the gates' settings and options, by the gates' order at the base.

    ``gates`` are those that there are here. What ``[tool.devops-gates]`` says beside the gates is
    compared by ``tables``. A gate that is off here is told by its level alone.
    """
    for name, base in before.items():
        here = after.get(name)
        if here is None or name not in gates:
            yield told("gate-gone", name, f"a gate of level {base.level}", "gone")
            continue
        if weaker_level(base.level, here.level):
            yield told("level-lowered", f"{name}, level", base.level, here.level)
        if base.stage != here.stage:
            yield told("stage-changed", f"{name}, stage", base.stage, here.stage)
        if here.level != OFF or base.level == OFF:
            yield from _conditions(name, base, here)
        if not _is_asleep(gates[name], before_options.get(name)):
            yield from _options(name, before_options.get(name), after_options.get(name))


def weaker_level(before: str, after: str) -> bool:
    """Whether the second level asks for less. A level that is none is taken for the lowest."""
    ranks = {level: rank for rank, level in enumerate(LEVELS)}
    return ranks.get(after, len(ranks)) > ranks.get(before, len(ranks))


def _conditions(name: str, base: Settings, here: Settings) -> Iterator[Finding]:
    """A warning that became a condition is none that is gone."""
    yield from _limits(f"{name}, ", base.conditions, here.conditions, Severity.HIGH)
    everything = (*here.conditions, *here.warnings)
    yield from _limits(f"{name}, warning of ", base.warnings, everything, Severity.LOW)


def _limits(
    prefix: str, base: Sequence[Condition], here: Sequence[Condition], severity: Severity
) -> Iterator[Finding]:
    for condition in {(c.metric, text(c)): c for c in base}.values():
        if kept(condition, here):
            continue
        now = [text(other) for other in here if other.metric == condition.metric]
        rule, said = ("limit-weakened", " and ".join(now)) if now else ("condition-gone", "none")
        yield told(rule, prefix + condition.metric, text(condition), said, severity=severity)


def _options(name: str, before: Options, after: Options) -> Iterator[Finding]:
    base, here = _table(before), _table(after)
    for key in sorted({*base, *here}):
        if canonical(base.get(key)) != canonical(here.get(key)):
            yield told("options-changed", f"{name}, option {key}", base.get(key), here.get(key))


def _is_asleep(gate: Gate, options: Options) -> bool:
    """Whether the gate asked nothing at the base: whatever it asks now is more."""
    return gate.dormant and gate.options is not None and options == gate.options()


def _table(options: Options) -> dict[str, Any]:
    """Options as a table; those of a plugin may be of any type."""
    if isinstance(options, msgspec.Struct):
        table: dict[str, Any] = msgspec.to_builtins(options)
        return table
    if isinstance(options, Mapping):
        return {str(key): value for key, value in options.items()}
    return {} if options is None else {"value": options}
