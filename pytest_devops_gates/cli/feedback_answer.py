"""``devops-gates feedback answer ID TEXT``: what came of what somebody said."""

from __future__ import annotations

import argparse
from datetime import datetime, timezone
from pathlib import Path

import pytest

from pytest_devops_gates.board import plan_file, service
from pytest_devops_gates.cli import plan_place
from pytest_devops_gates.cli.door import takes_rootdir, through_pytest
from pytest_devops_gates.errors import UsageError, did_you_mean
from pytest_devops_gates.lessons import inbox, inbox_text, written
from pytest_devops_gates.lessons.inbox import FILE
from pytest_devops_gates.neutral import neutral
from pytest_devops_gates.screen import say
from pytest_devops_gates.verdict import EXIT_PASS


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("answer", help="answer what somebody said")
    parser.add_argument("id", metavar="ID", help="which one, F-3 for example")
    parser.add_argument("text", metavar="TEXT", help="the answer")
    parser.add_argument("--item", metavar="ITEM", help="the work item that came of it")
    takes_rootdir(parser)
    parser.set_defaults(run=run)


def _item(pytest_config: pytest.Config, name: str) -> str:
    """The item as it is written down. Raises UsageError for one that is not planned; a tracker is
    not asked, and what is no number of an issue is none of its."""
    place = plan_place.of(pytest_config)
    if place.tracker:
        return f"#{service.number(name)}"
    known = [one.id for one in place.file.board.items] if place.file else []
    if name not in known:
        told = f"{plan_file.FILE} has no item '{name[:70]}'{did_you_mean(name[:70], known)}"
        raise UsageError(f"--item: {told} · devops-gates plan add TITLE")
    return name


def run(arguments: argparse.Namespace) -> int:
    def errand(pytest_config: pytest.Config, options: argparse.Namespace) -> int:
        root, today = Path(pytest_config.rootpath), datetime.now(timezone.utc).date()
        data = inbox.found(root) or b""
        entries = {one.id: one for one in inbox.read(data, today).entries}
        entry = entries.get(arguments.id)
        if entry is None:
            near = did_you_mean(arguments.id, entries)
            raise UsageError(f"feedback answer: {FILE} has no '{arguments.id}'{near}")
        if entry.answered:
            told = f"{entry.id} was answered on {entry.answered}: {entry.answer[:200]}"
            raise UsageError(f"feedback answer: {told}")
        if not arguments.text.strip():
            raise UsageError("feedback answer: the answer says nothing")
        day = max(today, entry.created)
        values = {"answered": day, "answer": arguments.text}
        if arguments.item is not None:
            values["item"] = _item(pytest_config, arguments.item)
        written.write(root, {FILE: inbox_text.changed(data, {entry.id: values}, today)})
        say(neutral(f"{entry.id} in {FILE} is answered; commit it, so that the team sees it"))
        return EXIT_PASS

    return through_pytest(errand, arguments)
