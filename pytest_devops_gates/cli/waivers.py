"""``devops-gates waivers``: what is waived, until when, and what it holds back; and ``add``."""

from __future__ import annotations

import argparse
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date, datetime, timezone
from pathlib import Path

import pytest

from pytest_devops_gates import archive, config, registry, runs, waiver_file
from pytest_devops_gates.cli import waivers_add
from pytest_devops_gates.cli.door import takes_rootdir, through_pytest
from pytest_devops_gates.columns import cut, padded, width, wrap
from pytest_devops_gates.errors import CannotTell
from pytest_devops_gates.evidence import Finding
from pytest_devops_gates.neutral import neutral
from pytest_devops_gates.screen import say
from pytest_devops_gates.verdict import EXIT_FAIL, EXIT_PASS, FAIL, PASS, WARN, Verdict, Waiver
from pytest_devops_gates.waiver_file import WaiverFile
from pytest_devops_gates.waivers import FILE

NARROWEST = 60
_LONGEST_ID = 32
_NUMBERS = "{:>10}  {:<10}  {:>9}  "
"""The columns between the id and the owner."""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "waivers", help="list what is waived, until when, and what it holds back; or add a waiver"
    )
    takes_rootdir(parser)
    parser.set_defaults(run=run)
    waivers_add.add_parser(parser.add_subparsers(metavar="add"))


def run(arguments: argparse.Namespace) -> int:
    def errand(pytest_config: pytest.Config, options: argparse.Namespace) -> int:
        root = Path(pytest_config.rootpath)
        today = datetime.now(timezone.utc).date()
        data = waiver_file.found(root)
        if data is None:
            say(f"there is no {FILE}: nothing is waived")
            return EXIT_PASS
        table = config.read_table(config.read_pyproject(root))
        gates = {gate.name for gate in registry.all_gates(pytest_config.pluginmanager, table)}
        file = waiver_file.read(data, FILE, gates, today)
        say("\n".join(render(file, _latest(root), today, shutil.get_terminal_size().columns)))
        return EXIT_FAIL if file.problems else EXIT_PASS

    return through_pytest(errand, arguments)


def render(file: WaiverFile, latest: Verdict | None, today: date, columns: int) -> Iterator[str]:
    """What holds, in some lines each, and then what is wrong, in one line each."""
    columns = max(columns, NARROWEST)
    if latest is None:
        yield "no run yet: what they hold back is not known · pytest --devops-gates"
    elif file.waivers:
        yield neutral(f"held back in the run {latest.run_id}")
    if not file.waivers:
        yield f"{FILE} holds no waiver" + (" that is in force" if file.problems else "")
    for line in _table(file.waivers, _held(file.waivers, latest), today, columns):
        yield neutral(line)
    for problem in file.problems:
        yield neutral(f"BAD: {_in_one_line(problem)}")


def _table(
    waivers: tuple[Waiver, ...], held: Mapping[str, int], today: date, columns: int
) -> Iterator[str]:
    room = min(max((width(neutral(w.id)) for w in waivers), default=0), _LONGEST_ID)
    if waivers:
        yield ""
        yield (
            padded("id", room) + "  " + _NUMBERS.format("holds back", "ends", "days left") + "owner"
        )
    for waiver in waivers:
        left = (date.fromisoformat(waiver.expires) - today).days
        numbers = _NUMBERS.format(held.get(waiver.id, "-"), waiver.expires, left)
        line = f"{padded(cut(neutral(waiver.id), room), room)}  {numbers}{neutral(waiver.owner)}"
        yield cut(line, columns)
        ticket = f" ({waiver.ticket})" if waiver.ticket else ""
        told = f"    {neutral(f'{_selected(waiver)}: {waiver.reason}{ticket}')}"
        yield from wrap(told, columns - 1, "    ")  # a break may bring a command to the beginning


def _selected(waiver: Waiver) -> str:
    """What it is about, in a few words."""
    what = f"{waiver.gate}/{waiver.rule}" if waiver.rule else waiver.gate
    where = f" in {waiver.path}" if waiver.path else ""
    one = f", {waiver.fingerprint[:12]}" if waiver.fingerprint else ""
    return what + where + one


def _in_one_line(problem: Finding) -> str:
    return f"{problem.path}:{problem.line}: {problem.rule}: {problem.message}"


def _latest(root: Path) -> Verdict | None:
    """The newest run's verdict; None before the first. Raises UsageError for one that is broken."""
    try:
        folder = runs.find(root, "latest")
    except CannotTell:
        return None
    return archive.load(folder).verdict


def _held(waivers: tuple[Waiver, ...], latest: Verdict | None) -> dict[str, int]:
    """How many findings of the newest run each waiver held back, where that can be told: not for
    one that was added since, nor for one whose gate was not judged."""
    if latest is None:
        return {}
    judged = {ruling.name for ruling in latest.gates if ruling.outcome in (PASS, WARN, FAIL)}
    told = {waiver.id: waiver.holds_back for waiver in latest.waivers}
    told |= Counter(f.waiver for f in latest.findings if f.state == "waived" and f.waiver)
    return {w.id: told[w.id] for w in waivers if w.id in told and (told[w.id] or w.gate in judged)}
