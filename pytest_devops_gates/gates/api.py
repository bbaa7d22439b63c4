"""``api``: what breaks in the public API since the last release, and what its version says."""

from __future__ import annotations

import contextlib
import re
import tempfile
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec

from pytest_devops_gates import schemes, versions
from pytest_devops_gates.errors import CannotTell, NotApplicable
from pytest_devops_gates.evidence import Evidence, Receipt, Rule
from pytest_devops_gates.gate import ADVISORY, OFF, Canary, Extra, Gate, Options
from pytest_devops_gates.project import Project
from pytest_devops_gates.stage import Stage
from pytest_devops_gates.surface import api_base
from pytest_devops_gates.surface.api_base import Released, lay_out_at, lay_out_here
from pytest_devops_gates.surface.api_changes import (
    BUMP,
    MINOR,
    Bump,
    Comparison,
    counted,
    excluded,
    judge,
)

if TYPE_CHECKING:
    from pytest_devops_gates.surface.griffe_trees import Tree

RELEASE = "release"
MISSING = "griffe is not installed · python -m pip install 'pytest-devops-gates[release]'"
Kind = Literal[
    "parameter-moved", "parameter-removed", "parameter-changed-kind", "parameter-changed-default",
    "parameter-changed-required", "parameter-added-required", "return-changed-type",
    "object-removed", "object-changed-kind", "attribute-changed-type", "class-removed-base",
]  # fmt: skip
HELP = (
    "The users of a library that do the same as before get an error or another result: let the old"
    " way work, with a DeprecationWarning, or raise the version as its scheme wants it. What is no"
    " part of the API is named in the option `exclude`."
)
KINDS: dict[Kind, str] = {
    "parameter-moved": "A parameter stands at another place among those of a function",
    "parameter-removed": "A function no longer takes a parameter",
    "parameter-changed-kind": "A parameter can no longer be given by its name, or by its place",
    "parameter-changed-default": "A function does something else when a parameter is left out",
    "parameter-changed-required": "A parameter can no longer be left out",
    "parameter-added-required": "A function wants a parameter that nobody gives yet",
    "return-changed-type": "A function no longer says what it returns",
    "object-removed": "A public name is gone",
    "object-changed-kind": "A public name leads to something of another kind",
    "attribute-changed-type": "A public attribute is of another type",
    "class-removed-base": "A class has fewer base classes",
}


class ApiOptions(msgspec.Struct, frozen=True, rename="kebab"):
    """``exclude`` are globs of objects by their dotted path, ``allow`` kinds of changes; neither
    counts."""

    scheme: Literal["auto", "semver", "calver", "zerover"] = "auto"
    exclude: tuple[str, ...] = ()
    allow: tuple[Kind, ...] = ()


def check(project: Project, options: ApiOptions, asked: tuple[str, ...]) -> Evidence:
    """Compare the tree with the last release, and what changed with what the version says."""
    stated = versions.stated(project)
    if not stated.packaged:
        raise NotApplicable("no packaging metadata: nobody installs it as a library")
    last = api_base.last(project)
    found = compare(project, last).without(options.exclude, options.allow)
    bump = expected(project, options, stated, last)
    return Evidence(
        findings=tuple(judge(found, bump)),
        metrics={"breaking": len(found.breaking), "added": len(found.added)},
        examined=found.examined,
        unknown=_untold(found, bump, stated),
        receipt=Receipt("griffe", _griffe(), argv=("griffe", "check", "--against", last.tag)),
        notes=tuple(_notes(found, bump)),
    )


def expected(
    project: Project, options: ApiOptions, stated: versions.Stated, last: Released
) -> Bump:
    """What there is to judge the version by; it comes from a tag where no file states it."""
    scheme = options.scheme
    first = stated.statements[0] if stated.version else None
    return Bump(
        tag=last.tag,
        last=last.version,
        scheme=schemes.of(last.version, last.year) if scheme == "auto" else scheme,
        version=stated.version or api_base.at_head(project),
        release=project.profile == RELEASE,
        path=first.path if first else None,
        line=first.line if first else None,
    )


def compare(project: Project, last: Released) -> Comparison:
    """Both trees, read by griffe. Raises CannotTell without it, and where it cannot read one."""
    with _trees(project, last) as (old, new):
        from pytest_devops_gates.surface import griffe_compare

        return griffe_compare.compare(old, new)


@contextlib.contextmanager
def _trees(project: Project, last: Released) -> Iterator[tuple[Tree, Tree]]:
    """The API at the last release and that of the tree, with their sources laid out beside."""
    try:
        from pytest_devops_gates.surface.griffe_trees import read
    except ImportError:
        raise CannotTell(MISSING) from None
    with tempfile.TemporaryDirectory(prefix="devops-gates-") as folder:
        before = lay_out_at(project, last.commit, Path(folder, "before"))
        after = lay_out_here(project, Path(folder, "after"))
        if all(package.rpartition("/")[2].startswith("_") for package in before.packages):
            raise NotApplicable(f"no public package at {last.tag}: nothing that could break")
        yield read(before, f"at {last.tag}"), read(after, "in the tree")


def _untold(found: Comparison, bump: Bump, stated: versions.Stated) -> str | None:
    """Why a release cannot be judged: changes need a version, and none is known."""
    least = bump.needed(breaking=bool(found.breaking), added=bool(found.added))
    if bump.version or not least or not bump.release:
        return None
    source = f"git tags, by {stated.from_tags}" if stated.from_tags else stated.unread
    what = counted(len(found.breaking), "breaking change")
    return (
        f"the version comes from {source}, and no tag on HEAD says it yet: {what} and"
        f" {counted(len(found.added), 'addition')} need {least} · git tag {least}"
    )


def _notes(found: Comparison, bump: Bump) -> Iterator[str]:
    yield f"compared with {bump.tag}; version scheme {bump.scheme}"
    if bump.scheme == "calver" and found.breaking:
        yield f"{counted(len(found.breaking), 'breaking change')}: calver asks nothing of a version"
    if not found.breaking and found.added:
        yield f"added: {', '.join(found.added[:20])}{', …' if len(found.added) > 20 else ''}"


def _griffe() -> str | None:
    for name in ("griffelib", "griffe"):
        try:
            return installed(name)
        except PackageNotFoundError:
            continue
    return None


def applies(project: Project, options: Options) -> str | None:
    if project.toplevel is None or project.commit is None:
        return "no git repository with a commit, so no release to compare with"
    return None


_DEF = r"^\s*(?:async )?def (\w+)\("


def canary(project: Project, options: ApiOptions) -> Canary:
    """A public function with one parameter more, under a version that is raised by a patch.

    Raises NotApplicable where no version could be too low for that.
    """
    stated, last = versions.stated(project), api_base.last(project)
    bump = expected(project, options, stated, last)
    if schemes.needed(last.version, bump.scheme, breaking=True, added=False) is None:
        raise NotApplicable("calver asks nothing of the version, whatever breaks")
    if not stated.version and not bump.release:
        raise NotApplicable("the version comes with the tag: it is judged in the profile release")
    says = "a parameter that is required now, and no version that tells of it"
    name, text = _broken(project, last, options)
    files: dict[str, str | None] = {name: text} if name else {}
    for one in stated.statements if files else ():
        lines = (files.get(one.path) or project.text(one.path) or "").splitlines(keepends=True)
        at = (one.line or 1) - 1
        lines[at] = lines[at].replace(one.text, str(schemes.patched(last.version)), 1)
        files[one.path] = "".join(lines)
    return Canary(says, files)


def _broken(project: Project, last: Released, options: ApiOptions) -> tuple[str, str]:
    """A source with a public function that was there at the last release, and its text with one
    parameter more; empty without any."""
    with _trees(project, last) as (old, new):
        from pytest_devops_gates.surface import griffe_compare

        for dotted, path, line in griffe_compare.functions(old, new):
            text = project.text(path) or ""
            head, tail = "".join(text.splitlines(keepends=True)[: line - 1]), ""
            found = re.compile(_DEF, re.MULTILINE).search(text, len(head))
            if (
                found
                and found[1] == dotted.rpartition(".")[2]
                and not excluded(dotted, options.exclude)
            ):
                tail = text[found.end() :]
                comma = "" if tail.lstrip().startswith(")") else ", "
                return path, f"{text[: found.end()]}devops_gates_canary{comma}{tail}"
    return "", ""


API_RULES = "https://mkdocstrings.github.io/griffe/guide/users/checking/"
RULES = (
    Rule(
        BUMP,
        "The public API broke since the last release, and the version does not say so.",
        "Raise the version to the one that the message names, or take the change back: keep the"
        " old name or parameter, deprecated, until the next release that may break.",
        "https://semver.org/",
    ),
    Rule(
        MINOR,
        "The public API has more in it than the last release, and the version is that of a patch.",
        "Raise the version to the one that the message names.",
        "https://semver.org/",
    ),
    *(Rule(kind, f"{says}.", HELP, API_RULES) for kind, says in KINDS.items()),
)
API = Gate(
    name="api",
    stage=Stage.DEPLOY,
    options=ApiOptions,
    function=check,
    applies=applies,
    levels={"commit": OFF, "merge": ADVISORY, "operate": OFF},
    conditions={"findings.high": "== 0"},
    metrics=("breaking", "added"),
    extra=Extra("release", module="griffe"),
    again="griffe check PACKAGE --against TAG",
    cost=2.0,
    about="What breaks in the public API since the last release is what its version tells.",
    debt=False,
    canary=canary,
    rules=RULES,
)
