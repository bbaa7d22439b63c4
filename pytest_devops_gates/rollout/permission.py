"""Whether a roll-out to an environment may begin: the evidence, the approvals, the freeze, and what
is going wrong already."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from pathlib import Path

import msgspec

from pytest_devops_gates import approvals, descent, git, policy
from pytest_devops_gates.config import MANUAL, TABLE, EnvironmentTable
from pytest_devops_gates.errors import CannotTell, NotApplicable, UsageError
from pytest_devops_gates.evidence import Evidence, Severity
from pytest_devops_gates.gate import REQUIRED, Gate, Options
from pytest_devops_gates.neutral import visible
from pytest_devops_gates.operations import incidents_file
from pytest_devops_gates.outlook import Outlook
from pytest_devops_gates.project import Project
from pytest_devops_gates.release import age, bundle, keys, strict
from pytest_devops_gates.release.check import FAILED, OK, Check
from pytest_devops_gates.release.expectations import Expected
from pytest_devops_gates.release.keys import PublicKey
from pytest_devops_gates.release.verification import verify
from pytest_devops_gates.verdict import FAIL, UNKNOWN, Verdict

INCIDENTS = "incidents"
BY = "approved by "
"""How the gate ``approval`` begins a note on somebody who did."""


class Asked(msgspec.Struct, frozen=True):
    """What is to be rolled out: files by their digests, as they are called, of the run in
    ``folder``, which nobody else can change. ``key`` and ``policy_sha256`` stand in the place of
    those that the configuration names."""

    name: str
    environment: EnvironmentTable
    folder: Path
    artefacts: Mapping[str, str]
    key: Path | None = None
    policy_sha256: str | None = None

    @property
    def path(self) -> str:
        return f"{TABLE}.environments.{self.name}"


class Permission(msgspec.Struct, frozen=True):
    """All that was looked at, the verdict that stands behind it, and who approved."""

    checks: tuple[Check, ...]
    verdict: Verdict | None = None
    approved_by: tuple[str, ...] = ()


def permission(asked: Asked, seen: Outlook) -> Permission:
    """Ask for everything, and tell all that is missing. Raises UsageError for a wrong key, and
    CannotTell where git does not say which commit this is."""
    try:
        found = bundle.read(asked.folder)
        verdict = strict.verdict(found.verdict or b"")
    except (bundle.BadBundle, ValueError) as why:
        mend = "take the run's folder as it was written"
        return Permission((Check("bundle", FAILED, f"{why} · {mend}"),))
    checks = [*verify(found, _expected(asked, seen, verdict), _now()), *_whole(found, verdict)]
    if seen.project.commit is None:
        told = "commit: there is none here to compare with"
        checks.append(Check("commit", FAILED, f"{told} · deploy from the checkout of git"))
    project = msgspec.structs.replace(seen.project, run_dir=asked.folder, started=time.time())
    manual = asked.environment.approval == MANUAL
    if asked.environment.freeze:
        checks.append(_asked("freeze", seen, project, {}).check)
    checks += _incidents(seen)
    approved = _Answer(Check("approval", OK, f"approval: automatic, by {asked.path}"))
    if manual:
        approved = _asked("approval", seen, project, {"environment": asked.name})
    if manual or asked.environment.freeze:
        checks += _committed(seen.project, "approvals", approvals.FILE)
    return Permission((*checks, approved.check), verdict, approved.who)


def _whole(found: bundle.Bundle, verdict: Verdict) -> Iterator[Check]:
    """All that was built is at hand, since all of it is approved or nothing."""
    missing = [one.name for one in verdict.artefacts if one.name not in found.dist]
    if missing:
        told = f"dist: not all that was built is handed over: {visible(', '.join(missing))[:200]}"
        yield Check("dist", FAILED, f"{told} · take the run's folder with all of its dist")


def _committed(project: Project, what: str, file: str) -> Iterator[Check]:
    """Approvals, overrides and the end of an incident count once others can see them, and ask who
    wrote them."""
    told = git.git(project.root, "status", "--porcelain=v1", "--ignored", "--untracked-files=all",
                   "--", file) if project.commit else b""  # fmt: skip
    if told:
        says = f"{what}: {file} has changes that no commit holds"
        yield Check(what, FAILED, f"{says} · git add {file} && git commit {file}")


def _now() -> datetime:
    return datetime.now(timezone.utc)


def _expected(asked: Asked, seen: Outlook, verdict: Verdict) -> Expected:
    """The commit is that of the checkout here, or one after which nothing but approvals and
    incidents came."""
    try:
        most = age.parse(asked.environment.max_age)
    except ValueError as error:
        raise UsageError(f"{asked.path}.max-age: {error}") from None
    here = seen.project.commit
    same = descent.same(seen.project, [verdict.commit] if verdict.commit else []).commits
    return Expected(
        max_age=most,
        artefacts=asked.artefacts or None,
        commit=verdict.commit if verdict.commit in same else here,
        policy_sha256=asked.policy_sha256 or seen.policy.sha256,
        key=_key(asked, seen.project.root),
    )


def _key(asked: Asked, root: Path) -> PublicKey | None:
    if asked.key:
        return keys.read_public(asked.key, "--key")
    if asked.environment.key is None:
        return None
    return keys.read_public(root / asked.environment.key, f"{asked.path}.key")


class _Answer(msgspec.Struct, frozen=True):
    check: Check
    who: tuple[str, ...] = ()


def _asked(name: str, seen: Outlook, project: Project, more: Mapping[str, str]) -> _Answer:
    """What a gate says here and now: only its explicit pass lets anything begin."""
    gate, options = _gate(name, seen), seen.plan.options[name]
    if more:
        options = msgspec.structs.replace(options, automatic=False, **more)
    found = _told(gate, project, options, is_asked_anyway=bool(more))
    if found.not_applicable:
        return _Answer(Check(name, OK, f"{name}: {found.not_applicable}"))
    wrong = next(_wrong(found), None)
    told = wrong or ", ".join(found.notes) or "nothing stands against it"
    check = Check(name, FAILED if wrong else OK, f"{name}: {told}")
    return _Answer(check, () if wrong else tuple(n.removeprefix(BY) for n in found.notes))


def _incidents(seen: Outlook) -> Iterator[Check]:
    """What is going wrong now, where that would hold the release: the run may be a day old."""
    settings = seen.plan.settings[INCIDENTS]
    if INCIDENTS in seen.plan.reasons or settings.level != REQUIRED:
        return
    project = msgspec.structs.replace(seen.project, started=time.time())
    found = _told(_gate(INCIDENTS, seen), project, seen.plan.options[INCIDENTS])
    ruling = policy.rule(msgspec.structs.replace(settings, again=""), found)
    if ruling.outcome in (FAIL, UNKNOWN):
        worst = min(
            found.findings, key=lambda one: list(Severity).index(one.severity), default=None
        )
        why = f": {worst.message}" if worst and ruling.outcome == FAIL else ""
        yield Check(INCIDENTS, FAILED, f"{ruling.reason}{why}")
        return
    told = found.not_applicable or ", ".join(found.notes)
    milder = sum(finding.rule == "open-incident" for finding in found.findings)
    more = f" · going on, and holding nothing: {milder}" if milder else ""
    unseen = list(_committed(seen.project, INCIDENTS, incidents_file.FILE))
    yield from unseen or [Check(INCIDENTS, OK, f"{INCIDENTS}: {told}{more}")]


def _gate(name: str, seen: Outlook) -> Gate:
    return next(gate for gate in seen.plan.gates if gate.name == name)


def _told(
    gate: Gate, project: Project, options: Options, *, is_asked_anyway: bool = False
) -> Evidence:
    """The evidence of a gate, asked in this process; ``is_asked_anyway`` where it applies for other
    reasons than its own."""
    assert gate.function is not None
    try:
        if not is_asked_anyway and gate.applies and (reason := gate.applies(project, options)):
            raise NotApplicable(reason)
        return gate.function(project, options, ())
    except NotApplicable as reason:
        return Evidence(not_applicable=str(reason))
    except CannotTell as why:
        return Evidence(unknown=f"cannot be told: {why}")


def _wrong(found: Evidence) -> Iterator[str]:
    yield from (finding.message for finding in found.findings)
    if found.unknown:
        yield found.unknown
    if not found.examined:
        yield "it examined nothing"
