"""``devops-gates init``: the first configuration, baseline, CI file and git hooks of a project."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path

import pytest

from pytest_devops_gates import baseline, precommit
from pytest_devops_gates.brief import check_start
from pytest_devops_gates.cli import baseline as baseline_command
from pytest_devops_gates.cli.door import complain, takes_rootdir, through_pytest
from pytest_devops_gates.initial import draft, table
from pytest_devops_gates.initial.draft import Draft
from pytest_devops_gates.initial.drafts import drafts, summary
from pytest_devops_gates.initial.survey import GITHUB, GITLAB, Survey, survey
from pytest_devops_gates.neutral import neutral
from pytest_devops_gates.request import of_options
from pytest_devops_gates.screen import say
from pytest_devops_gates.verdict import EXIT_PASS, EXIT_USAGE

NO_CI = "none"
UNTESTED = "there are no tests"
UNRECORDED = "no baseline holds a number yet; take the # away, then devops-gates baseline"


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "init", help="write a first configuration, baseline, CI file and git hooks"
    )
    parser.add_argument("--yes", action="store_true", help="overwrite files without asking")
    parser.add_argument("--dry-run", action="store_true", help="show a diff, and write nothing")
    parser.add_argument("--ci", choices=(GITHUB, GITLAB, NO_CI), help="default: by what is there")
    parser.add_argument("--no-hooks", action="store_true", help="no hooks for pre-commit")
    parser.add_argument("--no-baseline", action="store_true", help="run no gates, record no debt")
    takes_rootdir(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    def errand(config: pytest.Config, options: argparse.Namespace) -> int:
        asked = of_options(config, options)
        check_start(asked)
        found = survey(asked.root)
        records = not arguments.no_baseline and draft.read(asked.root, baseline.FILE) is None
        drafted = _drafted(found, arguments, records)
        _tell(["found: " + "; ".join(summary(found))])
        _tell(note for made in drafted for note in made.notes)
        if arguments.dry_run:
            return _rehearse(drafted, records)
        if not records and not any(made.changes for made in drafted):
            say("nothing to do")
            return EXIT_PASS
        written, status = _write(found.root, drafted, arguments.yes)
        if records:
            status = _record(found, written, config, options) or status
        _tell(_next(found.root, written))
        return status

    return through_pytest(errand, arguments)


def _drafted(found: Survey, arguments: argparse.Namespace, records: bool) -> list[Draft]:
    if not found.tests:
        unmeasured: str | None = UNTESTED
    else:
        unmeasured = None if records or _recorded(found.root) else UNRECORDED
    ci = arguments.ci or found.ci
    return drafts(
        found,
        version("pytest-devops-gates"),
        ci=None if ci == NO_CI else ci,
        hooks=not arguments.no_hooks,
        unmeasured=unmeasured,
    )


def _recorded(root: Path) -> bool:
    """Whether the baseline holds a number for the coverage of lines."""
    text = draft.read(root, baseline.FILE)
    held = baseline.read(text.encode(), baseline.FILE) if text is not None else None
    return held is not None and held.number("coverage", "line") is not None


def _rehearse(drafted: Iterable[Draft], records: bool) -> int:
    changes = [made for made in drafted if made.changes]
    for made in changes:
        say("\n".join(draft.diff(made)))
    if records:
        say(f"would run the gates, and write {baseline.FILE}")
    say("nothing was written" if records or changes else "nothing to do")
    return EXIT_PASS


def _write(root: Path, drafted: Iterable[Draft], yes: bool) -> tuple[list[Draft], int]:
    """Write what may be written; returns that, and the exit status."""
    written, status = [], EXIT_PASS
    for made in (made for made in drafted if made.changes):
        if made.replaces and not yes:
            if not sys.stdin.isatty():
                said = f"{made.name} is there and differs, and is left as it is · --yes overwrites"
                status = complain(said, EXIT_USAGE)
                continue
            if not _agreed(made):
                continue
        draft.write(root, made)
        written.append(made)
        _tell([("wrote " if made.before is None or made.replaces else "added to ") + made.name])
    return written, status


def _agreed(made: Draft) -> bool:
    say("\n".join(draft.diff(made)))
    try:
        return input(f"overwrite {made.name}? [y/N] ").strip().lower() in {"y", "yes"}
    except EOFError:
        return False


def _record(
    found: Survey, written: Sequence[Draft], config: pytest.Config, options: argparse.Namespace
) -> int:
    """Write the baseline; returns the exit status."""
    say("now the gates run, so that what they find today is written down")
    try:
        return baseline_command.write(config, options)
    finally:
        added = next((made for made in written if made.name == table.NAME), None)
        if added and found.tests and not _recorded(found.root):
            _withdraw(found, added)


def _withdraw(found: Survey, added: Draft) -> None:
    """Take back the condition on a number that could not be had: no run could answer it."""
    without = table.draft(added.before, found.branch, coverage=UNRECORDED)
    draft.write(found.root, Draft(table.NAME, added.after, without.after))
    say("coverage was not recorded: its condition is a comment, until there is a number")


def _next(root: Path, written: Sequence[Draft]) -> Iterable[str]:
    names = [made.name for made in written]
    if (root / baseline.FILE).is_file():
        names.append(baseline.FILE)
    yield "next: pytest --devops-gates"
    if names:
        yield f"then: git add {' '.join(names)}"
    if precommit.NAME in names:
        yield "and:  pre-commit install -t pre-commit -t pre-push"


def _tell(lines: Iterable[str]) -> None:
    for line in lines:
        say(neutral(line))
