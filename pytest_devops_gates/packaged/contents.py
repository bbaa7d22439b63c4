"""What is in a wheel and an sdist, and what is wrong with it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from packaging.utils import canonicalize_name, parse_sdist_filename, parse_wheel_filename

from pytest_devops_gates.evidence import Finding, Severity
from pytest_devops_gates.packaged import litter, records
from pytest_devops_gates.packaged.members import Archive, Member
from pytest_devops_gates.packaged.missing import Tree, bases, library, missing
from pytest_devops_gates.project import TEST_FOLDERS


def judge(
    wheels: Mapping[str, Archive], sdists: Mapping[str, Archive], tree: Tree
) -> list[Finding]:
    """What is wrong with the wheels and sdists of one build, by their file names."""
    found = list(_names([*wheels], [*sdists]))
    for name, archive in wheels.items():
        found += _unsafe(name, archive)
        found += _wheel(name, archive.files, tree)
    for name, archive in sdists.items():
        found += _unsafe(name, archive)
        files = {path.partition("/")[2]: member for path, member in archive.files.items()}
        found += _unwanted(name, files, exempt=TEST_FOLDERS)
        found += _sdist(name, files, tree)
        for wheel in wheels.values():
            found += _not_in_sdist(name, files, library(wheel.files), tree)
    return list(dict.fromkeys(found))


def _names(wheels: list[str], sdists: list[str]) -> Iterator[Finding]:
    told = {}
    for name in (*wheels, *sdists):
        try:
            parsed = parse_wheel_filename(name) if name in wheels else parse_sdist_filename(name)
            told[name] = (parsed[0], parsed[1])
        except ValueError as error:
            yield Finding("name-differs", f"{name}: {error}", Severity.HIGH)
    if len(set(told.values())) > 1:
        message = f"{' and '.join(told)} are not of the same name and version"
        yield Finding("name-differs", message, Severity.HIGH)


def _unsafe(name: str, archive: Archive) -> Iterator[Finding]:
    for flaw in archive.unsafe:
        yield Finding("unsafe-member", f"{name}: {flaw}", Severity.HIGH)


def _wheel(name: str, files: Mapping[str, Member], tree: Tree) -> Iterator[Finding]:
    for flaw in records.flaws(files):
        message = f"{name}: {flaw} · let the build backend write the wheel, and nothing after it"
        yield Finding("record-wrong", message, Severity.HIGH)
    yield from _unwanted(name, files)
    shipped = library(files)
    tops = {path.split("/")[0]: "/" in path for path in shipped}
    own = {canonicalize_name(tree.name), *(canonicalize_name(p) for p in tree.packages)}
    for top, folder in sorted(tops.items()):
        if litter.is_stray(top, folder=folder) and canonicalize_name(top) not in own:
            message = f"{name} puts {top} at the top, where all installed packages share it"
            message += f" · leave it out: {tree.shipping.modules}"
            yield Finding("stray-top-level", message, Severity.MEDIUM)
    yield from missing(name, files, tree)
    info = records.information(files, "METADATA")
    kept = [path for path in files if ".dist-info/" in path]
    yield from _licences(name, info, kept)


def _licences(name: str, info: Member | None, kept: list[str]) -> Iterator[Finding]:
    for licence in records.metadata(info.content, "License-File") if info else []:
        if not any(path == licence or path.endswith("/" + licence) for path in kept):
            message = f"{name} has no {licence}, which its metadata names as License-File"
            message += " · state it in `license-files` of [project], and let it be in the sdist"
            yield Finding("missing-licence", message, Severity.MEDIUM)


def _unwanted(
    name: str, files: Mapping[str, Member], exempt: frozenset[str] = frozenset()
) -> Iterator[Finding]:
    """Secrets and litter; test data of an sdist may be called whatever it likes."""
    for path, member in files.items():
        if not exempt.isdisjoint(path.split("/")[:-1]) and "__pycache__" not in path:
            continue
        if litter.is_secret(path, member.content):
            message = f"{name} holds {path}, a file of secrets · leave it out, and change them"
            yield Finding("secret-file", message, Severity.HIGH)
        elif litter.is_litter(path):
            message = f"{name} holds {path}, which a tool left behind · delete it, or leave it out"
            yield Finding("litter", message, Severity.LOW)


def _sdist(name: str, files: Mapping[str, Member], tree: Tree) -> Iterator[Finding]:
    needed = [path for path in ("pyproject.toml", "setup.py") if path in tree.files][:1]
    for path in ("PKG-INFO", *needed):
        if path not in files:
            yield _lacks(name, path, "without which it is no sdist or cannot be built")
    yield from _licences(name, files.get("PKG-INFO"), [*files])


def _not_in_sdist(
    name: str, files: Mapping[str, Member], shipped: Mapping[str, Member], tree: Tree
) -> Iterator[Finding]:
    """Files of the tree that the wheel holds, and that cannot be built from the sdist."""
    found, known = bases(shipped, tree), set(tree.files)
    for member in shipped:
        path = found.get(member.split("/")[0], "") + member
        elsewhere = path in known and path not in files
        if elsewhere and not any(n == member or n.endswith("/" + member) for n in files):
            yield _lacks(name, path, "which the wheel holds")


def _lacks(name: str, path: str, why: str) -> Finding:
    message = (
        f"{name} has no {path}, {why} · put it in by the build backend's setting for the sdist"
    )
    return Finding("missing-in-sdist", message, Severity.HIGH, path=path)
