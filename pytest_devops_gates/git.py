"""The one room that asks git. Every answer is a value; a refusal is told with what mends it."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import msgspec

from pytest_devops_gates.errors import CannotTell
from pytest_devops_gates.process import environment, git_settings

_TIMEOUT = 60.0
_LITTER = {"__pycache__", "node_modules", "build", "dist", "site-packages"}


class GitState(msgspec.Struct, frozen=True):
    """What git says of a folder. ``refused`` is git's own reason and the command that mends it."""

    toplevel: Path | None = None
    commit: str | None = None
    dirty: bool = False
    files: tuple[str, ...] = ()
    refused: str | None = None


def git(
    root: Path,
    *args: str,
    env: Mapping[str, str] | None = None,
    told: bytes = b"",
    timeout: float = _TIMEOUT,
) -> bytes:
    """What ``git ARGS`` prints in ``root``, ``told`` on standard input. Raises CannotTell when it
    fails, or takes longer than ``timeout`` seconds.

    GIT_DIR and its kin (set in git hooks) are not handed down: the folder decides, or ``env``.
    """
    code, out, said = answer(root, *args, env=env, told=told, timeout=timeout)
    if code != 0:
        raise CannotTell(_refusal(_verb(args), said.decode("utf-8", "replace"), root))
    return out


def answer(
    root: Path,
    *args: str,
    env: Mapping[str, str] | None = None,
    told: bytes = b"",
    timeout: float = _TIMEOUT,
) -> tuple[int, bytes, bytes]:
    """As ``git``, for whoever reads a refusal: the exit code, and what was printed on both streams.
    Raises CannotTell when git cannot be started, or takes too long."""
    try:
        done = subprocess.run(
            [_program(), *args],
            cwd=root,
            env=_environment(env),
            input=told,
            capture_output=True,
            timeout=timeout,
            check=False,
            start_new_session=True,
        )
    except subprocess.TimeoutExpired:
        raise CannotTell(f"git {_verb(args)}: no end after {timeout:g} seconds") from None
    except OSError as error:
        raise CannotTell(f"git {_verb(args)}: {error}") from None
    return done.returncode, done.stdout, done.stderr


def lines(
    root: Path,
    *args: str,
    longest: int,
    env: Mapping[str, str] | None = None,
    timeout: float = _TIMEOUT,
) -> Iterator[bytes]:
    """As ``git``, line by line as git prints them, so that memory is bounded; a line of more than
    ``longest`` bytes comes in pieces. Raises CannotTell at the end when git failed."""
    with tempfile.TemporaryFile() as errors:
        try:
            running = subprocess.Popen(
                [_program(), *args],
                cwd=root,
                env=_environment(env),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                start_new_session=True,
            )
        except OSError as error:
            raise CannotTell(f"git {_verb(args)}: {error}") from None
        clock = threading.Timer(timeout, running.kill)
        clock.daemon = True
        clock.start()
        try:
            assert running.stdout is not None
            while line := running.stdout.readline(longest):
                yield line
            code = running.wait()
        finally:
            is_late = not clock.is_alive()
            clock.cancel()
            running.kill()
            running.communicate()
        if code != 0:
            errors.seek(0)
            said = f"no end after {timeout:g} seconds" if is_late else errors.read(10_000)
            text = said if isinstance(said, str) else said.decode("utf-8", "replace")
            raise CannotTell(_refusal(_verb(args), text, root))


def _program() -> str:
    program = shutil.which("git")
    if program is None:
        raise CannotTell("git is not installed")
    return program


def _environment(env: Mapping[str, str] | None) -> dict[str, str]:
    own = {"LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0", "GIT_LFS_SKIP_SMUDGE": "1"}
    return environment({**git_settings(), **own, **(env or {})})


def _verb(args: tuple[str, ...]) -> str:
    return next(arg for arg in args if arg[:1] != "-" and "=" not in arg)


def state(root: Path) -> GitState:
    """Commit, cleanness and files of the checkout that ``root`` lies in; walks without git."""
    if not _in_repository(root) or shutil.which("git") is None:
        return GitState(files=walk(root))
    try:
        toplevel = Path(os.fsdecode(git(root, "rev-parse", "--show-toplevel").rstrip(b"\n")))
        status = git(root, "status", "--porcelain=v1", "-z", "--untracked-files=normal")
        names = git(root, "ls-files", "-z", "-co", "--exclude-standard")
    except CannotTell as refused:
        return GitState(refused=str(refused))
    listed = map(os.fsdecode, names.split(b"\0"))
    return GitState(
        toplevel=toplevel,
        commit=resolve(root, "HEAD"),
        dirty=bool(status),
        # a folder that git ignores as a whole has no files for git, and is a project all the same
        files=tuple(n for n in dict.fromkeys(listed) if n and _exists(root, n)) or walk(root),
    )


def resolve(root: Path, revision: str, env: Mapping[str, str] | None = None) -> str | None:
    """The full hash of the commit that a revision names, or None."""
    asked = f"{revision}^{{commit}}"
    try:
        found = git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", asked, env=env)
    except CannotTell:
        return None
    return found.decode().strip() or None


def merge_base_of(root: Path, one: str, other: str) -> str | None:
    """The last commit that two commits share, or None."""
    try:
        return git(root, "merge-base", one, other).decode().strip() or None
    except CannotTell:
        return None


def contents(
    root: Path, revision: str, names: Iterable[str], env: Mapping[str, str] | None = None
) -> dict[str, bytes]:
    """The bytes of files beside ``root`` at a revision, those that it has, in one question.

    Raises CannotTell when there is no such revision.
    """
    commit = resolve(root, revision, env)
    if commit is None:
        raise CannotTell(f"git knows no commit '{revision}' · git fetch origin, or check its name")
    names = [name for name in names if "\n" not in name]
    asked = "".join(f"{commit}:./{name}\n" for name in names)
    told = git(root, "cat-file", "--batch", told=os.fsencode(asked), env=env)
    found: dict[str, bytes] = {}
    at = 0
    for name in names:
        end = told.index(b"\n", at)
        kind, size = told[at:end].rsplit(b" ", 2)[-2:]
        at = end + 1
        if size.isdigit():
            if kind == b"blob":
                found[name] = told[at : at + int(size)]
            at += int(size) + 1
    return found


def setting(root: Path, name: str) -> str | None:
    """A setting of git's, or None."""
    try:
        return git(root, "config", "--get", name).decode("utf-8", "replace").strip() or None
    except CannotTell:
        return None


def submodules(root: Path) -> list[str]:
    """The folders below ``root`` that are submodules with content; none without git."""
    try:
        staged = git(root, "ls-files", "-s", "-z")
    except CannotTell:
        return []
    links = [entry for entry in staged.split(b"\0") if entry.startswith(b"160000 ")]
    names = [os.fsdecode(entry.partition(b"\t")[2]) for entry in links]
    return [name for name in names if (root / name).is_dir()]


def walk(root: Path) -> tuple[str, ...]:
    """The files below ``root`` without hidden folders, environments, caches and build output."""
    found: list[str] = []
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(
            name
            for name in folders
            if not name.startswith(".")
            and name not in _LITTER
            and not name.endswith(".egg-info")
            and not os.path.exists(os.path.join(folder, name, "pyvenv.cfg"))
        )
        below = os.path.relpath(folder, root)
        prefix = "" if below == "." else below.replace(os.sep, "/") + "/"
        found += [prefix + name for name in sorted(files)]
    return tuple(found)


def _in_repository(root: Path) -> bool:
    return any((folder / ".git").exists() for folder in (root, *root.parents))


def _exists(root: Path, name: str) -> bool:
    """Whether a listed name is there: deleted files are not, links are, wherever they lead."""
    path = os.path.join(root, name)
    return os.path.isfile(path) or os.path.islink(path)


def _refusal(verb: str, stderr: str, root: Path) -> str:
    if "safe.directory" in stderr:
        return (
            f"git refuses {root}: it belongs to another user"
            f" · git config --global --add safe.directory '{root}'"
        )
    lines = [line for line in stderr.splitlines() if line.strip()]
    return f"git {verb}: {lines[-1][:200] if lines else 'failed without a word'}"
