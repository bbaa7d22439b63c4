"""What is installed in the interpreter's own environment, by its core metadata."""

from __future__ import annotations

import json
from importlib import metadata
from typing import Any

import msgspec
from packaging.utils import canonicalize_name

from pytest_devops_gates import checkout
from pytest_devops_gates.dependencies.package import Source, without_credentials
from pytest_devops_gates.errors import CannotTell
from pytest_devops_gates.project import Project


class Distribution(msgspec.Struct, frozen=True):
    """One that is installed, and what its core metadata says. ``name`` is normalised (PEP 503);
    ``source`` and ``place`` tell where it came from if that was no index."""

    name: str
    version: str
    requires: tuple[str, ...] = ()
    licence_expression: str = ""
    licence: str = ""
    classifiers: tuple[str, ...] = ()
    source: Source = "registry"
    place: str = ""


def installed(project: Project) -> dict[str, Distribution]:
    """What is installed where this interpreter looks, outside of the checkout's own folders.

    Of two of one name, the first on the path is meant, as an import has it. Raises CannotTell where
    both lie in the same folder: nobody can say which of them is real.
    """
    found: dict[str, Distribution] = {}
    places: dict[str, str] = {}
    with checkout.left(str(project.root)):
        for one in metadata.distributions():
            told = _distribution(one)
            if told is None:
                continue
            place = str(one.locate_file(""))
            if places.setdefault(told.name, place) == place and told.name in found:
                raise CannotTell(
                    f"the environment is broken: {told.name} is installed twice in one folder"
                    f" · python -m pip install --force-reinstall {told.name}"
                )
            found.setdefault(told.name, told)
    return found


def _distribution(one: metadata.Distribution) -> Distribution | None:
    """What is left of one that was removed by halves has no name, and pip does not know it."""
    told = one.metadata
    name, version = _field(told, "Name"), _field(told, "Version")
    if not name or not version:
        return None
    source, place = origin(one.read_text("direct_url.json"))
    return Distribution(
        name=canonicalize_name(name),
        version=version,
        requires=tuple(one.requires or ()),
        licence_expression=_field(told, "License-Expression"),
        licence=_field(told, "License"),
        classifiers=tuple(told.get_all("Classifier") or ()),
        source=source,
        place=place,
    )


def _field(told: Any, key: str) -> str:
    return str(told[key]).strip() if key in told else ""


def origin(direct_url: str | None) -> tuple[Source, str]:
    """The source and the place that ``direct_url.json`` tells of, without its credentials.

    Source: PyPA's specification "Recording the Direct URL Origin".
    """
    if not direct_url:
        return "registry", ""
    try:
        told = json.loads(direct_url)
        url = str(told["url"])
    except (ValueError, KeyError, TypeError):
        return "url", "a place that cannot be read"
    if "vcs_info" in told:
        return "git", without_credentials(url)
    # a path of this machine is nobody else's business
    if url.startswith("file:"):
        return "path", "a local path"
    return "url", without_credentials(url)
