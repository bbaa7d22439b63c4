"""What a run is asked for, on whichever command line."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import msgspec
import pytest

from pytest_devops_gates import SHARD
from pytest_devops_gates.change import Base
from pytest_devops_gates.git import GitState


class Request(msgspec.Struct, frozen=True):
    """``root`` is the project's, where its runs are kept.

    ``only`` names the gates to run (all if empty), and ``levels`` beats the configuration.
    ``tree`` is judged in place of the root's own files: the staged content, as a git hook sees it;
    ``state`` is what git says of it, and ``scope`` are the files in it to look at. ``message`` is
    the commit message to judge, ``git`` the environment in which git sees the tree, and ``since``
    what a hook compares with. ``rooted``: the root was named on the command line. ``shard`` is the
    name of this job, where several carry out a run between them.
    """

    root: Path
    profile: str | None = None
    stages: tuple[str, ...] = ()
    base: str | None = None
    policy: str | None = None
    report: Path | None = None
    only: tuple[str, ...] = ()
    levels: dict[str, str] = {}
    tree: Path | None = None
    state: GitState | None = None
    scope: tuple[str, ...] | None = None
    message: str | None = None
    git: dict[str, str] = {}
    since: Base | None = None
    rooted: bool = False
    shard: str | None = None

    @property
    def is_hook(self) -> bool:
        """Whether a git hook asks: about the staged content, or about a message."""
        return self.tree is not None or self.message is not None


def of_options(config: pytest.Config, options: argparse.Namespace) -> Request:
    """What was asked for by pytest's options."""
    report = options.devops_gates_report
    return Request(
        root=Path(config.rootpath),
        profile=options.devops_gates_profile,
        stages=tuple(options.devops_gates_stage),
        base=options.devops_gates_base,
        policy=options.devops_gates_policy,
        # from the folder that the user stands in
        report=Path(config.invocation_params.dir, report) if report else None,
        rooted=options.rootdir is not None,
        shard=os.environ.get(SHARD) or None,
    )
