"""Which findings of a run are meant by what somebody typed. Pure."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

import msgspec

from pytest_devops_gates.evidence import Finding
from pytest_devops_gates.findings import relative

LEAST = 4
"""Characters of a fingerprint that have to be given."""
HOW = (
    f"a finding is named by its fingerprint ({LEAST} characters or more), PATH:LINE[:COLUMN]"
    " or GATE/RULE"
)

_FINGERPRINT = re.compile(rf"[0-9a-f]{{{LEAST},64}}", re.IGNORECASE)
_PLACE = re.compile(r"(?P<path>.+?):(?P<line>\d{1,9})(?::(?P<column>\d{1,9}))?", re.DOTALL)


class Meant(msgspec.Struct, frozen=True):
    """The findings that are meant, and by what they were named."""

    by: Literal["fingerprint", "place", "rule"]
    findings: tuple[Finding, ...]


def meant(findings: Sequence[Finding], text: str, root: Path, folder: Path) -> Meant:
    """The findings that a text names: by the beginning of a fingerprint, or else by their place
    (see by_place), or else by their rule."""
    if found := by_fingerprint(findings, text):
        return Meant("fingerprint", found)
    if found := by_place(findings, text, root, folder):
        return Meant("place", found)
    return Meant("rule", by_rule(findings, text))


def is_name(text: str) -> bool:
    """Whether a text could name a finding."""
    return bool(_FINGERPRINT.fullmatch(text) or is_place(text) or "/" in text)


def is_place(text: str) -> bool:
    """Whether a text has the form of ``PATH:LINE``."""
    return _PLACE.fullmatch(text) is not None


def by_fingerprint(findings: Iterable[Finding], text: str) -> tuple[Finding, ...]:
    """Those whose fingerprint begins like this."""
    if not _FINGERPRINT.fullmatch(text):
        return ()
    return tuple(f for f in findings if f.fingerprint.startswith(text.lower()))


def by_place(
    findings: Sequence[Finding], text: str, root: Path, folder: Path
) -> tuple[Finding, ...]:
    """Those that begin at ``PATH:LINE[:COLUMN]``, or else reach over that line.

    The path starts from the project's root, or from the folder in which it was typed.
    """
    told = _PLACE.fullmatch(text)
    if not told:
        return ()
    line, column = int(told["line"]), told["column"] and int(told["column"])
    typed = (told["path"], os.path.join(folder, told["path"]))
    paths = {told["path"], *(relative(path, root)[0] for path in typed)}
    there = [f for f in findings if f.line and f.path in paths]
    there = [f for f in there if column in (None, f.column)]
    begun = tuple(f for f in there if f.line == line)
    return begun or tuple(f for f in there if (f.line or 0) < line <= (f.end_line or 0))


def by_rule(findings: Iterable[Finding], text: str) -> tuple[Finding, ...]:
    """Those of a gate's rule, ``GATE/RULE``."""
    return tuple(f for f in findings if f"{f.gate}/{f.rule}" == text)
