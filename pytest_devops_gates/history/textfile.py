"""Runs as metrics of Prometheus, for the textfile collector of its node exporter. Pure.

Source: https://prometheus.io/docs/instrumenting/exposition_formats/ (text format 0.0.4), and
https://prometheus.io/docs/practices/naming/ for the names. All are gauges: each run is told anew,
and nothing is counted up. No label has more values than a project has gates and metrics.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import msgspec

from pytest_devops_gates.errors import CannotTell
from pytest_devops_gates.history.instants import instant
from pytest_devops_gates.history.records import RunRecord
from pytest_devops_gates.verdict import FAIL, OUTCOMES, PASS, UNKNOWN, Dora

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric

INSTALL = "python -m pip install 'pytest-devops-gates[metrics]'"

_STATES = {f"findings.{state}": state for state in ("new", "known", "waived")}
_VERDICTS = (PASS, FAIL, UNKNOWN)
_PREFIX = "devops_gates_"
_COMMON = ("project", "profile")
_DORA = {
    "lead_time": ("lead_time_seconds", "Median time from a commit to its deployment."),
    "recovery_time": ("recovery_time_seconds", "Median time from a failed deployment to its end."),
    "fail_rate": ("change_fail_ratio", "Share of deployments that failed."),
    "rework_rate": ("deployment_rework_ratio", "Share of deployments that mended a failure."),
}


class Gauge(msgspec.Struct, frozen=True):
    """One metric: its name after ``devops_gates_``, what it tells, its labels, and the values by
    those of its labels."""

    name: str
    tells: str
    labels: tuple[str, ...]
    values: tuple[tuple[tuple[str, ...], float], ...]


Samples = tuple[Gauge, list[tuple[dict[str, str], float]]]
"""A metric, and its values by their labels."""


def text(runs: Sequence[RunRecord], dora: Dora | None = None) -> str:
    """The runs, of different profiles, in the text format; DORA's measures are told with the first.
    Raises CannotTell without prometheus-client."""
    try:
        from prometheus_client import CollectorRegistry, generate_latest
    except ImportError:
        raise CannotTell(f"prometheus-client is not installed · {INSTALL}") from None
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Told(samples(runs, dora)))
    return generate_latest(registry).decode("utf-8")


def plain(runs: Sequence[RunRecord], dora: Dora | None = None) -> Iterator[dict[str, object]]:
    """The same for JSON: each value with its name and labels."""
    for gauge, values in samples(runs, dora):
        for labels, value in values:
            yield {"name": f"{_PREFIX}{gauge.name}", "labels": labels, "value": value}


def samples(runs: Sequence[RunRecord], dora: Dora | None = None) -> list[Samples]:
    """Each metric once, with the finite values of all runs by their labels."""
    found: dict[str, Samples] = {}
    for at, run in enumerate(runs):
        common = {"project": run.project, "profile": run.profile}
        for one in gauges(run, None if at else dora):
            values = [
                ({**common, **dict(zip(one.labels, named, strict=True))}, value)
                for named, value in one.values
                if math.isfinite(value)
            ]
            if values:
                found.setdefault(one.name, (one, []))[1].extend(values)
    return list(found.values())


def gauges(run: RunRecord, dora: Dora | None = None) -> Iterator[Gauge]:
    """All that is told."""
    yield from _of_run(run)
    yield from _of_gates(run)
    if dora is not None:
        yield from _of_delivery(dora)


def _of_run(run: RunRecord) -> Iterator[Gauge]:
    words = tuple(((word,), float(word == run.verdict)) for word in _VERDICTS)
    yield Gauge("verdict", "1 for the verdict of the run, 0 for the others.", ("verdict",), words)
    yield _single("exit_status", "The exit status of the run.", run.exit_status)
    yield _single("complete", "Whether nothing was left out of the run.", run.complete)
    began = instant(run.started)
    if began is not None:
        yield _single("run_timestamp_seconds", "When the run began.", began.timestamp())
    yield _single("run_duration_seconds", "How long the run took.", run.seconds)
    ran = Counter(test.outcome for test in run.tests)
    if ran:
        told = tuple(((outcome,), count) for outcome, count in sorted(ran.items()))
        yield Gauge("tests", "Tests that ended, by outcome.", ("outcome",), told)


def _of_gates(run: RunRecord) -> Iterator[Gauge]:
    outcomes = tuple(
        ((gate.name, gate.stage, gate.level, word), float(word == gate.outcome))
        for gate in run.gates
        for word in OUTCOMES
    )
    labels = ("gate", "stage", "level", "outcome")
    told = "1 for the outcome of the gate, 0 for the others."
    yield Gauge("gate_outcome", told, labels, outcomes)
    took = tuple(((gate.name,), gate.seconds) for gate in run.gates if gate.seconds)
    yield Gauge("gate_duration_seconds", "How long the gate's tool took.", ("gate",), took)
    found = tuple(
        ((gate.name, state), gate.metrics[metric])
        for gate in run.gates
        for metric, state in _STATES.items()
        if metric in gate.metrics
    )
    yield Gauge("findings", "Findings of the gate, by state.", ("gate", "state"), found)
    measured = tuple(
        ((gate.name, metric), value)
        for gate in run.gates
        for metric, value in gate.metrics.items()
        if metric not in _STATES
    )
    yield Gauge("metric", "What the gate measured.", ("gate", "metric"), measured)


def _of_delivery(dora: Dora) -> Iterator[Gauge]:
    """DORA's measures; those that have nothing to measure are left out."""
    at = (dora.environment,)
    labels = ("environment",)
    told = "Deployments that ended in the window."
    yield Gauge("dora_deployments", told, labels, ((at, dora.deployments),))
    often = "Deployments a week that succeeded."
    yield Gauge("dora_deployments_per_week", often, labels, ((at, dora.per_week),))
    for field, (name, tells) in _DORA.items():
        value = getattr(dora, field)
        if value is not None:
            share = value / 100 if name.endswith("_ratio") else value
            yield Gauge(f"dora_{name}", tells, labels, ((at, share),))


def _single(name: str, tells: str, value: float) -> Gauge:
    return Gauge(name, tells, (), (((), float(value)),))


class _Told:
    """What prometheus-client asks for metrics."""

    def __init__(self, told: Iterable[Samples]) -> None:
        self._told = told

    def collect(self) -> Iterable[Metric]:
        from prometheus_client.core import GaugeMetricFamily

        for gauge, values in self._told:
            name = f"{_PREFIX}{gauge.name}"
            made = GaugeMetricFamily(name, gauge.tells, labels=[*_COMMON, *gauge.labels])
            for labels, value in values:
                made.add_metric([_safe(label) for label in labels.values()], value)
            yield made


def _safe(label: str) -> str:
    """What UTF-8 can hold of a name."""
    return label.encode("utf-8", "backslashreplace").decode("utf-8")
