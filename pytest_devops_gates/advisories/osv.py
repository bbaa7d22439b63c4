"""The records of the Open Source Vulnerability format, as far as PyPI's packages need it. Pure.

Source: the OSV schema 1.7, https://ossf.github.io/osv-schema/.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timezone
from typing import Any

import msgspec
from packaging.utils import canonicalize_name

from pytest_devops_gates.advisories import cvss
from pytest_devops_gates.errors import CannotTell
from pytest_devops_gates.evidence import Severity

ECOSYSTEM = "PyPI"
PAGE = "https://osv.dev/vulnerability/"
MALICIOUS = "MAL-"
"""What the ids of packages begin with that are malicious as a whole."""

_WORDS = {"MODERATE": Severity.MEDIUM} | {s.name: s for s in Severity if s is not Severity.INFO}


class Event(msgspec.Struct, frozen=True):
    """One of the four is set: where a range of vulnerable versions begins or ends."""

    introduced: str | None = None
    fixed: str | None = None
    last_affected: str | None = None
    limit: str | None = None


class Range(msgspec.Struct, frozen=True):
    type: str
    events: tuple[Event, ...] = ()


class Named(msgspec.Struct, frozen=True):
    ecosystem: str = ""
    name: str = ""


class Score(msgspec.Struct, frozen=True):
    type: str = ""
    score: str = ""


class Affected(msgspec.Struct, frozen=True):
    """One package that a record is about, with the versions that it says are vulnerable."""

    package: Named = Named()
    ranges: tuple[Range, ...] | None = ()
    versions: tuple[str, ...] | None = ()
    severity: tuple[Score, ...] | None = ()
    database_specific: Any = None


class Record(msgspec.Struct, frozen=True):
    """One advisory. Fields that matching does not need are not read."""

    id: str
    modified: str = ""
    withdrawn: str | None = None
    aliases: tuple[str, ...] | None = ()
    summary: str | None = ""
    details: str | None = ""
    affected: tuple[Affected, ...] | None = ()
    severity: tuple[Score, ...] | None = ()
    database_specific: Any = None

    @property
    def ids(self) -> frozenset[str]:
        """Its own id and the names of the same vulnerability elsewhere."""
        return frozenset({self.id, *(self.aliases or ())})

    def about(self, name: str) -> Iterator[Affected]:
        """What it says of a package of PyPI, by its normalised name."""
        for one in self.affected or ():
            if is_pypi(one.package.ecosystem) and canonicalize_name(one.package.name) == name:
                yield one

    def names(self) -> frozenset[str]:
        """The normalised names of all of PyPI's packages that it is about."""
        return frozenset(
            canonicalize_name(one.package.name)
            for one in self.affected or ()
            if is_pypi(one.package.ecosystem)
        )


def is_pypi(ecosystem: str) -> bool:
    """Whether it is PyPI, in whatever case, with or without a suffix (``PyPI:…``)."""
    return ecosystem.partition(":")[0].strip().casefold() == ECOSYSTEM.casefold()


def decode(data: bytes, where: str) -> Record:
    """One record, JSON or, where the name of its file ends so, YAML.

    Raises CannotTell, with the place, for anything else.
    """
    try:
        if where.endswith((".yaml", ".yml")):
            return msgspec.convert(_yaml(data), Record)
        return msgspec.json.decode(data, type=Record)
    except (ValueError, RecursionError) as error:
        said = " ".join(str(error).split())[:160]
        raise CannotTell(f"{where} is no OSV record: {said}") from None


def severity(record: Record, affected: Affected) -> Severity:
    """The worst that its CVSS vectors and its database say; high where none of them is known."""
    if record.id.startswith(MALICIOUS):
        return Severity.CRITICAL
    scores = (*(record.severity or ()), *(affected.severity or ()))
    found = [known for one in scores if (known := cvss.severity(one.score))]
    for specific in (record.database_specific, affected.database_specific):
        word = specific.get("severity") if isinstance(specific, dict) else None
        if isinstance(word, str) and word.upper() in _WORDS:
            found.append(_WORDS[word.upper()])
    return min(found, key=list(Severity).index, default=Severity.HIGH)


def moment(text: str) -> datetime | None:
    """A time of RFC 3339, in UTC; None for what is none."""
    try:
        # Python 3.10 reads neither a Z nor fractions of nine digits
        whole, _, rest = text.strip().partition(".")
        found = datetime.fromisoformat(whole.replace("Z", "+00:00").replace(" ", "T"))
    except ValueError:
        return None
    zone = rest.lstrip("0123456789")
    if rest and zone not in ("", "Z", "+00:00"):
        return None
    return found.astimezone(timezone.utc) if found.tzinfo else found.replace(tzinfo=timezone.utc)


def _yaml(data: bytes) -> Any:
    import yaml

    loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)  # all of its values are texts
    try:
        return yaml.load(data, Loader=loader)  # noqa: S506
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from None
