"""DSSE envelopes: one JSON object a line, which holds a statement and its signatures. Pure: they
are signed and checked in keys.py.

Source: the Dead Simple Signing Envelope, v1.0 (github.com/secure-systems-lab/dsse).
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

import msgspec

from pytest_devops_gates.json_text import dump, strictly

PAYLOAD_TYPE = "application/vnd.in-toto+json"


class Signature(msgspec.Struct, frozen=True):
    """The bytes of a signature. ``keyid`` is a hint on the key, and is not believed."""

    sig: bytes
    keyid: str = ""


class Envelope(msgspec.Struct, frozen=True):
    """What a line holds. The bytes of ``payload`` are signed as they are, with their type."""

    payload_type: str
    payload: bytes
    signatures: tuple[Signature, ...] = ()


def pack(statement: dict[str, Any]) -> Envelope:
    """A statement in an envelope that nobody has signed yet."""
    return Envelope(PAYLOAD_TYPE, dump(statement, indent=0).encode("ascii"))


def write(envelope: Envelope) -> str:
    """The envelope as one line, without its end."""
    signatures = []
    for signature in envelope.signatures:
        sig = base64.b64encode(signature.sig).decode("ascii")
        signatures.append({"keyid": signature.keyid, "sig": sig})
    return dump(
        {
            "payload": base64.b64encode(envelope.payload).decode("ascii"),
            "payloadType": envelope.payload_type,
            "signatures": signatures,
        },
        indent=0,
    )


def read(line: str) -> Envelope:
    """The envelope of a line. Raises ValueError for all that is not exactly one."""
    raw = _table(_json(line), "an envelope")
    payload_type, payload = raw.get("payloadType"), raw.get("payload")
    if not isinstance(payload_type, str) or not payload_type:
        raise ValueError("payloadType is no text")
    signatures = raw.get("signatures")
    if not isinstance(signatures, list):
        raise ValueError("signatures is no list")
    return Envelope(
        payload_type=payload_type,
        payload=_bytes(payload, "payload"),
        signatures=tuple(_signature(each) for each in signatures),
    )


def statement(envelope: Envelope) -> dict[str, Any]:
    """What its payload says. Raises ValueError for another type, and for what is no one JSON
    object."""
    if envelope.payload_type != PAYLOAD_TYPE:
        raise ValueError(f"payloadType is '{envelope.payload_type}', needs '{PAYLOAD_TYPE}'")
    try:
        text = envelope.payload.decode("utf-8")
    except UnicodeDecodeError:
        raise ValueError("payload is not UTF-8") from None
    return _table(_json(text), "a statement")


def _signature(raw: Any) -> Signature:
    table = _table(raw, "a signature")
    keyid = table.get("keyid", "")
    if not isinstance(keyid, str):
        raise ValueError("keyid is no text")
    return Signature(_bytes(table.get("sig"), "sig"), keyid)


def _bytes(text: Any, name: str) -> bytes:
    """Base64 in its standard alphabet, or in that for URLs. Raises ValueError for a mixture."""
    if not isinstance(text, str) or not text.isascii():
        raise ValueError(f"{name} is no base64")
    for altchars in (b"+/", b"-_"):
        try:
            found = base64.b64decode(text, altchars=altchars, validate=True)
        except (binascii.Error, ValueError):
            continue
        # there is one way to write it: spare bits could hide a change
        if base64.b64encode(found, altchars).decode("ascii") == text:
            return found
    raise ValueError(f"{name} is no base64")


def _json(text: str) -> Any:
    try:
        return strictly(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"no JSON: {error.msg} at character {error.pos + 1}") from None
    except RecursionError:
        raise ValueError("no JSON: nested too deep") from None


def _table(raw: Any, what: str) -> dict[str, Any]:
    if not isinstance(raw, dict):
        raise ValueError(f"{what} is no JSON object")
    return raw
