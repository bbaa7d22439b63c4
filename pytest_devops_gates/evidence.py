"""What a gate found: findings, numbers and the proof that it ran. No opinion."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Annotated, Literal

import msgspec

Count = Annotated[int, msgspec.Meta(ge=0)]

SAYS, HELP, URI = 300, 2_000, 500
"""Characters that are kept of what a rule says, and of its help; a longer URI is none."""

_WEB_PAGE = re.compile(r"https?://(?=[A-Za-z0-9\[])[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]+")
"""An absolute URI on the web, of the characters that RFC 3986 knows."""


class Severity(str, Enum):
    """How bad a finding is, worst first."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    INFO = "info"


class Confidence(str, Enum):
    """How sure the tool is of its finding, surest first."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class Finding(msgspec.Struct, frozen=True, kw_only=False):
    """One thing that a tool saw.

    ``path`` is relative to the project's root, with forward slashes; lines and columns count
    from 1, and the end column is exclusive. ``gate``, ``fingerprint`` and ``state`` are filled in
    by the engine, as are ``line_hash``, which GitHub tells alerts apart by (see linehash.py), and
    ``content``, by which a finding is known again (see likeness.py).
    """

    rule: str
    message: str
    severity: Severity = Severity.MEDIUM
    confidence: Confidence | None = None
    path: str | None = None
    line: int | None = None
    column: int | None = None
    end_line: int | None = None
    end_column: int | None = None
    gate: str = ""
    fingerprint: str = ""
    state: Literal["new", "known", "waived"] = "new"
    waiver: str | None = None
    line_hash: str = ""
    content: str = ""


class Rule(msgspec.Struct, frozen=True):
    """What is known of a rule: what it ``says`` in a sentence, how what it finds is mended
    (``help``), and the page that tells more (``uri``). ``gate`` is filled in by the engine."""

    id: str
    says: str = ""
    help: str = ""
    uri: str = ""
    gate: str = ""

    def fit(self) -> Rule:
        """The same as a report may show it: its texts in one line each and cut where they are too
        long, and no ``uri`` but that of a page on the web."""
        is_page = len(self.uri) <= URI and _WEB_PAGE.fullmatch(self.uri)
        return msgspec.structs.replace(
            self,
            says=_in_one_line(self.says, SAYS),
            help=_in_one_line(self.help, HELP),
            uri=self.uri if is_page else "",
        )


class LevelCounts(msgspec.Struct, frozen=True):
    """The tests of one level: how many were run, how many of these failed, and how many were
    skipped beside them."""

    name: str
    run: int
    failed: int
    skipped: int


class TimedTest(msgspec.Struct, frozen=True):
    """A test with the seconds of its setup, call and teardown, all tries together."""

    id: str
    seconds: float
    outcome: str


class FlakyTest(msgspec.Struct, frozen=True):
    """A test that passed after it had failed, or the other way round, on one and the same code: how
    often it was tried in this run, and whether it is known by that or by earlier runs."""

    id: str
    tries: int
    known_by: Literal["reruns", "history"] = "reruns"


class RanTest(msgspec.Struct, frozen=True):
    """A test that ended, as the history keeps it: ``passed``, ``failed``, or something else. The
    ``requirements`` are the ids of its marker ``requirement``."""

    id: str
    outcome: str
    seconds: float
    requirements: tuple[str, ...] = ()


class Proof(msgspec.Struct, frozen=True):
    """A requirement with the tests that are marked with it: how many passed (with all of their
    subtests), failed, or came to something else, and the first of their ids. An empty
    ``requirement`` stands for markers that name none."""

    requirement: str
    passed: int = 0
    failed: int = 0
    others: int = 0
    tests: tuple[str, ...] = ()


class SkipReason(msgspec.Struct, frozen=True):
    """Why tests were skipped, and how many for this reason."""

    reason: str
    tests: int


class TestDetail(msgspec.Struct, frozen=True):
    """What is told of a test run beside its counts, each list cut where it is long.

    ``collected_sha256`` is the digest of the ids of all tests that were collected, and ``paths``
    are those that a shard was to run, relative to the root: by these it is told whether shards ran
    all tests between them. ``proofs`` has every requirement that a test names.
    """

    __test__ = False

    levels: tuple[LevelCounts, ...] = ()
    slowest: tuple[TimedTest, ...] = ()
    flaky: tuple[FlakyTest, ...] = ()
    skips: tuple[SkipReason, ...] = ()
    collected_sha256: str = ""
    paths: tuple[str, ...] = ()
    proofs: tuple[Proof, ...] = ()


class Receipt(msgspec.Struct, frozen=True):
    """Proof that a gate really ran.

    ``examined`` is how many inputs the tool read, ``seconds`` its wall time and
    ``output_sha256`` the digest of what it printed.
    """

    tool: str
    version: str | None = None
    argv: tuple[str, ...] = ()
    exit_code: int | None = None
    seconds: float = 0.0
    examined: int | None = None
    output_sha256: str | None = None
    cached: bool = False


class Evidence(msgspec.Struct, frozen=True):
    """What one gate gathered. With ``unknown`` set, the rest is what was seen before it broke.

    ``log`` holds the last lines that its tool printed, where these say more than the findings do,
    ``rules`` what the tool says of the rules that its findings name, and ``tests`` the particulars
    of a test run; ``ran`` are all of its tests. ``left`` are files that it left in the run's folder
    for others, with their SHA-256. ``inapplicable`` are metrics that have nothing to
    measure, and why: conditions on them are not judged.
    """

    findings: tuple[Finding, ...] = ()
    metrics: dict[str, float] = {}
    examined: Count | None = None
    unknown: str | None = None
    not_applicable: str | None = None
    receipt: Receipt | None = None
    notes: tuple[str, ...] = ()
    log: str = ""
    rules: tuple[Rule, ...] = ()
    tests: TestDetail | None = None
    inapplicable: dict[str, str] = {}
    ran: tuple[RanTest, ...] = ()
    left: dict[str, str] = {}

    @classmethod
    def of(
        cls,
        findings: Iterable[Finding] = (),
        *,
        examined: int,
        metrics: Mapping[str, float] | None = None,
        unknown: str | None = None,
        notes: Iterable[str] = (),
        log: str = "",
        rules: Iterable[Rule] = (),
        tests: TestDetail | None = None,
        inapplicable: Mapping[str, str] | None = None,
        ran: Iterable[RanTest] = (),
    ) -> Evidence:
        """Evidence of a gate that read ``examined`` inputs; zero of them is never a pass."""
        return cls(
            findings=tuple(findings),
            metrics=dict(metrics or {}),
            examined=examined,
            unknown=unknown,
            notes=tuple(notes),
            log=log,
            rules=tuple(rules),
            tests=tests,
            inapplicable=dict(inapplicable or {}),
            ran=tuple(ran),
        )

    def checked(self) -> Evidence:
        """The same, with every value of the type that it is declared to have.

        Raises ValueError (msgspec.ValidationError) otherwise, and for numbers that are not finite:
        what a reader made is not believed before.
        """
        for name, value in self.metrics.items():
            if not isinstance(value, (int, float)) or not math.isfinite(value):
                raise ValueError(f"the metric {name} is {value!r}, which is no number")
        return msgspec.convert(msgspec.to_builtins(self), Evidence, strict=True)


def _in_one_line(text: str, limit: int) -> str:
    line = " ".join(text[: 4 * limit].split())
    return line if len(line) <= limit else line[: limit - 1] + "…"
