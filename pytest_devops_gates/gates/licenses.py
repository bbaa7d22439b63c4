"""``licenses``: what the project requires at run time is licensed as its own policy wants it."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterable, Mapping
from importlib.metadata import version as installed_version

import msgspec
from packaging.utils import canonicalize_name

from pytest_devops_gates.dependencies import required
from pytest_devops_gates.dependencies.distributions import Distribution, installed
from pytest_devops_gates.dependencies.planted import with_requirement
from pytest_devops_gates.dependencies.required import Needed
from pytest_devops_gates.errors import CannotTell, NotApplicable, UsageError
from pytest_devops_gates.evidence import Evidence, Finding, Receipt, Rule, Severity
from pytest_devops_gates.gate import ADVISORY, OFF, REQUIRED, Canary, Gate
from pytest_devops_gates.licences import names, spdx
from pytest_devops_gates.licences.names import Stated
from pytest_devops_gates.licences.spdx import Policy
from pytest_devops_gates.project import Project
from pytest_devops_gates.stage import Stage

KEY = "tool.devops-gates.gates.licenses.options"
OPTIONS = f"[{KEY}]"
MISSING = (
    "license-expression is not installed · python -m pip install 'pytest-devops-gates[security]'"
)
NO_POLICY = f"no licence policy: neither allow nor deny in {OPTIONS}"


class LicenseOptions(msgspec.Struct, frozen=True, rename="kebab"):
    """``allow`` and ``deny`` list licences of SPDX, one each (``MIT``, ``GPL-2.0-only WITH
    Classpath-exception-2.0``); ``GPL-*`` is a pattern. ``known`` gives the licence expression of
    packages whose metadata does not say. ``extras`` and ``groups`` are those of the project to
    look at beside its run-time dependencies."""

    allow: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()
    known: dict[str, str] = {}
    extras: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for key, texts in (("allow", self.allow), ("deny", self.deny)):
            for text in texts:
                if not spdx.ENTRY.fullmatch(text):
                    said = "is not one licence of SPDX, such as 'MIT'; list each alone"
                    raise UsageError(f"{KEY}.{key}: '{text}' {said}")


def check(project: Project, options: LicenseOptions, asked: tuple[str, ...]) -> Evidence:
    """Judge the licence of each distribution that the project requires. Raises CannotTell where
    they cannot be told, and for a licence in the options that SPDX does not have."""
    policy, known = _policy(options)
    needed = required.required(project, extras=options.extras, groups=options.groups)
    if needed is None:
        raise NotApplicable("no packaging metadata that states requirements")
    if not needed.by and not needed.trouble:
        raise NotApplicable("the project requires no other distribution")
    findings: list[Finding] = []
    doubts: list[str] = []
    for name, one in needed.found.items():
        told = known.get(name) or names.stated(one)
        answers = {reading.holds(policy.takes) for reading in told.readings}
        if answers == {False}:
            findings.append(_finding(one, told, policy, needed.by[name]))
        elif answers != {True}:
            doubts.append(_doubt(one, told))
    return Evidence(
        findings=tuple(findings),
        metrics={"undetermined": len(doubts)},
        examined=len(needed.found),
        unknown=_unknown(needed, doubts),
        notes=tuple(_notes(needed, known)),
        receipt=Receipt("license-expression", installed_version("license-expression")),
    )


def _policy(options: LicenseOptions) -> tuple[Policy, dict[str, Stated]]:
    if importlib.util.find_spec("license_expression") is None:
        raise CannotTell(MISSING)
    allow, wrong_allow = spdx.entries(options.allow)
    deny, wrong_deny = spdx.entries(options.deny)
    known = {str(canonicalize_name(name)): spdx.parse(t) for name, t in options.known.items()}
    wrong = [("allow", wrong_allow), ("deny", wrong_deny)]
    wrong += [(f"known.{name}", t) for name, t in options.known.items() if spdx.parse(t) is None]
    for key, text in wrong:
        if text is not None:
            raise CannotTell(
                f"{key} in {OPTIONS} names no licence of SPDX: '{text}'"
                " · write it as https://spdx.org/licenses/ does"
            )
    told = {name: Stated("known", (one,)) for name, one in known.items() if one}
    return Policy(allow, deny), told


def _finding(one: Distribution, told: Stated, policy: Policy, by: str) -> Finding:
    denied = all(not reading.holds(lambda a: not policy.denies(a)) for reading in told.readings)
    rule, what = ("denied-licence", "which deny names") if denied else (
        "not-allowed", "which allow does not name"
    )  # fmt: skip
    message = (
        f"{one.name} {one.version}, required by {by}, is licensed {told.text} ({told.where}),"
        f" {what}"
        f" in {OPTIONS} · replace it, or change that list"
    )
    return Finding(rule, message, Severity.HIGH, path="pyproject.toml")


def _doubt(one: Distribution, told: Stated) -> str:
    if told.readings:
        said = f"may be {told.text} ({told.where})"
    elif told.said:
        said = f"is '{told.said}' ({told.where}), which is no SPDX expression"
    else:
        said = "is not stated in its metadata"
    return f'the licence of {one.name} {said} · {OPTIONS} known = {{ "{one.name}" = "…" }}'


def _unknown(needed: Needed, doubts: list[str]) -> str | None:
    """What stands in the way, the names of all that cannot be told among it."""
    if needed.trouble or not doubts:
        return needed.trouble
    others = re.findall(r"^the licence of (\S+)", "\n".join(doubts[1:]), re.MULTILINE)
    shown = ", ".join(others[:10]) + (" …" if len(others) > 10 else "")
    return doubts[0] + (f" (and {len(others)} more: {shown})" if others else "")


def _notes(needed: Needed, known: Mapping[str, Stated]) -> Iterable[str]:
    for one in needed.unfit[:1]:
        more = f" (and {len(needed.unfit) - 1} more)" if len(needed.unfit) > 1 else ""
        yield f"{one.name} is installed in another version than {one.by} asks for{more}"
    if stale := sorted(set(known) - set(needed.by)):
        yield f"known names what is not required: {', '.join(stale[:10])}"


def applies(project: Project, options: LicenseOptions) -> str | None:
    return None if options.allow or options.deny else NO_POLICY


def canary(project: Project, options: LicenseOptions) -> Canary:
    """A requirement that the policy does not take: one that is installed, if there is any."""
    policy, _ = _policy(options)
    readings = ((n, names.stated(one).readings) for n, one in installed(project).items())
    bad = (n for n, told in readings if told and not any(r.holds(policy.takes) for r in told))
    name = next(bad, "devops-gates-canary")
    text = with_requirement(project.text("pyproject.toml") or "", name)
    return Canary(f"a requirement of {name}", {"pyproject.toml": text})


RULES = (
    Rule(
        "not-allowed",
        "A dependency is licensed in a way that the project's policy does not list as allowed.",
        "Replace it, or add its licence to `allow` after whoever answers for it has agreed. Of an"
        " OR, one allowed licence is enough; of an AND, each has to be.",
        "https://spdx.org/licenses/",
    ),
    Rule(
        "denied-licence",
        "A dependency is licensed in a way that the project's policy denies.",
        "Replace it, or take its licence from `deny` after whoever answers for it has agreed.",
        "https://spdx.org/licenses/",
    ),
)
LICENSES = Gate(
    name="licenses",
    stage=Stage.SECURITY,
    options=LicenseOptions,
    function=check,
    applies=applies,
    level=ADVISORY,
    levels={"commit": OFF, "operate": OFF, "release": REQUIRED},
    metrics=("undetermined",),
    again="python -m pip inspect",
    cost=0.6,
    about="What the project requires at run time is licensed as its policy wants it.",
    canary=canary,
    rules=RULES,
    static=True,
    declared=True,
)
