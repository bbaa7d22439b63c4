"""``release deploy``: a roll-out on a verified pass for these very artefacts, and its roll-back."""

from __future__ import annotations

import getpass
import os
import platform
import time
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path

import msgspec

from pytest_devops_gates import deployments, foreground, redact, runs, screen
from pytest_devops_gates.config import EnvironmentTable
from pytest_devops_gates.deployments import (
    DEPLOYED,
    FAILED,
    REJECTED,
    STARTED,
    Deployment,
    RollBack,
)
from pytest_devops_gates.errors import CannotTell, UsageError
from pytest_devops_gates.foreground import Ended, Stopped
from pytest_devops_gates.interrupts import listening
from pytest_devops_gates.neutral import neutral
from pytest_devops_gates.operations import open_incidents
from pytest_devops_gates.rollout import arguments, operation
from pytest_devops_gates.rollout.permission import Permission
from pytest_devops_gates.verdict import Verdict


class RollOut(msgspec.Struct, frozen=True):
    """What to run, in the folder ``cwd``, for which environment of the project in ``root``. With
    ``then`` the gates of operation have to be fine after it. ``env`` is all that it may see."""

    root: Path
    cwd: Path
    name: str
    environment: EnvironmentTable
    argv: Sequence[str]
    files: Sequence[Path]
    then: bool
    env: Mapping[str, str]


def carry_out(asked: RollOut, granted: Permission) -> Deployment:
    """Roll out, and undo it where it failed, or the user stopped it. Raises UsageError where it
    cannot be written down that it begins, which comes first."""
    assert granted.verdict
    with listening() as heard:

        def stopped() -> str | None:
            return heard.name if heard.count else None

        begun = _begin(asked, granted, granted.verdict)
        env = {**asked.env, **_told(asked, begun)}
        rolled = foreground.run(
            arguments.filled(asked.argv, asked.files), env=env, cwd=asked.cwd,
            timeout=asked.environment.timeout, stopped=stopped,
        )  # fmt: skip
        outcome, reason = _outcome(asked, rolled, env, stopped)
        undone = None
        if outcome != DEPLOYED and rolled.exit_code is not None:
            undone = _undo(asked, env)
        return _end(asked, begun, outcome, reason, rolled, undone)


def who() -> str:
    """Who is at it: a user at a machine, as far as the system knows."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError, ImportError):  # a container without the user's name
        user = str(getattr(os, "getuid", lambda: "?")())
    return f"{user}@{platform.node()}"


def unfinished(root: Path, name: str) -> Deployment | None:
    """The last roll-out to an environment, where nobody saw its end. Raises UsageError."""
    try:
        found = [one for one in deployments.whole(root) if one.environment == name]
    except CannotTell as why:
        raise UsageError(str(why)) from None
    return found[-1] if found and found[-1].outcome == STARTED else None


def _told(asked: RollOut, begun: Deployment) -> dict[str, str]:
    """What the commands are told, and the gates of operation, in their environment."""
    return {
        open_incidents.AT_WORK: begun.id,
        "DEVOPS_GATES_ENVIRONMENT": asked.name,
        "DEVOPS_GATES_COMMIT": begun.commit or "",
        "DEVOPS_GATES_VERSION": begun.version or "",
        "DEVOPS_GATES_DIST": str(asked.files[0].parent) if asked.files else "",
    }


def _outcome(
    asked: RollOut, rolled: Ended, env: Mapping[str, str], stopped: Stopped
) -> tuple[str, str | None]:
    """What became of it, and why it is not deployed."""
    if rolled.reason:
        return FAILED, rolled.reason
    if not asked.then:
        return DEPLOYED, None
    screen.say(neutral(f"rolled out to {asked.name}; now the gates of operation are asked"))
    wrong = operation.trouble(asked.root, asked.environment, env, stopped)
    return (REJECTED, wrong) if wrong else (DEPLOYED, None)


def _undo(asked: RollOut, env: Mapping[str, str]) -> RollBack | None:
    """Run the roll-back, which nobody's Ctrl-C stops half way."""
    argv = asked.environment.roll_back
    if not argv:
        return None
    shown = _shown(asked, arguments.masked(argv))
    screen.say(neutral(f"rolling back {asked.name}: {' '.join(shown)}"))
    began = time.monotonic()
    ended = foreground.run(
        arguments.filled(argv, asked.files), env=env, cwd=asked.root,
        timeout=asked.environment.timeout, alone=True,
    )  # fmt: skip
    seconds = round(time.monotonic() - began, 3)
    return RollBack(shown, ended.exit_code, seconds, ended.reason)


def _begin(asked: RollOut, granted: Permission, verdict: Verdict) -> Deployment:
    names = {file.name for file in asked.files}
    begun = Deployment(
        schema=deployments.SCHEMA,
        id=runs.new_id(),
        environment=asked.name,
        outcome=STARTED,
        started=now(),
        by=who(),
        commit=verdict.commit,
        version=verdict.project.version,
        run_id=verdict.run_id,
        policy=verdict.policy.sha256,
        artefacts=tuple(a for a in verdict.artefacts if a.name in names),
        argv=_shown(asked, arguments.masked(asked.argv)),
        approved_by=granted.approved_by,
    )
    try:
        deployments.record(asked.root, begun)
    except OSError as error:
        raise UsageError(f"{deployments.FILE} cannot be written: {error.strerror}") from None
    return begun


def _end(
    asked: RollOut,
    begun: Deployment,
    outcome: str,
    reason: str | None,
    rolled: Ended,
    undone: RollBack | None,
) -> Deployment:
    """Write down how it ended. What is done is told even where that cannot be written."""
    ended = msgspec.structs.replace(
        begun,
        outcome=outcome,
        ended=now(),
        exit_code=rolled.exit_code,
        reason=_shown(asked, [reason])[0] if reason else None,
        roll_back=undone,
    )
    try:
        deployments.record(asked.root, ended)
    except OSError as error:
        told = f"the end of {ended.id} cannot be written to {deployments.FILE}: {error.strerror}"
        screen.warn(f"{told} · write it down by hand: {outcome}")
    return ended


def _shown(asked: RollOut, told: Sequence[str]) -> tuple[str, ...]:
    """Texts without the secrets of the environment."""
    values = redact.secrets(asked.env)
    return tuple(redact.in_line(each, values) for each in told)


def now() -> str:
    """This moment, RFC 3339, in UTC."""
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
