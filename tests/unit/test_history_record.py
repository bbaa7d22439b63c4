"""What the history keeps of a verdict."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_devops_gates.evidence import Finding, RanTest, Receipt
from pytest_devops_gates.history.record import of_verdict, project_name
from pytest_devops_gates.history.records import GateRecord, RuleRecord, RunRecord
from pytest_devops_gates.outside import HistoryTable
from pytest_devops_gates.verdict import SCHEMA, ProjectName, Ruling, Selection, Verdict


def verdict(**other: object) -> Verdict:
    gates = (
        Ruling(
            "lint",
            "build",
            "required",
            "fail",
            "2 new",
            metrics={"count": 2.0},
            receipt=Receipt("ruff", seconds=0.5, cached=True),
        ),
        Ruling("tests", "test", "off", "off", "switched off"),
    )
    findings = (
        Finding("E501", "long", gate="lint"),
        Finding("E501", "long", gate="lint"),
        Finding("E501", "long", gate="lint", state="waived"),
        Finding("B101", "assert", gate="bandit", state="known"),
    )
    values = {
        "commit": "c" * 40,
        "dirty": True,
        "project": ProjectName("tea", "1.2"),
        "gates": gates,
        "findings": findings,
    }
    return Verdict(
        SCHEMA,
        "fail",
        "lint: 2 new",
        1,
        "2026-01-01T00:00:00Z",
        4.5,
        "20260101T000000Z-1f2e3d",
        "0.1",
        **{**values, **other},
    )  # type: ignore[arg-type]


def test_its_numbers_are_kept_and_of_its_findings_how_many() -> None:
    ran = (RanTest("t::a", "passed", 0.1),)
    assert of_verdict(verdict(), "tea-shop", ran) == RunRecord(
        project="tea-shop",
        run_id="20260101T000000Z-1f2e3d",
        profile="merge",
        complete=True,
        verdict="fail",
        reason="lint: 2 new",
        exit_status=1,
        started="2026-01-01T00:00:00Z",
        seconds=4.5,
        commit="c" * 40,
        dirty=True,
        release="1.2",
        gates=(
            GateRecord("lint", "build", "required", "fail", "2 new", 0.5, True, {"count": 2.0}),
            GateRecord("tests", "test", "off", "off", "switched off"),
        ),
        rules=(RuleRecord("bandit", "B101", known=1), RuleRecord("lint", "E501", new=2, waived=1)),
        tests=ran,
    )


def test_a_part_of_a_run_is_not_complete() -> None:
    assert not of_verdict(verdict(selection=Selection(("test",), False)), "tea", ()).complete
    assert not of_verdict(verdict(shard="linux"), "tea", ()).complete


@pytest.mark.parametrize(("table", "pyproject", "name"), [
    ({"project": "told"}, {"project": {"name": "package"}}, "told"),
    ({}, {"project": {"name": "package"}}, "package"),
    ({}, {"project": {"name": ""}}, "folder"),
    ({}, {"project": {"name": ["a"]}}, "folder"),
    ({}, {"project": "nonsense"}, "folder"),
    ({}, {}, "folder"),
])  # fmt: skip
def test_a_project_is_known_by_one_name(
    table: dict[str, str], pyproject: dict[str, object], name: str
) -> None:
    assert project_name(HistoryTable(**table), pyproject, Path("/srv/folder")) == name
    assert project_name(HistoryTable(), {}, Path("/")) == "-"
