"""A run's folder, read: all that a report of it is made from.

The report of a run that has just ended is made from the same files, so that it is the same when it
is made again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from pytest_devops_gates import disk
from pytest_devops_gates.errors import UsageError
from pytest_devops_gates.gate import GATE_NAME, LEVELS
from pytest_devops_gates.neutral import visible
from pytest_devops_gates.report import FileCoverage, Report, make
from pytest_devops_gates.stage import Stage
from pytest_devops_gates.verdict import FAIL, OUTCOMES, PASS, SCHEMA, WARN, Verdict

VERDICT, COVERAGE = "verdict.json", "coverage.json"


class _Summary(msgspec.Struct):
    """What is read of one file. Source: coverage.py's JSON report, format 3."""

    percent_covered: float
    num_statements: int
    missing_lines: int
    num_branches: int = 0
    missing_branches: int = 0


class _File(msgspec.Struct):
    summary: _Summary


class _Coverage(msgspec.Struct):
    files: dict[str, _File]


def load(folder: Path) -> Report:
    """The report of the run in ``folder``; what is missing beside its verdict is left out.

    Raises UsageError when there is no verdict in it that can be read."""
    path = folder / VERDICT
    told = visible(str(path))
    try:
        verdict = msgspec.json.decode(disk.read_plain(path), type=Verdict)
    except OSError as error:
        raise UsageError(f"{told}: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        why = visible(str(error))[:300]
        raise UsageError(f"{told}: no verdict that can be read: {why}") from None
    if verdict.schema != SCHEMA:
        schema = visible(verdict.schema)[:100]
        raise UsageError(f"{told}: of the schema '{schema}'; only {SCHEMA} is read")
    foreign = next(_foreign_words(verdict), None)
    if foreign is not None:
        raise UsageError(f"{told}: no verdict of ours: '{visible(foreign)[:100]}' is no word of it")
    return of(verdict, folder)


def _foreign_words(verdict: Verdict) -> Iterator[str]:
    """What stands where reporters expect a word of ours, and is none."""
    outcomes = [verdict.verdict, *(s.outcome for s in verdict.stages)]
    outcomes += [ruling.outcome for ruling in verdict.gates]
    yield from (word for word in outcomes if word not in OUTCOMES)
    stages = [stage.name for stage in verdict.stages]
    if stages != [stage.value for stage in Stage]:
        yield ", ".join(stages)
    for ruling in verdict.gates:
        if not re.fullmatch(GATE_NAME, ruling.name):
            yield ruling.name
        if ruling.stage not in stages:
            yield ruling.stage
        if ruling.level not in LEVELS:
            yield ruling.level


def of(verdict: Verdict, folder: Path) -> Report:
    """The report of a verdict, with what else lies in the folder of its run."""
    return make(verdict, _coverage(verdict, folder / COVERAGE))


def _coverage(verdict: Verdict, path: Path) -> Iterable[FileCoverage]:
    """Coverage by file, where the gate could tell what it is."""
    told = next((r for r in verdict.gates if r.name == "coverage"), None)
    if told is None or told.outcome not in (PASS, WARN, FAIL):
        return ()
    try:
        read = msgspec.json.decode(disk.read_plain(path), type=_Coverage)
    except (OSError, ValueError, RecursionError):
        return ()
    return [
        FileCoverage(
            path=name,
            percent=file.summary.percent_covered,
            statements=file.summary.num_statements,
            missing=file.summary.missing_lines,
            branches=file.summary.num_branches,
            missing_branches=file.summary.missing_branches,
        )
        for name, file in read.files.items()
    ]
