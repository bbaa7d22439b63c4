"""Findings as every report needs them: paths from the project's root, and a fingerprint."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path, PurePosixPath, PureWindowsPath

import msgspec

from pytest_devops_gates.evidence import Finding

OUTSIDE = "[outside the project] "


def complete(gate: str, findings: Iterable[Finding], root: Path) -> tuple[Finding, ...]:
    """The findings of one gate, with gate, relative path and fingerprint filled in."""
    read = lru_cache(maxsize=64)(lambda path: _lines(root, path))
    seen: Counter[tuple[str, ...]] = Counter()
    done = []
    for finding in findings:
        path, inside = relative(finding.path, root)
        message = finding.message if inside else OUTSIDE + finding.message
        line = finding.line if isinstance(finding.line, int) and finding.line > 0 else None
        text = _line(read(path), line) if inside and path else ""
        content = (gate, finding.rule, path or "", text or finding.message)
        seen[content] += 1
        done.append(
            msgspec.structs.replace(
                finding,
                gate=gate,
                path=path,
                message=message,
                line=line,
                fingerprint=fingerprint(*content, str(seen[content])),
            )
        )
    return tuple(done)


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


def _lines(root: Path, path: str) -> list[str]:
    target = root / path
    try:
        if not target.is_file() or target.stat().st_size > 2**22:
            return []
        if root.resolve() not in target.resolve().parents:
            return []
        return target.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []


def _line(lines: list[str], number: int | None) -> str:
    return lines[number - 1] if number and 0 < number <= len(lines) else ""
