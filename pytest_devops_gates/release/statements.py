"""A verdict as in-toto statements, which other tools understand. Pure.

Sources: in-toto Statement v1, Test Result v0.1 and Simple Verification Result v0.2
(github.com/in-toto/attestation), SLSA Verification Summary v1 (slsa.dev).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import quote

from packaging.utils import canonicalize_name

from pytest_devops_gates.gate import REQUIRED
from pytest_devops_gates.verdict import FAIL, PASS, UNKNOWN, WARN, Ruling, Verdict

STATEMENT = "https://in-toto.io/Statement/v1"
TEST_RESULT = "https://in-toto.io/attestation/test-result/v0.1"
SVR = "https://in-toto.io/attestation/svr/v0.2"
VSA = "https://slsa.dev/verification_summary/v1"
PREDICATES = (TEST_RESULT, SVR, VSA)
"""What is said of every run, in this order."""

NAMES = {TEST_RESULT: "Test Result", SVR: "SVR", VSA: "VSA"}
"""What people call them."""

VERDICT = "verdict.json"
SHA1 = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
"""A commit; git's newer repositories name it by SHA-256."""
SHA256 = re.compile(r"[0-9a-f]{64}")

Statement = dict[str, Any]


def make(verdict: Verdict, files: Mapping[str, str]) -> dict[str, Statement]:
    """The three statements by their predicate's type.

    ``files`` maps the names of the run's files that the verdict rests on, verdict.json among them,
    to their SHA-256. The same values give the same statements, now and years later: so they are
    compared with what is made again. Raises ValueError for a start that is no time.
    """
    predicates = {
        TEST_RESULT: _test_result(verdict, files),
        SVR: _svr(verdict),
        VSA: _vsa(verdict, files),
    }
    subject = subjects(verdict)
    return {
        kind: {
            "_type": STATEMENT,
            "subject": subject,
            "predicateType": kind,
            "predicate": predicate,
        }
        for kind, predicate in predicates.items()
    }


def subjects(verdict: Verdict) -> list[dict[str, Any]]:
    """What the statements are about: the commit, unless something was changed in its tree, and each
    artefact."""
    found: list[dict[str, Any]] = []
    if verdict.commit and SHA1.fullmatch(verdict.commit) and not verdict.dirty:
        found.append({"name": "commit", "digest": {"gitCommit": verdict.commit}})
    found += [{"name": a.name, "digest": {"sha256": a.sha256}} for a in verdict.artefacts]
    return found


def ended(verdict: Verdict) -> str:
    """When the verdict was reached, to the second (RFC 3339). Raises ValueError."""
    return rfc3339(moment(verdict.started) + timedelta(seconds=int(verdict.seconds)))


def moment(written: str) -> datetime:
    """A time as ours are written, ``2026-01-31T23:59:59Z``. Raises ValueError for another."""
    found = datetime.strptime(written, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)
    if rfc3339(found) != written:  # strptime takes single digits as well
        raise ValueError(f"'{written}' is no time like 2026-01-31T23:59:59Z")
    return found


def rfc3339(when: datetime) -> str:
    """A time as ours are written."""
    return when.isoformat("T", "seconds").replace("+00:00", "Z")


def _test_result(verdict: Verdict, files: Mapping[str, str]) -> dict[str, Any]:
    """The gates are its tests: a project of 50,000 tests has no list of them twice, and nobody
    takes it for a pass where only the tests passed."""
    names: dict[str, list[str]] = {PASS: [], WARN: [], FAIL: []}
    for ruling in verdict.gates:
        if (outcome := _as_told(ruling)) in names:
            names[outcome].append(ruling.name)
    passed = "WARNED" if names[WARN] else "PASSED"
    return {
        "result": passed if verdict.verdict == PASS else "FAILED",
        "configuration": [_policy(verdict), _file(VERDICT, files)],
        "passedTests": names[PASS],
        "warnedTests": names[WARN],
        "failedTests": names[FAIL],
    }


def _as_told(ruling: Ruling) -> str:
    """A gate's outcome in the words of Test Result, which knows no unknown and no levels."""
    if ruling.outcome in (FAIL, UNKNOWN):
        return FAIL if ruling.level == REQUIRED else WARN
    return ruling.outcome


def _svr(verdict: Verdict) -> dict[str, Any]:
    """Only what passed is said: of the whole, and of each gate that had something to hold."""
    passing = [
        f"DEVOPS_GATES_GATE_{_constant(ruling.name)}"
        for ruling in verdict.gates
        if ruling.outcome == PASS and ruling.conditions
    ]
    return {
        "verifier": {"id": _verifier(verdict), "policies": [_policy(verdict)]},
        "timeCreated": ended(verdict),
        "properties": [*_levels(verdict), *passing],
    }


def _vsa(verdict: Verdict, files: Mapping[str, str]) -> dict[str, Any]:
    passed = verdict.verdict == PASS
    return {
        "verifier": {
            "id": _verifier(verdict),
            "version": {"pytest-devops-gates": verdict.version},
        },
        "timeVerified": ended(verdict),
        "resourceUri": resource(verdict),
        "policy": _policy(verdict),
        "inputAttestations": [_file(name, files) for name in sorted(files)],
        "verificationResult": "PASSED" if passed else "FAILED",
        "verifiedLevels": _levels(verdict) or ["FAILED"],
    }


def resource(verdict: Verdict) -> str:
    """The package that was judged, as a package URL of PyPI's kind."""
    name = quote(canonicalize_name(verdict.project.name), safe="")
    version = verdict.project.version
    return f"pkg:pypi/{name}" + (f"@{quote(version, safe='')}" if version else "")


def _levels(verdict: Verdict) -> list[str]:
    """What the verdict as a whole amounts to. Names with ``SLSA_`` belong to SLSA."""
    passed = verdict.verdict == PASS
    return [f"DEVOPS_GATES_PROFILE_{_constant(verdict.profile)}"] if passed else []


def _verifier(verdict: Verdict) -> str:
    return f"pkg:pypi/pytest-devops-gates@{quote(verdict.version, safe='')}"


def _policy(verdict: Verdict) -> dict[str, Any]:
    told = {
        "name": verdict.policy.source,
        "uri": f"{_verifier(verdict)}#policy/{quote(verdict.profile, safe='')}",
    }
    if not SHA256.fullmatch(verdict.policy.sha256):  # a run that never came to its policy
        return told
    return {**told, "digest": {"sha256": verdict.policy.sha256}}


def _file(name: str, files: Mapping[str, str]) -> dict[str, Any]:
    return {"name": name, "uri": name, "digest": {"sha256": files[name]}}


def _constant(name: str) -> str:
    return re.sub(r"[^A-Z0-9]+", "_", name.upper())
