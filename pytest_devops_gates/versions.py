"""What version the project states, and where. Everything is read; nothing of the project runs.

Sources: PEP 621, the manuals of setuptools, hatch, flit, PDM, Poetry, maturin, commitizen,
bump-my-version and bumpver, and the Citation File Format.
"""

from __future__ import annotations

import configparser
import re
from collections.abc import Iterator

import msgspec
from packaging.utils import canonicalize_name
from packaging.version import Version

from pytest_devops_gates import literals, tags
from pytest_devops_gates.errors import CannotTell
from pytest_devops_gates.project import Project
from pytest_devops_gates.tags import table as _table

MODULES = ("__init__.py", "_version.py", "__about__.py", "version.py", "__version__.py")
HATCH_PATTERN = r"(?i)^(?:__version__|VERSION)(?: ?: ?str)? *= *(['\"])v?(?P<version>.+?)\1"
CITATION = "CITATION.cff"
MIRRORS = {
    "bumpversion": "current_version",
    "bumpver": "current_version",
    "commitizen": "version",
}


class Statement(msgspec.Struct, frozen=True):
    """One place that states the version: ``place`` is its key or name there.

    A ``mirror`` repeats the version for a tool of its own (CITATION.cff, bumpversion).
    """

    text: str
    place: str
    path: str
    line: int | None = None
    mirror: bool = False

    @property
    def version(self) -> Version | None:
        """The version as PEP 440 means it, or None where it is not valid."""
        return tags.parse(self.text)

    @property
    def shown(self) -> str:
        """The text, cut where nobody reads on."""
        return self.text if len(self.text) <= 60 else self.text[:59] + "…"

    @property
    def where(self) -> str:
        return f"{self.place} ({self.path}{f':{self.line}' if self.line else ''})"


class Stated(msgspec.Struct, frozen=True):
    """All that a project says of its version, the most authoritative statement first.

    ``from_tags`` names the tool that takes it from git tags instead. ``unread`` says in which way
    it is worked out that cannot be read. ``packaged`` is whether there is packaging metadata.
    """

    statements: tuple[Statement, ...] = ()
    from_tags: str | None = None
    unread: str | None = None
    packaged: bool = False

    @property
    def version(self) -> Version | None:
        """The version, if the first statement is a valid one."""
        return self.statements[0].version if self.statements else None


def own_names(project: Project) -> frozenset[str]:
    """The names that the project's own tags may carry, as PEP 503 normalises them."""
    cfg = _setup_cfg(project)
    names = [
        _table(project.pyproject, "project").get("name"),
        (project.tool("poetry") or {}).get("name"),
        cfg.get("metadata", "name", fallback=None),
        *(package.rpartition("/")[2] for package in project.packages),
    ]
    return frozenset(canonicalize_name(name) for name in names if isinstance(name, str) and name)


def stated(project: Project) -> Stated:
    """What the project says of its version. Raises CannotTell for a file that cannot be read."""
    project.listing()
    cfg = _setup_cfg(project)
    metadata = _table(project.pyproject, "project")
    poetry = project.tool("poetry") or {}
    setup = literals.setup_call(read_text(project, "setup.py") or "", "setup.py")
    packaged = bool(metadata or poetry or setup.called or cfg.has_section("metadata"))
    static = isinstance(metadata.get("version"), str)
    tool = None if static else tags.source(project.pyproject, cfg, setup)
    if tool and packaged:
        return Stated(from_tags=tool, packaged=True)
    found = [*_declared(project, cfg, setup), *_pointed(project, cfg), *_dunder(project)]
    unread = None if found else _way(project, cfg, setup)
    found = list(
        {(s.path, s.line, s.text): s for s in reversed([*found, *_mirrors(project)])}.values()
    )
    return Stated(tuple(reversed(found)), unread=unread, packaged=packaged)


def _declared(
    project: Project, cfg: configparser.ConfigParser, setup: literals.SetupCall
) -> Iterator[Statement]:
    """The metadata that states it outright."""
    toml = read_text(project, "pyproject.toml") or ""
    for table, where in ((project.pyproject.get("project"), "project"),
                         (project.tool("poetry"), "tool.poetry")):  # fmt: skip
        value = table.get("version") if isinstance(table, dict) else None
        if isinstance(value, str):
            line = literals.key_line(toml, where, "version")
            yield Statement(value, f"[{where}].version", "pyproject.toml", line)
    value = cfg.get("metadata", "version", fallback="").strip()
    if value and not value.startswith(("attr:", "file:")):
        line = literals.key_line(read_text(project, "setup.cfg") or "", "metadata", "version")
        yield Statement(value, "[metadata] version", "setup.cfg", line)
    if setup.version:
        yield Statement(setup.version.text, "setup(version=…)", "setup.py", setup.version.line)


def _pointed(project: Project, cfg: configparser.ConfigParser) -> Iterator[Statement]:
    """What the metadata points to: an attribute of a module, or a file."""
    told = cfg.get("metadata", "version", fallback="").strip()
    pointers = [_table(project.tool("setuptools", "dynamic") or {}, "version")]
    if told.startswith(("attr:", "file:")):
        pointers.append({told[:4]: told[5:].strip()})
    for pointer in pointers:
        if isinstance(attr := pointer.get("attr"), str):
            yield from _attribute(project, attr)
        files = pointer.get("file", [])
        for name in files if isinstance(files, list) else [files]:
            if isinstance(name, str) and (text := read_text(project, name)) and text.strip():
                yield Statement(text.strip(), "the version file", name, 1)
    hatch, pdm = project.tool("hatch", "version") or {}, project.tool("pdm", "version") or {}
    if isinstance(path := hatch.get("path"), str):
        yield from _patterned(project, path, hatch.get("pattern"))
    if pdm.get("source") == "file" and isinstance(path := pdm.get("path"), str):
        yield from _patterned(project, path, None)
    if _is_dynamic(project) and _backend(project).startswith("maturin"):
        text = read_text(project, "Cargo.toml") or ""
        if value := literals.key_value(text, "package", "version"):
            line = literals.key_line(text, "package", "version")
            yield Statement(value, "[package].version", "Cargo.toml", line)


def _attribute(project: Project, attr: str) -> Iterator[Statement]:
    """``package.module.NAME`` as setuptools means it, where it is a literal."""
    module, _, name = attr.strip().rpartition(".")
    inner = module.replace(".", "/")
    above = {package.rpartition("/")[0] for package in project.packages} | {"", "src"}
    for folder in sorted(above):
        for path in (f"{inner}.py", f"{inner}/__init__.py"):
            yield from _literal(project, f"{folder}/{path}".lstrip("/"), name)


def _patterned(project: Project, path: str, pattern: object) -> Iterator[Statement]:
    """The file that hatch or PDM reads: by syntax where it is Python, else as they do."""
    if not isinstance(pattern, str):
        literal = list(_literal(project, path, "__version__", "VERSION"))
        if literal or path.endswith(".py"):
            yield from literal
            return
        pattern = HATCH_PATTERN
    text = read_text(project, path) or ""
    try:
        match = re.search(pattern, text, re.MULTILINE)
        value = match and match["version"]
    except (re.error, IndexError) as error:
        raise CannotTell(f"[tool.hatch.version].pattern cannot be used: {error}") from None
    if match and value:
        line = text.count("\n", 0, match.start("version")) + 1
        yield Statement(value, "the version pattern", path, line)


def _dunder(project: Project) -> Iterator[Statement]:
    """``__version__`` in the packages; flit's module is one of them."""
    for package in project.packages:
        places = [f"{package}/{name}" for name in MODULES]
        for path in [*places, f"{package}.py", f"src/{package}.py"]:
            if path in project.files:
                yield from _literal(project, path, "__version__")


def _literal(project: Project, path: str, *names: str) -> Iterator[Statement]:
    text = read_text(project, path) if path.endswith(".py") else None
    for name, literal in literals.assigned(text or "", path, names):
        yield Statement(literal.text, name, path, literal.line)


def _mirrors(project: Project) -> Iterator[Statement]:
    toml = read_text(project, "pyproject.toml") or ""
    for tool, key in MIRRORS.items():
        table = project.tool(tool) or {}
        for name in dict.fromkeys(("current_version", key)):
            if isinstance(value := table.get(name), str):
                line = literals.key_line(toml, f"tool.{tool}", name)
                yield Statement(value, f"[tool.{tool}].{name}", "pyproject.toml", line, True)
    cited = literals.yaml_value(read_text(project, CITATION) or "", CITATION, "version")
    if cited:
        yield Statement(cited.text, "version", CITATION, cited.line, True)


def _way(project: Project, cfg: configparser.ConfigParser, setup: literals.SetupCall) -> str | None:
    """In which way the version comes about, where no statement of it could be read."""
    if _is_dynamic(project):
        return f"[project] calls it dynamic, and {_backend(project) or 'setuptools'} works it out"
    if told := cfg.get("metadata", "version", fallback="").strip():
        return f"setup.cfg has it from '{told}'"
    return "setup.py works it out" if setup.computed else None


def _is_dynamic(project: Project) -> bool:
    return "version" in (_table(project.pyproject, "project").get("dynamic") or ())


def _backend(project: Project) -> str:
    return str(_table(project.pyproject, "build-system").get("build-backend", ""))


def _setup_cfg(project: Project) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(read_text(project, "setup.cfg") or "")
    except configparser.Error as error:
        raise CannotTell(f"setup.cfg cannot be read: {' '.join(str(error).split())}") from None
    return parser


def read_text(project: Project, name: str) -> str | None:
    """A file of the project, or None without one. Raises CannotTell for one that is no UTF-8."""
    path = project.root / name
    if not path.is_file() or project.root.resolve() not in path.resolve().parents:
        return None
    text = project.text(name)
    if text is None:
        raise CannotTell(f"{name} cannot be read as UTF-8")
    return text.removeprefix("\ufeff")
