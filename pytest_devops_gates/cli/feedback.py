"""``devops-gates feedback``: what users and the team said; and what deserves work."""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timezone
from importlib import import_module
from pathlib import Path

import pytest

from pytest_devops_gates.cli.door import takes_json, takes_rootdir, through_pytest
from pytest_devops_gates.columns import wrap
from pytest_devops_gates.json_text import dump
from pytest_devops_gates.lessons import inbox
from pytest_devops_gates.lessons.inbox import FILE, Feedback
from pytest_devops_gates.neutral import neutral
from pytest_devops_gates.screen import say
from pytest_devops_gates.verdict import EXIT_PASS

COMMANDS = ("add", "answer", "import", "review", "improve")
"""Its subcommands; each has a module of its own, ``feedback_NAME``."""

NARROWEST = 60


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "feedback", help="what users and the team said, what deserves work, and work items of it"
    )
    takes_rootdir(parser)
    parser.add_argument("--all", action="store_true", help="list what is answered as well")
    takes_json(parser, "list all of it as JSON")
    parser.set_defaults(run=run)
    own = parser.add_subparsers(metavar="COMMAND")
    for name in COMMANDS:
        import_module(f"pytest_devops_gates.cli.feedback_{name}").add_parser(own)


def run(arguments: argparse.Namespace) -> int:
    def errand(pytest_config: pytest.Config, options: argparse.Namespace) -> int:
        today = datetime.now(timezone.utc).date()
        data = inbox.found(Path(pytest_config.rootpath))
        entries = inbox.read(data, today).entries if data is not None else ()
        if arguments.json:
            say(dump(sorted(entries, key=_urgency)).rstrip())
        elif data is None:
            say(f'there is no {FILE} · devops-gates feedback add "…"')
        else:
            columns = max(shutil.get_terminal_size().columns, NARROWEST)
            say("\n".join(render(entries, today, columns, everything=arguments.all)))
        return EXIT_PASS

    return through_pytest(errand, arguments)


def render(
    entries: Sequence[Feedback], today: date, columns: int, *, everything: bool
) -> Iterator[str]:
    """The entries, the most urgent ones first; those that are done with ``everything`` alone."""
    shown = [one for one in sorted(entries, key=_urgency) if everything or one.answered is None]
    for one in shown:
        yield from map(neutral, wrap(neutral(_head(one, today)), columns - 1, "    "))
        said = " ".join(one.text.split())
        yield from map(neutral, wrap(f"    {neutral(said)}", columns - 1, "    "))
        if one.answered:
            answer = " ".join(one.answer.split())
            told = f"    → {neutral(answer)} ({one.answered})"
            yield from map(neutral, wrap(told, columns - 1, "    "))
    urgent = sum(one.urgent and one.answered is None for one in entries)
    waiting = sum(one.answered is None for one in entries)
    told = f"{len(entries)} in {FILE}: {waiting} without an answer, {urgent} of them urgent"
    hidden = len(entries) - len(shown)
    yield told + (f" · --all lists the {hidden} answered ones too" if hidden else "")


def _head(one: Feedback, today: date) -> str:
    days = max(0, (today - one.created).days)
    ago = {0: "today", 1: "1 day ago"}.get(days, f"{days} days ago")
    parts = [one.id, "URGENT" if one.urgent and one.answered is None else "", one.kind, one.area]
    tail = [f"by {one.by}" if one.by else "", f"{one.created}, {ago}", one.item]
    return "  ".join(filter(None, [*parts, *tail]))


def _urgency(one: Feedback) -> tuple[bool, bool, bool, date, str]:
    """Sorts what waits for an answer first, urgent ones before, older ones before newer ones."""
    return (one.answered is not None, not one.urgent, bool(one.item), one.created, one.id)
