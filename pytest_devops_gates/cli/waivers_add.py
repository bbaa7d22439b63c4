"""``devops-gates waivers add FINDING``: waive a finding of the newest run for some days."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from datetime import date, datetime, timedelta, timezone
from pathlib import Path

import pytest

from pytest_devops_gates import archive, config, lookup, registry, runs, waiver_file
from pytest_devops_gates.cli.door import through_pytest
from pytest_devops_gates.cli.parser import up_to
from pytest_devops_gates.errors import UsageError
from pytest_devops_gates.evidence import Finding
from pytest_devops_gates.explanation import brief
from pytest_devops_gates.neutral import neutral
from pytest_devops_gates.screen import say
from pytest_devops_gates.verdict import EXIT_PASS, Waiver
from pytest_devops_gates.waiver_file import WaiverFile
from pytest_devops_gates.waiver_flaws import LONGEST, SHORTEST, is_text
from pytest_devops_gates.waiver_text import literally, new_id
from pytest_devops_gates.waivers import FILE, names

DAYS = 30
SHOWN = 5
"""Findings that are listed where several are meant."""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("add", help="waive a finding of the newest run")
    parser.add_argument(
        "finding",
        metavar="FINDING",
        help="its fingerprint or the beginning of it, PATH:LINE[:COLUMN] or GATE/RULE",
    )
    parser.add_argument("--reason", metavar="TEXT", required=True, help="why it may stay")
    parser.add_argument("--owner", metavar="WHO", required=True, help="who answers for that")
    parser.add_argument("--ticket", metavar="TICKET", help="where it will be mended")
    parser.add_argument(
        "--days",
        metavar="N",
        type=up_to(LONGEST),
        default=DAYS,
        help=f"how long it holds, {LONGEST} at most (default: {DAYS})",
    )
    parser.add_argument(
        "--rule-in-path",
        action="store_true",
        help="waive all that its rule finds in its file, and not it alone",
    )
    # without a default, which would take the place of one before 'add'
    parser.add_argument(
        "--rootdir",
        metavar="DIR",
        default=argparse.SUPPRESS,
        help="the project's root, as pytest's --rootdir",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    def errand(pytest_config: pytest.Config, options: argparse.Namespace) -> int:
        _check(arguments)
        root, today = Path(pytest_config.rootpath), datetime.now(timezone.utc).date()
        table = config.read_table(config.read_pyproject(root))
        gates = {gate.name for gate in registry.all_gates(pytest_config.pluginmanager, table)}
        file = waiver_file.read(waiver_file.found(root) or b"", FILE, gates, today)
        findings = archive.load(runs.find(root, "latest")).findings
        folder = Path(pytest_config.invocation_params.dir)
        asked = lookup.meant(findings, arguments.finding, root, folder).findings
        finding = _one(asked, arguments.finding, in_path=arguments.rule_in_path)
        waiver = made(finding, arguments, file, today)
        waiver_file.add(root, waiver, gates, today)
        say(neutral(f"{waiver.id} in {FILE} holds back {brief(finding)} until {waiver.expires}"))
        say("where there is a base, the gate policy asks for an approval until the waiver is on it")
        return EXIT_PASS

    return through_pytest(errand, arguments)


def made(finding: Finding, arguments: argparse.Namespace, file: WaiverFile, today: date) -> Waiver:
    """The waiver that was asked for. Raises UsageError where there is no need of it."""
    if finding.state == "known":
        raise UsageError(f"{brief(finding)} was known before, and needs no waiver")
    if finding.path == FILE:
        raise UsageError(f"nothing that is found in {FILE} can be waived: mend it there")
    _check_others(finding, file)
    in_path = arguments.rule_in_path
    if in_path and not (finding.path and finding.rule):
        raise UsageError(f"--rule-in-path: {brief(finding)} has no path or no rule")
    return Waiver(
        id=new_id(finding, {str(raw.get("id")) for raw in file.tables}),
        gate=finding.gate,
        rule=literally(finding.rule) or None,
        path=literally(finding.path or "") or None,
        fingerprint=None if in_path else finding.fingerprint,
        reason=arguments.reason,
        owner=arguments.owner,
        ticket=arguments.ticket or None,
        created=str(today),
        expires=str(today + timedelta(days=arguments.days)),
    )


def _check(arguments: argparse.Namespace) -> None:
    for name in ("reason", "owner"):
        if not is_text(getattr(arguments, name)):
            raise UsageError(f"--{name} says nothing")


def _check_others(finding: Finding, file: WaiverFile) -> None:
    """Raises UsageError for a second waiver of the same finding, be the first one a bad one."""
    other = next((w.id for w in file.waivers if names(w, finding)), None)
    if other:
        raise UsageError(f"{brief(finding)} is waived already, by '{other}' in {FILE}")
    for raw in file.tables:
        beginning = str(raw.get("fingerprint", "")).lower()
        if len(beginning) >= SHORTEST and finding.fingerprint.startswith(beginning):
            told = f"'{raw.get('id')}' in {FILE} is for {brief(finding)}, but does not hold"
            raise UsageError(f"{told} · devops-gates waivers says why: mend or remove it")


def _one(found: Sequence[Finding], what: str, *, in_path: bool) -> Finding:
    """The finding that is meant; where all of a rule in a file are, any of them."""
    if not found:
        told = f"no finding '{what}' in the newest run"
        raise UsageError(f"waivers add: {told}; {lookup.HOW}")
    places = {(f.gate, f.rule, f.path) for f in found}
    if len(found) > 1 and not (in_path and len(places) == 1):
        told = "; ".join(map(brief, found[:SHOWN])) + ("; …" if len(found) > SHOWN else "")
        raise UsageError(f"waivers add: '{what}' is {len(found)} findings: {told}")
    return found[0]
