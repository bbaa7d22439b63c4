"""``inbox``: what users and the team said since the last release, and whether they were heard."""

from __future__ import annotations

import os
import re
from collections import Counter
from datetime import date, datetime, timedelta, timezone

import msgspec

from pytest_devops_gates import last_release
from pytest_devops_gates.errors import CannotTell, NotApplicable, UsageError
from pytest_devops_gates.evidence import Evidence, Finding, Receipt, Rule, Severity
from pytest_devops_gates.gate import ADVISORY, OFF, Canary, Gate, Options
from pytest_devops_gates.lessons import inbox
from pytest_devops_gates.lessons.inbox import FILE, KINDS, Feedback, Inbox
from pytest_devops_gates.neutral import visible
from pytest_devops_gates.project import Project
from pytest_devops_gates.stage import Stage

KEY = "tool.devops-gates.gates.inbox.options"
COUNTS = ("items", "new", "open", "urgent", "unanswered", "overdue")
SHOWN = 80
"""Characters of a text that a finding quotes."""

_SPAN = re.compile(r"([1-9][0-9]{0,3})([dw])")


class InboxOptions(msgspec.Struct, frozen=True, rename="kebab"):
    """``answer_within`` is how long an urgent entry may wait for its answer (``"3d"``, ``"1w"``).
    Raises UsageError for what is no such span."""

    answer_within: str = "3d"

    def __post_init__(self) -> None:
        if not _SPAN.fullmatch(self.answer_within):
            told = f'\'{self.answer_within}\' is not of the form "3d" or "1w"'
            raise UsageError(f"{KEY}.answer-within: {told}")

    @property
    def patience(self) -> timedelta:
        weeks = self.answer_within.endswith("w")
        return timedelta(days=int(self.answer_within[:-1]) * (7 if weeks else 1))


def check(project: Project, options: InboxOptions, asked: tuple[str, ...]) -> Evidence:
    """Count the file's entries, and name those that wait for an answer."""
    today = datetime.fromtimestamp(project.started, timezone.utc).date()
    try:
        data = inbox.found(project.root)
        if data is None:
            raise NotApplicable(f"there is no {FILE}")
        file = inbox.read(data, today)
    except UsageError as error:
        raise CannotTell(str(error)) from None
    if not file.entries:
        raise NotApplicable(f"{FILE} holds no feedback so far")
    release = last_release.since_last(project)
    since = date.fromisoformat(release.date) if release else None
    told = f"new since {release.tag} of {release.date}" if release else None
    return judge(file, since, today, options.patience, told)


def judge(
    file: Inbox, since: date | None, today: date, patience: timedelta, released: str | None = None
) -> Evidence:
    """The counts, those by kind and area of what is new since a day (None: all of it is), and a
    finding for each entry that waits for an answer. Pure."""
    new = [one for one in file.entries if since is None or one.created >= since]
    waiting = [
        (one, line)
        for one, line in zip(file.entries, file.lines, strict=True)
        if one.answered is None
    ]
    findings = [_finding(one, line, today, patience) for one, line in waiting]
    metrics = {
        "items": len(file.entries),
        "new": len(new),
        "open": sum(one.is_open for one in file.entries),
        "urgent": sum(one.urgent for one, _ in waiting),
        "unanswered": len(waiting),
        "overdue": sum(found.rule == "urgent-unanswered" for found in findings),
        **dict.fromkeys((f"kind:{kind}" for kind in KINDS), 0),
        **Counter(f"kind:{one.kind}" for one in new),
        **Counter(f"area:{visible(one.area)}" for one in new if one.area),
    }
    return Evidence(
        findings=tuple(findings),
        metrics={name: float(count) for name, count in metrics.items()},
        examined=len(file.entries),
        receipt=Receipt("inbox"),
        notes=(released or "no release is known: all entries count as new",),
    )


def _finding(one: Feedback, line: int, today: date, patience: timedelta) -> Finding:
    text = visible(" ".join(one.text.split()))
    text = text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"
    days = max(0, (today - one.created).days)
    told = f"{one.id} ({one.kind}{f' in {visible(one.area)}' if one.area else ''}): {text}"
    mend = f'devops-gates feedback answer {one.id} "…"'
    if one.urgent and today - one.created > patience:
        wait = f"urgent, and without an answer for {days} days"
        return Finding(
            "urgent-unanswered", f"{told} · {wait} · {mend}", Severity.MEDIUM, path=FILE, line=line
        )
    wait = f"without an answer for {days} {'day' if days == 1 else 'days'}"
    return Finding("unanswered", f"{told} · {wait} · {mend}", Severity.INFO, path=FILE, line=line)


def applies(project: Project, options: Options) -> str | None:
    return None if os.path.lexists(project.root / FILE) else f"there is no {FILE}"


def canary(project: Project, options: InboxOptions) -> Canary:
    """An urgent entry of long ago, which nobody answered, after those that are there."""
    today = datetime.fromtimestamp(project.started, timezone.utc).date()
    created = today - options.patience - timedelta(days=30)
    planted = (
        f'\n[[{inbox.TABLE}]]\nid = "devops-gates-canary"\ncreated = {created}\nkind = "pain"\n'
        'text = "nobody answers"\nurgent = true\n'
    )
    says = "an urgent entry that nobody answered"
    return Canary(says, {FILE: (project.text(FILE) or "") + planted})


_ANSWER = "Answer it: `devops-gates feedback answer ID TEXT`; `--item W-3` names what came of it."
RULES = (
    Rule("urgent-unanswered", "Somebody said something urgent, and waits for an answer.", _ANSWER),
    Rule("unanswered", "Somebody said something, and there is no answer yet.", _ANSWER),
)
INBOX = Gate(
    name="inbox",
    stage=Stage.FEEDBACK,
    options=InboxOptions,
    function=check,
    applies=applies,
    level=ADVISORY,
    levels={"commit": OFF, "operate": OFF},
    conditions={"overdue": "== 0"},
    metrics=(*COUNTS, "kind:", "area:"),
    again="devops-gates feedback",
    cost=0.3,
    about="What users and the team said is counted, and what is urgent gets its answer in time.",
    debt=False,
    canary=canary,
    rules=RULES,
)
