"""``bandit``: insecure code, by the project's bandit settings; without any, all but its tests."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from pytest_devops_gates.errors import CannotTell
from pytest_devops_gates.evidence import Confidence, Evidence, Finding, Severity
from pytest_devops_gates.gate import OFF, Command, Gate, NoOptions, Options, Output
from pytest_devops_gates.process import python_module
from pytest_devops_gates.project import Project
from pytest_devops_gates.stage import Stage

SEVERITIES = {"HIGH": Severity.HIGH, "MEDIUM": Severity.MEDIUM, "LOW": Severity.LOW}
CONFIDENCES = {"HIGH": Confidence.HIGH, "MEDIUM": Confidence.MEDIUM, "LOW": Confidence.LOW}


def command(project: Project, options: Options) -> Command:
    """Named files, so that nothing depends on what bandit's own walk leaves out."""
    settings: list[str] = []
    if project.tool("bandit") is not None:
        settings += ["-c", "pyproject.toml"]
    if (project.root / ".bandit").is_file():
        settings += ["--ini", ".bandit"]
    return Command(
        python_module("bandit", "-f", "json", "-q", *settings, *targets(project)),
        tool="bandit",
        version=version("bandit"),
    )


def targets(project: Project) -> list[str]:
    """The files to read: all that the project's settings do not exclude, or all but its tests."""
    sources = [name for name in project.python_files() if name.endswith(".py")]
    if _configured(project):
        return ["./" + name for name in sources]
    return ["./" + name for name in sources if not project.is_test(name)]


def read(output: Output, project: Project, options: Options) -> Evidence:
    """Source of the format: bandit's JSON formatter (``results``, ``errors``, ``metrics``).

    Files with errors are listed in ``errors`` alone: neither exit code nor results tell of them.
    """
    report = output.json()
    if not isinstance(report, dict) or not {"results", "errors", "metrics"} <= report.keys():
        raise CannotTell("printed JSON without results, errors and metrics")
    results, errors = report["results"], report["errors"]
    if bool(results) != (output.exit_code == 1):
        raise CannotTell(
            f"contradicts itself: it exited with {output.exit_code} and {len(results)} results"
        )
    read_files = [name for name in report["metrics"] if name != "_totals"]
    totals = report["metrics"].get("_totals", {})
    return Evidence.of(
        (_finding(result) for result in results),
        examined=len(read_files) - len(errors),
        metrics={"nosec": totals.get("nosec", 0), "lines": totals.get("loc", 0)},
        unknown=_unread(errors),
    )


def applies(project: Project, options: Options) -> str | None:
    if project.listing_error:
        return None
    if not targets(project):
        return "no Python source beside the tests"
    return None


def _configured(project: Project) -> bool:
    return project.tool("bandit") is not None or (project.root / ".bandit").is_file()


def _unread(errors: list[dict[str, Any]]) -> str | None:
    if not errors:
        return None
    more = f" (and {len(errors) - 1} more files)" if len(errors) > 1 else ""
    return f"bandit could not read {errors[0].get('filename')}: {errors[0].get('reason')}{more}"


def _finding(result: dict[str, Any]) -> Finding:
    lines = result.get("line_range") or [result["line_number"]]
    column, end = result.get("col_offset"), result.get("end_col_offset")
    return Finding(
        rule=str(result["test_id"]),
        message=str(result["issue_text"]),
        severity=SEVERITIES.get(result["issue_severity"], Severity.LOW),
        confidence=CONFIDENCES.get(result["issue_confidence"], Confidence.LOW),
        path=str(result["filename"]),
        line=result["line_number"],
        column=None if column is None or column < 0 else column + 1,
        end_line=lines[-1],
        end_column=None if end is None or end <= 0 else end + 1,
    )


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
)
