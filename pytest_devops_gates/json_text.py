"""JSON as all of our files hold it: ASCII alone, so that no character can hide in it."""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec

_NOT_ASCII = re.compile(r"[^\x00-\x7e]")


def strictly(text: str) -> Any:
    """The one JSON value of a text. Raises ValueError for NaN, infinities and duplicate keys as
    well, and RecursionError for nesting that is too deep."""
    return json.loads(text, parse_constant=_refuse, object_pairs_hook=_unique)


def dump(value: Any, *, indent: int = 1) -> str:
    """A value as JSON. Half characters (lone surrogates, as in file names that are no UTF-8) are
    written out as the escapes that Python shows. Raises TypeError for what JSON does not have."""
    try:
        data = msgspec.json.encode(value)
    except UnicodeEncodeError:
        data = msgspec.json.encode(whole(msgspec.to_builtins(value)))
    text = (msgspec.json.format(data, indent=indent) if indent else data).decode("utf-8")
    return text if text.isascii() and "\x7f" not in text else _NOT_ASCII.sub(_escape, text)


def whole(value: Any) -> Any:
    """The same plain value, with every half character written out."""
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {whole(key): whole(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [whole(inner) for inner in value]
    return value


def _escape(found: re.Match[str]) -> str:
    """``\\uXXXX``, two of them beyond the first 65,536 characters (RFC 8259, section 7)."""
    units = found[0].encode("utf-16-be")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not JSON")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) != len(pairs):
        raise ValueError("duplicate keys in one object")
    return table
