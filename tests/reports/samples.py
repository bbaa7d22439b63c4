"""Verdicts that the tests of several formats build on."""

from __future__ import annotations

import unicodedata
from typing import Any

import msgspec

from pytest_devops_gates.evidence import Confidence, Finding, Rule, Severity
from pytest_devops_gates.report import Report, make
from pytest_devops_gates.verdict import PolicySource, ProjectName, Verdict, Waiver
from tests.unit.samples import HOSTILE, all_over, ruling, verdict

NASTY = [
    *HOSTILE,
    "[a link](https://example.org/)",
    "![an image](https://example.org/)",
    "{0} {1} {",
    "javascript:alert(1)",
    "../../etc/passwd",
    "/etc/passwd",
    "file:///etc/passwd",
    "C:\\Users\\x",
    "\\\\host\\share\\x",
    "a b/c%20d#e?f",
    "x" * 5_000,
    "](" * 2_000,
    "\U000e0001" * 300,
    "caf\udce9.py",
    "  ",
    "",
]
"""Texts that would mean something in one of the formats, or that are too much for one."""


def waiver(text: str) -> Waiver:
    return Waiver(id=text, gate="lint", reason=text, owner=text, created=text, expires=text)


def everywhere(text: str) -> Verdict:
    """A verdict with the text wherever something from outside may stand."""
    more = (
        Finding(
            text, text, Severity.LOW, Confidence.LOW, text, 1, 2, 1, 1, "bandit", text, "known"
        ),
        Finding(text, text, path="a.py", gate=text, state="waived", waiver=text, line_hash=text),
    )
    made = all_over(text)
    return msgspec.structs.replace(
        made,
        findings=(*made.findings, *more),
        rules=(Rule(text, text, text, text, "lint"),),
        waivers=(waiver(text),),
        project=ProjectName(text, text, text),
        policy=PolicySource(text, text),
        commit=text,
        run_id=text,
        started=text,
        version=text,
        profile=text,
    )


def report(*found: Finding, stage: str = "develop", **fields: Any) -> Report:
    """A report of findings of the one gate ``lint``."""
    gated = tuple(msgspec.structs.replace(f, gate=f.gate or "lint") for f in found)
    gate = ruling("lint", stage=stage, outcome="fail", about="It is tidy.", again="ruff check")
    return make(verdict(gate, findings=gated, **fields))


def many(count: int, **fields: Any) -> Report:
    """A report of so many findings, of which every third is of high severity."""
    return report(
        *(
            Finding(
                rule=f"R{n % 7}",
                message=f"number {n}",
                severity=Severity.LOW if n % 3 else Severity.HIGH,
                path=f"src/m{n % 100}.py",
                line=n + 1,
                fingerprint=f"{n:032x}",
            )
            for n in range(count)
        ),
        **fields,
    )


def is_visible(text: str) -> bool:
    """Whether there is nothing in a text that is not seen, or that turns other text around."""
    return not {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"} & {unicodedata.category(c) for c in text}
