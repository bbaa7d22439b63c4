"""All files that ``devops-gates init`` may write, as drafts."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_devops_gates import precommit
from pytest_devops_gates.config import read_table
from pytest_devops_gates.initial import ci_file, hooks_file, table
from pytest_devops_gates.initial.draft import Draft, read
from pytest_devops_gates.initial.installation import ruff_pin
from pytest_devops_gates.initial.survey import GITHUB, GITLAB, Survey

CALLED = {GITHUB: "GitHub Actions", GITLAB: "GitLab CI"}
ABOVE = "the repository's root, where it would be looked for, lies above the project"


def drafts(
    found: Survey, version: str, *, ci: str | None, hooks: bool, unmeasured: str | None
) -> list[Draft]:
    """The drafts, that of pyproject.toml first. ``ci`` is whose file is wanted, ``version`` ours.

    ``unmeasured`` is why there is no coverage to compare with, or None where there is some.
    Raises UsageError when one of them cannot be had: then nothing is to be written.
    """
    before = read(found.root, table.NAME)
    result = [table.draft(before, found.branch, coverage=unmeasured)]
    if ci:
        result.append(ci_file.draft(found, ci) if found.top else _none("no CI file", ABOVE))
    if hooks:
        result.append(_hooks(found, version))
    return result


def _hooks(found: Survey, version: str) -> Draft:
    if not found.top:
        return _none("no hooks", ABOVE)
    if not found.repository:
        return _none("no hooks", "the project lies in no git repository")
    return hooks_file.draft(
        read(found.root, precommit.NAME),
        version,
        pin=ruff_pin(found.ruff),
        messages="commits" in read_table(found.pyproject).gates,
    )


def _none(what: str, why: str) -> Draft:
    return Draft("", notes=(f"{what}: {why}",))


def summary(found: Survey) -> Iterator[str]:
    """What was found, in a few words each."""
    yield "tests" if found.tests else "no tests, without which there is no pass"
    if found.checker:
        yield f"the type checker {found.checker}"
    if found.ruff:
        yield f"ruff {found.ruff} as a hook"
    yield f"the default branch {found.branch}" if found.branch else "no default branch"
    ci = f"{CALLED[found.ci]}, by {found.told_by}" if found.ci else ""
    yield ci or "no CI (--ci github and --ci gitlab make one)"
