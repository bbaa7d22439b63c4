"""Whether what was rolled out operates: the gates of the profile ``operate``, asked until all are
fine in one and the same run."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from pytest_devops_gates import disk, foreground
from pytest_devops_gates.config import EnvironmentTable
from pytest_devops_gates.errors import UsageError
from pytest_devops_gates.foreground import Stopped
from pytest_devops_gates.gate import REQUIRED
from pytest_devops_gates.outlook import Prospect
from pytest_devops_gates.process import python_module
from pytest_devops_gates.runs import FOLDER, UNRECORDED
from pytest_devops_gates.stage import Stage
from pytest_devops_gates.verdict import EXIT_PASS, EXIT_USAGE

PROFILE = "operate"

_MARKS = ("GITHUB_ACTIONS", "GITLAB_CI")
"""By which a run knows where to show itself: a dozen of summaries would tell nothing."""


def check_gates(prospects: Iterable[Prospect]) -> None:
    """Raises UsageError where no gate of the profile ``operate`` asks anything here."""
    required = [
        one
        for one in prospects
        if one.gate.stage == Stage.OPERATE and one.settings.level == REQUIRED
    ]
    if not any(one.state in ("on", "unknown") for one in required):
        told = '[tool.devops-gates.gates.health.options] probes, or a command of stage = "operate"'
        raise UsageError(f"--then: no required gate of the stage operate asks anything · {told}")


def trouble(
    root: Path, environment: EnvironmentTable, env: Mapping[str, str], stopped: Stopped
) -> str | None:
    """Wait until all is fine, as often in a row as it has to be; why it was not, in time."""
    _sleep(environment.delay, stopped)
    ends = time.monotonic() + environment.wait
    argv = python_module("pytest_devops_gates", "run", "--devops-gates-profile", PROFILE,
                         "--rootdir", str(root))  # fmt: skip
    env = {UNRECORDED: "1", **{k: v for k, v in env.items() if k not in _MARKS}}
    fine, said = 0, None
    while True:
        before = _newest(root)
        left = max(1.0, ends - time.monotonic())
        ended = foreground.run(argv, env=env, cwd=root, timeout=left, stopped=stopped, alone=True,
                               quiet=True)  # fmt: skip
        if by := stopped():
            return f"stopped by {by}, while the gates of operation were asked"
        is_fine = ended.exit_code == EXIT_PASS and ended.reason is None
        fine = fine + 1 if is_fine else 0
        if fine >= environment.steady:
            return None
        is_cut_off = not is_fine and time.monotonic() >= ends  # it had no time to say anything
        said = (
            (None if is_cut_off and said else _said(_newest(root), before)) or said or ended.reason
        )
        if ended.exit_code == EXIT_USAGE:
            return f"the gates of operation cannot be asked: {said}"
        if time.monotonic() + environment.interval >= ends:
            times = f" {environment.steady} times in a row" if environment.steady > 1 else ""
            wait = f"{environment.wait:g} seconds"
            return f"the gates of operation were not fine{times} within {wait}: {said}"
        _forget(_newest(root), before)
        _sleep(environment.interval, stopped)


class _Said(msgspec.Struct):
    verdict: str
    reason: str


def _newest(root: Path) -> Path:
    return (root / FOLDER / "latest").resolve()


def _said(folder: Path, before: Path) -> str | None:
    """The answer of a run, where it left one."""
    if folder == before:
        return None
    try:
        told = msgspec.json.decode(disk.read_plain(folder / "verdict.json"), type=_Said)
    except (OSError, ValueError):
        return None
    return f"{told.verdict}: {told.reason}"[:500]


def _forget(folder: Path, before: Path) -> None:
    """Remove a run that is asked again: only so many are kept, and the released one is of them."""
    if folder != before and folder.parent.name == "runs":
        shutil.rmtree(folder, ignore_errors=True)


def _sleep(seconds: float, stopped: Stopped) -> None:
    ends = time.monotonic() + seconds
    while time.monotonic() < ends and not stopped():
        time.sleep(min(0.1, seconds))
