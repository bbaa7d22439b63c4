"""Where the results of a run go, and its end: the verdict is written, its reports are made, and
whoever wants it is told."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest

from pytest_devops_gates import (
    archive,
    builtin,
    disk,
    github,
    redact,
    registry,
    runs,
    screen,
    since,
)
from pytest_devops_gates.ci import GITHUB
from pytest_devops_gates.errors import UsageError, told
from pytest_devops_gates.json_text import dump
from pytest_devops_gates.publish import publish
from pytest_devops_gates.release import evidence
from pytest_devops_gates.release.keys import SigningKey
from pytest_devops_gates.report import Report, Reporter
from pytest_devops_gates.verdict import EXIT_UNKNOWN, UNKNOWN, Verdict


class Place(msgspec.Struct, frozen=True):
    """Where a run's results go: its own folder, the one that was asked for, and which CI's ways.
    ``key`` signs the evidence."""

    run: runs.Run
    folder: Path | None
    ci: str
    key: SigningKey | None = None


def announce(
    folder: Path, run: runs.Run, pending: Verdict, manager: pytest.PytestPluginManager
) -> None:
    """Leave nothing of an older run in the folder that was asked for. Raises UsageError."""
    _check(folder, run)
    try:
        runs.announce(folder, dump(pending) + "\n", _files(_reporters(manager)))
    except OSError as error:
        raise UsageError(f"--devops-gates-report: {folder}: {error.strerror}") from None


def withdraw(folder: Path, manager: pytest.PytestPluginManager) -> None:
    """Leave no older verdict in the folder that was asked for, where no new one can be written."""
    runs.clear(folder, [archive.VERDICT, *_files(_reporters(manager))])


def usable(folder: Path | None, run: runs.Run) -> Path | None:
    """The folder that was asked for, unless it is itself what is wrong."""
    try:
        if folder:
            _check(folder, run)
    except UsageError:
        return None
    return folder


def close(verdict: Verdict, place: Place, manager: pytest.PytestPluginManager) -> Report:
    """Write the verdict and all reports of it. One that cannot be written, here and where it was
    asked for, is not known. Returns what stands."""
    change = since.compare(verdict, runs.earlier(place.run))
    verdict = msgspec.structs.replace(verdict, since=change)
    known = _reporters(manager)
    try:
        report, troubles = _write(verdict, place, known)
    except (OSError, ValueError) as error:
        report, troubles = _rescue(verdict, error, place, known)
    if place.ci == GITHUB:
        told_at = place.folder or place.run.path
        troubles += github.tell(report, told_at, os.environ, screen.say)
    troubles += _observed(report, manager)
    secrets = redact.secrets(os.environ)
    for trouble in troubles:
        screen.warn(redact.in_line(trouble, secrets))
    return report


def _check(folder: Path, run: runs.Run) -> None:
    """Raises UsageError for a folder that cannot take the report; makes it where there is none."""
    home = (run.home or run.path).resolve()
    if home == folder.resolve() or home in folder.resolve().parents:
        raise UsageError(f"--devops-gates-report: {folder} lies inside {home}; name another folder")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"--devops-gates-report: {folder}: {error.strerror}") from None


def _rescue(
    verdict: Verdict, error: Exception, place: Place, known: Sequence[Reporter]
) -> tuple[Report, list[str]]:
    """What is left to do where something could not be written: nothing stays that says more than
    is known now."""
    reason = f"the verdict could not be written: {error}"
    troubles = [reason]
    if verdict.verdict != UNKNOWN:  # else its own reason says more
        verdict = msgspec.structs.replace(
            verdict, verdict=UNKNOWN, reason=reason, exit_status=EXIT_UNKNOWN
        )
    for folder in filter(None, (place.folder, place.run.path)):
        with contextlib.suppress(OSError):
            runs.announce(folder, dump(verdict) + "\n", _files(known))
    report = archive.of(verdict, place.run.path)
    with contextlib.suppress(OSError, ValueError):
        report, more = _write(verdict, msgspec.structs.replace(place, folder=None), known)
        troubles += more
    return report, troubles


def _write(verdict: Verdict, place: Place, known: Sequence[Reporter]) -> tuple[Report, list[str]]:
    run = place.run
    verdict = msgspec.structs.replace(verdict, artefacts=evidence.built(verdict, run.path))
    disk.write(run.path / archive.VERDICT, dump(verdict) + "\n")
    runs.lead_latest(run)
    report = archive.of(verdict, run.path)
    troubles = publish(report, known, run.path, place.ci)
    if verdict.profile == evidence.PROFILE:
        screen.say(f"evidence: {evidence.write(run.path, place.key)}")
    if place.folder:
        runs.hand_over(run, place.folder)
    runs.prune(run)
    return report, troubles


def _reporters(manager: pytest.PytestPluginManager) -> Sequence[Reporter]:
    """All of them; those that ship where a plugin's is broken, which the verdict tells then."""
    try:
        return registry.all_reporters(manager)
    except UsageError:
        return builtin.REPORTERS


def _files(known: Sequence[Reporter]) -> list[str]:
    return [evidence.FILE, *(reporter.file for reporter in known if reporter.file)]


def _observed(report: Report, manager: pytest.PytestPluginManager) -> list[str]:
    """Tell the plugins that asked for it, and say which of them failed."""
    troubles = []
    for implementation in manager.hook.pytest_devops_gates_verdict.get_hookimpls():
        try:
            implementation.function(**dict.fromkeys(implementation.argnames, report))
        except BaseException as error:  # pytest.exit() and sys.exit() too
            troubles.append(
                f"the plugin {implementation.plugin_name} failed to take the verdict: {told(error)}"
            )
    return troubles
