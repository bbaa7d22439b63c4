"""DORA's five measures of software delivery, from deployments, commits and incidents. Pure.

Source: https://dora.dev/guides/dora-metrics/ (2026-01-05). The guide warns of making goals of them:
they are told, and no gate judges them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from statistics import median

import msgspec

from pytest_devops_gates.deployments import DEPLOYED, STARTED, Deployment
from pytest_devops_gates.errors import CannotTell, UsageError, did_you_mean
from pytest_devops_gates.history.failures import Ended, Failure, failures, in_order, mended
from pytest_devops_gates.history.instants import instant, written
from pytest_devops_gates.history.lineage import Delivered
from pytest_devops_gates.incident import Incident
from pytest_devops_gates.verdict import Dora

DAYS = 90
"""Days that are looked back on, if nobody says otherwise."""
PRODUCTION = "production"
_WEEK = timedelta(weeks=1)


class Measures(msgspec.Struct, frozen=True):
    """The five measures, and in a sentence each what was left out of them, and why what is None
    could not be measured."""

    dora: Dora
    notes: tuple[str, ...] = ()


class NothingDeployed(CannotTell):
    """There is nothing to measure."""


def environment_of(deployments: Sequence[Deployment], asked: str | None = None) -> str:
    """The environment that is measured: the one ``asked`` for, ``production``, or the only one.

    Raises UsageError where none of these has ever been deployed to, and NothingDeployed where
    nothing has.
    """
    known = sorted({one.environment for one in deployments})
    if not known:
        told = "no deployment is recorded · devops-gates release deploy records them"
        raise NothingDeployed(told)
    if asked is not None:
        if asked in known:
            return asked
        raise UsageError(f"nothing was ever deployed to '{asked}'{did_you_mean(asked, known)}")
    if PRODUCTION in known:
        return PRODUCTION
    if len(known) == 1:
        return known[0]
    several = ", ".join(known)
    raise UsageError(f"deployed to {several}, and none is named production · --environment NAME")


def measure(
    deployments: Sequence[Deployment],
    incidents: Sequence[Incident],
    delivered: Mapping[str, Delivered],
    *,
    environment: str,
    since: datetime,
    until: datetime,
) -> Measures:
    """What the roll-outs to one environment come to that ended after ``since`` and until ``until``.

    ``deployments`` and ``incidents`` are all that are known, earlier ones as well: what was mended
    may have begun before. ``delivered`` holds the commits of each that succeeded, by its id.
    """
    ended = in_order(deployments, environment)
    within = [one for one in ended if since < one.ended <= until]
    failed = failures(ended, incidents)
    mine = [failed[one.id] for one in within if one.id in failed]
    mending = mended(ended, failed)
    recoveries = [f.seconds for f in mine if f.seconds is not None]
    leads = list(_leads(within, delivered))
    count = len(within)
    dora = Dora(
        environment=environment,
        since=written(since),
        until=written(until),
        deployments=count,
        per_week=sum(one.succeeded for one in within) / ((until - since) / _WEEK),
        lead_time=median(leads) if leads else None,
        recovery_time=median(recoveries) if recoveries else None,
        fail_rate=100 * len(mine) / count if count else None,
        rework_rate=100 * sum(one.id in mending for one in within) / count if count else None,
    )
    notes = (
        *_gaps(deployments, ended, environment, since, until),
        *_unled(within, delivered, dora),
        *_unrecovered(mine, incidents, {one.id for one in deployments}, since, until),
    )
    return Measures(dora, notes)


def _leads(within: Sequence[Ended], delivered: Mapping[str, Delivered]) -> Iterator[float]:
    """The seconds from each commit to the end of the roll-out that delivered it."""
    for one in within:
        for committed in delivered[one.id].times if one.id in delivered else ():
            if committed <= one.ended.timestamp():
                yield one.ended.timestamp() - committed


def _gaps(
    deployments: Sequence[Deployment],
    ended: Sequence[Ended],
    environment: str,
    since: datetime,
    until: datetime,
) -> Iterator[str]:
    """What is recorded of this environment and was not counted."""
    mine = {one.id: one for one in deployments if one.environment == environment}
    open_ = [one for one in mine.values() if one.outcome == STARTED]
    if open_:
        yield f"not counted: {_told(len(open_), 'deployment')} whose end nobody saw"
    idle = [one for one in mine.values() if one.never_ran]
    if idle:
        yield f"not counted: {_told(len(idle), 'deployment')} whose command never started"
    left_out = len(open_) + len(idle)
    odd = len(mine) - left_out - len(ended) + sum(one.ended > until for one in ended)
    if odd:
        why = "before it began, in the future, or at no time that can be read"
        yield f"not counted: {_told(odd, 'deployment')} with an end {why}"
    begun = [moment for one in mine.values() if (moment := instant(one.started))]
    if begun and min(begun) > since:
        told = "and the frequency is over all of the days asked for"
        yield f"the first deployment that is recorded began at {written(min(begun))}, {told}"
    if not any(since < one.ended <= until for one in ended):
        yield "no fail rate and no rework rate: no deployment ended in these days"


def _unled(
    within: Sequence[Ended], delivered: Mapping[str, Delivered], dora: Dora
) -> Iterator[str]:
    """What is not known of the commits."""
    good = [one for one in within if one.succeeded]
    reasons: dict[str, int] = {}
    ahead = 0
    for one in good:
        told = delivered.get(one.id, Delivered(unknown="nobody asked git for its commits"))
        if told.unknown:
            reasons[told.unknown] = reasons.get(told.unknown, 0) + 1
        ahead += sum(committed > one.ended.timestamp() for committed in told.times)
    for reason, count in reasons.items():
        yield f"lead time: without the commits of {_told(count, 'deployment')}: {reason}"
    if ahead:
        yield f"lead time: without {_told(ahead, 'commit')} dated later than the deployment"
    if dora.lead_time is None and not (reasons or ahead):
        said = "none delivered a commit that was new" if good else "no deployment succeeded"
        yield f"no lead time: {said} in these days"


def _unrecovered(
    mine: Sequence[Failure],
    incidents: Sequence[Incident],
    known: set[str],
    since: datetime,
    until: datetime,
) -> Iterator[str]:
    """What is not known of failures."""
    still = sum(failure.seconds is None and not failure.odd for failure in mine)
    odd = sum(failure.odd for failure in mine)
    if still:
        yield f"recovery time: without {_told(still, 'failure')} from which nobody has recovered"
    if odd:
        yield f"recovery time: without {_told(odd, 'failure')} with times that cannot be"
    if not mine:
        yield "no recovery time: no deployment failed in these days"
    strangers = sum(
        incident.deployment not in known
        for incident in incidents
        if (began := instant(incident.started)) and since < began <= until
    )
    if strangers:
        yield f"not counted: {_told(strangers, 'incident')} without a deployment that is recorded"


def _told(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def successful(deployments: Sequence[Deployment], environment: str) -> list[Ended]:
    """Those that succeeded, in the order in which they ended."""
    return [one for one in in_order(deployments, environment) if one.outcome == DEPLOYED]
