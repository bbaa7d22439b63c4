"""Keeps secrets out of the verdict, and so out of every report that is made of it.

Its texts are made whole here as well (no half characters), so that the verdict in memory is to the
byte the one that is read again from its file.
"""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote, quote_plus

import msgspec

from pytest_devops_gates.evidence import Finding, LevelCounts, Receipt, Rule, TestDetail, TimedTest
from pytest_devops_gates.json_text import whole
from pytest_devops_gates.process import SECRET
from pytest_devops_gates.secret_shapes import MASK, NO_SECRET, mask
from pytest_devops_gates.verdict import (
    Artefact,
    Measured,
    PolicySource,
    Ruling,
    Selection,
    ShardRun,
    StageOutcome,
    Verdict,
    Waiver,
)

LEAST = 6
"""Characters that a value must have to be looked for: shorter ones stand everywhere by chance."""
LEAST_LINE = 12
"""As LEAST, for one of several lines of a value."""

CUT = 190
"""Characters from which on a text may have been cut without a word."""

_CUTS = re.compile(r"…|\n|\Z")
_LINE_END = re.compile(r"[\r\n]+|(?:\\[rn])+")
"""Between the lines of a value, which may be escaped where it is kept."""

_OURS: dict[type[msgspec.Struct], frozenset[str]] = {
    Verdict: frozenset({"schema", "verdict", "started", "run_id", "version"}),
    Selection: frozenset({"stages"}),
    PolicySource: frozenset({"sha256"}),
    StageOutcome: frozenset({"name", "outcome"}),
    Ruling: frozenset({"name", "stage", "level", "outcome"}),
    Measured: frozenset({"operator"}),
    Receipt: frozenset({"output_sha256"}),
    Finding: frozenset({"severity", "confidence", "gate", "fingerprint", "state", "line_hash"}),
    Rule: frozenset({"gate"}),
    LevelCounts: frozenset({"name"}),
    TimedTest: frozenset({"outcome"}),
    Artefact: frozenset({"sha256"}),
    ShardRun: frozenset({"run_id", "sha256"}),
    TestDetail: frozenset({"collected_sha256"}),
    Waiver: frozenset({"gate", "fingerprint", "created", "expires"}),
}
"""Fields that hold a word of ours, which a secret may be by chance, or a digest."""


def secrets(environment: Mapping[str, str]) -> tuple[str, ...]:
    """The values of variables that are named like secrets, in all forms in which they may be
    printed, longest first."""
    named = [v for k, v in environment.items() if SECRET.search(k) and not NO_SECRET.search(k)]
    found = {form for value in named for part in _parts(value) for form in _forms(part)}
    return tuple(sorted(found, key=lambda form: (-len(form), form)))


def redact(verdict: Verdict, values: tuple[str, ...]) -> Verdict:
    """The verdict with these values, and whatever else shows as a secret, masked wherever they
    stand."""
    cleaner = _Cleaner(values)
    rest = msgspec.structs.replace(verdict, findings=())
    # a number that is declared a float is made one: 5 is read again as 5.0
    rest = msgspec.convert(msgspec.to_builtins(rest), Verdict)
    made = _walk(rest, cleaner)
    assert isinstance(made, Verdict)
    return msgspec.structs.replace(made, findings=_walk(verdict.findings, cleaner))


def in_line(text: str, values: tuple[str, ...]) -> str:
    """As redact, for a single text."""
    return _Cleaner(values)[text]


def _parts(value: str) -> Iterator[str]:
    """The value, and its single lines where it has several: a tool may show one of them."""
    if len(value.strip()) >= LEAST:
        yield value.strip()
    lines = [line.strip() for line in _LINE_END.split(value)]
    if len(lines) > 1:
        yield from (line for line in lines if len(line) >= LEAST_LINE)


def _forms(part: str) -> Iterator[str]:
    """The ways in which Python, JSON and URLs write it."""
    yield whole(part)
    yield whole(repr(part)[1:-1])
    yield ascii(part)[1:-1]
    yield json.dumps(part)[1:-1]
    yield whole(json.dumps(part, ensure_ascii=False)[1:-1])
    yield quote_plus(part, errors="replace")
    for safe in ("", "/", "!'()*"):
        yield quote(part, safe=safe, errors="replace")


def _without_ends(text: str, value: str) -> str:
    """The text without the beginning of a value where it was cut (before ``…`` and at the ends of
    lines), and without the end of one behind ``…``."""
    for at in reversed([found.start() for found in _CUTS.finditer(text)]):
        behind = text[at + 1 :] if text[at : at + 1] == "…" else ""
        for length in range(min(len(value) - 1, len(behind)), LEAST - 1, -1):
            if behind.startswith(value[-length:]):
                text = f"{text[: at + 1]}{MASK}{behind[length:]}"
                break
        for length in range(min(len(value) - 1, at), LEAST - 1, -1):
            if text.endswith(value[:length], 0, at):
                text = f"{text[: at - length]}{MASK}{text[at:]}"
                break
    return text


class _Cleaner(dict[str, str]):
    """What is left of a text, worked out once for each."""

    def __init__(self, values: tuple[str, ...]) -> None:
        self._values = values

    def __missing__(self, text: str) -> str:
        clean = whole(text)
        for value in self._values:
            if value in clean:
                clean = clean.replace(value, MASK)
            if "…" in clean or len(clean) >= CUT:
                clean = _without_ends(clean, value)
        clean = mask(clean)
        self[text] = clean = text if clean == text else clean
        return clean


def _walk(value: Any, cleaner: _Cleaner) -> Any:
    """The value with all texts in it cleaned; the very same one where none has changed."""
    if isinstance(value, str):
        return cleaner[value]
    if isinstance(value, msgspec.Struct):
        ours = _OURS.get(type(value), frozenset())
        changed = {}
        for name in value.__struct_fields__:
            before = getattr(value, name)
            if name not in ours and (after := _walk(before, cleaner)) is not before:
                changed[name] = after
        return msgspec.structs.replace(value, **changed) if changed else value
    if isinstance(value, (tuple, list)):
        several = tuple(_walk(inner, cleaner) for inner in value)
        same = type(value) is tuple and all(map(operator.is_, several, value))
        return value if same else several
    if isinstance(value, dict):
        table = {_walk(key, cleaner): _walk(inner, cleaner) for key, inner in value.items()}
        return value if table == value else table
    return value
