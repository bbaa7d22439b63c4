"""What deserves work, of all that was seen. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from pytest_devops_gates.board.items import Board
from pytest_devops_gates.deployments import Deployment
from pytest_devops_gates.history.answers import Flaky, Repeated, SlowGate
from pytest_devops_gates.incident import Incident
from pytest_devops_gates.lessons import debts, events, repetitions
from pytest_devops_gates.lessons.debts import Ending
from pytest_devops_gates.lessons.inbox import Feedback
from pytest_devops_gates.lessons.lesson import Lesson, ranked
from pytest_devops_gates.verdict import Ruling, Waiver


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """All that a review looks at. ``rulings`` and ``stale`` (entries of the baseline that match
    nothing) are of the newest run, and ``usual`` are the values of the last passing runs, by
    ``coverage.METRIC``. ``troubles`` say what could not be looked at, and why."""

    waivers: Sequence[Waiver] = ()
    quarantine: Sequence[Ending] = ()
    rulings: Sequence[Ruling] = ()
    stale: int = 0
    usual: Mapping[str, Sequence[float]] = {}
    slow_gates: Sequence[SlowGate] = ()
    flaky: Sequence[Flaky] = ()
    repeated: Sequence[Repeated] = ()
    inbox: Sequence[Feedback] = ()
    incidents: Sequence[Incident] = ()
    deployments: Sequence[Deployment] = ()
    board: Board | None = None
    troubles: Sequence[str] = ()


def review(seen: Seen, now: datetime) -> tuple[Lesson, ...]:
    """The lessons of all that was seen, the heaviest first. ``now`` is in UTC."""
    today = now.date()
    return ranked(
        [
            *debts.of_waivers(seen.waivers, today),
            *debts.of_quarantine(seen.quarantine, today),
            *debts.of_ratchets(seen.rulings, seen.stale),
            *debts.of_limits(seen.rulings, seen.usual),
            *repetitions.of_slow_gates(seen.slow_gates),
            *repetitions.of_flaky_tests(seen.flaky),
            *repetitions.of_repeated(seen.repeated),
            *events.of_inbox(seen.inbox, today),
            *events.of_incidents(seen.incidents),
            *events.of_deployments(seen.deployments, seen.incidents, now),
            *(events.of_milestones(seen.board, today) if seen.board else ()),
        ]
    )
