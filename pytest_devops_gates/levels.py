"""The finer numbers of a test run: its levels, by marker or folder, and its slow tests. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from pytest_devops_gates.tally import Tally
from pytest_devops_gates.testrun import outcomes

LEVELS = ("unit", "integration", "system")
METRICS = ("slow", *(level + part for level in LEVELS for part in ("", ".failed", ".skipped")))


def measure(
    run: Tally,
    names: Mapping[str, Sequence[str]],
    slow: float,
    excused: Collection[str] = frozenset(),
) -> dict[str, float]:
    """How many tests ran, failed and were skipped at each level, and how many were slow.

    ``names`` are for each level the markers and folders that tell it; ``slow`` is in seconds, for
    setup, call and teardown together; the failures of ``excused`` tests do not count.
    """
    metrics = dict.fromkeys(METRICS, 0.0)
    level_of = {name: level for level, told in names.items() for name in told}
    marked = {
        test: level_of[mark] for mark in level_of for test in run.marks.get(mark, ())
    }  # the last one wins; folders count where no marker does
    for test, reports in run.reports.items():
        metrics["slow"] += sum(report["seconds"] for report in reports) > slow
        level = marked.get(test) or _by_folder(test, level_of)
        if level is None:
            continue
        seen = outcomes(run, test)
        metrics[f"{level}.skipped"] += "skipped" in seen
        metrics[level] += any(outcome != "skipped" for outcome in seen)
        is_failed = "failed" in seen or "error" in seen
        metrics[f"{level}.failed"] += is_failed and test not in excused
    return metrics


def _by_folder(test: str, level_of: Mapping[str, str]) -> str | None:
    folders = test.partition("::")[0].split("/")[:-1]
    return next((level_of[folder] for folder in reversed(folders) if folder in level_of), None)
