"""Public APIs compared by griffe: what breaks, and what is new."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

import griffe

from pytest_devops_gates.errors import CannotTell
from pytest_devops_gates.process import SECRET
from pytest_devops_gates.surface.api_changes import REMOVED, Change, Comparison, merged
from pytest_devops_gates.surface.griffe_trees import Item, Tree

SAID = {
    "parameter-moved": "parameters moved",
    "parameter-removed": "parameters removed",
    "parameter-changed-kind": "parameters are of another kind",
    "parameter-changed-default": "defaults changed",
    "parameter-changed-required": "parameters are required now",
    "parameter-added-required": "parameters added that are required",
    "return-changed-type": "the type that it returns changed",
    "object-removed": "removed",
    "object-changed-kind": "is something else now",
    "attribute-changed-type": "its type changed",
    "class-removed-base": "base classes removed",
}
"""What became of an object, by griffe's kinds of breakages."""


def compare(old: Tree, new: Tree) -> Comparison:
    """What breaks and what is new from one tree to the other. Raises CannotTell."""
    before, after = old.packages(), new.packages()
    changes = [Change(REMOVED, name, "the package was removed")
               for name in before if name not in after]  # fmt: skip
    added = {name: name for name in after if name not in before}
    try:
        for name in before.keys() & after.keys():
            found = griffe.find_breaking_changes(before[name], after[name])
            changes += [_change(b, old, new) for b in found if not _is_harmless(b, new)]
            for path, thing in _additions(before[name], after[name]):
                shown = added.get(thing, path)
                added[thing] = min(shown, path, key=lambda p: (p.count("."), p))
    except (griffe.GriffeError, RecursionError) as error:
        raise CannotTell(f"griffe cannot compare: {type(error).__name__}: {error}") from None
    return Comparison(merged(changes), tuple(sorted(added.values())), len(new.sources.files))


def _change(breakage: griffe.Breakage, old: Tree, new: Tree) -> Change:
    thing = breakage.obj
    kind = breakage.kind.name.lower().replace("_", "-")
    is_gone = kind == REMOVED
    path = _file(thing, old if is_gone else new)
    line = thing.alias_lineno if isinstance(thing, griffe.Alias) else thing.lineno
    return Change(
        kind,
        thing.path,
        SAID.get(kind, kind),
        _items(breakage, kind),
        path if path in new.sources.files else None,
        None if is_gone else line,
        _stood_for(thing) if is_gone else "",
    )


def _stood_for(thing: Item) -> str:
    try:
        return str(thing.canonical_path)
    except griffe.GriffeError:
        return thing.path


def _file(thing: Item, tree: Tree) -> str | None:
    owner: Any = thing.parent if thing.is_alias else thing
    path = owner.filepath
    return None if isinstance(path, list) else tree.relative(path)


def _items(breakage: griffe.Breakage, kind: str) -> tuple[str, ...]:
    """The parameter, and what was and is, where these tell something."""
    before, after = breakage.old_value, breakage.new_value
    if kind == REMOVED:
        return ()
    if not kind.startswith("parameter-"):
        return (f"{_short(before)}, now {_short(after)}",)
    name = str((after if before is None else before).name)
    if kind == "parameter-changed-kind":
        return (f"{name} ({_short(before.kind)}, now {_short(after.kind)})",)
    if kind == "parameter-changed-default" and not SECRET.search(name):
        return (f"{name} ({_short(before.default)}, now {_short(after.default)})",)
    return (name,)


def _short(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(_short, value)) or "none"
    text = str(getattr(value, "value", value))
    return text if len(text) <= 60 else text[:59] + "…"


def _is_harmless(breakage: griffe.Breakage, new: Tree) -> bool:
    """Whether users cannot tell: every class has the base ``object``, written or not, and values
    are no part of a form (griffe itself told of them until 2.4)."""
    if breakage.kind.name == "ATTRIBUTE_CHANGED_VALUE":
        return True
    if breakage.kind is griffe.BreakageKind.CLASS_REMOVED_BASE:
        left = {str(base) for base in breakage.new_value} | {"object"}
        return all(str(base) in left for base in breakage.old_value)
    return _is_served(breakage, new)


def _is_served(breakage: griffe.Breakage, new: Tree) -> bool:
    """Whether a name that is gone is still handed out by its module's ``__getattr__`` (PEP 562):
    deprecated, and not removed. The module then has the name in a string of its own."""
    thing = breakage.obj
    module = thing.parent
    if breakage.kind is not griffe.BreakageKind.OBJECT_REMOVED or not (module and module.is_module):
        return False
    try:
        twin: Any = new.modules.get_member(module.path)
    except (KeyError, griffe.GriffeError):  # the module is gone as well
        return False
    if "__getattr__" not in twin.members or isinstance(twin.filepath, list):
        return False
    nodes = ast.walk(ast.parse(twin.filepath.read_text("utf-8-sig")))
    return any(isinstance(node, ast.Constant) and node.value == thing.name for node in nodes)


def _additions(old: Item, new: Item) -> Iterator[tuple[str, str]]:
    """Public modules, classes, functions and parameters that are new, and names in ``__all__``,
    each with the path of what it stands for."""
    before = old.all_members
    for name, thing in new.members.items():
        if not thing.is_public or thing.is_special:
            continue
        twin = before.get(name)
        if twin is None:
            if thing.is_alias or thing.is_exported or not thing.is_attribute:
                yield thing.path, _stood_for(thing)
        elif not (thing.is_alias or twin.is_alias) and thing.kind is twin.kind:
            if thing.is_module or thing.is_class:
                yield from _additions(twin, thing)
            elif thing.is_function:
                yield from _optional(twin, thing)


def _optional(old: Any, new: Any) -> Iterator[tuple[str, str]]:
    """The parameters of a function that are new and may be left out."""
    known = {parameter.name for parameter in old.parameters}
    for parameter in new.parameters:
        if parameter.name not in known and not parameter.required:
            path = f"{new.path}({parameter.name})"
            yield path, path


def functions(old: Tree, new: Tree) -> Iterator[tuple[str, str, int]]:
    """The public functions and methods that are in both trees: dotted path, source and line."""
    before_by_name = old.packages()
    waiting: list[tuple[Any, Any]] = [
        (before_by_name[name], module)
        for name, module in new.packages().items()
        if name in before_by_name
    ]
    while waiting:
        before, after = waiting.pop(0)
        for name, thing in after.members.items():
            twin: Any = before.members.get(name)
            if twin is None or twin.is_alias or thing.is_alias or not twin.is_public:
                continue
            if thing.kind is twin.kind and (thing.is_module or thing.is_class):
                waiting.append((twin, thing))
            elif thing.is_special:
                continue
            elif thing.is_function and twin.is_function and (path := _file(thing, new)):
                yield thing.path, path, thing.lineno or 1
