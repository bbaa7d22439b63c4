"""Which packages of PyPI a record is about, and when it was changed, mostly without decoding it.

Most of an archive's many thousand records are about packages that nobody asks for. What does not
look as the records of the known databases do is decoded.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec

from pytest_devops_gates.advisories import osv
from pytest_devops_gates.errors import CannotTell

_KEY = re.compile(rb'"package"\s*:')
_PACKAGE = re.compile(rb'"package"\s*:\s*\{([^{}]*)\}')
_NAME = re.compile(rb'"name"\s*:\s*"([^"\\]+)"')
_ECOSYSTEM = re.compile(rb'"ecosystem"\s*:\s*"([^"\\]+)"')
_MODIFIED = re.compile(rb'"modified"\s*:\s*"([^"\\]{10,40})"')

# however it is quoted, or not, and whatever follows
_YAML_KEY = re.compile(rb"""(?:^|[{,\s\[-])["']?package["']?\s*:""")
_YAML_PACKAGE = re.compile(
    rb"^[ -]*package:[ ]*\r?\n((?:[ ]+(?:ecosystem|name|purl):[^\r\n]*\r?\n?){2,3})", re.MULTILINE
)
_YAML_PLAIN = rb":[ ]*(['\"]?)([A-Za-z0-9][A-Za-z0-9._:-]*)\1[ ]*\r?$"
_YAML_NAME = re.compile(rb"^[ ]+name" + _YAML_PLAIN, re.MULTILINE)
_YAML_ECOSYSTEM = re.compile(rb"^[ ]+ecosystem" + _YAML_PLAIN, re.MULTILINE)
_YAML_MODIFIED = re.compile(rb"^modified:[ ]*['\"]?([0-9][^'\"\n]{9,40})", re.MULTILINE)


class Glance(msgspec.Struct, frozen=True):
    """The names of PyPI's packages as a record has them, and its times."""

    names: frozenset[str] = frozenset()
    times: tuple[str, ...] = ()


def glance(data: bytes, title: str, mend: str) -> Glance:
    """Raises CannotTell for what is no record, or is cut off."""
    if title.endswith(".json"):
        if not (data.lstrip()[:1] == b"{" and data.rstrip()[-1:] == b"}"):
            raise CannotTell(f"{title} is no OSV record, or is cut off · {mend}")
        pairs = [_json_pair(one) for one in _PACKAGE.findall(data)]
        keys, times = _KEY.findall(data), _MODIFIED.findall(data)
    else:
        pairs = [_yaml_pair(one) for one in _YAML_PACKAGE.findall(data)]
        keys, times = _YAML_KEY.findall(data), _YAML_MODIFIED.findall(data)
    known = [pair for pair in pairs if pair is not None]
    # an escape, or another order of things, may hide a name
    if not known or len(known) != len(keys):
        record = osv.decode(data, title)
        return Glance(record.names(), (record.modified,))
    names = frozenset(name for ecosystem, name in known if osv.is_pypi(ecosystem))
    return Glance(names, tuple(time.decode("latin-1") for time in times))


def _json_pair(inner: bytes) -> tuple[str, str] | None:
    return _only(_ECOSYSTEM.findall(inner), _NAME.findall(inner))


def _yaml_pair(inner: bytes) -> tuple[str, str] | None:
    ecosystems, names = (
        [value for _, value in pattern.findall(inner)] for pattern in (_YAML_ECOSYSTEM, _YAML_NAME)
    )
    return _only(ecosystems, names)


def _only(ecosystems: Iterable[bytes], names: Iterable[bytes]) -> tuple[str, str] | None:
    """An ecosystem and a name, where there is one of each."""
    found = [one.decode("utf-8", "replace") for one in (*ecosystems, *names)]
    return (found[0], found[1]) if len(found) == 2 else None
