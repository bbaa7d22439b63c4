"""The content that a commit would hold, or holds, laid out in a folder of its own.

A git hook judges that, and not the files of the checkout, which may differ from it.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from pytest_devops_gates import git
from pytest_devops_gates.errors import CannotTell

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

FOLDER = "devops-gates-staged"
"""Named so that no project excludes it."""

_PLAIN = (
    "-c", "core.sparseCheckout=false", "-c", "submodule.recurse=false",
    "-c", "core.autocrlf=false",
)  # fmt: skip
"""The bytes that git keeps, whatever the user's platform makes of line ends."""

NOTHING = "0" * 40
"""How git names the commit of a branch that is not there."""


class Change(msgspec.Struct, frozen=True):
    """What a hook is asked about: a tree, the files in it that the change brings, and the commit
    that it is of, or follows."""

    tree: str
    files: tuple[str, ...]
    base: str | None = None
    commit: str | None = None


def of_index(root: Path, index: Path) -> Change:
    """What is staged in an index, against HEAD. Raises CannotTell, while a merge is at work say."""
    with _copied(index) as copy:
        env = {"GIT_INDEX_FILE": str(copy)}
        tree = git.git(root, "write-tree", env=env).decode().strip()
    head = git.resolve(root, "HEAD")
    return Change(tree, _changed(root, head or _empty_tree(root), tree), head, head)


def of_commits(root: Path, base: str, commit: str) -> Change:
    """What ``commit`` brings since ``base`` (no commit: since the history's beginning)."""
    found = git.resolve(root, commit)
    if found is None:
        raise CannotTell(f"git knows no commit '{commit}'")
    since = None if base in (NOTHING, "") else git.resolve(root, base)
    if since is None and base not in (NOTHING, ""):
        raise CannotTell(f"git knows no commit '{base}' · git fetch --unshallow")
    common = git.merge_base_of(root, since, found) if since else None
    tree = git.git(root, "rev-parse", f"{found}^{{tree}}").decode().strip()
    return Change(tree, _changed(root, common or _empty_tree(root), tree), common, found)


def names(root: Path, tree: str, env: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """All files of a tree, from the repository's top; links and submodules left out."""
    listed = git.git(root, "ls-tree", "-r", "-z", "--full-tree", tree, env=env)
    entries = [entry.partition(b"\t") for entry in listed.split(b"\0") if entry]
    return tuple(os.fsdecode(name) for kind, _, name in entries if kind.startswith(b"100"))


class Layout(msgspec.Struct, frozen=True):
    """Where a tree is laid out, and the environment in which git sees just that."""

    folder: Path
    git: dict[str, str]


@contextlib.contextmanager
def laid_out(root: Path, tree: str) -> Iterator[Layout]:
    """The tree's files, of which only what differs from the last time is written.

    They lie outside of the checkout, so that no settings in there are found from them, and are this
    process's alone while the block runs. Raises CannotTell when git refuses.
    """
    home = _home(root)
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (home / "lock").open("w") as lock:
        if fcntl:
            fcntl.flock(lock, fcntl.LOCK_EX)
        git_dir = git.git(root, "rev-parse", "--absolute-git-dir")
        layout = Layout(
            home / FOLDER,
            {
                "GIT_DIR": os.fsdecode(git_dir.rstrip(b"\n")),
                "GIT_WORK_TREE": str(home / FOLDER),
                "GIT_INDEX_FILE": str(home / "index"),
            },
        )
        try:
            _lay_out(tree, layout)
        except CannotTell:  # what an earlier hook left behind when it was killed
            shutil.rmtree(layout.folder, ignore_errors=True)
            for leftover in home.glob("index*"):
                leftover.unlink()
            _lay_out(tree, layout)
        yield layout


@contextlib.contextmanager
def laid_out_once(root: Path, tree: str, env: Mapping[str, str]) -> Iterator[Layout]:
    """The tree's files in a folder that is new and this process's own, and goes with the block.

    It too lies outside of the checkout. ``env`` is the environment in which git sees the
    repository. Raises CannotTell when git refuses.
    """
    with tempfile.TemporaryDirectory(prefix="devops-gates-") as folder:
        git_dir = git.git(root, "rev-parse", "--absolute-git-dir", env=env)
        layout = Layout(
            Path(folder, FOLDER),
            {
                "GIT_DIR": os.fsdecode(git_dir.rstrip(b"\n")),
                "GIT_WORK_TREE": str(Path(folder, FOLDER)),
                "GIT_INDEX_FILE": str(Path(folder, "index")),
            },
        )
        layout.folder.mkdir()
        git.git(layout.folder, *_PLAIN, "read-tree", "--reset", "-u", tree, env=layout.git)
        yield layout


def _home(root: Path) -> Path:
    """A folder of the user's cache for this repository."""
    top = os.path.realpath(os.fsdecode(git.git(root, "rev-parse", "--show-toplevel").rstrip(b"\n")))
    key = hashlib.blake2b(os.fsencode(top), digest_size=8).hexdigest()
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    base = Path(cache) if os.path.isabs(cache) else Path(tempfile.gettempdir())
    try:
        base.mkdir(parents=True, exist_ok=True)
        writable = os.access(base, os.W_OK)
    except OSError:
        writable = False
    if not writable:  # no home to speak of
        base = Path(tempfile.gettempdir()) / f"devops-gates-of-{os.getuid()}"
    return base / "devops-gates" / "staged" / key


def _lay_out(tree: str, layout: Layout) -> None:
    folder = layout.folder
    folder.mkdir(exist_ok=True)
    git.git(folder, *_PLAIN, "read-tree", "--reset", "-u", tree, env=layout.git)
    # what somebody changed in there meanwhile is written anew, and what was added is removed
    git.git(
        folder, *_PLAIN, "checkout-index", "--all", "--force", "--index", "--quiet",
        env=layout.git,
    )  # fmt: skip
    git.git(folder, *_PLAIN, "clean", "-ffdxq", env=layout.git)


def _changed(root: Path, base: str, tree: str) -> tuple[str, ...]:
    """Files of ``tree`` that ``base`` lacks or has otherwise, from the repository's top."""
    found = git.git(
        root, "diff-tree", "-r", "-z", "--name-only", "--no-renames", "--diff-filter=d",
        "--ignore-submodules=all", base, tree,
    )  # fmt: skip
    return tuple(os.fsdecode(name) for name in found.split(b"\0") if name)


def _empty_tree(root: Path) -> str:
    return git.git(root, "hash-object", "-t", "tree", os.devnull).decode().strip()


@contextlib.contextmanager
def _copied(index: Path) -> Iterator[Path]:
    """A copy of an index, so that the one that git holds at this moment is not touched."""
    with tempfile.TemporaryDirectory(prefix="devops-gates-") as folder:
        copy = Path(folder, "index")
        if index.exists():
            shutil.copyfile(index, copy)
        yield copy
