"""JSON as all of our files hold it: ASCII alone, so that no character can hide in it."""

from __future__ import annotations

import re
from typing import Any

import msgspec

_NOT_ASCII = re.compile(r"[^\x00-\x7e]")


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
