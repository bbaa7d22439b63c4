"""The first ``[tool.devops-gates]``, added to pyproject.toml. Pure."""

from __future__ import annotations

from typing import Any

from pytest_devops_gates.config import load_toml, read_table
from pytest_devops_gates.errors import UsageError
from pytest_devops_gates.initial.draft import Draft, ends, with_ends

NAME = "pyproject.toml"
NEW_CODE = 80
"""Percent of the changed lines that tests must run."""


def draft(before: str | None, branch: str | None, *, coverage: str | None) -> Draft:
    """pyproject.toml with the table at its end, all else as it is.

    ``branch`` is the default branch, if there is one. ``coverage`` is why the coverage is not held
    to a condition yet, or None when it is.
    Raises UsageError for a file to which it cannot be added, or that cannot be read.
    """
    old = load_toml((before or "").encode(), NAME)
    tool = old.get("tool", {})
    if isinstance(tool, dict) and "devops-gates" in tool:
        read_table(old)
        note = f"{NAME} has a [tool.devops-gates] already, which is left alone"
        return Draft(NAME, before, notes=(note,))
    end = ends(before)
    gap = "" if not before else end if before.endswith("\n") else end * 2
    after = (before or "") + gap + with_ends(text(branch, coverage), end)
    if not _only_adds(old, after):
        raise UsageError(
            f"{NAME}: [tool.devops-gates] cannot be added at its end: 'tool' is written as one"
            " value · write it as tables, like [tool.ruff]"
        )
    return Draft(NAME, before, after)


def text(branch: str | None, coverage: str | None) -> str:
    """The table, small, with what it says in comments.

    The base stays a comment: it is found by itself, and one that a change names is a loosening.
    """
    line = 'line = "no-drop"' + (f', new-line = ">= {NEW_CODE}"' if branch else "")
    new = f",\n# and {NEW_CODE} % of those that a change brings" if branch else ""
    why = f"# Not asked for yet: {coverage}.\n" if coverage else ""
    off = "# " if coverage else ""
    return f"""\
[tool.devops-gates]  # what is not said here has its default: devops-gates gates
# A change is compared with the target of its pull request, or else the default branch:
# base = "{branch or "origin/main"}"

# The tests run no smaller share of the lines than the baseline says{new}.
{why}{off}[tool.devops-gates.gates.coverage]
{off}conditions = {{ {line} }}
"""


def _only_adds(old: dict[str, Any], after: str) -> bool:
    """Whether the new text says what the old one said, and holds a valid table of ours."""
    try:
        new = load_toml(after.encode(), NAME)
        read_table(new)
        del new["tool"]["devops-gates"]
    except (UsageError, KeyError, TypeError):
        return False
    return new == {**old, "tool": old.get("tool", {})}
