"""``devops-gates baseline``: today's debt is written down, or what was paid off is taken out."""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

import msgspec
import pytest

from pytest_devops_gates import archive, baseline, charter, disk, owing, runs
from pytest_devops_gates.baseline import ATTRIBUTES, FILE, MERGED, Baseline
from pytest_devops_gates.cli.door import takes_rootdir, through_pytest
from pytest_devops_gates.errors import UsageError
from pytest_devops_gates.outlook import outlook
from pytest_devops_gates.request import of_options
from pytest_devops_gates.screen import say
from pytest_devops_gates.supervisor import carry_out
from pytest_devops_gates.verdict import EXIT_FAIL, EXIT_PASS, EXIT_UNKNOWN, Verdict


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "baseline",
        help="run the gates, and write down what they find as known",
        usage="devops-gates baseline [--tighten] [--gate GATE ...] [pytest arguments]",
        allow_abbrev=False,
    )
    parser.add_argument(
        "--tighten",
        action="store_true",
        help="only take out what is paid off, and better the numbers: nothing is added",
    )
    parser.add_argument(
        "--gate", metavar="GATE", action="append", default=[], help="only this gate's (repeatable)"
    )
    takes_rootdir(parser)
    parser.set_defaults(run=run, takes_rest=True)


def run(arguments: argparse.Namespace) -> int:
    def errand(config: pytest.Config, options: argparse.Namespace) -> int:
        return write(config, options, tighten=arguments.tighten, only=tuple(arguments.gate))

    return through_pytest(errand, arguments)


def write(
    config: pytest.Config,
    options: argparse.Namespace,
    *,
    tighten: bool = False,
    only: tuple[str, ...] = (),
) -> int:
    """Run the gates, and write what they came to. Returns the exit status: 0 once it is written,
    that of the run where it could not tell anything.

    Raises UsageError for a baseline that cannot be read, and where there is none to tighten.
    """
    asked = msgspec.structs.replace(of_options(config, options), only=only)
    root = asked.root
    old = charter.of_checkout(root).baseline
    if tighten and not old.written:
        raise UsageError(f"there is no {FILE} to tighten · devops-gates baseline")
    with outlook(config, options, asked) as seen:
        plan = seen.plan
    status = carry_out(config, options, asked)
    if status not in (EXIT_PASS, EXIT_FAIL, EXIT_UNKNOWN):
        return status
    verdict = _latest(root)
    made = (owing.tightened if tighten else owing.today)(verdict, plan, old)
    _write(root, made.baseline)
    say(f"{FILE}: {_told(made.baseline, old)}")
    if made.unjudged:
        say(f"could not tell, so as it was: {', '.join(made.unjudged)}")
    if red := owing.still_red(verdict, plan):
        say(f"no baseline holds what these fail over: {', '.join(red)}")
    return EXIT_PASS


def _latest(root: Path) -> Verdict:
    folder = runs.find(root, "latest")
    return archive.load(folder).verdict


def _write(root: Path, new: Baseline) -> None:
    """Raises UsageError where it cannot be written."""
    path = root / FILE
    try:
        if path.is_symlink():
            raise OSError(0, "it is a symbolic link")
        path.parent.mkdir(exist_ok=True)
        disk.write(path, baseline.render(new.debts, new.numbers))
        if not (root / ATTRIBUTES).exists():
            disk.write(root / ATTRIBUTES, MERGED)
    except OSError as error:
        raise UsageError(f"{FILE} cannot be written: {error.strerror}") from None


def _told(new: Baseline, old: Baseline) -> str:
    counted = Counter(debt.gate for debt in new.debts)
    gates = ", ".join(f"{gate} {count}" for gate, count in sorted(counted.items()))
    findings = _counted(len(new.debts), "finding") + (f" ({gates})" if gates else "")
    was, now = Counter(old.debts), Counter(new.debts)
    change = f"{(now - was).total()} added, {(was - now).total()} taken out"
    return f"{findings}, {_counted(len(new.numbers), 'number')}; {change}"


def _counted(count: int, noun: str) -> str:
    return f"1 {noun}" if count == 1 else f"{count} {noun}s"
