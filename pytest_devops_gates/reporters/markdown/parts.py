"""The parts of report.md. Each takes the bytes that it may fill, and returns its lines."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_devops_gates.conditions import is_percentage, number
from pytest_devops_gates.evidence import Finding
from pytest_devops_gates.measures import figure, in_a_line, of_trend
from pytest_devops_gates.report import Report, by_stage, is_idle, place, red
from pytest_devops_gates.reporters.markdown.texts import (
    MARKS,
    NAME,
    REASON,
    cell,
    counted,
    fitting,
    marked,
    name,
    short,
    size,
    text,
    word,
)
from pytest_devops_gates.verdict import Change, Dora, Ruling, TestCounts, Verdict

FILES = 5
"""Files listed with their coverage."""

NOTES = 2
"""Notes shown of a gate that is red."""

TRENDS = 4
"""Trends shown, of those that lead somewhere."""

_OUTCOMES = ("passed", "failed", "errors", "skipped", "xfailed", "xpassed", "deselected", "rerun",
             "flaky", "altered")  # fmt: skip


def head(verdict: Verdict) -> list[str]:
    """The verdict with its reason, and what it is about."""
    project = f"{verdict.project.name} {verdict.project.version or ''}".strip()
    about = [name(project)] if project else []
    about.append(f"profile {name(verdict.profile)}")
    if verdict.commit:
        dirty = " with uncommitted changes" if verdict.dirty else ""
        about.append(f"commit {name(verdict.commit)}{dirty}")
    if verdict.compared:
        about.append(f"compared with {name(verdict.compared.ref)}")
    about += [f"run {name(verdict.run_id)}", f"{verdict.seconds:.1f} s"]
    part = []
    if verdict.gates and not verdict.selection.complete:
        only = name(", ".join(verdict.selection.stages))
        told = f"Only a part of the gates or of the files was asked ({only})"
        part = [f"{told}: no verdict on the whole project.", ""]
    answer = marked(verdict.verdict)
    return [
        f"## {answer.upper() if verdict.verdict in MARKS else answer}",
        "",
        text(verdict.reason, REASON),
        "",
        *part,
        " · ".join(about),
        "",
    ]


def table(verdict: Verdict, room: int) -> list[str]:
    """The gates that were run, by stage."""
    heading = ["| stage | outcome | gate | level | seconds | reason |",
               "|---|---|---|---|--:|---|"]  # fmt: skip
    total = sum(not is_idle(ruling) for ruling in verdict.gates)
    return fitting(heading, _rows(verdict), total, room, "gate", more="| | | … {} | | | |")


def _rows(verdict: Verdict) -> Iterator[str]:
    for stage, _, rulings in by_stage(verdict):
        label = word(stage, cell)
        for ruling in rulings:
            if is_idle(ruling):
                continue
            seconds = f"{ruling.receipt.seconds:.1f}" if ruling.receipt else ""
            cells = [label, marked(ruling.outcome, cell), cell(ruling.name, NAME),
                     word(ruling.level, cell), seconds, cell(_reason(ruling))]  # fmt: skip
            yield f"| {' | '.join(cells)} |"
            label = ""


def _reason(ruling: Ruling) -> str:
    """The reason, without the gate's name before it."""
    return ruling.reason.removeprefix(f"{ruling.name}: ")


def since(change: Change | None, room: int) -> list[str]:
    """What is different from the last run."""
    if change is None:
        return []
    rows = []
    if change.appeared or change.gone:
        rows.append(f"- findings: {change.appeared} appeared, {change.gone} gone")
    for gate in change.gates:
        rows.append(f"- {name(gate.name)}: {word(gate.before)} → {word(gate.after)}")
    for metric in change.metrics:
        values = f"{short(number(metric.before), NAME)} → {short(number(metric.after), NAME)}"
        rows.append(f"- {name(metric.gate)} {name(metric.metric)}: {values}")
    rows = rows or ["- nothing changed"]
    heading = [f"### Since {name(change.started)} ({word(change.verdict)})", ""]
    return fitting(heading, rows, len(rows), room, "change")


def trends(verdict: Verdict, room: int) -> list[str]:
    """Where numbers went over the last runs, in a line, and how delivery goes in another."""
    known = ((trend, told) for trend in verdict.trends if (told := of_trend(trend)))
    moved = [
        f"{name(f'{trend.gate} {trend.metric}')} {figure(told.first)} → {figure(told.last)}"
        f" in {counted(told.count, 'run')}"
        for trend, told in known
        if told.first != told.last
    ]
    rows = [f"**Trends**: {', '.join(moved[:TRENDS])}", ""] if moved else []
    if verdict.dora:
        rows += [f"**Delivery** to {name(verdict.dora.environment)}: {_dora(verdict.dora)}", ""]
    return fitting([], rows, len(rows), room, "line", end=[])


def _dora(dora: Dora) -> str:
    return text(in_a_line(dora))


def to_look_at(verdict: Verdict, room: int) -> list[str]:
    """What is red: why, whose it is, and how it is seen again."""
    rulings = red(verdict)
    return fitting(["### To look at", ""], map(_red, rulings), len(rulings), room, "gate")


def _red(ruling: Ruling) -> str:
    told = f"{marked(ruling.outcome)} {name(ruling.name)} ({word(ruling.level)})"
    owner = f" · owner {name(ruling.owner)}" if ruling.owner else ""
    again = text(f"devops-gates run --gate {short(ruling.name, NAME)}")
    notes = "".join(f"\n  - {text(note, REASON)}" for note in ruling.notes[:NOTES])
    return f"- {told}: {text(_reason(ruling), REASON)}{owner} · {again}{notes}"


def findings(report: Report, room: int) -> list[str]:
    """The findings by gate, those of the worst first. A gate takes half of what room there is at
    most, unless it is the last, so that many findings of one do not hide those of the others."""
    gates: dict[str, list[Finding]] = {}
    for finding in report.findings:
        gates.setdefault(finding.gate, []).append(finding)
    heading, left_out = ["### Findings", ""], "… {} of {}"
    room -= size([*heading, left_out, ""]) + 2 * NAME
    if room < 0 or not gates:
        return []
    lines: list[str] = []
    told = 0
    for gate, found in gates.items():
        share = room if told == len(gates) - 1 else room // 2
        title = f"#### {name(gate)}: {counted(len(found), 'finding')}"
        part = fitting([title, ""], map(_line, found), len(found), share, "finding")
        if not part:
            break
        lines += part
        room -= size(part)
        told += 1
    rest = list(gates.values())[told:]
    if rest:
        more = counted(sum(map(len, rest)), "more finding")
        lines += [left_out.format(more, counted(len(rest), "gate")), ""]
    return [*heading, *lines]


def _line(finding: Finding) -> str:
    where = place(finding)
    by = f" ({text(finding.waiver)})" if finding.waiver else ""
    state = "" if finding.state == "new" else f", {finding.state}{by}"
    at = f" {text(where)}" if where else ""
    told = f"**{finding.severity.value}**{state} {name(finding.rule)}{at}"
    return f"- {told}: {text(finding.message)}"


def unchecked(report: Report, room: int) -> list[str]:
    """What the run says nothing about, folded."""
    found = report.unchecked
    rows = (f"- {name(item.what)}: {text(item.why)}" for item in found)
    heading = [f"<details><summary>Not checked: {len(found)}</summary>", ""]
    return fitting(heading, rows, len(found), room, "thing", end=["", "</details>", ""])


def tests(counts: TestCounts, room: int) -> list[str]:
    """The test run in numbers."""
    told = [f"{getattr(counts, key)} {key}" for key in _OUTCOMES if getattr(counts, key)]
    if not told:
        return []
    broken = "" if counts.complete else ", and the run is not complete"
    row = f"**Tests**: {', '.join(told)}; {counts.collected} collected{broken}"
    return fitting([], [row], 1, room, "number")


def coverage(report: Report, room: int) -> list[str]:
    """The percentages of the whole, and the files with most left to run."""
    ruling = next((r for r in report.verdict.gates if r.name == "coverage"), None)
    told = [
        f"{metric} {short(number(value), NAME)} %"
        for metric, value in (ruling.metrics if ruling else {}).items()
        if is_percentage(metric) and ":" not in metric
    ]
    files = [file for file in report.coverage[:FILES] if file.missing]
    rows = [
        f"- {text(file.path)}: {short(number(file.percent), NAME)} %,"
        f" {counted(file.missing, 'line')} not run"
        for file in files
    ]
    whole = [f"**Coverage**: {', '.join(told)}", ""]
    return fitting([], [*whole, *rows], len(rows) + 2, room, "file") if told else []
