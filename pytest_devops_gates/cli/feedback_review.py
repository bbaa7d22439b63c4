"""``devops-gates feedback review``: what deserves work, and why."""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timezone

import pytest

from pytest_devops_gates.cli import feedback_sources
from pytest_devops_gates.cli.door import takes_json, takes_rootdir, through_pytest
from pytest_devops_gates.columns import wrap
from pytest_devops_gates.json_text import dump
from pytest_devops_gates.lessons.lesson import KINDS, Lesson
from pytest_devops_gates.lessons.review import Seen, review
from pytest_devops_gates.neutral import neutral
from pytest_devops_gates.screen import say
from pytest_devops_gates.verdict import EXIT_PASS

NARROWEST = 60


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("review", help="list what deserves work, and why")
    parser.add_argument("--kind", choices=KINDS, help="only lessons of this kind")
    takes_json(parser, "as JSON, with weights", nested=True)
    takes_rootdir(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    def errand(pytest_config: pytest.Config, options: argparse.Namespace) -> int:
        now = datetime.now(timezone.utc)
        seen = feedback_sources.look(feedback_sources.asked(pytest_config, now))
        lessons = [one for one in review(seen, now) if arguments.kind in (None, one.kind)]
        made = made_before(seen)
        if arguments.json:
            rows = [{**lesson_row(one), "item": made.get(one.key)} for one in lessons]
            say(dump({"lessons": rows, "troubles": seen.troubles}).rstrip())
        else:
            columns = max(shutil.get_terminal_size().columns, NARROWEST)
            say("\n".join(render(lessons, seen.troubles, made, columns)))
        return EXIT_PASS

    return through_pytest(errand, arguments)


def made_before(seen: Seen) -> dict[str, str]:
    """The work items that were made of lessons, by the keys of these; dropped ones too."""
    return {item.source: item.id for item in seen.board.items if item.source} if seen.board else {}


def lesson_row(one: Lesson) -> dict[str, object]:
    return {name: getattr(one, name) for name in one.__struct_fields__}


def render(
    lessons: Sequence[Lesson], troubles: Sequence[str], made: Mapping[str, str], columns: int
) -> Iterator[str]:
    """A numbered line each, the heaviest first, and then what could not be looked at."""
    for n, one in enumerate(lessons, 1):
        item = f" → {made[one.key]}" if one.key in made else ""
        line = f"{n}. {one.key}  {one.title}  ({one.evidence}){item}"
        yield from map(neutral, wrap(neutral(line), columns - 1, "    "))
    for trouble in troubles:
        yield neutral(trouble)
    if not lessons:
        yield "nothing else that deserves work" if troubles else "nothing that deserves work"
    elif not all(one.key in made for one in lessons):
        yield "make work items of some: devops-gates feedback improve KEY… (or their numbers)"
