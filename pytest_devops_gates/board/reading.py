"""What issues tell by their labels and texts: kind, status, requirements. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pytest_devops_gates.board.items import DOING, DONE, DROPPED, TODO, WorkItem
from pytest_devops_gates.board.tracker import Issue

REQUIREMENT = "requirement:"
"""What a label begins with that names a requirement (a second colon is GitLab's scope)."""

NOT_DONE = frozenset(
    ("dropped", "wontfix", "won't fix", "not planned", "duplicate", "invalid", "rejected")
)
"""Labels of what was closed without being done, where nothing else says so."""

_DOING = frozenset(("doing", "in progress"))
_KINDS = {
    "incident": "incident",
    "bug": "bug",
    "defect": "bug",
    "improvement": "improvement",
    "feature": "feature",
    "enhancement": "feature",
    "chore": "chore",
    "maintenance": "chore",
    "documentation": "chore",
    "dependencies": "chore",
}
"""Kinds by labels; of several, the first of these counts."""

_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_NAMED = re.compile(r"[\s>*_-]{0,20}requirements?[*_]{0,3}\s*:[*_]{0,3}(.*)", re.IGNORECASE)
_SOURCE = re.compile(r"Source:[ \t]*(\S{1,200})[ \t]*")
_ID = re.compile(r"[A-Za-z0-9][\w./-]*")


def item(issue: Issue) -> WorkItem:
    """The work item that an issue is."""
    labels = [_plain(label) for label in issue.labels]
    return WorkItem(
        id=issue.id,
        title=issue.title,
        kind=next((kind for label, kind in _KINDS.items() if label in labels), "feature"),
        milestone=issue.milestone,
        status=_status(issue, labels),
        owner=f"@{issue.assignee}" if issue.assignee else None,
        requirements=tuple(dict.fromkeys(requirements(issue))),
        url=issue.url,
        source=_source(issue.body),
    )


def requirements(issue: Issue) -> Iterator[str]:
    """The ids of requirements that an issue names: in its labels, and in lines of its text."""
    for label in issue.labels:
        if label.lower().startswith(REQUIREMENT) and (
            name := label[len(REQUIREMENT) :].strip(" :")
        ):
            yield name
    for line in _COMMENT.sub("", issue.body).splitlines():
        if found := _NAMED.fullmatch(line[:2_000]):
            yield from (one.rstrip(".") for one in _ID.findall(found[1]))


def text(one: WorkItem, body: str = "") -> str:
    """The text of an issue, from which ``item`` reads the same again."""
    lines = [body.rstrip()] if body.strip() else []
    if one.requirements:
        word = "Requirement" if len(one.requirements) == 1 else "Requirements"
        lines.append(f"{word}: {', '.join(one.requirements)}")
    if one.source:
        lines.append(f"Source: {one.source}")
    return "\n\n".join(lines)


def labels(one: WorkItem) -> list[str]:
    """The labels of an issue, from which ``item`` reads the same again."""
    kind = [] if one.kind == "feature" else [one.kind]
    return [*kind, *(["doing"] if one.status == DOING else [])]


def _status(issue: Issue, labels: list[str]) -> str:
    if issue.is_open:
        return DOING if issue.assignee or _DOING.intersection(labels) else TODO
    return DROPPED if issue.is_dropped else DONE


def is_undone(label: str) -> bool:
    """Whether a label says that nothing was done about what is closed."""
    return _plain(label) in NOT_DONE


def _source(body: str) -> str | None:
    lines = (_SOURCE.fullmatch(line[:300]) for line in body.splitlines())
    return next((found[1] for found in lines if found), None)


def _plain(label: str) -> str:
    """A label as it is compared: small, without what it is a kind of (``type: bug``)."""
    name = label.lower().replace("-", " ").replace("_", " ")
    return name.rpartition(":")[2].strip()
