"""``devops-gates/baseline.json``: today's debt, as it is written. Pure.

One entry a line, sorted, so that two branches that pay off different debts merge by themselves;
each list ends with ``null``, so that every line of an entry ends alike.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

import msgspec

from pytest_devops_gates.debt import Debt
from pytest_devops_gates.errors import UsageError
from pytest_devops_gates.json_text import strictly

FILE = "devops-gates/baseline.json"
SCHEMA = "pytest-devops-gates/baseline/1"
REMEDY = "devops-gates baseline writes it anew"
ATTRIBUTES = "devops-gates/.gitattributes"
MERGED = "baseline.json merge=union\n"
"""Lets git keep the entries of both sides where branches changed neighbouring lines; what is stale
then is told, and taken out by ``--tighten``."""


class Number(msgspec.Struct, frozen=True, order=True):
    """A metric that was measured, to compare with."""

    gate: str
    metric: str
    value: float


class Baseline(msgspec.Struct, frozen=True):
    """What is owed, and the numbers of the day. ``written`` says whether there is a file."""

    debts: tuple[Debt, ...] = ()
    numbers: tuple[Number, ...] = ()
    written: bool = False

    def of(self, gate: str) -> tuple[Debt, ...]:
        """What is owed at one gate."""
        return tuple(debt for debt in self.debts if debt.gate == gate)

    def number(self, gate: str, metric: str) -> float | None:
        """The number that was recorded, or None."""
        return next((n.value for n in self.numbers if (n.gate, n.metric) == (gate, metric)), None)


class _File(msgspec.Struct, forbid_unknown_fields=True):
    schema: str
    findings: list[Debt | None]
    numbers: list[Number | None]


def render(debts: Iterable[Debt], numbers: Iterable[Number]) -> str:
    """The text of the file."""
    return (
        "{\n"
        f'"schema": "{SCHEMA}",\n'
        f'"findings": [\n{_lines(sorted(debts))}],\n'
        f'"numbers": [\n{_lines(sorted(numbers))}]\n'
        "}\n"
    )


def read(data: bytes, name: str) -> Baseline:
    """What a file holds; ``name`` is what it is called in errors.

    Raises UsageError for what is no such file, a half-merged one too.
    """
    for n, line in enumerate(data.split(b"\n"), 1):
        if line.startswith((b"<<<<<<< ", b">>>>>>> ")):
            raise UsageError(
                f"{name}:{n}: a merge conflict is left there: keep the entries of both sides, take"
                " out the lines that git put between them, and devops-gates baseline --tighten"
            )
    try:
        plain = strictly(data.decode("utf-8"))
        file = msgspec.convert(plain, _File, strict=True)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{name}: {error} · {REMEDY}") from None
    if file.schema != SCHEMA:
        raise UsageError(f"{name}: its schema is '{file.schema}', not '{SCHEMA}' · {REMEDY}")
    numbers = [number for number in file.numbers if number]
    seen = Counter((number.gate, number.metric) for number in numbers)
    doubled = next((key for key, times in seen.items() if times > 1), None)
    if doubled:
        raise UsageError(f"{name}: two numbers of {doubled[0]} for {doubled[1]} · {REMEDY}")
    debts = tuple(debt for debt in file.findings if debt)
    return Baseline(debts, tuple(numbers), written=True)


def lines(text: str) -> Callable[[Debt], int | None]:
    """Tells the line of the file on which an entry stands."""
    found = {line.rstrip(","): n for n, line in enumerate(text.split("\n"), 1)}
    return lambda debt: found.get(_entry(debt))


def _lines(entries: Sequence[Debt] | Sequence[Number]) -> str:
    return "".join(f"{_entry(entry)},\n" for entry in entries) + "null\n"


def _entry(entry: Debt | Number) -> str:
    return json.dumps(msgspec.to_builtins(entry), ensure_ascii=False)
