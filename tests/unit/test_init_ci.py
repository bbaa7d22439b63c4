"""The files for CI: valid, safe, and as docs/ci.md shows them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from pytest_devops_gates.initial.ci_file import INCLUDED, PIPELINE, WORKFLOW, draft, job, workflow
from pytest_devops_gates.initial.survey import GITHUB, GITLAB, Survey

DOCS = "".join(Path("docs", page).read_text(encoding="utf-8") for page in ("ci.md", "reports.md"))


def found(root: Path, **more: Any) -> Survey:
    return Survey(root=root, pyproject={"project": {"name": "a"}}, **more)


@pytest.mark.parametrize("branch", [None, "main", "origin/2.x"])
def test_the_workflow(tmp_path: Path, branch: str | None) -> None:
    text = workflow(found(tmp_path, branch=branch, ruff="0.15.9", python=12))
    told = yaml.safe_load(text)
    on = told[True]  # YAML 1.1 reads "on" as a boolean
    if branch:
        assert on == {"push": {"branches": [branch.removeprefix("origin/")]}, "pull_request": None}
    else:
        assert on == ["push", "pull_request"]
    assert told["permissions"] == {"contents": "read"}
    gates, alerts = told["jobs"]["gates"], told["jobs"]["code-scanning"]
    assert "permissions" not in gates
    assert alerts["permissions"] == {"security-events": "write"}
    assert alerts["needs"] == "gates"
    checkout, python, install, run, upload = gates["steps"]
    assert checkout["with"] == {"fetch-depth": 0, "persist-credentials": False}
    assert python["with"] == {"python-version": "3.12"}
    assert install["run"].endswith("pytest-devops-gates 'ruff==0.15.9' uv")
    assert run["run"] == "pytest --devops-gates --devops-gates-report gates"
    assert upload["if"] == "always()"
    assert {step.get("uses") for step in alerts["steps"]} == {
        "actions/download-artifact@v4",
        "github/codeql-action/upload-sarif@v4",
    }
    assert "run" not in {key for step in alerts["steps"] for key in step}


def test_the_actions_and_commands_are_those_of_the_docs(tmp_path: Path) -> None:
    text = workflow(found(tmp_path))
    used = set(re.findall(r"uses: (\S+)", text))
    assert used <= set(re.findall(r"uses: (\S+)", DOCS))
    for line in ("pytest --devops-gates --devops-gates-report gates", "pytest-devops-gates uv"):
        assert line in text
        assert line in DOCS
    assert yaml.safe_load(job(found(tmp_path)))["gates"]["artifacts"] == next(
        yaml.safe_load(block)["gates"]["artifacts"]
        for block in re.findall(r"```yaml\n(.*?)```", DOCS, re.DOTALL)
        if "gates.env" in block
    )


def test_the_job_for_gitlab(tmp_path: Path) -> None:
    told = yaml.safe_load(job(found(tmp_path)))["gates"]
    assert told["variables"] == {"GIT_DEPTH": "0"}
    assert told["image"] == "python:3.13"
    assert told["script"][-1] == "pytest --devops-gates --devops-gates-report gates"


def test_a_workflow_of_ours_that_differs_is_replaced_and_another_is_left(tmp_path: Path) -> None:
    one = found(tmp_path)
    made = draft(one, GITHUB)
    assert (made.name, made.before, made.replaces) == (WORKFLOW, None, False)
    path = tmp_path / WORKFLOW
    path.parent.mkdir(parents=True)
    path.write_text(made.after or "")
    assert not draft(one, GITHUB).changes
    for text in ("name: mine\n", f"{made.after}# mine\n"):
        path.write_text(text)
        again = draft(one, GITHUB)
        assert (again.changes, again.replaces) == (True, True)
    (path.parent / "tests.yaml").write_text("  - run: pytest --devops-gates -n 2\n")
    left = draft(one, GITHUB)
    assert not left.changes
    assert "tests.yaml runs the gates already" in left.notes[0]


def test_a_pipeline_that_is_there_is_not_edited(tmp_path: Path) -> None:
    one = found(tmp_path)
    assert draft(one, GITLAB).name == PIPELINE
    pipeline = tmp_path / PIPELINE
    pipeline.write_text("a: !reference [b]\n")
    made = draft(one, GITLAB)
    assert (made.name, made.replaces) == (INCLUDED, False)
    assert yaml.safe_load("\n".join(made.notes[1:])) == {"include": [{"local": INCLUDED}]}
    pipeline.write_text(f"include:\n  - local: {INCLUDED}\n")
    assert draft(one, GITLAB).notes == ()
    pipeline.write_text("gates:\n  script: [devops-gates run]\n")
    assert not draft(one, GITLAB).changes
