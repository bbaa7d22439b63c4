"""verdict.json."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from pytest_devops_gates.verdict import Verdict


def render(verdict: Verdict) -> str:
    """The verdict as JSON (``pytest-devops-gates/verdict/1``), always valid UTF-8."""
    return json.dumps(_clean(msgspec.to_builtins(verdict)), indent=1, allow_nan=False) + "\n"


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {_clean(k): _clean(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_clean(item) for item in value]
    return value
