"""Which files tools read their settings from, and which of them wins."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Tree = dict[str, Any]
Pick = Callable[[Tree], Tree | None]


def _whole(tree: Tree) -> Tree | None:
    return tree


def _tool(name: str) -> Pick:
    return lambda tree: _below(_below(tree, "tool"), name)


def _below(tree: Tree | None, name: str) -> Tree | None:
    found = (tree or {}).get(name)
    return found if isinstance(found, dict) else None


def _always(pick: Pick) -> Pick:
    """For a file that is the tool's own: it wins even where it says nothing."""
    return lambda tree: pick(tree) or {}


def _pytest_table(tree: Tree) -> Tree | None:
    """``[tool.pytest]``, or ``[tool.pytest.ini_options]`` in the way of INI files."""
    own = _tool("pytest")(tree)
    if own is None:
        return None
    rest = {key: value for key, value in own.items() if key != "ini_options"}
    ini = _below(own, "ini_options")
    return {**(ini or {}), **rest} if rest or ini is not None else None


def _mypy_ini(tree: Tree) -> Tree | None:
    """``[mypy]`` with its sections for single modules, in the form that TOML has."""
    own = _below(tree, "mypy")
    if own is None:
        return None
    modules = {
        module.strip(): options  # the last section of a module stands for it alone
        for name, options in tree.items()
        if name.startswith("mypy-")
        for module in name.removeprefix("mypy-").split(",")
    }
    overrides = [{**options, "module": module} for module, options in modules.items()]
    return {**own, **({"overrides": overrides} if overrides else {})}


def _coverage_ini(*, own: bool) -> Pick:
    """Its own file may leave out the prefix of its sections."""

    def pick(tree: Tree) -> Tree | None:
        found = {
            name.removeprefix("coverage:"): options
            for name, options in tree.items()
            if own or name.startswith("coverage:")
        }
        return found or None

    return pick


def _coverage_toml(tree: Tree) -> Tree | None:
    """Its own file may leave out ``tool.coverage``."""
    bare = {name: value for name, value in tree.items() if name != "tool"}
    return {**bare, **(_tool("coverage")(tree) or {})}


HIDDEN = ".github"
"""A folder in which a tool looks for the settings of the root."""

SOURCES: Mapping[str, tuple[tuple[str, Pick], ...]] = {
    "ruff": ((".ruff.toml", _whole), ("ruff.toml", _whole), ("pyproject.toml", _tool("ruff"))),
    "pytest": (
        ("pytest.toml", _always(lambda tree: _below(tree, "pytest"))),
        (".pytest.toml", _always(lambda tree: _below(tree, "pytest"))),
        ("pytest.ini", _always(lambda tree: _below(tree, "pytest"))),
        (".pytest.ini", _always(lambda tree: _below(tree, "pytest"))),
        ("pyproject.toml", _pytest_table),
        ("tox.ini", lambda tree: _below(tree, "pytest")),
        ("setup.cfg", lambda tree: _below(tree, "tool:pytest")),
    ),
    "mypy": (
        ("mypy.ini", _always(_mypy_ini)),
        (".mypy.ini", _always(_mypy_ini)),
        ("pyproject.toml", _tool("mypy")),
        ("setup.cfg", _mypy_ini),
    ),
    "coverage": (
        (".coveragerc", _always(_coverage_ini(own=True))),
        (".coveragerc.toml", _coverage_toml),
        ("setup.cfg", _coverage_ini(own=False)),
        ("tox.ini", _coverage_ini(own=False)),
        ("pyproject.toml", _tool("coverage")),
    ),
    "pyright": (("pyrightconfig.json", _whole), ("pyproject.toml", _tool("pyright"))),
    "basedpyright": (("pyproject.toml", _tool("basedpyright")),),
    "pyrefly": (("pyrefly.toml", _whole), ("pyproject.toml", _tool("pyrefly"))),
    "ty": (("ty.toml", _whole), ("pyproject.toml", _tool("ty"))),
    "bandit": (("pyproject.toml", _tool("bandit")),),
    # bandit takes both files at a time, and the one in YAML where it is told to.
    "bandit's own": ((".bandit", lambda tree: _below(tree, "bandit")),),
    "bandit's YAML": (("bandit.yaml", _whole),),
    "pre-commit": ((".pre-commit-config.yaml", _whole),),
    "deptry": (("pyproject.toml", _tool("deptry")),),
    "zizmor": tuple(
        (f"{folder}zizmor.{ending}", _whole)
        for folder in (f"{HIDDEN}/", "")
        for ending in ("yml", "yaml")
    ),
    "betterleaks": ((".betterleaksignore", _whole),),
}
"""For each tool its files, and where in them its settings are, the file that wins first."""

SETTINGS_FILES = tuple(
    sorted({name.rpartition("/")[2] for files in SOURCES.values() for name, _ in files})
)
"""Names of all files that are read; such files matter in each folder of a project."""

NEAREST = frozenset({"ruff", "pytest", "pyrefly"})
"""Tools that take the settings nearest to what they look at, so that those below the root win."""

CHECKERS = ("mypy", "pyright", "basedpyright", "pyrefly", "ty")
"""Type checkers in the order in which the gate `types` looks for settings; it runs the first."""

NEEDED = frozenset({*CHECKERS, "bandit", "bandit's own", "pre-commit", "deptry"})
"""Tools of which a gate makes more use when they have settings than when they have none."""
