"""Strict decoding of plain data: every mistake is one line with the key's full path."""

from __future__ import annotations

import re
import typing
from typing import Any

import msgspec

from pytest_devops_gates.errors import UsageError, did_you_mean

WORDS = {
    "str": "a string",
    "int": "a number",
    "float": "a number",
    "bool": "a boolean",
    "array": 'an array (like ["a", "b"])',
    "object": "a table",
}


def decode(kind: Any, raw: Any, path: str) -> Any:
    """Decode plain data into a struct, strictly. Raises UsageError naming the key's full path."""
    if not isinstance(raw, dict):
        raise UsageError(f"{path}: expected a table, got {_kind(raw)}")
    fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
    values = {}
    for key, value in raw.items():
        here = f"{path}.{key}"
        if key not in fields:
            raise UsageError(f"{here}: unknown key{did_you_mean(key, fields)}")
        values[fields[key].name] = _value(fields[key].type, value, here)
    for key, field in fields.items():
        if field.required and key not in raw:
            raise UsageError(f"{path}: the key '{key}' is missing")
    return kind(**values)


def one_of(value: str, known: typing.Iterable[str], path: str, noun: str) -> None:
    """Raises UsageError, with the nearest known name, for a value that is none of them."""
    known = list(known)
    if value not in known:
        raise UsageError(f"{path}: unknown {noun} '{value}'{did_you_mean(value, known)}")


def _value(kind: Any, raw: Any, path: str) -> Any:
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return decode(kind, raw, path)
    nested = _struct_within(kind, dict)
    if nested is not None:
        if not isinstance(raw, dict):
            raise UsageError(f"{path}: expected a table, got {_kind(raw)}")
        return {key: decode(nested, value, f"{path}.{key}") for key, value in raw.items()}
    nested = _struct_within(kind, list)
    if nested is not None:
        if not isinstance(raw, list):
            raise UsageError(f"{path}: expected an array of tables, got {_kind(raw)}")
        return [decode(nested, value, f"{path}[{n}]") for n, value in enumerate(raw)]
    try:
        return msgspec.convert(raw, kind, strict=True)
    except msgspec.ValidationError as error:
        key = ""
        if isinstance(raw, dict):
            key = next((f".{k}" for k, v in raw.items() if not isinstance(v, str)), "")
        raise UsageError(f"{path}{key}: {_in_words(str(error))}") from None


def _struct_within(kind: Any, container: type) -> Any:
    """The struct S where a field's type is ``dict[str, S]`` or ``list[S]``."""
    inner = typing.get_args(kind)[-1] if typing.get_origin(kind) is container else None
    return inner if isinstance(inner, type) and issubclass(inner, msgspec.Struct) else None


def _in_words(said: str) -> str:
    """msgspec's ``Expected `str | null`, got `int``` in the words of TOML."""
    said = said.partition(" - at ")[0].replace("`", "")
    found = re.fullmatch(r"Expected (.+), got (\w+)", said)
    if not found:
        return said[:1].lower() + said[1:]
    wanted = [WORDS.get(name, name) for name in found[1].split(" | ") if name != "null"]
    got = WORDS.get(found[2], found[2]).partition(" (")[0]
    return f"expected {' or '.join(wanted)}, got {got}"


def _kind(raw: Any) -> str:
    return {
        str: "a string",
        list: "an array",
        bool: "a boolean",
        int: "a number",
        dict: "a table",
    }.get(type(raw), "something else")
