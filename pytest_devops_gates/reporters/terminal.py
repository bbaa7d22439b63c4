"""The table at the end of a run, and the last line: the verdict and its reason."""

from __future__ import annotations

from collections.abc import Iterable

from pytest_devops_gates.evidence import Finding, Severity
from pytest_devops_gates.neutral import neutral
from pytest_devops_gates.verdict import (
    FAIL,
    NOT_APPLICABLE,
    OFF,
    PASS,
    UNKNOWN,
    WARN,
    Ruling,
    Verdict,
)

SHOWN = 10
"""Findings listed for one gate."""

_COLOURS = {PASS: "32", WARN: "33", FAIL: "31", UNKNOWN: "35", NOT_APPLICABLE: "2", OFF: "2"}


def render(verdict: Verdict, *, width: int = 80, colour: bool = False, folder: str = "") -> str:
    """Stage by stage, what did not pass in detail, and the verdict on the last line."""
    painter = _Painter(colour)
    lines = [painter.bold(_rule(" devops gates ", width))]
    lines += _table(verdict, painter, width)
    for ruling in verdict.gates:
        if ruling.outcome not in (FAIL, UNKNOWN, WARN):
            lines += [f"note: {ruling.name}: {neutral(note)}" for note in ruling.notes]
        else:
            found = [f for f in verdict.findings if f.gate == ruling.name]
            lines += ["", *_details(ruling, found, painter)]
    lines.append("")
    if verdict.gates and not verdict.selection.complete:
        lines.append(
            "note: only a part of the gates, or of the files: no verdict on the whole project"
        )
    if folder:
        lines.append(f"details: {neutral(folder)}")
    word = painter.paint(verdict.verdict.upper(), verdict.verdict)
    lines.append(f"verdict: {word} · {neutral(verdict.reason)}")
    return "\n".join(lines) + "\n"


def _table(verdict: Verdict, painter: _Painter, width: int) -> Iterable[str]:
    for stage in verdict.stages:
        rulings = [r for r in verdict.gates if r.stage == stage.name]
        idle = [r for r in rulings if r.outcome in (OFF, NOT_APPLICABLE)]
        label = stage.name
        for r in rulings:
            if r in idle:
                continue
            level = "" if r.level == "required" else " (advisory)"
            seconds = f"{r.receipt.seconds:.1f}s" if r.receipt else ""
            said = neutral(r.reason.removeprefix(f"{r.name}: ")) + level
            yield painter.row(label, r.outcome, f"{r.name:<9} {seconds:>6}  {said}", width)
            label = ""
        if idle:
            yield painter.row(label, "-", _share(idle), width)


def _share(idle: list[Ruling]) -> str:
    """What did not run, those for one reason together."""
    reasons = dict.fromkeys(r.reason for r in idle)
    named = {reason: ", ".join(r.name for r in idle if r.reason == reason) for reason in reasons}
    return "; ".join(f"{names} ({neutral(reason)})" for reason, names in named.items())


def _details(ruling: Ruling, found: list[Finding], painter: _Painter) -> Iterable[str]:
    yield painter.paint(f"{ruling.outcome}: {neutral(ruling.reason)}", ruling.outcome)
    for note in ruling.notes:
        yield f"  note: {neutral(note)}"
    order = list(Severity)
    found = sorted(found, key=lambda f: (order.index(f.severity), f.path or "", f.line or 0))
    for f in found[:SHOWN]:
        where = f"{f.path}:{f.line}: " if f.path and f.line else f"{f.path}: " if f.path else ""
        yield neutral(f"  {where}{f.rule} {f.severity.value}: {f.message}"[:300])
    if len(found) > SHOWN:
        yield f"  … and {len(found) - SHOWN} more"
    for line in ruling.log.splitlines():
        yield neutral(f"  | {line}")


def _rule(title: str, width: int) -> str:
    return title.center(max(width, len(title)), "=")


class _Painter:
    """Colours, or none."""

    def __init__(self, colour: bool) -> None:
        self._colour = colour

    def paint(self, text: str, outcome: str) -> str:
        return self._wrap(text, _COLOURS.get(outcome, "2"))

    def bold(self, text: str) -> str:
        return self._wrap(text, "1")

    def row(self, label: str, outcome: str, rest: str, width: int) -> str:
        """A row of the table, cut to the width before it is coloured."""
        plain = f"{label:<9} {outcome:<7} {rest}"
        width = max(width, 20)
        if len(plain) > width:
            plain = plain[: width - 1] + "…"
        return plain[:10] + self.paint(plain[10:17], outcome) + plain[17:]

    def _wrap(self, text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._colour else text
