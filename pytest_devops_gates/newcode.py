"""How much of a change its tests ran: coverage's report, and the lines that are new. Pure.

Coverage tells of a statement at its first line, so a new line counts for the statement in which it
stands. Where lines only went away, nothing new is left that could be run.
Source of the report's format: coverage.py, ``coverage/jsonreport.py``.
"""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from pytest_devops_gates.change import Change, FileChange, Lines
from pytest_devops_gates.logical_lines import first_lines

METRICS = ("new-line", "new-branch", "new-line:", "new-branch:", "new-lines", "new-lines.missing")
FILES, RUNS = 5, 8
"""Files, and runs of lines in each of them, that a note names."""

Source = Callable[[str], bytes]
"""Gives the content of a file of the project, by its path."""


class NewLines(msgspec.Struct, frozen=True):
    """The new code of one file: how many statements and branches there are, how many of them were
    run, and the lines of the statements that were not."""

    path: str
    lines: int
    hit: int
    branches: int
    taken: int
    missing: tuple[Lines, ...]


class NewCode(msgspec.Struct, frozen=True):
    """What of a change the tests ran.

    ``inapplicable`` says of metrics that have nothing to measure why. ``missing`` are the new lines
    that no test ran, by file, the one with the most of them first. ``unmeasured`` are the changed
    Python files of which coverage says nothing.
    """

    metrics: dict[str, float]
    inapplicable: dict[str, str]
    missing: dict[str, tuple[Lines, ...]]
    unmeasured: tuple[str, ...]


def asks(metric: str) -> bool:
    """Whether a metric is one of new code, which needs a base."""
    name, colon, _ = metric.partition(":")
    return name + colon in METRICS


def measure(
    report: Mapping[str, Any],
    change: Change,
    read_source: Source,
    root: Path,
    asked: Iterable[str] = (),
) -> NewCode:
    """How much of ``change`` was run, by coverage's JSON report.

    ``new-line`` and ``new-branch`` are unrounded percentages: of the statements that the change
    touches, and of the branches that leave them. ``new-lines`` is the number of these statements,
    ``new-lines.missing`` of those that were not run. Of ``asked``, the metrics with a path are the
    same for a file, a folder or a pattern.
    """
    files = list(new_lines(report, change, read_source, root))
    metrics: dict[str, float] = {"new-lines": sum(file.lines for file in files)}
    inapplicable: dict[str, str] = {}
    paths = [name.partition(":")[2] for name in asked if asks(name)]
    for path in dict.fromkeys(["", *paths]):
        chosen = [file for file in files if lies_in(file.path, path)]
        changed = [file for file in change.files if lies_in(file.path, path)]
        suffix = f":{path}" if path else ""
        for name, share, reason in _shares(chosen, _has_branches(report)):
            if share is None:
                inapplicable[name + suffix] = reason + _among(changed)
            else:
                metrics[name + suffix] = share
    if "new-line" in metrics:
        metrics["new-lines.missing"] = sum(file.lines - file.hit for file in files)
    else:
        inapplicable["new-lines.missing"] = inapplicable["new-line"]
    worst = sorted(files, key=lambda file: (file.hit - file.lines, file.path))
    missing = {file.path: file.missing for file in worst if file.missing}
    return NewCode(metrics, inapplicable, missing, _unmeasured(report, change, root))


def new_lines(
    report: Mapping[str, Any], change: Change, read_source: Source, root: Path
) -> Iterator[NewLines]:
    """The new code of each file that was measured and has other lines than at the base."""
    changed = {relative(file.path, root): file for file in change.files if file.added}
    for name, entry in report["files"].items():
        file = changed.get(relative(name, root))
        if file is None:
            continue
        missed = set(entry["missing_lines"])
        coverable = missed | set(entry["executed_lines"])
        new = _touched(file, coverable, read_source)
        taken = [arc for arc in entry.get("executed_branches", ()) if arc[0] in new]
        untaken = [arc for arc in entry.get("missing_branches", ()) if arc[0] in new]
        yield NewLines(
            path=file.path,
            lines=len(new),
            hit=len(new - missed),
            branches=len(taken) + len(untaken),
            taken=len(taken),
            missing=_runs(new & missed, coverable),
        )


def note(missing: Mapping[str, Sequence[Lines]]) -> str:
    """The new lines that no test ran, in a line."""
    shown = []
    for path, runs in list(missing.items())[:FILES]:
        ranges = [str(first) if first == last else f"{first}-{last}" for first, last in runs]
        shown.append(f"{path}:{', '.join(ranges[:RUNS])}{', …' if len(ranges) > RUNS else ''}")
    return f"new lines that no test ran: {' · '.join(shown)}{_more(len(missing))}"


def unmeasured_note(paths: Sequence[str]) -> str:
    """The changed files of which coverage says nothing, in a line."""
    return f"changed, but not measured: {', '.join(paths[:FILES])}{_more(len(paths))}"


def lies_in(name: str, wanted: str) -> bool:
    """Whether a path is that of a file, lies in a folder, or fits a pattern; all lie in ``""``."""
    wanted = wanted.rstrip("/")
    return (
        not wanted
        or name == wanted
        or name.startswith(wanted + "/")
        or fnmatch.fnmatch(name, wanted)
    )


def relative(name: str, root: Path) -> str:
    """The path of a file from the root, with forward slashes."""
    if os.path.isabs(name):
        name = os.path.relpath(name, root)
    return name.replace("\\", "/")


def _touched(file: FileChange, coverable: set[int], read_source: Source) -> set[int]:
    """The statements in which a new line stands, by their first lines."""
    source = read_source(file.path)
    if b"\r" in source.replace(b"\r\n", b""):  # a line's end for Python, and none for git
        return coverable
    lines = set(file.added_lines())
    first = first_lines(source)
    return coverable & (lines | {first.get(line, line) for line in lines})


def _shares(
    files: Sequence[NewLines], with_branches: bool
) -> Iterator[tuple[str, float | None, str]]:
    """Each percentage by its name, or None and what there is none of."""
    lines, branches = sum(file.lines for file in files), sum(file.branches for file in files)
    hit, taken = sum(file.hit for file in files), sum(file.taken for file in files)
    yield "new-line", 100 * hit / lines if lines else None, "no coverable line"
    if with_branches:
        share = 100 * taken / branches if branches else None
        yield "new-branch", share, "no line from which a branch leaves"


def _has_branches(report: Mapping[str, Any]) -> bool:
    return any("missing_branches" in entry for entry in report["files"].values())


def _among(changed: Iterable[FileChange]) -> str:
    count = sum(last - first + 1 for file in changed for first, last in file.added)
    return f" among the {count} changed lines" if count != 1 else " in the 1 changed line"


def _runs(missed: set[int], coverable: set[int]) -> tuple[Lines, ...]:
    """Lines as runs, which go on over what is no statement."""
    runs: list[Lines] = []
    goes_on = False
    for line in sorted(coverable):
        if line in missed:
            first = runs.pop()[0] if goes_on else line
            runs.append((first, line))
        goes_on = line in missed
    return tuple(runs)


def _unmeasured(report: Mapping[str, Any], change: Change, root: Path) -> tuple[str, ...]:
    measured = {relative(name, root) for name in report["files"]}
    changed = [file.path for file in change.files if file.added and file.path.endswith(".py")]
    return tuple(path for path in changed if relative(path, root) not in measured)


def _more(count: int) -> str:
    left = count - FILES
    return f" (and {left} more file{'' if left == 1 else 's'})" if left > 0 else ""
