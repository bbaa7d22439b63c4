"""Which lessons become work items, each of them once. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

import msgspec

from pytest_devops_gates.board.items import DONE, WorkItem
from pytest_devops_gates.errors import UsageError, did_you_mean
from pytest_devops_gates.lessons.lesson import Lesson, short
from pytest_devops_gates.neutral import span

LONGEST = 200
"""Characters of a title."""


class Chosen(msgspec.Struct, frozen=True):
    """``fresh`` are lessons that become items now; of the ``known`` ones there is an item
    already."""

    fresh: tuple[Lesson, ...] = ()
    known: tuple[tuple[Lesson, WorkItem], ...] = ()


def named(
    lessons: Sequence[Lesson], words: Iterable[str], kinds: Collection[str] = ()
) -> tuple[Lesson, ...]:
    """The lessons that are meant: by key, by their number in the review, or all of a kind.

    Raises UsageError for a word that means none.
    """
    by_key = {one.key: one for one in lessons}
    meant: dict[str, Lesson] = {one.key: one for one in lessons if one.kind in kinds}
    for word in words:
        at = int(word) if word.isascii() and word.isdigit() and len(word) < 9 else 0
        one = by_key.get(word) or (lessons[at - 1] if 0 < at <= len(lessons) else None)
        if one is None:
            near = did_you_mean(word, by_key) if by_key and not at else ""
            there = f"there are {len(lessons)} lessons" if at else "no such lesson"
            raise UsageError(f"'{word[:200]}': {there}{near} · devops-gates feedback review")
        meant[one.key] = one
    return tuple(meant.values())


def dealt_with(
    lessons: Iterable[Lesson], words: Iterable[str], items: Iterable[WorkItem]
) -> dict[str, WorkItem]:
    """The keys among the words that are no lessons any more, since items were made of them."""
    still = {one.key for one in lessons}
    made = {item.source: item for item in items if item.source}
    return {word: made[word] for word in words if word in made and word not in still}


def chosen(meant: Iterable[Lesson], items: Iterable[WorkItem]) -> Chosen:
    """What is to be made, and what is there. An item that is done does not count: what comes again
    after it deserves another one. A dropped one does: somebody decided against it."""
    there = {item.source: item for item in items if item.source and item.status != DONE}
    fresh, known = [], []
    for lesson in meant:
        if lesson.key in there:
            known.append((lesson, there[lesson.key]))
        else:
            fresh.append(lesson)
    return Chosen(tuple(fresh), tuple(known))


def item_of(lesson: Lesson, name: str, milestone: str) -> WorkItem:
    """The work item that a lesson becomes; its source is the key, by which it is known again."""
    return WorkItem(
        id=name,
        title=short(lesson.title, LONGEST),
        kind=lesson.work,
        milestone=milestone,
        source=lesson.key,
    )


def body_of(lesson: Lesson) -> str:
    """What an issue says of its lesson: foreign text as code, in which there are no mentions and no
    links."""
    return f"{span(lesson.evidence)}\n\nMade by `devops-gates feedback improve`."
