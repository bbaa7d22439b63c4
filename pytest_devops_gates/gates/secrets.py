"""``secrets``: no file, and no commit of the change, holds a secret.

Built-in patterns always look, for the kinds that are known by their makers' shapes; betterleaks
and detect-secrets look as well where they are installed. The value of a secret is never told.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Iterable, Iterator
from typing import Literal

import msgspec

from pytest_devops_gates import git
from pytest_devops_gates.errors import CannotTell
from pytest_devops_gates.evidence import Confidence, Evidence, Finding, Receipt, Severity
from pytest_devops_gates.gate import OFF, Canary, Gate, Options
from pytest_devops_gates.project import Project
from pytest_devops_gates.scanning.engines import ask
from pytest_devops_gates.scanning.history import LINE, LOG, Added, History
from pytest_devops_gates.scanning.leaks import Leak, Searched, search_all
from pytest_devops_gates.scanning.places import Unsearched, printable, texts
from pytest_devops_gates.scanning.spot import Heard, Spot
from pytest_devops_gates.scanning.told import MEND, RULES, is_for_show, severity, size
from pytest_devops_gates.stage import Stage

BUILT_IN = "built-in"
PATIENCE = 300.0
"""Seconds for git's log."""

WIDEST = 1_000
"""The column from which on a line is minified code, in which engines see what is not there."""

Engine = Literal["built-in", "betterleaks", "detect-secrets"]


class SecretOptions(msgspec.Struct, frozen=True, rename="kebab"):
    """``engines`` are those that have to look, the built-in patterns always do; without it, those
    that are installed. ``exclude`` are globs of files that are not looked at."""

    engines: tuple[Engine, ...] | None = None
    exclude: tuple[str, ...] = ()


class _Seen(msgspec.Struct):
    """What the built-in patterns say of the files."""

    files: dict[str, Searched] = {}
    marks: set[bytes] = set()
    names: list[str] = []
    suppressed: int = 0


def check(project: Project, options: SecretOptions, asked: tuple[str, ...]) -> Evidence:
    """Search the files to look at, and the commits since the base. Raises CannotTell when the
    files could not be listed."""
    unsearched = Unsearched()
    left_out = _left_out(options.exclude)
    seen = _look(project, left_out, unsearched)
    findings = [
        _finding(leak, name, project)
        for name, searched in seen.files.items()
        for leak in searched.leaks
    ]
    heard = list(ask(project, options.engines, seen.names))
    findings += _others(heard, seen, project)
    troubles = [*unsearched.troubles, *(one.trouble for one in heard if one.trouble)]
    notes = unsearched.told()
    history = History()
    commits, trouble = _commits(project, history, seen.marks, left_out)
    findings += commits
    troubles += [trouble] if trouble else []
    told = [BUILT_IN, *(f"{h.engine} {h.version or ''}".strip() for h in heard if not h.trouble)]
    if history.left_out:
        notes.append(f"{history.left_out} files of commits are too large to be searched whole")
    if seen.suppressed:
        notes.append(f"{seen.suppressed} secrets are allowed by comments in their lines")
    return Evidence(
        findings=tuple(findings),
        metrics={"allowed": float(seen.suppressed)},
        examined=_examined(project, seen, unsearched) + history.commits,
        unknown=_together(troubles),
        notes=tuple(notes),
        receipt=Receipt("secrets", version=", ".join(told)),
    )


def _examined(project: Project, seen: _Seen, unsearched: Unsearched) -> int:
    """A commit of a hook may hold nothing to search: its files were looked at all the same."""
    if project.scope is not None and not unsearched.troubles:
        return max(1, len(seen.names))
    return len(seen.names)


def _together(troubles: list[str]) -> str | None:
    more = f" (and {len(troubles) - 1} more)" if len(troubles) > 1 else ""
    return troubles[0] + more if troubles else None


def _left_out(globs: Iterable[str]) -> Callable[[str], bool]:
    """Whether a glob fits a file, or a folder that it lies in."""
    globs = tuple(glob.removeprefix("./").rstrip("/") for glob in globs)

    def fits(name: str) -> bool:
        return any(
            fnmatch.fnmatchcase(name, glob) or fnmatch.fnmatchcase(name, f"{glob}/*")
            for glob in globs
        )

    return fits


def _look(project: Project, left_out: Callable[[str], bool], unsearched: Unsearched) -> _Seen:
    seen = _Seen()
    for name, readings in texts(project.root, project.listing(), left_out, unsearched):
        seen.names.append(name)
        searched = search_all(readings)
        if searched.leaks or searched.none or searched.allowed:
            seen.files[name] = searched
            seen.marks.update(leak.mark for leak in searched.leaks)
            seen.suppressed += searched.suppressed
    return seen


def _finding(leak: Leak, name: str, project: Project) -> Finding:
    return Finding(
        leak.kind.id,
        f"{leak.kind.says} ({size(leak)}) · {MEND}, and take it out of the file",
        severity(leak, name, project),
        Confidence.HIGH,
        path=printable(name),
        line=leak.line,
        column=leak.column,
        end_line=leak.end_line,
        end_column=leak.end_column,
    )


def _others(heard: Iterable[Heard], seen: _Seen, project: Project) -> Iterator[Finding]:
    """What the other engines found in lines of which nobody before them has said anything."""
    told: set[tuple[str, int]] = set()
    for spot in (spot for one in heard for spot in one.spots):
        if spot.path is not None and spot.line is not None:
            searched = seen.files.get(spot.path)
            if (spot.path, spot.line) in told or (searched and _is_known(searched, spot.line)):
                continue
            told.add((spot.path, spot.line))
        yield _of_spot(spot, project)


def _is_known(searched: Searched, line: int) -> bool:
    lines = {leak.line for leak in searched.leaks}
    return line in lines or line in searched.none or line in searched.allowed


def _of_spot(spot: Spot, project: Project) -> Finding:
    weight = spot.severity
    is_minified = (spot.column or 0) > WIDEST
    if is_minified or (spot.path and is_for_show(spot.path, project)):
        weight = Severity.LOW
    return Finding(
        spot.kind,
        f"{spot.says} · if it is one, {MEND}, and take it out of the file",
        weight,
        Confidence.MEDIUM,
        path=spot.path,
        line=spot.line,
        column=spot.column,
        end_line=spot.end_line,
        end_column=spot.end_column,
    )


def _commits(
    project: Project, history: History, told: set[bytes], left_out: Callable[[str], bool]
) -> tuple[list[Finding], str | None]:
    """The secrets that the commits since the base have added and that no file holds any more, and
    why they could not be read."""
    if project.base_error:
        return [], project.base_error
    if not project.base or not project.commit:
        return [], None
    change = f"{project.base}..{project.commit}"
    lines = git.lines(
        project.root, *LOG, "--end-of-options", change,
        longest=LINE, env=project.git, timeout=PATIENCE,
    )  # fmt: skip
    first: dict[bytes, Finding] = {}
    trouble = None
    try:
        for added in history.read(lines):
            if added.leak.mark not in told and not left_out(added.path or ""):
                first.setdefault(added.leak.mark, _of_commit(added, project))
    except CannotTell as error:
        trouble = str(error)
    return list(first.values()), trouble


def _of_commit(added: Added, project: Project) -> Finding:
    where = "" if added.path else " in its message"
    leak = added.leak
    return Finding(
        leak.kind.id,
        f"the commit {added.commit[:10]} adds {leak.kind.says} ({size(leak)}){where}, which stays"
        f" in the history · {MEND}, and take it out of the commit before you push: git rebase -i",
        severity(leak, added.path, project),
        Confidence.HIGH,
        path=printable(added.path) if added.path else None,
    )


def canary(project: Project, options: SecretOptions) -> Canary:
    """An access key of AWS that is put together here, so that this file holds none."""
    key = "AKIA" + "Q3EGV7YZ5MHLX2TB"
    folder = project.code_folders()[0]
    return Canary(
        "the id of an AWS access key", {f"{folder}/devops_gates_canary.py": f'KEY = "{key}"\n'}
    )


def applies(project: Project, options: Options) -> str | None:
    """What was added and taken out again leaves no files to look at, but commits."""
    if project.listing_error or project.listing() or project.base or project.base_error:
        return None
    return "no files to look at"


SECRETS = Gate(
    name="secrets",
    stage=Stage.SECURITY,
    options=SecretOptions,
    function=check,
    applies=applies,
    levels={"operate": OFF},
    conditions={"findings.critical": "== 0", "findings.high": "== 0"},
    metrics=("allowed",),
    again="devops-gates run --gate secrets",
    cost=2.0,
    about="No file, and no commit of the change, holds a secret.",
    static=True,
    private=True,
    canary=canary,
    rules=RULES,
    suppress="gitleaks:allow",
)
