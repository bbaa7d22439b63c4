"""Settings files as plain tables."""

from __future__ import annotations

import configparser
import json
import re
from collections.abc import Iterator
from typing import Any

from pytest_devops_gates.config import load_toml
from pytest_devops_gates.errors import UsageError

LARGEST = 1_000_000
"""Bytes of a settings file that are read; none of a project is as long."""
_VALUES = 50_000
_DEPTH = 40

_PYTEST = frozenset({"pytest", "tool:pytest"})
_COMMENTED = re.compile(r'("(?:[^"\\\n]|\\.)*"?)|//[^\n]*|/\*.*?(?:\*/|\Z)', re.DOTALL)
_TRAILING = re.compile(r'("(?:[^"\\\n]|\\.)*"?)|,(?=\s*[}\]])')


class Unreadable(Exception):
    """A settings file cannot be read; says why, in one line."""


def table(name: str, data: bytes) -> dict[str, Any]:
    """What a settings file holds, as a tree of plain values: INI, TOML, YAML, or JSON with
    comments, by the ending of its name. Raises Unreadable."""
    if len(data) > LARGEST:
        raise Unreadable(f"{len(data)} bytes are too many for a settings file")
    try:
        found = _parse(name, data)
    except (UsageError, ValueError, configparser.Error) as error:
        raise Unreadable(" ".join(str(error).split())[:200] or type(error).__name__) from None
    except (RecursionError, AttributeError, TypeError, LookupError, OverflowError) as error:
        raise Unreadable(f"{type(error).__name__} while it was read") from None
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise Unreadable("holds no table")
    tree: dict[str, Any] = _plain(found, [_VALUES], 0)
    return tree


def _parse(name: str, data: bytes) -> Any:
    base = name.rpartition("/")[2]
    if base.endswith(".toml"):
        return load_toml(data, base)
    text = data.decode("utf-8-sig")
    if base.endswith((".yaml", ".yml")):
        return _yaml(text)
    if base.endswith(".json"):
        bare = _COMMENTED.sub(lambda found: found[1] or " ", text)
        return json.loads(_TRAILING.sub(lambda found: found[1] or "", bare))
    if base.endswith("ignore"):
        return {"ignored": list(_lines(text))}
    return _ini(text)


def _lines(text: str) -> Iterator[str]:
    """The lines of a list of digests, without comments. No more of a digest is kept than what tells
    it from others: by all of it a weak secret could be guessed."""
    for line in text.splitlines():
        if entry := line.partition("#")[0].strip():
            yield f"{entry[:8]}…"


def _ini(text: str) -> dict[str, Any]:
    """pytest reads INI files in a way of its own: the case of a key matters to it, and
    ``[DEFAULT]`` is a section like all others."""
    usual = configparser.RawConfigParser()
    usual.read_string(text)
    found = {section: dict(usual[section]) for section in usual.sections()}
    if _PYTEST & found.keys():
        own = configparser.RawConfigParser(default_section="\0")
        own.optionxform = str  # type: ignore[assignment, method-assign]
        own.read_string(text)
        found |= {section: dict(own[section]) for section in _PYTEST & found.keys()}
    return found


def _yaml(text: str) -> Any:
    import yaml  # the parser is large, and most projects have one such file at most

    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from None


def _plain(value: Any, left: list[int], depth: int) -> Any:
    """A copy without aliases, of a size that is no attack, with texts for keys and for whatever
    is neither number, text, list nor table. Raises Unreadable."""
    left[0] -= 1
    if left[0] < 0 or depth > _DEPTH:
        raise Unreadable("holds too many values")
    if isinstance(value, dict):
        return {str(key): _plain(item, left, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple | set):
        return [_plain(item, left, depth + 1) for item in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return str(value)
