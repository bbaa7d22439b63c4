"""``devops-gates hook [FILES]``: for git hooks, by the profile ``commit``, on what is staged.

It is started by git itself, by pre-commit or by prek; these tell what they push in the variables
PRE_COMMIT_FROM_REF and PRE_COMMIT_TO_REF, git on the standard input of its pre-push hook.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from pytest_devops_gates import git, staged
from pytest_devops_gates.cli.door import takes_rootdir, through_pytest
from pytest_devops_gates.errors import CannotTell, UsageError
from pytest_devops_gates.gate import REQUIRED
from pytest_devops_gates.request import Request
from pytest_devops_gates.runs import FOLDER
from pytest_devops_gates.screen import say
from pytest_devops_gates.supervisor import carry_out
from pytest_devops_gates.verdict import EXIT_PASS

KINDS = ("pre-commit", "commit-msg", "pre-push")


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("hook", help="judge what is staged, as a git hook")
    parser.add_argument(
        "files", metavar="FILES", nargs="*", help="look at these only (commit-msg: the message)"
    )
    parser.add_argument("--kind", choices=KINDS, default="pre-commit", help="which git hook it is")
    takes_rootdir(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    def errand(config: pytest.Config, options: argparse.Namespace) -> int:
        root = Path(config.rootpath)
        if arguments.kind == "commit-msg":
            return carry_out(config, options, _message(root, arguments.files))
        change = _change(root, arguments.kind)
        if change is None:
            say("devops-gates: nothing is pushed that there is to judge")
            return EXIT_PASS
        toplevel, inner = _places(root)
        with staged.laid_out(root, change.tree, _home(root)) as tree:
            asked = _asked(root, toplevel, inner, tree, change, arguments.files)
            return carry_out(config, options, asked)

    return through_pytest(errand, arguments)


def _asked(
    root: Path, toplevel: Path, inner: str, tree: Path, change: staged.Change, named: Sequence[str]
) -> Request:
    everything = staged.names(root, change.tree)
    brought = _within(inner, change.files)
    if named:
        wanted = {_relative(name, root) for name in named}
        missing = sorted(wanted - set(_within(inner, everything)))
        if missing:
            raise UsageError(f"hook: {missing[0]} is not staged · git add {missing[0]}")
        brought = [name for name in _within(inner, everything) if name in wanted]
    return Request(
        root=root,
        profile="commit",
        tree=tree / inner,
        state=git.GitState(
            toplevel=toplevel,
            commit=git.resolve(root, "HEAD"),
            dirty=True,
            files=tuple(_within(inner, everything)),
        ),
        scope=tuple(brought),
    )


def _change(root: Path, kind: str) -> staged.Change | None:
    """What the hook is asked about; None for a push that only deletes."""
    before, after = (os.environ.get(f"PRE_COMMIT_{end}_REF") for end in ("FROM", "TO"))
    if before and after:
        return staged.of_commits(root, before, after)
    if kind == "pre-push":
        return _pushed(root, "" if sys.stdin.isatty() else sys.stdin.read())
    index = os.environ.get("GIT_INDEX_FILE")
    if index is None:
        found = git.git(root, "rev-parse", "--path-format=absolute", "--git-path", "index")
        return staged.of_index(root, Path(os.fsdecode(found.rstrip(b"\n"))))
    return staged.of_index(root, Path.cwd() / index)


def _pushed(root: Path, told: str) -> staged.Change | None:
    """What git tells its pre-push hook, one line a ref. Source: githooks(5).

    Where nothing is told (pre-commit, when a repository is pushed for the first time), the branch
    that is pushed is judged from where it left what the remotes have.
    """
    if not told.strip():
        branch = os.environ.get("PRE_COMMIT_LOCAL_BRANCH", "HEAD")
        return staged.of_commits(root, _forked_at(root, branch), branch)
    pushes = [line.split() for line in told.splitlines() if len(line.split()) == 4]
    pushes = [push for push in pushes if push[1] != staged.NOTHING]
    if not pushes:
        return None
    if len(pushes) != 1:
        raise CannotTell(
            f"{len(pushes)} refs are pushed, where one can be judged · git push them one by one"
        )
    _, commit, _, there = pushes[0]
    known = there != staged.NOTHING and git.resolve(root, there)
    return staged.of_commits(root, there if known else _forked_at(root, commit), commit)


def _forked_at(root: Path, commit: str) -> str:
    """Where a new branch left what the remotes have; the history's beginning if nowhere."""
    own = git.git(root, "rev-list", "--topo-order", "--reverse", commit, "--not", "--remotes")
    first = own.decode().split("\n", 1)[0]
    if not first:
        return commit
    return git.resolve(root, f"{first}^") or staged.NOTHING


def _message(root: Path, files: Sequence[str]) -> Request:
    if len(files) != 1:
        raise UsageError("hook: --kind commit-msg takes the file with the message, and only that")
    try:
        message = Path(files[0]).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"hook: {files[0]} cannot be read: {error}") from None
    return Request(
        root=root,
        profile="commit",
        only=("commits",),
        levels={"commits": REQUIRED},
        message=message,
        scope=(),
    )


def _places(root: Path) -> tuple[Path, str]:
    """The repository's top, and the project's root from there (``""`` if they are the same)."""
    top = Path(os.fsdecode(git.git(root, "rev-parse", "--show-toplevel").rstrip(b"\n")))
    inner = os.path.relpath(root.resolve(), top.resolve()).replace(os.sep, "/")
    return top, "" if inner == "." else inner


def _home(root: Path) -> Path:
    return root / FOLDER / "cache" / "staged"


def _within(inner: str, names: Sequence[str]) -> list[str]:
    """Of names from the repository's top, those in the project, from its root."""
    prefix = inner + "/" if inner else ""
    return [name[len(prefix) :] for name in names if name.startswith(prefix)]


def _relative(name: str, root: Path) -> str:
    return os.path.relpath(os.path.abspath(name), root).replace(os.sep, "/")
