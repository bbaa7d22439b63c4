"""A tool's table as settings that can be compared: one path each, and one way to say a thing."""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from pytest_devops_gates.loosening.addopts import options
from pytest_devops_gates.loosening.read import Unreadable
from pytest_devops_gates.loosening.row import Path
from pytest_devops_gates.loosening.sources import Tree
from pytest_devops_gates.loosening.values import Flat, is_on, leaves, words

LARGEST = 50_000
"""Settings of one tool; none of a project has as many."""

RUFF_DEFAULTS = "ruff's own rules"
"""The entry of ``select`` that stands for what holds where there is none. Which rules these are
depends on ruff's version."""

_RUFF_TOP = frozenset(
    """
    cache-dir extend output-format fix unsafe-fixes fix-only show-fixes required-version preview
    exclude extend-exclude extend-include force-exclude include respect-gitignore extension builtins
    namespace-packages target-version per-file-target-version src line-length indent-width lint
    format analyze output-prefer-rule-codes
    """.split()
)
_RUFF_ONE = {
    **{name: name for name in ("exclude", "select", "ignore", "per-file-ignores")},
    "extend-exclude": "exclude",
    "extend-select": "select",
    "extend-ignore": "ignore",
    "extend-per-file-ignores": "per-file-ignores",
}
_DEPTRY_EXCLUDE = ["venv", r"\.venv", r"\.direnv", "tests", r"\.git", r"setup\.py"]
"""What deptry leaves out where ``exclude`` is not set."""

_HOOKS = {"ruff-check": "ruff"}
"""Hooks under their older names."""
_MYPY_ALLOWS = {"allow_untyped_globals", "allow_redefinition", "allow_empty_bodies"}
_MYPY_NO = {"no_site_packages", "no_silence_site_packages"}
_COVERAGE_ONE = {
    **dict.fromkeys(("source", "source_pkgs", "source_dirs"), "source"),
    **dict.fromkeys(("exclude_lines", "exclude_also"), "exclude_lines"),
    **dict.fromkeys(
        ("partial_branches", "partial_branches_always", "partial_also"), "partial_branches"
    ),
}


def flat(tool: str, tree: Tree) -> Flat:
    """The settings by their paths below the tool's table. Raises Unreadable for too many."""
    match tool:
        case "ruff":
            return _ruff(tree)
        case "pytest":
            return _pytest(tree)
        case "mypy":
            return _few(_mypy(tree))
        case "coverage":
            return _coverage(tree)
        case "pyrefly":
            return {tuple(p.replace("_", "-") for p in k): v for k, v in leaves(tree)}
        case "pre-commit":
            return _pre_commit(tree)
        case "deptry":
            return _deptry(tree)
        case "zizmor":
            return _zizmor(tree)
    return dict(leaves(tree))


def _few(settings: Iterator[tuple[Path, Any]]) -> Flat:
    """A section for many modules stands for each setting of each of them."""
    found = dict(islice(settings, LARGEST + 1))
    if len(found) > LARGEST:
        raise Unreadable("holds too many settings for single modules")
    return found


def _join(found: Flat, path: Path, entries: Iterable[str]) -> None:
    found[path] = [*found.get(path, ()), *entries]


def _ruff(tree: Tree) -> Flat:
    """Linter settings may stand at the top as well, where ``lint`` has none of the same name, and
    extensions are one with what they extend."""
    found: Flat = {}
    lint = tree.get("lint")
    own = lint if isinstance(lint, dict) else {}
    for written, value in leaves(tree):
        if written[0] not in _RUFF_TOP and written[0] in own:
            continue
        path = written if written[0] in _RUFF_TOP else ("lint", *written)
        at = 1 if path[0] == "lint" else 0
        if path[at:] and (one := _RUFF_ONE.get(path[at])):
            _join(found, (*path[:at], one, *path[at + 1 :]), words(value))
        else:
            found[path] = value
    if "select" not in tree and "select" not in own:
        _join(found, ("lint", "select"), [RUFF_DEFAULTS])
    if isinstance(tree.get("format"), dict):
        found["format",] = True
    return found


def _pytest(tree: Tree) -> Flat:
    found: Flat = {}
    for (key, *_), value in leaves(tree):
        if key == "filterwarnings":
            for line in words(value, split=r"\n"):
                _warning(found, line)
        elif key in ("testpaths", "norecursedirs", "usefixtures", "required_plugins") or (
            key.startswith("python_")
        ):
            found[key,] = words(value, split=r"\s")
        elif key == "xfail_strict":
            found.setdefault(("strict_xfail",), value)
        elif key != "addopts":
            found[key,] = value
    added = tree.get("addopts", "")  # after all else: options win over settings
    for name, one in options(added if isinstance(added, str) else shlex.join(words(added))):
        _option(found, name, one)
    return found


def _option(found: Flat, name: str, value: str) -> None:
    if name in ("--strict-markers", "--strict-config", "--strict"):
        key = "strict_markers" if name == "--strict" else name[2:].replace("-", "_")
        found[key,] = True
    elif name == "-W":
        _warning(found, value)
    elif name in ("-k", "-m", "-c", "--cov-fail-under", "--reruns", "--assert"):
        found["addopts", name] = value  # the last one counts
    else:
        _join(found, ("addopts", name), [value])


def _warning(found: Flat, line: str) -> None:
    action, _, rest = line.partition(":")
    _join(found, ("filterwarnings", action.strip()), [rest.strip() or "all"])


def _mypy(tree: Tree) -> Iterator[tuple[Path, Any]]:
    """Switches may be turned round by their names: ``no_x`` is ``x``, ``allow_x`` is
    ``disallow_x``."""
    for key, value in tree.items():
        if key == "overrides" and isinstance(value, list):
            for section in value:
                if isinstance(section, dict):
                    for module in words(section.get("module")):
                        rest = {k: v for k, v in section.items() if k != "module"}
                        yield from ((("overrides", module, *p), v) for p, v in _mypy(rest))
            continue
        on, other = is_on(value), _turned(key)
        if other and on is not None:
            yield (other,), not on
        elif key == "exclude" and isinstance(value, str):
            yield (key,), [value.strip()]  # a regular expression may hold any character
        else:
            yield (key,), value


def _turned(key: str) -> str | None:
    """The switch that a switch of mypy turns round."""
    if key.startswith("no_") and key not in _MYPY_NO:
        return key[3:]
    if key.startswith("allow_") and key not in _MYPY_ALLOWS:
        return f"dis{key}"
    return key[3:] if key[3:] in _MYPY_ALLOWS and key.startswith("disallow_") else None


def _coverage(tree: Tree) -> Flat:
    found: Flat = {}
    for path, value in leaves(tree):
        one = _COVERAGE_ONE.get(path[1]) if len(path) == 2 else None
        if one:
            split = r"\n" if path[0] == "report" else r"[,\n]"
            _join(found, (path[0], one), words(value, split=split))
        else:
            found[path] = value
    return found


def _pre_commit(tree: Tree) -> Flat:
    """Hooks by their ids, each with a mark that it is there."""
    found = dict(
        leaves({key: value for key, value in tree.items() if key not in ("repos", "hooks")})
    )
    repos = tree.get("repos")
    for repo in repos if isinstance(repos, list) else ():
        hooks = repo.get("hooks") if isinstance(repo, dict) else None
        for hook in hooks if isinstance(hooks, list) else ():
            if isinstance(hook, dict):
                name = _HOOKS.get(str(hook.get("id")), str(hook.get("id")))
                for path, value in leaves({**hook, "hook": name, "rev": repo.get("rev")}):
                    _join(found, ("hooks", name, *path), [str(value)])
    return found


def _deptry(tree: Tree) -> Flat:
    found = dict(leaves(tree))
    excluded = words(found.pop(("exclude",), None)) or _DEPTRY_EXCLUDE
    found["exclude",] = [*excluded, *words(found.pop(("extend_exclude",), None))]
    return found


def _zizmor(tree: Tree) -> Flat:
    """What is ignored is counted by file, without regard to the lines, which move. A file that is
    named alone is ignored as a whole."""
    found: Flat = {}
    for path, value in leaves(tree):
        if path[0] == "rules" and path[2:] == ("ignore",):
            for entry in words(value):
                name, _, line = entry.partition(":")
                key = (*path, name)
                found[key] = found.get(key, 0) + (1 if line else math.inf)
        else:
            found[path] = value
    return found
