"""Whether the time of something grows with its size and no faster: a ratio, since machines differ,
and some runs are measured or share their cores."""

from __future__ import annotations

import time
from collections.abc import Callable

TIMES = 8
SLACK = 3
"""Eight times as much may take 24 times as long; what is quadratic takes 64 times."""
LEAST = 0.02
"""Seconds of CPU below which nothing is told by a ratio."""


def grows_linearly(work: Callable[[int], Callable[[], object]], size: int) -> None:
    """``work`` gets something of a size ready, and returns what is measured."""
    small, large = _seconds(work(size)), _seconds(work(TIMES * size))
    assert large < SLACK * TIMES * max(small, LEAST), f"{small:.3f} s, then {large:.3f} s"


def _seconds(work: Callable[[], object]) -> float:
    """The best of three, since noise only adds."""
    seen = []
    for _ in range(3):
        start = time.process_time()
        work()
        seen.append(time.process_time() - start)
    return min(seen)
