"""When nothing is released: weekly windows, spans of days, holidays, in a zone's local time. Pure.

A window holds from the first moment at which the clocks there show its beginning (or later) to the
last at which they show less than its end. So one that lies in the hour that clocks repeat holds
until that hour has passed twice, and one in the hour that they skip does not hold at all.
"""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Iterable, Iterator
from datetime import date, datetime, time, timedelta, timezone, tzinfo
from typing import Any

import msgspec

from pytest_devops_gates.errors import UsageError, did_you_mean

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
LONGEST = 400
"""How many spans, end to end, are followed to tell when a freeze ends."""

_DAY = timedelta(days=1)
_CLOCK = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])|24:00")


class Window(msgspec.Struct, frozen=True):
    """A time of every week (``days``, with times of day), or a span of days or moments.

    ``start`` and ``end`` are ``from`` and ``to``. Times of day are ``"16:00"``, up to ``"24:00"``;
    one that ends at or before its beginning goes on to the next day. Days are whole ones, the
    last one included; a moment without an offset is local time. Raises UsageError otherwise; which
    end comes first is for ``check_order`` to tell, which knows the zone.
    """

    days: tuple[str, ...] = ()
    start: Any = msgspec.field(name="from", default=None)
    end: Any = msgspec.field(name="to", default=None)

    def __post_init__(self) -> None:
        for day in self.days:
            if day not in DAYS:
                raise UsageError(f"{self.shown}: '{day}' is no day of {', '.join(DAYS)}")
        if self.days:
            self._check_times()
        else:
            self._check_span()

    def _check_times(self) -> None:
        minutes = [minute(end) for end in (self.start, self.end) if end is not None]
        if None in minutes:
            raise UsageError(f'{self.shown}: a time of day is written "16:00", up to "24:00"')
        if self.start_minute == self.end_minute or self.start_minute == 24 * 60:
            raise UsageError(f'{self.shown}: it has no length; a whole day is "00:00" to "24:00"')

    def _check_span(self) -> None:
        ends = (self.start, self.end)
        if not all(isinstance(end, date) for end in ends):  # a datetime is a date as well
            told = "days of the week, or days (2026-12-20) or moments as from and to"
            raise UsageError(f"{self.shown}: a window has {told}")
        if not all(1970 <= end.year < 9000 for end in ends):
            raise UsageError(f"{self.shown}: a year is out of range")

    @property
    def start_minute(self) -> int:
        return minute(self.start) or 0

    @property
    def end_minute(self) -> int:
        told = minute(self.end)
        return 24 * 60 if told is None else told

    @property
    def shown(self) -> str:
        """The window as a message names it."""
        days = f"{', '.join(self.days)} " if self.days else ""
        start, end = self.start, self.end
        if self.days:
            start, end = start or "00:00", end or "24:00"
        return f"the window {days}{start} to {end}"[:200]


class Frozen(msgspec.Struct, frozen=True):
    """A freeze: by which window or holiday, and when it ends (UTC); None where no end is near."""

    by: str
    until: datetime | None


def minute(told: Any) -> int | None:
    """The minute of the day that a text or a time of TOML means, or None."""
    if isinstance(told, time):
        whole = told.second == told.microsecond == 0
        return told.hour * 60 + told.minute if whole else None
    found = _CLOCK.fullmatch(told) if isinstance(told, str) else None
    if found is None:
        return None
    return 24 * 60 if found[0] == "24:00" else int(found[1]) * 60 + int(found[2])


def zone(name: str) -> tzinfo | None:
    """The zone of a name; None where this computer has no zones at all.

    Raises UsageError, with a near name, for one that there is not.
    """
    try:
        return zoneinfo.ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        known = zoneinfo.available_timezones()
        if not known:
            return None
        near = did_you_mean(name, known)
        near = near if near.startswith(" (did") else " (a name as in Europe/Berlin)"
        raise UsageError(f"there is no time zone '{name}'{near}") from None


def check_order(window: Window, here: tzinfo) -> None:
    """Raises UsageError for a span that is over when it begins, and so would freeze nothing."""
    if window.days:
        return
    start, end = _moment(window.start), _end(window.end)
    if (start.tzinfo is None) != (end.tzinfo is None):
        start, end = _span(window, here)
    if start >= end:
        raise UsageError(f"{window.shown}: it ends before it begins, or as it does")


def frozen(
    windows: Iterable[Window], holidays: Iterable[date], here: tzinfo, now: datetime
) -> Frozen | None:
    """The freeze that holds ``now`` (an aware moment), or None."""
    windows, holidays = tuple(windows), tuple(holidays)
    first = _holding(windows, holidays, here, now)
    if first is None:
        return None
    by, until = first
    for _ in range(LONGEST):
        following = _holding(windows, holidays, here, until)
        if following is None:
            return Frozen(by, until)
        until = following[1]
    return Frozen(by, None)


def _holding(
    windows: tuple[Window, ...], holidays: tuple[date, ...], here: tzinfo, now: datetime
) -> tuple[str, datetime] | None:
    """What holds at a moment, and its end; that which ends last."""
    spans = [
        (end, by) for by, begin, end in _spans(windows, holidays, here, now) if begin <= now < end
    ]
    if not spans:
        return None
    end, by = max(spans)
    return by, end


def _spans(
    windows: tuple[Window, ...], holidays: tuple[date, ...], here: tzinfo, now: datetime
) -> Iterator[tuple[str, datetime, datetime]]:
    today = now.astimezone(here).date()
    for day in holidays:
        if abs(day - today) <= 3 * _DAY:
            ends = reached(_midnight(day), here), passed(_midnight(day + _DAY), here)
            yield f"the holiday {day}", *ends
    for window in windows:
        if not window.days:
            yield window.shown, *_span(window, here)
            continue
        for back in (-2, -1, 0, 1):
            day = today + back * _DAY
            if DAYS[day.weekday()] in window.days:
                yield window.shown, *_weekly(window, day, here)


def _span(window: Window, here: tzinfo) -> tuple[datetime, datetime]:
    start, end = _moment(window.start), _end(window.end)
    return (
        start.astimezone(timezone.utc) if start.tzinfo else reached(start, here),
        end.astimezone(timezone.utc) if end.tzinfo else passed(end, here),
    )


def _weekly(window: Window, day: date, here: tzinfo) -> tuple[datetime, datetime]:
    begin, end = window.start_minute, window.end_minute
    end += 24 * 60 if end <= begin else 0
    midnight = _midnight(day)
    return (
        reached(midnight + timedelta(minutes=begin), here),
        passed(midnight + timedelta(minutes=end), here),
    )


def reached(wall: datetime, here: tzinfo) -> datetime:
    """The first moment (UTC) at which the clocks show ``wall``, or more."""
    early, late = _readings(wall, here)
    return early if _shows(early, here) == wall else _jump(wall, early, late, here)


def passed(wall: datetime, here: tzinfo) -> datetime:
    """The moment (UTC) after which the clocks never show less than ``wall`` again."""
    early, late = _readings(wall, here)
    if _shows(early, here) != wall:
        return _jump(wall, early, late, here)
    # where the hour is repeated from this very time on, the second round shows nothing less
    return late if _shows(late - timedelta(microseconds=1), here) < wall else early


def _readings(wall: datetime, here: tzinfo) -> tuple[datetime, datetime]:
    both = [wall.replace(tzinfo=here, fold=fold).astimezone(timezone.utc) for fold in (0, 1)]
    return min(both), max(both)


def _jump(wall: datetime, early: datetime, late: datetime, here: tzinfo) -> datetime:
    """The moment between two at which the clocks skip ``wall``; they skip by whole seconds."""
    while late - early > timedelta(seconds=1):
        middle = early + timedelta(seconds=(late - early) // timedelta(seconds=2))
        early, late = (early, middle) if _shows(middle, here) >= wall else (middle, late)
    return late


def _shows(moment: datetime, here: tzinfo) -> datetime:
    return moment.astimezone(here).replace(tzinfo=None, fold=0)


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day)


def _moment(told: date) -> datetime:
    return told if isinstance(told, datetime) else _midnight(told)


def _end(told: date) -> datetime:
    """The moment at which a span is over: a day is included."""
    return told if isinstance(told, datetime) else _midnight(told) + _DAY
