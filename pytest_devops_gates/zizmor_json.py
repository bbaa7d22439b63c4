"""What zizmor says of GitHub's workflows and actions. Pure.

Source: zizmor's manual (usage: formats, exit codes), and what zizmor 1.32.0 prints.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, Literal

import msgspec

from pytest_devops_gates.errors import CannotTell
from pytest_devops_gates.evidence import Confidence, Evidence, Finding, Rule, Severity
from pytest_devops_gates.gate import Output

Rank = Literal["Informational", "Low", "Medium", "High"]
EXITS: dict[Rank, int] = {"Informational": 11, "Low": 12, "Medium": 13, "High": 14}
"""The exit code that goes with the worst finding."""

NOTHING, USAGE, NO_INPUT = 1, 2, 3
"""Exit codes with which no audit was performed."""

ACCEPTS = (0, NOTHING, USAGE, NO_INPUT, 10, *EXITS.values())
SEVERITIES = {
    "Informational": Severity.INFO,
    "Low": Severity.LOW,
    "Medium": Severity.MEDIUM,
    "High": Severity.HIGH,
}
CONFIDENCES = {"Low": Confidence.LOW, "Medium": Confidence.MEDIUM, "High": Confidence.HIGH}

_COMPLETED = re.compile(r"^\s*INFO audit: zizmor: (?:\S+ )?completed (.+)$", re.MULTILINE)
_WARNING = re.compile(r"^\s*WARN .*?zizmor::[\w:]+: (.+)$", re.MULTILINE)


class _Determinations(msgspec.Struct):
    confidence: Literal["Low", "Medium", "High"]
    severity: Rank


class _Symbolic(msgspec.Struct):
    key: dict[str, Any]
    annotation: str = ""
    kind: str = ""


class _Point(msgspec.Struct):
    row: int
    column: int


class _Span(msgspec.Struct):
    start_point: _Point
    end_point: _Point


class _Concrete(msgspec.Struct):
    location: _Span


class _Location(msgspec.Struct):
    symbolic: _Symbolic
    concrete: _Concrete


class _Result(msgspec.Struct):
    """One finding; zizmor counts rows and columns from 0."""

    ident: str
    desc: str
    url: str
    determinations: _Determinations
    locations: list[_Location]
    ignored: bool = False
    fixes: list[dict[str, Any]] = []


def read(output: Output, names: Sequence[str]) -> Evidence:
    """The findings in the files that zizmor was given; those that it did not read are unknown.

    Raises CannotTell when no audit was performed, and when exit code and findings differ: files
    that zizmor cannot parse are skipped with a warning, and the exit code is 0 all the same.
    """
    said = output.stderr.decode("utf-8", "replace")
    if output.exit_code in (NOTHING, USAGE, NO_INPUT):
        raise CannotTell(f"performed no audit: {_why(said)}")
    results = [result for result in output.decode(list[_Result]) if not result.ignored]
    worst = max((EXITS[result.determinations.severity] for result in results), default=0)
    if worst != output.exit_code:
        raise CannotTell(
            f"contradicts itself: it exited with {output.exit_code}, and its"
            f" {len(results)} findings mean {worst}"
        )
    completed = {_path(name) for name in _COMPLETED.findall(said)}
    skipped = [name for name in names if name not in completed]
    return Evidence.of(
        map(_finding, results),
        examined=len(names) - len(skipped),
        unknown=_unread(skipped, said) if skipped else None,
        rules=_rules(results),
    )


def version(stderr: bytes) -> str | None:
    """The version in zizmor's greeting."""
    found = re.search(rb"zizmor v(\d[\w.+-]*)", stderr)
    return found[1].decode() if found else None


def _why(said: str) -> str:
    """The first lines of what went wrong, without what zizmor prints for its own debugging."""
    told = said.partition("Stack backtrace:")[0].partition("fatal: no audit was performed")
    lines = [line.strip(" |=") for line in (told[2] or told[0]).splitlines()]
    lines = [line for line in lines if line and not line.startswith(("INFO ", "Caused by"))]
    return "; ".join(line.removesuffix(":") for line in lines[:4])[:400] or "it does not say why"


def _unread(skipped: Sequence[str], said: str) -> str:
    shown = ", ".join(skipped[:5]) + (f" and {len(skipped) - 5} more" if skipped[5:] else "")
    warned = _WARNING.findall(said)
    why = f": {'; '.join(warned[:3])[:400]}" if warned else ""
    return f"zizmor did not read {shown}{why} · zizmor --offline --strict-collection ."


def _finding(result: _Result) -> Finding:
    place = _main(result.locations)
    fixes = [fix.get("title") for fix in result.fixes]
    mend = next((title for title in fixes if isinstance(title, str)), f"see {result.url}")
    span = place.concrete.location if place else None
    about = f": {place.symbolic.annotation}" if place and place.symbolic.annotation else ""
    return Finding(
        rule=result.ident,
        message=f"{result.desc}{about} · {mend}",
        severity=SEVERITIES[result.determinations.severity],
        confidence=CONFIDENCES[result.determinations.confidence],
        path=_place(place.symbolic.key) if place else None,
        line=span.start_point.row + 1 if span else None,
        column=span.start_point.column + 1 if span else None,
        end_line=span.end_point.row + 1 if span else None,
        end_column=span.end_point.column + 1 if span else None,
    )


def _main(locations: Sequence[_Location]) -> _Location | None:
    """The location that the finding is about: zizmor marks one as primary."""
    kinds = ("Primary", "Related", "Hidden")
    ranked = sorted(
        locations,
        key=lambda one: (
            kinds.index(one.symbolic.kind) if one.symbolic.kind in kinds else len(kinds)
        ),
    )
    return ranked[0] if ranked else None


def _place(key: dict[str, Any]) -> str | None:
    local = key.get("Local")
    path = local.get("verbatim_path") if isinstance(local, dict) else None
    return _path(path) if isinstance(path, str) else None


def _path(name: str) -> str:
    return name.removeprefix("./")


def _rules(results: Iterable[_Result]) -> list[Rule]:
    """What zizmor tells of the audits that found something, each once."""
    found: dict[str, _Result] = {}
    for result in results:
        found.setdefault(result.ident, result)
    help_ = "Its page shows how it is attacked, and how it is mended."
    return [Rule(name, result.desc, help_, result.url) for name, result in found.items()]
