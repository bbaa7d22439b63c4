"""What the page on reports shows is run."""

from __future__ import annotations

import json
import re
import shlex
import sys

import msgspec
import pytest
import yaml

from pytest_devops_gates.builtin import REPORTERS
from pytest_devops_gates.cli.main import parser
from pytest_devops_gates.report import Report
from tests.conftest import Checkout
from tests.docs.test_docs import ROOT, blocks

PAGE = "docs/reports.md"
TEXT = (ROOT / PAGE).read_text()


def test_every_report_is_told_with_its_file() -> None:
    table = TEXT.partition("| file | format | for |")[2].partition("\n\n")[0]
    rows = [row.split("|")[1:3] for row in table.splitlines()[2:]]
    told = {
        format: file
        for files, formats in rows
        for format, file in zip(
            re.findall(r"`([\w-]+)`", formats),
            re.findall(r"`([\w.-]+)`", files) or [""],
            strict=True,
        )
    }
    assert told == {reporter.name: reporter.file for reporter in REPORTERS}


def test_the_commands_are_ones_that_there_are() -> None:
    for line in blocks(PAGE, "sh")[0].splitlines():
        program, *arguments = shlex.split(line, comments=True)
        assert program == "devops-gates"
        arguments_known, rest = parser().parse_known_args(arguments)
        assert rest == []
        assert arguments_known.format in {None, *(reporter.name for reporter in REPORTERS)}


def test_the_workflow_uploads_a_file_that_there_is() -> None:
    (step,) = yaml.safe_load(blocks(PAGE, "yaml")[0])
    assert (
        step["with"]["sarif_file"]
        == f"gates/{next(r.file for r in REPORTERS if r.name == 'sarif')}"
    )


def test_what_is_told_of_a_report_is_there() -> None:
    table = TEXT.partition("| of a report | |")[2].partition("\n\n")[0]
    told = set(re.findall(r"^\| `report\.(\w+)", table, re.MULTILINE))
    fields = {field.name for field in msgspec.structs.fields(Report)}
    assert told == (fields - {"rules"}) | {"rule"}


@pytest.mark.slow
def test_the_reporter_of_the_docs_works(checkout: Checkout) -> None:
    checkout.write({"plugins/gates_badge.py": blocks(PAGE, "python")[0], "a.py": "x = 1\n"})
    env = {"PYTHONPATH": str(checkout.root / "plugins")}
    run = checkout.run("--devops-gates-stage", "develop", "-p", "gates_badge", env=env)
    assert (run.status, run.stderr) == (0, ""), run
    assert "release decision: pass" in run.stdout
    badge = (checkout.latest.parent / "badge.json").read_text()
    assert json.loads(badge)["message"] == "pass"
    again = [sys.executable, "-m", "pytest_devops_gates", "report", "--format", "badge"]
    assert checkout.run(command=[*again, "--", "-p", "gates_badge"], env=env).stdout == badge
