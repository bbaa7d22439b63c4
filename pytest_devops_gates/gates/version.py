"""``version``: the version is valid, the same wherever it is stated, and not yet taken by a tag."""

from __future__ import annotations

from importlib.metadata import version as installed
from pathlib import Path

import msgspec
from packaging.version import Version

from pytest_devops_gates import git, last_release, schemes, tags, versions
from pytest_devops_gates.errors import CannotTell, NotApplicable
from pytest_devops_gates.evidence import Evidence, Finding, Receipt, Rule, Severity
from pytest_devops_gates.gate import ADVISORY, OFF, Canary, Gate, Options
from pytest_devops_gates.project import Project
from pytest_devops_gates.schemes import Scheme
from pytest_devops_gates.stage import Stage
from pytest_devops_gates.versions import Statement

NO_METADATA = (
    "no version and no packaging metadata: no [project], no [tool.poetry], no setup.py that calls"
    " setup(), no [metadata] in setup.cfg"
)
SHALLOW = (
    "a shallow clone: a tag of the version {} may be among what was not fetched"
    " · git fetch --tags --unshallow"
)
INVALID = "devops gates canary"


class VersionOptions(msgspec.Struct, frozen=True, rename="kebab"):
    """``scheme`` is the one whose form the version has to have; None: any of PEP 440."""

    scheme: Scheme | None = None


def check(project: Project, options: VersionOptions, asked: tuple[str, ...]) -> Evidence:
    """Read every statement of the version, compare them, and ask git for tags of that version."""
    stated = versions.stated(project)
    if stated.from_tags:
        raise NotApplicable(f"the version comes from git tags, by {stated.from_tags}")
    if not stated.statements and not stated.packaged:
        raise NotApplicable(NO_METADATA)
    if stated.unread:
        raise CannotTell(f"the version cannot be read: {stated.unread}")
    findings = [*judge(stated.statements)]
    taken: list[Finding] = []
    unknown = note = None
    if stated.version:
        findings += _of_scheme(stated.statements[0], options.scheme)
        taken, unknown, note = _tagged(project, stated.version)
        taken += _lowered(project, stated.statements[0])
    return Evidence(
        findings=(*findings, *taken),
        examined=max(1, len(stated.statements)),
        unknown=unknown,
        notes=(note,) if note else (),
        receipt=Receipt("packaging", installed("packaging")),
    )


def judge(statements: tuple[Statement, ...]) -> list[Finding]:
    """What is wrong with the statements themselves, the most authoritative of which is the first.

    A CITATION.cff cites what was released: an older version there does not differ from that of a
    development version.
    """
    if not statements:
        message = "the packaging metadata states no version, and not that it is dynamic"
        return [Finding("no-version", message, Severity.HIGH)]
    first, *others = statements
    found = [finding for one in statements if not one.mirror and (finding := _form(one))]
    for other in others:
        if other.text == first.text or (other.version and other.version == first.version):
            continue
        if other.path == versions.CITATION and _is_older_release(other.version, first.version):
            continue
        message = f"{other.shown} in {other.where} differs from {first.shown} in {first.where}"
        found.append(_finding("version-differs", message, Severity.HIGH, other))
    return found


def _form(one: Statement) -> Finding | None:
    version = one.version
    if version is None:
        message = f"'{one.shown}' in {one.where} is no version of PEP 440"
        return _finding("invalid-version", message, Severity.HIGH, one)
    if str(version) != one.text:
        message = f"{one.shown} in {one.where} is {version} in its normal form"
        return _finding("not-normalised", message, Severity.LOW, one)
    return None


def _of_scheme(one: Statement, scheme: Scheme | None) -> list[Finding]:
    wrong = schemes.misfit(one.version, scheme) if scheme and one.version else None
    message = f"{one.shown} in {one.where} {wrong}"
    return [_finding("not-of-scheme", message, Severity.HIGH, one)] if wrong else []


def _is_older_release(cited: Version | None, current: Version | None) -> bool:
    return bool(cited and current and current.is_devrelease and cited < current)


def _finding(rule: str, message: str, severity: Severity, one: Statement) -> Finding:
    return Finding(rule, message, severity, path=one.path, line=one.line)


def _tagged(project: Project, version: Version) -> tuple[list[Finding], str | None, str | None]:
    """Tags of the version that lead elsewhere, why that cannot be known, and a note."""
    top = project.toplevel
    if top is None or project.commit is None:
        return [], None, "no git repository with a commit: not compared with tags"
    listing = git.git(top, *tags.LISTING)
    nested = top.resolve() != project.root.resolve()
    named = tags.versions(listing, versions.own_names(project), nested=nested)
    same = {tag: git.resolve(top, f"refs/tags/{tag}") for tag, v in named.items() if v == version}
    found = [
        Finding("already-tagged", _taken(version, tag, commit, project.commit), Severity.HIGH)
        for tag, commit in same.items()
        if commit != project.commit
    ]
    shallow = git.git(top, "rev-parse", "--is-shallow-repository").strip() == b"true"
    return found, SHALLOW.format(version) if shallow and not same else None, None


def _lowered(project: Project, one: Statement) -> list[Finding]:
    """A version that is lower than what HEAD's history has released already."""
    tag = last_release.last_tag(project)
    names = versions.own_names(project)
    listing = (tag or "").encode(errors="surrogateescape")
    last = tags.versions(listing, names, nested=False).get(tag or "")
    if not (last and one.version and one.version < last):
        return []
    message = f"{one.shown} in {one.where} is lower than {last}, which the tag {tag} released"
    return [_finding("version-not-raised", message, Severity.HIGH, one)]


def _taken(version: Version, tag: str, commit: str | None, head: str) -> str:
    place = f"commit {commit[:10]}" if commit else "something that is no commit"
    return f"{version} is taken: the tag {tag} leads to {place}, and HEAD is {head[:10]}"


def canary(project: Project, options: Options) -> Canary:
    """A tag of the version on another commit; without git, a version that is none."""
    stated = versions.stated(project)
    if stated.version and project.toplevel and project.commit:
        tag = _free_tag(project, project.toplevel, stated.version)
        return Canary(f"the tag {tag} on another commit", tag=tag)
    files = {}
    for one in stated.statements[:1]:
        lines = (project.text(one.path) or "").splitlines(keepends=True)
        at = (one.line or 1) - 1
        lines[at] = lines[at].replace(one.text, INVALID, 1)
        files[one.path] = "".join(lines)
    return Canary("a version that is none", files)


def _free_tag(project: Project, top: Path, version: Version) -> str:
    """A tag that names the version and is not there yet, so that what it leads to is new."""
    taken = git.git(top, *tags.LISTING).decode("utf-8", "surrogateescape").splitlines()
    named = [
        f"{n}-{v}" for n in sorted(versions.own_names(project)) for v in (version, f"v{version}")
    ]
    plain = [f"v{version}", str(version)]
    nested = top.resolve() != project.root.resolve()
    forms = [*named, *plain] if nested else [*plain, *named]
    return next((form for form in forms if form not in taken), forms[0])


PEP_440 = "https://packaging.python.org/en/latest/specifications/version-specifiers/"
RULES = (
    Rule(
        "no-version",
        "The packaging metadata states no version.",
        "State `version` in `[project]`, or name it in `dynamic` there, with the tool's settings"
        " that tell where it comes from.",
    ),
    Rule(
        "invalid-version",
        "A version is none that Python's packaging tools take.",
        "Write it as PEP 440 has it: `1.2.3`, `1.2rc1`, `1.2.dev4`, `1.2.post1`.",
        PEP_440,
    ),
    Rule(
        "not-normalised",
        "A version is written in another form than the one in which tools show it.",
        "Write it in its normal form, which the message names.",
        PEP_440,
    ),
    Rule(
        "version-differs",
        "Two places state different versions.",
        "Make them the same, or keep the version in one place alone and have the others read it"
        " from there.",
    ),
    Rule(
        "not-of-scheme",
        "The version has not the form of the scheme that the option `scheme` names.",
        "Write it in the form that the message names, or name another scheme.",
        "https://semver.org/",
    ),
    Rule(
        "version-not-raised",
        "The version is lower than one that was released before in this history.",
        "Raise it above the last release's.",
    ),
    Rule(
        "already-tagged",
        "A tag of this version leads to another commit: it was released before.",
        "Raise the version; where the tag is wrong and was never published, move it.",
    ),
)
VERSION = Gate(
    name="version",
    stage=Stage.DEPLOY,
    options=VersionOptions,
    function=check,
    levels={"commit": OFF, "merge": ADVISORY, "operate": OFF},
    conditions={"findings.high": "== 0"},
    again="git tag --list",
    cost=0.5,
    about="The version is valid, the same wherever it is stated, and no tag of it leads elsewhere.",
    debt=False,
    canary=canary,
    rules=RULES,
)
