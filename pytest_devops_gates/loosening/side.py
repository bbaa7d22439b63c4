"""The settings files of one revision, read, and which of them each tool takes."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain
from typing import Any

import msgspec

from pytest_devops_gates.loosening import read
from pytest_devops_gates.loosening.shape import flat
from pytest_devops_gates.loosening.sources import CHECKERS, SETTINGS_FILES, SOURCES, Tree
from pytest_devops_gates.loosening.values import Flat


class Side(msgspec.Struct, frozen=True):
    """The settings files of one revision: their bytes, their tables, what these hold for each tool,
    and why some cannot be read."""

    data: Mapping[str, bytes]
    trees: dict[str, Tree]
    flats: dict[tuple[str, str], Flat]
    broken: dict[str, str]


class Source(msgspec.Struct, frozen=True):
    """The file that a tool takes its settings from, and these."""

    path: str
    flat: Flat


def read_side(files: Mapping[str, bytes]) -> Side:
    """The files that are settings files by their names, by their paths below the root."""
    data = {path: files[path] for path in files if path.rpartition("/")[2] in SETTINGS_FILES}
    side = Side(data, {}, {}, {})
    for path, content in data.items():
        try:
            tree = read.table(path, content)
            for tool, places in SOURCES.items():
                pick = next(
                    (pick for name, pick in places if f"/{path}".endswith(f"/{name}")), None
                )
                if pick and (found := pick(tree)) is not None:
                    side.flats[tool, path] = flat(tool, found)
            side.trees[path] = tree
        except read.Unreadable as error:
            side.broken[path] = str(error)
    return side


def source(tool: str, folder: str, side: Side) -> Source | None:
    """Where a tool that looks into this folder finds its settings."""
    paths = (joined(folder, name) for name, _ in SOURCES[tool])
    return next((Source(p, side.flats[tool, p]) for p in paths if (tool, p) in side.flats), None)


def checker(side: Side) -> str | None:
    """The type checker that is run: the one that the gate `types` is told to, that has settings at
    the root, or that is a pre-commit hook."""
    told_to: Any = side.trees.get("pyproject.toml", {})
    for key in ("tool", "devops-gates", "gates", "types", "options", "checker"):
        told_to = told_to.get(key) if isinstance(told_to, dict) else None
    hooks = source("pre-commit", "", side)
    ids = [key[1] for key in hooks.flat if key[0] == "hooks"] if hooks else []
    hooked = (n for n in CHECKERS if any(i == n or i.startswith(f"{n}-") for i in ids))
    own = (name for name in CHECKERS if source(name, "", side))
    return next(chain((name for name in CHECKERS if name == told_to), own, hooked), None)


def above(tool: str, folder: str, side: Side) -> Source | None:
    """The settings that hold in a folder without any of its own."""
    while folder:
        folder = folder.rpartition("/")[0]
        if found := source(tool, folder, side):
            return found
    return None


def joined(folder: str, name: str) -> str:
    """The path of a file in a folder; the root is the empty folder."""
    return f"{folder}/{name}" if folder else name
