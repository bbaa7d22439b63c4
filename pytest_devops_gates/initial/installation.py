"""How CI installs a project with what its tests and its type checker need. Pure, but for a look at
which requirement files there are.

Nothing that a project wrote comes into a command, but for the names that are listed here.
"""

from __future__ import annotations

import configparser
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import PackageNotFoundError, requires
from typing import Any

import msgspec
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from pytest_devops_gates.initial.survey import Survey

TEST = ("test", "tests", "testing")
DEVELOPMENT = ("dev", "develop", "development")
TYPES = ("types", "typing", "typecheck", "type-check", "type-checking", "mypy", "pyright")
FILES = tuple(
    pattern.format(name)
    for name in ("dev", "test", "tests")
    for pattern in ("requirements-{}.txt", "requirements/{}.txt", "{}-requirements.txt")
)
OURS = "pytest-devops-gates"
UNKNOWN = "add what your tests need: no extra, group or requirements file for them was found"

Named = Mapping[str, list[str]]
"""Requirements by the canonical name of their extra or group."""


class Installation(msgspec.Struct, frozen=True):
    """Commands for a shell, and ``notes`` on what could not be told."""

    commands: tuple[str, ...]
    notes: tuple[str, ...] = ()


def installation(found: Survey) -> Installation:
    """The commands that install the project for a run of all gates."""
    extras, groups = _extras(found), _groups(found.pyproject)
    chosen = _chosen(extras, groups, found.checker)
    in_extras = [name for name in chosen if name in extras]
    in_groups = [name for name in chosen if name not in extras]
    files = [] if chosen else [name for name in FILES if (found.root / name).is_file()][:1]
    arguments = [_itself(found, in_extras)]
    arguments += [f"--group {name}" for name in in_groups]
    arguments += [f"-r {name}" for name in files]
    listed = {req for name in chosen for req in (*extras.get(name, ()), *groups.get(name, ()))}
    if found.checker and found.checker not in listed and not files:
        arguments.append(found.checker)
    pin = ruff_pin(found.ruff)
    arguments += [OURS, *([f"'{pin}'"] if pin else []), "uv"]
    install = "python -m pip install " + " ".join(filter(None, arguments))
    before = ("python -m pip install 'pip>=25.1'",) if in_groups else ()  # it knows --group
    return Installation((*before, install), () if chosen or files else (UNKNOWN,))


def ruff_pin(version: str | None) -> str | None:
    """``ruff==VERSION``, where we run on that version as well; formatting differs from one to the
    next."""
    try:
        told = Version(version or "")
        needed = next(r for r in map(Requirement, requires(OURS) or ()) if r.name == "ruff")
    except (InvalidVersion, InvalidRequirement, PackageNotFoundError, StopIteration):
        return None
    return f"ruff=={told}" if needed.specifier.contains(told, prereleases=True) else None


def _chosen(extras: Named, groups: Named, checker: str | None) -> list[str]:
    """Those for tests, or else for development; and one that brings the type checker."""
    known = {**groups, **extras}
    chosen = [name for name in TEST if name in known]
    chosen = chosen or [name for name in DEVELOPMENT if name in known]
    if checker and not any(checker in known[name] for name in chosen):
        brings = [name for name in (*TYPES, *DEVELOPMENT) if checker in known.get(name, ())]
        chosen += brings[:1]
    return chosen


def _itself(found: Survey, extras: Iterable[str]) -> str:
    """The project; what it needs, where it is none that pip installs."""
    told = "project" in found.pyproject or "build-system" in found.pyproject
    if told or any((found.root / name).is_file() for name in ("setup.py", "setup.cfg")):
        named = ",".join(extras)
        return f"-e '.[{named}]'" if named else "-e ."
    return "-r requirements.txt" if (found.root / "requirements.txt").is_file() else ""


def _extras(found: Survey) -> Named:
    project = found.pyproject.get("project")
    table = project.get("optional-dependencies") if isinstance(project, dict) else None
    named = {_canonical(name): list(_names(told)) for name, told in _items(table)}
    old = configparser.ConfigParser(interpolation=None)
    try:
        old.read(found.root / "setup.cfg", encoding="utf-8")
    except (configparser.Error, UnicodeDecodeError, OSError):
        return named
    section = "options.extras_require"
    for name in old.options(section) if old.has_section(section) else ():
        named.setdefault(_canonical(name), list(_names(old.get(section, name).splitlines())))
    return named


def _groups(pyproject: Mapping[str, Any]) -> Named:
    """``[dependency-groups]``, with what they include. Source: PEP 735."""
    table = {_canonical(name): told for name, told in _items(pyproject.get("dependency-groups"))}

    def members(name: str, within: tuple[str, ...]) -> Iterator[str]:
        for entry in table.get(name) or ():
            inner = entry.get("include-group") if isinstance(entry, dict) else None
            if isinstance(inner, str) and _canonical(inner) not in within:
                yield from members(_canonical(inner), (*within, _canonical(inner)))
            else:
                yield from _names([entry])

    return {name: list(members(name, (name,))) for name in table}


def _items(table: Any) -> Iterator[tuple[str, list[Any]]]:
    if isinstance(table, dict):
        yield from ((name, told) for name, told in table.items() if isinstance(told, list))


def _names(entries: Iterable[Any]) -> Iterator[str]:
    """The canonical names of the distributions that requirements name."""
    for entry in entries:
        try:
            yield canonicalize_name(Requirement(entry).name)
        except (InvalidRequirement, TypeError, AttributeError):
            continue


def _canonical(name: str) -> str:
    return canonicalize_name(name)
