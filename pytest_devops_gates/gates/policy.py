"""``policy``: the change does not weaken what judges it.

This half compares the settings of tools, and the suppressions in the sources, with the base's. What
judges beside them (the policy, the baseline, the waivers) is compared in governance.py, which sees
all gates.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator

import msgspec

from pytest_devops_gates import baseline, config, disk, git, loosening, waivers
from pytest_devops_gates.change import Change
from pytest_devops_gates.errors import CannotTell, UsageError
from pytest_devops_gates.evidence import Evidence, Finding, Receipt, Severity
from pytest_devops_gates.gate import OFF, Canary, Gate, NoOptions, Options
from pytest_devops_gates.governance import RULES
from pytest_devops_gates.project import Project
from pytest_devops_gates.stage import Stage
from pytest_devops_gates.suppression import KINDS, suppressions

DEPENDS = "skipif"
"""Whether such a test is skipped depends on the machine."""

NO_BASE = "no base to compare with, no baseline and no waivers"


def check(project: Project, options: Options, asked: tuple[str, ...]) -> Evidence:
    """Compare the tools' settings and the suppressions in all files that differ from the base."""
    if project.base_error:
        raise CannotTell(project.base_error)
    change = project.change
    if change is None:
        there = [name for name in (baseline.FILE, waivers.FILE) if (project.root / name).is_file()]
        return Evidence(examined=len(there), receipt=Receipt(tool="policy"))
    findings = [*_settings(project, change), *_suppressions(project, change)]
    return Evidence(
        findings=tuple(findings),
        metrics={"loosened": sum(f.severity == Severity.HIGH for f in findings)},
        examined=len(loosening.SETTINGS_FILES) + len(change.files),
        receipt=Receipt(tool="policy"),
    )


def _settings(project: Project, change: Change) -> Iterator[Finding]:
    names = {
        name
        for name in (*project.files, *(file.old or "" for file in change.files))
        if name.rpartition("/")[2] in loosening.SETTINGS_FILES
    }
    before = git.contents(project.root, change.base.commit, sorted(names), project.git)
    after = {name: data for name in names if (data := _data(project, name)) is not None}
    return loosening.tool_settings(before, after)


def _suppressions(project: Project, change: Change) -> Iterator[Finding]:
    """In a project that has no policy of its own at the base, they are told and no more."""
    sources = [file for file in change.files if file.path.endswith((".py", ".pyi"))]
    befores = sorted({file.old for file in sources if file.old})
    contents = git.contents(
        project.root, change.base.commit, [*befores, "pyproject.toml"], project.git
    )
    adopted = _is_adopted(contents.pop("pyproject.toml", b""))
    before = _counted(contents.values())
    after = _counted(data for file in sources if (data := _data(project, file.path)) is not None)
    for kind in KINDS:
        told = loosening.suppressions({kind: before[kind]}, {kind: after[kind]})
        severity = Severity.HIGH if adopted and kind != DEPENDS else Severity.LOW
        yield from (msgspec.structs.replace(finding, severity=severity) for finding in told)


def _is_adopted(pyproject: bytes) -> bool:
    try:
        return "devops-gates" in config.load_toml(pyproject, "pyproject.toml").get("tool", {})
    except UsageError:
        return True


def _counted(sources: Iterable[bytes]) -> Counter[str]:
    """How many suppressions of each kind; what cannot be parsed is for other gates to tell."""
    found: Counter[str] = Counter()
    for source in sources:
        try:
            found.update(kind for _, kind in suppressions(source))
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
    return found


def _data(project: Project, name: str) -> bytes | None:
    path = project.root / name
    try:
        return None if os.path.islink(path) else disk.read_plain(path)
    except OSError:
        return None


def applies(project: Project, options: Options) -> str | None:
    if project.change or project.base_error:
        return None
    files = (baseline.FILE, waivers.FILE)
    return None if any((project.root / name).is_file() for name in files) else NO_BASE


def canary(project: Project, options: Options) -> Canary:
    """A setting that weakens a tool, in a file that no project needs to have."""
    if project.change is None:
        raise CannotTell("there is no base to compare with: prove it on a branch of its own")
    return Canary("a rule of bandit that is skipped", {".bandit": "[bandit]\nskips: B602\n"})


POLICY = Gate(
    name="policy",
    stage=Stage.DEVELOP,
    options=NoOptions,
    function=check,
    applies=applies,
    levels={"commit": OFF, "operate": OFF},
    conditions={"findings.high": "== 0"},
    metrics=("loosened",),
    again="devops-gates explain policy",
    cost=0.5,
    about="The change does not weaken what judges it: policy, tool settings, baseline and waivers.",
    debt=False,
    canary=canary,
    rules=(*loosening.RULES, *RULES),
)
