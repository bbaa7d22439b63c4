"""``bandit``: insecure code, by the project's bandit settings; without any, all but its tests."""

from __future__ import annotations

import re
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Literal

import msgspec

from pytest_devops_gates.errors import CannotTell, NotApplicable
from pytest_devops_gates.evidence import Confidence, Evidence, Finding, Rule, Severity
from pytest_devops_gates.gate import OFF, Canary, Command, Gate, NoOptions, Options, Output
from pytest_devops_gates.process import python_module
from pytest_devops_gates.project import Project
from pytest_devops_gates.stage import Stage

SENTINEL = "devops_gates_sentinel.py"
Rank = Literal["HIGH", "MEDIUM", "LOW", "UNDEFINED"]
SEVERITIES = {"HIGH": Severity.HIGH, "MEDIUM": Severity.MEDIUM}
CONFIDENCES = {"HIGH": Confidence.HIGH, "MEDIUM": Confidence.MEDIUM}


class _Weakness(msgspec.Struct):
    id: int | None = None
    link: str | None = None


class _Result(msgspec.Struct):
    test_id: str
    issue_text: str
    issue_severity: Rank
    issue_confidence: Rank
    filename: str
    line_number: int
    line_range: list[int] = []
    col_offset: int | None = None
    end_col_offset: int | None = None
    test_name: str | None = None
    more_info: str | None = None
    issue_cwe: _Weakness | None = None


class _Error(msgspec.Struct):
    filename: str
    reason: str


class _Report(msgspec.Struct):
    """Source: bandit's JSON formatter."""

    results: list[_Result]
    errors: list[_Error]
    metrics: dict[str, dict[str, int]]


def command(project: Project, options: Options) -> Command:
    """Named files, so that nothing depends on what bandit's own walk leaves out."""
    settings: list[str] = []
    if project.tool("bandit") is not None:
        settings += ["-c", "pyproject.toml"]
    if (project.root / ".bandit").is_file():
        settings += ["--ini", ".bandit"]
    if project.scope is not None:
        settings.append(str(_sentinel(project)))
    return Command(
        python_module("bandit", "-f", "json", "-q", *settings, *targets(project)),
        tool="bandit",
        version=version("bandit"),
    )


def _sentinel(project: Project) -> Path:
    """A file of ours that bandit reads too: where it reads nothing else, the project's settings
    leave out all that a hook is asked to look at."""
    path = project.run_dir / SENTINEL
    path.write_text("devops_gates = True\n", encoding="utf-8")
    return path


def targets(project: Project) -> list[str]:
    """The files to read: all that the project's settings do not exclude, or all but its tests."""
    sources = [name for name in project.python_files() if name.endswith(".py")]
    if _configured(project):
        return ["./" + name for name in sources]
    return ["./" + name for name in sources if not project.is_test(name)]


def read(output: Output, project: Project, options: Options) -> Evidence:
    """Files that bandit could not read stand in ``errors`` alone: neither its exit code nor its
    results tell of them."""
    report = output.decode(_Report)
    if bool(report.results) != (output.exit_code == 1):
        found = f"{len(report.results)} results"
        raise CannotTell(f"contradicts itself: it exited with {output.exit_code} and {found}")
    read = [name for name in report.metrics if name != "_totals"]
    if project.scope is not None:
        ours = [name for name in read if name.endswith(SENTINEL)]
        if not ours:
            raise CannotTell("did not read the file that it always gets")
        if len(read) == 1 and not report.errors:
            raise NotApplicable("the project's bandit settings leave out all files to look at")
        read = [name for name in read if name not in ours]
    totals = report.metrics.get("_totals", {})
    return Evidence.of(
        (_finding(result) for result in report.results),
        examined=max(0, len(read) - len(report.errors)),
        metrics={"nosec": totals.get("nosec", 0), "lines": totals.get("loc", 0)},
        unknown=_unread(report.errors),
        rules=_rules(report.results),
    )


def applies(project: Project, options: Options) -> str | None:
    if project.listing_error:
        return None
    if not targets(project):
        where = "" if project.scope is None else " among the files to look at"
        return f"no Python source beside the tests{where}"
    return None


def _configured(project: Project) -> bool:
    return project.tool("bandit") is not None or (project.root / ".bandit").is_file()


def _unread(errors: list[_Error]) -> str | None:
    if not errors:
        return None
    more = f" (and {len(errors) - 1} more files)" if len(errors) > 1 else ""
    return f"bandit could not read {errors[0].filename}: {errors[0].reason}{more}"


def _finding(result: _Result) -> Finding:
    column, end = result.col_offset, result.end_col_offset
    return Finding(
        rule=result.test_id,
        message=result.issue_text,
        severity=SEVERITIES.get(result.issue_severity, Severity.LOW),
        confidence=CONFIDENCES.get(result.issue_confidence, Confidence.LOW),
        path=result.filename,
        line=result.line_number,
        column=None if column is None or column < 0 else column + 1,
        end_line=(result.line_range or [result.line_number])[-1],
        end_column=None if end is None or end <= 0 else end + 1,
    )


def _rules(results: Iterable[_Result]) -> list[Rule]:
    """What bandit tells of the tests that found something, each test once."""
    first: dict[str, _Result] = {}
    for result in results:
        first.setdefault(result.test_id, result)
    return [_rule(name, result) for name, result in first.items()]


def _rule(name: str, result: _Result) -> Rule:
    page, weakness = result.more_info or "", result.issue_cwe
    said = ["Its page tells why this is a risk, and what is safer."] if page else []
    if weakness and weakness.id:
        said.append(f"It is a case of CWE-{weakness.id}: {weakness.link or 'see cwe.mitre.org'}")
    return Rule(name, says=_says(result.test_name or "", page), help=" ".join(said), uri=page)


def _says(test: str, page: str) -> str:
    """``subprocess popen with shell equals true``, of the test's name; those on bandit's blacklists
    have their names in the address of their page alone: ``#b404-import-subprocess``."""
    if test == "blacklist":
        listed = re.sub(r"^(?:b\d+-)+", "", page.rpartition("#")[2])
        return f"on bandit's blacklist: {listed.replace('-', ' ')}"
    return test.replace("_", " ")


def canary(project: Project, options: Options) -> Canary:
    source = "import subprocess\nimport sys\n\nsubprocess.call(sys.argv[1], shell=True)\n"
    files = [f"{folder}/devops_gates_canary.py" for folder in project.code_folders()]
    return Canary("a shell injection (B602)", dict.fromkeys(files, source))


BANDIT = Gate(
    name="bandit",
    stage=Stage.SECURITY,
    options=NoOptions,
    command=command,
    read=read,
    applies=applies,
    levels={"operate": OFF},
    conditions={"findings.high.medium": "== 0"},
    metrics=("nosec", "lines"),
    again="bandit -r .",
    cost=3.0,
    about="The product's sources hold no insecure code that bandit knows of.",
    static=True,
    canary=canary,
    suppress="# nosec {rule}",
)
