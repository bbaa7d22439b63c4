"""How the user started pytest, and so how the test process is started."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys

import pytest

from pytest_devops_gates.arguments import joined, start_of_pytest
from pytest_devops_gates.errors import UsageError


def child_argv(config: pytest.Config) -> tuple[str, ...]:
    """The command line that starts pytest again as the user started it, with the same arguments.

    Raises UsageError for ``pytest.main(plugins=[object])``: an object cannot reach another process.
    """
    args = joined(str(arg) for arg in config.invocation_params.args)
    plugins: list[str] = []
    for plugin in config.invocation_params.plugins or ():
        if not isinstance(plugin, str):
            raise UsageError(
                f"pytest.main(plugins=[...]) with {type(plugin).__name__} cannot be combined with"
                " --devops-gates, which runs the tests in another process; pass a module's name"
            )
        plugins += ["-p", plugin]
    prefix = start_of_pytest()
    if prefix is not None:
        return (sys.executable, *prefix, *plugins, *args)
    flags: list[str] = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]
    first = sys.path[0] if sys.path else ""
    place = f"sys.path[0] = {first!r}"
    if getattr(sys.flags, "safe_path", False):  # -c puts nothing there that it could take
        place = f"{first!r} in sys.path or sys.path.insert(0, {first!r})"
    code = f"import sys; {place}; import pytest; sys.exit(pytest.main())"
    return (sys.executable, *flags, "-c", code, *plugins, *args)


def worker_count(options: argparse.Namespace) -> int:
    """How many cores the tests will use: xdist's ``-n``, or one."""
    asked = getattr(options, "numprocesses", None)
    if isinstance(asked, str):
        return os.cpu_count() or 1
    return max(1, asked or 1)
