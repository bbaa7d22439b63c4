"""Which board holds for a project, and which of its milestones is the release's."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, timedelta, timezone

import msgspec
from packaging.utils import canonicalize_version
from packaging.version import Version

from pytest_devops_gates.board import plan_file
from pytest_devops_gates.board.items import Board, Milestone
from pytest_devops_gates.board.plan_file import FILE, PlanFile
from pytest_devops_gates.errors import CannotTell, UsageError, did_you_mean
from pytest_devops_gates.project import Project

NOTHING = f"no {FILE} and no [tool.devops-gates.tracker]"


class NoSuch(CannotTell):
    """The milestone that is asked for is none."""


class Release(msgspec.Struct, frozen=True):
    """The milestone of what is released next, and by what it was found."""

    milestone: Milestone
    why: str


class Source(msgspec.Struct, frozen=True):
    """The board, the release's milestone, and the file where the board is one."""

    board: Board
    release: Release
    file: PlanFile | None = None


def nowhere(project: Project) -> str | None:
    """Why there is no board; None where there is one. Cheap."""
    if project.tracker or os.path.lexists(project.root / FILE):
        return None
    return NOTHING


def read(
    project: Project,
    asked: str | None = None,
    soon: timedelta = timedelta(0),
    environment: Mapping[str, str] | None = None,
) -> Source:
    """The board that holds: the tracker's where one is configured, else that of the plan file.

    Of a tracker's the items of the release's milestone are read, those of open ones that are due
    within ``soon`` or before, and the open items of closed ones. ``asked`` names the release's
    milestone. Raises CannotTell where there is no board, it cannot be read, or no milestone is the
    release's.
    """
    today = day(project)
    try:
        if project.tracker:
            return _tracked(project, asked, today + soon, environment)
        data = plan_file.found(project.root)
        if data is None:
            raise CannotTell(NOTHING)
        file = plan_file.read(data)
    except UsageError as error:
        raise CannotTell(str(error)) from None
    chosen = release(file.board.milestones, version(project), asked, file.milestone)
    return Source(file.board, chosen, file)


def day(project: Project) -> date:
    """The day on which the run started, UTC."""
    return datetime.fromtimestamp(project.started, timezone.utc).date()


def version(project: Project) -> str | None:
    """The version that pyproject.toml states; None where it is worked out otherwise."""
    for table in (project.pyproject.get("project"), project.tool("poetry")):
        found = table.get("version") if isinstance(table, dict) else None
        if isinstance(found, str):
            return found
    return None


def release(
    milestones: Sequence[Milestone],
    version: str | None,
    asked: str | None = None,
    worked_for: str | None = None,
) -> Release:
    """The milestone that is the release's: the one that is asked for, or that the plan file is
    worked for, or else the open one that is named like the version, or is due first, or is the only
    one; or last a closed one that is named like the version. Raises CannotTell without any, and
    NoSuch where the one that is asked for is none."""
    known = {one.name: one for one in milestones}
    if asked is not None:
        if asked not in known:
            raise NoSuch(f"there is no milestone '{asked}'{did_you_mean(asked, known)}")
        return Release(known[asked], "the option milestone names it")
    if worked_for is not None and not known[worked_for].closed:
        return Release(known[worked_for], f"{FILE} names it")
    if worked_for is not None:
        raise CannotTell(
            f"{FILE} names the milestone '{worked_for}', which is closed · name another"
        )
    named = _named(milestones, version) if version else []
    still = [one for one in milestones if not one.closed]
    for one in named:
        if not one.closed:
            return Release(one, f"it is open, and named like the version {version}")
    if dated := [one for one in still if one.due]:
        first = min(dated, key=lambda one: one.due or date.max)
        return Release(first, "it is the open one that is due first")
    if len(still) == 1:
        return Release(still[0], "it is the only open one")
    if still:
        names = ", ".join(one.name for one in still[:5])
        raise CannotTell(
            f"{len(still)} milestones are open, and none is due: {names}"
            " · devops-gates plan milestone NAME --due DATE, or the option milestone"
        )
    if named:
        return Release(named[0], f"it is named like the version {version}, and closed")
    raise CannotTell("no milestone is open · devops-gates plan milestone NAME --due DATE")


def _named(milestones: Sequence[Milestone], version: str) -> list[Milestone]:
    """Those that have the name of a version (``1.4``, ``v1.4``, ``1.4.0``), and behind them those
    of the one that a development version or a candidate (``1.4rc1``) leads to."""
    names = [canonicalize_version(version)]
    with contextlib.suppress(ValueError):
        names.append(canonicalize_version(Version(version).base_version))
    known = [(canonicalize_version(one.name), one) for one in milestones]
    return [one for name in names for held, one in known if held == name]


def _tracked(
    project: Project, asked: str | None, until: date, environment: Mapping[str, str] | None
) -> Source:
    from pytest_devops_gates.board import service  # speaks HTTP, which takes a while to import

    assert project.tracker is not None
    chosen: list[Release] = []

    def wanted(milestones: tuple[Milestone, ...]) -> Collection[str]:
        chosen.append(release(milestones, version(project), asked))
        due = [m.name for m in milestones if not m.closed and m.due and m.due <= until]
        return dict.fromkeys([chosen[0].milestone.name, *due])

    board = service.board(service.reach(project.tracker, environment), wanted)
    return Source(board, chosen[0])
