"""Waivers: decisions to live with findings for a time, and which findings they hold back. Pure."""

from __future__ import annotations

import fnmatch
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date, timedelta
from functools import lru_cache

import msgspec

from pytest_devops_gates.evidence import Confidence, Finding, Severity
from pytest_devops_gates.json_text import whole
from pytest_devops_gates.verdict import Waiver

FILE = "devops-gates/waivers.toml"
GRACE = 14
"""Days that a new waiver may wait for what it waives."""


class Applied(msgspec.Struct, frozen=True):
    """The findings with their new state, in their order, and the waivers with what each of them
    holds back. ``matched`` are the ids of those that name any finding, be it a known one."""

    findings: tuple[Finding, ...]
    waivers: tuple[Waiver, ...]
    matched: frozenset[str]


def apply(
    findings: Sequence[Finding], waivers: Sequence[Waiver], old_paths: Mapping[str, str]
) -> Applied:
    """Hold back what the waivers name; of several that name a finding, it is the first one's.

    ``old_paths`` are the paths that renamed files had before. Known findings stay known: they need
    no waiver. A finding that says by itself that it is waived is believed as little as any other.
    """
    by_gate: dict[str, list[Waiver]] = defaultdict(list)
    for waiver in waivers:
        by_gate[waiver.gate].append(waiver)
    held: Counter[str] = Counter()
    matched: set[str] = set()
    done = []
    for finding in findings:
        old = old_paths.get(finding.path or "")
        ids = [w.id for w in by_gate.get(finding.gate, ()) if names(w, finding, old)]
        matched.update(ids)
        if finding.state == "known":
            done.append(finding)
            continue
        held.update(ids[:1])
        state, by = ("waived", ids[0]) if ids else ("new", None)
        done.append(msgspec.structs.replace(finding, state=state, waiver=by))
    counted = tuple(msgspec.structs.replace(w, holds_back=held[w.id]) for w in waivers)
    return Applied(tuple(done), counted, frozenset(matched))


def names(waiver: Waiver, finding: Finding, old_path: str | None = None) -> bool:
    """Whether a waiver names a finding: by its gate and by all that it says beside that.

    Nothing that is found in the file of the waivers can be waived. Half characters in file names
    are compared as verdict.json shows them.
    """
    if waiver.gate != finding.gate or finding.path == FILE:
        return False
    given = (waiver.fingerprint, waiver.rule, waiver.path)
    return (
        any(given)
        and (not given[0] or finding.fingerprint.startswith(given[0].lower()))
        and (not given[1] or _is_like(finding.rule, given[1]))
        and (not given[2] or _is_at(finding.path, given[2]) or _is_at(old_path, given[2]))
    )


def unmatched(
    applied: Applied, lines: Mapping[str, int], judged_gates: Collection[str], today: date
) -> tuple[Finding, ...]:
    """The waivers that name no finding although their gate is one of ``judged_gates``, those that
    ran completely. ``lines`` are the lines in the file by the waivers' ids. One that is younger
    than GRACE days is told, and no more: what it is for may come by the next change."""
    young = (today - timedelta(days=GRACE)).isoformat()
    return tuple(
        msgspec.structs.replace(
            problem(
                "unmatched",
                f"the waiver '{waiver.id}' holds nothing back: {waiver.gate} finds no such thing;"
                " remove it",
                lines.get(waiver.id),
            ),
            severity=Severity.LOW if waiver.created > young else Severity.HIGH,
        )
        for waiver in applied.waivers
        if waiver.id not in applied.matched and waiver.gate in judged_gates
    )


def problem(what: str, message: str, line: int | None) -> Finding:
    """A waiver that is wrong, as a finding of the rule ``waiver-WHAT``."""
    return Finding(f"waiver-{what}", message, Severity.HIGH, Confidence.HIGH, path=FILE, line=line)


def _is_like(text: str, pattern: str) -> bool:
    return _fitting(pattern)(whole(text)) is not None


def _is_at(path: str | None, pattern: str) -> bool:
    """Whether a path fits, or lies in a folder that does."""
    return (
        path is not None
        and _fitting(pattern.removeprefix("./"), below=True)(whole(path)) is not None
    )


@lru_cache(maxsize=4096)
def _fitting(pattern: str, *, below: bool = False) -> Callable[[str], re.Match[str] | None]:
    """A text fits a pattern, or is the same."""
    folder = pattern.rstrip("/") + "/"
    fitting = [re.escape(pattern) + r"\Z", fnmatch.translate(pattern)]
    fitting += [re.escape(folder), fnmatch.translate(folder + "*")] if below else []
    return re.compile("|".join(fitting)).match
