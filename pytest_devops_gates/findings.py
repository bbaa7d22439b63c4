"""Findings as every report needs them: paths from the project's root, a fingerprint, and no more
text than can be read."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path, PurePosixPath, PureWindowsPath

import msgspec

from pytest_devops_gates.evidence import Finding
from pytest_devops_gates.likeness import Statements, likeness
from pytest_devops_gates.linehash import Source

OUTSIDE = "[outside the project] "
MESSAGE = 2_000
"""Characters that are kept of a message."""


def complete(gate: str, findings: Iterable[Finding], root: Path) -> tuple[Finding, ...]:
    """The findings of one gate, with gate, relative path and fingerprint filled in."""
    read = lru_cache(maxsize=64)(lambda path: _read_both(root, path))
    place = lru_cache(maxsize=1024)(lambda path: relative(path, root))
    seen: Counter[tuple[str, ...]] = Counter()
    done = []
    for finding in findings:
        path, inside = place(finding.path)
        message = finding.message if inside else OUTSIDE + finding.message
        line = finding.line if isinstance(finding.line, int) and finding.line > 0 else None
        source, statements = read(path if inside and path else "")
        text = source.line(line)
        told = " ".join((text or finding.message).split())  # as the fingerprint takes it
        content = (gate, finding.rule, path or "", told)
        seen[content] += 1
        done.append(
            msgspec.structs.replace(
                finding,
                gate=gate,
                path=path,
                message=shortened(message, MESSAGE),
                line=line,
                state="new",
                waiver=None,
                fingerprint=fingerprint(*content, str(seen[content])),
                line_hash=source.hash(line) if text else "",
                content=likeness(text, statements.of_line(line), finding.message),
            )
        )
    return tuple(done)


def _read_both(root: Path, path: str) -> tuple[Source, Statements]:
    """The lines of a file and, of a Python source, its statements."""
    source = read_source(root, path) if path else Source("")
    is_python = path.endswith((".py", ".pyi"))
    return source, Statements("\n".join(source.lines) if is_python else "")


def fingerprint(*content: str) -> str:
    """The digest of what a finding is about; without a line number, so that it may move."""
    text = "\0".join(" ".join(part.split()) for part in content)
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def relative(path: str | None, root: Path) -> tuple[str | None, bool]:
    """A path from the root with forward slashes, and whether it lies inside the project.

    A path outside is kept as it was given, and never opened.
    """
    if path is None:
        return None, True
    if (PureWindowsPath(path).drive and os.name != "nt") or "://" in path or "\0" in path:
        return path, False
    try:
        absolute = os.path.normpath(os.path.join(root, path))
        below = os.path.relpath(absolute, root)
    except ValueError:
        return path, False
    if below == ".." or below.startswith(".." + os.sep):
        return path, False
    return str(PurePosixPath(*Path(below).parts)), True


def shortened(text: str, limit: int) -> str:
    """A text without its middle, where it is longer than ``limit`` characters."""
    if len(text) <= limit:
        return text
    end = limit // 4
    return f"{text[: limit - end - 1]}…{text[-end:]}"


def read_source(root: Path, path: str) -> Source:
    """The lines of a plain file inside the project; none of what is no such file, leads out of it
    by a link, or has more than 4 MiB."""
    target = root / path
    try:
        if not target.is_file() or target.stat().st_size > 2**22:
            return Source("")
        if root.resolve() not in target.resolve().parents:
            return Source("")
        return Source(target.read_bytes().decode("utf-8", "replace"))
    except OSError:
        return Source("")
