"""The software bill of materials of what was built: CycloneDX 1.6, of the wheel and of all that a
fresh environment took in with it. Equal artefacts and dependencies make equal documents."""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timezone
from importlib.metadata import Distribution
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import msgspec
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename

from pytest_devops_gates import disk, git, json_text
from pytest_devops_gates.errors import CannotTell, told
from pytest_devops_gates.project import Project

if TYPE_CHECKING:
    from cyclonedx.model.component import Component
    from cyclonedx.model.license import License

FILE = "sbom.cdx.json"

BROUGHT = frozenset({"pip", "setuptools"})
"""What ``python -m venv`` puts into an environment by itself."""

SHORT = 100
"""Characters up to which the field ``License`` of metadata is a name, and not a text."""


class Installed(msgspec.Struct, frozen=True):
    """A distribution in an environment, and which others in there it requires (their names).

    ``licence`` is its License-Expression, ``licences`` are the names of it where it has none.
    """

    name: str
    version: str
    licence: str = ""
    licences: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()


class Artefact(msgspec.Struct, frozen=True):
    """A file that was built, by its name, with its digest."""

    name: str
    sha256: str


def write(project: Project, wheel: Path, site: Path) -> tuple[str, ...]:
    """Write the SBOM of a wheel beside the reports, whole or not at all.

    ``site`` is the folder in which it and its dependencies were installed. Returns notes: why there
    is none, or what it cannot say.
    """
    try:
        distributions = list(importlib.metadata.distributions(path=[str(site)]))
        name = canonicalize_name(parse_wheel_filename(wheel.name)[0])
        found, notes = installed(distributions, name)
        artefacts = [_artefact(path) for path in (wheel, *sorted(wheel.parent.glob("*.tar.gz")))]
        disk.write(project.run_dir / FILE, document(found, name, artefacts, _moment(project)))
    except Exception as error:  # metadata of others: whatever is wrong in there
        return (f"no {FILE} was written: {told(error)}",)
    return notes


def installed(
    distributions: Iterable[Distribution], root: str
) -> tuple[dict[str, Installed], tuple[str, ...]]:
    """What an environment holds by its names, and notes on what cannot be read of it.

    Its own tools are left out, unless something requires them that ``root`` brought.
    Raises CannotTell where ``root`` is not in there, or a distribution without a name or a version.
    """
    by_name: dict[str, Distribution] = {}
    for distribution in distributions:
        name = _field(distribution, "Name")
        if not name or not _field(distribution, "Version"):
            raise CannotTell("a distribution that was installed tells no name, or no version")
        by_name.setdefault(canonicalize_name(name), distribution)
    if root not in by_name:
        raise CannotTell(f"{root} is not among what was installed with it")
    edges, notes = _edges(by_name, [name for name in by_name if name not in BROUGHT])
    found = {name: _installed(by_name[name], name, sorted(edges[name])) for name in sorted(edges)}
    return found, notes


def _edges(
    by_name: Mapping[str, Distribution], first: Iterable[str]
) -> tuple[dict[str, set[str]], tuple[str, ...]]:
    """Who requires whom, from the ``first`` on, with the extras that they ask each other for."""
    edges: dict[str, set[str]] = {}
    notes: dict[str, None] = {}
    seen: set[tuple[str, str]] = set()
    waiting = [(name, "") for name in first]
    while waiting:
        asked = waiting.pop()
        if asked in seen:
            continue
        seen.add(asked)
        name, extra = asked
        edges.setdefault(name, set())
        for line in by_name[name].requires or ():
            try:
                needed = Requirement(line)
            except InvalidRequirement:
                notes[f"{FILE} leaves out a requirement of {name} that cannot be read"] = None
                continue
            other = canonicalize_name(needed.name)
            if needed.marker and not needed.marker.evaluate({"extra": extra}):
                continue
            if other not in by_name:
                notes[f"{FILE} lacks {other}, which {name} requires: it was not installed"] = None
            else:
                edges[name] |= {other} - {name}
                waiting += [(other, ""), *((other, extra) for extra in needed.extras)]
    return edges, tuple(notes)


def _installed(distribution: Distribution, name: str, requires: Sequence[str]) -> Installed:
    expression = _field(distribution, "License-Expression")
    stated = _field(distribution, "License")
    classified = [
        line.rpartition(" :: ")[2]
        for line in _fields(distribution, "Classifier")
        if line.startswith("License :: ") and line.count(" :: ") > 1
    ]
    named = [stated] if stated and len(stated) <= SHORT and stated != "UNKNOWN" else classified
    return Installed(
        name=name,
        version=_field(distribution, "Version"),
        licence=expression,
        licences=() if expression else tuple(dict.fromkeys(named)),
        requires=tuple(requires),
    )


def document(
    found: Mapping[str, Installed], root: str, artefacts: Sequence[Artefact], moment: datetime
) -> str:
    """The SBOM as JSON. The first of the ``artefacts`` is the wheel of ``root``."""
    from cyclonedx.model.bom import Bom
    from cyclonedx.model.component import Component, ComponentType
    from cyclonedx.output import make_outputter
    from cyclonedx.schema import OutputFormat, SchemaVersion

    bom = Bom(serial_number=_serial(found, root, artefacts, moment))
    components = {name: _component(one) for name, one in found.items()}
    _complete(components[root], artefacts)
    for name in ("pytest-devops-gates", "cyclonedx-python-lib"):
        release = importlib.metadata.version(name)
        tool = Component(type=ComponentType.APPLICATION, name=name, version=release)
        bom.metadata.tools.components.add(tool)
    bom.metadata.timestamp = moment
    bom.metadata.component = components[root]
    for name, component in components.items():
        if name != root:
            bom.components.add(component)
        bom.register_dependency(component, [components[n] for n in found[name].requires])
    output = make_outputter(bom, OutputFormat.JSON, SchemaVersion.V1_6)
    return output.output_as_string(indent=1) + "\n"


def _serial(*content: Any) -> uuid.UUID:
    """The same for the same content."""
    parts = msgspec.json.encode(msgspec.to_builtins(content))
    return uuid.uuid5(uuid.NAMESPACE_OID, hashlib.sha256(parts).hexdigest())


def _component(one: Installed) -> Component:
    from cyclonedx.model.component import Component, ComponentType
    from packageurl import PackageURL

    purl = PackageURL("pypi", None, one.name, one.version)
    return Component(
        type=ComponentType.LIBRARY,
        name=one.name,
        version=one.version,
        bom_ref=purl.to_string(),
        purl=purl,
        licenses=_licences(one),
    )


def _licences(one: Installed) -> list[License]:
    """By their SPDX identifiers where these are known; an expression has to stand alone."""
    from cyclonedx.model.license import DisjunctiveLicense, LicenseExpression
    from cyclonedx.spdx import fixup_id, is_expression

    if one.licence and not fixup_id(one.licence) and is_expression(one.licence):
        return [LicenseExpression(one.licence)]
    names = [one.licence] if one.licence else one.licences
    return [
        DisjunctiveLicense(id=known) if (known := fixup_id(name)) else DisjunctiveLicense(name=name)
        for name in names
    ]


def _complete(component: Component, artefacts: Sequence[Artefact]) -> None:
    """What is known of the built one alone: the digest of its wheel, and its files."""
    from cyclonedx.model import (
        ExternalReference,
        ExternalReferenceType,
        HashAlgorithm,
        HashType,
        XsUri,
    )

    for number, artefact in enumerate(artefacts):
        digest = HashType(alg=HashAlgorithm.SHA_256, content=artefact.sha256)
        if number == 0:
            component.hashes.add(digest)
        component.external_references.add(
            ExternalReference(
                type=ExternalReferenceType.DISTRIBUTION,
                url=XsUri(quote(artefact.name)),
                hashes=[digest],
            )
        )


def _artefact(path: Path) -> Artefact:
    return Artefact(path.name, hashlib.sha256(disk.read_plain(path)).hexdigest())


def _moment(project: Project) -> datetime:
    """When what was built was made: by SOURCE_DATE_EPOCH, its commit, or else the clock."""
    stated = os.environ.get("SOURCE_DATE_EPOCH", "")
    seconds = float(stated) if stated.isdecimal() else project.started
    if not stated.isdecimal() and project.commit:
        asked = ("log", "-1", "--format=%ct", project.commit)
        seconds = float(git.git(project.root, *asked, env=project.git))
    return datetime.fromtimestamp(int(seconds), timezone.utc)


def _field(distribution: Distribution, name: str) -> str:
    return next(iter(_fields(distribution, name)), "")


def _fields(distribution: Distribution, name: str) -> list[str]:
    """All that its metadata say under one name, each in one line."""
    values = distribution.metadata.get_all(name) or ()
    return [json_text.whole(" ".join(str(value).split())) for value in values]
