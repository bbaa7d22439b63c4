"""The hooks that other plugins may implement."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pytest_devops_gates.gate import Gate
    from pytest_devops_gates.report import Report, Reporter


@pytest.hookspec
def pytest_devops_gates_add() -> Gate | Iterable[Gate]:  # type: ignore[empty-body]
    """Add a gate, or several. The built-in gates come in through this hook too."""


@pytest.hookspec
def pytest_devops_gates_add_reporters() -> Reporter | Iterable[Reporter]:  # type: ignore[empty-body]
    """Add a format of the report, or several. The built-in ones come in through this hook too."""


@pytest.hookspec
def pytest_devops_gates_verdict(report: Report) -> None:
    """Called once the verdict stands and is written. Whatever happens here, it stands."""
