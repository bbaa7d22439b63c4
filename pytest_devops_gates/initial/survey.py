"""What a project has, as far as the first files need it."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from pytest_devops_gates import base, git, pythons
from pytest_devops_gates.config import read_pyproject
from pytest_devops_gates.errors import CannotTell, UsageError
from pytest_devops_gates.gates.types import Options, choose
from pytest_devops_gates.measurement import packages
from pytest_devops_gates.precommit import NAME as PRE_COMMIT
from pytest_devops_gates.precommit import find_hook
from pytest_devops_gates.project import Project

GITHUB, GITLAB = "github", "gitlab"
PYTHON = 13
"""The minor of Python 3 that judges, where the project allows it."""
OLDEST = 10
"""The oldest that we run on."""

_PLAIN = re.compile(r"[\w./-]+")
"""Branches that mean themselves in TOML, in YAML and in GitHub's patterns."""
_HOST = re.compile(r"(?:[a-z+]+://)?(?:[^@/]*@)?([^/:@]+)[/:]")


class Survey(msgspec.Struct, frozen=True):
    """What was found.

    ``branch`` is the revision to compare with (``origin/main``), if one is known. ``top`` is
    whether the root is that of the repository as well, where CI and git hooks look for their files.
    ``ci`` is who runs it, and ``told_by`` what says so. ``checker`` is the type checker that is
    configured, ``ruff`` the version that the ruff hook pins, ``python`` the minor of Python 3 to
    judge with.
    """

    root: Path
    pyproject: Mapping[str, Any]
    repository: bool = False
    top: bool = True
    branch: str | None = None
    ci: str | None = None
    told_by: str = ""
    tests: bool = False
    checker: str | None = None
    ruff: str | None = None
    python: int = PYTHON


def survey(root: Path) -> Survey:
    """Look at a project. Raises UsageError for a pyproject.toml that cannot be read, CannotTell
    when git refuses the folder."""
    pyproject = read_pyproject(root)
    for key in ("project", "tool"):
        if not isinstance(pyproject.get(key, {}), dict):
            raise UsageError(f"pyproject.toml: {key}: expected a table")
    state = git.state(root)
    if state.refused:
        raise CannotTell(state.refused)
    project = Project(
        root=root,
        run_dir=root,
        cache=root,
        started=time.time(),
        pyproject=pyproject,
        files=state.files,
        packages=tuple(packages(root, pyproject)),
    )
    checker = choose(project, Options())
    ci, told_by = _ci(root)
    hook = find_hook(project.text(PRE_COMMIT), "ruff-format", "ruff-check", "ruff")
    return Survey(
        root=root,
        pyproject=pyproject,
        repository=state.toplevel is not None,
        top=state.toplevel in (None, root.resolve()),
        branch=_branch(root),
        ci=ci,
        told_by=told_by,
        tests=any(_holds_tests(project, name) for name in state.files),
        checker=checker.name if checker else None,
        ruff=hook.version if hook else None,
        python=_python(project),
    )


def host(remote: str) -> str:
    """The host of a git remote, as a URL or as scp writes it; empty for a folder."""
    found = _HOST.match(remote.lower())
    return found[1] if found else ""


def _branch(root: Path) -> str | None:
    """The default branch; None for a name that files would have to escape."""
    found = base.short(base.default_branch(root) or "")
    return found if found and _PLAIN.fullmatch(found) else None


def _ci(root: Path) -> tuple[str | None, str]:
    """Who runs the CI, and what says so: where it is pushed to counts more than what lies there."""
    name = host(git.setting(root, "remote.origin.url") or "")
    if name in {"github.com", "ssh.github.com"}:
        return GITHUB, f"the remote at {name}"
    if "gitlab" in name:
        return GITLAB, f"the remote at {name}"
    if (root / ".github").is_dir():
        return GITHUB, "the folder .github"
    if (root / ".gitlab-ci.yml").is_file():
        return GITLAB, ".gitlab-ci.yml"
    return None, ""


def _holds_tests(project: Project, name: str) -> bool:
    base_name = name.rpartition("/")[2]
    return base_name.startswith("test") and name.endswith(".py") and project.is_test(name)


def _python(project: Project) -> int:
    try:
        allowed = [minor for minor in pythons.declared(project) or () if minor >= OLDEST]
    except CannotTell:
        allowed = []
    return PYTHON if not allowed or PYTHON in allowed else allowed[-1]
