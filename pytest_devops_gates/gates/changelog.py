"""``changelog``: it says something about this version, or about what is not released yet."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import msgspec
from packaging.version import Version

from pytest_devops_gates import changelogs, fragments, git, tags, versions
from pytest_devops_gates.changelogs import Section
from pytest_devops_gates.errors import CannotTell, NotApplicable
from pytest_devops_gates.evidence import Evidence, Finding, Receipt, Rule, Severity
from pytest_devops_gates.gate import ADVISORY, OFF, Canary, Gate, Options
from pytest_devops_gates.project import Project
from pytest_devops_gates.stage import Stage
from pytest_devops_gates.surface import unnamed_changes

RELEASE = "release"


class ChangelogOptions(msgspec.Struct, frozen=True, rename="kebab"):
    """``name_changes`` asks for a word on each commit that users should hear of."""

    name_changes: bool = False


class News(msgspec.Struct, frozen=True):
    """What the project tells of its changes. ``path`` is its changelog, if there is one, and
    ``pending`` are the fragments that are not in it yet. ``version`` is the one to tell of, and
    ``fixed`` whether a file states it, so that a release has to name it."""

    path: str | None
    text: str
    sections: tuple[Section, ...]
    pending: tuple[str, ...]
    version: Version | None
    fixed: bool

    def own(self) -> list[Section]:
        """The sections of the version; one that is not final may stand under its final one."""
        return [s for s in self.sections if s.version and s.version in _meant(self.version)]

    def ahead(self) -> list[Section]:
        """The sections of what comes after the version, and of what is not released."""
        own = self.own()
        return [
            s
            for s in self.sections
            if s not in own
            and (s.unreleased or bool(self.version and s.version and s.version > self.version))
        ]


def check(project: Project, options: ChangelogOptions, asked: tuple[str, ...]) -> Evidence:
    """Read the changelog and the fragments, and look for words on what is to be released."""
    news = gather(project)
    since = _changed_since(project, news.version) if news.version else None
    found = judge(news, release=project.profile == RELEASE, since=since)
    unnamed = _unnamed(project, news, since) if options.name_changes else []
    return Evidence(
        findings=((found,) if found else ()) + tuple(unnamed),
        examined=len(news.sections) + len(news.pending) or 1,
        receipt=Receipt("changelog"),
        notes=(f"read {news.path}",) if news.path else (),
    )


def gather(project: Project) -> News:
    """The news of a project. Raises NotApplicable without any, and CannotTell for files that
    cannot be read."""
    project.listing()
    pending = fragments.pending(project)
    stated = versions.stated(project)
    path, text, found = _changelog(project)
    if path is None and pending is None:
        raise NotApplicable("no changelog file, and no towncrier or scriv fragments")
    version, fixed = stated.version, stated.version is not None
    if version is None:  # of git tags, say: then the newest that the changelog knows
        version = max((s.version for s in found if s.version), default=None)
    return News(path, text, tuple(found), tuple(pending or ()), version, fixed)


def _changelog(project: Project) -> tuple[str | None, str, list[Section]]:
    """The first of the changelogs (see changelogs.candidates) in which a heading names a version
    or says Unreleased; else the first that does not only lead elsewhere."""
    fallback: tuple[str | None, str, list[Section]] = (None, "", [])
    own = versions.own_names(project)
    for name in changelogs.candidates(project.files):
        text = versions.read_text(project, name)
        if text is None:
            continue
        found = changelogs.sections(text, name, own)
        if found:
            return name, text, found
        if fallback[0] is None and not changelogs.leads_elsewhere(text):
            fallback = (name, text, [])
    return fallback


def judge(news: News, *, release: bool, since: str | None) -> Finding | None:
    """What is wrong, if anything is. Raises CannotTell for a changelog of an unknown form.

    A change is told of by a pending fragment, by a section of something newer or unreleased, or by
    the section of its version; but not by the latter ``since`` a tag has released that version on
    another commit, and code that ships has changed after it. A release of a final version has to
    tell of it under its own heading.
    """
    own = [s for s in news.own() if s.content] if since is None else []
    ahead = [s for s in news.ahead() if s.content]
    version = news.version
    if release and news.fixed and version and not version.is_devrelease:
        return _of_release(news, own, ahead, since)
    if own or ahead or news.pending:
        return None
    return _nothing_said(news, since)


def _of_release(
    news: News, own: Sequence[Section], ahead: Sequence[Section], since: str | None
) -> Finding | None:
    assert news.version
    if news.pending:
        message = f"{len(news.pending)} fragments are not in the changelog of {news.version} yet"
        return Finding("unreleased-left", message, Severity.HIGH, path=news.pending[0])
    marked = next((s for s in own if s.unreleased and not news.version.is_prerelease), None)
    left = marked or next((s for s in ahead if s.unreleased and not own), None)
    if left:
        said = "is still marked as unreleased" if marked else "is not under its version's heading"
        message = f"what '{left.title}' tells of {news.version} {said}"
        return Finding("unreleased-left", message, Severity.HIGH, path=news.path, line=left.line)
    return None if own else _nothing_said(news, since)


def _nothing_said(news: News, since: str | None) -> Finding:
    """The finding. Raises CannotTell where the version is mentioned in a form of no known kind."""
    mentioned = news.version and re.search(
        rf"(?<![\w.]){re.escape(str(news.version))}(?![\w.]*\w)", news.text
    )
    if news.path and not news.sections and mentioned:
        line = news.text.count("\n", 0, mentioned.start()) + 1
        raise CannotTell(f"{news.path} names {news.version} in line {line}, not in a heading")
    empty = next((s for s in (*news.ahead(), *news.own()) if not s.content), None)
    place = f"'{empty.title}' is empty" if empty else f"no heading names {news.version or 'it'}"
    where = news.path or "the fragments"
    message = f"{where} says nothing of what is to be released: {place}"
    if since:
        message = f"{where} says nothing of what changed since {since}"
    return Finding("nothing-said", message, Severity.HIGH, path=news.path,
                   line=empty.line if empty else None)  # fmt: skip


def _unnamed(project: Project, news: News, since: str | None) -> list[Finding]:
    """The commits since the last release that users should hear of and do not.

    What stands under a version that is released already (``since``) is of earlier ones.
    """
    lines = news.text.splitlines()
    told = [
        lines[n - 1]
        for section in (*news.ahead(), *(() if since else news.own()))
        for n in range(section.line, section.end + 1)
    ]
    for name in news.pending:
        told += (versions.read_text(project, name) or "").splitlines()
    tag, left = unnamed_changes.since_release(project, told, news.pending)
    where, after = news.path or "the fragments", f" since {tag}" if tag else ""
    return [
        Finding("change-not-named", f"{where} does not name {commit.shown}{after}", path=news.path)
        for commit in left
    ]


def _meant(version: Version | None) -> set[Version]:
    if version is None:
        return set()
    meant = {version, Version(version.public)}
    if version.is_prerelease:
        meant |= {Version(version.base_version), Version(version.public.partition(".dev")[0])}
    return meant


def _changed_since(project: Project, version: Version) -> str | None:
    """The tag of the version on an earlier commit, if code that ships has changed since."""
    top, head = project.toplevel, project.commit
    if top is None or head is None:
        return None
    root, above = project.root.resolve(), top.resolve()
    listing = git.git(top, *tags.LISTING)
    named = tags.versions(listing, versions.own_names(project), nested=root != above)
    same = {tag: git.resolve(top, f"refs/tags/{tag}") for tag, v in named.items() if v == version}
    if not same or head in same.values():
        return None
    tag, commit = next(iter(same.items()))
    inside: Path = project.root if root.is_relative_to(above) else top
    changed = git.git(inside, "diff", "--no-ext-diff", "--relative", "--name-only", "-z",
                      f"{commit}...{head}")  # fmt: skip
    names = changed.decode("utf-8", "surrogateescape").split("\0")
    return tag if any(unnamed_changes.ships(project, name) for name in names) else None


def canary(project: Project, options: Options) -> Canary:
    """The changelog without what it says of the version and of what comes after it."""
    news = gather(project)
    files: dict[str, str | None] = dict.fromkeys(news.pending)
    silent = {n for section in (*news.own(), *news.ahead()) for n in section.content}
    if news.path and silent:
        lines = news.text.splitlines(keepends=True)
        files[news.path] = "".join(x for n, x in enumerate(lines, start=1) if n not in silent)
    return Canary("a changelog that says nothing of the version", files)


RULES = (
    Rule(
        "nothing-said",
        "The changelog says nothing of what is to be released.",
        "Write for users what changed, under the heading of the version or of what is not released"
        " yet, or in a fragment.",
        "https://keepachangelog.com/en/1.1.0/",
    ),
    Rule(
        "change-not-named",
        "A commit that users should hear of (`feat`, `fix`, `perf`, a breaking one, or one that"
        " changes shipped code and refers to an issue) stands in no entry of the changelog.",
        "Write what it changes for users, with its number; a commit that is nothing to them has the"
        " type `chore` or `refactor`.",
        "https://keepachangelog.com/en/1.1.0/",
    ),
    Rule(
        "unreleased-left",
        "What changed in this release does not stand under its version in the changelog.",
        "Give the section the version and the date as its heading; fragments are put together by"
        " `towncrier build` or `scriv collect`.",
    ),
)
CHANGELOG = Gate(
    name="changelog",
    stage=Stage.DEPLOY,
    options=ChangelogOptions,
    function=check,
    levels={"commit": OFF, "merge": ADVISORY, "operate": OFF},
    again="git log --oneline",
    cost=0.5,
    about="The changelog says something of this version, or of what is not released yet.",
    debt=False,
    canary=canary,
    rules=RULES,
)
