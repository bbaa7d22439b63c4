"""What a number must be: ``<0.01``, or compared with what it was: ``<=+10%``. Pure.

Keptn's objectives write them so: https://github.com/keptn/spec/blob/master/service_level_objective.md
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from statistics import mean, median

import msgspec

_CRITERION = re.compile(
    r"\s*(<=|>=|<|>|=)\s*([+-]?)\s*(\d{1,15}(?:\.\d{1,15})?)\s*(%?)\s*", re.ASCII
)
_HOLDS: dict[str, Callable[[Fraction, Fraction], bool]] = {
    "<": lambda value, limit: value < limit,
    "<=": lambda value, limit: value <= limit,
    "=": lambda value, limit: value == limit,
    ">=": lambda value, limit: value >= limit,
    ">": lambda value, limit: value > limit,
}


class Criterion(msgspec.Struct, frozen=True):
    """``by`` is the limit itself, or how far from the earlier value it lies if it is ``relative``:
    in percent of that value if ``in_percent``."""

    text: str
    operator: str
    by: Fraction
    relative: bool = False
    in_percent: bool = False

    def limit(self, before: float | None) -> Fraction | None:
        """The limit, given the earlier value; None where it needs one and there is none."""
        if not self.relative:
            return self.by
        if before is None:
            return None
        start = Fraction(repr(before))
        return start + (abs(start) * self.by / 100 if self.in_percent else self.by)

    def holds(self, value: float, before: float | None) -> bool | None:
        """None where it cannot be told."""
        limit = self.limit(before)
        return None if limit is None else _HOLDS[self.operator](Fraction(repr(value)), limit)


def parse(text: str) -> Criterion:
    """Raises ValueError for a text that is no criterion."""
    found = _CRITERION.fullmatch(text)
    if not found or (found[4] and not found[2]):
        raise ValueError(
            f'\'{text[:40]}\' is no criterion; write one like "<0.01", ">=99.5", or compared with'
            ' what it was: "<=+10%", ">=-5"'
        )
    sign = -1 if found[2] == "-" else 1
    return Criterion(
        "".join(text.split()), found[1], sign * Fraction(found[3]), bool(found[2]), bool(found[4])
    )


Blocks = tuple[tuple[Criterion, ...], ...]
"""All criteria of one of the blocks have to hold."""


def blocks(raw: Sequence[str | Sequence[str]]) -> Blocks:
    """A list of texts is one block, and a list of lists are several. Raises ValueError for a
    mixture of both, and for what is no criterion."""
    texts = [one for one in raw if isinstance(one, str)]
    if texts and len(texts) < len(raw):
        raise ValueError("is a list of criteria (all hold), or of such lists (one of them holds)")
    many = [texts] if texts else [one for one in raw if not isinstance(one, str)]
    if any(not block for block in many):
        raise ValueError("holds a list without criteria")
    return tuple(tuple(parse(text) for text in block) for block in many)


def hold(wanted: Blocks, value: float, before: float | None) -> bool | None:
    """Whether all criteria of any block hold; None where that depends on an earlier value that
    there is not."""
    told = [_all(one.holds(value, before) for one in block) for block in wanted]
    if True in told:
        return True
    return None if None in told else False


def words(wanted: Blocks, before: float | None) -> str:
    """The criteria as people read them, those that compare with their limits."""
    return " or ".join(" and ".join(_said(one, before) for one in block) for block in wanted)


def aggregated(values: Sequence[float], how: str) -> float | None:
    """One of several earlier values: ``avg`` or ``p50``, ``p90``, ``p95`` (between two ranks)."""
    if not values:
        return None
    if how in ("avg", "p50"):
        return mean(values) if how == "avg" else median(values)
    ordered = sorted(values)
    rank = (len(ordered) - 1) * int(how[1:]) / 100
    low = int(rank)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (rank - low)


def _all(told: Iterable[bool | None]) -> bool | None:
    known = list(told)
    if False in known:
        return False
    return None if None in known else True


def _said(one: Criterion, before: float | None) -> str:
    limit = one.limit(before)
    if not one.relative or limit is None:
        return one.text
    return f"{one.text} ({one.operator}{float(limit):.12g})"
