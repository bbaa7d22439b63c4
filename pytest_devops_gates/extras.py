"""Tools that do not come with this package alone: whether they are there."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from pytest_devops_gates.gate import Extra
from pytest_devops_gates.process import find_optional


def is_missing(extra: Extra, root: Path) -> bool:
    """Whether neither its module nor its program is installed, outside of the checkout."""
    if extra.module and importlib.util.find_spec(extra.module) is not None:
        return False
    return not (extra.program and find_optional(extra.program, root))
