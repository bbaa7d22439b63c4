"""What a wheel should hold, and does not. Pure.

A file counts as shipped if it lies in a package that the wheel holds, or that the project is known
to ship. Where that is doubtful (a test, a pattern that leaves it out, another package beside the
product) it is missed only if a module of the wheel imports it.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping

import msgspec
from packaging.utils import canonicalize_name

from pytest_devops_gates.evidence import Finding, Severity
from pytest_devops_gates.packaged import litter, records
from pytest_devops_gates.packaged.imports import imported, module_name
from pytest_devops_gates.packaged.members import Member
from pytest_devops_gates.packaged.shipping import Shipping
from pytest_devops_gates.project import BESIDE_CODE

SOURCES = frozenset(
    "c cc cpp cxx h hh hpp hxx pyx pxd pxi rs f f90 f95 for go s asm m mm cu cuh in am ac cmake"
    " build md rst po pot ipynb ts tsx jsx scss sass less map patch y l i swg proto fbs tex sh bat"
    " ps1 lock psd xcf".split()
)
"""Suffixes of what a package is made from, and does not need where it is used."""

_NO_DATA = frozenset({"cmakelists.txt", "build", "owners", "codeowners"})
_SCHEME = re.compile(r"[^/]+\.data/(?:purelib|platlib)/(.+)")
_APART = re.compile(r"[^/]+\.(?:dist-info|data)/")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Tree(msgspec.Struct, frozen=True):
    """The project's side: its plain files, the packages that it is known to ship, its name, which
    of its files are tests, what its settings say, and the ``content`` of a file by its path, None
    for what is none of it."""

    files: tuple[str, ...]
    packages: tuple[str, ...]
    name: str
    is_test: Callable[[str], bool]
    shipping: Shipping
    content: Callable[[str], bytes | None] = lambda path: None


def missing(name: str, files: Mapping[str, Member], tree: Tree) -> Iterator[Finding]:
    """Modules and data of the tree that a wheel should hold, and does not."""
    shipped = library(files)
    sure, doubtful = _absent(shipped, tree)
    for path in sure:
        if path.endswith(".py"):
            yield _missing_module(name, path, tree)
        elif _is_data(path):
            message = f"{path} is not in {name} · {tree.shipping.data}"
            yield Finding("missing-data", message, Severity.MEDIUM, path=path)
    for path in _needed(doubtful, shipped, requirements(files)):
        yield _missing_module(name, path, tree, ", and a module of it imports that")


def left_out(files: Mapping[str, Member], tree: Tree) -> list[str]:
    """Modules, but for tests, that the settings leave out of a wheel, and that none of it needs."""
    shipped = library(files)
    doubtful = _absent(shipped, tree)[1]
    needed = set(_needed(doubtful, shipped, requirements(files)))
    return [
        path
        for path, member in doubtful.items()
        if path not in needed and not tree.is_test(path) and tree.shipping.leaves_out(path, member)
    ]


def _absent(shipped: Mapping[str, Member], tree: Tree) -> tuple[list[str], dict[str, str]]:
    """What is not there: files that surely should be, and modules of which that is doubtful, with
    their paths below ``sys.path``."""
    certain, doubtful = [], {}
    for path, member, sure in _expected(shipped, tree):
        if _is_there(member, shipped):
            continue
        if sure and not tree.is_test(path) and not tree.shipping.leaves_out(path, member):
            certain.append(path)
        elif path.endswith(".py"):
            doubtful[path] = member
    return certain, doubtful


def _needed(
    doubtful: Mapping[str, str], shipped: Mapping[str, Member], required: set[str]
) -> Iterator[str]:
    """Those that a module of the wheel imports, where none of another distribution is meant."""
    sources = {path: m.content for path, m in shipped.items() if path.endswith(".py")}
    named = imported(sources) if doubtful else set()
    tops = {path.split("/")[0] for path in shipped}
    for path, member in doubtful.items():
        name = module_name(member)
        top = name.split(".")[0]
        is_own = top in tops or top not in sys.stdlib_module_names | required
        if name in named and is_own:
            yield path


def _expected(shipped: Mapping[str, Member], tree: Tree) -> Iterator[tuple[str, str, bool]]:
    """Files of the tree, their paths below ``sys.path``, and whether they are surely shipped."""
    found = bases(shipped, tree)
    tops = {path.split("/")[0] for path in shipped}
    own = canonicalize_name(tree.name) if tree.name else ""
    for path in tree.files:
        top = next((t for t, base in found.items() if path.startswith(f"{base}{t}/")), None)
        if top:
            if not litter.is_stray(top, folder=True) or canonicalize_name(top) == own:
                yield path, path.removeprefix(found[top]), True
            continue
        member = path.removeprefix("src/")
        root = member.split("/")[0]
        beside = member == path and (root in BESIDE_CODE or litter.is_stray(root, folder=False))
        if path.endswith(".py") and root not in tops and not beside:
            stem = root.removesuffix(".py")
            package = path.removesuffix(member) + stem
            sure = canonicalize_name(stem) == own or (member != path and package in tree.packages)
            if _NAME.fullmatch(stem):
                yield path, member, sure


def _is_there(member: str, shipped: Mapping[str, Member]) -> bool:
    """Whether the wheel holds a file: where it belongs, compiled, or below another folder."""
    stem = member.removesuffix(".py") + "."
    return member in shipped or any(
        path.endswith("/" + member)
        or (path.startswith(stem) and path.endswith((".so", ".pyd")) and member.endswith(".py"))
        for path in shipped
    )


def _is_data(path: str) -> bool:
    base = path.rpartition("/")[2].lower()
    suffix = base.rpartition(".")[2] if "." in base else ""
    return not (
        suffix in SOURCES
        or base in _NO_DATA
        or litter.is_stray(base, folder=False)
        or litter.is_litter(path)
        or litter.is_secret(path, b"")
    )


def _missing_module(name: str, path: str, tree: Tree, why: str = "") -> Finding:
    folder = path.rpartition("/")[0]
    if folder and not folder.endswith("src") and f"{folder}/__init__.py" not in tree.files:
        why += f" ({folder} has no __init__.py)"
    message = f"{path} is not in {name}{why} · {tree.shipping.modules}"
    return Finding("missing-module", message, Severity.HIGH, path=path)


def requirements(files: Mapping[str, Member]) -> set[str]:
    """Names that a wheel requires, as they would be imported."""
    info = records.information(files, "METADATA")
    told = records.metadata(info.content, "Requires-Dist") if info else []
    heads = (re.match(r"[A-Za-z0-9._-]+", requirement) for requirement in told)
    return {canonicalize_name(head[0]).replace("-", "_") for head in heads if head}


def library(files: Mapping[str, Member]) -> dict[str, Member]:
    """What a wheel puts below ``sys.path``, by its path there."""
    found = {}
    for name, member in files.items():
        inner = _SCHEME.fullmatch(name)
        if inner or not _APART.match(name):
            found[inner[1] if inner else name] = member
    return found


def bases(shipped: Mapping[str, Member], tree: Tree) -> dict[str, str]:
    """The folder of the tree that each topmost name of a wheel lies in: the one with the most files
    that the wheel holds as well."""
    tops = {name.split("/")[0] for name in shipped}
    counted: dict[str, Counter[str]] = {}
    for path in tree.files:
        parts = path.split("/")
        for at, part in enumerate(parts):
            if part in tops and "/".join(parts[at:]) in shipped:
                counted.setdefault(part, Counter())["".join(f"{p}/" for p in parts[:at])] += 1
    return {top: min(found, key=lambda b: (-found[b], len(b), b)) for top, found in counted.items()}
