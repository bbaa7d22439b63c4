"""A package of which advisories say that it is vulnerable: what a canary plants."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path

from pytest_devops_gates.advisories import matching, store
from pytest_devops_gates.advisories.osv import Record
from pytest_devops_gates.dependencies.locks import Kind
from pytest_devops_gates.errors import CannotTell

KNOWN = ("jinja2", "2.10")
"""CVE-2019-10906, among others."""


def vulnerable(path: Path, cache: Path, now: datetime) -> tuple[str, str]:
    """The name and a version of a package that the advisories at ``path`` tell of: KNOWN, if it is
    there. Raises CannotTell when they know of none."""
    name, version = KNOWN
    known = store.load(path, {name}, cache, now).records
    if _hits(name, version, known):
        return KNOWN
    for record in store.load(path, None, cache, now).records:
        for name, version in _candidates(record):
            if _hits(name, version, [record]):
                return name, version
    raise CannotTell(f"{path.name} tells of no version of PyPI that is vulnerable")


def _hits(name: str, version: str, records: Iterable[Record]) -> bool:
    try:
        return bool(matching.vulnerabilities(name, version, records))
    except CannotTell:
        return False


def pin(found: Kind | None, name: str, version: str) -> str:
    """What pins one more package of PyPI when it is appended to a lock file."""
    if found in (None, "requirements"):
        return f"{name}=={version}\n"
    key = "packages" if found == "pylock" else "package"
    source = {"uv": 'source = { registry = "https://pypi.org/simple" }\n'}.get(found or "", "")
    return f'\n[[{key}]]\nname = "{name}"\nversion = "{version}"\n{source}'


def _candidates(record: Record) -> Iterator[tuple[str, str]]:
    for name in sorted(record.names()):
        for affected in record.about(name):
            events = [event for one in affected.ranges or () for event in one.events]
            begins = [event.introduced for event in events if event.introduced]
            for version in (*(affected.versions or ())[-1:], *begins):
                yield name, version
