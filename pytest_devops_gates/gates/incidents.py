"""``incidents``: whether anything is going wrong in production, as far as anybody knows."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta, timezone

import msgspec

from pytest_devops_gates import deployments
from pytest_devops_gates.board import service
from pytest_devops_gates.errors import CannotTell, UsageError
from pytest_devops_gates.evidence import Evidence, Finding, Receipt, Rule, Severity
from pytest_devops_gates.gate import OFF, REQUIRED, Canary, Gate
from pytest_devops_gates.incident import Incident
from pytest_devops_gates.neutral import visible
from pytest_devops_gates.operations import alertmanager, endpoint, incidents_file, open_incidents
from pytest_devops_gates.operations.alertmanager import SEVERITIES
from pytest_devops_gates.operations.endpoint import Endpoint
from pytest_devops_gates.operations.incidents_file import FILE
from pytest_devops_gates.operations.open_incidents import Seen
from pytest_devops_gates.project import Project
from pytest_devops_gates.stage import Stage

KEY = "tool.devops-gates.gates.incidents.options"
SHOWN = 200
"""Characters of a title that a finding shows."""
OTHER_MENDS = {
    "alertmanager": "mend it, or silence the alert for as long as its fix is rolled out",
    "deployments": "roll it back, or roll out what mends it",
}
"""What ends an incident, by who knows of it; those of the tracker have issues."""

_SEVERITIES = tuple(Severity)
_LABEL = re.compile(r"(?:sev(?:erity)?\s*(?:::|[:/=-])\s*)?(\w+)", re.IGNORECASE)
"""A severity among the labels of an issue: other prefixes tell of something else."""


class IncidentOptions(msgspec.Struct, frozen=True, rename="kebab"):
    """``alertmanager`` is the address of one, ``matchers`` say which of its alerts count, and
    ``token_env`` names the environment variable with a bearer token. ``label`` is that of the
    tracker's issues which are incidents. ``least`` is the least severity that blocks, and
    ``timeout`` in seconds."""

    alertmanager: str | None = None
    matchers: tuple[str, ...] = ()
    token_env: str | None = None
    label: str | None = None
    least: Severity = Severity.MEDIUM
    timeout: float = 10.0

    def __post_init__(self) -> None:
        if self.alertmanager is not None:
            self.endpoint.check(KEY, "alertmanager")
        elif self.matchers:
            raise UsageError(f"{KEY}.matchers: there is no alertmanager that they could be for")
        if not 0 < self.timeout < 3600:
            raise UsageError(f"{KEY}.timeout: {self.timeout} is no number of seconds")

    @property
    def endpoint(self) -> Endpoint:
        return Endpoint(self.alertmanager, token_env=self.token_env)


def check(project: Project, options: IncidentOptions, asked: tuple[str, ...]) -> Evidence:
    """Ask all that know of incidents. Where one of them does not answer, it cannot be told."""
    now = datetime.fromtimestamp(project.started, timezone.utc)
    rolled = deployments.whole(project.root)
    written = _written(project, now)
    told = [*written.incidents, *_alerts(project, options), *_issues(project, options)]
    if _asks_deployments(project):
        at_work = os.environ.get(open_incidents.AT_WORK)
        told += open_incidents.of_deployments(rolled, told, now, at_work)
    found = open_incidents.caused(told, rolled)
    asked_of = _asked(project, options)
    sources = tuple(source for source in asked_of if source != "file")
    try:
        open_incidents.keep(project.run_dir, Seen(found, sources))
    except OSError as error:
        raise CannotTell(f"what was seen cannot be kept: {error.strerror}") from None
    lines = dict(zip((one.id for one in written.incidents), written.lines, strict=True))
    return judge(found, lines, now, options.least, tuple(asked_of.values()))


def judge(
    incidents: Sequence[Incident],
    lines: dict[str, int],
    now: datetime,
    least: Severity,
    sources: Sequence[str],
) -> Evidence:
    """A finding for each that is going on, and for each that ended and of which nothing was learnt.
    ``sources`` are those that were asked. Pure."""
    going_on = [one for one in incidents if not _is_over(one, now)]
    blocking = [one for one in going_on if _SEVERITIES.index(one.severity) <= _at(least)]
    over = [one for one in incidents if _is_over(one, now) and one.source == "file"]
    unlearnt = [one for one in over if not one.follow_up]
    by_severity = Counter(one.severity.value for one in going_on)
    ages = [_age(one, now).total_seconds() for one in going_on]
    return Evidence(
        findings=(
            *(_going_on(one, lines, now) for one in going_on),
            *(_unlearnt(one, lines) for one in unlearnt),
        ),
        metrics={
            "open": float(len(blocking)),
            **{f"open.{each.value}": float(by_severity[each.value]) for each in Severity},
            "oldest": max(ages, default=0.0),
            "without-follow-up": float(len(unlearnt)),
        },
        examined=len(sources),
        receipt=Receipt("incidents"),
        notes=(f"asked: {', '.join(sources)}",),
    )


def _is_over(one: Incident, now: datetime) -> bool:
    """One that ends tomorrow is not over."""
    ended = open_incidents.moment(one.ended or "")
    return ended is not None and ended <= now


def _going_on(one: Incident, lines: dict[str, int], now: datetime) -> Finding:
    after = f", after the roll-out {one.deployment}" if one.deployment else ""
    place = f" in {visible(one.environment)}" if one.environment else ""
    told = f"{visible(one.id)}: {_short(one.title)} · for {_span(_age(one, now))}{place}{after}"
    mend = OTHER_MENDS.get(one.source, "mend it, and close its issue")
    mend = f"once it is over, give it its 'ended' in {FILE}" if one.id in lines else mend
    return Finding("open-incident", f"{told} · {mend}", one.severity, path=_path(one, lines),
                   line=lines.get(one.id))  # fmt: skip


def _unlearnt(one: Incident, lines: dict[str, int]) -> Finding:
    told = f"{visible(one.id)}: {_short(one.title)} · it is over, and has no follow-up"
    mend = f"devops-gates feedback improve incident:{one.id}"
    return Finding("no-follow-up", f"{told} · {mend}", Severity.LOW, path=_path(one, lines),
                   line=lines.get(one.id))  # fmt: skip


def _path(one: Incident, lines: dict[str, int]) -> str | None:
    return FILE if one.id in lines else None


def _written(project: Project, now: datetime) -> incidents_file.IncidentsFile:
    try:
        return incidents_file.read(incidents_file.found(project.root) or b"", now)
    except UsageError as error:
        raise CannotTell(str(error)) from None


def _alerts(project: Project, options: IncidentOptions) -> tuple[Incident, ...]:
    if options.alertmanager is None:
        return ()
    server = endpoint.resolve(options.endpoint, project.root, os.environ)
    return alertmanager.active(server.url, options.matchers, server.headers, options.timeout)


def _issues(project: Project, options: IncidentOptions) -> Iterable[Incident]:
    if options.label is None:
        return ()
    if project.tracker is None:
        raise CannotTell(f"{KEY}.label needs [tool.devops-gates.tracker]")
    try:
        way = service.reach(project.tracker)
        found = service.issues(way, [options.label], "open")
        if not found and not service.has_label(way, options.label):
            told = f"{way.origin}: there is no label '{visible(options.label)}'"
            raise CannotTell(f"{told} · make it there, or mend {KEY}.label")
    except UsageError as error:
        raise CannotTell(str(error)) from None
    return [
        Incident(
            id=f"issue-{one.id}",
            title=one.title,
            severity=_severity(one.labels),
            started=one.created,
            source=project.tracker.kind,
            url=one.url,
        )
        for one in found
    ]


def _severity(labels: Iterable[str]) -> Severity:
    """By a label such as ``critical`` or ``severity: critical``; high without one."""
    found = filter(None, (_LABEL.fullmatch(label.strip()) for label in labels))
    words = [one[1].lower() for one in found]
    known = [SEVERITIES[word] for word in words if word in SEVERITIES]
    return min(known, key=_at, default=Severity.HIGH)


def _asked(project: Project, options: IncidentOptions) -> dict[str, str]:
    """What is asked, as it is shown, by the ``source`` of the incidents that it knows of."""
    asked = {"file": FILE} if os.path.lexists(project.root / FILE) else {}
    if _asks_deployments(project) and os.path.lexists(project.root / deployments.FILE):
        asked["deployments"] = deployments.FILE
    if options.alertmanager:
        asked["alertmanager"] = "Alertmanager"
    if options.label:
        tracker = project.tracker.kind if project.tracker else "tracker"
        asked[tracker] = f"issues labelled {visible(options.label)}"
    return asked


def _asks_deployments(project: Project) -> bool:
    """Whether a roll-out that failed counts: a release is what mends it."""
    return project.profile == "operate"


def _at(severity: Severity) -> int:
    return _SEVERITIES.index(severity)


def _age(one: Incident, now: datetime) -> timedelta:
    began = open_incidents.moment(one.started) or now
    return max(now - began, timedelta(0))


def _span(age: timedelta) -> str:
    minutes = int(age.total_seconds() // 60)
    if minutes < 120:
        return f"{minutes} minutes" if minutes != 1 else "1 minute"
    return f"{minutes // 60} hours" if minutes < 2880 else f"{minutes // 1440} days"


def _short(title: str) -> str:
    text = visible(" ".join(title.split()))
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"


def applies(project: Project, options: IncidentOptions) -> str | None:
    if _asked(project, options):
        return None
    rest = ", and nothing was rolled out from here" if _asks_deployments(project) else ""
    return f"no {FILE}, no alertmanager, no label of issues{rest}"


def passes(project: Project, options: IncidentOptions) -> tuple[str, ...]:
    tracker = (project.tracker.token_name,) if project.tracker and options.label else ()
    return (open_incidents.AT_WORK, *tracker, *options.endpoint.variables)


def canary(project: Project, options: IncidentOptions) -> Canary:
    """An incident that is going on, after those that are there."""
    text = project.text(FILE) or ""
    began = datetime.fromtimestamp(project.started, timezone.utc) - timedelta(hours=1)
    planted = (
        '\n[[incident]]\nid = "devops-gates-canary"\ntitle = "a canary"\n'
        f'severity = "critical"\nstarted = {began:%Y-%m-%dT%H:%M:%SZ}\n'
    )
    return Canary("an incident that is going on", {FILE: text + planted})


RULES = (
    Rule(
        "open-incident",
        "Something is going wrong in production.",
        "Mend it first, and say so where it is kept: end it in devops-gates/incidents.toml, close"
        " its issue, or see that its alert resolves.",
    ),
    Rule(
        "no-follow-up",
        "An incident is over, and no work item tells what is learnt of it.",
        "`devops-gates feedback improve` makes one of it.",
        "https://sre.google/sre-book/postmortem-culture/",
    ),
)

INCIDENTS = Gate(
    name="incidents",
    stage=Stage.OPERATE,
    options=IncidentOptions,
    function=check,
    applies=applies,
    passes=passes,
    level=OFF,
    levels={"commit": OFF, "merge": OFF, "release": REQUIRED, "operate": REQUIRED},
    conditions={"open": "== 0"},
    metrics=(
        *("open", "oldest", "without-follow-up"),
        *(f"open.{severity.value}" for severity in Severity),
    ),
    again="devops-gates run --devops-gates-profile operate",
    cost=0.5,
    about="Nothing is going wrong in production: no alert, no incident, no roll-out left broken.",
    debt=False,
    canary=canary,
    rules=RULES,
)
