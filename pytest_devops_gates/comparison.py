"""What a run compares with, and by which policy, baseline and waivers it judges."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from pytest_devops_gates import base, charter, diff, git, last_release
from pytest_devops_gates.arguments import SETTINGS
from pytest_devops_gates.change import Base
from pytest_devops_gates.charter import Charter
from pytest_devops_gates.errors import CannotTell, UsageError
from pytest_devops_gates.project import Project
from pytest_devops_gates.request import Request
from pytest_devops_gates.runs import FOLDER


class Comparison(msgspec.Struct, frozen=True):
    """``judging`` is the charter that judges, ``own`` that of the files as they lie there.

    ``base`` is what somebody named; ``error`` says why it could not be had. In a pull request
    ``unfit`` says why nothing that judges can be trusted: it is the change's own.
    """

    judging: Charter
    own: Charter
    base: Base | None = None
    error: str | None = None
    unfit: str | None = None


def compare(request: Request, environment: Mapping[str, str]) -> Comparison:
    """Settle both. In a pull request the policy is that of the base, which the change cannot
    weaken. Raises UsageError for a policy that cannot be read."""
    root = request.root
    own = charter.of_checkout(request.tree or root)
    if request.is_hook:  # which knows what it compares with
        return Comparison(_judging(request, None, own), own, request.since)
    try:
        pull_request, error = base.of_pull_request(root, environment), None
    except CannotTell as why:
        pull_request, error = None, str(why)
    if pull_request and not request.rooted:
        _check_root(root, pull_request)
    judging = _judging(request, pull_request, own)
    if error and request.policy is None:
        unfit = f"the policy that judges a pull request is that of its target: {error}"
        return Comparison(judging, own, None, error, unfit)
    named = request.base or charter.table_of(judging).base
    if named is None:
        return Comparison(judging, own, pull_request, error)
    told = "--devops-gates-base" if request.base else f"'base' in {judging.source}"
    try:
        return Comparison(judging, own, base.named(root, named, told))
    except CannotTell as why:
        in_git = git.resolve(root, "HEAD") is not None
        return Comparison(judging, own, None, str(why) if in_git else None)


def _check_root(root: Path, pull_request: Base) -> None:
    """Raises UsageError where a change made a project of a folder inside of another one: pytest
    may take that for its root, and nothing else would be judged."""
    if (root / ".git").exists() or git.contents(root, pull_request.tip, SETTINGS):
        return
    for above in root.parents:
        if git.contents(above, pull_request.tip, SETTINGS):
            raise UsageError(
                f"{root} is no project at {pull_request.ref}, and {above} is one"
                f" · --rootdir={above}, or --rootdir={root} if this one is meant"
            )
        if (above / ".git").exists():
            return


def _judging(request: Request, pull_request: Base | None, own: Charter) -> Charter:
    if request.policy is not None:
        try:
            return charter.at(request.root, request.policy, request.policy)
        except CannotTell as why:
            raise UsageError(f"--devops-gates-policy: {why}") from None
    if pull_request is not None:
        shown = f"{pull_request.ref} ({pull_request.tip[:10]})"
        return charter.at(request.root, pull_request.tip, shown)
    return own


def with_files(project: Project, state: git.GitState) -> Project:
    """The project with what git says of its files.

    A cache that was committed is somebody's word, and not used: this run gets one of its own.
    """
    committed = any(name.startswith(f"{FOLDER}/") for name in state.files)
    return msgspec.structs.replace(
        project,
        cache=project.run_dir / "cache" if committed else project.cache,
        files=state.files,
        listing_error=state.refused,
        toplevel=state.toplevel,
        commit=state.commit,
        dirty=state.dirty,
    )


def with_state(
    project: Project, state: git.GitState, known: Comparison, *, is_hook: bool
) -> Project:
    """The project with what git says of its files, and of what changed in them."""
    project = msgspec.structs.replace(with_files(project, state), base_error=known.error)
    if state.commit is None or state.toplevel is None or known.error:
        return project
    try:
        since = known.base
        if since is None and not is_hook:
            since = base.usual(project.root, last_release.last_tag(project))
        if since is None:
            return project
        change = diff.change_since(project.root, since, project.git, untracked=not is_hook)
    except CannotTell as why:
        return msgspec.structs.replace(project, base_error=str(why))
    return msgspec.structs.replace(project, base=since.commit, change=change)
