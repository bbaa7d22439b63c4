"""Feedback from the issues of a tracker. Pure."""

from __future__ import annotations

from datetime import date

from pytest_devops_gates.board.tracker import Issue
from pytest_devops_gates.lessons.inbox import KINDS, LONGEST, Feedback, Kind

URGENT = frozenset(("urgent", "critical", "blocker"))
"""Labels of what is urgent."""

_KINDS: dict[str, Kind] = {
    **{kind: kind for kind in KINDS},
    "defect": "bug",
    "enhancement": "idea",
    "feature": "idea",
    "support": "question",
}
"""Kinds by labels; of several, the first of the issue's counts."""


def entry(issue: Issue, *, kind: Kind = "idea") -> Feedback:
    """What an issue says; ``kind`` is that of one whose labels tell none. One that is closed is
    answered: by what became of it."""
    areas = [label[5:].strip() for label in issue.labels if label.lower().startswith("area:")]
    labels = [label.lower().rpartition(":")[2].strip() for label in issue.labels]
    said = f"{issue.title.strip()}\n\n{issue.body.strip()}".strip()
    created = date.fromisoformat(issue.created[:10])
    became = "closed without doing it" if issue.is_dropped else "done"
    closed = date.fromisoformat(issue.closed[:10]) if issue.closed else created
    return Feedback(
        id="F-1",
        created=created,
        kind=next((_KINDS[label] for label in labels if label in _KINDS), kind),
        text=said if len(said) <= LONGEST else said[: LONGEST - 1] + "…",
        by=f"@{issue.author}" if issue.author else "",
        area=areas[0] if areas else "",
        urgent=not URGENT.isdisjoint(labels),
        answered=None if issue.is_open else closed,
        answer="" if issue.is_open else f"The issue was {became}.",
        source=issue.url or issue.id,
    )
