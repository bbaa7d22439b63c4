"""What ``evidence.intoto.jsonl`` states, and who signed it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from pytest_devops_gates.neutral import visible
from pytest_devops_gates.release import envelope, statements
from pytest_devops_gates.release.check import LEFT_OUT, Check, all_told
from pytest_devops_gates.release.keys import PublicKey


class Attested(msgspec.Struct, frozen=True):
    """The envelopes of a bundle by their predicate's type, with what they state."""

    envelopes: Mapping[str, envelope.Envelope]
    stated: Mapping[str, Mapping[str, Any]]


def read(data: bytes) -> Attested:
    """The envelopes of the three statements. Raises ValueError for any other number of them."""
    try:
        lines = data.decode("utf-8").removesuffix("\n").split("\n")
    except UnicodeDecodeError as error:
        raise ValueError(f"is not UTF-8 at byte {error.start}") from None
    envelopes: dict[str, envelope.Envelope] = {}
    stated: dict[str, Mapping[str, Any]] = {}
    for number, line in enumerate(lines, 1):
        try:
            found = envelope.read(line)
            kind, statement = _statement(found, stated)
        except ValueError as why:
            raise ValueError(f"line {number}: {visible(str(why))[:400]}") from None
        envelopes[kind], stated[kind] = found, statement
    for kind in statements.PREDICATES:
        if kind not in stated:
            raise ValueError(f"has no {statements.NAMES[kind]}, needs one ({kind})")
    return Attested(envelopes, stated)


def _statement(
    found: envelope.Envelope, before: Mapping[str, Any]
) -> tuple[str, Mapping[str, Any]]:
    """What an envelope states, and the predicate's type. Raises ValueError."""
    statement = envelope.statement(found)
    kind = str(statement.get("predicateType"))
    if kind not in statements.PREDICATES:
        raise ValueError(f"predicateType '{kind}', needs one of {', '.join(statements.PREDICATES)}")
    if kind in before:
        raise ValueError(f"a second {statements.NAMES[kind]}, needs one")
    return kind, statement


def differences(found: Any, made: Any, path: str) -> list[str]:
    """Where a statement says other than what is made of the verdict anew. Fields beside ours are
    left alone, as in-toto asks; elements of a list are not, nor are digests."""
    if isinstance(made, dict) and isinstance(found, dict):
        wrong = []
        for key, value in made.items():
            here = f"{path}.{key}"
            if key == "digest" and found.get(key) != value:
                wrong.append(f"{here}: {_short(found.get(key))}, needs {_short(value)}")
            elif key in found:
                wrong += differences(found[key], value, here)
            else:
                wrong.append(f"{here}: is missing, needs {_short(value)}")
        return wrong
    if isinstance(made, list) and isinstance(found, list) and len(made) == len(found):
        pairs = enumerate(zip(found, made, strict=True))
        return [each for n, (f, m) in pairs for each in differences(f, m, f"{path}[{n}]")]
    if type(made) is type(found) and made == found:
        return []
    return [f"{path}: {_short(found)}, needs {_short(made)}"]


def _short(value: Any) -> str:
    text = visible(str(value))
    return text if len(text) <= 200 else f"{text[:199]}…"


def signatures(found: Attested, key: PublicKey | None) -> Iterator[Check]:
    """Whether each envelope is signed by the key that is expected, whoever else signed it."""
    if key is None:
        signed = sum(bool(each.signatures) for each in found.envelopes.values())
        told = f"signature: not checked (no --key); {signed} of {len(found.envelopes)} are signed"
        yield Check("signature", LEFT_OUT, told)
        return
    wrong = []
    for kind, each in found.envelopes.items():
        if not key.signed(each):
            by = visible(", ".join(s.keyid[:16] for s in each.signatures))[:100] or "nobody"
            told = f"signature of {statements.NAMES[kind]}: by {by}, needs {key.keyid[:16]}"
            wrong.append(told)
    says = f"{len(found.envelopes)} by the key {key.keyid}"
    yield from all_told("signature", wrong, says, "devops-gates release sign RUN_DIR --key FILE")
