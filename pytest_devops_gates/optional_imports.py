"""Imports that may fail, and that the code is ready for. Pure."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from pytest_devops_gates.literals import syntax

CAUGHT = frozenset({"ImportError", "ModuleNotFoundError", "Exception", "BaseException"})


def optional_lines(source: str, path: str) -> frozenset[int]:
    """The lines of imports whose ImportError is caught: those in the body of a ``try``, in its
    ``else``, which such an import leads to, and below ``contextlib.suppress``. What a handler
    imports instead is not among them.

    Raises CannotTell when the source cannot be parsed.
    """
    found: set[int] = set()
    for node in ast.walk(syntax(source, path)):
        found.update(_imports(_guarded(node)))
    return frozenset(found)


def _guarded(node: ast.AST) -> list[ast.stmt]:
    """The statements that a node runs with an ImportError caught."""
    if isinstance(node, ast.Try):
        caught = any(_catches(handler.type) for handler in node.handlers)
        return [*node.body, *(node.orelse if any(_imports(node.body)) else ())] if caught else []
    if isinstance(node, (ast.With, ast.AsyncWith)):
        return node.body if any(_suppresses(item.context_expr) for item in node.items) else []
    return []


def _catches(kind: ast.expr | None) -> bool:
    if kind is None:
        return True
    kinds = kind.elts if isinstance(kind, ast.Tuple) else [kind]
    return any(_name(one) in CAUGHT for one in kinds)


def _suppresses(call: ast.expr) -> bool:
    if not isinstance(call, ast.Call) or _name(call.func) != "suppress":
        return False
    return any(_name(one) in CAUGHT for one in call.args)


def _name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def _imports(body: Iterable[ast.stmt]) -> Iterator[int]:
    """The lines of imports that run with the statements: not those in functions, which run later,
    nor those of a handler inside, which are not caught by its own ``try``."""
    for node in body:
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            yield from range(node.lineno, (node.end_lineno or node.lineno) + 1)
        elif not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            inner = (child for child in ast.iter_child_nodes(node) if isinstance(child, ast.stmt))
            yield from _imports(inner)
