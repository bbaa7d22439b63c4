"""verdict.json of somebody else, read so that nothing is taken for granted. Pure."""

from __future__ import annotations

import json
import math
from typing import Any

import msgspec

from pytest_devops_gates.json_text import strictly
from pytest_devops_gates.neutral import visible
from pytest_devops_gates.stage import Stage
from pytest_devops_gates.verdict import EXIT_STATUS, OUTCOMES, SCHEMA, Verdict

_LEVELS = ("required", "advisory", "off")
_OPERATORS = (">=", "<=", "==", "!=", ">", "<")

_NEEDED: dict[str, str] = {
    "": "schema verdict reason exit_status started seconds run_id version profile commit dirty base"
    " selection policy stages gates findings tests project waivers artefacts",
    "selection": "stages complete",
    "policy": "source sha256",
    "stages": "name outcome",
    "gates": "name stage level outcome reason conditions warnings metrics findings receipt",
    "gates.conditions": "metric operator limit value holds",
    "gates.warnings": "metric operator limit value holds",
    "gates.findings": "total new known waived",
    "gates.receipt": "tool examined",
    "findings": "gate rule severity confidence path state waiver",
    "tests": "collected deselected passed failed errors skipped xfailed xpassed rerun flaky altered"
    " seconds complete",
    "waivers": "id gate expires holds_back",
    "artefacts": "name sha256 size",
}
"""The fields that a judgement needs. Whoever takes one of them away would get its default."""


def verdict(data: bytes) -> Verdict:
    """The verdict that verdict.json holds. Raises ValueError, in one line, for everything else:
    another schema, duplicate keys, missing fields, wrong types, words that are none of ours."""
    raw = _json(data)
    if not isinstance(raw, dict):
        raise ValueError("is no JSON object")
    if raw.get("schema") != SCHEMA:
        told = visible(str(raw.get("schema")))[:100]
        raise ValueError(f"schema: '{told}', needs '{SCHEMA}'")
    for place, names in _NEEDED.items():
        for table in _places(raw, place.split(".") if place else []):
            missing = [name for name in names.split() if name not in table]
            if missing:
                raise ValueError(f"{place}{'.' if place else ''}{missing[0]}: is missing")
    try:
        found = msgspec.convert(raw, Verdict, strict=True)
    except (msgspec.ValidationError, UnicodeError) as error:
        raise ValueError(visible(str(error))[:300]) from None
    _check_words(found)
    return found


def _json(data: bytes) -> Any:
    try:
        return strictly(data.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise ValueError(f"is not UTF-8 at byte {error.start}") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"is no JSON: {error.msg} at character {error.pos + 1}") from None
    except RecursionError:
        raise ValueError("is no JSON: nested too deep") from None


def _places(raw: Any, keys: list[str]) -> list[dict[str, Any]]:
    """The tables at a place, in every element where there are lists on the way."""
    found = [raw]
    for key in keys:
        found = [each[key] for each in found if isinstance(each, dict) and key in each]
        found = [one for each in found for one in (each if isinstance(each, list) else [each])]
    return [each for each in found if isinstance(each, dict)]


def _check_words(verdict: Verdict) -> None:
    """Raises ValueError for a word where another one of ours belongs, and for no number."""
    _one_of("verdict", verdict.verdict, EXIT_STATUS)
    stages = [stage.value for stage in Stage]
    named = [stage.name for stage in verdict.stages]
    if named != stages:
        raise ValueError(f"stages: {visible(', '.join(named))[:200]}, needs {', '.join(stages)}")
    for stage in verdict.stages:
        _one_of(f"stages.{stage.name}", stage.outcome, OUTCOMES)
    for ruling in verdict.gates:
        here = f"gates.{visible(ruling.name)[:64]}"
        _one_of(f"{here}.stage", ruling.stage, stages)
        _one_of(f"{here}.level", ruling.level, _LEVELS)
        _one_of(f"{here}.outcome", ruling.outcome, OUTCOMES)
        for condition in (*ruling.conditions, *ruling.warnings):
            _one_of(f"{here}.{visible(condition.metric)}", condition.operator, _OPERATORS)
    if not (math.isfinite(verdict.seconds) and 0 <= verdict.seconds < 10**8):
        raise ValueError(f"seconds: {verdict.seconds} is no time that a run takes")


def _one_of(place: str, word: str, known: Any) -> None:
    if word not in known:
        raise ValueError(f"{place}: '{visible(word)[:100]}', needs one of {', '.join(known)}")
