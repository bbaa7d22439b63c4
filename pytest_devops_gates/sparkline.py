"""A row of numbers as a row of characters, a column each."""

from __future__ import annotations

import math
from collections.abc import Sequence

BLOCKS = "▁▂▃▄▅▆▇█"
PLAIN = "_.-="
"""For a terminal or a file that cannot show the blocks."""


def draw(values: Sequence[float], columns: int, shades: str = BLOCKS) -> str:
    """The newest values (the last) that fit, from the lowest shade for the least of them to the
    highest for the greatest. All of one size are drawn half-way up; what is no number is a gap."""
    shown = values[-columns:] if columns > 0 else ()
    known = [value for value in shown if math.isfinite(value)]
    if not known:
        return " " * len(shown)
    least, most = min(known), max(known)
    return "".join(
        shades[_shade(value, least, most, len(shades))] if math.isfinite(value) else " "
        for value in shown
    )


def shades_for(encoding: str | None) -> str:
    """The blocks, or what stands for them where an encoding has none."""
    try:
        BLOCKS.encode(encoding or "utf-8")
    except (UnicodeEncodeError, LookupError):
        return PLAIN
    return BLOCKS


def _shade(value: float, least: float, most: float, shades: int) -> int:
    if least == most:
        return (shades - 1) // 2
    # halved first: the difference of two finite numbers may be infinite
    share = (value / 2 - least / 2) / (most / 2 - least / 2)
    return min(int(share * shades), shades - 1)
