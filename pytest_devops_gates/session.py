"""The test session of a run, as the supervisor prepares it."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from pytest_devops_gates import invocation, measurement
from pytest_devops_gates.project import TestSession


def prepare(
    config: pytest.Config,
    options: argparse.Namespace,
    run_dir: Path,
    pyproject: Mapping[str, Any],
    *,
    measured: bool,
) -> TestSession:
    """How the tests are started, and by whom their coverage is measured.

    Raises UsageError when pytest or coverage cannot be started as it was asked for.
    """
    root, cwd = Path(config.rootpath), Path(config.invocation_params.dir)
    env: dict[str, str] = {}
    measured_by = data = rcfile = None
    if measured and _user_measures(options):
        measured_by = "pytest-cov"
        asked = cwd / str(options.cov_config)
        rcfile = str(asked) if asked.is_file() else None
        data = measurement.adopting(root, cwd, rcfile)
    elif measured:
        measured_by = "coverage"
        env = measurement.measuring(root, run_dir, pyproject)
    return TestSession(
        argv=invocation.child_argv(config),
        env=env,
        measured_by=measured_by,
        coverage_data=data,
        coverage_rcfile=rcfile,
        test_files=tuple(config.getini("python_files")),
        test_functions=tuple(config.getini("python_functions")),
        workers=invocation.worker_count(options),
    )


def _user_measures(options: argparse.Namespace) -> bool:
    """Whether the user's own pytest-cov is at work, from the command line or from addopts."""
    return bool(getattr(options, "cov_source", None)) and not getattr(options, "no_cov", False)
