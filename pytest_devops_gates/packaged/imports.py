"""Which modules a set of modules imports, read from their syntax. Pure; nothing is imported."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping


def imported(sources: Mapping[str, bytes]) -> set[str]:
    """The dotted names that modules import, given as paths below ``sys.path`` and their bytes.

    ``from a import b`` imports ``a``, and ``a.b`` if that is a module: both are named. What is no
    Python imports nothing.
    """
    found: set[str] = set()
    for path, source in sources.items():
        try:
            tree = ast.parse(source)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
        package = path.split("/")[:-1]
        for node in ast.walk(tree):
            found.update(_names(node, package))
    above = (name.split(".") for name in found)
    return {".".join(parts[:depth]) for parts in above for depth in range(1, len(parts) + 1)}


def _names(node: ast.AST, package: list[str]) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        above = package[: max(0, len(package) - node.level + 1)] if node.level else []
        base = ".".join([*above, *([node.module] if node.module else [])])
        if base:
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)


def module_name(path: str) -> str:
    """The dotted name of a module at a path below ``sys.path``."""
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
