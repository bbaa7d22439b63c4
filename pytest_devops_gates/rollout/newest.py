"""Which run is rolled out where nobody names one."""

from __future__ import annotations

from pathlib import Path

import msgspec

from pytest_devops_gates import disk
from pytest_devops_gates.errors import UsageError
from pytest_devops_gates.release.evidence import PROFILE
from pytest_devops_gates.runs import FOLDER


class _Judged(msgspec.Struct):
    profile: str


def released(root: Path) -> Path:
    """The folder of the newest run of the profile ``release``, whatever came of it: ``latest`` may
    be one of operation. Raises UsageError where there is none."""
    home = root / FOLDER / "runs"
    for folder in sorted(home.glob("*"), reverse=True):
        try:
            told = msgspec.json.decode(disk.read_plain(folder / "verdict.json"), type=_Judged)
        except (OSError, ValueError):
            continue
        if told.profile == PROFILE:
            return folder
    mend = f"pytest --devops-gates --devops-gates-profile {PROFILE}"
    raise UsageError(f"there is no run of the profile {PROFILE} in {home.parent} · {mend}")
