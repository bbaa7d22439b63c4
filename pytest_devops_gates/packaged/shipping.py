"""What the packaging settings say of what is shipped: what is left out on purpose, and where to put
in what is missing. Nothing of the project runs.

Sources: the manuals of setuptools, hatch, flit, Poetry, PDM, uv and maturin.
"""

from __future__ import annotations

import ast
import configparser
import fnmatch
import re
from collections.abc import Iterator
from typing import Any

import msgspec

from pytest_devops_gates.errors import CannotTell
from pytest_devops_gates.literals import syntax
from pytest_devops_gates.project import Project

EXCLUDES = (
    "hatch.build.exclude",
    "hatch.build.targets.wheel.exclude",
    "hatch.build.targets.sdist.exclude",
    "setuptools.packages.find.exclude",
    "setuptools.exclude-package-data",
    "flit.sdist.exclude",
    "poetry.exclude",
    "pdm.build.excludes",
    "uv.build-backend.source-exclude",
    "uv.build-backend.wheel-exclude",
    "maturin.exclude",
)
"""Keys below ``[tool]`` that leave files out."""

PLACES = {
    "setuptools": (
        "`packages` (setup.py, [tool.setuptools]) or `where` of [tool.setuptools.packages.find]",
        "[tool.setuptools.package-data], or MANIFEST.in",
    ),
    "hatchling": (
        "`packages`, `include`, `exclude` of [tool.hatch.build.targets.wheel], and .gitignore",
        "`include`, `exclude` and `artifacts` of [tool.hatch.build.targets.wheel]",
    ),
    "flit": ("`exclude` of [tool.flit.sdist]",) * 2,
    "poetry": ("`packages`, `include` and `exclude` of [tool.poetry]",) * 2,
    "pdm": ("`includes` and `excludes` of [tool.pdm.build]",) * 2,
    "uv_build": (
        "`module-name`, `source-exclude` and `wheel-exclude` of [tool.uv.build-backend]",
        "`source-exclude` and `wheel-exclude` of [tool.uv.build-backend]",
    ),
    "maturin": ("`python-source` and `include` of [tool.maturin]",) * 2,
    "mesonpy": ("`py.install_sources(…)` in meson.build",) * 2,
    "scikit_build_core": ("`wheel.packages` of [tool.scikit-build]",) * 2,
}
NAMING = (
    *(("setuptools", key) for key in ("packages", "package-dir", "py-modules", "ext-modules")),
    ("hatch", "build"),
    *(("flit", key) for key in ("module", "metadata")),
    *(("poetry", key) for key in ("packages", "include")),
    ("pdm", "build"),
    ("uv", "build-backend"),
    *(("maturin", key) for key in ("module-name", "python-packages", "include")),
    ("scikit-build", "wheel"),
)
"""Keys below ``[tool]`` by which packages and modules are named."""

BUILD_FILES = frozenset({"setup.py", "setup.cfg", "Cargo.toml", "meson.build", "CMakeLists.txt"})
BUILD_FILES_READ = 50
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
UNKNOWN_BACKEND = ("the build backend's setting of what goes into the wheel",) * 2


class Shipping(msgspec.Struct, frozen=True):
    """``excluded`` are patterns of paths or dotted names that are left out, ``modules`` and
    ``data`` the settings that put in what is missing. ``words`` stand in what says what is built,
    and ``step`` tells what may write the sources anew while it is, if anything does."""

    excluded: tuple[str, ...] = ()
    modules: str = UNKNOWN_BACKEND[0]
    data: str = UNKNOWN_BACKEND[1]
    words: frozenset[str] = frozenset()
    step: str = ""

    def leaves_out(self, path: str, member: str) -> bool:
        """Whether a pattern names a file: its path in the tree, in the wheel, or its module."""
        dotted = member.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        base = path.rpartition("/")[2]
        return any(
            fnmatch.fnmatchcase(name, shape)
            for pattern in self.excluded
            for plain in [pattern.replace("**/", "*").lstrip("/").rstrip("/")]
            for shape in (plain, f"{plain}/*", f"{plain}.*", f"*/{plain}", f"*/{plain}/*")
            for name in (path, member, dotted, base)
        )


def read(project: Project) -> Shipping:
    """What the project's settings say. A file that cannot be read says nothing."""
    table = project.pyproject.get("build-system")
    backend = str(table.get("build-backend", "")) if isinstance(table, dict) else ""
    backend = backend or "setuptools"
    places = next((told for name, told in PLACES.items() if backend.startswith(name)), None)
    modules, data = places or UNKNOWN_BACKEND
    return Shipping(
        tuple(dict.fromkeys(_excluded(project))),
        modules,
        data,
        frozenset(_words(project)),
        _step(project),
    )


def _words(project: Project) -> Iterator[str]:
    """All words of the settings and files that name what is built, in whatever way they do."""
    for key in NAMING:
        yield from _NAME.findall(repr((project.tool(*key[:-1]) or {}).get(key[-1], "")))
    files = [f for f in project.files if f.rpartition("/")[2] in BUILD_FILES]
    for name in files[:BUILD_FILES_READ]:
        yield from _NAME.findall(project.text(name) or "")


def _step(project: Project) -> str:
    """What a project declares to run while it is built, other than to write its version down."""
    if "cmdclass" in (project.text("setup.py") or "") + (project.text("setup.cfg") or ""):
        return "cmdclass of setup.py"
    for tables in (("hatch", "build", "hooks"), ("hatch", "build", "targets", "wheel", "hooks")):
        if hooks := (project.tool(*tables) or {}).keys() - {"vcs", "version"}:
            return f"[tool.{'.'.join(tables)}.{min(hooks)}]"
    for table, key in (("poetry", "build"), ("setuptools", "cmdclass")):
        if (project.tool(table) or {}).get(key):
            return f"`{key}` of [tool.{table}]"
    return "pdm_build.py" if project.text("pdm_build.py") else ""


def _excluded(project: Project) -> Iterator[str]:
    for key in EXCLUDES:
        *tables, last = key.split(".")
        yield from _texts((project.tool(*tables) or {}).get(last))
    yield from _manifest(project.text("MANIFEST.in") or "")
    yield from _setup_cfg(project.text("setup.cfg") or "")
    yield from _setup_py(project.text("setup.py") or "")


def _texts(value: Any) -> Iterator[str]:
    """The texts in a value, in whatever lists and tables a tool wants them."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
    elif isinstance(value, dict):
        for inner in [value["path"]] if "path" in value else value.values():
            yield from _texts(inner)


def _manifest(text: str) -> Iterator[str]:
    for line in text.splitlines():
        command, *words = line.split()[:50] or [""]
        if command in ("exclude", "global-exclude", "prune"):
            yield from words
        elif command == "recursive-exclude" and words:
            yield from (f"{words[0]}/*{pattern}" for pattern in words[1:])


def _setup_cfg(text: str) -> Iterator[str]:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(text)
    except configparser.Error:
        return
    found = [parser.get("options.packages.find", "exclude", fallback="")]
    if parser.has_section("options.exclude_package_data"):
        found += parser["options.exclude_package_data"].values()
    for value in found:
        yield from value.replace(",", " ").split()


def _setup_py(text: str) -> Iterator[str]:
    """What ``find_packages(exclude=[…])`` is told in plain words."""
    try:
        tree = syntax(text, "setup.py")
    except CannotTell:
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg == "exclude":
            inner = ast.walk(node.value)
            yield from (
                n.value for n in inner if isinstance(n, ast.Constant) and isinstance(n.value, str)
            )
