"""The file that makes CI run the gates: GitHub Actions or GitLab, as docs/ci.md shows them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from pytest_devops_gates.initial.draft import Draft, ends, read, with_ends
from pytest_devops_gates.initial.installation import installation
from pytest_devops_gates.initial.survey import GITHUB, Survey

WORKFLOW = ".github/workflows/devops-gates.yml"
PIPELINE = ".gitlab-ci.yml"
INCLUDED = ".gitlab/devops-gates.yml"
RUN = "pytest --devops-gates --devops-gates-report gates"
CALLS = ("--devops-gates", "devops-gates run")
"""What runs the gates, in whatever file."""


def draft(found: Survey, ci: str) -> Draft:
    """The file for ``ci``. Raises UsageError where it cannot be written."""
    return _github(found) if ci == GITHUB else _gitlab(found)


def _github(found: Survey) -> Draft:
    other = next(_calling(found.root), None)
    if other:
        return Draft(WORKFLOW, notes=(f"{other} runs the gates already",))
    return _whole(found, WORKFLOW, workflow(found))


def _gitlab(found: Survey) -> Draft:
    """A pipeline that is there is never edited: its author includes ours."""
    pipeline = read(found.root, PIPELINE)
    if pipeline is None:
        return _whole(found, PIPELINE, job(found))
    if any(call in pipeline for call in CALLS):
        return Draft(PIPELINE, pipeline, notes=(f"{PIPELINE} runs the gates already",))
    notes: tuple[str, ...] = ()
    if INCLUDED not in pipeline:
        notes = (f"add to {PIPELINE}:", "include:", f"  - local: {INCLUDED}")
    made = _whole(found, INCLUDED, job(found))
    return Draft(made.name, made.before, made.after, made.replaces, notes)


def _whole(found: Survey, name: str, text: str) -> Draft:
    before = read(found.root, name)
    return Draft(name, before, with_ends(text, ends(before)), replaces=before is not None)


def _calling(root: Path) -> Iterator[str]:
    """Workflows other than ours that run the gates."""
    folder = root / ".github" / "workflows"
    for path in sorted((*folder.glob("*.yml"), *folder.glob("*.yaml"))):
        name = path.relative_to(root).as_posix()
        if name != WORKFLOW and path.is_file():
            with contextlib.suppress(OSError), path.open("rb") as stream:
                text = stream.read(2**20).decode("utf-8", "replace")
                if any(call in text for call in CALLS):
                    yield name


def workflow(found: Survey) -> str:
    """The workflow for GitHub Actions. The token of the job that runs the tests can only read."""
    steps = _steps(found, "      - run: ", "      # ")
    return f"""\
# Made by devops-gates init, and yours to change.
name: devops gates
on:{_events(found)}
permissions:
  contents: read
jobs:
  gates:
    runs-on: ubuntu-latest
    outputs:
      verdict: ${{{{ steps.gates.outputs.verdict }}}}
    steps:
      - uses: actions/checkout@v4
        with:
          fetch-depth: 0  # tags, and the base that a change is compared with
          persist-credentials: false
      - uses: actions/setup-python@v5
        with:
          python-version: "3.{found.python}"
{steps}
      - id: gates
        run: {RUN}
      - uses: actions/upload-artifact@v4
        if: always()
        with:
          name: gates
          path: gates
  # The findings as code scanning alerts: where there is code scanning, and not of a run that could
  # not tell, since GitHub closes the alerts that a later file no longer has.
  code-scanning:
    needs: gates
    if: >-
      always() && contains(fromJSON('["pass", "fail"]'), needs.gates.outputs.verdict)
      && !github.event.repository.private && (github.event_name == 'push'
      || github.event.pull_request.head.repo.full_name == github.repository)
    permissions:
      security-events: write  # in a job of its own: the tests never see this token
    runs-on: ubuntu-latest
    steps:
      - uses: actions/download-artifact@v4
        with:
          name: gates
          path: gates
      - uses: github/codeql-action/upload-sarif@v4
        with:
          sarif_file: gates/findings.sarif
"""


def job(found: Survey) -> str:
    """The job for GitLab CI, of its default stage ``test``."""
    return f"""\
# Made by devops-gates init, and yours to change.
gates:
  image: python:3.{found.python}
  variables:
    GIT_DEPTH: "0"  # tags, and the base that a change is compared with
  script:
{_steps(found, "    - ", "    # ")}
    - {RUN}
  artifacts:
    when: always
    paths: [gates]
    reports:
      codequality: gates/code-quality.json
      junit: gates/junit-gitlab.xml
      dotenv: gates/gates.env
"""


def _events(found: Survey) -> str:
    """Pushes to the default branch, so that a pull request does not run twice."""
    if found.branch is None:
        return " [push, pull_request]"
    branch = found.branch.removeprefix("origin/")
    return f'\n  push:\n    branches: ["{branch}"]\n  pull_request:'


def _steps(found: Survey, item: str, comment: str) -> str:
    how = installation(found)
    lines = [comment + note for note in how.notes] + [item + line for line in how.commands]
    return "\n".join(lines)
