"""The settings by which mutmut mutates a copy of the project: its own, and what a gate adds."""

from __future__ import annotations

import configparser
import contextlib
import fnmatch
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pytest_devops_gates import config, disk
from pytest_devops_gates.errors import CannotTell, UsageError
from pytest_devops_gates.project import Project

PYPROJECT, SETUP_CFG = "pyproject.toml", "setup.cfg"


def stated(root: Path) -> Mapping[str, Any] | None:
    """What the project itself tells mutmut; None where that is nothing. mutmut reads setup.cfg
    only where pyproject.toml has no table for it. Raises CannotTell for a broken file."""
    table = _toml(root).get("tool", {}).get("mutmut")
    if isinstance(table, dict):
        return table
    parser = _ini(root)
    if not parser.has_section("mutmut"):
        return None
    return {key: text.split("\n") for key, text in parser.items("mutmut")}


def added(project: Project) -> dict[str, list[str]]:
    """What is told a mutmut of which the project says nothing: where code and tests lie."""
    beside = [*project.test_paths, "conftest.py"]
    folders = [folder for folder in project.code_folders() if folder != "."]
    return {
        **({"source_paths": folders} if folders else {}),
        "also_copy": [name for name in beside if (project.root / name).exists()],
    }


def mutated(project: Project, names: Sequence[str]) -> list[str]:
    """Those of the files that the project's settings let mutmut mutate."""
    told = stated(project.root) or added(project)
    sources = _list(told, "source_paths") or _list(told, "paths_to_mutate")
    only, never = _list(told, "only_mutate"), _list(told, "do_not_mutate")
    return [
        name
        for name in names
        if name.endswith(".py")
        and not project.is_test(name)
        and (not sources or any(lies_in(name, source) for source in sources))
        and (not only or _fits(name, only))
        and not _fits(name, never)
    ]


def write(root: Path, more: Mapping[str, Sequence[str]]) -> None:
    """Add settings to those of the copy in ``root``, where mutmut reads them."""
    if not more:
        return
    parser = _ini(root)
    if "mutmut" not in _toml(root).get("tool", {}) and parser.has_section("mutmut"):
        for key, values in more.items():
            parser.set("mutmut", key, "".join(f"\n{value}" for value in values))
        with (root / SETUP_CFG).open("w", encoding="utf-8") as stream:
            parser.write(stream)
        return
    import tomlkit

    path = root / PYPROJECT
    document = tomlkit.parse(path.read_text("utf-8") if path.exists() else "")
    table = document.setdefault("tool", tomlkit.table()).setdefault("mutmut", tomlkit.table())
    for key, values in more.items():
        table[key] = list(values)
    disk.write(path, tomlkit.dumps(document))


def pattern(path: str) -> str:
    """A path as a pattern that takes it alone, or all that lies in it."""
    plain = "".join(f"[{char}]" if char in "*?[" else char for char in path.rstrip("/"))
    return plain if path.endswith(".py") else f"{plain}/*"


def lies_in(name: str, path: str) -> bool:
    """Whether a file is at a path, or below it; ``.`` is above all."""
    path = path.strip().removeprefix("./").rstrip("/")
    return path in ("", ".", name) or name.startswith(path + "/")


def _fits(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatch.fnmatch(name, one) for one in patterns)


def _list(table: Mapping[str, Any], key: str) -> list[str]:
    told = table.get(key, [])
    told = [told] if isinstance(told, str) else told
    return [str(one) for one in told if one] if isinstance(told, list) else []


def _toml(root: Path) -> dict[str, Any]:
    try:
        found = config.load_toml(disk.read_plain(root / PYPROJECT), PYPROJECT)
    except FileNotFoundError:
        return {}
    except (OSError, UsageError) as error:
        raise CannotTell(str(error)) from None
    return found if isinstance(found.get("tool", {}), dict) else {}


def _ini(root: Path) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None)
    with contextlib.suppress(OSError):
        try:
            parser.read_string((root / SETUP_CFG).read_text("utf-8"), SETUP_CFG)
        except (configparser.Error, UnicodeDecodeError) as error:
            raise CannotTell(f"{SETUP_CFG} cannot be read: {error}") from None
    return parser
