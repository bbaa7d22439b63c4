"""``release deploy``: a roll-out on a verified pass for these very artefacts, and its roll-back."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path

import msgspec

from pytest_devops_gates import foreground, redact, screen
from pytest_devops_gates.config import EnvironmentTable
from pytest_devops_gates.errors import UsageError
from pytest_devops_gates.foreground import Ended
from pytest_devops_gates.neutral import neutral
from pytest_devops_gates.process import python_module
from pytest_devops_gates.release import evidence
from pytest_devops_gates.release.keys import VARIABLE
from pytest_devops_gates.rollout import deployment
from pytest_devops_gates.rollout.deployment import (
    DEPLOYED,
    FAILED,
    REJECTED,
    STARTED,
    Deployment,
    RollBack,
)
from pytest_devops_gates.rollout.permission import Permission
from pytest_devops_gates.verdict import EXIT_PASS

ARTEFACTS = "{artefacts}"
"""An argument of a roll-out that stands for the files, each an argument of its own."""


class RollOut(msgspec.Struct, frozen=True):
    """What to run for which environment. With ``then`` the gates of operation have to be fine
    after it."""

    root: Path
    name: str
    environment: EnvironmentTable
    argv: Sequence[str]
    files: Sequence[Path]
    then: bool


def carry_out(asked: RollOut, granted: Permission) -> Deployment:
    """Roll out, and undo it where it failed. The files that it gets are copies that were looked at
    once more. Raises UsageError where it cannot be written down, which comes first."""
    with _sealed(asked.files, granted) as files:
        env = _environment(asked, granted, files)
        now = _begin(asked, granted)
        argv = [each for told in asked.argv for each in _filled(told, files)]
        rolled = _run(argv, env, asked)
        reason, outcome = rolled.reason, FAILED if rolled.reason else DEPLOYED
        if outcome == DEPLOYED and asked.then:
            reason = _operates(asked)
            outcome = REJECTED if reason else DEPLOYED
        undone = None if outcome == DEPLOYED else _undo(asked, env)
    ended = msgspec.structs.replace(
        now,
        outcome=outcome,
        ended=_now(),
        exit_code=rolled.exit_code,
        reason=reason,
        roll_back=undone,
    )
    _record(asked.root, ended)
    return ended


def check_files(argv: Sequence[str], files: Mapping[str, str]) -> None:
    """Raises UsageError for an argument that is a file of the kind that is built, and none of those
    that were verified."""
    for told in argv:
        path = Path(told)
        if not (evidence.is_artefact(path.name) and path.is_file()):
            continue
        if evidence.sha256(path) not in files.values():
            raise UsageError(f"{told} is not what the run built · say {ARTEFACTS} in its place")


@contextlib.contextmanager
def _sealed(files: Sequence[Path], granted: Permission) -> Iterator[list[Path]]:
    """Copies of the files in a folder of their own, whatever becomes of theirs meanwhile. Raises
    UsageError for one that changed since it was verified."""
    known = {a.sha256 for a in granted.verdict.artefacts} if granted.verdict else set()
    with tempfile.TemporaryDirectory(prefix="devops-gates-") as folder:
        copies = [Path(shutil.copyfile(file, Path(folder, file.name))) for file in files]
        for copy in copies:
            if evidence.sha256(copy) not in known:
                raise UsageError(f"{copy.name} changed after it was verified")
        yield copies


def _filled(told: str, files: Sequence[Path]) -> list[str]:
    return [str(file) for file in files] if told == ARTEFACTS else [told]


def _environment(asked: RollOut, granted: Permission, files: Sequence[Path]) -> dict[str, str]:
    """What a roll-out needs to know, and all that it had: it may need its secrets."""
    assert granted.verdict
    own = {k: v for k, v in os.environ.items() if k != VARIABLE}
    return {
        **own,
        "DEVOPS_GATES_ENVIRONMENT": asked.name,
        "DEVOPS_GATES_COMMIT": granted.verdict.commit or "",
        "DEVOPS_GATES_VERSION": granted.verdict.project.version or "",
        "DEVOPS_GATES_DIST": str(files[0].parent) if files else "",
    }


def _begin(asked: RollOut, granted: Permission) -> Deployment:
    verdict = granted.verdict
    assert verdict
    values = redact.secrets(os.environ)
    begun = Deployment(
        schema=deployment.SCHEMA,
        id=f"{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}-{secrets.token_hex(3)}",
        environment=asked.name,
        outcome=STARTED,
        started=_now(),
        commit=verdict.commit,
        version=verdict.project.version,
        run_id=verdict.run_id,
        policy=verdict.policy.sha256,
        artefacts=tuple(a for a in verdict.artefacts if a.name in {f.name for f in asked.files}),
        argv=tuple(redact.in_line(each, values) for each in asked.argv),
        approved_by=granted.approved_by,
    )
    _record(asked.root, begun)
    return begun


def _record(root: Path, one: Deployment) -> None:
    try:
        deployment.record(root, one)
    except OSError as error:
        raise UsageError(f"{deployment.FILE} cannot be written: {error.strerror}") from None


def _undo(asked: RollOut, env: Mapping[str, str]) -> RollBack | None:
    argv = asked.environment.roll_back
    if not argv:
        return None
    screen.say(neutral(f"rolling back {asked.name}: {' '.join(argv)}"))
    begun = time.monotonic()
    ended = _run(argv, env, asked)
    return RollBack(tuple(argv), ended.exit_code, round(time.monotonic() - begun, 3))


def _run(argv: Sequence[str], env: Mapping[str, str], asked: RollOut) -> Ended:
    return foreground.run(argv, env=env, cwd=asked.root, timeout=asked.environment.timeout)


def _operates(asked: RollOut) -> str | None:
    """Ask the gates of operation until all are fine in one and the same run; why they are not."""
    ends = time.monotonic() + asked.environment.wait
    argv = python_module("pytest_devops_gates", "run", "--devops-gates-profile", "operate", "-q",
                         "--rootdir", str(asked.root))  # fmt: skip
    env = {k: v for k, v in os.environ.items() if k != VARIABLE}
    while True:
        code = _run(argv, env, asked).exit_code
        if code == EXIT_PASS:
            return None
        left = ends - time.monotonic()
        if left <= 0:
            wait = f"{asked.environment.wait:g} seconds"
            return f"the gates of operation were not fine within {wait} (exit status {code})"
        time.sleep(min(left, asked.environment.interval))


def _now() -> str:
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
