"""``trend``: no main metric is worse than in the last runs that passed, beyond what is noise."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from pytest_devops_gates.errors import CannotTell, NotApplicable, UsageError
from pytest_devops_gates.evidence import Evidence, Finding, Rule, Severity
from pytest_devops_gates.gate import ADVISORY, OFF, Gate
from pytest_devops_gates.lessons import worsening
from pytest_devops_gates.lessons.worsening import Watch
from pytest_devops_gates.project import Project
from pytest_devops_gates.stage import Stage

KEY = "tool.devops-gates.gates.trend.options"
MOST = 1000
TOTAL = "findings.total"

_COUNTS = ("tests.collected", "tests.passed", "tests.seconds")
"""What is smaller where some tests were deselected."""


class TrendOptions(msgspec.Struct, frozen=True, rename="kebab"):
    """``runs`` are looked back at, and ``least`` of them are needed. ``metrics`` maps
    ``GATE.METRIC`` to the way that is good (``up``, ``down``), to a condition relative to the
    median (``<= +10%``), or to ``off``. Raises UsageError for anything else."""

    runs: int = 10
    least: int = 5
    metrics: dict[str, str] = {}

    def __post_init__(self) -> None:
        if not 1 <= self.least <= self.runs <= MOST:
            told = f"least = {self.least}, runs = {self.runs}: 1 <= least <= runs <= {MOST}"
            raise UsageError(f"{KEY}: {told}")
        for name, text in self.metrics.items():
            gate, _, metric = name.partition(".")
            if not (gate and metric):
                raise UsageError(f"{KEY}.metrics: '{name}' is not of the form GATE.METRIC")
            if metric.startswith("findings") and metric != TOTAL:
                told = f"of findings, {TOTAL} alone is compared"
                raise UsageError(f"{KEY}.metrics.{name}: {told}: which are new is told later")
            try:
                worsening.own(name, text)
            except ValueError as error:
                raise UsageError(f"{KEY}.metrics.{name}: {error}") from None

    @property
    def asked(self) -> dict[str, Watch | None]:
        return {name: worsening.own(name, text) for name, text in self.metrics.items()}

    @property
    def named(self) -> dict[str, str]:
        """The gates of the metrics that are to be compared, by the metrics' whole names."""
        asked = self.asked.items()
        return {name: name.partition(".")[0] for name, watch in asked if watch is not None}


def review(project: Project, options: TrendOptions, gathered: Mapping[str, Evidence]) -> Evidence:
    """Compare what was measured in this run with the median of the last passing ones.

    Raises CannotTell where the history cannot be read, and NotApplicable where it is too short.
    """
    past = project.past
    if past.unknown:
        raise CannotTell(past.unknown)
    before = [run.metrics for run in past.passing[: options.runs]]
    if len(before) < options.least:
        there = f"there {'is' if len(before) == 1 else 'are'} {len(before)}"
        raise NotApplicable(f"{options.least} passing runs are needed, {there}")
    now = measured(gathered)
    missing = _missing(options, now, gathered)
    notes = (*_not_compared(options, now, before, gathered), *_comparable(now, before))
    pairs = list(worsening.compared(now, before, options.asked, options.least))
    if not pairs and not missing:
        broken = sorted(name for name, evidence in gathered.items() if evidence.unknown)
        if broken:
            raise CannotTell(f"nothing to compare: {', '.join(broken)} could not tell")
        raise NotApplicable("nothing that this run measured was measured in earlier ones")
    found = [Finding("worse", f"{worse} · {_MEND}", Severity.MEDIUM) for _, worse in pairs if worse]
    return Evidence.of(
        found,
        examined=len(pairs),
        metrics={"compared": len(pairs), "worse": len(found)},
        unknown=missing,
        notes=notes,
    )


def measured(gathered: Mapping[str, Evidence]) -> dict[str, float]:
    """The metrics of all gates whose evidence is whole, as ``GATE.METRIC``."""
    return {
        f"{gate}.{name}": float(value)
        for gate, evidence in gathered.items()
        if not evidence.unknown and not evidence.not_applicable
        for name, value in (*evidence.metrics.items(), (TOTAL, len(evidence.findings)))
    }


def _missing(
    options: TrendOptions, now: Mapping[str, float], gathered: Mapping[str, Evidence]
) -> str | None:
    """Why the comparison that the user asked for is not whole."""
    for name, gate in options.named.items():
        if name in now or gate not in gathered or gathered[gate].not_applicable:
            continue  # there is no such number to ask for: see _not_compared
        why = f": the gate {gate} could not tell" if gathered[gate].unknown else ""
        return f"{name}, which the option 'metrics' names, was not measured in this run{why}"
    return None


def _not_compared(
    options: TrendOptions,
    now: Mapping[str, float],
    before: Sequence[Mapping[str, float]],
    gathered: Mapping[str, Evidence],
) -> Iterator[str]:
    """Why a metric that the user named is not compared, where nothing is wrong."""
    for name, gate in options.named.items():
        runs = sum(name in run for run in before)
        if gate not in gathered:
            yield f"{name} is not compared: the gate {gate} did not run"
        elif gathered[gate].not_applicable:
            yield f"{name} is not compared: the gate {gate} is not applicable"
        elif name in now and runs < options.least:
            told = f"it was measured in {runs} of {len(before)} earlier runs"
            yield f"{name} is not compared: {told}, {options.least} are needed"


def _comparable(now: dict[str, float], before: list[Mapping[str, float]]) -> tuple[str, ...]:
    """Take out the counts of tests where more of them were left out than ever before."""
    out = now.get("tests.deselected", 0.0)
    if out <= max((run.get("tests.deselected", 0.0) for run in before), default=0.0):
        return ()
    for name in _COUNTS:
        now.pop(name, None)
    return (f"{out:g} tests were deselected, more than before: their numbers are not compared",)


_MEND = "see what the change did to it; where that is meant, say so in the option metrics"
RULES = (
    Rule(
        "worse",
        "A metric is worse than it was in the last runs that passed, beyond what is noise.",
        "See what the change did to it. Where it is meant, wait until it is the median, or say with"
        " the option `metrics` how far it may go.",
    ),
)
TREND = Gate(
    name="trend",
    stage=Stage.FEEDBACK,
    options=TrendOptions,
    review=review,
    refers=lambda options: {f"metrics.{name}": name.partition(".")[0] for name in options.metrics},
    level=ADVISORY,
    levels={"commit": OFF},
    conditions={"worse": "== 0"},
    metrics=("compared", "worse"),
    again="devops-gates history trend",
    cost=0.1,
    about="No main metric is worse than in the last runs that passed, beyond what is noise.",
    debt=False,
    rules=RULES,
)
