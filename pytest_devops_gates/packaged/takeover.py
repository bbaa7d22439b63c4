"""What a wheel takes over where it is installed: Python's start, names and scripts of others; and
modules that are none of the tree's any more. Pure.

What a package generates inside of itself (``_version.py``, compiled modules) is its own affair.
Sources: the manual of ``site``, and the binary distribution format
(https://packaging.python.org/en/latest/specifications/binary-distribution-format/).
"""

from __future__ import annotations

import configparser
import hashlib
import re
import sys
from collections.abc import Iterator, Mapping

from packaging.utils import canonicalize_name

from pytest_devops_gates.evidence import Finding, Rule, Severity
from pytest_devops_gates.packaged import litter, records
from pytest_devops_gates.packaged.members import Archive, Member
from pytest_devops_gates.packaged.missing import Tree, bases, library, requirements

SHOWN = 5
"""Files that a note names."""

_AT_START = frozenset({"sitecustomize", "usercustomize"})
_MODULES = (".py", ".pyc", ".so", ".pyd")
_DATA = re.compile(r"[^/]+\.data/data/(.+)")
_SCRIPT = re.compile(r"[^/]+\.data/(?:scripts|data/(?:bin|Scripts))/([^/]+)")
_ENVIRONMENT = re.compile(r"(?:.+/)?(?:site|dist)-packages/.+|pyvenv\.cfg|(?:.+/)?[^/]+\.pth", re.I)
_OTHERS = re.compile(
    r"(?:python|pythonw|pypy|pip|easy_install|idle|pydoc)[\d.]*|pipx|uvx?|conda|activate(?:\..+)?"
    r"|deactivate|(?:ba|da|z|c)?sh|env|sudo|su|git|gpg2?|ssh|scp|curl|wget|make|docker|node|npm|npx"
    r"|ls|cat|cp|mv|rm|find|grep|sed|awk",
    re.IGNORECASE,
)
"""Commands that everybody types, or that scripts start by their names."""

_VERSION_FILE = re.compile(r"_*(?:version|about|version_info|git_version|release)_*\.py")
_VERSION_LINE = re.compile(rb"^[ \t]*\w*(?:version|commit|revision)\w*[ \t]*(?::[^=\n]*)?=[^=].*$",
                           re.IGNORECASE | re.MULTILINE)  # fmt: skip


def judge(
    wheels: Mapping[str, Archive], sdists: Mapping[str, Archive], tree: Tree
) -> tuple[list[Finding], list[str]]:
    """What the artefacts of a build take over, and notes of what they put elsewhere."""
    found: list[Finding] = []
    notes: list[str] = []
    for name, archive in wheels.items():
        files = archive.files
        shipped = library(files)
        places = {top: base for top, base in bases(shipped, tree).items() if _is_root(base, tree)}
        found += _at_start(name, shipped)
        found += _foreign(name, files, shipped, places, tree)
        found += _scripts(name, files, tree)
        found += _prefix(name, files)
        elsewhere = [path for path in files if _DATA.fullmatch(path)]
        if elsewhere:
            notes.append(f"{name} installs {_some(elsewhere)} outside of packages")
        own = {places[top] + p: m for p, m in shipped.items() if (top := _top(p)) in places}
        found += _differing(name, own, tree, notes)
    for name, archive in sdists.items():
        inner = {path.partition("/")[2]: member for path, member in archive.files.items()}
        inner.pop("setup.py", None)  # some backends write one
        found += _differing(name, inner, tree, notes)
    return found, notes


def _is_root(base: str, tree: Tree) -> bool:
    """Whether a folder is one that modules are found in, and no package itself."""
    return not base or f"{base}__init__.py" not in tree.files


def _top(path: str) -> str:
    return path.partition("/")[0]


def _at_start(name: str, shipped: Mapping[str, Member]) -> Iterator[Finding]:
    """A ``.pth`` counts at the top alone, the two modules in whatever form they are."""
    for top, path in {_top(path): path for path in shipped}.items():
        is_path_file = path == top and top.lower().endswith((".pth", ".start"))
        if is_path_file or top.partition(".")[0].lower() in _AT_START:
            message = (
                f"{name} puts {top} at the top, which each start of Python reads, whatever is run"
                " there · leave it out; where the product is for that, waive it"
            )
            yield Finding("runs-at-start", message, Severity.HIGH)


def _foreign(
    name: str,
    files: Mapping[str, Member],
    shipped: Mapping[str, Member],
    places: Mapping[str, str],
    tree: Tree,
) -> Iterator[Finding]:
    """Names to import that are neither in the tree nor the product's own, and that no setting of
    the build names; those that ``stray-top-level`` tells are left out."""
    own = {canonicalize_name(tree.name), *(canonicalize_name(_last(p)) for p in tree.packages)}
    info = records.information(files, "METADATA")
    told = records.metadata(info.content, "Name") if info else []
    own |= {canonicalize_name(each) for each in told}
    others = requirements(files) | sys.stdlib_module_names | {"pip", "setuptools", "pkg_resources"}
    for top, folder in sorted({_top(path): "/" in path for path in shipped}.items()):
        word = top.partition(".")[0]
        is_info = folder and top.lower().endswith(".egg-info")
        if not is_info and not _is_imported(top, folder=folder):
            continue
        if top in places or litter.is_stray(top, folder=folder) or word in _AT_START:
            continue
        is_named = word in tree.shipping.words and word not in others
        if canonicalize_name(word) in own or is_named or _is_mypyc(word, tree):
            continue
        if not is_info and _is_copied(top, shipped, places, tree):
            continue
        message = (
            f"{name} puts {top} at the top, which is nothing of the tree: it overwrites what others"
            f" install under that name · leave it out: {tree.shipping.modules}"
        )
        yield Finding("foreign-top-level", message, Severity.HIGH)


def _last(path: str) -> str:
    return path.rpartition("/")[2]


def _is_imported(top: str, *, folder: bool) -> bool:
    if folder:
        return top.isidentifier()
    return top.endswith(_MODULES) and top.partition(".")[0].isidentifier()


def _is_mypyc(word: str, tree: Tree) -> bool:
    """mypyc names what its modules share by a digest."""
    return word.endswith("__mypyc") and any("mypyc" in each for each in tree.shipping.words)


def _is_copied(
    top: str, shipped: Mapping[str, Member], places: Mapping[str, str], tree: Tree
) -> bool:
    """Whether a package is a folder of the tree by another name, to the byte: each module of it is
    one of the tree's that is shipped nowhere else."""
    modules = [p for p in shipped if _top(p) == top and p.endswith(_MODULES)]
    elsewhere = {places[_top(path)] + path for path in shipped if _top(path) in places}
    known = {
        hashlib.sha256(content).digest()
        for path in (tree.files if modules else ())
        if path.endswith(".py") and path not in elsewhere
        if (content := tree.content(path)) is not None
    }
    return bool(modules) and all(shipped[path].sha256 in known for path in modules)


def _scripts(name: str, files: Mapping[str, Member], tree: Tree) -> Iterator[Finding]:
    told = {found[1] for path in files if (found := _SCRIPT.fullmatch(path))}
    points = records.information(files, "entry_points.txt")
    if points:
        try:
            told |= set(_declared(points.content))
        except (configparser.Error, UnicodeDecodeError) as error:
            said = " ".join(str(error).split())[:200]
            message = f"{name}: entry_points.txt cannot be read: {said} · mend what declares them"
            yield Finding("shadowing-script", message, Severity.HIGH)
    own = canonicalize_name(tree.name)
    for script in sorted(told):
        plain = script.lower().removesuffix(".exe").removesuffix(".bat").removesuffix(".cmd")
        is_own = canonicalize_name(plain.rstrip("0123456789.")) == own or (own, plain) == (
            "uv",
            "uvx",
        )
        if _OTHERS.fullmatch(plain) and not is_own:
            message = (
                f"{name} installs the script {script}, which takes the place of that command ·"
                " give it a name of its own"
            )
            yield Finding("shadowing-script", message, Severity.HIGH)


def _declared(content: bytes) -> Iterator[str]:
    parser = configparser.ConfigParser(delimiters=("=",), interpolation=None, strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(content.decode("utf-8"))
    for section in ("console_scripts", "gui_scripts"):
        if parser.has_section(section):
            yield from parser[section]


def _prefix(name: str, files: Mapping[str, Member]) -> Iterator[Finding]:
    """What goes to the prefix is no package: it must not be written over these either."""
    for path in files:
        found = _DATA.fullmatch(path)
        if found and _ENVIRONMENT.fullmatch(found[1]):
            message = (
                f"{name} writes {found[1]} into the environment past the installer's own folders ·"
                " leave it out of the data files"
            )
            yield Finding("foreign-top-level", message, Severity.HIGH)


def _differing(
    name: str, files: Mapping[str, Member], tree: Tree, notes: list[str]
) -> Iterator[Finding]:
    """Modules whose bytes are others than in the tree, but for the version that is written in."""
    differing = [path for path, member in files.items() if _differs(path, member, tree)]
    step = tree.shipping.step
    if step and differing:
        notes.append(f"{name} holds other bytes of {_some(differing)} than the tree ({step})")
        return
    for path in differing:
        message = (
            f"{name} holds another {path} than the tree, and no build step is declared that would"
            " write it anew · see what does"
        )
        yield Finding("module-differs", message, Severity.HIGH, path=path)


def _differs(path: str, member: Member, tree: Tree) -> bool:
    if not path.endswith(".py") or _VERSION_FILE.fullmatch(_last(path).lower()):
        return False
    content = tree.content(path)
    if content is None or hashlib.sha256(content).digest() == member.sha256:
        return False
    return _without_version(content) != _without_version(member.content)


def _without_version(content: bytes) -> bytes:
    return _VERSION_LINE.sub(b"", content.replace(b"\r\n", b"\n")).strip()


def _some(paths: list[str]) -> str:
    more = f" and {len(paths) - SHOWN} more" if len(paths) > SHOWN else ""
    return f"{', '.join(paths[:SHOWN])}{more}"


RULES = (
    Rule(
        "foreign-top-level",
        "The wheel holds a name to import that is nothing of the project's, or writes past the"
        " installer's folders: it overwrites what other distributions install there.",
        "Leave it out by the setting that the message names; a package that is generated is named"
        " in the settings of the build.",
        "https://packaging.python.org/en/latest/discussions/src-layout-vs-flat-layout/",
    ),
    Rule(
        "runs-at-start",
        "The wheel holds what each start of Python runs where it is installed: a `.pth` file, or a"
        " module `sitecustomize` or `usercustomize`.",
        "Leave it out. Where the product is for that, waive it.",
        "https://docs.python.org/3/library/site.html",
    ),
    Rule(
        "shadowing-script",
        "The wheel installs a script by the name of a command that everybody uses, such as pip.",
        "Give the script another name.",
        "https://packaging.python.org/en/latest/specifications/entry-points/",
    ),
    Rule(
        "module-differs",
        "A module in the wheel or the sdist is another one than in the tree, by more than its"
        " version, and no build step is declared that would write it anew.",
        "See what writes it, and declare that: `cmdclass`, a build hook, or a build script.",
    ),
)
