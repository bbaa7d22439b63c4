"""Keeps secrets out of the verdict, and so out of every report that is made of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from pytest_devops_gates.process import SECRET
from pytest_devops_gates.verdict import Verdict

MASK = "***"
LEAST = 6
"""Characters that a value must have to be looked for: shorter ones stand everywhere by chance."""

_USERINFO = re.compile(r"(?<=://)[^/\s@'\"]+:[^/\s@'\"]+(?=@)")


def secrets(environment: Mapping[str, str]) -> tuple[str, ...]:
    """The values of variables that are named like secrets, longest first."""
    found = {v for k, v in environment.items() if SECRET.search(k) and len(v) >= LEAST}
    return tuple(sorted(found, key=len, reverse=True))


def redact(verdict: Verdict, values: tuple[str, ...]) -> Verdict:
    """The verdict with these values, and passwords in URLs, masked wherever they stand."""

    def clean(value: Any) -> Any:
        if isinstance(value, str):
            for secret in values:
                value = value.replace(secret, MASK)
            return _USERINFO.sub(MASK, value) if "://" in value else value
        if isinstance(value, dict):
            return {key: clean(inner) for key, inner in value.items()}
        return [clean(inner) for inner in value] if isinstance(value, (list, tuple)) else value

    return msgspec.convert(clean(msgspec.to_builtins(verdict)), Verdict)
