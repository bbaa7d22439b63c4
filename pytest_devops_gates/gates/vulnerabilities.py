"""``vulnerabilities``: no dependency has a known vulnerability, by OSV's advisories."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from typing import Literal
from urllib.parse import quote, urlsplit

import msgspec
from packaging.utils import canonicalize_name

from pytest_devops_gates.advisories import example, matching, online, osv, store
from pytest_devops_gates.advisories.matching import Vulnerability
from pytest_devops_gates.dependencies import locks, packages
from pytest_devops_gates.dependencies.package import Package
from pytest_devops_gates.dependencies.packages import Packages
from pytest_devops_gates.errors import CannotTell, UsageError
from pytest_devops_gates.evidence import Evidence, Finding, Receipt, Rule
from pytest_devops_gates.gate import ADVISORY, OFF, Canary, Extra, Gate, Options
from pytest_devops_gates.project import Project
from pytest_devops_gates.stage import Stage

KEY = "tool.devops-gates.gates.vulnerabilities.options"
MAX_AGE = 30.0
SHOWN = 10
"""Packages, and ids of one vulnerability, that a reason or a message names."""

NO_DATE = "an online service does not tell how old its data are"


class VulnerabilityOptions(msgspec.Struct, frozen=True, rename="kebab"):
    """``advisories`` is a folder or an archive of OSV records, below the root or absolute; without
    it ``service`` is asked, at ``url`` if there is one. ``max_age`` is in days. ``skip`` names
    packages from elsewhere than an index that need not be audited, ``locks`` the lock files to
    read. Raises UsageError for values that cannot be meant."""

    advisories: str | None = None
    service: Literal["osv", "pypi"] = "osv"
    url: str | None = None
    max_age: float = MAX_AGE
    skip: tuple[str, ...] = ()
    locks: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.advisories is not None and not self.advisories.strip():
            raise UsageError(f"{KEY}.advisories: names no folder and no archive")
        if self.max_age <= 0:
            raise UsageError(f"{KEY}.max-age: no data are {self.max_age:g} days old")
        if self.url is not None:
            _check_url(self.url)
            if self.service == "pypi":
                raise UsageError(f'{KEY}.url: goes with service = "osv" alone')


def check(project: Project, options: VulnerabilityOptions, asked: tuple[str, ...]) -> Evidence:
    """Work out the packages, and what is known of them, here or online."""
    found = packages.found(project, options.locks)
    skipped, unaudited = _elsewhere(found, options.skip)
    if options.advisories is None:
        answer = online.ask(found.listed, options.service, options.url,
                            project.run_dir / "tmp" / "vulnerabilities",
                            project.run_dir / "logs" / "vulnerabilities")  # fmt: skip
        unaudited = [*unaudited, *answer.unaudited]
        return _evidence(found, answer.known, unaudited, skipped, receipt=answer.receipt)
    now = datetime.now(timezone.utc)
    names = {one.name for one in found.listed}
    data = store.load(project.root / options.advisories, names, project.cache, now)
    known, silent = _matched(found.listed, data)
    age = max(0.0, (now - data.modified).total_seconds() / 86_400)
    dated = f"{data.count:,} advisories of {data.place}, the newest of {data.modified:%Y-%m-%d}"
    stale = None
    if age > options.max_age:
        limit = f"max-age is {options.max_age:g}"
        stale = f"the advisories are {age:.0f} days old, and {limit} · {store.REFRESH}"
    receipt = Receipt("packaging", version("packaging"))
    return _evidence(found, known, [*unaudited, *silent], skipped, dated=dated, age=age,
                     stale=stale, receipt=receipt)  # fmt: skip


Known = Sequence[tuple[Package, Vulnerability]]
Silent = Sequence[tuple[Package, str]]


def _matched(listed: Iterable[Package], data: store.Advisories) -> tuple[Known, Silent]:
    known, silent = [], []
    for one in listed:
        try:
            hits = matching.vulnerabilities(one.name, one.version or "", data.about(one.name))
        except CannotTell as reason:
            silent.append((one, str(reason)))
            continue
        known += [(one, hit) for hit in hits]
    return known, silent


def _evidence(
    found: Packages,
    known: Known,
    unaudited: Silent,
    skipped: Silent,
    *,
    receipt: Receipt,
    dated: str | None = None,
    age: float | None = None,
    stale: str | None = None,
) -> Evidence:
    notes = [*([dated] if dated else []), f"read: {_cut(found.places)}", *found.notes]
    if skipped:
        notes.append(f"not audited, as the option skip has it: {_shown(skipped)}")
    metrics = {"packages": float(len(found.listed)), "unaudited": float(len(unaudited))}
    if age is not None:
        metrics["data-age"] = round(age, 1)
    found_out = Evidence.of(
        (finding(one, vulnerability) for one, vulnerability in known),
        examined=len(found.listed) + len(skipped),
        metrics=metrics,
        unknown="; ".join(filter(None, (found.unreadable, _not_audited(unaudited), stale))) or None,
        notes=notes,
        rules={v.id: _rule(v) for _, v in known}.values(),
        inapplicable={"data-age": NO_DATE} if age is None else {},
    )
    return msgspec.structs.replace(found_out, receipt=receipt)


def finding(one: Package, known: Vulnerability) -> Finding:
    """One vulnerability of one package, at its place in the lock file if it is in one."""
    others = f" ({_cut(known.aliases)})" if known.aliases else ""
    if known.id.startswith(osv.MALICIOUS):
        mend = "remove it"
    else:
        mend = f"upgrade to {known.fix}" if known.fix else "no version is known that mends it"
    says = known.summary or "a known vulnerability"
    if known.is_vague:
        says = f"{says}, of which the advisory does not tell the versions"
    message = f"{one.shown}: {says}{others} · {mend}"
    return Finding(known.id, message, known.severity, path=one.path or None, line=one.line)


def _rule(known: Vulnerability) -> Rule:
    page = osv.PAGE + quote(known.id, safe="")
    return Rule(known.id, known.summary, "Upgrade the package to a version that mends it.", page)


def _elsewhere(found: Packages, skip: Sequence[str]) -> tuple[Silent, list[tuple[Package, str]]]:
    """What does not come from an index: that which the option ``skip`` names, and the rest."""
    named = {canonicalize_name(name) for name in skip}
    skipped = [pair for pair in found.elsewhere if (pair[0].name or pair[0].place) in named]
    return skipped, [pair for pair in found.elsewhere if pair not in skipped]


def _not_audited(silent: Silent) -> str | None:
    if not silent:
        return None
    noun = "package was" if len(silent) == 1 else "packages were"
    return f"{len(silent)} {noun} not audited: {_shown(silent)}"


def _shown(pairs: Silent) -> str:
    return _cut([f"{one.shown} ({why})" for one, why in pairs])


def _cut(texts: Sequence[str]) -> str:
    more = f" and {len(texts) - SHOWN} more" if len(texts) > SHOWN else ""
    return ", ".join(texts[:SHOWN]) + more


def _check_url(url: str) -> None:
    """Raises UsageError for what is no plain address; it is not quoted, since it may be secret."""
    try:
        parts = urlsplit(url)
        plain = parts.scheme in ("http", "https") and parts.hostname and parts.username is None
    except ValueError:
        plain = False
    if not plain or "?" in url or "#" in url:
        raise UsageError(f"{KEY}.url: no address without user, password, query and fragment")


def applies(project: Project, options: Options) -> str | None:
    named = isinstance(options, VulnerabilityOptions) and options.locks
    return packages.NONE if not named and packages.none_stated(project) else None


def canary(project: Project, options: VulnerabilityOptions) -> Canary:
    """A package that the advisories tell of, pinned in the lock file that is read first; without
    one, in a requirements file."""
    name, pinned = example.KNOWN
    if options.advisories is not None:
        place = Path(project.root, options.advisories)
        name, pinned = example.vulnerable(place, project.cache, datetime.now(timezone.utc))
    read = [*options.locks, *packages.lock_files(project.files), packages.REQUIREMENTS]
    text = project.text(read[0]) or ""
    planted = f"{text.rstrip()}\n{example.pin(locks.kind(read[0]), name, pinned)}".lstrip()
    return Canary(f"{name} {pinned}, which is vulnerable, in {read[0]}", {read[0]: planted})


EXTRA = Extra("security", module="pip_audit")
VULNERABILITIES = Gate(
    name="vulnerabilities",
    stage=Stage.SECURITY,
    options=VulnerabilityOptions,
    function=check,
    applies=applies,
    warnings={"data-age": "<= 7"},
    extra=EXTRA,
    levels={"commit": OFF, "merge": ADVISORY, "operate": OFF},
    metrics=("packages", "unaudited", "data-age"),
    timeout=180.0,
    again="pip-audit",
    cost=3.0,
    about="No dependency, as it is locked or else installed, has a known vulnerability.",
    canary=canary,
)
