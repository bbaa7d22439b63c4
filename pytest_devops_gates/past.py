"""What the history tells a run of the runs before it: values only."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec


class PastRun(msgspec.Struct, frozen=True):
    """A run that came to an end. ``metrics`` are named ``GATE.METRIC`` (``coverage.line``)."""

    run_id: str
    started: str
    verdict: str
    seconds: float
    commit: str | None = None
    metrics: Mapping[str, float] = {}


class Past(msgspec.Struct, frozen=True):
    """What is remembered of earlier runs of the same project and profile.

    ``passing`` are the last of those that were whole and passed, the newest first. ``tests`` are
    the seconds of each test that passed in the newest whole run that passed, by its id. ``here``
    are the outcomes (``passed``, ``failed``) of each test in earlier runs of the very same commit,
    without changes beside it. ``unknown`` says why the history could not be read; then the rest is
    empty.
    """

    passing: tuple[PastRun, ...] = ()
    tests: Mapping[str, float] = {}
    here: Mapping[str, frozenset[str]] = {}
    unknown: str | None = None
