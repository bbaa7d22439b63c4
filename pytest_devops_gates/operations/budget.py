"""Error budgets, and how fast they burn. Pure.

A target of 99.9 percent over 30 days leaves a budget of 0.1 percent of all events. A burn rate of 1
uses it up in just that time. It burns too fast where 2 percent of it are gone within an hour, or 5
percent within six, and the last minutes were no better.
Source: https://sre.google/workbook/alerting-on-slos/, "Multiwindow, Multi-Burn-Rate Alerts"
"""

from __future__ import annotations

import re
from fractions import Fraction

import msgspec

from pytest_devops_gates.errors import CannotTell
from pytest_devops_gates.evidence import Finding, Severity

PLACE = "$window"
WINDOW = "30d"
FAST, SLOW = ("1h", "5m"), ("6h", "30m")
"""Windows, a long and a short one, which have to burn both."""

TOLERANCE = 1.01
"""How much more good events than events there may seem to be: Prometheus extrapolates."""

_SHARES = {FAST: Fraction(2, 100), SLOW: Fraction(5, 100)}
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_SPAN = re.compile(r"([1-9]\d{0,4})([smhdw])", re.ASCII)
_LEAST, _MOST = 7 * 86_400, 366 * 86_400


class Events(msgspec.Struct, frozen=True):
    """How many events a window has, and how many of them were good."""

    good: float
    total: float


class Spent(msgspec.Struct, frozen=True):
    """``left`` is the budget that is left, in percent (below zero where more is gone), ``fast`` and
    ``slow`` are the burn rates that both windows of a pair reach."""

    left: float
    fast: float
    slow: float


def seconds(span: str) -> int:
    """The seconds of ``30m``, ``1d``, ``4w``. Raises ValueError for another text."""
    found = _SPAN.fullmatch(span)
    if not found:
        raise ValueError(f'\'{span[:40]}\' is no span of time; write one like "30m", "1d", "4w"')
    return int(found[1]) * _SECONDS[found[2]]


def thresholds(window: str) -> tuple[float, float]:
    """The burn rates that are too fast for a window: 14.4 and 6 for 30 days. Raises ValueError for
    a window that it cannot be told for."""
    whole = seconds(window)
    if not _LEAST <= whole <= _MOST:
        raise ValueError(f"'{window}' is not from 7d to 366d")
    fast, slow = (_SHARES[pair] * whole / seconds(pair[0]) for pair in (FAST, SLOW))
    return float(fast), float(slow)


def windows(window: str) -> tuple[str, ...]:
    """All windows to ask for."""
    return (window, *FAST, *SLOW)


def query(text: str, window: str) -> str:
    """A query with its window."""
    return text.replace(PLACE, window)


def spent(target: float, window: str, events: dict[str, Events]) -> Spent:
    """What is left, by the events of all windows. Raises CannotTell where there was no traffic at
    all, or the events contradict each other."""
    if not events[window].total:
        raise CannotTell(f"there was no traffic in {window}")
    rates = {name: _burn(target, one, name) for name, one in events.items()}
    return Spent(
        left=float(100 * (1 - rates[window])),
        fast=float(min(rates[name] for name in FAST)),
        slow=float(min(rates[name] for name in SLOW)),
    )


def findings(name: str, target: float, window: str, found: Spent) -> tuple[Finding, ...]:
    """What is wrong with a budget: it is used up, or burns too fast."""
    fast, slow = thresholds(window)
    told = []
    if found.left <= 0:
        over = f", {-found.left:.1f} % more than there is" if found.left <= -0.05 else ""
        said = f"{name}: the error budget of {target:g} % over {window} is used up{over}"
        told.append(Finding("budget-exhausted", said, Severity.HIGH))
    for rate, limit, pair, severity in (
        (found.fast, fast, FAST, Severity.HIGH),
        (found.slow, slow, SLOW, Severity.MEDIUM),
    ):
        if rate > limit:
            said = (
                f"{name}: the error budget burns {rate:.4g} times as fast as it may over {pair[0]}"
                f" and {pair[1]}, needs <= {limit:g}; {max(found.left, 0):.1f} % of it are left"
            )
            told.append(Finding("budget-burning", said, severity))
            break  # who burns fast burns slowly as well
    return tuple(told)


def _burn(target: float, events: Events, window: str) -> Fraction:
    """The share of bad events by the share that may be bad. Where nothing happened in a short
    window, nothing is used up."""
    if events.good < 0 or events.total < 0 or events.good > events.total * TOLERANCE:
        told = f"{events.good:g} good of {events.total:g} events in {window}"
        raise CannotTell(f"{told} contradict each other · good has to count some of total")
    if not events.total:
        return Fraction(0)
    bad = max(Fraction(0), 1 - Fraction(events.good) / Fraction(events.total))
    return bad / (1 - Fraction(repr(target)) / 100)
