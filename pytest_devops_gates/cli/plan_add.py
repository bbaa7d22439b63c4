"""``devops-gates plan add TITLE``: plan something."""

from __future__ import annotations

import argparse

import msgspec
import pytest

from pytest_devops_gates.board import plan_edit, service
from pytest_devops_gates.board.items import KINDS, WorkItem
from pytest_devops_gates.board.plan_file import FILE, PlanFile
from pytest_devops_gates.cli.door import takes_rootdir, through_pytest
from pytest_devops_gates.cli.plan_place import Place, of
from pytest_devops_gates.decode import one_of
from pytest_devops_gates.errors import UsageError, did_you_mean
from pytest_devops_gates.neutral import neutral
from pytest_devops_gates.outside import TrackerTable
from pytest_devops_gates.screen import say, warn
from pytest_devops_gates.verdict import EXIT_PASS


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str) -> None:
    parser = commands.add_parser(name, help="plan something")
    parser.add_argument("title", metavar="TITLE", help="what is to be done, in a line")
    parser.add_argument("--kind", metavar="KIND", default="feature", help=", ".join(KINDS))
    parser.add_argument("--milestone", metavar="NAME", help="for which milestone")
    parser.add_argument("--owner", metavar="WHO", help="who does it")
    parser.add_argument(
        "--requirement", metavar="ID", action="append", default=[], dest="requirements",
        help="a requirement that it has to meet; may be said several times",
    )  # fmt: skip
    parser.add_argument("--id", metavar="ID", help="its id (default: the next W-NUMBER)")
    takes_rootdir(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    def errand(pytest_config: pytest.Config, options: argparse.Namespace) -> int:
        one_of(arguments.kind, KINDS, "--kind", "kind")
        if not arguments.title.strip():
            raise UsageError("plan add: the title says nothing")
        item = WorkItem(
            id=arguments.id or "",
            title=arguments.title,
            kind=arguments.kind,
            milestone=arguments.milestone,
            owner=arguments.owner,
            requirements=tuple(dict.fromkeys(arguments.requirements)),
        )
        place = of(pytest_config)
        return _ask(place.tracker, item) if place.tracker else _write(place, item)

    return through_pytest(errand, arguments)


def _write(place: Place, item: WorkItem) -> int:
    file = place.file or PlanFile.empty()
    item = msgspec.structs.replace(item, id=item.id or file.next_id())
    known = [one.name for one in file.board.milestones]
    if item.milestone is not None and item.milestone not in known:
        told = f"there is no milestone '{item.milestone}'{did_you_mean(item.milestone, known)}"
        raise UsageError(f"{told} · devops-gates plan milestone '{item.milestone}' --due DATE")
    plan_edit.write(place.root, place.data, plan_edit.with_item(place.data or b"", item))
    say(neutral(f"{item.id} in {FILE}: {item.title}"))
    return EXIT_PASS


def _ask(tracker: TrackerTable, item: WorkItem) -> int:
    if item.id:
        raise UsageError("--id: the tracker numbers its issues by itself")
    way = service.reach(tracker)
    made = service.create(way, item)
    say(neutral(f"{made.id} of {way.origin}: {made.title} ({made.url})"))
    for key in ("kind", "milestone", "owner", "requirements"):
        if getattr(made, key) != getattr(item, key):
            warn(f"{made.id}: its {key} is not what was asked for: may the token set it?")
    return EXIT_PASS
