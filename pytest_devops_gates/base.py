"""Which revision a change is compared with: asked for, told by the CI, or found in the history."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from pytest_devops_gates import git
from pytest_devops_gates.change import Base
from pytest_devops_gates.errors import CannotTell

TARGETS = {
    "GITHUB_BASE_REF": "GitHub Actions",
    "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "GitLab CI",
    "BITBUCKET_PR_DESTINATION_BRANCH": "Bitbucket Pipelines",
    "SYSTEM_PULLREQUEST_TARGETBRANCH": "Azure Pipelines",
    "CHANGE_TARGET": "Jenkins",
    "BUILDKITE_PULL_REQUEST_BASE_BRANCH": "Buildkite",
}
"""Variables in which a CI names the branch that a pull request is to go to."""

DEFAULT_BRANCH, LAST_RELEASE = "the default branch", "the last release"
"""Who names a base that nobody named."""

_QUEUE = re.compile(r"refs/heads/gh-readonly-queue/(.+)/pr-\d+-[0-9a-f]+")
REMOTE = "origin"
USUAL = ("main", "master", "trunk", "develop")


def target(environment: Mapping[str, str]) -> tuple[str, str] | None:
    """The branch that a pull request is to go to, and who says so; None outside of one.

    GitHub's merge queue names it in the ref that it makes for each group.
    """
    queued = _QUEUE.fullmatch(environment.get("GITHUB_REF", ""))
    if queued:
        return queued[1], f"{TARGETS['GITHUB_BASE_REF']} (GITHUB_REF)"
    for variable, ci in TARGETS.items():
        branch = environment.get(variable, "").removeprefix("refs/heads/")
        if branch:
            return branch, f"{ci} ({variable})"
    return None


def named(root: Path, ref: str, told: str) -> Base:
    """The base that ``ref`` leads to, or the remote's branch of that name.

    Raises CannotTell, with the command that mends it, where there is no such commit, or none that
    HEAD shares with it: in a shallow clone both may be so.
    """
    return _first(root, [ref, f"refs/remotes/{REMOTE}/{ref}"], told)


def of_pull_request(root: Path, environment: Mapping[str, str]) -> Base | None:
    """Where the branch of a pull request left its target; None outside of one. Raises CannotTell.

    The remote's branch is asked first, since a local one of that name may be older; by its full
    name, since a tag may have the short one.
    """
    told = target(environment)
    if told is None:
        return None
    branch, by = told
    return _first(root, [f"refs/remotes/{REMOTE}/{branch}", f"refs/heads/{branch}"], by)


def _first(root: Path, refs: list[str], told: str) -> Base:
    """The base by the first of the refs that there is. Raises CannotTell."""
    ref = next((ref for ref in refs if git.resolve(root, ref)), None)
    if ref is None:
        branch = short(refs[0]).removeprefix(f"{REMOTE}/")
        mend = f"git fetch --unshallow {REMOTE}" if _shallow(root) else f"git fetch {REMOTE}"
        raise CannotTell(
            f"git knows no commit '{short(refs[0])}', the base by {told}: misspelt, or not fetched"
            f" · {mend} +refs/heads/{branch}:refs/remotes/{REMOTE}/{branch}"
        )
    found = git.resolve(root, ref)
    shared = found and git.merge_base_of(root, "HEAD", found)
    if not found or not shared:
        mend = f"git fetch --unshallow {REMOTE}" if _shallow(root) else "name another base"
        raise CannotTell(
            f"git finds no commit that HEAD shares with '{short(ref)}', the base by {told} · {mend}"
        )
    return Base(shared, short(ref), told, tip=found)


def short(ref: str) -> str:
    """A branch as people call it."""
    return ref.removeprefix("refs/remotes/").removeprefix("refs/heads/")


def usual(root: Path, last_release: str | None) -> Base | None:
    """What nobody named: where HEAD left the default branch; on that branch itself the last
    release. None where there is neither.

    Raises CannotTell in a shallow clone that has neither: the whole history may.
    """
    branch = default_branch(root)
    head = git.resolve(root, "HEAD")
    if branch and head:
        shared = git.merge_base_of(root, head, branch)
        if shared and (shared != head or not _is_on(root, short(branch))):
            return Base(shared, short(branch), DEFAULT_BRANCH)
    tag = last_release and git.resolve(root, f"refs/tags/{last_release}")
    if tag and head and (shared := git.merge_base_of(root, head, tag)):
        return Base(shared, str(last_release), LAST_RELEASE)
    if _shallow(root):
        raise CannotTell(
            "there is no base to compare with in a shallow clone"
            f" · git fetch --unshallow --tags {REMOTE} (fetch-depth: 0 in GitHub Actions)"
        )
    return None


def default_branch(root: Path) -> str | None:
    """The full name of the branch that the remote calls its default, or of one with a usual name;
    None without."""
    try:
        led = git.git(root, "symbolic-ref", "--quiet", f"refs/remotes/{REMOTE}/HEAD")
        return led.decode("utf-8", "surrogateescape").strip()
    except CannotTell:
        names = [f"refs/remotes/{REMOTE}/{name}" for name in USUAL]
        names += [f"refs/heads/{name}" for name in USUAL]
        try:
            listed = git.git(root, "for-each-ref", "--format=%(refname)", *names)
        except CannotTell:
            return None
        there = set(listed.decode("utf-8", "replace").split())
        return next((name for name in names if name in there), None)


def _is_on(root: Path, branch: str) -> bool:
    """Whether the checkout is on a branch, or on none."""
    try:
        here = git.git(root, "symbolic-ref", "--quiet", "--short", "HEAD")
    except CannotTell:
        return True
    return here.decode("utf-8", "surrogateescape").strip() == branch.removeprefix(f"{REMOTE}/")


def _shallow(root: Path) -> bool:
    try:
        return git.git(root, "rev-parse", "--is-shallow-repository").strip() == b"true"
    except CannotTell:
        return False
