"""What the project puts up with for now, and could be stricter about: as lessons. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from statistics import median

import msgspec

from pytest_devops_gates.conditions import exact, number
from pytest_devops_gates.lessons.lesson import Lesson, key_of
from pytest_devops_gates.verdict import Ruling, Waiver

SOON = 30
"""Days before its end in which a waiver or a quarantine is told."""
SLACK = 5.0
"""Percentage points that a limit may be below what is usual."""


class Ending(msgspec.Struct, frozen=True):
    """A test in quarantine, with the day on which that ends."""

    test: str
    expires: date
    owner: str = ""
    reason: str = ""


def of_waivers(waivers: Iterable[Waiver], today: date) -> Iterator[Lesson]:
    for one in waivers:
        ends = date.fromisoformat(one.expires)
        if (ends - today).days <= SOON:
            what = f"{one.gate}/{one.rule}" if one.rule else one.gate
            where = f" in {one.path}" if one.path else ""
            yield Lesson(
                key_of("waiver", one.id),
                "waiver",
                f"Mend what the waiver {one.id} holds back: {what}{where}",
                f"{_ends(ends, today)}; {one.owner}: {one.reason}",
                _ending_weight(ends, today),
            )


def of_quarantine(tests: Iterable[Ending], today: date) -> Iterator[Lesson]:
    for one in tests:
        if (one.expires - today).days <= SOON:
            yield Lesson(
                key_of("quarantine", one.test),
                "quarantine",
                f"Mend the test {one.test}, which is in quarantine",
                "; ".join(filter(None, (_ends(one.expires, today), one.owner, one.reason))),
                _ending_weight(one.expires, today),
                work="bug",
            )


def of_ratchets(rulings: Sequence[Ruling], stale: int) -> Iterator[Lesson]:
    """What ``baseline --tighten`` would take out or better, as the newest run saw it. ``stale`` are
    the entries that match nothing any more."""
    better = [note for one in rulings for note in one.notes if note.endswith("baseline --tighten")]
    told = [f"{stale} of its entries match nothing any more"] if stale else []
    told += [note.partition(" · ")[0] for note in better]
    if told:
        yield Lesson(
            "ratchet:baseline",
            "ratchet",
            "Tighten the baseline: devops-gates baseline --tighten",
            "; ".join(told),
            15.0 + min(stale, 4),
        )


def of_limits(rulings: Sequence[Ruling], usual: Mapping[str, Sequence[float]]) -> Iterator[Lesson]:
    """Limits on coverage with slack; ``usual`` are the values of the last passing runs, by
    ``coverage.METRIC``."""
    for one in (one for one in rulings if one.name == "coverage"):
        for c in one.conditions:
            values = usual.get(f"coverage.{c.metric}", ())
            if c.operator not in (">=", ">") or c.baseline is not None or not values:
                continue
            middle = median(values)
            if middle - c.limit >= SLACK:
                yield Lesson(
                    f"ratchet:coverage.{c.metric}",
                    "ratchet",
                    f"Raise coverage {c.metric} from >= {exact(c.limit)} to >= {int(middle)}",
                    f"{number(middle)} is the median of the last {len(values)} passing runs",
                    10.0 + min((middle - c.limit) / 10, 4),
                )


def _ends(ends: date, today: date) -> str:
    days = (ends - today).days
    if days < 0:
        return f"ended on {ends}"
    near = {0: "today", 1: "tomorrow"}
    return f"ends on {ends}, {near.get(days, f'in {days} days')}"


def _ending_weight(ends: date, today: date) -> float:
    return 65.0 if ends < today else 50 + 9 * (1 - (ends - today).days / SOON)
