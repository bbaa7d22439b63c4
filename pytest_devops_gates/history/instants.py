"""Times as the history keeps them: RFC 3339, read leniently and written in UTC."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from functools import lru_cache

_RFC3339 = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d{1,6})\d*)?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)


@lru_cache(maxsize=2**16)  # the same times are asked for again and again
def instant(text: str | None) -> datetime | None:
    """The moment that a text names; None for one that names none."""
    found = _RFC3339.fullmatch(text or "")
    if not found:
        return None
    day, time, fraction, zone = found.groups()
    offset = "+00:00" if zone in "Zz" else zone
    try:
        read = datetime.fromisoformat(f"{day}T{time}.{(fraction or '0').ljust(6, '0')}{offset}")
        return read.astimezone(timezone.utc)
    except (ValueError, OverflowError):
        return None


def written(moment: datetime) -> str:
    """A moment as ours are written, to the second."""
    return f"{moment.astimezone(timezone.utc):%Y-%m-%dT%H:%M:%S}Z"
