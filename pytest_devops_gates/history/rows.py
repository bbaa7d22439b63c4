"""What stands in the rows of the tables, and back again. Pure."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import msgspec

from pytest_devops_gates.deployments import Deployment
from pytest_devops_gates.errors import CannotTell
from pytest_devops_gates.evidence import RanTest
from pytest_devops_gates.history.instants import instant, written
from pytest_devops_gates.history.lines import KeptDeployment, KeptIncident, KeptTests
from pytest_devops_gates.history.records import RunRecord
from pytest_devops_gates.incident import Incident
from pytest_devops_gates.json_text import dump
from pytest_devops_gates.verdict import Point

T = TypeVar("T")

TESTS_KEPT = 200
"""The newest runs of a project of which every test is kept."""

FAILURES_KEPT = 1_000
"""Tests of one run, beside those, that are kept for good."""

QUIET = frozenset({"passed", "skipped", "xfailed"})
"""Outcomes of tests that nobody asks for after a while."""

LARGEST = 256 * 2**20
"""Bytes that a row may unfold to."""


def plain(text: str) -> str:
    """A text as both databases can hold it: without NUL and half characters."""
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")


def moment(text: str) -> str:
    """A time in the form in which all of them sort."""
    read = instant(text)
    return written(read) if read else plain(text)


def since(text: str | None) -> str | None:
    """The bound of a question for what began then or later."""
    return None if text is None else moment(text)


def of_run(run: RunRecord) -> dict[str, Any]:
    """The row of a run; its tests have rows of their own."""
    metrics = {f"{g.name}.{name}": value for g in run.gates for name, value in g.metrics.items()}
    return {
        "project": plain(run.project),
        "run_id": plain(run.run_id),
        "started": moment(run.started),
        "profile": plain(run.profile),
        "verdict": plain(run.verdict),
        "complete": int(run.complete),
        "sha": None if run.commit is None else plain(run.commit),
        "dirty": int(run.dirty),
        "seconds": run.seconds,
        "metrics": dump(metrics, indent=0),
        "detail": packed(msgspec.structs.replace(run, tests=())),
    }


def of_tests(run: RunRecord | KeptTests) -> list[dict[str, Any]]:
    """The row that holds all tests of a run; none where none ended, or where there are no others
    than have a row of their own."""
    if all(test.outcome not in QUIET for test in run.tests):
        return []
    return [{**_key(run), "started": moment(run.started), "body": packed(run.tests)}]


def of_failures(run: RunRecord) -> list[dict[str, Any]]:
    """The rows of the tests of a run that are kept for good."""
    key = _key(run)
    return [
        {
            **key,
            "place": place,
            "test": plain(test.id),
            "outcome": plain(test.outcome),
            "body": dump(test, indent=0),
        }
        for place, test in enumerate(loud(run.tests))
    ]


def loud(tests: Iterable[RanTest]) -> list[RanTest]:
    """The tests that are kept for good."""
    return [test for test in tests if test.outcome not in QUIET][:FAILURES_KEPT]


def of_deployment(kept: KeptDeployment) -> dict[str, Any]:
    """The row of a deployment: one that has ended ranks higher than the same one before."""
    one = kept.deployment
    return _event(kept.project, one, one.ended or "", one.environment)


def of_incident(kept: KeptIncident) -> dict[str, Any]:
    """The row of an incident: what was said last ranks highest."""
    one = kept.incident
    return _event(kept.project, one, moment(kept.said), one.environment)


def _event(
    project: str, one: Deployment | Incident, rank: str, environment: str | None
) -> dict[str, Any]:
    body = dump(one, indent=0)
    return {
        "project": plain(project),
        "id": plain(one.id),
        "started": moment(one.started),
        "environment": plain(environment or ""),
        # no two of the same rank are different, and a tab sorts before whatever a rank goes on with
        "rank": f"{plain(rank)}\t{body}",
        "body": body,
    }


def packed(value: Any) -> bytes:
    """A value, compressed."""
    return zlib.compress(dump(value, indent=0).encode("ascii"), 1)


def unpacked(data: bytes, kind: type[T]) -> T:
    """The value again. Raises CannotTell for what is none, and for what would fill the memory."""
    unfolding = zlib.decompressobj()
    try:
        text = unfolding.decompress(data, LARGEST)
        if not unfolding.eof:
            raise ValueError("it is cut off, or too large")
        return msgspec.json.decode(text, type=kind)
    except (zlib.error, ValueError, RecursionError) as error:
        raise CannotTell(f"a row of the history cannot be read: {error}") from None


def numbers(metrics: str) -> dict[str, float]:
    """The metrics of a run by their names, ``GATE.METRIC``."""
    return decoded(metrics, dict[str, float])


def points(found: Iterable[tuple[Any, ...]], name: str) -> list[Point]:
    """One metric of those runs that measured it; ``found`` are their ids, times and metrics."""
    value_of = _reader(plain(name))
    told = [(run_id, started, value_of(metrics)) for run_id, started, metrics in found]
    return [Point(run_id, at, value) for run_id, at, value in told if value is not None]


def _reader(name: str) -> Callable[[str], float | None]:
    """Reads one metric; where its name allows that, the others are passed over, which takes a fifth
    of the time."""
    if not name.isprintable() or set(name) & {'"', "\\"}:
        return lambda metrics: numbers(metrics).get(name)
    kind = msgspec.defstruct("Row", [("value", float | None, None)], rename={"value": name})
    return lambda metrics: getattr(decoded(metrics, kind), "value", None)


def decoded(text: str, kind: type[T]) -> T:
    """A value of JSON. Raises CannotTell for what is none."""
    try:
        return msgspec.json.decode(text, type=kind)
    except (ValueError, RecursionError) as error:
        raise CannotTell(f"a row of the history cannot be read: {error}") from None


def _key(run: RunRecord | KeptTests) -> dict[str, Any]:
    return {"project": plain(run.project), "run_id": plain(run.run_id)}
