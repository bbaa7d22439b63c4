"""The Pythons that a project declares, and where on this machine they lie."""

from __future__ import annotations

import configparser
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import Version

from pytest_devops_gates.errors import CannotTell
from pytest_devops_gates.project import Project

OLDEST, NEWEST = 4, 14
"""The minors of Python 3 that an open range means: ``-I`` came with 3.4, and 3.14 is the newest
release that we know of (or the running one, where that is newer)."""

PATCHES = 40
"""Patch releases that are tried to see whether a range holds any of a minor."""

_CLASSIFIER = re.compile(r"Programming Language :: Python :: 3\.(\d+)")


def declared(project: Project) -> list[int] | None:
    """The minors of Python 3 that the project says it runs on, or None when it says nothing.

    Those of ``requires-python`` that a classifier names as well, if any does. Raises CannotTell for
    a declaration that cannot be read.
    """
    old = configparser.ConfigParser(interpolation=None)
    try:
        table = project.pyproject.get("project", {})
        asked, classifiers = table.get("requires-python"), table.get("classifiers")
        old.read_string(project.text("setup.cfg") or "")
        asked = asked or old.get("options", "python_requires", fallback=None)
        listed = classifiers or old.get("metadata", "classifiers", fallback="").splitlines()
        named = {int(m[1]) for text in listed if (m := _CLASSIFIER.fullmatch(text.strip()))}
        allowed = None if asked is None else SpecifierSet(asked)
    except configparser.Error as error:
        raise CannotTell(f"setup.cfg cannot be read: {' '.join(str(error).split())}") from None
    except (InvalidSpecifier, AttributeError, TypeError) as error:
        raise CannotTell(f"the declared Python versions cannot be read: {error}") from None
    if allowed is None:
        return sorted(named) or None
    newest = max(NEWEST, sys.version_info.minor, *named)
    fitting = [minor for minor in range(OLDEST, newest + 1) if _allows(allowed, minor)]
    if not fitting:
        raise CannotTell(f"requires-python '{asked}' allows no Python from 3.{OLDEST} on")
    return [minor for minor in fitting if minor in named] or fitting


def _allows(allowed: SpecifierSet, minor: int) -> bool:
    return any(allowed.contains(Version(f"3.{minor}.{patch}")) for patch in range(PATCHES))


def interpreter(minor: int, project: Project) -> str | None:
    """A Python 3.``minor``: the running one, one on PATH outside of the checkout, one of pyenv or
    of uv; None when there is none."""
    if sys.version_info[:2] == (3, minor):
        return sys.executable
    top = (project.toplevel or project.root).resolve()
    for path in _places(f"python3.{minor}"):
        if path.is_file() and os.access(path, os.X_OK):
            real = (path.parent.resolve(), path.resolve().parent)
            if not any(top == folder or top in folder.parents for folder in real):
                return str(path)
    return None


def _places(name: str) -> Iterator[Path]:
    """Where an interpreter may lie. The shims of pyenv and its like are scripts that ask
    the current folder which Python to start: they are no interpreters."""
    for folder in os.get_exec_path():
        if os.path.isabs(folder) and os.path.basename(folder) != "shims":
            yield Path(folder, name)
    data = os.environ.get("XDG_DATA_HOME") or os.path.expanduser("~/.local/share")
    uv = os.environ.get("UV_PYTHON_INSTALL_DIR") or os.path.join(data, "uv", "python")
    for above in (os.path.expanduser("~/.pyenv/versions"), uv):
        if os.path.isabs(above):
            found = Path(above).glob(f"*/bin/{name}")
            yield from sorted(found, key=_newest_first, reverse=True)


def _newest_first(path: Path) -> tuple[bool, list[int]]:
    """CPython before others, then by the numbers in the folder's name."""
    folder = path.parent.parent.name
    is_cpython = folder[:1].isdigit() or folder.startswith("cpython")
    return is_cpython, [int(number) for number in re.findall(r"\d+", folder)]
