"""What judges a change: the policy, the baseline, the waivers and the quarantine, all of one
revision."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from pytest_devops_gates import approvals, baseline, config, disk, git, quarantine, waivers
from pytest_devops_gates.baseline import Baseline
from pytest_devops_gates.errors import UsageError
from pytest_devops_gates.verdict import Approval

PYPROJECT = "pyproject.toml"
JUDGING = (baseline.FILE, waivers.FILE, quarantine.FILE)
FILES = (PYPROJECT, *JUDGING, approvals.FILE)


class Charter(msgspec.Struct, frozen=True):
    """``source`` says where it is from; ``waivers`` and ``quarantine`` are the texts of their
    files, None without one, and ``digest`` that of the files beside the policy."""

    source: str
    pyproject: dict[str, Any]
    baseline: Baseline = Baseline()
    waivers: bytes | None = None
    quarantine: bytes | None = None
    approvals: tuple[Approval, ...] = ()
    digest: str = ""


def of_checkout(root: Path) -> Charter:
    """That of the files as they lie there. Raises UsageError for what cannot be read."""
    found: dict[str, bytes] = {}
    for name in FILES[1:]:
        try:
            found[name] = disk.read_plain(root / name)
        except FileNotFoundError:
            continue
        except OSError as error:
            raise UsageError(f"{name} cannot be read: {error.strerror}") from None
    pyproject = config.read_pyproject(root)
    told = "devops-gates" in pyproject.get("tool", {})
    return _charter(PYPROJECT if told else "defaults", pyproject, found, "")


def at(root: Path, revision: str, shown: str) -> Charter:
    """That of a revision, which is called ``shown``. Raises CannotTell when there is no such
    revision, and UsageError for what cannot be read there."""
    found = git.contents(root, revision, FILES)
    where = f" at {shown}"
    data = found.get(PYPROJECT)
    pyproject = config.load_toml(data, PYPROJECT + where) if data else {}
    return _charter(PYPROJECT + where, pyproject, found, where)


def table_of(charter: Charter) -> config.Table:
    """``[tool.devops-gates]`` of a charter. Raises UsageError, which says of which revision."""
    try:
        return config.read_table(charter.pyproject)
    except UsageError as error:
        where = f"{charter.source}: " if " at " in charter.source else ""
        raise UsageError(f"{where}{error}") from None


def _charter(
    source: str, pyproject: dict[str, Any], found: Mapping[str, bytes], where: str
) -> Charter:
    owed = found.get(baseline.FILE)
    return Charter(
        source=source,
        pyproject=pyproject,
        baseline=baseline.read(owed, baseline.FILE + where) if owed is not None else Baseline(),
        waivers=found.get(waivers.FILE),
        quarantine=found.get(quarantine.FILE),
        approvals=approvals.read(found.get(approvals.FILE, b""), approvals.FILE + where),
        digest=_digest(found.get(name) for name in JUDGING),
    )


def _digest(contents: Iterable[bytes | None]) -> str:
    """Of the files beside the policy, whose own digest is that of what it comes to; empty where
    there is none of them."""
    parts = list(contents)
    if not any(part is not None for part in parts):
        return ""
    digests = [hashlib.sha256(part).hexdigest() if part is not None else "-" for part in parts]
    return hashlib.sha256(" ".join(digests).encode()).hexdigest()
