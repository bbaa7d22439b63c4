"""``suppressions``: how often the sources tell a tool, or pytest, to look away."""

from __future__ import annotations

import os
import stat
from collections import Counter

from pytest_devops_gates.evidence import Evidence, Finding, Receipt, Rule, Severity
from pytest_devops_gates.gate import ADVISORY, OFF, Canary, Gate, NoOptions, Options
from pytest_devops_gates.project import Project
from pytest_devops_gates.stage import Stage
from pytest_devops_gates.suppression import COMMENTS, KINDS, suppressions

TOTAL = "suppressions"

_PLAIN_FILE = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0)


def check(project: Project, options: Options, asked: tuple[str, ...]) -> Evidence:
    """Count in every source to look at; raises CannotTell when they could not be listed."""
    findings: list[Finding] = []
    troubles: list[str] = []
    examined = 0
    for name in project.python_files():
        path = os.path.join(project.root, name)
        if os.path.islink(path):
            continue  # what it leads to counts where it lies
        shown = name.encode("utf-8", "backslashreplace").decode()
        try:
            found = suppressions(_content(path))
        except (OSError, SyntaxError, ValueError, RecursionError, MemoryError) as error:
            troubles.append(f"{shown} cannot be read: {_said(error)}")
            continue
        examined += 1
        findings += (_finding(kind, shown, line) for line, kind in found)
    counted = Counter(finding.rule for finding in findings)
    more = f" (and {len(troubles) - 1} more files)" if len(troubles) > 1 else ""
    return Evidence(
        findings=tuple(findings),
        metrics={**{kind: counted[kind] for kind in KINDS}, TOTAL: len(findings)},
        examined=examined,
        unknown=troubles[0] + more if troubles else None,
        receipt=Receipt(tool="suppressions"),
    )


def _content(path: str) -> bytes:
    """The bytes of a plain file. Raises OSError for anything else, without waiting for it."""
    descriptor = os.open(path, _PLAIN_FILE)
    with os.fdopen(descriptor, "rb") as stream:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError("it is no plain file")
        return stream.read()


def _said(error: BaseException) -> str:
    if isinstance(error, SyntaxError):
        return f"line {error.lineno}: {error.msg}" if error.lineno else str(error.msg)
    if isinstance(error, OSError):
        return error.strerror or str(error)
    return f"{type(error).__name__}: {error}"[:200]


def _finding(kind: str, path: str, line: int) -> Finding:
    return Finding(kind, f"a suppression: {kind}", Severity.INFO, path=path, line=line)


def has_python(project: Project, options: Options) -> str | None:
    if not project.listing_error and not project.python_files():
        return "no Python file in the project"
    return None


def canary(project: Project, options: Options) -> Canary:
    """More of every kind than a limit could leave room for. The marks are a list: no tests."""
    ignores = ("type: ignore", "pyright: ignore", "deptry: ignore")
    words = ("noqa", "nosec", *ignores, "pragma: no cover", "pragma: no branch", "gitleaks:allow")
    everything = " ".join(f"# {word}" for word in words)
    marks = "pytest.mark.skip, pytest.mark.skipif, pytest.mark.xfail"
    lines = [f"    {marks},  {everything}"] * 1000
    source = "\n".join(["import pytest", "", "CANARIES = [", *lines, "]", ""])
    files = [f"{folder}/devops_gates_canary.py" for folder in project.code_folders()]
    return Canary("a thousand suppressions of every kind", dict.fromkeys(files, source))


_TAKE_OFF = "See whether it is still needed: mend what it hides, and take it off."
RULES = (
    *(Rule(kind, f"A comment tells a tool to look away: {kind}.", _TAKE_OFF) for kind in COMMENTS),
    Rule("skip", "A test is skipped wherever it runs.", _TAKE_OFF),
    Rule("skipif", "A test is skipped where its condition holds.", _TAKE_OFF),
    Rule("xfail", "A test is expected to fail.", _TAKE_OFF),
)
SUPPRESSIONS = Gate(
    name="suppressions",
    stage=Stage.DEVELOP,
    options=NoOptions,
    function=check,
    applies=has_python,
    level=ADVISORY,
    levels={"operate": OFF},
    conditions={},
    metrics=(*KINDS, TOTAL),
    again="git grep -nE 'noqa|nosec|: ignore|pragma: no|leaks:allow|skip|xfail'",
    cost=1.0,
    about="Counts the comments and marks by which sources tell tools, or pytest, to look away.",
    static=True,
    canary=canary,
    rules=RULES,
)
