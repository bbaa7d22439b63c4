"""Plants a gate's canary in a copy of the project."""

from __future__ import annotations

from pathlib import Path

from pytest_devops_gates import git
from pytest_devops_gates.errors import UsageError
from pytest_devops_gates.gate import Canary

IDENTITY = ("-c", "user.name=canary", "-c", "user.email=canary@example.invalid")


def plant(canary: Canary, root: Path) -> None:
    """Change the files below ``root``, and its history, as the canary says.

    Raises UsageError for a file outside of ``root``, and CannotTell when git refuses.
    """
    for name, content in canary.files.items():
        path = root / name
        if root.resolve() not in path.resolve().parents:
            raise UsageError(f"the canary {canary.says!r} names {name}, outside the project")
        if content is None:
            path.unlink(missing_ok=True)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    if canary.commit is not None:
        _stage(canary, root)
        options = "--quiet --allow-empty --no-verify --no-gpg-sign --cleanup=verbatim".split()
        git.git(root, *IDENTITY, "commit", *options, "-m", canary.commit)
    if canary.tag is not None:
        tree = git.git(root, "rev-parse", "HEAD^{tree}").decode().strip()
        beside = git.git(root, *IDENTITY, "commit-tree", tree, "-m", "beside the history").decode()
        git.git(root, "tag", "--force", canary.tag, beside.strip())


def _stage(canary: Canary, root: Path) -> None:
    """Put the canary's files into the index, whatever git ignores, for the commit to hold them."""
    for name, content in canary.files.items():
        if content is None:
            git.git(root, "rm", "--quiet", "--cached", "--ignore-unmatch", "--", name)
        else:
            git.git(root, "add", "--force", "--", name)
