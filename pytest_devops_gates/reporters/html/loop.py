"""The figure-eight of the DevOps loop: a lemniscate, cut into eight arrows. Pure.

The way round begins at the crossing, goes over the top of the left half (development), back through
the crossing, and over the top of the right one (operations). Source of the curve: Bernoulli's
lemniscate, https://mathworld.wolfram.com/Lemniscate.html
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from itertools import pairwise

import msgspec

WIDTH, HEIGHT = 960, 400
HALF_WIDTH, STEEPNESS = 415.0, 1.12
BAND = 31.0
"""Half of the width of the arrows."""
TIP, GAP = 15.0, 7.0
STEPS = 1600
"""Points that the curve is measured at."""

Point = tuple[float, float]


class Arrow(msgspec.Struct, frozen=True):
    """One stage of the loop: its outline, and the line that its name is written along, from left
    to right. ``over`` marks those that lie above the others where they cross."""

    outline: str
    line: str
    over: bool


@cache
def arrows(count: int = 8) -> tuple[Arrow, ...]:
    """The arrows in the loop's order, as SVG paths in a view box of WIDTH and HEIGHT."""
    points = [_curve(math.pi / 2 + 2 * math.pi * n / STEPS) for n in range(STEPS + 1)]
    length = [0.0]
    for one, other in pairwise(points):
        length.append(length[-1] + math.dist(one, other))
    return tuple(
        _arrow(points, length, length[-1] * n / count, length[-1] * (n + 1) / count, n, count)
        for n in range(count)
    )


def _curve(t: float) -> Point:
    wide = HALF_WIDTH / (1 + math.sin(t) ** 2)
    x, y = wide * math.cos(t), wide * math.sin(t) * math.cos(t) * STEEPNESS
    return WIDTH / 2 + x, HEIGHT / 2 + y


def _arrow(
    points: Sequence[Point],
    length: Sequence[float],
    start: float,
    end: float,
    number: int,
    count: int,
) -> Arrow:
    inner = [n for n, so_far in enumerate(length) if start + GAP <= so_far <= end - GAP][::2]
    left = [_beside(points, n, -BAND) for n in inner]
    right = [_beside(points, n, BAND) for n in inner]
    tip = _ahead(points, inner[-1], TIP)
    notch = _ahead(points, inner[0], TIP)
    outline = [*left, tip, *reversed(right), notch]
    middle = [points[n] for n in inner]
    if middle[-1][0] < middle[0][0]:
        middle.reverse()
    # the arrows into and out of the crossing from below lie over those from above
    over = number in (count // 2 - 1, count // 2)
    return Arrow(_path(outline) + "Z", _path(middle[::2]), over)


def _beside(points: Sequence[Point], at: int, away: float) -> Point:
    (x, y), (dx, dy) = points[at], _direction(points, at)
    return x - dy * away, y + dx * away


def _ahead(points: Sequence[Point], at: int, far: float) -> Point:
    (x, y), (dx, dy) = points[at], _direction(points, at)
    return x + dx * far, y + dy * far


def _direction(points: Sequence[Point], at: int) -> Point:
    one, other = points[max(0, at - 1)], points[min(len(points) - 1, at + 1)]
    size = math.dist(one, other)
    return (other[0] - one[0]) / size, (other[1] - one[1]) / size


def _path(points: Sequence[Point]) -> str:
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
