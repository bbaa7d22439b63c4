"""What loosens in the settings of tools."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pytest_devops_gates.evidence import Finding, Severity
from pytest_devops_gates.loosening.known import find
from pytest_devops_gates.loosening.row import Path
from pytest_devops_gates.loosening.say import canonical, clipped, shown, stated, told
from pytest_devops_gates.loosening.shape import flat
from pytest_devops_gates.loosening.side import (
    Side,
    Source,
    above,
    checker,
    joined,
    read_side,
    source,
)
from pytest_devops_gates.loosening.sources import (
    CHECKERS,
    HIDDEN,
    NEAREST,
    NEEDED,
    SOURCES,
)
from pytest_devops_gates.loosening.values import Flat, is_on
from pytest_devops_gates.loosening.weigh import weaker

_IMPLIED: dict[str, dict[str, bool]] = {
    "mypy": {
        **dict.fromkeys(
            """
            warn_unused_configs disallow_any_generics disallow_subclassing_any
            disallow_untyped_calls disallow_untyped_defs disallow_incomplete_defs
            check_untyped_defs disallow_untyped_decorators warn_redundant_casts
            warn_unused_ignores warn_return_any strict_equality strict_bytes extra_checks
            """.split(),
            True,
        ),
        "implicit_reexport": False,
    },
    "pytest": dict.fromkeys(
        "strict_config strict_markers strict_xfail strict_parametrization_ids".split(), True
    ),
}
"""What ``strict`` turns on, where it is not set by itself."""

_FIRST: set[Path] = {("line-length",), ("select",), ("lint", "select"), ("lint", "extend-select")}
"""Settings of ruff that cannot weaken a project without any, which is held to real errors only."""

_KEY = re.compile(r"""\s*(?:["']([^"']*)["']|([\w.-]+))\s*[=:]""")


def tool_settings(before: Mapping[str, bytes], after: Mapping[str, bytes]) -> Iterator[Finding]:
    """Each loosening between two revisions' settings files, given by their paths.

    Files with other names than SETTINGS_FILES are passed over. Raises nothing, whatever the files
    hold: what cannot be read is a finding, unless it is the same at the base.
    """
    base, here = read_side(before), read_side(after)
    broken = [p for p in {**base.broken, **here.broken} if base.data.get(p) != here.data.get(p)]
    yield from _unreadable(sorted(broken), base, here)
    was, now = checker(base), checker(here)
    if was and now and was != now:
        yield told("settings-shadowed", "the type checker that is run", was, now, path=None)
    folders = {path.rpartition("/")[0] for side in (base, here) for path in side.data}
    for folder in sorted({"", *folders}):
        for tool, files in SOURCES.items():
            if tool == "zizmor" and folder == HIDDEN:
                continue  # one of the places where it looks for the settings of the root
            is_told = any(joined(folder, name) in broken for name, _ in files)
            if not is_told and (was or tool not in CHECKERS):  # the first checker can only add
                yield from _compare(tool, folder, base, here)


def _unreadable(paths: Sequence[str], base: Side, here: Side) -> Iterator[Finding]:
    for path in paths:
        for side, where in ((base, "at the base"), (here, "here")):
            if path in side.broken:
                message = f"{clipped(path)}: cannot be read {where}: {side.broken[path]}"
                yield stated("settings-unreadable", message, path=path)


def _compare(tool: str, folder: str, base: Side, here: Side) -> Iterator[Finding]:
    was, now = source(tool, folder, base), source(tool, folder, here)
    if was is None and now is None:
        return
    if was is None and now is not None and folder:
        yield _shadowed(tool, now, "the settings above it" if tool in NEAREST else "")
        return
    if now is None and was is not None:
        now = above(tool, folder, here) if tool in NEAREST else None
        if now is None and not folder and tool in NEEDED:
            yield told("settings-gone", f"{tool}, settings", was.path, None, path=was.path)
    if was and now and was.path != now.path and (tool, was.path) in here.flats:
        yield _shadowed(tool, now, was.path)
    empty = flat(tool, {})
    path = (now or was or Source("", {})).path
    text = here.data.get(path, b"")
    before, after = was.flat if was else empty, now.flat if now else empty
    if tool == "ruff" and was is None:
        before, after = _without(before, _FIRST), _without(after, _FIRST)
    yield from _settings(tool, before, after, path, text)


def _without(flats: Flat, keys: set[Path]) -> Flat:
    return {key: value for key, value in flats.items() if key not in keys}


def _shadowed(tool: str, now: Source, by: str) -> Finding:
    said = by or "none (and it reads these only where it is told to)"
    severity = Severity.HIGH if by else Severity.INFO
    name = f"{tool}, settings"
    return told("settings-shadowed", name, said, now.path, severity=severity, path=now.path)


def _settings(tool: str, was: Flat, now: Flat, path: str, data: bytes) -> Iterator[Finding]:
    was, now = _with_implied(tool, was, now), _with_implied(tool, now, now)
    lines = {} if was == now else _lines(data)
    known_as = "bandit" if tool.startswith("bandit") else tool
    for key in sorted({*was, *now}):
        base, here = _value(tool, was, key), _value(tool, now, key)
        if _same(base, here):
            continue
        if key[0] == "hooks" and key[-1] != "hook" and not _stays(key, was, now):
            continue
        row = find(known_as, key)
        more = "" if row is None else weaker(row, base, here)
        if more is None:
            continue
        rule, severity = ("setting-loosened", Severity.HIGH)
        if row is None:
            rule, severity = ("setting-changed", Severity.INFO)
        name = f"{known_as} {'.'.join(key)}"
        yield told(
            rule,
            name,
            _said(base, bool(more)),
            _said(here, bool(more)),
            severity=severity,
            path=path,
            line=lines.get(key[-1]),
            more=more,
        )


def _stays(key: Path, was: Flat, now: Flat) -> bool:
    """A hook that comes or goes is told of once, and not by each of its settings; but what a new
    one of ruff leaves out, the gates leave out as well."""
    mark = (*key[:2], "hook")
    if mark in now and key[1].startswith("ruff") and key[-1] in ("exclude", "files"):
        return True
    return mark in was and mark in now


def _with_implied(tool: str, own: Flat, now: Flat) -> Flat:
    """With what ``strict`` implies, if it holds here: a flag that it makes needless may go. Where
    it does not hold any more, that alone is told."""
    if is_on(now.get(("strict",))) and is_on(own.get(("strict",))):
        return {**{(key,): value for key, value in _IMPLIED.get(tool, {}).items()}, **own}
    return own


def _value(tool: str, settings: Flat, key: Path) -> Any:
    """What mypy has for a module is its global setting where the module has none of its own."""
    if key not in settings and tool == "mypy" and key[0] == "overrides":
        return settings.get(key[2:])
    return settings.get(key)


def _same(base: Any, here: Any) -> bool:
    """The order of a list is none of its meaning, but where an entry takes back others."""
    both = [base, here]
    if all(isinstance(v, list) and not any(str(i).startswith("!") for i in v) for v in both):
        both = [sorted(map(canonical, value)) for value in both]
    return canonical(both[0]) == canonical(both[1])


def _said(value: Any, counted: bool) -> Any:
    """A list as its length, where the entries that matter are named beside it."""
    if counted and isinstance(value, list):
        number = len(value)
        return "1 entry" if number == 1 else f"{number} entries"
    return None if value is None else shown(value if isinstance(value, str) else canonical(value))


def _lines(data: bytes) -> dict[str, int]:
    """The lines of the keys that stand on one line alone, by the last part of their names."""
    found: dict[str, list[int]] = {}
    for number, line in enumerate(data.decode("utf-8", "replace").split("\n"), 1):
        if match := _KEY.match(line):
            name = match[1] or match[2].rpartition(".")[2].removeprefix("extend-")
            found.setdefault(name, []).append(number)
    return {name: numbers[0] for name, numbers in found.items() if len(numbers) == 1}
