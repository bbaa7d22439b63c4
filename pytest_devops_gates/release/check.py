"""What was looked at, and what came of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

OK, FAILED, LEFT_OUT = "ok", "FAILED", "not checked"

ANEW = "make it anew: pytest --devops-gates --devops-gates-profile release"

_SHOWN = 5
"""Differences of a kind that are told one by one."""


class Check(msgspec.Struct, frozen=True):
    """One thing that was looked at: ``outcome`` is OK, FAILED, or LEFT_OUT where nothing was
    expected. ``says`` is a line: what holds, or which values differ and what mends it."""

    name: str
    outcome: str
    says: str


def failed(checks: Iterable[Check]) -> list[Check]:
    return [check for check in checks if check.outcome == FAILED]


def all_told(name: str, wrong: list[str], says: str, mend: str) -> Iterator[Check]:
    """One check that holds, or one for each thing that is wrong, the first ones of many."""
    if not wrong:
        yield Check(name, OK, f"{name}: {says}")
    for each in wrong[:_SHOWN]:
        yield Check(name, FAILED, f"{each} · {mend}")
    if len(wrong) > _SHOWN:
        yield Check(name, FAILED, f"{name}: {len(wrong) - _SHOWN} more of this kind · {mend}")
