"""What a gate found: findings, numbers and the proof that it ran. No opinion."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Annotated, Literal

import msgspec

Count = Annotated[int, msgspec.Meta(ge=0)]


class Severity(str, Enum):
    """How bad a finding is, worst first."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    INFO = "info"


class Confidence(str, Enum):
    """How sure the tool is of its finding, surest first."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class Finding(msgspec.Struct, frozen=True, kw_only=False):
    """One thing that a tool saw.

    ``path`` is relative to the project's root, with forward slashes; lines and columns count
    from 1, and the end column is exclusive. ``gate``, ``fingerprint`` and ``state`` are filled in
    by the engine.
    """

    rule: str
    message: str
    severity: Severity = Severity.MEDIUM
    confidence: Confidence | None = None
    path: str | None = None
    line: int | None = None
    column: int | None = None
    end_line: int | None = None
    end_column: int | None = None
    gate: str = ""
    fingerprint: str = ""
    state: Literal["new", "known", "waived"] = "new"
    waiver: str | None = None


class Receipt(msgspec.Struct, frozen=True):
    """Proof that a gate really ran.

    ``examined`` is how many inputs the tool read, ``seconds`` its wall time and
    ``output_sha256`` the digest of what it printed.
    """

    tool: str
    version: str | None = None
    argv: tuple[str, ...] = ()
    exit_code: int | None = None
    seconds: float = 0.0
    examined: int | None = None
    output_sha256: str | None = None
    cached: bool = False


class Evidence(msgspec.Struct, frozen=True):
    """What one gate gathered. With ``unknown`` set, the rest is what was seen before it broke.

    ``log`` holds the last lines that its tool printed, where these say more than the findings do.
    """

    findings: tuple[Finding, ...] = ()
    metrics: dict[str, float] = {}
    examined: Count | None = None
    unknown: str | None = None
    not_applicable: str | None = None
    receipt: Receipt | None = None
    notes: tuple[str, ...] = ()
    log: str = ""

    @classmethod
    def of(
        cls,
        findings: Iterable[Finding] = (),
        *,
        examined: int,
        metrics: Mapping[str, float] | None = None,
        unknown: str | None = None,
        notes: Iterable[str] = (),
        log: str = "",
    ) -> Evidence:
        """Evidence of a gate that read ``examined`` inputs; zero of them is never a pass."""
        return cls(
            findings=tuple(findings),
            metrics=dict(metrics or {}),
            examined=examined,
            unknown=unknown,
            notes=tuple(notes),
            log=log,
        )

    def checked(self) -> Evidence:
        """The same, with every value of the type that it is declared to have.

        Raises ValueError (msgspec.ValidationError) otherwise, and for numbers that are not finite:
        what a reader made is not believed before.
        """
        for name, value in self.metrics.items():
            if not isinstance(value, (int, float)) or not math.isfinite(value):
                raise ValueError(f"the metric {name} is {value!r}, which is no number")
        return msgspec.convert(msgspec.to_builtins(self), Evidence, strict=True)
