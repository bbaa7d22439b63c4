"""``devops-gates history compare A [B]``: what is different between two runs."""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Iterable, Iterator, Sequence

import pytest

from pytest_devops_gates.cli.door import takes_json, takes_rootdir, through_pytest
from pytest_devops_gates.cli.history_opened import LATEST, Opened, opened
from pytest_devops_gates.columns import wrap
from pytest_devops_gates.errors import CannotTell, UsageError
from pytest_devops_gates.history.differences import Differences, Tests, between
from pytest_devops_gates.history.records import RunRecord
from pytest_devops_gates.history.rows import TESTS_KEPT
from pytest_devops_gates.json_text import dump
from pytest_devops_gates.measures import figure
from pytest_devops_gates.neutral import neutral
from pytest_devops_gates.screen import say
from pytest_devops_gates.verdict import EXIT_PASS

NARROWEST = 60
MOST = 20
"""Lines of each kind."""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("compare", help="what is different between two runs")
    parser.add_argument(
        "one", metavar="A", help=f"a run: its id, the beginning of one, or '{LATEST}'"
    )
    parser.add_argument(
        "other", metavar="B", nargs="?",
        help="what A is compared with (default: A is, with the run of its profile before it)",
    )  # fmt: skip
    takes_json(parser, "all of it, as JSON", nested=True)
    takes_rootdir(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    def errand(pytest_config: pytest.Config, options: argparse.Namespace) -> int:
        with opened(pytest_config) as history:
            before, after = _runs(history, arguments.one, arguments.other)
            found = between(before, after, _untold(history, before, after))
        if arguments.json:
            told = {name: getattr(found, name) for name in found.__struct_fields__}
            say(dump({"before": before.run_id, "after": after.run_id, **told}))
        else:
            columns = max(shutil.get_terminal_size().columns, NARROWEST)
            for line in render(before, after, found):
                for part in map(neutral, wrap(neutral(line), columns - 1, "    ")):
                    say(neutral(part))  # a break may bring a command to the beginning
        return EXIT_PASS

    return through_pytest(errand, arguments)


def _runs(history: Opened, one: str, other: str | None) -> tuple[RunRecord, RunRecord]:
    """Both, or a run with the one before it. Raises UsageError where they are the same, and
    CannotTell where there is none before it."""
    first = history.run(one)
    if other is None:
        before = history.store.before(first)
        if before is None:
            told = (
                f"{first.run_id} is the first run of the profile {first.profile} that is recorded"
            )
            raise CannotTell(f"{told} · devops-gates history compare {first.run_id} OTHER")
        return before, first
    second = history.run(other)
    if first.run_id == second.run_id:
        told = f"'{one[:100]}' and '{other[:100]}' are the same run, {first.run_id}"
        raise UsageError(f"{told} · devops-gates history compare {first.run_id}")
    return first, second


def _untold(history: Opened, *runs: RunRecord) -> str | None:
    """Why their tests are not compared: of an old run, those alone are known that failed."""
    kept = history.store.tests_kept(history.project, TESTS_KEPT)
    for one in runs:
        if one.run_id not in kept:
            return f"the tests of {one.run_id} are not known, or not all of them"
    return None


def render(before: RunRecord, after: RunRecord, found: Differences) -> Iterator[str]:
    """Both runs, and what is different, in a line each."""
    for sign, one in (("A", before), ("B", after)):
        commit = f"{(one.commit or 'no commit')[:9]}{' with changes' if one.dirty else ''}"
        yield (f"{sign}  {one.run_id}  {one.verdict}  {one.profile}  {commit}"
               f"  {one.seconds:.1f} s  {one.reason}")  # fmt: skip
    parts = [
        ("gates", [f"{g.name}: {g.before} → {g.after}" for g in found.gates]),
        ("metrics", [f"{m.gate}.{m.metric}: {figure(m.before)} → {figure(m.after)}"
                     for m in found.metrics]),
        ("rules", [f"{r.gate} {r.rule}: {r.before} → {r.after}" for r in found.rules]),
        *(_tests(found.tests) if found.tests else ()),
    ]  # fmt: skip
    for title, lines in parts:
        yield from _part(title, lines)
    if not any(lines for _, lines in parts):
        yield "nothing is different" + (", as far as is known" if found.untold else "")
    if found.untold:
        yield f"tests are not compared: {found.untold}"


def _tests(tests: Tests) -> Sequence[tuple[str, list[str]]]:
    changed = [f"{test.id}: {test.before} → {test.after}" for test in tests.changed]
    return (
        ("tests", changed),
        ("tests that came", list(tests.came)),
        ("tests that are gone", list(tests.gone)),
    )


def _part(title: str, lines: Sequence[str]) -> Iterable[str]:
    if not lines:
        return
    yield f"{title}: {len(lines)}"
    yield from (f"  {line}" for line in lines[:MOST])
    if len(lines) > MOST:
        yield f"  … and {len(lines) - MOST} more · --json has them all"
