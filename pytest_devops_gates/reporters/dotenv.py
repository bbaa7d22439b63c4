"""gates.env: the verdict as variables of later jobs, in GitLab.

GitLab takes 20 variables and 5 KB, and no quotes, blank lines or line ends in a value. Source:
https://docs.gitlab.com/ci/yaml/artifacts_reports/#artifactsreportsdotenv
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from pytest_devops_gates.ci import GITLAB
from pytest_devops_gates.report import Report, Reporter

PREFIX = "DEVOPS_GATES_"
_VALUE = re.compile(r"[A-Za-z0-9.-]{1,100}")
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


def render(report: Report) -> str:
    """One variable a line. Left out is what nobody counted, and what is no word, number or digest:
    a shell will read it."""
    return "".join(
        f"{PREFIX}{name}={value}\n" for name, value in _variables(report) if _VALUE.fullmatch(value)
    )


def _variables(report: Report) -> Iterator[tuple[str, str]]:
    verdict, counts, tests = report.verdict, report.counts, report.verdict.tests
    yield "VERDICT", verdict.verdict
    yield "EXIT_STATUS", str(verdict.exit_status)
    yield "PROFILE", verdict.profile
    yield "COMPLETE", str(verdict.selection.complete).lower()
    yield "RUN_ID", verdict.run_id
    yield "POLICY_SHA256", verdict.policy.sha256
    if _COMMIT.fullmatch(verdict.commit or ""):
        yield "COMMIT", verdict.commit or ""
    if verdict.gates:
        yield "FINDINGS_TOTAL", str(counts.total)
        yield "FINDINGS_NEW", str(counts.new)
        yield "FINDINGS_KNOWN", str(counts.known)
        yield "FINDINGS_WAIVED", str(counts.waived)
    if tests.collected:
        yield "TESTS_PASSED", str(tests.passed)
        yield "TESTS_FAILED", str(tests.failed)
        yield "TESTS_ERRORS", str(tests.errors)
        yield "TESTS_SKIPPED", str(tests.skipped)


DOTENV = Reporter(
    "dotenv",
    render,
    file="gates.env",
    about="the verdict as variables of later jobs (GitLab)",
    ci=GITLAB,
)
