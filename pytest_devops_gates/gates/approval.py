"""``approval``: so many people consented to this very commit, or to these very artefacts."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta, timezone
from typing import Annotated

import msgspec

from pytest_devops_gates import approvals, descent, disk, last_release
from pytest_devops_gates.approvals import UNCOMMITTED, Entry, Held
from pytest_devops_gates.errors import CannotTell, UsageError
from pytest_devops_gates.evidence import Evidence, Finding, Receipt, Rule, Severity
from pytest_devops_gates.gate import OFF, Canary, Gate, Options
from pytest_devops_gates.project import Project
from pytest_devops_gates.stage import Stage

NAME = "approval"
KEY = "tool.devops-gates.gates.approval.options"
AUTOMATIC = "approved by the configuration alone (automatic = true): nobody is asked"
NOT_BUILT = (
    "an approval names an artefact, and this run has built none so far"
    " · approve the commit, or run the gate package as well"
)
NO_COMMIT = "no commit that could be approved · git commit, or approve an artefact"
SHOWN = 5
"""Approvals of which it is told why they do not count."""

_AGE = re.compile(r"([1-9][0-9]{0,3})([dh])")


class ApprovalOptions(msgspec.Struct, frozen=True, rename="kebab"):
    """``required`` people have to consent. Only those in ``by`` count, where it is set, and with
    ``not_author`` nobody who wrote something since the last release. An approval older than
    ``max_age`` (``"7d"``, ``"12h"``) does not count. With ``environment`` those for that
    environment count as well. ``automatic`` approves by configuration.
    """

    required: Annotated[int, msgspec.Meta(ge=1)] = 1
    by: tuple[str, ...] | None = None
    not_author: bool = True
    automatic: bool = False
    max_age: str | None = None
    environment: str | None = None

    def __post_init__(self) -> None:
        if self.by is not None and len(set(map(_key, self.by))) < self.required:
            raise UsageError(f"{KEY}.by: names fewer people than the {self.required} required")
        if self.by is not None and not all(map(str.strip, self.by)):
            raise UsageError(f"{KEY}.by: an entry names nobody")
        if self.max_age is not None and not _AGE.fullmatch(self.max_age):
            raise UsageError(f'{KEY}.max-age: \'{self.max_age}\' is not of the form "7d" or "12h"')

    @property
    def age(self) -> timedelta | None:
        found = _AGE.fullmatch(self.max_age or "")
        if found is None:
            return None
        count = int(found[1])
        return timedelta(days=count) if found[2] == "d" else timedelta(hours=count)


def check(project: Project, options: ApprovalOptions, asked: tuple[str, ...]) -> Evidence:
    """Count the people whose approvals hold for HEAD, or for every artefact of this run."""
    receipt = Receipt(NAME)
    if options.automatic:
        return Evidence(examined=1, receipt=receipt, notes=(AUTOMATIC,))
    held = _held(project)
    entries = [one for one in _entries(held) if one.is_of_release]
    same = descent.same(project, [one.commit for one in entries if one.commit])
    now = datetime.fromtimestamp(project.started, timezone.utc)
    others: dict[Entry, str] = {}
    counts = []
    for artefact in _targets(project, entries):
        standing = approvals.standing(
            entries,
            commits=same.commits,
            artefacts=[artefact] if artefact else (),
            environment=options.environment,
            now=now,
        )
        others |= dict(standing.others)
        counting, left_out = _allowed(project, options, standing.counting, now)
        others |= left_out
        counts.append(approvals.people(counting))
    fewest = min(counts, key=len)
    metrics = {"approvals": float(len(fewest))}
    if len(fewest) >= options.required:
        notes = tuple(f"approved by {who[0].who}" for who in fewest)
        told = (*notes, *held.notes)
        return Evidence(metrics=metrics, examined=len(entries), receipt=receipt, notes=told)
    if same.unknown:
        raise CannotTell(same.unknown)
    if project.commit is None:
        raise CannotTell(NO_COMMIT)
    _refuse_unbuilt(project, entries)
    message = UNCOMMITTED if UNCOMMITTED in held.notes else None
    message = _wanting(project, options, len(fewest), message)
    found = Finding("not-approved", message, Severity.HIGH)
    notes = tuple(f"the approval of {one.who} does not count: {why}"
                  for one, why in list(others.items())[-SHOWN:])  # fmt: skip
    notes += held.notes
    return Evidence((found,), metrics, max(1, len(entries)), receipt=receipt, notes=notes)


def _wanting(
    project: Project, options: ApprovalOptions, there: int, uncommitted: str | None
) -> str:
    who = f" of {', '.join(options.by)}" if options.by else ""
    changed = descent.altered(project.root) if project.dirty else []
    if changed:
        told = f"changes that no commit holds, of {len(changed)} files ({changed[0][:100]})"
        return f"no approval of a commit holds here beside {told} · git commit, and approve that"
    command = f"devops-gates release approve --commit {project.commit}"
    environment = f" --environment {options.environment}" if options.environment else ""
    held = f"{there} of {options.required} approvals{who} hold for {(project.commit or '')[:12]}"
    if uncommitted:
        return f"{held}; {uncommitted}"
    return f"{held} · {command}{environment}"


def _held(project: Project) -> Held:
    try:
        return approvals.committed(project)
    except UsageError as error:
        raise CannotTell(str(error)) from None


def _entries(held: Held) -> tuple[Entry, ...]:
    try:
        return approvals.entries(held.data, approvals.FILE)
    except UsageError as error:
        raise CannotTell(str(error)) from None


def _targets(project: Project, entries: Iterable[Entry]) -> list[str]:
    """The digests of the artefacts of this run, each of which is to be approved; ``[""]`` where no
    approval names one, or there is none."""
    if not any(one.artefact for one in entries):
        return [""]
    paths = [p for p in sorted((project.run_dir / "dist").glob("*")) if p.is_file()]
    if not _is_built(project):
        return [""]
    return [disk.digest(path)[0] for path in paths] or [""]


def _is_built(project: Project) -> bool:
    """Whether the gate package has left its evidence in this run."""
    return (project.run_dir / "logs" / "package" / "result.json").is_file()


def _refuse_unbuilt(project: Project, entries: Iterable[Entry]) -> None:
    """Where artefacts are approved that may yet be built, nothing is known of them."""
    if any(one.artefact for one in entries) and not _is_built(project):
        raise CannotTell(NOT_BUILT)


def _allowed(
    project: Project, options: ApprovalOptions, entries: Collection[Entry], now: datetime
) -> tuple[list[Entry], dict[Entry, str]]:
    """Those that may approve, and why others may not."""
    wrote = _authors(project) if options.not_author and entries else frozenset()
    allowed: list[Entry] = []
    others: dict[Entry, str] = {}
    for one in entries:
        if options.age and approvals.beginning(one.when) + options.age < now:
            others[one] = f"it is older than {options.max_age}"
        elif options.by is not None and not approvals.is_by(one, options.by):
            others[one] = "only those count whom the option 'by' names"
        elif wrote & set(approvals.identities(one.who)):
            others[one] = "its author wrote or committed something of this release"
        else:
            allowed.append(one)
    return allowed, others


def _authors(project: Project) -> frozenset[str]:
    """Addresses and names of those who wrote what is to be released: since the last release that
    is another one than this, or else ever. A tag of this very release proves nothing of it."""
    if project.commit is None:
        raise CannotTell(f"{NO_COMMIT}; without one nobody knows who the authors are")
    refs = (f"refs/tags/{tag}" for tag in last_release.release_tags(project))
    since = next((ref for ref in refs if not descent.is_unchanged(project, ref)), None)
    told = descent.authors(project, since, project.commit)
    return frozenset(key for line in told for key in _keys(line))


def _keys(line: str) -> tuple[str, ...]:
    return approvals.identities(line)


def _key(who: str) -> str:
    return approvals.identities(who)[0]


def applies(project: Project, options: Options) -> str | None:
    """Asked for by the configuration, or by an approval of a commit or an artefact in the file."""
    if options != ApprovalOptions() or _is_named(project):
        return None
    try:
        told = approvals.entries(approvals.found(project.root), approvals.FILE)
    except UsageError:
        return None
    if any(one.is_of_release and not one.environment for one in told):
        return None
    return f"no approval is asked for: neither by {KEY}, nor by one in {approvals.FILE}"


def _is_named(project: Project) -> bool:
    own = project.tool("devops-gates") or {}
    tables = [own.get("gates", {})]
    tables += [one.get("levels", {}) for one in own.get("profiles", {}).values()]
    return any(NAME in table for table in tables)


def canary(project: Project, options: ApprovalOptions) -> Canary:
    """An approval of a commit that there is not; and nothing that approves by itself."""
    nobody = f'[[approval]]\nwho = "canary"\nwhen = 2026-01-01\ncommit = "{"0" * 40}"\n'
    files: dict[str, str | None] = {approvals.FILE: nobody}
    if options.automatic:
        text = project.text("pyproject.toml") or ""
        files["pyproject.toml"] = re.sub(r"\bautomatic\s*=\s*true\b", "automatic = false", text)
    says = "an approval of another commit"
    return Canary(says, files, commit="devops-gates canary" if project.commit else None)


RULES = (
    Rule(
        "not-approved",
        "Fewer people than required consented to this commit, or to its artefacts.",
        "Whoever may do so runs `devops-gates release approve --commit SHA` and commits"
        f" `{approvals.FILE}`.",
    ),
)
APPROVAL = Gate(
    name=NAME,
    stage=Stage.DEPLOY,
    options=ApprovalOptions,
    function=check,
    applies=applies,
    after=("package",),
    levels={"commit": OFF, "merge": OFF, "operate": OFF},
    metrics=("approvals",),
    again=f"cat {approvals.FILE}",
    cost=0.5,
    about="Those who have to did consent to this very commit, or to its artefacts.",
    debt=False,
    canary=canary,
    rules=RULES,
)
