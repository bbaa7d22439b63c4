"""A lesson: one thing that deserves work, and why. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import msgspec

from pytest_devops_gates.neutral import visible

KINDS = (
    "incident",
    "feedback",
    "deployment",
    "milestone",
    "flaky-test",
    "waiver",
    "quarantine",
    "finding",
    "slow-gate",
    "ratchet",
)
LONGEST = 150
"""Characters of a name in a key."""


class Lesson(msgspec.Struct, frozen=True):
    """One thing that deserves work. ``key`` is the same as long as it is the same thing.

    ``work`` is the kind of work item that it makes, ``weight`` sorts (0 to 100), and ``covers`` are
    the ids of the incidents or of the feedback that it is about.
    """

    key: str
    kind: str
    title: str
    evidence: str
    weight: float
    work: str = "improvement"
    covers: tuple[str, ...] = ()


def key_of(kind: str, name: str) -> str:
    """``KIND:NAME``, a word that an issue's text can hold: without blanks, and cut where it is
    long; its digest then keeps it apart."""
    word = "_".join(visible(name).split())
    if len(word) > LONGEST:
        digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()
        word = f"{word[:LONGEST]}…{digest[:8]}"
    return f"{kind}:{word}"


def ranked(lessons: Iterable[Lesson]) -> tuple[Lesson, ...]:
    """The heaviest first; each key once."""
    once: dict[str, Lesson] = {}
    for lesson in sorted(lessons, key=lambda one: (-one.weight, one.key)):
        once.setdefault(lesson.key, lesson)
    return tuple(once.values())


def short(text: str, length: int = 100) -> str:
    """A text in one line, cut where it is long."""
    line = " ".join(text.split())
    return line if len(line) <= length else line[: length - 1] + "…"
