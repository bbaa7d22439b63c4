"""What others wrote and the reports are tested with, where the machine has it.

The validators are no Python packages, so environment variables name them. Without a tool its tests
are skipped; with ``DEVOPS_GATES_ALL_TOOLS=1``, as in CI, they fail.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
from pathlib import Path

import pytest

MULTITOOL = "DEVOPS_GATES_MULTITOOL"
"""The executable ``Sarif.Multitool`` of npm's @microsoft/sarif-multitool-linux; it checks what
GitHub's ingestion checks, and has the schema of SARIF beside it."""
JUNIT_XSD = "DEVOPS_GATES_JUNIT_XSD"
"""Jenkins's ``junit-10.xsd``, as in pytest's sdist under testing/example_scripts."""


def tool(variable: str) -> Path:
    """The file that the variable names; the test is skipped, or fails, where there is none."""
    named = os.environ.get(variable)
    if named and Path(named).is_file():
        return Path(named)
    if named or os.environ.get("DEVOPS_GATES_ALL_TOOLS") == "1":
        pytest.fail(f"{variable} names no file: {named!r}")
    pytest.skip(f"{variable} is not set")


def chromium() -> str:
    """The browser, where Playwright is there too, which drives it."""
    found = shutil.which("chromium") or shutil.which("google-chrome")
    if found and importlib.util.find_spec("playwright"):
        return found
    if os.environ.get("DEVOPS_GATES_ALL_TOOLS") == "1":
        pytest.fail("Chromium or Playwright is not installed")
    pytest.skip("Chromium or Playwright is not installed")
