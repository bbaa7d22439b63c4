"""Public APIs as griffe reads them, from sources alone: nothing is imported.

What is public is griffe's to say (docs of griffe, "Public APIs"), and beside that names imported
under their own name (``from .core import Group as Group``), which re-exports them as the typing
specification has it.
"""

from __future__ import annotations

import ast
import contextlib
import logging
from pathlib import Path
from typing import Any, NamedTuple

import griffe

from pytest_devops_gates.errors import CannotTell
from pytest_devops_gates.surface.api_base import Sources

Item = griffe.Object | griffe.Alias

QUIET = 100
"""Above every level of logging: what is wrong is told by what was read, and not in a log."""


class Reexports(griffe.Extension):
    """Marks names that are imported under their own name as public."""

    def on_alias_instance(self, *, node: Any, alias: griffe.Alias, **kwargs: Any) -> None:
        names = node.names if isinstance(node, (ast.Import, ast.ImportFrom)) else ()
        if any(name.asname == name.name == alias.name for name in names):
            alias.public = not alias.name.startswith("_")


class Tree(NamedTuple):
    """What griffe read of the project's packages, and from where."""

    sources: Sources
    modules: griffe.ModulesCollection

    def packages(self) -> dict[str, griffe.Module]:
        """The packages by name, without private ones."""
        names = [package.rpartition("/")[2] for package in self.sources.packages]
        return {name: self.modules.members[name] for name in names if not name.startswith("_")}

    def relative(self, path: Path) -> str:
        """A file as the project names it."""
        with contextlib.suppress(ValueError):
            path = path.relative_to(self.sources.root.resolve())
        return path.as_posix()


def read(sources: Sources, where: str) -> Tree:
    """All packages of a tree, ``where`` being what to call it.

    Raises CannotTell where a module could not be read: what it holds would seem to be gone.
    """
    logging.getLogger("griffe").setLevel(QUIET)
    above = {(sources.root / package).parent for package in sources.packages}
    above |= {sources.root / "src", sources.root}
    loader = griffe.GriffeLoader(
        search_paths=sorted(above, reverse=True),
        allow_inspection=False,
        extensions=griffe.load_extensions(Reexports()),
        store_source=False,
    )
    for package in sources.packages:
        try:
            loader.load(package.rpartition("/")[2], try_relative_path=False)
        except (griffe.GriffeError, ImportError, OSError, SyntaxError, ValueError) as error:
            raise CannotTell(_unread(sources, where) or f"{package} {where}: {error}") from None
        except RecursionError:
            raise CannotTell(f"{package} {where} is nested too deep to be read") from None
    loader.resolve_aliases(implicit=False, external=False)
    tree = Tree(sources, loader.modules_collection)
    if trouble := _unread(sources, where, _read_files(tree)):
        raise CannotTell(trouble)
    return tree


def _read_files(tree: Tree) -> frozenset[str]:
    found: set[str] = set()
    waiting: list[Item] = list(tree.modules.members.values())
    while waiting:
        module = waiting.pop()
        path = module.filepath
        found |= {tree.relative(p) for p in (path if isinstance(path, list) else [path])}
        waiting += [m for m in module.members.values() if not m.is_alias and m.is_module]
    return frozenset(found)


def _unread(sources: Sources, where: str, read: frozenset[str] = frozenset()) -> str | None:
    """Why a module that can be imported was not read; None if there is none such."""
    for name in sources.files:
        is_stub = name.endswith(".pyi")
        if name in read or (is_stub and name[:-1] in read) or not _is_module(sources, name):
            continue
        try:
            ast.parse((sources.root / name).read_bytes().decode("utf-8-sig"))
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            return f"{name} {where} cannot be read: {str(error)[:200]}"
        if read:
            return f"griffe did not read {name} {where}"
    return None


def _is_module(sources: Sources, name: str) -> bool:
    """Whether a source can be imported as part of one of the packages."""
    inside = [p for p in sources.packages if name.startswith(p + "/")]
    if not inside:
        return name in {f"{a}{p}.py" for p in sources.packages for a in ("", "src/")}
    *folders, base = name[len(inside[0]) + 1 :].split("/")
    parts = [*folders, base.partition(".")[0]]
    depths = range(len(folders) + 1)
    inits = ["/".join([inside[0], *folders[:depth], "__init__.py"]) for depth in depths]
    return (
        base.count(".") == 1
        and all(part.isidentifier() for part in parts)
        and all(init in sources.files or init + "i" in sources.files for init in inits)
    )
