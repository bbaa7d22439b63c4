""".pre-commit-config.yaml: made, or added to where that is safe."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from pytest_devops_gates.initial.hooks_file import URL, draft, entry

OTHER = "repo: https://example.org/a"
TWO = (
    f"repos:\n  - {OTHER}\n    rev: v1\n    hooks:\n      - id: a\n  - repo: local\n    hooks: []\n"
)


def hooks(before: str | None, pin: str | None = None, messages: bool = False) -> str | None:
    return draft(before, "0.1.0", pin=pin, messages=messages).after


def same(one: str, other: str) -> int:
    """Characters at their beginning that two texts share."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((n for n, (a, b) in pairs if a != b), min(len(one), len(other)))


def added(before: str) -> None:
    after = hooks(before)
    assert after is not None
    end = "" if before.endswith("\n") else "\r\n" if "\r\n" in before else "\n"
    alike = same(before, after) + same((before + end)[::-1], after[::-1])
    assert alike >= len(before), "only one block of lines has come, and the end of the last one"
    old, new = yaml.safe_load(before), yaml.safe_load(after)
    assert new.pop("repos") == [*old.pop("repos"), *yaml.safe_load(entry("0.1.0", None, False, ""))]
    assert new == old


@pytest.mark.parametrize(
    "before",
    [
        TWO,
        TWO.rstrip("\n"),
        TWO.replace("\n", "\r\n"),
        TWO.replace("\n", "\r\n").rstrip(),
        TWO.replace("\n  ", "\n"),
        TWO.replace("\n  ", "\n      "),
        TWO + "\n\n# the end\n",
        TWO + "ci:\n  autofix_prs: false\n",
        TWO + "\n# how the service works\nci:\n  skip: [a]\n",
        "---\nexclude: x\n" + TWO + "...\n",
        TWO.replace("repos:", "repos:   # all"),
        f"repos:\n# one\n- {OTHER}\n  rev: v1\n  hooks:\n  - id: a\n    exclude: |\n      # no\n\n      b\n",
        f"repos:\n- {OTHER}\n  hooks:\n  - id: a\n    args: [\n      b,\n    ]\n",
    ],
)
def test_our_entry_comes_last_and_all_else_stays(before: str) -> None:
    added(before)
    made = draft(before, "0.1.0", pin=None, messages=False)
    assert not draft(made.after, "0.1.0", pin=None, messages=False).changes


@pytest.mark.parametrize(
    "before",
    [
        "",
        "repos: []\n",
        f"repos: [{{{OTHER}, hooks: []}}]\n",
        "repos:\n",
        "repos: 5\n",
        "- a\n",
        "5\n",
        "repos: [\n",
        "a: &x 1\nrepos:\n- *x\n",
        "a: &a [x,x]\nb: &b [*a,*a,*a,*a]\nc: [*b,*b,*b,*b]\nrepos:\n- repo: local\n  hooks: []\n",
        f'"repos":\n- {OTHER}\n  hooks: []\n',
        "---\n" + TWO + "---\n" + TWO,
        "!!python/object:os.system x\n",
        "[" * 5000,
        f"repos:\n- {OTHER}\n  hooks: [a,\nb]\n",
        "a: \x07\n",
    ],
)
def test_where_it_cannot_be_added_it_is_told(before: str) -> None:
    made = draft(before, "0.1.0", pin=None, messages=False)
    assert made.after is None
    assert made.notes[0] == "add to .pre-commit-config.yaml, under repos:"
    assert yaml.safe_load("\n".join(made.notes[1:]))[0]["repo"] == URL


@pytest.mark.parametrize(
    "repo",
    [
        f"- repo: {URL}\n  rev: v0\n  hooks: []\n",
        "- repo: https://mirror/x\n  hooks: [{id: devops-gates-pre-push}]\n",
        "- repo: local\n  hooks: [{id: gates, entry: devops-gates hook --kind pre-push}]\n",
    ],
)
def test_hooks_that_are_there_are_not_added_again(repo: str) -> None:
    made = draft("repos:\n" + repo, "0.1.0", pin=None, messages=False)
    assert not made.changes
    assert "already" in made.notes[0]


def test_there_is_no_file() -> None:
    after = hooks(None, pin="ruff==0.15.9", messages=True)
    told = yaml.safe_load(after or "")
    assert told["default_install_hook_types"] == ["pre-commit", "commit-msg", "pre-push"]
    (repo,) = told["repos"]
    assert (repo["repo"], repo["rev"]) == (URL, "v0.1.0")
    assert [hook["id"] for hook in repo["hooks"]] == [
        "devops-gates",
        "devops-gates-commit-msg",
        "devops-gates-pre-push",
    ]
    assert all(hook["additional_dependencies"] == ["ruff==0.15.9"] for hook in repo["hooks"])


def test_the_ids_are_those_of_the_repository() -> None:
    with open(".pre-commit-hooks.yaml", encoding="utf-8") as stream:
        known = {hook["id"] for hook in yaml.safe_load(stream)}
    made = yaml.safe_load(hooks(None, messages=True) or "")["repos"][0]["hooks"]
    assert {hook["id"] for hook in made} <= known


PIECES = st.sampled_from(
    ["repos:", "- repo: a", "  - repo: a", "  hooks:", "    hooks:", "  - id: b", "      - id: b",
     "# c", "", "ci:", "  x: |", "   y", "---", "  rev: 1", "    rev: 1", "- *x", "\t"]
)  # fmt: skip


@example(["repos:", "- repo: a", "# c"], "\n", False)
@given(st.lists(PIECES, max_size=10), st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_whatever_is_there_is_added_to_or_left_alone(
    lines: list[str], end: str, closed: bool
) -> None:
    before = end.join(lines) + (end if closed else "")
    if hooks(before) is not None:
        added(before)
