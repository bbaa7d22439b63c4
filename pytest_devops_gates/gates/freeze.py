"""``freeze``: nothing is released in a freeze, but for what somebody answers for."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta, timezone, tzinfo

import msgspec

from pytest_devops_gates import approvals, descent, freezing
from pytest_devops_gates.approvals import Override
from pytest_devops_gates.errors import CannotTell, UsageError
from pytest_devops_gates.evidence import Evidence, Finding, Receipt, Rule, Severity
from pytest_devops_gates.freezing import Frozen, Window
from pytest_devops_gates.gate import OFF, Canary, Gate, Options
from pytest_devops_gates.project import Project
from pytest_devops_gates.stage import Stage

NAME = "freeze"
KEY = "tool.devops-gates.gates.freeze.options"
NO_ZONES = "this computer knows no time zones · python -m pip install tzdata"
OVERRIDE = 'devops-gates release approve --override freeze --reason "…" --expires 1d'


class FreezeOptions(msgspec.Struct, frozen=True, rename="kebab"):
    """``windows`` are times at which nothing is released (see freezing.Window), ``holidays`` whole
    days, both in the local time of ``zone``. Raises UsageError for a zone that there is not."""

    zone: str = "UTC"
    windows: list[Window] = []
    holidays: list[date] = []

    def __post_init__(self) -> None:
        try:
            here = freezing.zone(self.zone)
        except UsageError as error:
            raise UsageError(f"{KEY}.zone: {error}") from None
        for window in self.windows:
            freezing.check_order(window, here or timezone.utc)
        for day in self.holidays:
            if isinstance(day, datetime):
                raise UsageError(f"{KEY}.holidays: {day} is no whole day")


def check(project: Project, options: FreezeOptions, asked: tuple[str, ...]) -> Evidence:
    """Whether the moment at which the run started lies in a freeze that nobody overrides."""
    here = freezing.zone(options.zone)
    if here is None:
        raise CannotTell(NO_ZONES)
    now = datetime.fromtimestamp(project.started, timezone.utc)
    receipt = Receipt(NAME, version=options.zone)
    examined = len(options.windows) + len(options.holidays)
    freeze = freezing.frozen(options.windows, options.holidays, here, now)
    if freeze is None:
        return Evidence(examined=examined, receipt=receipt)
    told = _told(freeze, here, now)
    holding, notes = _override(project, now)
    if holding:
        note = f"{told}; {holding.who} overrides it until {holding.shown_end}: {holding.reason}"
        return Evidence(examined=examined, receipt=receipt, notes=(note, *notes))
    message = f"{told} · wait until then, or let somebody answer for it: {OVERRIDE}"
    if freeze.until is None:
        message = f"{told} · shorten the windows, or let somebody answer for it: {OVERRIDE}"
    found = Finding("frozen", message, Severity.HIGH)
    return Evidence((found,), examined=examined, receipt=receipt, notes=notes)


def _told(freeze: Frozen, here: tzinfo, now: datetime) -> str:
    at = f"{now.astimezone(here):%a %Y-%m-%d %H:%M %Z}"
    if freeze.until is None:
        return f"{freeze.by} freezes releases ({at}), and no end of it is near"
    local = f"{freeze.until.astimezone(here):%a %Y-%m-%d %H:%M %Z}"
    return f"{freeze.by} freezes releases ({at}) until {local} ({freeze.until:%Y-%m-%d %H:%M} UTC)"


def _override(project: Project, now: datetime) -> tuple[Override | None, tuple[str, ...]]:
    """The override that holds, and why others do not."""
    try:
        held = approvals.committed(project)
        found = approvals.overrides(held.data, approvals.FILE)
    except UsageError as error:
        raise CannotTell(f"overrides cannot be read: {error}") from None
    mine = [one for one in found.overrides if one.gate == NAME]
    named = [one.commit for one in mine if one.commit]
    same = descent.same(project, named) if named else descent.Same()
    notes = [*held.notes, *found.problems]
    for one in mine:
        why = one.refusal(now, same.commits)
        if why is None:
            return one, tuple(notes)
        if one.commit and same.unknown:
            raise CannotTell(same.unknown)
        notes.append(f"the override of {one.who} does not count: {why}")
    return None, tuple(notes)


def applies(project: Project, options: Options) -> str | None:
    if options.windows or options.holidays:
        return None
    return "no windows and no holidays are configured"


def canary(project: Project, options: FreezeOptions) -> Canary:
    """Three holidays around now among the project's own, and no override."""
    text = project.text("pyproject.toml") or ""
    today = datetime.fromtimestamp(project.started, timezone.utc).date()
    days = ", ".join(str(today + timedelta(days=n)) for n in (-1, 0, 1))
    spans = {
        "holidays": f"{days}, ",
        "windows": f"{{ from = {today - timedelta(days=1)}, to = {today + timedelta(days=1)} }}, ",
    }
    at = re.search(r"^[^#\n]*\bfreeze\b", text, re.MULTILINE)
    before, after = (text[: at.end()], text[at.end() :]) if at else ("", text)
    for key, planted in spans.items():
        changed = re.sub(rf"(\b{key}\s*=\s*\[)", rf"\g<1>{planted}", after, count=1)
        if changed != after:
            files: dict[str, str | None] = {
                "pyproject.toml": before + changed,
                approvals.FILE: None,
            }
            told = "devops-gates canary" if project.commit else None
            return Canary("a freeze that holds now", files, commit=told)
    raise CannotTell(f"{KEY} was not found in pyproject.toml: no canary can be planted there")


RULES = (
    Rule(
        "frozen",
        "The run started at a time at which nothing is to be released.",
        f"Wait until the freeze ends; where it cannot wait, somebody answers for it: `{OVERRIDE}`.",
    ),
)
FREEZE = Gate(
    name=NAME,
    stage=Stage.DEPLOY,
    options=FreezeOptions,
    function=check,
    applies=applies,
    levels={"commit": OFF, "merge": OFF, "operate": OFF},
    cost=0.3,
    about="Nothing is released in a freeze, but for what somebody answers for.",
    debt=False,
    canary=canary,
    rules=RULES,
)
