"""``types``: the type checker that the project configures."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import msgspec
from packaging.requirements import InvalidRequirement, Requirement
from packaging.version import InvalidVersion, Version

from pytest_devops_gates.checkers.checker import NO_RULE, Checker, installed, rules
from pytest_devops_gates.checkers.mypy import MYPY
from pytest_devops_gates.checkers.pyrefly import PYREFLY
from pytest_devops_gates.checkers.pyright import BASEDPYRIGHT, PYRIGHT
from pytest_devops_gates.checkers.ty import TY
from pytest_devops_gates.evidence import Evidence, Rule
from pytest_devops_gates.gate import OFF, Canary, Command, Gate, Output
from pytest_devops_gates.precommit import NAME as PRE_COMMIT
from pytest_devops_gates.precommit import find_hook
from pytest_devops_gates.project import Project
from pytest_devops_gates.stage import Stage

CHECKERS = {c.name: c for c in (MYPY, PYRIGHT, BASEDPYRIGHT, PYREFLY, TY)}
"""By name, in the order in which one is chosen where a project configures several."""

NONE = "no type checker is configured (mypy, pyright, pyrefly, ty)"

CANARY = """\
def devops_gates_canary() -> int:
    value: int = "text"
    return value
"""


class Options(msgspec.Struct, frozen=True, rename="kebab"):
    """``checker`` is the one to run; without it, the first that the project configures. ``args``
    are added to its command line."""

    checker: Literal["mypy", "pyright", "basedpyright", "pyrefly", "ty"] | None = None
    args: tuple[str, ...] = ()


def candidates(project: Project) -> list[Checker]:
    """The checkers that the project configures, those with settings of their own first; a
    pre-commit hook alone counts where there are no settings at all."""
    found = [checker for checker in CHECKERS.values() if checker.configured(project)]
    text = project.text(PRE_COMMIT)
    return found or [c for c in CHECKERS.values() if find_hook(text, *c.hooks)]


def choose(project: Project, options: Options) -> Checker | None:
    """The checker to run, or None where nobody asks for one."""
    if options.checker:
        return CHECKERS[options.checker]
    return next(iter(candidates(project)), None)


def applies(project: Project, options: Options) -> str | None:
    if choose(project, options) is None:
        return NONE
    if not project.listing_error and not any(n.endswith((".py", ".pyi")) for n in project.files):
        return "no Python file in the project"
    return None


def command(project: Project, options: Options) -> Command:
    """The whole of what the settings name, in a git hook too: an error shows where a changed
    function is called, not only where it was changed."""
    checker = choose(project, options)
    assert checker is not None, "applies() lets nothing else through"
    return checker.command(project, options.args)


def read(output: Output, project: Project, options: Options) -> Evidence:
    checker = choose(project, options)
    assert checker is not None, "applies() lets nothing else through"
    evidence = checker.read(output)
    notes = [*evidence.notes, *_others(project, options, checker)]
    drift = _drift(project, checker) if evidence.findings else None
    return msgspec.structs.replace(
        evidence,
        notes=(*notes, *([drift] if drift else [])),
        rules=rules(evidence.findings, checker.tell),
    )


def _others(project: Project, options: Options, chosen: Checker) -> Iterator[str]:
    others = [c.name for c in candidates(project) if c is not chosen]
    if others and not options.checker:
        yield (
            f"{chosen.name} ran; also configured, and not run: {', '.join(others)}"
            " (the option checker chooses)"
        )


def _drift(project: Project, checker: Checker) -> str | None:
    """Tells a checker other than the one that the project pins, and the command that mends it."""
    here, pin = installed(checker.name), pinned(project, checker)
    if pin is None or here is None or Version(pin) == Version(here):
        return None
    name = checker.name
    return f"{name} {here} ran where the project pins {pin} · python -m pip install {name}=={pin}"


def pinned(project: Project, checker: Checker) -> str | None:
    """The one version that the project's dependency groups, extras or pre-commit hook name."""
    for text in _requirements(project.pyproject):
        try:
            wanted = Requirement(text)
        except InvalidRequirement:
            continue
        exact = [s.version for s in wanted.specifier if s.operator in ("==", "===")]
        if wanted.name.lower() == checker.name and exact and _is_version(exact[0]):
            return exact[0]
    hook = find_hook(project.text(PRE_COMMIT), *checker.hooks)
    return hook.version if hook and hook.version and _is_version(hook.version) else None


def _requirements(pyproject: dict[str, Any]) -> Iterator[str]:
    """Of ``[dependency-groups]`` (PEP 735) and ``[project.optional-dependencies]``."""
    metadata = pyproject.get("project")
    extras = metadata.get("optional-dependencies") if isinstance(metadata, dict) else None
    for groups in (pyproject.get("dependency-groups"), extras):
        for group in groups.values() if isinstance(groups, dict) else ():
            yield from (r for r in group if isinstance(r, str)) if isinstance(group, list) else ()


def _is_version(text: str) -> bool:
    try:
        Version(text)
    except InvalidVersion:
        return False
    return True


def canary(project: Project, options: Options) -> Canary:
    files = [f"{folder}/devops_gates_canary.py" for folder in project.code_folders()]
    return Canary("a text where a number is declared", dict.fromkeys(files, CANARY))


UNPARSED = (
    "The checker cannot parse the source.",
    "Mend the syntax there: of such a source nothing else is checked.",
)
RULES = (Rule(NO_RULE, *UNPARSED), Rule("invalid-syntax", *UNPARSED))
TYPES = Gate(
    name="types",
    stage=Stage.DEVELOP,
    options=Options,
    command=command,
    read=read,
    applies=applies,
    accepts=(0, 1, 2),
    levels={"commit": OFF, "operate": OFF},
    # errors are medium; over warnings mypy, pyright and pyrefly exit with 0
    conditions={"findings.medium": "== 0"},
    cost=5.0,
    about="The types of the project's code agree, as the type checker that it configures sees it.",
    static=True,
    canary=canary,
    rules=RULES,
    suppress="# type: ignore[{rule}]",
)
