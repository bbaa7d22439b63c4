"""Pending news fragments, as towncrier and scriv find them. Pure but for reading the project.

Sources: the manuals of towncrier (25.8) and scriv (1.7).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pytest_devops_gates import changelogs, config, versions
from pytest_devops_gates.errors import CannotTell, UsageError
from pytest_devops_gates.project import Project

TOWNCRIER_TYPES = ("feature", "bugfix", "doc", "removal", "misc")
NO_FRAGMENTS = ("readme", "template", "_template", ".")
"""How the names begin of what lies beside the fragments."""


def pending(project: Project) -> list[str] | None:
    """The fragments that wait for the next release and say something; None without such a tool.

    Raises CannotTell for a configuration or a fragment that cannot be read.
    """
    towncrier, scriv = _towncrier(project), project.tool("scriv")
    if towncrier is None and scriv is None:
        return None
    found = _of_towncrier(project, towncrier) if towncrier is not None else []
    return found + (_of_scriv(project, scriv) if scriv is not None else [])


def _towncrier(project: Project) -> Mapping[str, Any] | None:
    """``[tool.towncrier]`` of towncrier.toml, which goes first, or of pyproject.toml."""
    path = project.root / "towncrier.toml"
    if not path.is_file():
        return project.tool("towncrier")
    try:
        table = config.load_toml(path.read_bytes(), path.name)
    except (OSError, UsageError) as error:
        raise CannotTell(str(error)) from None
    tool = table.get("tool")
    own = tool.get("towncrier") if isinstance(tool, dict) else None
    return own if isinstance(own, dict) else {}


def _of_towncrier(project: Project, table: Mapping[str, Any]) -> list[str]:
    """Named ``ISSUE.TYPE[.COUNTER][.SUFFIX]``; one may be empty if its type shows no content."""
    directory = table.get("directory")
    if not isinstance(directory, str):
        package = str(table.get("package") or "").replace(".", "/")
        above = [str(table.get("package_dir") or "."), package] if package else []
        directory = "/".join([*above, "newsfragments"])
    types = _types(table)
    found = []
    for name in _below(project, directory):
        parts = name.rpartition("/")[2].split(".")[1:]
        kind = next((part for part in parts if part in types), None)
        if kind and (not types[kind] or (versions.read_text(project, name) or "").strip()):
            found.append(name)
    return found


def _types(table: Mapping[str, Any]) -> dict[str, bool]:
    """The types of fragments, and whether their content is shown."""
    listed, named = table.get("type"), table.get("fragment")
    types: dict[str, bool] = {}
    for entry in listed if isinstance(listed, list) else []:
        if isinstance(entry, dict):
            name = entry.get("directory") or str(entry.get("name", "")).lower()
            types[str(name)] = bool(entry.get("showcontent", True))
    for name, entry in named.items() if isinstance(named, dict) else []:
        types[name.lower()] = bool(not isinstance(entry, dict) or entry.get("showcontent", True))
    return types or {name: name != "misc" for name in TOWNCRIER_TYPES}


def _of_scriv(project: Project, table: Mapping[str, Any]) -> list[str]:
    directory = str(table.get("fragment_directory") or "changelog.d")
    names = [n for n in _below(project, directory) if n.endswith((".md", ".rst"))]
    return [
        name for name in names if changelogs.content(versions.read_text(project, name) or "", name)
    ]


def _below(project: Project, directory: str) -> list[str]:
    folder = "/".join(part for part in directory.split("/") if part not in ("", ".")) + "/"
    found = [name for name in project.files if name.startswith(folder)]
    return [n for n in found if not n.rpartition("/")[2].lower().startswith(NO_FRAGMENTS)]
