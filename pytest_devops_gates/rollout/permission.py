"""Whether a roll-out to an environment may begin: the evidence, the approvals, and the freeze."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from pathlib import Path

import msgspec

from pytest_devops_gates import descent
from pytest_devops_gates.config import MANUAL, EnvironmentTable
from pytest_devops_gates.errors import CannotTell, NotApplicable, UsageError
from pytest_devops_gates.evidence import Evidence
from pytest_devops_gates.outlook import Outlook
from pytest_devops_gates.project import Project
from pytest_devops_gates.release import age, bundle, keys, strict
from pytest_devops_gates.release.check import FAILED, OK, Check
from pytest_devops_gates.release.expectations import Expected
from pytest_devops_gates.release.verification import verify
from pytest_devops_gates.verdict import Verdict


class Asked(msgspec.Struct, frozen=True):
    """What is to be rolled out: the files by their digests, of the run in ``folder``. ``key`` and
    ``policy_sha256`` stand in the place of those that the configuration names."""

    name: str
    environment: EnvironmentTable
    folder: Path
    artefacts: Mapping[str, str]
    key: str | None = None
    policy_sha256: str | None = None


class Permission(msgspec.Struct, frozen=True):
    """All that was looked at, the verdict that stands behind it, and who approved."""

    checks: tuple[Check, ...]
    verdict: Verdict | None = None
    approved_by: tuple[str, ...] = ()


def permission(asked: Asked, seen: Outlook) -> Permission:
    """Ask for everything, and tell all that is missing. Raises UsageError for a wrong key."""
    path = f"tool.devops-gates.environments.{asked.name}"
    try:
        found = bundle.read(asked.folder)
        verdict = strict.verdict(found.verdict or b"")
    except (bundle.BadBundle, ValueError) as why:
        return Permission((Check("bundle", FAILED, f"{asked.folder}: {why}"),))
    checks = list(verify(found, _expected(asked, seen, verdict, path), _now()))
    project = msgspec.structs.replace(
        seen.project, run_dir=asked.folder.resolve(), commit=verdict.commit, started=time.time()
    )
    if asked.environment.freeze:
        checks.append(_asked("freeze", seen, project, {}).check)
    approved = _Answer(Check("approval", OK, f"approval: automatic, by {path}"))
    if asked.environment.approval == MANUAL:
        approved = _asked("approval", seen, project, {"environment": asked.name})
    return Permission((*checks, approved.check), verdict, approved.who)


def _now() -> datetime:
    return datetime.now(timezone.utc)


def _expected(asked: Asked, seen: Outlook, verdict: Verdict, path: str) -> Expected:
    """The commit is that of the checkout here, or one after which only approvals came."""
    key = asked.key or asked.environment.key
    try:
        most = age.parse(asked.environment.max_age)
    except ValueError as error:
        raise UsageError(f"{path}.max-age: {error}") from None
    here = seen.project.commit
    same = descent.same(seen.project, [verdict.commit] if verdict.commit else []).commits
    return Expected(
        max_age=most,
        artefacts=asked.artefacts or None,
        commit=verdict.commit if verdict.commit in same else here,
        policy_sha256=asked.policy_sha256 or seen.policy.sha256,
        key=keys.read_public(seen.project.root / key, f"{path}.key") if key else None,
    )


class _Answer(msgspec.Struct, frozen=True):
    check: Check
    who: tuple[str, ...] = ()


def _asked(name: str, seen: Outlook, project: Project, more: Mapping[str, str]) -> _Answer:
    """What a gate says here and now: only its explicit pass lets anything begin."""
    gate = next(gate for gate in seen.plan.gates if gate.name == name)
    assert gate.function is not None
    options = seen.plan.options[name]
    if more:
        options = msgspec.structs.replace(options, automatic=False, **more)
    try:
        if not more and gate.applies and (reason := gate.applies(project, options)):
            raise NotApplicable(reason)
        found = gate.function(project, options, ())
    except NotApplicable as reason:
        return _Answer(Check(name, OK, f"{name}: {reason}"))
    except CannotTell as why:
        return _Answer(Check(name, FAILED, f"{name}: cannot be told: {why}"))
    wrong = next(_wrong(found), None)
    told = wrong or ", ".join(found.notes) or "nothing stands against it"
    check = Check(name, FAILED if wrong else OK, f"{name}: {told}")
    return _Answer(check, () if wrong else found.notes)


def _wrong(found: Evidence) -> Iterator[str]:
    yield from (finding.message for finding in found.findings)
    if found.unknown:
        yield found.unknown
    if not found.examined:
        yield "it examined nothing"
