"""How the user started pytest, and so how the test process is started."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys

import pytest

from pytest_devops_gates.errors import UsageError


def child_argv(config: pytest.Config) -> tuple[str, ...]:
    """The command line that starts pytest again as the user started it, with the same arguments.

    Raises UsageError for ``pytest.main(plugins=[object])``: an object cannot reach another process.
    """
    args = _joined([str(arg) for arg in config.invocation_params.args])
    plugins: list[str] = []
    for plugin in config.invocation_params.plugins or ():
        if not isinstance(plugin, str):
            raise UsageError(
                f"pytest.main(plugins=[...]) with {type(plugin).__name__} cannot be combined with"
                " --devops-gates, which runs the tests in another process; pass a module's name"
            )
        plugins += ["-p", plugin]
    prefix = sys.orig_argv[1 : max(1, len(sys.orig_argv) - len(sys.argv) + 1)]
    if _starts_pytest(prefix):
        return (sys.executable, *prefix, *plugins, *args)
    flags: list[str] = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]
    first = sys.path[0] if sys.path else ""
    code = f"import sys; sys.path[0] = {first!r}; import pytest; sys.exit(pytest.main())"
    return (sys.executable, *flags, "-c", code, *plugins, *args)


def _joined(args: list[str]) -> list[str]:
    """Our folder option as one argument: pytest would take a folder that stands alone for a path
    of tests, and look for its settings from there."""
    joined: list[str] = []
    rest = iter(args)
    for arg in rest:
        if arg == "--":
            return [*joined, arg, *rest]
        value = next(rest, None) if arg == "--devops-gates-report" else None
        joined.append(arg if value is None else f"{arg}={value}")
    return joined


def _starts_pytest(prefix: list[str]) -> bool:
    """Whether what the interpreter was told to run is pytest itself, and no program around it."""
    options = iter(prefix)
    for option in options:
        if option in ("-W", "-X"):
            next(options, None)
        elif option in ("-m", "-mpytest"):
            return option == "-mpytest" or list(options) == ["pytest"]
        elif not option.startswith("-"):
            return os.path.basename(option) in {"pytest", "py.test"} and not list(options)
    return False


def worker_count(options: argparse.Namespace) -> int:
    """How many cores the tests will use: xdist's ``-n``, or one."""
    asked = getattr(options, "numprocesses", None)
    if isinstance(asked, str):
        return os.cpu_count() or 1
    return max(1, asked or 1)
