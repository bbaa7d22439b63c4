"""How old evidence may be: ``24h``, ``30m``, ``7d``. Pure."""

from __future__ import annotations

import re
from datetime import timedelta

_AGE = re.compile(r"([1-9][0-9]{0,5})(m|h|d)")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


def parse(text: str) -> timedelta:
    """The time that a text names. Raises ValueError, in one line."""
    found = _AGE.fullmatch(text)
    if not found:
        raise ValueError(f"'{text[:40]}' is no age; write one like 30m, 24h or 7d")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def told(age: timedelta) -> str:
    """An age in its largest unit, cut and not rounded."""
    minutes = int(age.total_seconds() // 60)
    for size, unit in ((1440, "d"), (60, "h")):
        if minutes >= 2 * size:
            return f"{minutes // size}{unit}"
    return f"{minutes}m"
