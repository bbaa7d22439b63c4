"""``metrics-json``: a flat JSON object of names to numbers, as any script can print it."""

from __future__ import annotations

import math

from pytest_devops_gates.errors import CannotTell
from pytest_devops_gates.evidence import Evidence
from pytest_devops_gates.gate import ANY_METRIC, Output, Reader

RESERVED = "findings."
"""The metrics that every gate has, counted by the policy."""


def read(output: Output) -> Evidence:
    """Each number as a metric of its name, and nothing else.

    Raises CannotTell, naming the key, for whatever is no number that a float can hold.
    """
    table = output.json()
    if not isinstance(table, dict):
        raise CannotTell("printed JSON that is no object of names to numbers")
    if not table:
        raise CannotTell("printed an object without any number")
    metrics = {_name(name): _number(name, value) for name, value in table.items()}
    return Evidence.of(examined=len(metrics), metrics=metrics)


def _name(name: str) -> str:
    if not name.strip() or not name.isprintable() or len(name) > 200:
        raise CannotTell(f"names a metric {name[:60]!a}, which is no name")
    if name.startswith(RESERVED) or name == RESERVED[:-1]:
        raise CannotTell(f"names a metric '{name}': those of {RESERVED}* are counted, not told")
    return name


def _number(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        kind = "null" if value is None else type(value).__name__
        raise CannotTell(f"says that '{name}' is no number but {kind}")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise CannotTell(f"says that '{name}' is a number too large to compare")
    return number


READER = Reader(name="metrics-json", read=read, metrics=(ANY_METRIC,), accepts=(0,))
