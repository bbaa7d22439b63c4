"""Which commits a roll-out was the first to deliver. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

FIRST = "nothing was recorded before it, so what it brought is not known"
UNKNOWN = "git does not know its commit, or the one before it · git fetch --unshallow"
CUT_OFF = "this clone is shallow · git fetch --unshallow"


class Delivered(msgspec.Struct, frozen=True):
    """The times of the commits that a deployment was the first to deliver, in seconds since 1970;
    ``unknown`` says why they cannot be told."""

    times: tuple[float, ...] = ()
    unknown: str | None = None


class Node(msgspec.Struct, frozen=True):
    """A commit that was not deployed before: when it was made (by its committer's clock), and of
    which it was made."""

    time: float
    parents: tuple[str, ...]


def walk(
    order: Sequence[tuple[str, str | None]],
    before: str | None,
    known: frozenset[str],
    nodes: Mapping[str, Node],
    *,
    shallow: bool = False,
) -> dict[str, Delivered]:
    """What each deployment of ``order`` delivered, the earliest first: pairs of its id and commit.

    ``before`` is the commit that was deployed before the first of them, ``known`` are the commits
    among all these that git knows, and ``nodes`` those that were not deployed before. A commit is
    delivered once: what is rolled out again brings nothing new.
    """
    found: dict[str, Delivered] = {}
    seen: set[str] = set()
    for number, (name, commit) in enumerate(order):
        last = order[number - 1][1] if number else before
        times, cut_off = _climb(commit, nodes, seen) if commit in known else ([], False)
        if last is None and number == 0:
            found[name] = Delivered(unknown=FIRST)
        elif commit not in known or last not in known:
            found[name] = Delivered(unknown=UNKNOWN)
        elif shallow and cut_off:
            found[name] = Delivered(unknown=CUT_OFF)
        else:
            found[name] = Delivered(tuple(times))
    return found


def _climb(
    commit: str | None, nodes: Mapping[str, Node], seen: set[str]
) -> tuple[list[float], bool]:
    """The times of what a commit holds that was not ``seen`` yet, and whether it ends somewhere."""
    times, cut_off = [], False
    todo = [commit] if commit else []
    while todo:
        name = todo.pop()
        if name in seen or name not in nodes:
            continue
        seen.add(name)
        node = nodes[name]
        times.append(node.time)
        cut_off = cut_off or not node.parents
        todo += node.parents
    return times, cut_off
