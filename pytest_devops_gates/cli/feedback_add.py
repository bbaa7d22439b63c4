"""``devops-gates feedback add TEXT``: write down what somebody said."""

from __future__ import annotations

import argparse
from datetime import datetime, timezone
from pathlib import Path

import pytest

from pytest_devops_gates.cli.door import takes_rootdir, through_pytest
from pytest_devops_gates.errors import UsageError
from pytest_devops_gates.lessons import inbox, inbox_text, written
from pytest_devops_gates.lessons.inbox import FILE, KINDS, Feedback
from pytest_devops_gates.neutral import neutral
from pytest_devops_gates.screen import say
from pytest_devops_gates.verdict import EXIT_PASS


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("add", help="write down what somebody said")
    parser.add_argument("text", metavar="TEXT", help="what was said")
    parser.add_argument("--kind", choices=KINDS, default="idea", help="(default: %(default)s)")
    parser.add_argument("--area", metavar="AREA", default="", help="which part it is about")
    parser.add_argument("--by", metavar="WHO", default="", help="who said it")
    parser.add_argument("--urgent", action="store_true", help="it must be answered soon")
    takes_rootdir(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    def errand(pytest_config: pytest.Config, options: argparse.Namespace) -> int:
        root, today = Path(pytest_config.rootpath), datetime.now(timezone.utc).date()
        data = inbox.found(root) or b""
        entry = Feedback(
            id=inbox.read(data, today).next_id(),
            created=today,
            kind=arguments.kind,
            text=arguments.text,
            by=arguments.by,
            area=arguments.area,
            urgent=arguments.urgent,
        )
        if (wrong := inbox.flaw(entry, today)) is not None:
            raise UsageError(f"feedback add: {wrong}")
        written.write(root, {FILE: inbox_text.added(data, [entry], today)})
        say(neutral(f"{entry.id} in {FILE}; commit it, so that the team sees it"))
        return EXIT_PASS

    return through_pytest(errand, arguments)
