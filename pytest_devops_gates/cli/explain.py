"""``devops-gates explain``: all that is known of a gate, or of a finding of a run."""

from __future__ import annotations

import argparse
import shlex
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec
import pytest

from pytest_devops_gates import archive, config, lookup, registry, runs
from pytest_devops_gates.cli import explain_gate
from pytest_devops_gates.cli.door import takes_rootdir, through_pytest
from pytest_devops_gates.cli.manual import manual
from pytest_devops_gates.decode import one_of
from pytest_devops_gates.errors import UsageError
from pytest_devops_gates.evidence import Finding
from pytest_devops_gates.explanation import Subject, brief, listed, render
from pytest_devops_gates.findings import read_source, relative
from pytest_devops_gates.gate import Gate
from pytest_devops_gates.gates.suppressions import SUPPRESSIONS
from pytest_devops_gates.report import Report
from pytest_devops_gates.screen import say
from pytest_devops_gates.suppression import COMMENTS
from pytest_devops_gates.whereabouts import excerpt

SHOWN = 5
"""Findings that are told one after another, or listed."""

UNPARSED = frozenset({"invalid-syntax", "syntax-error", "syntax"})
"""Rules over which no tool reads comments."""

CHANGED = "the file has changed since: the line that was found is not there any more"
NO_SOURCE = "its file is gone or empty, leads out of the project, or has more than 4 MiB"
PRIVATE = "its lines are not shown, since they hold a secret"
OUTSIDE = "it lies outside of the project, and is not opened"


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "explain", help="tell all of a gate, or of a finding: where it is, and what mends it"
    )
    parser.add_argument(
        "what",
        metavar="WHAT",
        help="a gate; or a finding by its fingerprint, PATH:LINE[:COLUMN] or GATE/RULE",
    )
    parser.add_argument(
        "--run",
        dest="of_run",
        metavar="RUN",
        help="the id of the run that is meant, or the path of its folder (default: the latest)",
    )
    takes_rootdir(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    def errand(pytest_config: pytest.Config, options: argparse.Namespace) -> int:
        root = Path(pytest_config.rootpath)
        table = config.read_table(config.read_pyproject(root))
        gates = {gate.name: gate for gate in registry.all_gates(pytest_config.pluginmanager, table)}
        if arguments.what in gates:
            explain_gate.tell(pytest_config, options, arguments.what, arguments.of_run)
            return 0
        if not lookup.is_name(arguments.what):
            _no_gate(arguments.what, gates)
        asked = Asked(arguments.what, root, Path(pytest_config.invocation_params.dir), gates)
        lines = asked.answer(arguments.of_run)
        say("\n".join(lines))
        return 0

    return through_pytest(errand, arguments)


class Asked(msgspec.Struct, frozen=True):
    """What was typed, in which ``folder``, and the project that it is about."""

    what: str
    root: Path
    folder: Path
    gates: Mapping[str, Gate]

    def answer(self, named: str | None) -> list[str]:
        """The lines that tell of the findings that are meant, in the run ``named`` or the latest.

        Raises UsageError when there is none, or when a fingerprint could be that of several.
        """
        report = archive.load(runs.find(self.root, named or "latest"))
        found = self._meant(report)
        if not found.findings:
            raise UsageError(self._nothing(report, anywhere=named is None))
        if found.by == "fingerprint" and len(found.findings) > 1:
            raise UsageError(self._several(found.findings))
        shown = found.findings[: 1 if found.by == "rule" else SHOWN]
        lines: list[str] = []
        told: set[tuple[str, str]] = set()
        for finding in shown:
            rule = (finding.gate, finding.rule)
            lines += ["", ""] if lines else []
            lines += self._one(report, finding, with_manual=rule not in told)
            told.add(rule)
        if rest := found.findings[len(shown) :]:
            columns = shutil.get_terminal_size().columns
            lines += ["", f"{len(rest)} more:", *listed(rest, SHOWN, columns)]
        return lines

    def _meant(self, report: Report) -> lookup.Meant:
        return lookup.meant(report.findings, self.what, self.root, self.folder)

    def _several(self, found: Sequence[Finding]) -> str:
        listed = "; ".join(map(brief, found[:SHOWN]))
        more = f"; and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
        return f"explain: {len(found)} findings begin with '{self.what}': {listed}{more}"

    def _one(self, report: Report, finding: Finding, *, with_manual: bool) -> list[str]:
        source = read_source(self.root, finding.path or "")
        alike = sum((f.gate, f.rule, f.path) == (finding.gate, finding.rule, finding.path)
                    for f in report.findings)  # fmt: skip
        gate = self.gates.get(finding.gate)
        is_private = gate is not None and gate.private
        lines = None if is_private else excerpt(finding, source, alike)
        comment = gate.suppress.replace("{rule}", finding.rule) if gate else ""
        subject = Subject(
            finding,
            excerpt=lines,
            gone=PRIVATE
            if is_private
            else ""
            if lines
            else _why_gone(finding, self.root, source.lines),
            suppress="" if finding.rule in UNPARSED else comment,
            is_counted=_is_counted(comment, report),
            manual=manual(finding.gate, finding.rule, self.root) if with_manual else None,
        )
        return render(report, subject, shutil.get_terminal_size().columns)

    def _nothing(self, report: Report, *, anywhere: bool) -> str:
        """Why there is nothing to tell, and where there might be."""
        gate, slash, _ = self.what.partition("/")
        if slash and gate not in self.gates and not lookup.is_place(self.what):
            _no_gate(gate, self.gates)
        verdict = report.verdict
        told = f"explain: no finding '{self.what}' in the run {verdict.run_id}"
        if not verdict.gates:
            return f"{told}, which judged no gate: {verdict.reason}"
        other = next(self._others(verdict.run_id), None) if anywhere else None
        if other:
            again = shlex.join(["devops-gates", "explain", self.what, "--run", other])
            return f"{told}; it is in another one · {again}"
        return f"{told}; {lookup.HOW}"

    def _others(self, run_id: str) -> Iterator[str]:
        """The other runs in which there is such a finding, the newest first."""
        folders = (self.root / runs.FOLDER / "runs").glob("*")
        for folder in sorted((f for f in folders if f.name != run_id), reverse=True):
            try:
                if self._meant(archive.load(folder)).findings:
                    yield folder.name
            except UsageError:
                continue


def _no_gate(name: str, gates: Iterable[str]) -> None:
    try:
        one_of(name, gates, "explain", "gate")
    except UsageError as error:
        raise UsageError(f"{error}; {lookup.HOW}") from None


def _why_gone(finding: Finding, root: Path, lines: Sequence[str]) -> str:
    """Why the lines of a finding are not shown; nothing where it has none."""
    if finding.path is None:
        return ""
    if not relative(finding.path, root)[1]:
        return OUTSIDE
    if not any(lines):
        return NO_SOURCE
    return CHANGED if finding.line else ""


def _is_counted(comment: str, report: Report) -> bool:
    """Whether the gate ``suppressions`` ran, and counts such a comment."""
    ran = any(r.name == SUPPRESSIONS.name and r.receipt for r in report.verdict.gates)
    return ran and any(pattern.search(comment) for pattern in COMMENTS.values())
