"""The arguments that the user typed, where pytest would misunderstand them.

pytest looks for its rootdir and its settings before it loads plugins. It does not know our options
then, and takes the value of one (``--devops-gates-report DIR``) for a path of tests if there is
something of that name. Written as one argument (``--devops-gates-report=DIR``) it is no path.

Imports nothing that pytest has not loaded: the checkout is still on ``sys.path``.
"""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterable, Mapping, Sequence

ADDOPTS = "PYTEST_ADDOPTS"
VALUED = frozenset(
    f"--devops-gates-{name}" for name in ("profile", "stage", "base", "policy", "report")
)
"""Our options that take a value."""
SETTINGS = ("pytest.toml", ".pytest.toml", "pytest.ini", ".pytest.ini", "pyproject.toml", "tox.ini",
            "setup.cfg", "setup.py")  # fmt: skip
"""Files by which pytest knows a root."""


def joined(args: Iterable[str]) -> list[str]:
    """The arguments, each of our options in one with its value."""
    made: list[str] = []
    rest = iter(args)
    for arg in rest:
        if arg == "--":
            return [*made, arg, *rest]
        value = next(rest, None) if arg in VALUED else None
        made.append(arg if value is None else f"{arg}={value}")
    return made


def joined_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """What is different when the options in PYTEST_ADDOPTS are joined as well."""
    told = environment.get(ADDOPTS, "")
    try:
        args = shlex.split(told)
    except ValueError:
        return {}  # pytest says what is wrong with it
    return {ADDOPTS: shlex.join(joined(args))} if joined(args) != args else {}


def mislead(args: Sequence[str], folder: str) -> bool:
    """Whether a value that stands alone may have led pytest, started in ``folder``, to another
    root: it is a path outside of the folder, or settings lie on the way to it."""
    values = [
        args[at + 1] for at, arg in enumerate(args[:-1]) if arg in VALUED and "--" not in args[:at]
    ]
    top = os.path.realpath(folder)
    for value in values:
        path = os.path.realpath(os.path.join(folder, value))
        if not os.path.exists(path):
            continue
        if not (path + os.sep).startswith(top.rstrip(os.sep) + os.sep):
            return True
        while path != top:
            if any(os.path.exists(os.path.join(path, name)) for name in SETTINGS):
                return True
            path = os.path.dirname(path)
    return False


def start_of_pytest() -> list[str] | None:
    """What stands before pytest's own arguments where the interpreter was told to run pytest
    itself; None for a program around it."""
    prefix = sys.orig_argv[1 : max(1, len(sys.orig_argv) - len(sys.argv) + 1)]
    return prefix if _starts_pytest(prefix) else None


def _starts_pytest(prefix: list[str]) -> bool:
    options = iter(prefix)
    for option in options:
        if option in ("-W", "-X"):
            next(options, None)
        elif option in ("-m", "-mpytest"):
            return option == "-mpytest" or list(options) == ["pytest"]
        elif not option.startswith("-"):
            return os.path.basename(option) in {"pytest", "py.test"} and not list(options)
    return False
