"""The secrets in the commits of a change: those that a later commit takes out again as well.

One ``git log`` is read as it comes, so that memory is bounded by the largest file that is searched.
Content lines of a patch without context begin with ``+``, ``-`` or a backslash, and those of a
message are indented, so that none can be taken for a header. A merge is told by the lines that are
in none of its parents.
Source: git-diff-tree(1), "Generating patch text" and "Combined diff format".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import msgspec

from pytest_devops_gates.scanning.leaks import Leak, search_all
from pytest_devops_gates.scanning.places import LARGEST, as_texts

LINE = 2**20
"""Bytes of a line of git's that are read at once; what comes after these in it is left out."""

LOG = (
    "-c", "core.quotePath=false", "-c", "log.showSignature=false", "-c", "log.mailmap=false",
    "log", "--reverse", "--format=commit %H%n%w(0,2,2)%B", "--encoding=UTF-8", "--patch", "--cc",
    "--unified=0", "--inter-hunk-context=0", "--relative", "--text", "--no-ext-diff",
    "--no-textconv", "--no-color", "--find-renames", "--no-notes", "--submodule=short",
    "--src-prefix=a/", "--dst-prefix=b/", "--no-show-signature",
)  # fmt: skip
"""All that a user's settings, or a ``.gitattributes`` of the change, could make otherwise."""

_COMMIT = re.compile(rb"commit ([0-9a-f]{40,64})\r?\n\Z")
_HUNK = re.compile(rb"(@@+) .* @@")
_ESCAPE = re.compile(rb'\\([0-7]{3}|[abfnrtv"\\])')
_ESCAPES = {b"a": b"\a", b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t",
            b"v": b"\v", b'"': b'"', b"\\": b"\\"}  # fmt: skip


class Added(msgspec.Struct, frozen=True):
    """A secret that a commit adds: to the file ``path`` (from the project's root, surrogate-escaped
    as file names are), or in its message, where that is None."""

    commit: str
    path: str | None
    leak: Leak


class History:
    """Reads what git prints for LOG; counts the commits and what was too large to be searched."""

    def __init__(self) -> None:
        self.commits = 0
        self.left_out = 0
        self._commit = ""
        self._path: str | None = None
        self._in_header = False
        self._parents = 0
        self._new = bytearray()
        self._old = bytearray()
        self._to: bytearray | None = None
        self._is_whole = True

    def read(self, lines: Iterable[bytes]) -> Iterator[Added]:
        """The secrets in the lines, each of at most LINE bytes and with its end, if that fits."""
        continued = False
        for line in lines:
            if not continued:
                yield from self._take(line)
            else:
                self._add(line)
            continued = not line.endswith(b"\n")
        yield from self._flush()

    def _take(self, line: bytes) -> Iterator[Added]:
        self._to = None
        if found := _COMMIT.match(line):
            yield from self._flush()
            self.commits += 1
            self._commit, self._path = found[1].decode(), None
            self._in_header = False
            self._parents = 0
        elif line.startswith((b"diff --git ", b"diff --cc ", b"diff --combined ")):
            yield from self._flush()
            self._in_header, self._path, self._parents = True, "", 0
        elif found := _HUNK.match(line):
            self._in_header = False
            self._parents = len(found[1]) - 1
            self._end_of_run()
        elif self._in_header:
            if line.startswith(b"+++ "):
                self._path = _name(line[4:])
        elif self._parents:
            self._content(line)
        elif self._path is None:
            self._to = self._new
            self._add(line)  # of the message

    def _content(self, line: bytes) -> None:
        signs = line[: self._parents]
        if signs == b"+" * self._parents:
            self._to = self._new
        elif b"-" in signs:
            self._to = self._old
        self._add(line[self._parents :])

    def _add(self, text: bytes) -> None:
        if self._to is None:
            return
        if len(self._to) + len(text) > LARGEST:
            self._is_whole = False
        else:
            self._to += text

    def _end_of_run(self) -> None:
        """What stands apart is not read together."""
        self._new += b"\n\n"
        self._old += b"\n\n"

    def _flush(self) -> Iterator[Added]:
        new, old = (
            as_texts(bytes(self._new).lstrip(b"\n")),
            as_texts(bytes(self._old).lstrip(b"\n")),
        )
        self._new.clear()
        self._old.clear()
        self.left_out += not self._is_whole
        self._is_whole = True
        leaks = search_all(new).leaks
        before = {leak.mark for leak in search_all(old).leaks} if leaks else set()
        for leak in leaks:
            if leak.mark not in before:  # else it was moved, and not brought
                yield Added(self._commit, self._path, leak)


def _name(told: bytes) -> str:
    """The path that a header names, as file names are kept."""
    text = told.rstrip(b"\r\n")
    if text.startswith(b'"'):
        text = _ESCAPE.sub(_unescaped, text.rstrip(b"\t")[1:-1])
    elif text.endswith(b"\t"):
        text = text[:-1]
    return text[2:].decode("utf-8", "surrogateescape") if text.startswith(b"b/") else ""


def _unescaped(found: re.Match[bytes]) -> bytes:
    return _ESCAPES.get(found[1]) or bytes([int(found[1], 8) & 255])
