"""``devops-gates feedback import``: what a form, a spreadsheet or the tracker gathered."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from datetime import date, datetime, timezone
from pathlib import Path

import msgspec
import pytest

from pytest_devops_gates import config, disk
from pytest_devops_gates.board import service
from pytest_devops_gates.cli.door import takes_rootdir, through_pytest
from pytest_devops_gates.errors import UsageError
from pytest_devops_gates.lessons import inbox, inbox_text, issues, sheet, written
from pytest_devops_gates.lessons.inbox import FILE, KINDS, Feedback
from pytest_devops_gates.lessons.sheet import Sheet
from pytest_devops_gates.neutral import neutral
from pytest_devops_gates.screen import say
from pytest_devops_gates.verdict import EXIT_FAIL, EXIT_PASS


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "import", help="take over what a table, or the tracker's issues with a label, hold"
    )
    parser.add_argument(
        "file",
        metavar="FILE.csv",
        nargs="?",
        help="a table whose first line names its columns: text, and any of "
        + ", ".join(name for name in sheet.COLUMNS if name != "text"),
    )
    parser.add_argument("--label", metavar="LABEL", help="the tracker's issues with this label")
    parser.add_argument(
        "--kind", choices=KINDS, default="idea", help="of what tells none (default: %(default)s)"
    )
    parser.add_argument(
        "--source", metavar="NAME", default="", help="what the table is called (default: its name)"
    )
    takes_rootdir(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    def errand(pytest_config: pytest.Config, options: argparse.Namespace) -> int:
        if (arguments.file is None) == (arguments.label is None):
            raise UsageError("feedback import: name either FILE.csv or --label LABEL")
        root, today = Path(pytest_config.rootpath), datetime.now(timezone.utc).date()
        if arguments.label is None:
            folder = Path(pytest_config.invocation_params.dir)
            found = _of_table(folder / arguments.file, arguments, today)
        else:
            found = _of_tracker(root, arguments, today)
        return take_over(root, found, today)

    return through_pytest(errand, arguments)


def take_over(root: Path, found: Sheet, today: date) -> int:
    """Write down what is not there yet, and tell what was done. Returns the exit status."""
    data = inbox.found(root) or b""
    known = inbox.read(data, today)
    fresh = numbered(known, sheet.unknown_to(known.entries, found.entries))
    if fresh:
        written.write(root, {FILE: inbox_text.added(data, fresh, today)})
    for problem in found.problems:
        say(neutral(f"BAD: {problem}"))
    if found.unread:
        say(neutral(f"not read: the columns {', '.join(filter(None, found.unread))}"))
    ids = f" ({fresh[0].id} to {fresh[-1].id})" if len(fresh) > 1 else ""
    ids = f" ({fresh[0].id})" if len(fresh) == 1 else ids
    there = len(found.entries) - len(fresh)
    bad = f", {len(found.problems)} bad" if found.problems else ""
    say(f"{FILE}: {len(fresh)} added{ids}, {there} there already{bad}")
    return EXIT_FAIL if found.problems else EXIT_PASS


def numbered(known: inbox.Inbox, entries: Sequence[Feedback]) -> list[Feedback]:
    """The entries with ids of their own, after those that are known."""
    first = int(known.next_id().removeprefix("F-"))
    return [msgspec.structs.replace(e, id=f"F-{n}") for n, e in enumerate(entries, first)]


def _of_table(path: Path, arguments: argparse.Namespace, today: date) -> Sheet:
    try:
        data = disk.read_plain(path)
    except OSError as error:
        raise UsageError(f"{path.name} cannot be read: {error.strerror}") from None
    kind, source = arguments.kind, arguments.source
    return sheet.read(data, path.name, today, kind=kind, source=source)


def _of_tracker(root: Path, arguments: argparse.Namespace, today: date) -> Sheet:
    table = config.read_table(config.read_pyproject(root)).tracker
    if table is None:
        raise UsageError("feedback import --label: no [tool.devops-gates.tracker] is configured")
    entries, problems = [], []
    for issue in service.issues(table, [arguments.label]):
        entry = issues.entry(issue, kind=arguments.kind)
        if (wrong := inbox.flaw(entry, today)) is not None:
            problems.append(f"issue {issue.id}: {wrong}")
        else:
            entries.append(entry)
    return Sheet(tuple(entries), tuple(problems))
