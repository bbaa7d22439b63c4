"""Whether a verdict is the one that is expected. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

import msgspec

from pytest_devops_gates.neutral import visible
from pytest_devops_gates.release import age, statements
from pytest_devops_gates.release.check import ANEW, FAILED, LEFT_OUT, OK, Check
from pytest_devops_gates.release.evidence import PROFILE
from pytest_devops_gates.release.keys import PublicKey
from pytest_devops_gates.verdict import NOT_APPLICABLE, OFF, PASS, Verdict

SKEW = timedelta(minutes=5)
"""How far another machine's clock may be ahead."""


class Expected(msgspec.Struct, frozen=True):
    """What the evidence must be about. ``artefacts`` maps files at hand to their SHA-256; with None
    nothing is expected, and that is told."""

    profile: str = PROFILE
    max_age: timedelta = timedelta(hours=24)
    artefacts: Mapping[str, str] | None = None
    commit: str | None = None
    policy_sha256: str | None = None
    key: PublicKey | None = None


def compare(verdict: Verdict, expected: Expected, now: datetime) -> Iterator[Check]:
    """One check for each thing that is expected."""
    yield _verdict(verdict)
    yield _equal("profile", verdict.profile, expected.profile)
    yield _selection(verdict)
    yield _tests(verdict)
    yield _commit(verdict, expected.commit)
    yield _policy(verdict, expected.policy_sha256)
    yield _age(verdict, expected.max_age, now)
    yield from _artefacts(verdict, expected.artefacts)


def _equal(name: str, value: str, needed: str, mend: str = ANEW) -> Check:
    if value == needed:
        return Check(name, OK, f"{name}: {visible(value)}")
    told = f"{name}: {visible(value)[:100] or 'none'}, needs {visible(needed)[:100]}"
    return Check(name, FAILED, f"{told} · {mend}")


def _verdict(verdict: Verdict) -> Check:
    reason = visible(verdict.reason)[:500]
    if verdict.verdict == PASS:
        return Check("verdict", OK, f"verdict: pass, {reason}")
    mend = "mend it, and run again: pytest --devops-gates --devops-gates-profile release"
    return Check("verdict", FAILED, f"verdict: {verdict.verdict}, needs pass: {reason} · {mend}")


def _selection(verdict: Verdict) -> Check:
    name = "selection.complete"
    if verdict.shard is not None:
        told = f"shard: '{visible(verdict.shard)[:64]}' is a part of a run, needs the whole"
        return Check(name, FAILED, f"{told} · devops-gates release combine")
    if not verdict.selection.complete:
        stages = visible(", ".join(verdict.selection.stages))[:200]
        told = f"{name}: false (stages {stages}), needs true"
        return Check(name, FAILED, f"{told} · {ANEW}, without --devops-gates-stage")
    return Check(name, OK, "selection: complete")


def _tests(verdict: Verdict) -> Check:
    """The gate ``tests`` is there; unless the policy turns it off, its run was whole."""
    ruling = next((r for r in verdict.gates if r.name == "tests"), None)
    if ruling is None:
        return Check("tests", FAILED, f"tests: no such gate in the verdict, needs it · {ANEW}")
    if ruling.outcome in (OFF, NOT_APPLICABLE):
        return Check("tests", OK, f"tests: {ruling.outcome}, {visible(ruling.reason)[:200]}")
    if not verdict.tests.complete:
        told = "tests.complete: false, needs true: not every test was seen to end"
        return Check("tests", FAILED, f"{told} · {ANEW}, with all tests")
    return Check("tests", OK, f"tests: complete, {verdict.tests.passed} passed")


def _commit(verdict: Verdict, needed: str | None) -> Check:
    commit = verdict.commit or ""
    if not statements.SHA1.fullmatch(commit):
        told = f"commit: '{visible(commit)[:64]}', needs the commit that was judged"
        return Check("commit", FAILED, f"{told} · {ANEW}, in a git checkout with a commit")
    if verdict.dirty:
        told = f"dirty: true, needs false: commit {commit[:12]} is not all that was judged"
        return Check("commit", FAILED, f"{told} · commit or stash the changes, and {ANEW}")
    if needed is None:
        return Check("commit", LEFT_OUT, f"commit: {commit}, not compared (no --commit)")
    return _equal("commit", commit, needed, f"name the commit that was judged, or {ANEW}")


def _policy(verdict: Verdict, needed: str | None) -> Check:
    name, digest = "policy.sha256", verdict.policy.sha256
    if not statements.SHA256.fullmatch(digest):
        told = f"{name}: '{visible(digest)[:64]}', needs the digest of a policy"
        return Check(name, FAILED, f"{told} · {ANEW}")
    if needed is None:
        return Check(name, LEFT_OUT, f"{name}: {digest}, not compared (no --policy-sha256)")
    return _equal(name, digest, needed, f"expect the policy that was meant, or {ANEW}")


def _age(verdict: Verdict, most: timedelta, now: datetime) -> Check:
    try:
        started = statements.moment(verdict.started)
        ended = started + timedelta(seconds=verdict.seconds)
    except (ValueError, OverflowError):
        told = f"started: '{visible(verdict.started)[:40]}', needs a time"
        return Check("age", FAILED, f"{told} · {ANEW}")
    if ended - now > SKEW:
        clock = statements.rfc3339(now.replace(microsecond=0))
        told = f"age: ended at {statements.ended(verdict)}, needs a time before now ({clock})"
        return Check("age", FAILED, f"{told} · set the clocks, and {ANEW}")
    old = now - started
    if old > most:
        told = f"age: {age.told(old)} since {verdict.started}, needs {age.told(most)} at most"
        return Check("age", FAILED, f"{told} · {ANEW}")
    return Check("age", OK, f"age: {age.told(max(old, timedelta()))}, {age.told(most)} at most")


def _artefacts(verdict: Verdict, files: Mapping[str, str] | None) -> Iterator[Check]:
    """Each file at hand is one that was built, by its bytes; its name proves nothing."""
    known = {a.sha256: a.name for a in verdict.artefacts}
    names = {a.name: a.sha256 for a in verdict.artefacts}
    if not files:
        told = f"artefacts: {len(known)} in the evidence, none compared (no --artifact)"
        yield Check("artefacts", LEFT_OUT, told)
        return
    for file, digest in files.items():
        shown = f"artefact {visible(file)}"
        if digest in known:
            yield Check("artefacts", OK, f"{shown}: sha256 {digest}, {visible(known[digest])}")
            continue
        name = file.rsplit("/", 1)[-1]
        needed = names.get(name) or "one of " + (visible(", ".join(names)) or "none that was built")
        mend = f"take it from the folder dist of the run, or {ANEW}"
        yield Check("artefacts", FAILED, f"{shown}: sha256 {digest}, needs {needed} · {mend}")
