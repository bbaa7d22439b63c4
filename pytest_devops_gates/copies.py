"""A copy of the checkout in which anything may be done."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from pytest_devops_gates import git
from pytest_devops_gates.project import Project


def copy_tree(project: Project, target: Path) -> Path:
    """The checkout's content in a clone of its own; returns the project's root in there."""
    files = project.listing()
    if project.toplevel is None or project.commit is None:
        _copy(project.root, files, target)
        return target
    git.git(project.root, "clone", "--quiet", "--no-checkout", "--template=", "--local",
            str(project.toplevel), str(target))  # fmt: skip
    git.git(target, "reset", "--quiet", project.commit)
    inner = project.root.resolve().relative_to(project.toplevel.resolve())
    everything = git.state(project.toplevel).files if inner.parts else files
    _copy(project.toplevel, everything, target)
    return target / inner


def _copy(root: Path, files: tuple[str, ...], target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    for name in files:
        source, copy = root / name, target / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        if source.is_symlink():
            copy.symlink_to(os.readlink(source))
        else:
            shutil.copy2(source, copy)
    for name in git.submodules(root):
        shutil.copytree(
            root / name, target / name, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".git")
        )
