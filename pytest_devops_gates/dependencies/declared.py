"""What a project itself requires at run time, in whichever file it says so. Files are read, and
nothing of the project runs.

Sources: PEP 621 and 735 (pyproject.toml), setuptools' manual (setup.cfg), Poetry's manual, and the
core metadata of the project where it is installed.
"""

from __future__ import annotations

import configparser
import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
from packaging.utils import canonicalize_name

from pytest_devops_gates.dependencies.distributions import Distribution
from pytest_devops_gates.errors import CannotTell
from pytest_devops_gates.project import Project

ITSELF = "python -m pip install -e ."
"""The command that installs the project into its own environment."""

KEYS = frozenset({"dependencies", "optional-dependencies"})


class Declared(msgspec.Struct, frozen=True):
    """What a project itself asks for: requirements, in which table, and its own extras."""

    name: str = ""
    requires: tuple[str, ...] = ()
    where: str = "pyproject.toml"
    extras: Mapping[str, tuple[str, ...]] = {}


def declared(project: Project, here: Mapping[str, Distribution]) -> Declared | None:
    """What the project asks for at run time, or None where it has no packaging metadata.

    Where a tool works it out (``dynamic``, setup.py, Poetry), by what is installed of the project.
    Raises CannotTell when that cannot be read, or is not installed.
    """
    own = in_pyproject(project)
    if own is not None:
        return own
    cfg = _setup_cfg(project)
    in_toml = "project" in project.pyproject or project.tool("poetry") is not None
    if not in_toml and cfg.has_option("options", "install_requires"):
        return _of_setup_cfg(project, cfg, here)
    if in_toml or cfg.has_section("metadata") or (project.root / "setup.py").is_file():
        return _as_installed(project, here)
    return None


def in_pyproject(project: Project) -> Declared | None:
    """What ``[project]`` lists; None without such a table, and where a tool works some of it out.
    Raises CannotTell for what is no list of requirements."""
    table = project.pyproject.get("project")
    if not isinstance(table, dict) or _is_worked_out(table, project.tool("poetry") or {}):
        return None
    listed = _texts(table.get("dependencies", []), "[project].dependencies")
    extras = table.get("optional-dependencies", {})
    if not isinstance(extras, dict):
        raise CannotTell("[project].optional-dependencies is no table")
    told = {
        str(canonicalize_name(extra)): _texts(value, f"[project].optional-dependencies.{extra}")
        for extra, value in extras.items()
    }
    return Declared(named(project), listed, "pyproject.toml", told)


def _is_worked_out(table: Mapping[str, Any], poetry: Mapping[str, Any]) -> bool:
    """Poetry has a list of its own, which counts where ``[project]`` has none."""
    dynamic = table.get("dynamic")
    if isinstance(dynamic, list) and any(key in dynamic for key in KEYS):
        return True
    return "dependencies" in poetry and "dependencies" not in table


def named(project: Project) -> str:
    """The project's normalised name, as its metadata have it; empty where it has none."""
    for table in (project.pyproject.get("project"), project.tool("poetry")):
        if isinstance(table, dict) and isinstance(table.get("name"), str):
            return canonicalize_name(table["name"])
    return canonicalize_name(_setup_cfg(project).get("metadata", "name", fallback=""))


def grouped(project: Project, names: Sequence[str]) -> tuple[str, ...]:
    """The requirements of ``[dependency-groups]``, with what they include (PEP 735).

    Raises CannotTell for a group that is not there, or is none.
    """
    table = project.pyproject.get("dependency-groups", {})
    known = {canonicalize_name(k): v for k, v in table.items()} if isinstance(table, dict) else {}
    found: list[str] = []
    seen: set[str] = set()
    left = deque(canonicalize_name(name) for name in names)
    while left:
        name = left.popleft()
        if name in seen:
            continue
        seen.add(name)
        if not isinstance(known.get(name), list):
            raise CannotTell(f"pyproject.toml has no [dependency-groups] {name}")
        for item in known[name]:
            if isinstance(item, dict) and isinstance(item.get("include-group"), str):
                left.append(canonicalize_name(item["include-group"]))
            else:
                found += _texts([item], f"[dependency-groups].{name}")
    return tuple(found)


def _as_installed(project: Project, here: Mapping[str, Distribution]) -> Declared:
    packages = (canonicalize_name(package.rpartition("/")[2]) for package in project.packages)
    own = named(project) or next((name for name in packages if name in here), "")
    if own not in here:
        raise CannotTell(
            f"the requirements of {own or 'the project'} stand in no file that can be read as it"
            f" is, and it is not installed · {ITSELF}"
        )
    requires = here[own].requires
    extras = dict.fromkeys(_extras_named(requires), requires)
    return Declared(own, requires, f"the installed {own} {here[own].version}", extras)


def _extras_named(requires: Iterable[str]) -> Iterator[str]:
    """The extras that markers name: ``x; extra == "test"``."""
    for text in requires:
        for _, name in re.findall(r"""\bextra\s*==\s*(["'])([^"']+)\1""", text):
            yield canonicalize_name(name)


def _of_setup_cfg(
    project: Project, cfg: configparser.ConfigParser, here: Mapping[str, Distribution]
) -> Declared:
    told = cfg.get("options", "install_requires")
    section = "options.extras_require"
    options = dict(cfg.items(section)) if cfg.has_section(section) else {}
    if any(text.strip().startswith("file:") for text in (told, *options.values())):
        return _as_installed(project, here)
    extras = {str(canonicalize_name(extra)): _lines(text) for extra, text in options.items()}
    return Declared(named(project), _lines(told), "setup.cfg", extras)


def _lines(text: str) -> tuple[str, ...]:
    lines = (line.strip() for part in text.splitlines() for line in part.split(" #")[:1])
    return tuple(line for line in lines if line and not line.startswith("#"))


def _setup_cfg(project: Project) -> configparser.ConfigParser:
    cfg = configparser.ConfigParser(interpolation=None)
    try:
        cfg.read_string(project.text("setup.cfg") or "")
    except configparser.Error as error:
        said = " ".join(str(error).split())[:200]
        raise CannotTell(f"setup.cfg cannot be read: {said}") from None
    return cfg


def _texts(value: object, where: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise CannotTell(f"{where} is no array of strings")
    return tuple(value)
