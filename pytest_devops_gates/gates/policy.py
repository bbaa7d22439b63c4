"""``policy``: the change does not weaken what judges it.

This half compares the settings of tools, and the suppressions in the sources, with the base's. What
judges beside them (the policy, the baseline, the waivers) is compared in governance.py, which sees
all gates.
"""

from __future__ import annotations

import os
import posixpath
import re
from collections import Counter
from collections.abc import Iterable, Iterator

import msgspec

from pytest_devops_gates import config, disk, git, loosening, quarantine_file
from pytest_devops_gates.change import Change
from pytest_devops_gates.charter import JUDGING
from pytest_devops_gates.errors import CannotTell, UsageError
from pytest_devops_gates.evidence import (
    Confidence,
    Evidence,
    Finding,
    Receipt,
    Rule,
    Severity,
)
from pytest_devops_gates.gate import OFF, Canary, Gate, Options
from pytest_devops_gates.governance import RULES, is_merged
from pytest_devops_gates.project import Project
from pytest_devops_gates.scanning.places import as_texts
from pytest_devops_gates.stage import Stage
from pytest_devops_gates.suppression import (
    ALLOWED,
    KINDS,
    allowances,
    is_blanket,
    suppressions,
)

DEPENDS = "skipif"
"""Whether such a test is skipped depends on the machine."""

NO_BASE = "no base to compare with, no baseline, no waivers and no quarantine"
TAKE_OUT = "Take it out of the ignore file, or out of the repository."
IGNORES = (".ignore", ".rgignore", ".ruffignore")
HIDDEN = "source-hidden"
ALL = " of all rules"
_EXTENDS = re.compile(
    rb"""^[ \t]*["']?extends?["']?[ \t]*[=:][ \t]*["']([^"'\r\n]+)""", re.MULTILINE
)
MERGED = "what is on the default branch judges, and no baseline, waiver or quarantine is there"


class PolicyOptions(msgspec.Struct, frozen=True):
    """``suppressions`` is how many more of each kind a change may bring."""

    suppressions: int = 0

    def __post_init__(self) -> None:
        if self.suppressions < 0:
            raise UsageError("suppressions: a number below 0")


def check(project: Project, options: PolicyOptions, asked: tuple[str, ...]) -> Evidence:
    """Compare the tools' settings and the suppressions in all files that differ from the base."""
    if project.base_error:
        raise CannotTell(project.base_error)
    change = project.change
    if change is None or is_merged(change):
        there = [name for name in JUDGING if (project.root / name).is_file()]
        return Evidence(examined=len(there), receipt=Receipt(tool="policy"))
    findings = [*_settings(project, change), *_suppressions(project, change, options)]
    return Evidence(
        findings=tuple(findings),
        metrics={"loosened": sum(f.severity == Severity.HIGH for f in findings)},
        examined=len(loosening.SETTINGS_FILES) + len(change.files),
        receipt=Receipt(tool="policy"),
    )


def _settings(project: Project, change: Change) -> Iterator[Finding]:
    names = {
        name
        for name in (*project.files, *(file.old or "" for file in change.files))
        if name.rpartition("/")[2] in loosening.SETTINGS_FILES
    }
    before = git.contents(project.root, change.base.commit, sorted(names), project.git)
    after = {name: data for name in names if (data := _data(project, name, links=True)) is not None}
    yield from loosening.tool_settings(before, after)
    yield from _extended(change, {*before.items(), *after.items()})
    yield from _ignored(project, change)


def _extended(change: Change, settings: Iterable[tuple[str, bytes]]) -> Iterator[Finding]:
    """Files with names of their own that settings extend: whether they loosen is not read."""
    named = {
        posixpath.normpath(posixpath.join(posixpath.dirname(name), os.fsdecode(told)))
        for name, data in settings
        for told in _EXTENDS.findall(data)
    }
    for file in change.files:
        if file.path in named or file.old in named:
            told = f"{file.path}: tools read it as settings, and it is another one than at the base"
            yield Finding("setting-loosened", told, Severity.HIGH, Confidence.HIGH, file.path)


def _ignored(project: Project, change: Change) -> Iterator[Finding]:
    """Files that tools leave out since the change tells git, or them, to ignore these."""
    for file in change.files:
        if file.path.rpartition("/")[2] in IGNORES and file.added:
            told = f"{file.path}: tools leave out what is named there"
            yield Finding(HIDDEN, told, Severity.HIGH, Confidence.HIGH, file.path, file.added[0][0])
    if not any(file.path.rpartition("/")[2] == ".gitignore" for file in change.files):
        return
    listed = git.git(project.root, "ls-files", "-z", "-c", "-i", "--exclude-standard",
                     env=project.git)  # fmt: skip
    for name in map(os.fsdecode, filter(None, listed.split(b"\0"))):
        if name.endswith((".py", ".pyi")):
            told = f"{name} is tracked by git, and ignored all the same: tools leave it out"
            yield Finding(HIDDEN, told, Severity.HIGH, Confidence.HIGH, name)


def _suppressions(project: Project, change: Change, options: PolicyOptions) -> Iterator[Finding]:
    """In a project that has no policy of its own at the base, they are told and no more."""
    befores = sorted({file.old for file in change.files if file.old})
    contents = git.contents(
        project.root, change.base.commit, [*befores, "pyproject.toml"], project.git
    )
    adopted = _is_adopted(contents.get("pyproject.toml", b""))
    before = Counter(kind for name in befores for _, kind in _found(name, contents.get(name, b"")))
    after: Counter[str] = Counter()
    places: dict[str, tuple[str, int]] = {}
    for file in change.files:
        added = set(file.added_lines())
        for line, kind in _found(file.path, _data(project, file.path) or b""):
            after[kind] += 1
            if line in added:
                places.setdefault(kind, (file.path, line))
    for kind in (*KINDS, *(kind + ALL for kind in KINDS)):
        if after[kind.removesuffix(ALL)] > before[kind.removesuffix(ALL)] and kind.endswith(ALL):
            continue  # told already
        for finding in loosening.suppressions({kind: before[kind]}, {kind: after[kind]}):
            fails = (
                adopted and kind != DEPENDS and after[kind] - before[kind] > options.suppressions
            )
            path, at = places.get(kind, (None, None))
            severity = Severity.HIGH if fails else Severity.LOW
            yield msgspec.structs.replace(finding, severity=severity, path=path, line=at)


def _is_adopted(pyproject: bytes) -> bool:
    try:
        return "devops-gates" in config.load_toml(pyproject, "pyproject.toml").get("tool", {})
    except UsageError:
        return True


def _found(name: str, data: bytes) -> Iterator[tuple[int, str]]:
    """The suppressions in a file: of a Python source all, of any other text what allows secrets."""
    yield from ((line, ALLOWED) for text in as_texts(data) for line in allowances(text))
    if name.endswith((".py", ".pyi")):
        yield from ((line, kind) for line, kind in _in_source(data) if kind != ALLOWED)


def _in_source(source: bytes) -> Iterator[tuple[int, str]]:
    """The suppressions of a source, those of all rules once more as such; what cannot be parsed is
    for other gates to tell."""
    lines = source.decode("utf-8", "replace").split("\n")
    try:
        found = suppressions(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    for line, kind in found:
        yield line, kind
        if is_blanket(kind, lines[line - 1] if line <= len(lines) else ""):
            yield line, kind + ALL


def _data(project: Project, name: str, *, links: bool = False) -> bytes | None:
    """A file's bytes; with ``links`` also of what a link leads to, as tools read it."""
    path = project.root / name
    try:
        return disk.read_plain(path) if links or not os.path.islink(path) else None
    except OSError:
        return None


def applies(project: Project, options: PolicyOptions) -> str | None:
    change = project.change
    if project.base_error or (change and not is_merged(change)):
        return None
    if any((project.root / name).is_file() for name in JUDGING):
        return None
    return MERGED if change else NO_BASE


def canary(project: Project, options: Options) -> Canary:
    """A setting that weakens a tool, in a file that no project needs to have."""
    if project.change is None:
        raise CannotTell("there is no base to compare with: prove it on a branch of its own")
    return Canary("a rule of bandit that is skipped", {".bandit": "[bandit]\nskips: B602\n"})


POLICY = Gate(
    name="policy",
    stage=Stage.DEVELOP,
    options=PolicyOptions,
    function=check,
    applies=applies,
    levels={"commit": OFF, "operate": OFF},
    conditions={"findings.high": "== 0"},
    metrics=("loosened",),
    again="devops-gates run --gate policy",
    cost=0.5,
    about="The change does not weaken what judges it: its policy, its tools and what is held back.",
    debt=False,
    canary=canary,
    rules=(
        *loosening.RULES,
        *RULES,
        *quarantine_file.RULES,
        Rule(HIDDEN, "A source is hidden from the tools that would judge it.", TAKE_OUT),
    ),
)
