"""What a change does to the baseline that judges it, and what a run makes of a baseline."""

from __future__ import annotations

import msgspec
import pytest

from pytest_devops_gates.baseline import Baseline, Number
from pytest_devops_gates.change import Base, Change, FileChange
from pytest_devops_gates.charter import Charter
from pytest_devops_gates.conditions import parse_condition
from pytest_devops_gates.config import Table
from pytest_devops_gates.debt import Debt
from pytest_devops_gates.evidence import Evidence, Finding
from pytest_devops_gates.governance import (
    Rules,
    is_policy_alone,
    loosened,
    proposal,
    stale,
)
from pytest_devops_gates.plan import Plan
from pytest_devops_gates.policy import Settings

BASE = Base("c" * 40, "main", "a test")


def debt(path: str = "a.py", rule: str = "F401", content: str = "a:b") -> Debt:
    return Debt("lint", path, rule, "medium", content, "unused")


def side(
    *debts: Debt, numbers: tuple[Number, ...] = (), written: bool = True, ways: str = "no-drop"
) -> Rules:
    condition = parse_condition("line", ways)
    settings = Settings("coverage", "test", "required", 1.0, conditions=(condition,))
    plan = Plan(
        gates=(),
        settings={"coverage": settings},
        options={},
        reasons={},
        origins={},
        profile="merge",
        stages=(),
        complete=True,
        deadline=1.0,
        digest="",
    )
    owed = Baseline(tuple(debts), numbers, written)
    return Rules(Charter("it", {}, owed), Table(), plan, ())


def rules(before: Rules, here: Rules, *files: FileChange) -> list[str]:
    found = loosened(before, here, Change(BASE, files))
    return [f.rule for f in found if f.rule.startswith("baseline")]


def line(value: float) -> tuple[Number, ...]:
    return (Number("coverage", "line", value),)


@pytest.mark.parametrize(
    ("before", "here", "expected"),
    [
        (side(), side(), []),
        (side(debt()), side(debt()), []),
        (side(debt()), side(), []),
        (side(), side(debt()), ["baseline-grown"]),
        (side(debt()), side(debt(), debt()), ["baseline-grown"]),
        (side(debt()), side(debt("b.py", content="c:d")), ["baseline-grown"]),
        (side(written=False), side(debt()), ["baseline-introduced"]),
        (side(written=False), side(written=False), []),
        (side(numbers=line(90)), side(numbers=line(90)), []),
        (side(numbers=line(90)), side(numbers=line(91)), []),
        (side(numbers=line(90)), side(numbers=line(89.9)), ["baseline-grown"]),
        (side(numbers=line(90)), side(), ["baseline-grown"]),
        (side(numbers=line(5), ways="no-rise"), side(numbers=line(4), ways="no-rise"), []),
        (
            side(numbers=line(5), ways="no-rise"),
            side(numbers=line(6), ways="no-rise"),
            ["baseline-grown"],
        ),
    ],
)
def test_what_grows(before: Rules, here: Rules, expected: list[str]) -> None:
    assert rules(before, here) == expected


def test_entries_follow_a_renamed_file() -> None:
    renamed = FileChange("b.py", "renamed", old="a.py")
    assert rules(side(debt("a.py")), side(debt("b.py")), renamed) == []


def found(*contents: str, **fields: str) -> Evidence:
    return Evidence(
        findings=tuple(
            Finding("F401", "unused", path="a.py", gate="lint", content=content)
            for content in contents
        ),
        examined=1,
        **fields,  # type: ignore[arg-type]
    )


@pytest.mark.parametrize(
    ("evidence", "left"),
    [
        ({"lint": found("a:b")}, 0),
        ({"lint": found()}, 1),
        ({"lint": found("c:d")}, 1),
        ({"lint": found(unknown="it broke")}, 0),
        ({"lint": found(not_applicable="no Python")}, 0),
        ({}, 0),
    ],
)
def test_what_is_stale(evidence: dict[str, Evidence], left: int) -> None:
    text = '{"gate": "lint", "path": "a.py", "rule": "F401", "severity": "medium", "content": "a:b", "message": "unused"},\n'
    told = stale(Baseline((debt(),), (), True), evidence, "{\n" + text)
    assert len(told) == left
    assert all(f.line == 2 for f in told)


@pytest.mark.parametrize(
    ("files", "before", "here", "alone"),
    [
        (["pyproject.toml"], {}, {"tool": {"devops-gates": {"base": "x"}}}, True),
        (["pyproject.toml", "devops-gates/baseline.json"], {}, {}, True),
        (["devops-gates/waivers.toml"], {}, {}, True),
        (["pyproject.toml"], {}, {"tool": {"ruff": {}}}, False),
        (["pyproject.toml"], {"project": {"name": "a"}}, {"project": {"name": "b"}}, False),
        (["a.py"], {}, {}, False),
        (["sub/devops-gates/x"], {}, {}, False),
    ],
)
def test_a_change_of_the_policy_alone(
    files: list[str], before: dict[str, object], here: dict[str, object], alone: bool
) -> None:
    change = Change(BASE, tuple(FileChange(name, "modified", old=name) for name in files))
    assert is_policy_alone(Charter("b", before), Charter("h", here), change) is alone


def test_a_file_that_is_moved_into_the_folder_is_no_policy() -> None:
    moved = FileChange("devops-gates/a.py", "renamed", old="a.py")
    assert not is_policy_alone(Charter("b", {}), Charter("h", {}), Change(BASE, (moved,)))


def test_what_is_proposed_is_another_for_all_that_judges() -> None:
    one = Charter("h", {"tool": {"devops-gates": {"profile": "merge"}}}, digest="d")
    others = [
        msgspec.structs.replace(one, digest="e"),
        msgspec.structs.replace(one, pyproject={"tool": {"devops-gates": {"profile": "easy"}}}),
    ]
    assert len({proposal(each) for each in (one, *others)}) == 3
    assert proposal(one) == proposal(msgspec.structs.replace(one, source="elsewhere"))
