"""Writes the reports of a run, each whole or not at all."""

from __future__ import annotations

import traceback
from collections.abc import Iterable, Sequence
from pathlib import Path

from pytest_devops_gates import disk
from pytest_devops_gates.archive import VERDICT
from pytest_devops_gates.errors import told
from pytest_devops_gates.report import Report, Reporter


def publish(report: Report, reporters: Iterable[Reporter], folder: Path, ci: str) -> list[str]:
    """Write what each reporter makes of it to the run's folder, and say what could not be made.

    The verdict is written elsewhere, and first: no report can keep it from standing.
    Raises OSError when a file cannot be written.
    """
    troubles = []
    for reporter in written(reporters, ci):
        try:
            text = made(reporter, report)
        except BaseException as error:  # pytest.skip() and sys.exit() too: no report decides here
            log = folder / f"{reporter.file}.error.log"
            disk.write(log, traceback.format_exc())
            troubles.append(f"the report {reporter.file} could not be made: {told(error)} · {log}")
            continue
        disk.write(folder / reporter.file, text)
    return troubles


def made(reporter: Reporter, report: Report) -> str:
    """What a reporter makes of it. Raises TypeError for what is no text, and whatever it raises."""
    text = reporter.render(report)
    if not isinstance(text, str):
        raise TypeError(f"render returned {type(text).__name__}, not str")
    return text


def rehearse(report: Report, reporters: Iterable[Reporter]) -> None:
    """Make each report for nothing, so that all they need is loaded before the last gate ends."""
    for reporter in reporters:
        reporter.render(report)


def written(reporters: Iterable[Reporter], ci: str) -> Sequence[Reporter]:
    """Those that write a file by themselves in this place."""
    return [r for r in reporters if r.file and r.file != VERDICT and r.ci in ("", ci)]
