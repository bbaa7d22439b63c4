"""Deployments that failed: until when, and which later one mended what they broke. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import msgspec

from pytest_devops_gates.deployments import DEPLOYED, STARTED, Deployment
from pytest_devops_gates.history.instants import instant
from pytest_devops_gates.incident import Incident


class Ended(msgspec.Struct, frozen=True):
    """A deployment that came to an end, with its times read; ``rolled_back`` says that it was
    undone."""

    id: str
    outcome: str
    began: datetime
    ended: datetime
    commit: str | None = None
    rolled_back: bool = False

    @property
    def succeeded(self) -> bool:
        return self.outcome == DEPLOYED


class Failure(msgspec.Struct, frozen=True):
    """What one deployment broke: ``windows`` are the times in which a later one would mend it (None
    for one that is open), and ``seconds`` how long it took to recover, None where nobody has.
    ``odd`` ones end before they begin, or at no time that can be read."""

    windows: tuple[tuple[datetime, datetime | None], ...]
    seconds: float | None
    odd: bool = False


def in_order(deployments: Iterable[Deployment], environment: str) -> list[Ended]:
    """The deployments to an environment that ended, in that order, the last that is known of each.
    Those whose command never started, and those with times that cannot be, are left out."""
    last = {one.id: one for one in deployments if one.environment == environment}
    found = []
    for one in last.values():
        began, ended = instant(one.started), instant(one.ended)
        if (
            one.outcome == STARTED
            or one.never_ran
            or began is None
            or ended is None
            or ended < began
        ):
            continue
        undone = one.roll_back is not None and one.roll_back.reason is None
        found.append(Ended(one.id, one.outcome, began, ended, one.commit, undone))
    return sorted(found, key=lambda one: (one.ended, one.began, one.id))


def failures(ended: Sequence[Ended], incidents: Iterable[Incident]) -> dict[str, Failure]:
    """What each deployment broke, by its id: those that failed or were rejected, and those that
    caused an incident. One that did both, or caused several, failed once: from the first moment to
    the last. An incident of the source ``deployments`` only repeats one that failed, and is over
    when somebody looks again: it tells nothing."""
    caused: dict[str, list[Incident]] = {}
    for incident in incidents:
        if incident.deployment and incident.source != "deployments":
            caused.setdefault(incident.deployment, []).append(incident)
    found = {}
    following: Ended | None = None
    for one in reversed(ended):
        if not one.succeeded or one.id in caused:
            found[one.id] = _failure(one, following, caused.get(one.id, ()))
        following = one if one.succeeded else following
    return found


def _failure(one: Ended, following: Ended | None, incidents: Sequence[Incident]) -> Failure:
    windows: list[tuple[datetime, datetime | None]] = []
    spans: list[tuple[datetime, datetime | None]] = []
    odd = False
    if not one.succeeded:
        mending = one if one.rolled_back else following
        spans.append((one.began, mending.ended if mending else None))
        windows.append((one.ended, None))
    for incident in incidents:
        began, over = instant(incident.started), instant(incident.ended)
        if began is None or (over is None and incident.ended) or (over and over < began):
            odd = True
            continue
        spans.append((began, over))
        windows.append((began, over))
    ends = [end for _, end in spans if end is not None]
    is_over = len(ends) == len(spans) > 0 and not odd
    took = (max(ends) - min(start for start, _ in spans)).total_seconds() if is_over else None
    return Failure(tuple(windows), took, odd)


def mended(ended: Sequence[Ended], failed: Mapping[str, Failure]) -> set[str]:
    """The deployments that were made to mend something, as far as can be told: the first that
    succeeded after one that did not, and the first that began during an incident."""
    good = sorted((one.began, one.id) for one in ended if one.succeeded)
    found = set()
    for broken, failure in failed.items():
        for start, end in failure.windows:
            at = bisect_left(good, (start, ""))
            later = good[at : at + 2]
            first = next((each for each in later if each[1] != broken), None)
            if first and (end is None or first[0] <= end):
                found.add(first[1])
    return found
