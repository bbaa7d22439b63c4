"""All cases, with what ``release verify`` has to make of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import msgspec

from tests.conformance import sample
from tests.conformance.make import (
    BOTH,
    EVIDENCE,
    FOREVER,
    KEY,
    OTHER,
    RELEASE,
    WHEEL,
    Case,
    Envelope,
    Files,
    Table,
    bundle,
    edited,
    link,
    replaced,
    resealed,
    restated,
    without,
    zipped,
)

Change = Callable[[Table], object]

GOOD, BAD, USAGE = 0, 1, 4
TEST_RESULT, SVR, VSA = 0, 1, 2


def _set(path: str, value: object) -> Change:
    """A change of one place, as ``gates.0.outcome``."""

    def change(table: Table) -> None:
        *way, last = [int(key) if key.isdigit() else key for key in path.split(".")]
        at: Any = table
        for key in way:
            at = at[key]
        at[last] = value

    return change


def _several(*changes: Change) -> Change:
    return lambda table: [change(table) for change in changes]


def _warned(table: Table) -> None:
    gate = table["gates"][0]
    gate["warnings"] = [{**sample.condition("findings.total"), "value": 1.0, "holds": False}]
    gate["outcome"] = "warn"
    table["stages"][1]["outcome"] = "warn"


def _failing(table: Table) -> None:
    """Tests failed, and all that follows from it is as it should be."""
    tests = table["gates"][2]
    tests["metrics"]["failed"] = table["tests"]["failed"] = 1
    tests["conditions"][0] |= {"value": 1.0, "holds": False}
    tests |= {"outcome": "fail", "reason": "tests: failed 1, needs == 0"}
    table["stages"][3]["outcome"] = "fail"
    table |= {"verdict": "fail", "exit_status": 1, "reason": tests["reason"]}


def _unknown(table: Table) -> None:
    tests = table["gates"][2]
    tests |= {"outcome": "unknown", "reason": "tests: killed by SIGKILL"}
    table["stages"][3]["outcome"] = "unknown"
    table |= {"verdict": "unknown", "exit_status": 6, "reason": tests["reason"]}


def _incomplete_tests(table: Table) -> None:
    table["tests"]["complete"] = False
    table["gates"][2]["metrics"]["complete"] = 0.0


def _without_tests(table: Table) -> None:
    del table["gates"][2]
    table["stages"][3]["outcome"] = "off"
    table["reason"] = "2 required gates passed: lint, package"
    table["tests"] |= {"collected": 0, "passed": 0, "seconds": 0.0, "complete": False}


def _seal(envelopes: list[Envelope], at: int, **fields: object) -> list[Envelope]:
    made = msgspec.structs.replace(envelopes[at], **fields)
    return [*envelopes[:at], made, *envelopes[at + 1 :]]


def _hinted(envelopes: list[Envelope]) -> list[Envelope]:
    """Somebody else's signature first, and ours under another id: it is a hint alone."""
    made = []
    for each in envelopes:
        ours = msgspec.structs.replace(each.signatures[0], keyid="0" * 64)
        theirs = OTHER.sign(msgspec.structs.replace(each, signatures=())).signatures
        made.append(msgspec.structs.replace(each, signatures=(*theirs, ours)))
    return made


def _crossed(envelopes: list[Envelope]) -> list[Envelope]:
    return _seal(envelopes, 0, signatures=envelopes[1].signatures)


def _url_safe() -> Files:
    """In base64's other alphabet, as some write it."""
    files = bundle(_set("project.name", "démo?>~"), RELEASE)
    made = []
    for line in files[EVIDENCE].decode().splitlines():
        table = json.loads(line)
        for holder, key in [(table, "payload"), (table["signatures"][0], "sig")]:
            holder[key] = holder[key].replace("+", "-").replace("/", "_")
        made.append(json.dumps(table) + "\n")
    return {**files, EVIDENCE: "".join(made).encode()}


SIGNED = [*FOREVER, *KEY]

_GOOD = [
    Case("good", GOOD, "verified", bundle(), [*BOTH, *FOREVER, "--commit", sample.COMMIT],
         is_folder=True),
    Case("good-signed", GOOD, "verified", bundle(key=RELEASE), [*BOTH, *SIGNED], is_folder=True),
    Case("good-nothing-expected", GOOD, "not checked", bundle()),
    Case("good-policy", GOOD, "verified", bundle(), [*FOREVER, "--policy-sha256", sample.POLICY]),
    Case("good-zip", GOOD, "verified", zipped(bundle(key=RELEASE)), [*WHEEL, *SIGNED]),
    Case("good-zip-of-folder", GOOD, "verified",
         zipped({f"run/{name}": data for name, data in bundle().items()})),
    Case("good-zip-with-dist", GOOD, "verified",
         zipped(bundle(), *((f"dist/{n}", d) for n, d in sample.ARTEFACTS.items()))),
    Case("good-warned", GOOD, "verified", bundle(_warned)),
    Case("good-key-id-is-a-hint", GOOD, "verified", resealed(_hinted, RELEASE), SIGNED),
    Case("good-url-safe-base64", GOOD, "verified", _url_safe(), SIGNED),
    Case("good-field-of-a-later-version", GOOD, "verified", bundle(_set("mood", "fine"))),
    Case("good-field-of-an-extension", GOOD, "verified",
         restated(_set("predicate.example_extension", 1), VSA)),
    Case("good-other-profile-expected", GOOD, "verified", bundle(_set("profile", "nightly")),
         [*FOREVER, "--profile", "nightly"]),
]  # fmt: skip

_RECOMPUTED = {
    "verdict": ("verdict", _several(_failing, _set("verdict", "pass"), _set("exit_status", 0))),
    "exit-status": ("exit_status", _set("exit_status", 1)),
    "reason": ("reason", _set("reason", "4 required gates passed: lint, package, tests, types")),
    "gate-removed": ("reason", lambda t: (t["gates"].pop(1), _set("stages.2.outcome", "off")(t))),
    "gate-twice": ("gates.package", lambda t: t["gates"].append(t["gates"][1])),
    "level": ("reason", _set("gates.1.level", "advisory")),
    "outcome": ("gates.tests.outcome", _several(_failing, _set("gates.2.outcome", "pass"),
                                                _set("stages.3.outcome", "pass"))),
    "outcome-of-nothing": ("gates.package.outcome", _set("gates.1.receipt.examined", 0)),
    "receipt-removed": ("gates.package.outcome", _set("gates.1.receipt", None)),
    "holds": ("holds", _several(_failing, _set("gates.2.conditions.0.holds", True))),
    "limit": ("holds", _set("gates.2.conditions.0.limit", 1.0)),
    "value": ("value", _several(_failing, _set("gates.2.conditions.0.value", 0.0))),
    "metric": ("value", _set("gates.2.metrics.failed", 1.0)),
    "warning": ("gates.lint.outcome", _several(_warned, _set("gates.0.outcome", "pass"))),
    "stage": ("stages.test", _set("stages.3.outcome", "warn")),
    "findings-removed": ("gates.lint.findings", _set("findings", [])),
    "finding-state": ("gates.lint", _set("findings.0.state", "new")),
    "finding-of-no-gate": ("findings", _set("findings.0.gate", "nobody")),
    "waiver-removed": ("waivers", _set("waivers", [])),
    "waiver-expired": ("expires", _set("waivers.0.expires", "2026-01-30")),
    "tests-passed": ("tests.passed", _set("tests.passed", 2)),
    "tests-errors": ("tests.errors", _set("gates.2.metrics.errors", 1.0)),
    "started": ("started", _set("started", "2026-02-01T12:00:00Z")),
}  # fmt: skip
_BOUND = {
    "version-of-project": _set("project.version", "2.0.0"),
    "commit": _set("commit", sample.OTHER_COMMIT),
    "policy": _set("policy.sha256", sample.OTHER_POLICY),
    "profile": _set("profile", "nightly"),
    "artefact": _set("artefacts.0.sha256", "00" * 32),
    "message": _set("findings.0.message", "nothing"),
    "owner-of-waiver": _set("waivers.0.owner", "somebody else"),
    "examined": _set("gates.0.receipt.examined", 4),
    "seconds": _set("seconds", 13.5),
}
"""What only the digest in the evidence can show, or a signature."""

_READ = [
    ("verdict-missing", "is missing", without("verdict.json")),
    ("verdict-truncated", "no JSON", {**bundle(), "verdict.json": bundle()["verdict.json"][:900]}),
    ("verdict-empty", "no JSON", {**bundle(), "verdict.json": b""}),
    ("verdict-duplicate-keys", "duplicate keys",
     replaced("verdict.json", b'"verdict": "pass"', b'"verdict": "fail", "verdict": "pass"')),
    ("verdict-not-a-number", "NaN", replaced("verdict.json", b"12.5", b"NaN")),
    ("verdict-not-utf-8", "UTF-8", replaced("verdict.json", b"goes with", b"goes \xff with")),
    ("verdict-byte-order-mark", "no JSON", replaced("verdict.json", b'{"schema"', b'\xef\xbb\xbf{"schema"')),
    ("verdict-other-schema", "schema", replaced("verdict.json", b"verdict/1", b"verdict/2")),
    ("verdict-wrong-type", "dirty", replaced("verdict.json", b'"dirty": false', b'"dirty": "no"')),
    ("verdict-field-removed", "dirty", replaced("verdict.json", b'"dirty": false, ', b"")),
    ("verdict-word-of-another", "'passed'", replaced("verdict.json", b'"outcome": "pass"', b'"outcome": "passed"')),
    ("evidence-missing", "is missing", without(EVIDENCE)),
    ("evidence-truncated", "line 3", {**bundle(), EVIDENCE: bundle()[EVIDENCE][:-40]}),
    ("evidence-duplicate-keys", "duplicate keys",
     replaced(EVIDENCE, b'"signatures":[]', b'"signatures":[],"signatures":[]')),
    ("evidence-no-base64", "base64", replaced(EVIDENCE, b'{"payload":"', b'{"payload":"*')),
    ("file-missing", "tests.jsonl", without("tests.jsonl")),
    ("file-changed", "inputAttestations", replaced("tests.jsonl", b"passed", b"failed")),
    ("file-added", "inputAttestations", {**bundle(), "coverage.json": b"{}"}),
]  # fmt: skip

_STATED = [
    ("statement-missing", "VSA", resealed(lambda e: e[:2], None)),
    ("statement-twice", "second", resealed(lambda e: [*e, e[0]], None)),
    ("statement-of-another-predicate", "predicateType",
     restated(_set("predicateType", "https://slsa.dev/provenance/v1"), SVR)),
    ("statement-of-another-type", "_type", restated(_set("_type", "https://in-toto.io/Statement/v0.1"), SVR)),
    ("subject-missing", "subject", restated(lambda s: s["subject"].pop(), VSA)),
    ("subject-added", "subject",
     restated(lambda s: s["subject"].append({"name": "x.whl", "digest": {"sha256": "66" * 32}}), VSA)),
    ("subject-digest-added", "subject", restated(_set("subject.1.digest.sha512", "77" * 64), VSA)),
    ("subject-commit-changed", "gitCommit", restated(_set("subject.0.digest.gitCommit", sample.OTHER_COMMIT), SVR)),
    ("result-changed", "result", restated(_set("predicate.result", "WARNED"), TEST_RESULT)),
    ("property-added", "properties", restated(lambda s: s["predicate"]["properties"].append("X"), SVR)),
    ("level-of-slsa-added", "verifiedLevels",
     restated(lambda s: s["predicate"]["verifiedLevels"].append("SLSA_BUILD_LEVEL_3"), VSA)),
    ("time-changed", "timeVerified", restated(_set("predicate.timeVerified", "2026-02-01T12:00:12Z"), VSA)),
]  # fmt: skip

_SEALED = [
    ("signature-stripped", "nobody", bundle(), SIGNED),
    ("signature-stripped-of-one", "SVR", resealed(lambda e: _seal(e, SVR, signatures=()), RELEASE), SIGNED),
    ("signature-of-another-key", "signature", bundle(key=OTHER), SIGNED),
    ("signature-of-another-statement", "Test Result", resealed(_crossed, RELEASE), SIGNED),
    ("signature-kept-verdict-changed", "evidence", edited(_BOUND["message"], RELEASE), SIGNED),
    ("payload-changed", "signature",
     resealed(lambda e: _seal(e, SVR, payload=e[SVR].payload + b"\n"), RELEASE), SIGNED),
    ("payload-type-swapped", "payloadType",
     resealed(lambda e: _seal(e, SVR, payload_type="application/json"), RELEASE), SIGNED),
    ("payload-type-swapped-and-signed", "payloadType",
     resealed(lambda e: [RELEASE.sign(Envelope("text/plain", x.payload)) for x in e], None), SIGNED),
    ("payload-duplicate-keys", "duplicate keys",
     resealed(lambda e: [RELEASE.sign(Envelope(x.payload_type, b'{"a":1,"a":2,' + x.payload[1:]))
                         for x in e], None), SIGNED),
]  # fmt: skip

_EXPECTED = [
    ("other-commit", "commit", bundle(), [*FOREVER, "--commit", sample.OTHER_COMMIT]),
    ("other-policy", "policy", bundle(), [*FOREVER, "--policy-sha256", sample.OTHER_POLICY]),
    ("other-profile", "profile", bundle(_set("profile", "merge")), FOREVER),
    ("too-old", "age", bundle(), ["--max-age", "24h"]),
    ("too-old-by-default", "age", bundle(), []),
    ("from-the-future", "age",
     bundle(_several(_set("started", "2999-01-31T12:00:00Z"), _set("run_id", "29990131T120000Z-0a1b2c"))),
     FOREVER),
    ("artefact-changed", "sha256", bundle(),
     [*FOREVER, "--artifact", f"../../artefacts/changed/{sample.WHEEL}"]),
    ("one-artefact-changed", "sha256", bundle(),
     [*FOREVER, *BOTH, f"../../artefacts/changed/{sample.SDIST}"]),
    ("artefact-of-nobody", "sha256", bundle(_set("artefacts", [])), [*FOREVER, *WHEEL]),
    ("incomplete-selection", "selection", bundle(_set("selection.complete", False)), FOREVER),
    ("part-of-a-run", "shard", bundle(_set("shard", "linux")), FOREVER),
    ("dirty", "dirty", bundle(_set("dirty", True)), FOREVER),
    ("no-commit", "commit", bundle(_set("commit", None)), FOREVER),
    ("no-policy", "policy", bundle(_set("policy.sha256", "")), FOREVER),
    ("failed", "tests: failed 1", bundle(_failing), FOREVER),
    ("unknown", "SIGKILL", bundle(_unknown), FOREVER),
    ("incomplete-tests", "tests.complete", bundle(_incomplete_tests), FOREVER),
    ("no-gate-for-tests", "tests", bundle(_without_tests), FOREVER),
]  # fmt: skip

_ZIPPED = [
    ("zip-leads-up", "leads out", zipped(bundle(), ("../verdict.json", b"{}"))),
    ("zip-absolute", "leads out", zipped(bundle(), ("/verdict.json", b"{}"))),
    ("zip-backslash", "leads out", zipped(bundle(), ("..\\verdict.json", b"{}"))),
    ("zip-link", "link", zipped(bundle(), (link("coverage.json"), b"/etc/hostname"))),
    ("zip-twice", "2 times", zipped(bundle(), ("./verdict.json", bundle()["verdict.json"]))),
    ("zip-dist-changed", "dist/", zipped(bundle(), (f"dist/{sample.WHEEL}", b"another wheel"))),
    ("zip-dist-added", "dist/", zipped(bundle(), ("dist/demo-9-py3-none-any.whl", b"a wheel"))),
    ("zip-truncated", "zip", {"bundle.zip": zipped(bundle())["bundle.zip"][:-60]}),
    ("zip-is-none", "zip", {"bundle.zip": b"PK\x03\x04 but no more"}),
]

_USAGE = [
    ("usage-no-bundle", "no such folder", {}, FOREVER),
    ("usage-no-artifact", "--artifact", bundle(), [*FOREVER, "--artifact", "nowhere.whl"]),
    ("usage-no-key", "--key", bundle(), [*FOREVER, "--key", "nowhere.pub"]),
    ("usage-bad-key", "--key", bundle(), [*FOREVER, "--key", "expected.json"]),
    ("usage-bad-age", "--max-age", bundle(), ["--max-age", "soon"]),
    ("usage-short-commit", "--commit", bundle(), [*FOREVER, "--commit", sample.COMMIT[:7]]),
]

FOLDERS = ("evidence-missing", "file-missing", "file-changed")
"""What is written as a folder, to look into; so are two of the good ones."""

CASES = [
    *_GOOD,
    *(Case(f"edited-{n}", BAD, says, bundle(change)) for n, (says, change) in _RECOMPUTED.items()),
    *(Case(f"edited-{n}", BAD, EVIDENCE, edited(change), [*FOREVER, "--profile",
      "nightly" if n == "profile" else "release"]) for n, change in _BOUND.items()),
    *(Case(name, BAD, says, files, is_folder=name in FOLDERS)
      for name, says, files in (*_READ, *_STATED, *_ZIPPED)),
    *(Case(name, BAD, says, files, args) for name, says, files, args in (*_SEALED, *_EXPECTED)),
    *(Case(name, USAGE, says, files, args, is_folder=not files)
      for name, says, files, args in _USAGE),
]  # fmt: skip
"""In the order in which they are written; their folders are sorted by name."""
