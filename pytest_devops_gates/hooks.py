"""The hooks that other plugins may implement."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pytest_devops_gates.gate import Gate


@pytest.hookspec
def pytest_devops_gates_add() -> Gate | Iterable[Gate]:  # type: ignore[empty-body]
    """Add a gate, or several. The built-in gates come in through this hook too."""
