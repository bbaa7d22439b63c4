"""The JSON Schema of verdict.json, made from the structs that write it.

``python -m pytest_devops_gates.schema`` prints it; the copy that ships in the package is
``verdict-1.schema.json`` beside this file.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec

from pytest_devops_gates.stage import Stage
from pytest_devops_gates.verdict import (
    EXIT_FAIL,
    EXIT_INTERNAL,
    EXIT_INTERRUPTED,
    EXIT_PASS,
    EXIT_UNKNOWN,
    EXIT_USAGE,
    FAIL,
    NOT_APPLICABLE,
    OFF,
    PASS,
    SCHEMA,
    UNKNOWN,
    WARN,
    Verdict,
)

PATH = Path(__file__).with_name("verdict-1.schema.json")
_VERDICTS = [PASS, FAIL, UNKNOWN]
_OUTCOMES = [PASS, WARN, FAIL, UNKNOWN, NOT_APPLICABLE, OFF]
_STATUSES = [EXIT_PASS, EXIT_FAIL, EXIT_INTERRUPTED, EXIT_INTERNAL, EXIT_USAGE, EXIT_UNKNOWN]


def schema() -> dict[str, Any]:
    """The schema, as draft 2020-12. Fields may be added within ``/1``: unknown ones are valid."""
    made: dict[str, Any] = msgspec.json.schema(Verdict)
    definitions: dict[str, Any] = made["$defs"]
    for definition in definitions.values():
        if "description" in definition:  # Python 3.13 indents docstrings otherwise than 3.12
            definition["description"] = " ".join(definition["description"].split())
        if "properties" in definition:  # every field is always written
            definition["required"] = list(definition["properties"])
    _enumerate(definitions["Verdict"], "schema", [SCHEMA])
    for name in ("Verdict", "Change"):
        _enumerate(definitions[name], "verdict", _VERDICTS)
    _enumerate(definitions["Verdict"], "exit_status", _STATUSES)
    stages = [stage.value for stage in Stage]
    definitions["Verdict"]["properties"]["stages"].update(
        minItems=len(stages), maxItems=len(stages)
    )
    for name, field in (("StageOutcome", "name"), ("Ruling", "stage")):
        _enumerate(definitions[name], field, stages)
    for name, field in (
        ("StageOutcome", "outcome"),
        ("Ruling", "outcome"),
        ("GateChange", "before"),
        ("GateChange", "after"),
    ):
        _enumerate(definitions[name], field, _OUTCOMES)
    _enumerate(definitions["Ruling"], "level", ["required", "advisory", "off"])
    _enumerate(definitions["Finding"], "state", ["new", "known", "waived"])
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": SCHEMA,
        **made,
    }


def _enumerate(definition: dict[str, Any], field: str, values: list[Any]) -> None:
    definition["properties"][field] = {"enum": values}


if __name__ == "__main__":
    print(json.dumps(schema(), indent=1))
