"""A ref of git's that holds files and is never checked out: what the history is shared by.

Nothing here touches the checkout, its index or its settings, and no name of a user is asked for.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from pytest_devops_gates.errors import CannotTell, UsageError
from pytest_devops_gates.git import answer, git
from pytest_devops_gates.process import BUILD

REF = "refs/devops-gates/history"

ENTRIES = 1_000_000
"""Files that the ref may hold."""

_PART = r"[A-Za-z0-9%_~-][A-Za-z0-9%._~-]*"
_PATH = re.compile(rf"{_PART}(/{_PART})*")
_LONG = 600.0
_AT_ONCE = 16 * 2**20
_HANDED_DOWN = BUILD | frozenset(
    "SSH_AUTH_SOCK SSH_AGENT_PID GIT_SSH GIT_SSH_COMMAND GIT_SSH_VARIANT GIT_ASKPASS SSH_ASKPASS "
    "GIT_SSL_CAINFO GIT_SSL_CAPATH".split()
)
"""Environment variables by which git reaches a server."""

_QUIETLY = ("-c", "core.hooksPath=/dev/null", "-c", "gc.auto=0", "-c", "maintenance.auto=false")
_USER = "devops-gates <devops-gates@localhost>"


class Entry(msgspec.Struct, frozen=True):
    """A file of the ref: the id of its content, and its size in bytes."""

    path: str
    oid: str
    size: int


class Refused(CannotTell):
    """The remote did not do it, which it may when it is asked again: others may be at work."""


class Remote(msgspec.Struct, frozen=True):
    """A remote as it is reached from a checkout. ``environment`` is that of the command."""

    root: Path
    name: str
    environment: Mapping[str, str]

    @property
    def shown(self) -> str:
        """Its name, which may be a URL, without a user or a password in it."""
        return _masked(self.name)

    def ask(self, *args: str) -> bytes:
        """What git prints. Raises CannotTell in one line, without what is secret in a URL."""
        code, out, said = answer(
            self.root,
            *_QUIETLY,
            *args,
            env={
                **{k: v for k, v in self.environment.items() if k in _HANDED_DOWN},
                "GIT_TERMINAL_PROMPT": "0",
            },
            timeout=_LONG,
        )
        if code:
            raise Refused(f"git {args[0]} {self.shown}: {_reason(said)}")
        return out

    def tip(self) -> str | None:
        """The commit that the ref is at over there; None where there is none yet."""
        named = git(self.root, "remote").decode("utf-8", "replace").split()
        if self.name not in named and not re.search(r"[/:\\]", self.name):
            known = f" (known: {', '.join(named)})" if named else ""
            raise UsageError(
                f"there is no remote '{self.name}'{known} · git remote add {self.name} URL"
            )
        out = self.ask("ls-remote", "--", self.name, REF).decode("ascii", "replace")
        refs = [line.split("\t") for line in out.splitlines()]
        return next((found[0] for found in refs if found[1:] == [REF]), None)

    def bring(self) -> str:
        """Fetch the ref, and no more of it than a shallow clone wants; returns its commit."""
        known = git(self.root, "rev-parse", "--is-shallow-repository").strip() == b"true"
        depth = ["--depth=1"] if known else []
        quiet = ["--quiet", "--no-tags", "--no-recurse-submodules", "--no-write-fetch-head"]
        self.ask("fetch", *quiet, *depth, "--", self.name, f"+{REF}:{REF}")
        return git(self.root, "rev-parse", "--verify", f"{REF}^{{commit}}").decode().strip()

    def push(self, commit: str) -> None:
        """Lead the ref over there to a commit that follows the one that it is at."""
        quiet = ["--quiet", "--no-verify", "--no-follow-tags", "--recurse-submodules=no"]
        try:
            self.ask("push", *quiet, "--", self.name, f"{commit}:{REF}")
        except Refused as reason:
            raise Refused(f"{reason} · who syncs needs the right to push to {REF}") from None
        git(self.root, *_QUIETLY, "update-ref", REF, commit)


def known(root: Path) -> str | None:
    """The commit that the ref was at when it was last seen."""
    code, out, _ = answer(root, "rev-parse", "--verify", "--quiet", f"{REF}^{{commit}}")
    return None if code else out.decode().strip()


def is_plain(path: str) -> bool:
    """Whether a path is one that the ref may be given: no part of it is hidden, and none has
    another character than those of an encoded name. Whoever pushes may call a file anything."""
    return _PATH.fullmatch(path) is not None


def entries(root: Path, commit: str) -> list[Entry]:
    """All plain files of a commit. Raises CannotTell where there are too many."""
    found = []
    listed = git(root, "ls-tree", "-r", "-l", "-z", "--full-tree", commit, timeout=_LONG)
    for line in listed.split(b"\0")[:-1]:
        about, _, path = line.partition(b"\t")
        mode, kind, oid, size = about.split()
        if kind == b"blob" and mode in (b"100644", b"100755"):
            found.append(Entry(os.fsdecode(path), oid.decode(), int(size)))
    if len(found) > ENTRIES:
        raise CannotTell(f"{REF} holds more than {ENTRIES:,} files · git ls-tree -r {REF}")
    return found


def contents(root: Path, wanted: Sequence[Entry]) -> Iterator[tuple[Entry, bytes]]:
    """The files with their bytes, read by some at a time."""
    some: list[Entry] = []
    for entry in wanted:
        some.append(entry)
        if sum(one.size for one in some[-1_000:]) > _AT_ONCE or len(some) >= 1_000:
            yield from _read(root, some)
            some = []
    yield from _read(root, some)


def _read(root: Path, some: Sequence[Entry]) -> Iterator[tuple[Entry, bytes]]:
    asked = "".join(f"{entry.oid}\n" for entry in some).encode()
    told = git(root, "cat-file", "--batch", told=asked, timeout=_LONG) if some else b""
    at = 0
    for entry in some:
        end = told.index(b"\n", at)
        if told[at:end].split()[1:2] != [b"blob"]:
            raise CannotTell(f"git has lost a part of {REF} · git update-ref -d {REF}")
        at = end + 1
        yield entry, told[at : at + entry.size]
        at += entry.size + 1


def follow(
    root: Path,
    base: str | None,
    files: Iterable[tuple[str, bytes]],
    gone: Collection[str],
    when: int,
) -> str:
    """Make a commit that follows ``base`` with these files in it and others ``gone``; ``when`` is
    in seconds since 1970. No ref leads to it. Raises CannotTell for a path that is not plain: git
    would take what follows a newline in it for a command."""
    own = f"refs/devops-gates/new-{secrets.token_hex(8)}"
    told = bytearray(f"commit {own}\nmark :1\ncommitter {_USER} {when} +0000\n".encode())
    told += b"data 8\nHistory\n"
    told += f"from {base}\n".encode() if base else b""
    for path in gone:
        _check(path)
        told += f"D {path}\n".encode("ascii")
    for path, data in files:
        _check(path)
        told += f"M 100644 inline {path}\ndata {len(data)}\n".encode("ascii") + data + b"\n"
    told += b"get-mark :1\n"
    quiet = (*_QUIETLY, "-c", "fastimport.unpackLimit=100")
    out = git(root, *quiet, "fast-import", "--quiet", told=bytes(told), timeout=_LONG)
    with contextlib.suppress(CannotTell):
        git(root, *_QUIETLY, "update-ref", "-d", own)
    return out.decode("ascii").strip()


def _check(path: str) -> None:
    if not is_plain(path):
        raise CannotTell(f"{REF} holds no file of the name {path[:100]!r}")


_SAYS_WHY = (r"^remote: .*(denied|not allowed|permission|protected|declined|forbidden)",
             r"\[(remote )?rejected\]", r"^(fatal|error): ", r"\S")  # fmt: skip


def _reason(said: bytes) -> str:
    """The line that says most of why git failed, without a user or a password in it."""
    lines = [line.strip() for line in said[-20_000:].decode("utf-8", "replace").splitlines()]
    found = (line for says in _SAYS_WHY for line in lines if re.search(says, line, re.IGNORECASE))
    return _masked(next(found, "it failed without a word"))[:300]


def _masked(text: str) -> str:
    """A text without the users and passwords of its URLs; a ``/`` or ``@`` in a password should
    have been encoded, and is none of what may be shown either."""
    return re.sub(r"//[^/\s:]*:\S*@|//[^/\s]*@", "//", text)
