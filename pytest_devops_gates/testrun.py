"""What happened in a test run, read from its events: pure.

The exit code and the closing line of pytest are not believed by themselves: a run is complete when
each selected test was seen to end.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

import msgspec

from pytest_devops_gates.quarantine import Holder, nobody
from pytest_devops_gates.tally import Tally
from pytest_devops_gates.verdict import TestCounts

QUARANTINED = "quarantined"
"""The rule of a failure that does not count."""

PHASES = ("setup", "call", "teardown")
SHOWN = 5
"""Entries of the quarantine that a note names."""
ID = 100
"""Characters of what such an entry names."""


class TestRun(msgspec.Struct, frozen=True):
    """A run summed up. ``failures`` are (rule, test id, message, place); ``gaps`` say what is not
    known of it, worst first. ``ended`` has the outcome of each test that was seen to end, its worst
    one, and ``failed`` for one that was altered. ``quarantined`` are the tests whose failures do
    not count."""

    __test__ = False

    counts: TestCounts
    failures: tuple[tuple[str, str, str, Any], ...] = ()
    gaps: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    ended: Mapping[str, str] = {}
    quarantined: frozenset[str] = frozenset()


def sum_up(run: Tally, held: Holder = nobody) -> TestRun:
    """Counts, failures and gaps of a run; ``held`` tells which tests are in quarantine."""
    found = {test: outcomes(run, test) for test in run.reports}
    altered = {test: why for test in run.reports if (why := _alteration(run, test))}
    reported = {failure["id"] for failure in run.collect_failures}
    for hidden in sorted(run.collect_raised - reported):
        altered[hidden] = "outcome altered: its collection failed and was reported as done"
    excused = frozenset(t for t in found if t not in altered and _is_excused(run, t, held))
    failures = [
        *(("collection-error", f["id"], f["message"], None) for f in run.collect_failures),
        *(("outcome-altered", test, why, None) for test, why in altered.items()),
        *_failed_reports(run, excused),
    ]
    seen = [outcome for several in found.values() for outcome in several]
    counted = [outcome for test, several in found.items() if test not in excused
               for outcome in several]  # fmt: skip
    errors = counted.count("error") + len(run.collect_failures)
    if _is_failed_otherwise(run, failures):
        errors += 1
        beside = " but those in quarantine" if failures else ""
        message = (
            f"pytest exited with 1 though no test failed{beside}: a plugin or a conftest decided so"
        )
        failures.append(("exit-status", "", message, None))
    selected = len(run.selected)
    told = max(run.deselected.values(), default=0)
    dropped = max(run.collected.values(), default=0) - selected - told
    gaps = _gaps(run, seen, failures)
    counts = TestCounts(
        collected=max(selected + told, *run.collected.values(), 0),
        deselected=told + max(0, dropped),
        passed=seen.count("passed"),
        failed=counted.count("failed"),
        errors=errors,
        skipped=seen.count("skipped") + len(run.collect_skips),
        xfailed=seen.count("xfailed"),
        xpassed=seen.count("xpassed"),
        rerun=sum(r["outcome"] == "rerun" for rs in run.reports.values() for r in rs),
        flaky=sum(is_flaky(run, test) for test in run.reports),
        altered=len(altered),
        seconds=round(sum(r["seconds"] for rs in run.reports.values() for r in rs), 3),
        complete=not gaps,
    )
    ended = {
        test: "failed" if test in altered else several[0]
        for test, several in found.items()
        if several and test in run.finished
    }
    notes = (*_held_back(excused, held), *_notes(run, counts))
    return TestRun(counts, tuple(failures), tuple(gaps), notes, ended, excused)


def outcomes(run: Tally, test: str) -> list[str]:
    """What pytest counts for a test: one word, or two when its teardown failed as well."""
    reports = run.reports[test]
    found = []
    if any(r["outcome"] == "failed" and r["when"] not in ("setup", "teardown") for r in reports):
        found.append("failed")
    if any(r["outcome"] == "failed" and r["when"] in ("setup", "teardown") for r in reports):
        found.append("error")
    if "failed" in found:
        return found
    last = next((r for r in reversed(reports) if r["outcome"] == "skipped"), None)
    calls = run.call_reports(test)
    if calls and calls[-1]["outcome"] == "passed":
        return [*found, "xpassed" if calls[-1].get("xfail") else "passed"]
    if last:
        return [*found, "xfailed" if last.get("xfail") else "skipped"]
    return found


def _alteration(run: Tally, test: str) -> str | None:
    """How the outcome that was reported differs from what the test function did, if it does."""
    for seen, report in run.attempts(test):
        if report["outcome"] != "passed":
            continue
        if seen["kind"] != "ok":
            where = "" if seen["when"] == "call" else f" in its {seen['when']}"
            return f"outcome altered: it raised {seen['raised']}{where} and was reported as passed"
        if seen["ran"] is False:
            return "outcome altered: its function never ran and was reported as passed"
    return None


def _failed_reports(run: Tally, excused: Collection[str]) -> Iterable[tuple[str, str, str, Any]]:
    for test, reports in run.reports.items():
        for report in reports:
            if report["outcome"] == "failed":
                rule = "error" if report["when"] in ("setup", "teardown") else "failed"
                rule = QUARANTINED if test in excused else rule
                yield rule, test, report.get("message", ""), report.get("at")


def _is_excused(run: Tally, test: str, held: Holder) -> bool:
    """Whether a test that failed is in quarantine, and was seen to run to its end all the same: one
    that crashed, or broke off, is never excused."""
    failed = [report for report in run.reports[test] if report["outcome"] == "failed"]
    return (
        bool(failed)
        and test in run.finished
        and all(report["when"] in PHASES for report in failed)
        and held(test) is not None
    )


def _is_failed_otherwise(run: Tally, failures: list[Any]) -> bool:
    """Whether pytest failed for something else than a test: where all that failed is in quarantine,
    by its own count of failures, to which plugins add."""
    if run.process.get("exit_code") != 1 or run.finish is None:
        return False
    if any(rule != QUARANTINED for rule, *_ in failures):
        return False
    return not failures or run.finish.get("failed", len(failures)) > len(failures)


def _held_back(excused: Collection[str], held: Holder) -> Iterable[str]:
    """The quarantines in which tests failed, the first of them by name."""
    entries = {entry.test: entry for test in excused if (entry := held(test))}
    if not entries:
        return
    named = [f"{one.test[:ID]} until {one.expires}" for _, one in sorted(entries.items())[:SHOWN]]
    more = f" and {len(entries) - SHOWN} more" if len(entries) > SHOWN else ""
    tests = "1 test" if len(excused) == 1 else f"{len(excused)} tests"
    yield f"{tests} failed in quarantine ({', '.join(named)}{more})"


def is_flaky(run: Tally, test: str) -> bool:
    """Whether a test passed after it had failed."""
    outcomes = [report["outcome"] for report in run.reports[test]]
    return "rerun" in outcomes and "failed" not in outcomes


def _gaps(run: Tally, seen: list[str], failures: list[Any]) -> list[str]:
    """All that keeps the run from being complete, the most telling first."""
    process, gaps = run.process, []
    unfinished = run.unfinished()
    at = f" at {run.last_begun}" if run.last_begun in unfinished else ""
    if process.get("trouble"):
        gaps.append(f"pytest {process['trouble']}{at}")
    code = process.get("exit_code")
    signal = process.get("signal")
    if signal:
        gaps.append(f"pytest was killed by {signal}{at}")
    elif run.start is None:
        gaps.append(f"pytest ended before its session began, with exit code {code}")
    elif run.finish is None:
        gaps.append(f"pytest ended with exit code {code} in the middle of its session{at}")
    gaps += process.get("faults", [])
    gaps += run.stops
    if unfinished and run.start is not None:
        first = run.last_begun if at else unfinished[0]
        count = f"{len(unfinished)} of {len(run.selected)} selected tests"
        gaps.append(f"{count} did not run to their end, the first is {first}")
    ran = [outcome for outcome in seen if outcome != "skipped"]
    if not ran and not failures and run.finish is not None:
        gaps.append(f"no test ran ({len(seen)} skipped)" if seen else "no test ran")
    idle = [t for t in run.finished if not outcomes(run, t)]
    if idle:
        gaps.append(f"{len(idle)} tests were set up but never called, the first is {min(idle)}")
    unseen = [t for t in run.reports if run.call_reports(t) and not run.calls(t)]
    if unseen:
        gaps.append(
            f"{len(unseen)} tests ran where the recorder could not see them (in a process of their"
            f" own?), the first is {min(unseen)}"
        )
    if code not in (0, 1, 2, 5) and not gaps:
        gaps.append(f"pytest exited with {code} after a session that looked whole")
    if code in (2, 5) and not gaps and not failures:
        gaps.append(f"pytest exited with {code} though every test ran")
    return gaps


def _notes(run: Tally, counts: TestCounts) -> Iterable[str]:
    turned = sum(
        seen["kind"] == "error" and report["outcome"] == "skipped" and not report.get("xfail")
        for test in run.reports
        for seen, report in run.attempts(test)
    )
    if turned:
        yield f"{turned} tests raised an exception that was reported as a skip"
    yield from run.broken_conftests
    for gate in run.undeclared:
        yield (
            f"a conftest.py adds the gate {gate}, which did not run: nothing declares it"
            f" · [tool.devops-gates.gates.{gate}] testimony = true"
        )
    if counts.deselected:
        yield f"{counts.deselected} tests were deselected"
