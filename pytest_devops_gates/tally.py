"""The events of a test run, kept by test: pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any


class Tally:
    """Reads the events in order and keeps what happened to each test."""

    def __init__(self) -> None:
        self.ids: dict[str, dict[int, str]] = {}
        self.selected: set[str] = set()
        self.finished: set[str] = set()
        self.reports: dict[str, list[dict[str, Any]]] = {}
        self.phases: dict[str, list[dict[str, Any]]] = {}
        self.last_begun: str | None = None
        self.collect_failures: list[dict[str, Any]] = []
        self.collect_raised: set[str] = set()
        self.collect_skips: list[dict[str, Any]] = []
        self.deselected: dict[str, int] = {}
        self.collected: dict[str, int] = {}
        self.digests: set[str] = set()
        self.start: dict[str, Any] | None = None
        self.finish: dict[str, Any] | None = None
        self.stops: list[str] = []
        self.process: dict[str, Any] = {}
        self.undeclared: list[str] = []
        self.broken_conftests: list[str] = []
        self.marks: dict[str, set[str]] = {}
        self.requirements: dict[str, set[str]] = {}

    def take(self, event: dict[str, Any]) -> None:
        """Route one event to the method named after it."""
        handler = getattr(self, "_on_" + event["event"].replace("-", "_"), None)
        if handler:
            handler(event, event.get("stream", ""))

    def _id(self, stream: str, number: int) -> str:
        return self.ids[stream][number]

    def _on_process(self, event: dict[str, Any], stream: str) -> None:
        self.process = event

    def _on_start(self, event: dict[str, Any], stream: str) -> None:
        if not stream:
            self.start = event

    def _on_finish(self, event: dict[str, Any], stream: str) -> None:
        if not stream:
            self.finish = event

    def _on_ids(self, event: dict[str, Any], stream: str) -> None:
        known = self.ids.setdefault(stream, {})
        known.update(enumerate(event["ids"], event["first"]))

    def _on_selected(self, event: dict[str, Any], stream: str) -> None:
        self.selected |= {self._id(stream, number) for number in event["tests"]}

    def _on_collected(self, event: dict[str, Any], stream: str) -> None:
        self.collected[stream] = event["count"]
        if event["count"] and "sha256" in event:  # the controller of xdist's workers has none
            self.digests.add(event["sha256"])

    def _on_deselected(self, event: dict[str, Any], stream: str) -> None:
        self.deselected[stream] = self.deselected.get(stream, 0) + event["count"]

    def _on_collect(self, event: dict[str, Any], stream: str) -> None:
        if stream:
            return  # the controller repeats what its workers report
        if event["outcome"] == "failed":
            self.collect_failures.append(event)
        else:
            self.collect_skips.append(event)

    def _on_begin(self, event: dict[str, Any], stream: str) -> None:
        if not stream:
            self.last_begun = self._id(stream, event["test"])

    def _on_phase(self, event: dict[str, Any], stream: str) -> None:
        self.phases.setdefault(self._id(stream, event["test"]), []).append(event)

    def _on_collect_failed(self, event: dict[str, Any], stream: str) -> None:
        self.collect_raised.add(event["id"])

    def _on_report(self, event: dict[str, Any], stream: str) -> None:
        if stream:
            return  # a worker's reports reach the controller; its own stream is for what it saw
        test = self._id(stream, event["test"])
        self.reports.setdefault(test, []).append(event)
        if event["when"] == "teardown":
            self.finished.add(test)

    def _on_undeclared(self, event: dict[str, Any], stream: str) -> None:
        if event["gate"] not in self.undeclared:
            self.undeclared.append(event["gate"])

    def _on_no_gates(self, event: dict[str, Any], stream: str) -> None:
        note = f"a conftest.py failed to add its gates: {event['why']}"
        if note not in self.broken_conftests:
            self.broken_conftests.append(note)

    def _on_marks(self, event: dict[str, Any], stream: str) -> None:
        tests = {self._id(stream, number) for number in event["tests"]}
        self.marks.setdefault(event["mark"], set()).update(tests)

    def _on_requirement(self, event: dict[str, Any], stream: str) -> None:
        tests = {self._id(stream, number) for number in event["tests"]}
        self.requirements.setdefault(event["requirement"], set()).update(tests)

    def _on_interrupted(self, event: dict[str, Any], stream: str) -> None:
        if not stream:
            self.stops.append(f"the session ended early ({event['by']})")

    def _on_internal_error(self, event: dict[str, Any], stream: str) -> None:
        self.stops.append(f"pytest had an internal error ({event['message']})")

    def unfinished(self) -> list[str]:
        """Selected tests without an end, in no order but a stable one."""
        return sorted(self.selected - self.finished)

    def call_reports(self, test: str) -> list[dict[str, Any]]:
        """The reports of a test's call phases, one for each attempt; subtests left out."""
        return self._of("call", self.reports.get(test, ()))

    def skipped_subtests(self, test: str) -> int:
        """How many of its subtests, at any attempt, were skipped or failed as expected."""
        reports = self.reports.get(test, ())
        return sum(bool(r.get("subtest")) and r["outcome"] == "skipped" for r in reports)

    def calls(self, test: str) -> list[dict[str, Any]]:
        """What was seen of a test's call phases, one for each attempt."""
        return self._of("call", self.phases.get(test, ()))

    def attempts(self, test: str) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
        """What was seen of each attempt at each phase of a test, with what was reported of it."""
        for when in ("setup", "call", "teardown"):
            seen = self._of(when, self.phases.get(test, ()))
            told = self._of(when, self.reports.get(test, ()))
            # plugins that try again in silence report their last attempts only
            yield from zip(seen[max(0, len(seen) - len(told)) :], told, strict=False)

    def _of(self, when: str, events: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
        return [e for e in events if e["when"] == when and not e.get("subtest")]


def tally(events: Iterable[dict[str, Any]]) -> Tally:
    """Take all events of a run, in the order of their streams."""
    result = Tally()
    for event in events:
        result.take(event)
    return result
