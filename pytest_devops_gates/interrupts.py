"""Ctrl-C, SIGTERM and SIGHUP while a run is on: counted here, acted upon by the engine."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType

from pytest_devops_gates.engine.schedule import Interrupts


@contextlib.contextmanager
def listening() -> Iterator[Interrupts]:
    """Count the signals that arrive inside the block; outside of the main thread there are none."""
    interrupts = Interrupts()

    def hear(number: int, frame: FrameType | None) -> None:
        interrupts.count += 1
        interrupts.name = signal.Signals(number).name
        interrupts.forward = interrupts.forward or number != signal.SIGINT

    if threading.current_thread() is not threading.main_thread():
        yield interrupts
        return
    names = [n for n in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, n)]
    before = {n: signal.signal(getattr(signal, n), hear) for n in names}
    try:
        yield interrupts
    finally:
        for name, handler in before.items():
            signal.signal(getattr(signal, name), handler)
