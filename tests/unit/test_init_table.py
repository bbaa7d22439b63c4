"""The first [tool.devops-gates]: added at the end, and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_devops_gates.conditions import parse_condition
from pytest_devops_gates.config import load_toml, read_table
from pytest_devops_gates.errors import UsageError
from pytest_devops_gates.initial.table import draft

LINES = st.sampled_from(
    ["# a comment", "", "  ", "[project]", 'name = "a"', "[tool.ruff]", "line-length = 90", "x = 1",
     '[[tool.b]]', 'text = """a', '"""', "[tool.ruff.lint]", 'a."b.c" = [', "1,", "]", "é = 'ü'"]
)  # fmt: skip


@given(
    lines=st.lists(LINES, max_size=12),
    end=st.sampled_from(["\n", "\r\n"]),
    closed=st.booleans(),
    branch=st.sampled_from([None, "origin/main", "größe/2.x"]),
    coverage=st.sampled_from([None, "why"]),
)
def test_every_byte_stays_and_only_the_table_comes(
    lines: list[str], end: str, closed: bool, branch: str | None, coverage: str | None
) -> None:
    before = end.join(lines) + (end if closed else "")
    try:
        old = load_toml(before.encode(), "pyproject.toml")
    except UsageError:
        with pytest.raises(UsageError):
            draft(before, branch, coverage=coverage)
        return
    after = draft(before, branch, coverage=coverage).after
    assert after is not None
    assert after.startswith(before)
    added = after[len(before) :]
    if "\r\n" in before:
        assert added.count("\n") == added.count("\r\n")
    elif "\n" in before:
        assert "\r" not in added
    new = load_toml(after.encode(), "pyproject.toml")
    table = read_table(new)
    assert table.base is None
    assert ("coverage" in table.gates) is (coverage is None)
    del new["tool"]["devops-gates"]
    assert new == {**old, "tool": old.get("tool", {})}


def test_there_is_no_file() -> None:
    made = draft(None, "origin/main", coverage=None)
    assert made.before is None
    assert made.after is not None
    assert made.after.startswith("[tool.devops-gates]")
    conditions = read_table(load_toml(made.after.encode(), "")).gates["coverage"].conditions
    assert conditions == {"line": "no-drop", "new-line": ">= 80"}
    for metric, text in conditions.items():
        parse_condition(metric, text)


def test_without_a_branch_new_code_is_not_asked_for() -> None:
    made = draft(None, None, coverage=None)
    table = read_table(load_toml((made.after or "").encode(), ""))
    assert table.gates["coverage"].conditions == {"line": "no-drop"}


def test_the_comment_becomes_the_condition_when_its_marks_are_taken_away() -> None:
    commented = draft("x = 1\n", "origin/main", coverage="why").after or ""
    assert load_toml(commented.replace("# base", "base").encode(), "")["tool"]["devops-gates"] == {
        "base": "origin/main"
    }
    head, _, tail = commented.partition("# [tool.devops-gates.gates.coverage]")
    mended = (
        head + "[tool.devops-gates.gates.coverage]" + tail.replace("# conditions", "conditions")
    )
    asked = draft("x = 1\n", "origin/main", coverage=None).after or ""
    assert load_toml(mended.encode(), "") == load_toml(asked.encode(), "")


@pytest.mark.parametrize(
    "text",
    [
        "[tool.devops-gates]\n",
        "[tool.devops-gates.gates.lint]\nowner = 'me'\n",
        "[tool]\ndevops-gates.deadline = 5\n",
        "tool = { devops-gates = { deadline = 5 } }\n",
        "[[tool.devops-gates.command]]\nname='a'\nstage='test'\nrun=['x']\n",
    ],
)
def test_a_table_that_is_there_is_left_alone(text: str) -> None:
    made = draft(text, "origin/main", coverage=None)
    assert not made.changes
    assert "left alone" in made.notes[0]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[tool.devops-gates]\nbaes = 'x'\n", "tool.devops-gates.baes: unknown key"),
        ("[tool.devops-gates]\ndeadline = -1\n", "deadline"),
        ("[project\n", "line 1"),
        ("\ufeff[project]\n", "pyproject.toml: "),
        ('text = """\n', "pyproject.toml: "),
        ("a\rb", "pyproject.toml: "),
        ("tool = { ruff = {} }\n", "cannot be added at its end"),
        ("tool = 5\n", "cannot be added at its end"),
        ("[[tool]]\n", "cannot be added at its end"),
    ],
)
def test_what_cannot_be_read_or_added_to_is_refused(text: str, said: str) -> None:
    with pytest.raises(UsageError) as error:
        draft(text, "origin/main", coverage=None)
    assert said in str(error.value)
    assert "\n" not in str(error.value)
