"""``work-items``: what is planned for the release is done."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Annotated

import msgspec

from pytest_devops_gates.board import kept, plan_file, source
from pytest_devops_gates.board.items import DOING, DONE, DROPPED, TODO, Milestone, WorkItem
from pytest_devops_gates.board.plan_file import FILE
from pytest_devops_gates.board.source import Source
from pytest_devops_gates.errors import CannotTell, UsageError
from pytest_devops_gates.evidence import Evidence, Finding, Receipt, Rule, Severity
from pytest_devops_gates.gate import ADVISORY, OFF, Canary, Gate, Options
from pytest_devops_gates.project import Project
from pytest_devops_gates.stage import Stage

CANARY = "devops-gates-canary"
SHOWN = 100
"""Characters of a title that a message shows."""


class WorkItemsOptions(msgspec.Struct, frozen=True, rename="kebab"):
    """``milestone`` is the release's, where it is not the one that is found by itself. A milestone
    that is due within ``due_soon`` days is told of."""

    milestone: str | None = None
    due_soon: Annotated[int, msgspec.Meta(ge=0, le=365)] = 3


def check(project: Project, options: WorkItemsOptions, asked: tuple[str, ...]) -> Evidence:
    """Read the board, and look at what of the release's milestone is not done."""
    found = source.read(project, options.milestone, timedelta(days=options.due_soon))
    name = found.release.milestone.name
    items = found.board.of(name)
    try:
        left = kept.keep(project.run_dir, found.board, name)  # for gates that review
    except OSError as error:
        raise CannotTell(f"the board cannot be left for other gates: {error.strerror}") from None
    told = f"the milestone '{name}' of {found.board.origin}: {found.release.why}"
    dropped = sum(item.status == DROPPED for item in items)
    if dropped == len(items):
        what = f"all {dropped} items of it are dropped" if items else "nothing is planned for it"
        raise CannotTell(f"{told}; {what} · devops-gates plan add TITLE --milestone '{name}'")
    still = [item for item in (*items, *_left_behind(found)) if item.status in (TODO, DOING)]
    unowned = [item for item in still if not item.owner]
    late = list(_late(found, source.day(project), options.due_soon))
    return Evidence(
        findings=(
            *(_open(found, item) for item in still),
            *late,
            *(_unowned(found, item) for item in unowned),
        ),
        metrics={
            "items": len(items),
            "done": sum(item.status == DONE for item in items),
            "open": len(still),
            "dropped": dropped,
            "unowned": len(unowned),
            "overdue": sum(finding.rule == "overdue" for finding in late),
            "due-soon": sum(finding.rule == "due-soon" for finding in late),
        },
        examined=len(items),
        notes=(told,),
        receipt=Receipt(FILE if found.file else found.board.origin, version=name),
        left=left,
    )


def _left_behind(found: Source) -> Iterator[WorkItem]:
    """The items of other milestones that are closed: to close one finishes nothing."""
    name = found.release.milestone.name
    closed = {one.name for one in found.board.milestones if one.closed} - {name}
    return (item for item in found.board.items if item.milestone in closed)


def _open(found: Source, item: WorkItem) -> Finding:
    by = item.owner or "nobody's"
    is_ours = item.milestone == found.release.milestone.name
    where = "" if is_ours else f" of the closed milestone '{item.milestone}'"
    message = (
        f"{item.id} ({item.status}, {by}){where} is not done: {_title(item)} · devops-gates plan"
        f" done {item.id}, or plan move {item.id} MILESTONE"
    )
    return _finding("open-item", message, Severity.MEDIUM, found, item)


def _unowned(found: Source, item: WorkItem) -> Finding:
    message = f"{item.id} is nobody's: {_title(item)} · say in it who does it"
    return _finding("unowned", message, Severity.INFO, found, item)


def _finding(rule: str, message: str, severity: Severity, found: Source, item: WorkItem) -> Finding:
    if found.file is None:
        return Finding(rule, f"{message} ({item.url})" if item.url else message, severity)
    line = found.file.lines[found.board.items.index(item)]
    return Finding(rule, message, severity, path=FILE, line=line)


def _title(item: WorkItem) -> str:
    return item.title if len(item.title) <= SHOWN else item.title[: SHOWN - 1] + "…"


def _late(found: Source, today: date, soon: int) -> Iterator[Finding]:
    """Milestones that are due and have open items: those that are over, and those of a few days."""
    for n, one in enumerate(found.board.milestones):
        still = sum(item.status in (TODO, DOING) for item in found.board.of(one.name))
        if one.closed or not one.due or not still or (one.due - today).days > soon:
            continue
        yield _due(one, (one.due - today).days, still, _lines(found)[n : n + 1])


def _due(one: Milestone, left: int, still: int, line: Sequence[int]) -> Finding:
    items = "1 item is" if still == 1 else f"{still} items are"
    days = "1 day" if abs(left) == 1 else f"{abs(left)} days"
    place = {"path": FILE, "line": line[0]} if line else {}
    if left >= 0:
        when = f"is due in {days}, on {one.due}" if left else f"is due today, {one.due}"
        message = f"the milestone '{one.name}' {when}, and {items} open"
        return msgspec.structs.replace(Finding("due-soon", message, Severity.LOW), **place)
    message = (
        f"the milestone '{one.name}' was due {days} ago, on {one.due}, and {items} open"
        f" · finish or move them, or say a new day: devops-gates plan milestone '{one.name}' --due"
        " DATE"
    )
    return msgspec.structs.replace(Finding("overdue", message, Severity.MEDIUM), **place)


def _lines(found: Source) -> tuple[int, ...]:
    return found.file.milestone_lines if found.file else ()


def applies(project: Project, options: Options) -> str | None:
    return source.nowhere(project)


def passes(project: Project, options: Options) -> tuple[str, ...]:
    """The token of the tracker."""
    return (project.tracker.token_name,) if project.tracker else ()


def canary(project: Project, options: WorkItemsOptions) -> Canary:
    """An open item in the release's milestone of the plan file."""
    from pytest_devops_gates.board import plan_edit

    if project.tracker:
        raise CannotTell("the board is a tracker's: no canary is planted there")
    name = source.read(project, options.milestone).release.milestone.name
    item = WorkItem(CANARY, "The canary of work-items", milestone=name)
    try:
        planted = plan_edit.with_item(plan_file.found(project.root) or b"", item)
    except UsageError as error:
        raise CannotTell(f"no canary can be planted: {error}") from None
    return Canary(f"an open item in the milestone '{name}'", {FILE: planted.decode()})


RULES = (
    Rule(
        "open-item",
        "An item of the release's milestone, or of a closed one, is neither done nor dropped.",
        "Finish it and say so (`devops-gates plan done ID`), put it off (`devops-gates plan move ID"
        " MILESTONE`), or let it be (`devops-gates plan drop ID`).",
    ),
    Rule(
        "overdue",
        "A milestone was due, and items of it are open.",
        "Finish or move them; or say a day that can be met: `devops-gates plan milestone NAME --due"
        " DATE`.",
    ),
    Rule(
        "due-soon",
        "A milestone is due within a few days (option `due-soon`), and items of it are open.",
        "See what of it will be done by then, and move the rest: `devops-gates plan move ID"
        " MILESTONE`.",
    ),
    Rule(
        "unowned",
        "An open item of the release's milestone has no owner.",
        'Say who does it: `owner = "@anna"` in plan.toml, or an assignee in the tracker.',
    ),
)
WORK_ITEMS = Gate(
    name="work-items",
    stage=Stage.PLAN,
    options=WorkItemsOptions,
    function=check,
    applies=applies,
    passes=passes,
    levels={"commit": OFF, "merge": ADVISORY, "operate": OFF},
    conditions={"open": "== 0"},
    warnings={"overdue": "== 0", "due-soon": "== 0"},
    metrics=("items", "done", "open", "dropped", "unowned", "overdue", "due-soon"),
    timeout=120.0,
    again="devops-gates plan",
    cost=0.5,
    about="What is planned for the release is done: the items of its milestone, in plan.toml or in"
    " the issue tracker.",
    debt=False,
    canary=canary,
    rules=RULES,
)
