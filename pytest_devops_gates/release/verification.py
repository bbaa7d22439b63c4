"""Judges a bundle of evidence against what is expected of it. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from pytest_devops_gates.neutral import visible
from pytest_devops_gates.release import attested, expectations, soundness, statements, strict
from pytest_devops_gates.release.bundle import Bundle
from pytest_devops_gates.release.check import ANEW, FAILED, Check, all_told
from pytest_devops_gates.release.evidence import FILE
from pytest_devops_gates.release.expectations import Expected
from pytest_devops_gates.verdict import Verdict


def verify(bundle: Bundle, expected: Expected, now: datetime) -> tuple[Check, ...]:
    """All checks, in the order in which they are told; the bundle holds if none has failed."""
    try:
        verdict = strict.verdict(_there(bundle.verdict))
    except ValueError as why:
        return (Check(statements.VERDICT, FAILED, f"{statements.VERDICT}: {why} · {ANEW}"),)
    checks = [*expectations.compare(verdict, expected, now), *integrity(bundle, verdict)]
    try:
        found = attested.read(_there(bundle.evidence))
    except ValueError:  # told by integrity
        return tuple(checks)
    return (*checks, *attested.signatures(found, expected.key))


def integrity(bundle: Bundle, verdict: Verdict) -> Iterator[Check]:
    """Whether the bundle agrees with itself: what can be told without expecting anything."""
    wrong = list(soundness.contradictions(verdict))
    yield from all_told("consistency", wrong, "every outcome follows from its numbers", ANEW)
    yield from all_told("dist", _dist(bundle, verdict), _built(bundle), ANEW)
    try:
        found = attested.read(_there(bundle.evidence))
        made = statements.make(verdict, bundle.files)
    except (ValueError, OverflowError) as why:
        yield Check("evidence", FAILED, f"{FILE}: {why} · {ANEW}")
        return
    wrong = []
    for kind, statement in made.items():
        name = f"{FILE}: {statements.NAMES[kind]}"
        wrong += attested.differences(found.stated[kind], statement, name)
    subjects = len(statements.subjects(verdict))
    says = f"{len(made)} statements on {subjects} subjects and {len(bundle.files)} files hold"
    yield from all_told("evidence", wrong, says, ANEW)


def _there(data: bytes | None) -> bytes:
    if data is None:
        raise ValueError("is missing")
    return data


def _dist(bundle: Bundle, verdict: Verdict) -> list[str]:
    """What is wrong with the files that were built, where they were handed over as well."""
    known = {a.name: a.sha256 for a in verdict.artefacts}
    wrong = [
        f"artefacts.{visible(a.name)[:100]}.sha256: '{visible(a.sha256)[:64]}' is no digest"
        for a in verdict.artefacts
        if not statements.SHA256.fullmatch(a.sha256)
    ]
    if len(known) < len(verdict.artefacts):
        wrong.append("artefacts: two bear the same name")
    for name, digest in bundle.dist.items():
        if known.get(name) != digest:
            needed = known.get(name) or "no such file: the run did not build it"
            wrong.append(f"dist/{visible(name)[:100]}: sha256 {digest}, needs {needed}")
    return wrong


def _built(bundle: Bundle) -> str:
    return (
        f"{len(bundle.dist)} files in it, as they were built" if bundle.dist else "not handed over"
    )
