"""findings.sarif as Microsoft's SARIF Multitool sees it, by its rules for GitHub's ingestion."""

from __future__ import annotations

import json
import os
import subprocess
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import jsonschema
import msgspec
import pytest

from pytest_devops_gates.evidence import Finding, Receipt
from pytest_devops_gates.report import Report, make
from pytest_devops_gates.reporters.sarif import render
from pytest_devops_gates.verdict import ProjectName
from tests.reports.samples import NASTY, everywhere, many, report
from tests.reports.tools import MULTITOOL, tool
from tests.unit.samples import ruling, verdict

NO_HOME_PAGE = "SARIF2005"
"""The project has no home page yet that ``informationUri`` could name."""


def plain() -> list[Report]:
    """A report of each kind that makes another file."""
    waived = Finding("R", "m", path="ü b.py", line=3, state="waived", waiver="W1")
    known = Finding("R", "m", path="a.py", line=3, column=2, end_line=9, state="known")
    unknown = ruling(
        "lint", outcome="unknown", receipt=Receipt("ruff", argv=("ruff",), exit_code=-9)
    )
    return [
        make(verdict()),
        make(verdict(verdict="unknown", reason="interrupted")),
        make(verdict(unknown, findings=(Finding("R", "m", gate="lint"),))),
        report(Finding("R", "m", path="../../etc/passwd", line=3), waived, known),
        report(Finding("R", "m", path="a.py", line=2**70, column=2**70)),
        report(known, stage="security", project=ProjectName(folder="packages/core")),
        many(500),
        *(make(msgspec.structs.replace(verdict(), started=t)) for t in ("", "2026-13-40", "now")),
    ]


def hostile() -> list[Report]:
    """All nasty texts in one report, since the tool takes its time for each."""
    made = [everywhere(text) for text in NASTY]
    together = {
        name: tuple(part for each in made for part in getattr(each, name))
        for name in ("gates", "findings", "rules", "waivers")
    }
    run = dict.fromkeys(("reason", "run_id", "profile", "commit", "started"), "".join(NASTY))
    return [make(msgspec.structs.replace(verdict(), **together, **run))]


def complaints(files: Sequence[Path], folder: Path) -> Counter[str]:
    """How often each rule is broken, notes apart."""
    said = folder / "said.sarif"
    command = [tool(MULTITOOL), "validate", *files, "--rule-kind", "Sarif;Ghas", "-o", said]
    environment = {**os.environ, "DOTNET_SYSTEM_GLOBALIZATION_INVARIANT": "1"}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    (run,) = json.loads(said.read_text("utf-8-sig"))["runs"]
    return Counter(result["ruleId"] for result in run["results"])


@pytest.mark.slow
@pytest.mark.parametrize("reports", [plain, hostile])
def test_github_would_take_it(reports: Callable[[], list[Report]], tmp_path: Path) -> None:
    files = []
    for number, made in enumerate(reports()):
        files.append(tmp_path / f"{number}.sarif")
        files[-1].write_text(render(made), encoding="ascii")
    # The one warning comes for each file that was understood; without it, one was not read at all.
    assert complaints(files, tmp_path) == {NO_HOME_PAGE: len(files)}


@pytest.mark.slow
def test_the_multitool_has_teeth(tmp_path: Path) -> None:
    file = tmp_path / "bad.sarif"
    log = json.loads(render(report(Finding("R", "m"))))
    log["runs"][0]["tool"]["driver"]["rules"][0]["help"]["text"] = ""
    file.write_text(json.dumps(log))
    assert complaints([file], tmp_path).keys() == {NO_HOME_PAGE, "GH2012"}


def test_it_follows_the_schema() -> None:
    schema = json.loads((tool(MULTITOOL).parent / "sarif-2.1.0.json").read_text("utf-8-sig"))
    kind = jsonschema.validators.validator_for(schema)
    validator = kind(schema, format_checker=kind.FORMAT_CHECKER)
    for made in (*plain(), *hostile(), *(make(everywhere(text)) for text in NASTY)):
        validator.validate(json.loads(render(made)))
