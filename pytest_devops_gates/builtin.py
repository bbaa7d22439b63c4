"""What ships: the explicit list, added through the public hook."""

from __future__ import annotations

import pytest

from pytest_devops_gates.gate import Gate
from pytest_devops_gates.gates.api import API
from pytest_devops_gates.gates.approval import APPROVAL
from pytest_devops_gates.gates.bandit import BANDIT
from pytest_devops_gates.gates.build import PACKAGE
from pytest_devops_gates.gates.changelog import CHANGELOG
from pytest_devops_gates.gates.commits import COMMITS
from pytest_devops_gates.gates.compiles import COMPILES
from pytest_devops_gates.gates.coverage import COVERAGE
from pytest_devops_gates.gates.dependencies import DEPENDENCIES
from pytest_devops_gates.gates.freeze import FREEZE
from pytest_devops_gates.gates.health import HEALTH
from pytest_devops_gates.gates.inbox import INBOX
from pytest_devops_gates.gates.incidents import INCIDENTS
from pytest_devops_gates.gates.install import INSTALL
from pytest_devops_gates.gates.licenses import LICENSES
from pytest_devops_gates.gates.locked import LOCKED
from pytest_devops_gates.gates.mutation import MUTATION
from pytest_devops_gates.gates.policy import POLICY
from pytest_devops_gates.gates.pytest import TESTS
from pytest_devops_gates.gates.reproducible import REPRODUCIBLE
from pytest_devops_gates.gates.ruff import FORMAT, LINT
from pytest_devops_gates.gates.secrets import SECRETS
from pytest_devops_gates.gates.slo import SLO
from pytest_devops_gates.gates.suppressions import SUPPRESSIONS
from pytest_devops_gates.gates.traceability import TRACEABILITY
from pytest_devops_gates.gates.tree import TREE
from pytest_devops_gates.gates.trend import TREND
from pytest_devops_gates.gates.types import TYPES
from pytest_devops_gates.gates.version import VERSION
from pytest_devops_gates.gates.vulnerabilities import VULNERABILITIES
from pytest_devops_gates.gates.work_items import WORK_ITEMS
from pytest_devops_gates.gates.workflows import WORKFLOWS
from pytest_devops_gates.readers import (
    cobertura,
    exit_code,
    gitlab_code_quality,
    junit,
    metrics_json,
    sarif,
)
from pytest_devops_gates.report import Reporter
from pytest_devops_gates.reporters.code_quality import CODE_QUALITY
from pytest_devops_gates.reporters.dotenv import DOTENV
from pytest_devops_gates.reporters.html import HTML
from pytest_devops_gates.reporters.junit import JUNIT, JUNIT_GITLAB
from pytest_devops_gates.reporters.markdown import MARKDOWN
from pytest_devops_gates.reporters.sarif import SARIF
from pytest_devops_gates.reporters.terminal import TERMINAL
from pytest_devops_gates.reporters.verdict_json import JSON

READERS = {
    reader.name: reader
    for reader in (
        exit_code.READER,
        sarif.READER,
        junit.READER,
        cobertura.READER,
        gitlab_code_quality.READER,
        metrics_json.READER,
    )
}
"""The formats that commands of the project's configuration may write."""

GATES = (
    WORK_ITEMS,
    TRACEABILITY,
    LINT,
    FORMAT,
    TYPES,
    SUPPRESSIONS,
    POLICY,
    TREE,
    COMMITS,
    PACKAGE,
    INSTALL,
    COMPILES,
    REPRODUCIBLE,
    TESTS,
    COVERAGE,
    MUTATION,
    BANDIT,
    SECRETS,
    VULNERABILITIES,
    LICENSES,
    WORKFLOWS,
    DEPENDENCIES,
    VERSION,
    CHANGELOG,
    API,
    LOCKED,
    FREEZE,
    APPROVAL,
    HEALTH,
    SLO,
    INCIDENTS,
    TREND,
    INBOX,
)

REPORTERS: tuple[Reporter, ...] = (
    TERMINAL,
    JSON,
    HTML,
    MARKDOWN,
    SARIF,
    JUNIT,
    CODE_QUALITY,
    JUNIT_GITLAB,
    DOTENV,
)


@pytest.hookimpl(tryfirst=True)
def pytest_devops_gates_add() -> tuple[Gate, ...]:
    return GATES


@pytest.hookimpl(tryfirst=True)
def pytest_devops_gates_add_reporters() -> tuple[Reporter, ...]:
    return REPORTERS
