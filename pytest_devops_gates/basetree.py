"""The project as it was at the base, laid out in a folder of its own."""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path

import msgspec

from pytest_devops_gates import config, disk, loosening, staged
from pytest_devops_gates.bandit_cache import BY_CONTENT
from pytest_devops_gates.change import Change
from pytest_devops_gates.errors import CannotTell, UsageError
from pytest_devops_gates.measurement import packages
from pytest_devops_gates.project import Project

SETTINGS = frozenset({*loosening.SETTINGS_FILES, ".gitattributes"})


def is_settings(path: str) -> bool:
    """Whether tools are set by a file. On the base's tree those of the change hold, so that what
    differs is the code and nothing else."""
    return path.rpartition("/")[2] in SETTINGS


def lay_out(
    project: Project, change: Change, room: contextlib.ExitStack, *, own_settings: bool = False
) -> Project:
    """The project as it was at the base, with the settings files of the change, or its own ones.

    It lies there until ``room`` is closed. Raises CannotTell when git refuses.
    """
    commit = change.base.commit
    layout = room.enter_context(staged.laid_out_once(project.root, commit, project.git))
    top = project.toplevel or project.root
    inner = Path(os.path.relpath(project.root.resolve(), top.resolve()))
    root = layout.folder / inner
    root.mkdir(parents=True, exist_ok=True)
    prefix = "" if str(inner) == "." else inner.as_posix() + "/"
    names = [n for n in staged.names(project.root, commit, project.git) if n.startswith(prefix)]
    for file in () if own_settings else change.files:
        if is_settings(file.path):
            _bring(project.root / file.path, root / file.path)
    cache = layout.folder.parent / "cache"
    _share(project.cache, cache)
    old = change.base_paths()
    scope = None
    if project.scope is not None:
        there = {name[len(prefix) :] for name in names}
        befores = (old.get(name, name) for name in project.scope)
        scope = tuple(before for before in befores if before in there)
    return msgspec.structs.replace(
        project,
        root=root,
        toplevel=layout.folder,
        run_dir=project.run_dir / "base",
        cache=cache,
        files=tuple(name[len(prefix) :] for name in names if (layout.folder / name).exists()),
        packages=tuple(packages(root, project.pyproject)),
        scope=scope,
        commit=commit,
        dirty=False,
        change=None,
        git=layout.git,
    )


def with_own_pyproject(project: Project) -> Project:
    """A base that was laid out, with the pyproject.toml that lies there. Raises CannotTell when it
    cannot be read."""
    path = project.root / "pyproject.toml"
    try:
        table = config.load_toml(disk.read_plain(path), path.name)
    except FileNotFoundError:
        table = {}
    except UsageError as error:
        raise CannotTell(f"at the base: {error}") from None
    packaged = tuple(packages(project.root, table))
    return msgspec.structs.replace(project, pyproject=table, packages=packaged)


def _share(ours: Path, theirs: Path) -> None:
    """What is kept by content alone holds on the base's tree too, and is read and kept there."""
    with contextlib.suppress(OSError):
        theirs.mkdir(parents=True, exist_ok=True)
        (ours / BY_CONTENT).mkdir(parents=True, exist_ok=True)
        disk.point(theirs / BY_CONTENT, str((ours / BY_CONTENT).resolve()))


def _bring(source: Path, target: Path) -> None:
    """Make a settings file what it is in the change."""
    if source.is_file() and not source.is_symlink():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    else:
        target.unlink(missing_ok=True)
