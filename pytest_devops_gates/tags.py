"""Versions and git tags: which tools take the one from the other, and which tag means which. Pure.

Source of what a version is: PEP 440.
"""

from __future__ import annotations

import configparser
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from packaging.utils import canonicalize_name
from packaging.version import Version

from pytest_devops_gates.literals import SetupCall

TOOLS = (
    "setuptools-scm",
    "hatch-vcs",
    "versioningit",
    "dunamai",
    "uv-dynamic-versioning",
    "poetry-dynamic-versioning",
    "setuptools-git-versioning",
    "versioneer",
    "vcs-versioning",
    "pbr",
)
"""Tools that take the version from git tags, as they are named among build requirements."""

SOURCES = {"vcs": "hatch-vcs", "scm": "the source scm of PDM"}
LISTING = ("for-each-ref", "--format=%(refname:strip=2)", "refs/tags")
"""What to ask git for: the names of all tags, one a line."""


def parse(text: str) -> Version | None:
    """A version of PEP 440, or None."""
    try:
        return Version(text)
    except ValueError:  # InvalidVersion, or a number of more digits than Python reads
        return None


def versions(listing: bytes, names: Collection[str], *, nested: bool) -> dict[str, Version]:
    """The tags that name a version of the project, as git lists them, with what they name.

    ``v1.2`` and ``1.2``; ``name-1.2``, ``name-v1.2``, ``name@1.2`` and ``name/v1.2`` for one of
    the project's own ``names``. A ``nested`` project, one of several in its checkout, that has
    tags with its name is not meant by tags without one.
    """
    plain: dict[str, Version] = {}
    named: dict[str, Version] = {}
    for tag in listing.decode("utf-8", "surrogateescape").splitlines():
        if version := parse(tag):
            plain[tag] = version
        elif version := next(_after_name(tag, names), None):
            named[tag] = version
    return named if nested and named else plain | named


def _after_name(tag: str, names: Collection[str]) -> Iterator[Version]:
    for found in re.finditer(r"[-@/_]", tag):
        before, after = tag[: found.start()], tag[found.end() :]
        version = parse(after) if canonicalize_name(before) in names else None
        if version:
            yield version


def source(
    pyproject: Mapping[str, Any], cfg: configparser.ConfigParser, setup: SetupCall
) -> str | None:
    """The tool that takes the version from git tags, for a project whose ``[project]`` states
    none; or None."""
    tool = table(pyproject, "tool")
    poetry = table(tool, "poetry-dynamic-versioning")
    if poetry:
        return "poetry-dynamic-versioning" if poetry.get("enable") else None
    if setup.from_tags or cfg.has_section("versioneer"):
        return setup.from_tags or "versioneer"
    hatch, pdm = table(table(tool, "hatch"), "version"), table(table(tool, "pdm"), "version")
    for told in (hatch.get("source"), pdm.get("source")):
        if told in SOURCES or told in TOOLS:
            return SOURCES.get(str(told), str(told))
    stated = cfg.get("metadata", "version", fallback="") or table(tool, "poetry").get("version")
    pointed = table(table(table(tool, "setuptools"), "dynamic"), "version")
    if stated or setup.version or hatch.get("path") or pdm.get("path") or pointed:
        return None
    requires = table(pyproject, "build-system").get("requires")
    return _required(requires if isinstance(requires, list) else (), tool)


def _required(requires: Iterable[object], tool: Mapping[str, Any]) -> str | None:
    told = [re.split(r"[^\w.-]", str(entry).strip(), maxsplit=1)[0] for entry in requires]
    named = {canonicalize_name(name) for name in (*told, *tool)}
    return next((name for name in TOOLS if name in named), None)


def table(above: Any, name: str) -> dict[str, Any]:
    """A table within another one; an empty one where there is none."""
    value = above.get(name) if isinstance(above, Mapping) else None
    return value if isinstance(value, dict) else {}
