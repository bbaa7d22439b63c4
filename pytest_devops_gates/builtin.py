"""What ships: the explicit list, added through the public hook."""

from __future__ import annotations

import pytest

from pytest_devops_gates.gate import Gate
from pytest_devops_gates.gates.bandit import BANDIT
from pytest_devops_gates.gates.build import PACKAGE
from pytest_devops_gates.gates.coverage import COVERAGE
from pytest_devops_gates.gates.install import INSTALL
from pytest_devops_gates.gates.pytest import TESTS
from pytest_devops_gates.gates.ruff import FORMAT, LINT
from pytest_devops_gates.readers import exit_code

READERS = {reader.name: reader for reader in (exit_code.READER,)}
"""The formats that commands of the project's configuration may write."""

GATES = (LINT, FORMAT, PACKAGE, INSTALL, TESTS, COVERAGE, BANDIT)


@pytest.hookimpl(tryfirst=True)
def pytest_devops_gates_add() -> tuple[Gate, ...]:
    return GATES
