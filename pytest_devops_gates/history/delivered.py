"""Asks git for the commits that each roll-out delivered: three questions for any number of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path

from pytest_devops_gates import git
from pytest_devops_gates.errors import CannotTell
from pytest_devops_gates.history.failures import Ended
from pytest_devops_gates.history.lineage import Delivered, Node, walk

PATIENCE = 10.0
"""Seconds for each question to git."""

_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


def delivered(root: Path, good: Sequence[Ended], since: datetime) -> dict[str, Delivered]:
    """What each of the deployments that succeeded (``good``, in their order) and ended after
    ``since`` delivered, by its id. Where git cannot be asked, each says why."""
    within = [one for one in good if one.ended > since]
    earlier = [one.commit for one in good if one.ended <= since]
    order = [(one.id, one.commit) for one in within]
    if not order:
        return {}
    first = (earlier[-1] or "") if earlier else None
    try:
        known = _known(root, [*earlier, *(commit for _, commit in order)])
        # without one before it, the first of all is where the record begins
        start = earlier or [order[0][1]]
        nodes = _nodes(root, known & {*(c for _, c in order)}, known & {*start})
        shallow = _ask(root, "rev-parse", "--is-shallow-repository").strip() == b"true"
    except CannotTell as reason:
        return {name: Delivered(unknown=str(reason)) for name, _ in order}
    return walk(order, first, known, nodes, shallow=shallow)


def _known(root: Path, commits: Iterable[str | None]) -> frozenset[str]:
    """Those that git has, of what may be anything."""
    asked = sorted({commit for commit in commits if commit and _COMMIT.fullmatch(commit)})
    told = "".join(f"{commit}\n" for commit in asked).encode("ascii")
    form = "--batch-check=%(objectname) %(objecttype)"
    lines = _ask(root, "cat-file", form, told=told).decode("ascii", "replace").splitlines()
    return frozenset(line.split()[0] for line in lines if line.endswith(" commit"))


def _nodes(root: Path, tips: Iterable[str], start: Iterable[str]) -> dict[str, Node]:
    """All commits that the tips hold and the start does not."""
    tips = sorted(tips)
    if not tips:
        return {}
    revisions = [*tips, *(f"^{commit}" for commit in sorted(start))]
    told = "".join(f"{revision}\n" for revision in revisions).encode("ascii")
    listed = _ask(root, "rev-list", "--parents", "--timestamp", "--stdin", told=told)
    rows = (line.split() for line in listed.decode("ascii", "replace").splitlines())
    return {row[1]: Node(float(row[0]), tuple(row[2:])) for row in rows if len(row) > 1}


def _ask(root: Path, *args: str, told: bytes = b"") -> bytes:
    """As git.git, without patience, and without fetching what a partial clone left out."""
    return git.git(root, *args, told=told, env={"GIT_NO_LAZY_FETCH": "1"}, timeout=PATIENCE)
