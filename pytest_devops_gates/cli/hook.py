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
from pytest_devops_gates.change import Base
from pytest_devops_gates.cli.door import takes_rootdir, through_pytest
from pytest_devops_gates.errors import CannotTell, UsageError
from pytest_devops_gates.gate import REQUIRED
from pytest_devops_gates.request import Request
from pytest_devops_gates.screen import say
from pytest_devops_gates.supervisor import carry_out
from pytest_devops_gates.verdict import (
    EXIT_FAIL,
    EXIT_INTERNAL,
    EXIT_INTERRUPTED,
    EXIT_PASS,
    EXIT_UNKNOWN,
    EXIT_USAGE,
)

KINDS = ("pre-commit", "commit-msg", "pre-push")
WORST = (EXIT_INTERNAL, EXIT_USAGE, EXIT_INTERRUPTED, EXIT_FAIL, EXIT_UNKNOWN, EXIT_PASS)
"""Of several that are pushed, the worst counts."""


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
        top = _toplevel(Path.cwd())
        # pytest may find settings above the repository, of another project
        root = Path(config.rootpath) if _is_within(Path(config.rootpath), top) else top
        if arguments.kind == "commit-msg":
            asked = _message(root, arguments.files)
            return carry_out(config, options, asked) if asked else EXIT_PASS
        statuses = []
        for change in _changes(root, arguments.kind):
            with staged.laid_out(root, change.tree) as layout:
                asked = _asked(root, top, layout, change, arguments.files)
                statuses.append(carry_out(config, options, asked))
        if not statuses:
            say("devops-gates: nothing is pushed that there is to judge")
        return min(statuses, key=WORST.index, default=EXIT_PASS)

    return through_pytest(errand, arguments)


def _asked(
    root: Path, top: Path, layout: staged.Layout, change: staged.Change, named: Sequence[str]
) -> Request:
    inner = _inner(root, top)
    everything = _within(inner, staged.names(root, change.tree))
    brought = [name for name in _within(inner, change.files) if name in set(everything)]
    if named:
        wanted = {_relative(name, root) for name in named}
        missing = sorted(
            name for name in wanted - set(everything) if not (root / name).is_symlink()
        )
        if missing:
            raise UsageError(f"hook: {missing[0]} is not staged · git add {missing[0]}")
        brought = [name for name in everything if name in wanted]
    return Request(
        root=root,
        profile="commit",
        tree=layout.folder / inner,
        state=git.GitState(
            toplevel=layout.folder,
            commit=change.commit,
            dirty=True,
            files=tuple(everything),
        ),
        scope=tuple(brought),
        git=layout.git,
        since=Base(change.base, change.base, "the git hook") if change.base else None,
    )


def _changes(root: Path, kind: str) -> list[staged.Change]:
    """What the hook is asked about; nothing for a push that only deletes."""
    before, after = (os.environ.get(f"PRE_COMMIT_{end}_REF") for end in ("FROM", "TO"))
    if before and after:
        return [staged.of_commits(root, before, after)]
    if kind == "pre-push":
        return _pushed(root, "" if sys.stdin.isatty() else sys.stdin.read())
    index = os.environ.get("GIT_INDEX_FILE")
    if index is None:
        found = git.git(root, "rev-parse", "--path-format=absolute", "--git-path", "index")
        return [staged.of_index(root, Path(os.fsdecode(found.rstrip(b"\n"))))]
    return [staged.of_index(root, Path.cwd() / index)]


def _pushed(root: Path, told: str) -> list[staged.Change]:
    """What git tells its pre-push hook, one line a ref. Source: githooks(5).

    Where nothing is told, nothing is pushed; but pre-commit tells nothing when a repository is
    pushed for the first time: the branch is judged then, from where it left what the remotes have.
    """
    if not told.strip() and ("PRE_COMMIT" in os.environ or sys.stdin.isatty()):
        branch = os.environ.get("PRE_COMMIT_LOCAL_BRANCH", "HEAD")
        return [staged.of_commits(root, _forked_at(root, branch), branch)]
    found: dict[str, staged.Change] = {}
    for line in filter(None, told.splitlines()):
        push = line.rsplit(" ", 3)  # the local ref may be an expression with blanks in it
        if len(push) != 4:
            raise CannotTell(f"git's word on what is pushed cannot be read: {line[:80]}")
        commit, there = push[1], push[3]
        if commit != staged.NOTHING and commit not in found:
            known = there != staged.NOTHING and git.resolve(root, there)
            since = there if known else _forked_at(root, commit)
            found[commit] = staged.of_commits(root, since, commit)
    return list(found.values())


def _forked_at(root: Path, commit: str) -> str:
    """Where a new branch left what the remotes have; the history's beginning if nowhere."""
    own = git.git(root, "rev-list", "--topo-order", "--reverse", commit, "--not", "--remotes")
    first = own.decode().split("\n", 1)[0]
    if not first:
        return commit
    return git.resolve(root, f"{first}^") or staged.NOTHING


def _message(root: Path, files: Sequence[str]) -> Request | None:
    """The message to judge, as git will keep it; None for that of a merge."""
    if len(files) != 1:
        raise UsageError("hook: --kind commit-msg takes the file with the message, and only that")
    if git.resolve(root, "MERGE_HEAD"):
        return None
    try:
        written = Path(files[0]).read_bytes()
        message = _kept(root, written).decode("utf-8")
    except OSError as error:
        raise UsageError(f"hook: {files[0]} cannot be read: {error}") from None
    except UnicodeDecodeError:
        raise CannotTell("the commit message is not UTF-8, and cannot be judged") from None
    return Request(
        root=root,
        profile="commit",
        only=("commits",),
        levels={"commits": REQUIRED},
        message=message,
        scope=(),
    )


def _kept(root: Path, written: bytes) -> bytes:
    """What git keeps of a message file. Source: git-commit(1), --cleanup; githooks(5) says that
    GIT_EDITOR is ``:`` where no editor was opened, and comments are kept then."""
    asked = git.setting(root, "commit.cleanup") or "default"
    edited = os.environ.get("GIT_EDITOR") != ":"
    if asked == "verbatim":
        return written
    mark = (git.setting(root, "core.commentChar") or "#").encode()
    scissors = mark + b" ------------------------ >8 ------------------------"
    written = written.partition(scissors)[0] if edited else written
    strips = asked == "strip" or (asked == "default" and edited)
    return git.git(root, "stripspace", *(["--strip-comments"] if strips else []), told=written)


def _toplevel(folder: Path) -> Path:
    return Path(os.fsdecode(git.git(folder, "rev-parse", "--show-toplevel").rstrip(b"\n")))


def _is_within(path: Path, folder: Path) -> bool:
    path, folder = path.resolve(), folder.resolve()
    return path == folder or folder in path.parents


def _inner(root: Path, top: Path) -> str:
    """The project's root from the repository's top (``""`` if they are the same)."""
    inner = os.path.relpath(root.resolve(), top.resolve()).replace(os.sep, "/")
    return "" if inner == "." else inner


def _within(inner: str, names: Sequence[str]) -> list[str]:
    """Of names from the repository's top, those in the project, from its root."""
    prefix = inner + "/" if inner else ""
    return [name[len(prefix) :] for name in names if name.startswith(prefix)]


def _relative(name: str, root: Path) -> str:
    return os.path.relpath(os.path.abspath(name), root).replace(os.sep, "/")
