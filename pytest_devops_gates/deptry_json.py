"""What deptry says of imports and declared dependencies. Pure.

Source: deptry's manual (usage, rules), and what deptry 0.25.1 prints.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Collection, Iterable, Mapping

import msgspec
from packaging.utils import canonicalize_name

from pytest_devops_gates.errors import CannotTell
from pytest_devops_gates.evidence import Confidence, Evidence, Finding, Severity
from pytest_devops_gates.gate import Output

MISSING, UNUSED = "DEP001", "DEP002"
SEVERITIES = {
    MISSING: Severity.HIGH,
    UNUSED: Severity.LOW,
    "DEP003": Severity.MEDIUM,
    "DEP004": Severity.HIGH,
    "DEP005": Severity.LOW,
}
MENDS = {
    MISSING: "declare the distribution that holds it",
    UNUSED: "take it out, or ignore it in [tool.deptry.per_rule_ignores] if it is used otherwise",
    "DEP003": "declare it as well",
    "DEP004": "move it to the run-time dependencies",
    "DEP005": "take it out",
}
GUARDED = " (its ImportError is caught)"

_GUESSED = re.compile(r"^Assuming the corresponding module name of package '([^']+)' is ", re.M)
_SKIPPED = re.compile(r"^Warning: Skipping processing of (.+) because of the following error: (.+)")
_SCANNED = re.compile(r"^Scanning (\d+) files?\.\.\.$", re.MULTILINE)

Guard = Callable[[str, int], bool]
"""Whether an import, by file and line, is one whose failure the code catches."""


class _Error(msgspec.Struct):
    code: str
    message: str


class _Location(msgspec.Struct):
    file: str
    line: int | None
    column: int | None


class _Issue(msgspec.Struct):
    error: _Error
    module: str
    location: _Location


def read(output: Output, is_guarded: Guard, judged: Collection[str] | None = None) -> Evidence:
    """The issues as findings; what deptry could not read, or had to guess, is unknown.

    ``judged`` are the distributions (PEP 503) of which it is told that nothing imports them: all,
    where it is None.

    Raises CannotTell when it read nothing, and when exit code and issues differ: a crash has the
    same exit code as an issue.
    """
    said = output.stderr.decode("utf-8", "replace")
    issues = output.decode(list[_Issue])
    if bool(issues) != (output.exit_code == 1):
        told = f"{len(issues)} issues"
        raise CannotTell(f"contradicts itself: it exited with {output.exit_code} and {told}")
    scanned = _SCANNED.findall(said)
    if len(scanned) != 1:
        raise CannotTell("does not say how many files it read")
    skipped = [m for line in said.splitlines() if (m := _SKIPPED.match(line))]
    examined = int(scanned[0]) - len(skipped)
    if examined < 1:
        raise CannotTell("read no file" + (f": {_unread(skipped)}" if skipped else ""))
    guessed = {str(canonicalize_name(name)): name for name in _GUESSED.findall(said)}
    optional = {
        (issue.location.file, issue.module)
        for issue in issues
        if issue.location.line and is_guarded(issue.location.file, issue.location.line)
    }
    found = {id(issue): _finding(issue, guessed, optional) for issue in issues}
    sure, unknown = _sure(issues, found, guessed, skipped)
    findings = [found[id(one)] for one in sure if judged is None or _is_judged(one, judged)]
    return Evidence.of(findings, examined=examined, unknown=unknown, notes=_notes(guessed.values()))


def _is_judged(issue: _Issue, judged: Collection[str]) -> bool:
    return issue.error.code != UNUSED or canonicalize_name(issue.module) in judged


def _sure(
    issues: list[_Issue],
    found: Mapping[int, Finding],
    guessed: Collection[str],
    skipped: list[re.Match[str]],
) -> tuple[list[_Issue], str | None]:
    """The issues that are certain, and why there may be others, or fewer.

    What is unused in the files that were read may be used in another. A module that nothing
    declares may come from a declared distribution that is not installed.
    """
    unused = [issue for issue in issues if issue.error.code == UNUSED]
    doubtful = sorted(i.module for i in unused if canonicalize_name(i.module) in guessed)
    missing = [
        i for i in issues if i.error.code == MISSING and found[id(i)].severity == Severity.HIGH
    ]
    if skipped:
        return [
            one for one in issues if one not in unused
        ], f"deptry could not read {_unread(skipped)}"
    if doubtful and missing:
        return [one for one in issues if one not in missing], (
            f"{missing[0].module} may come from {_listed(doubtful)}, declared and not installed"
            f" · python -m pip install {shlex.join(doubtful)}"
        )
    return issues, None


def _finding(
    issue: _Issue, guessed: Collection[str], optional: Collection[tuple[str, str]]
) -> Finding:
    """What a file imports once with the failure caught is optional in all of that file."""
    code, place = issue.error.code, issue.location
    if code not in SEVERITIES:
        raise CannotTell(f"tells of a rule that is not known: {code!r:.40}")
    severity, about, confidence = SEVERITIES[code], "", Confidence.HIGH
    if code == UNUSED and canonicalize_name(issue.module) in guessed:
        about, confidence = " (it is not installed: judged by its name)", Confidence.LOW
    elif code != UNUSED and (place.file, issue.module) in optional:
        about, severity = GUARDED, Severity.INFO
    return Finding(
        rule=code,
        message=f"{issue.error.message}{about} · {MENDS[code]}",
        severity=severity,
        confidence=confidence,
        path=place.file,
        line=place.line,
        column=place.column,
    )


def _unread(skipped: list[re.Match[str]]) -> str:
    more = f" (and {len(skipped) - 1} more)" if len(skipped) > 1 else ""
    return f"{skipped[0][1]}: {skipped[0][2].rstrip('.')[:200]}{more}"


def _notes(guessed: Iterable[str]) -> list[str]:
    names = sorted(guessed)
    if not names:
        return []
    return [f"declared, but not installed here, so known by name alone: {_listed(names)}"]


def _listed(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if names[5:] else "")
