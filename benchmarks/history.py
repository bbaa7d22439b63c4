"""How long a run waits for a history of 10,000 runs: to be recorded, and to be told of the others.

    python benchmarks/history.py [RUNS] [URL]

Each run has 33 gates with 198 metrics and 2,000 tests. The history is SQLite in a folder made for
it, or the database at ``URL`` (empty, and left full). Medians; recording is beside a plain insert
and commit of one row into an SQLite file of its own in the same folder, since disks differ.
"""

from __future__ import annotations

import random
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

from pytest_devops_gates.evidence import RanTest
from pytest_devops_gates.history.place import FILE, VARIABLE
from pytest_devops_gates.history.records import GateRecord, RuleRecord, RunRecord
from pytest_devops_gates.history.store import open_store
from pytest_devops_gates.outside import HistoryTable

ROUNDS = 15
PROJECT = "big"
GATES, METRICS, TESTS, FULL = 33, 6, 2_000, 200
CHANCE = random.Random(1)


def run(n: int, tests: int = TESTS) -> RunRecord:
    """The run number ``n``; every fifth one fails, and two are of one commit."""
    began = datetime(2026, 1, 1) + timedelta(minutes=20 * n)
    return RunRecord(
        project=PROJECT,
        run_id=f"{began:%Y%m%dT%H%M%SZ}-{n:06x}",
        profile="merge" if n % 3 else "commit",
        complete=True,
        verdict="pass" if n % 5 else "fail",
        reason="all gates passed",
        exit_status=0,
        started=f"{began:%Y-%m-%dT%H:%M:%SZ}",
        seconds=60.0,
        commit=f"{n // 2:040x}",
        gates=tuple(map(gate, range(GATES))),
        rules=tuple(RuleRecord(f"gate{at}", f"E{at}", 1, 2, 3) for at in range(20)),
        tests=tuple(test(at, n) for at in range(tests)),
    )


def gate(at: int) -> GateRecord:
    metrics = {f"metric_{m}": CHANCE.random() * 100 for m in range(METRICS)}
    return GateRecord(f"gate{at}", "test", "required", "pass", "all well", 1.5, metrics=metrics)


def test(at: int, n: int) -> RanTest:
    fails = n % 5 == 0 and at == n % 50
    name = f"tests/unit/test_module{at % 40}.py::test_something_{at}"
    return RanTest(name, "failed" if fails else "passed", round(CHANCE.random(), 3))


def median(do: Callable[[int], object]) -> float:
    """Milliseconds."""

    def once(at: int) -> float:
        start = time.perf_counter()
        do(at)
        return (time.perf_counter() - start) * 1_000

    return statistics.median(once(at) for at in range(ROUNDS))


def plain_row(folder: Path) -> float:
    """An insert and a commit, as safe as ours."""
    with closing(sqlite3.connect(folder / "plain.sqlite", isolation_level=None)) as plain:
        plain.execute("PRAGMA synchronous = EXTRA")
        plain.execute("CREATE TABLE rows (a, b)")
        return median(lambda at: plain.execute("INSERT INTO rows VALUES (?, 'x')", [at]))


def main(runs: int = 10_000, url: str = "") -> None:
    with tempfile.TemporaryDirectory() as name:
        folder, environment = Path(name), {VARIABLE: url}
        start = time.perf_counter()
        with open_store(folder, HistoryTable(), environment) as store:
            older: Iterator[RunRecord] = (run(n, 0) for n in range(runs - FULL))
            store.take(older)
            store.take(run(n) for n in range(runs - FULL, runs))
        print(f"{runs:,} runs recorded in {time.perf_counter() - start:.1f} s; medians of {ROUNDS}")
        if not url:
            print(f"the file has {(folder / FILE).stat().st_size / 2**20:.0f} MiB")
        new = [run(n) for n in range(runs, runs + ROUNDS)]

        def record(at: int) -> None:
            with open_store(folder, HistoryTable(), environment) as opened:
                opened.record(new[at])

        recording, plain = median(record), plain_row(folder)
        print(
            f"open, record, close {recording:.1f} ms; {recording / plain:.1f} times one plain row"
        )
        with open_store(folder, HistoryTable(), environment) as store:
            commit = new[-1].commit
            metric = "gate3.metric_2"
            asked: dict[str, Callable[[int], object]] = {
                "recall": lambda _: store.recall(PROJECT, "merge", commit, clean=True),
                "runs": lambda _: store.runs(PROJECT),
                "run": lambda at: store.run(PROJECT, new[at].run_id),
                "series of 50": lambda _: store.series(PROJECT, metric),
                "series of all": lambda _: store.series(PROJECT, metric, limit=10**6),
                "series of none": lambda _: store.series(PROJECT, "gate3.nothing"),
                "metrics": lambda _: store.metrics(PROJECT),
                "repeated": lambda _: store.repeated(PROJECT),
                "flaky": lambda _: store.flaky(PROJECT),
                "slowest gates": lambda _: store.slowest_gates(PROJECT),
            }
            for question, ask in asked.items():
                print(f"{question:<14} {median(ask):8.1f} ms")


if __name__ == "__main__":
    main(*[int(one) if one.isdigit() else one for one in sys.argv[1:]])  # type: ignore[arg-type]
