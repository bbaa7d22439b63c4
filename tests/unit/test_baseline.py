"""The file of the baseline, and what a run makes of it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_devops_gates.baseline import Baseline, Number, lines, read, render
from pytest_devops_gates.debt import Debt
from pytest_devops_gates.errors import UsageError
from pytest_devops_gates.json_text import whole
from tests.unit.samples import any_text, same_every_time

TEXTS = any_text.map(whole)
DEBTS = st.builds(Debt, TEXTS, TEXTS, TEXTS, TEXTS, TEXTS, TEXTS)
NUMBERS = st.builds(Number, TEXTS, TEXTS, st.floats(allow_nan=False, allow_infinity=False))


def debt(path: str, rule: str = "F401", content: str = "a:b") -> Debt:
    return Debt("lint", path, rule, "medium", content, "unused")


@given(
    st.lists(DEBTS, max_size=5),
    st.lists(NUMBERS, max_size=5, unique_by=lambda number: (number.gate, number.metric)),
)
@same_every_time
def test_what_is_written_is_read(debts: list[Debt], numbers: list[Number]) -> None:
    text = render(debts, numbers)
    found = read(text.encode(), "it")
    assert found == Baseline(tuple(sorted(debts)), tuple(sorted(numbers)), written=True)
    assert render(found.debts, found.numbers) == text
    for one in debts:
        line = lines(text)(one)
        assert line
        assert text.split("\n")[line - 1].startswith("{")


def test_one_entry_a_line_and_the_same_for_any_order() -> None:
    debts = [debt("b.py"), debt("a.py"), debt("a.py")]
    text = render(debts, [Number("coverage", "line", 92.1348314606)])
    assert text == render(debts[::-1], [Number("coverage", "line", 92.1348314606)])
    assert text.count("\n") == 13
    assert '"value": 92.1348314606' in text


ENTRY = '{"gate": "g", "path": "p", "rule": "r", "content": "c", "message": "m"}'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "Expecting value"),
        ("[]", "Expected `object`"),
        ("{}", "missing required field"),
        ("\ufeff{}", "BOM"),
        ('{"schema": "x", "findings": [], "numbers": []}', "its schema is 'x'"),
        (
            '{"schema": "pytest-devops-gates/baseline/1", "findings": [], "numbers": [], "a": 1}',
            "unknown field",
        ),
        (
            '{"schema": "pytest-devops-gates/baseline/1", "findings": [1], "numbers": []}',
            "findings",
        ),
        (
            '{"schema": "pytest-devops-gates/baseline/1", "findings": [], "findings": [], "numbers": []}',
            "duplicate keys",
        ),
        (
            (
                '{"schema": "pytest-devops-gates/baseline/1", "findings": [], "numbers":'
                ' [{"gate": "g", "metric": "m", "value": NaN}]}'
            ),
            "is not JSON",
        ),
        (
            (
                '{"schema": "pytest-devops-gates/baseline/1", "findings": [], "numbers":'
                ' [{"gate": "g", "metric": "m", "value": 1}, {"gate": "g", "metric": "m", "value": 2}]}'
            ),
            "two numbers of g for m",
        ),
        ("[" * 200_000, "recursion"),
    ],
)
def test_what_is_no_baseline_is_refused_in_one_line(text: str, said: str) -> None:
    with pytest.raises(UsageError) as seen:
        read(text.encode(), "devops-gates/baseline.json")
    told = str(seen.value)
    assert told.startswith("devops-gates/baseline.json: ")
    assert said.lower() in told.lower()
    assert "\n" not in told
    assert told.endswith("devops-gates baseline writes it anew")


def test_bytes_that_are_no_utf8_are_refused() -> None:
    with pytest.raises(UsageError, match="utf-8"):
        read(b"\xff\xfe", "it")


def test_branches_that_pay_off_different_debts_merge(tmp_path: Path) -> None:
    """Also where they add, and where the last entry is among what goes."""
    names = [f"{letter}.py" for letter in "abcdefgh"]
    files = {
        "base": [debt(name) for name in names],
        "ours": [debt(name) for name in names if name != "b.py"],
        "theirs": [*(debt(name) for name in names if name != "h.py"), debt("e.py", "S101")],
    }
    for name, debts in files.items():
        (tmp_path / name).write_text(render(debts, [Number("coverage", "line", 90.0)]))
    done = subprocess.run(
        ["git", "merge-file", "-p", "ours", "base", "theirs"],
        cwd=tmp_path,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout.decode()
    merged = read(done.stdout, "merged")
    assert {d.path for d in merged.debts} == {f"{letter}.py" for letter in "acdefg"}
    assert len(merged.debts) == 7


def test_a_merge_conflict_is_told_with_its_line() -> None:
    text = render([debt("a.py")], []).replace("null\n],", "<<<<<<< HEAD\nnull\n],", 1)
    with pytest.raises(
        UsageError, match=r"^it:5: a merge conflict .* devops-gates baseline --tighten"
    ):
        read(text.encode(), "it")


def test_git_keeps_the_entries_of_both_sides(tmp_path: Path) -> None:
    """As devops-gates/.gitattributes says: what one side took out comes back, and is stale."""
    files = {
        "base": [debt("a.py"), debt("b.py")],
        "ours": [debt("b.py"), debt("bb.py")],
        "theirs": [debt("a.py"), debt("c.py")],
    }
    for name, debts in files.items():
        (tmp_path / name).write_text(render(debts, []))
    done = subprocess.run(
        ["git", "merge-file", "-p", "--union", "ours", "base", "theirs"],
        cwd=tmp_path,
        capture_output=True,
        check=True,
    )
    assert {d.path for d in read(done.stdout, "merged").debts} >= {"bb.py", "c.py"}
