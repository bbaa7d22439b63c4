"""``devops-gates feedback improve KEY…``: what was learnt becomes work items, each of them once."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path

import pytest

from pytest_devops_gates.board import plan_file
from pytest_devops_gates.board.items import WorkItem
from pytest_devops_gates.board.source import NOTHING
from pytest_devops_gates.cli import feedback_board, feedback_sources
from pytest_devops_gates.cli.door import complain, takes_rootdir, through_pytest
from pytest_devops_gates.cli.feedback_board import Place
from pytest_devops_gates.errors import CannotTell, UsageError
from pytest_devops_gates.lessons import improvement, inbox, inbox_text, written
from pytest_devops_gates.lessons.improvement import Chosen
from pytest_devops_gates.lessons.lesson import KINDS, Lesson
from pytest_devops_gates.lessons.review import review
from pytest_devops_gates.neutral import neutral
from pytest_devops_gates.operations import incidents_file
from pytest_devops_gates.screen import say
from pytest_devops_gates.verdict import EXIT_PASS, EXIT_UNKNOWN

Links = Mapping[str, str]
"""The names of work items, by the keys of the lessons that they were made of."""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "improve", help="make work items of the next milestone of what deserves work"
    )
    parser.add_argument(
        "lessons",
        metavar="KEY",
        nargs="*",
        help="the key of a lesson, or its number in 'devops-gates feedback review'",
    )
    parser.add_argument(
        "--all-of", metavar="KIND", choices=KINDS, action="append", default=[],
        help="all lessons of a kind (repeatable): " + ", ".join(KINDS),
    )  # fmt: skip
    parser.add_argument("--milestone", metavar="NAME", help="another one than the next")
    takes_rootdir(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    def errand(pytest_config: pytest.Config, options: argparse.Namespace) -> int:
        now = datetime.now(timezone.utc)
        here = feedback_sources.asked(pytest_config, now)
        if not (arguments.lessons or arguments.all_of):
            raise UsageError("feedback improve: name a KEY, or --all-of KIND")
        place = feedback_board.place(here.project, arguments.milestone)
        if place is None:
            raise CannotTell(f"{NOTHING} · devops-gates plan milestone NAME --due DATE")
        seen = feedback_sources.look(here, place)
        lessons = review(seen, now)
        gone = improvement.dealt_with(lessons, arguments.lessons, place.items)
        words = [word for word in arguments.lessons if word not in gone]
        meant = improvement.named(lessons, words, arguments.all_of)
        for trouble in seen.troubles:
            say(neutral(trouble))
        for key, item in gone.items():
            say(neutral(_already(place, key, item)))
        if not meant and not gone:
            say("nothing of that kind deserves work")
        return improve(place, improvement.chosen(meant, place.items), now)

    return through_pytest(errand, arguments)


def improve(place: Place, chosen: Chosen, now: datetime) -> int:
    """Make the items, name them wherever the lessons came from, and tell what was done. Returns the
    exit status. Raises UsageError where no file could be written: then none was."""
    root = place.project.root
    for lesson, item in chosen.known:
        say(neutral(_already(place, lesson.key, item)))
    if place.project.tracker:
        made, why = feedback_board.tracked(place, chosen.fresh)
        _tell(place, chosen, made)  # they are there, whatever becomes of the files
        files: dict[str, bytes] = {}
    else:
        files, made = _planned(root, chosen, place)
        why = None
    done = [*zip(chosen.fresh, made, strict=False), *chosen.known]
    links = {lesson.key: _name(place, item) for lesson, item in done}
    files |= _linked(root, [lesson for lesson, _ in done], links, now)
    written.write(root, files)
    if not place.project.tracker:
        _tell(place, chosen, made)
    if files:
        say(f"written: {', '.join(files)}; commit them")
    if why:
        left = len(chosen.fresh) - len(made)
        return complain(f"{left} work items were not made: {why}", EXIT_UNKNOWN)
    return EXIT_PASS


def _planned(root: Path, chosen: Chosen, place: Place) -> tuple[dict[str, bytes], list[WorkItem]]:
    """The plan file with the new items, if there are any."""
    if not chosen.fresh:
        return {}, []
    data, made = feedback_board.planned(plan_file.found(root) or b"", chosen.fresh, place.milestone)
    return {plan_file.FILE: data}, made


def _tell(place: Place, chosen: Chosen, made: list[WorkItem]) -> None:
    for lesson, item in zip(chosen.fresh, made, strict=False):
        where = f", {item.url}" if item.url else ""
        told = f"{item.kind} of the milestone '{place.milestone}'{where}: {item.title}"
        say(neutral(f"{lesson.key}: {_name(place, item)}, {told}"))


def _name(place: Place, item: WorkItem) -> str:
    return f"#{item.id}" if place.project.tracker else item.id


def _already(place: Place, key: str, item: WorkItem) -> str:
    return f"{key}: already {_name(place, item)}, which is {item.status}"


def _linked(root: Path, lessons: list[Lesson], links: Links, now: datetime) -> dict[str, bytes]:
    """The files in which incidents and feedback name the items that came of them."""
    files = {}
    data = inbox.found(root)
    named = _covered(lessons, links, "feedback", "item")
    if named and data is not None:
        files[inbox.FILE] = inbox_text.changed(data, named, now.date())
    data = incidents_file.found(root)
    named = _covered(lessons, links, "incident", "follow_up")
    if named and data is not None:
        there = {one.id for one in incidents_file.read(data, now).incidents}
        named = {name: values for name, values in named.items() if name in there}
        files |= {incidents_file.FILE: incidents_file.changed(data, named, now)} if named else {}
    return files


def _covered(
    lessons: list[Lesson], links: Links, kind: str, field: str
) -> dict[str, dict[str, str]]:
    """The field that names the item, by the ids of what the lessons of a kind are about."""
    return {
        name: {field: links[one.key]} for one in lessons if one.kind == kind for name in one.covers
    }
