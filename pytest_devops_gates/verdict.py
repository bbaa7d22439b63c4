"""The answer, as it stands in verdict.json (schema ``pytest-devops-gates/verdict/1``)."""

from __future__ import annotations

import msgspec

from pytest_devops_gates.evidence import Finding, Receipt, Rule, TestDetail

SCHEMA = "pytest-devops-gates/verdict/1"

PASS, WARN, FAIL, UNKNOWN = "pass", "warn", "fail", "unknown"
NOT_APPLICABLE, OFF = "not-applicable", "off"

EXIT_PASS, EXIT_FAIL, EXIT_INTERRUPTED = 0, 1, 2
EXIT_INTERNAL, EXIT_USAGE, EXIT_UNKNOWN = 3, 4, 6
EXIT_STATUS = {PASS: EXIT_PASS, FAIL: EXIT_FAIL, UNKNOWN: EXIT_UNKNOWN}

OUTCOMES = (FAIL, UNKNOWN, WARN, PASS, NOT_APPLICABLE, OFF)
"""What a gate can come to, the worst first."""


class Measured(msgspec.Struct, frozen=True):
    """A condition with the value that was held against it; ``holds`` is None without a value.

    ``baseline`` is the base's value, and ``source`` says where it is from: ``recorded`` in its
    baseline, ``measured`` on its tree, or ``history``: of the last run that passed.
    """

    metric: str
    operator: str
    limit: float
    value: float | None = None
    baseline: float | None = None
    holds: bool | None = None
    source: str = ""


class Counts(msgspec.Struct, frozen=True):
    """Findings of one gate by state."""

    total: int = 0
    new: int = 0
    known: int = 0
    waived: int = 0


class Ruling(msgspec.Struct, frozen=True):
    """One gate's outcome, and what decided it. One broken of ``warnings`` makes a pass a warn.

    ``log`` is the end of what its tool printed, ``about`` says what the gate checks, and ``again``
    is its tool's command by hand.
    """

    name: str
    stage: str
    level: str
    outcome: str
    reason: str
    owner: str | None = None
    conditions: tuple[Measured, ...] = ()
    warnings: tuple[Measured, ...] = ()
    metrics: dict[str, float] = {}
    findings: Counts = Counts()
    receipt: Receipt | None = None
    notes: tuple[str, ...] = ()
    log: str = ""
    about: str = ""
    again: str = ""


class StageOutcome(msgspec.Struct, frozen=True):
    """A stage and its worst outcome."""

    name: str
    outcome: str


class Selection(msgspec.Struct, frozen=True):
    """Which stages were run; ``complete`` unless some were picked on the command line."""

    stages: tuple[str, ...] = ()
    complete: bool = True


class PolicySource(msgspec.Struct, frozen=True):
    """Where the policy came from, and the digest of what judged."""

    source: str = "defaults"
    sha256: str = ""


class Compared(msgspec.Struct, frozen=True):
    """What the change was compared with: ``told`` says who named ``ref``. ``files`` are other than
    there, with so many new ``lines``."""

    ref: str
    told: str
    files: int
    lines: int


class TestCounts(msgspec.Struct, frozen=True):
    """The test run in numbers. ``seconds`` is the sum over all phases of all tests."""

    __test__ = False

    collected: int = 0
    deselected: int = 0
    passed: int = 0
    failed: int = 0
    errors: int = 0
    skipped: int = 0
    xfailed: int = 0
    xpassed: int = 0
    rerun: int = 0
    flaky: int = 0
    altered: int = 0
    seconds: float = 0.0
    complete: bool = False
    detail: TestDetail = TestDetail()


class ProjectName(msgspec.Struct, frozen=True):
    """What was judged. ``folder`` is where it lies below the root of its repository (``""`` for
    the root itself): paths of findings start there."""

    name: str = ""
    version: str | None = None
    folder: str = ""


class GateChange(msgspec.Struct, frozen=True):
    """A gate whose outcome is another than before."""

    name: str
    before: str
    after: str


class MetricChange(msgspec.Struct, frozen=True):
    """A metric of a condition whose value is another than before."""

    gate: str
    metric: str
    before: float
    after: float


class Change(msgspec.Struct, frozen=True):
    """What is different from the last run of the same profile and selection.

    ``appeared`` and ``gone`` count findings of the gates that were judged in both runs.
    """

    run_id: str
    started: str
    verdict: str
    gates: tuple[GateChange, ...] = ()
    metrics: tuple[MetricChange, ...] = ()
    appeared: int = 0
    gone: int = 0


class Commit(msgspec.Struct, frozen=True):
    """A commit as a list shows it."""

    sha: str
    subject: str
    author: str


class Release(msgspec.Struct, frozen=True):
    """What came since the last release: ``commits`` in number, and the newest ``shown`` of them."""

    tag: str
    date: str
    commits: int
    shown: tuple[Commit, ...] = ()


class Waiver(msgspec.Struct, frozen=True):
    """A decision to live with findings for a time; ``holds_back`` counts those of this run."""

    id: str
    gate: str
    reason: str
    owner: str
    created: str
    expires: str
    rule: str | None = None
    path: str | None = None
    fingerprint: str | None = None
    ticket: str | None = None
    holds_back: int = 0


class Approval(msgspec.Struct, frozen=True):
    """Somebody's consent: who, when, to which commit, artefact or policy (a digest), until when."""

    who: str
    when: str
    commit: str | None = None
    artefact: str | None = None
    expires: str | None = None
    policy: str | None = None


class Artefact(msgspec.Struct, frozen=True):
    """A file that the run built, in the folder ``dist`` of the run's: its size is in bytes."""

    name: str
    sha256: str
    size: int


class ShardRun(msgspec.Struct, frozen=True):
    """A run that was put together with others. ``sha256`` is the digest of its verdict.json."""

    name: str
    run_id: str
    sha256: str


class Point(msgspec.Struct, frozen=True):
    """One metric in one run."""

    run_id: str
    started: str
    value: float


class Trend(msgspec.Struct, frozen=True):
    """One metric over the last runs of the same profile, the oldest first, this one the last."""

    gate: str
    metric: str
    points: tuple[Point, ...]


class Dora(msgspec.Struct, frozen=True):
    """DORA's five measures of the roll-outs to one environment, in the days from ``since`` to
    ``until``. Times are medians in seconds, rates are percentages; None where there is nothing to
    measure."""

    environment: str
    since: str
    until: str
    deployments: int
    per_week: float
    lead_time: float | None = None
    recovery_time: float | None = None
    fail_rate: float | None = None
    rework_rate: float | None = None


class Verdict(msgspec.Struct, frozen=True):
    """The answer with all that stands behind it: what verdict.json holds.

    ``rules`` are those that its findings name. ``since`` compares with the last run. ``shard`` is
    the name of the one of several jobs that this was, and ``shards`` are those of which it was put
    together.
    """

    schema: str
    verdict: str
    reason: str
    exit_status: int
    started: str
    seconds: float
    run_id: str
    version: str
    profile: str = "merge"
    commit: str | None = None
    dirty: bool = False
    base: str | None = None
    compared: Compared | None = None
    selection: Selection = Selection()
    policy: PolicySource = PolicySource()
    stages: tuple[StageOutcome, ...] = ()
    gates: tuple[Ruling, ...] = ()
    findings: tuple[Finding, ...] = ()
    tests: TestCounts = TestCounts()
    project: ProjectName = ProjectName()
    rules: tuple[Rule, ...] = ()
    since: Change | None = None
    release: Release | None = None
    waivers: tuple[Waiver, ...] = ()
    approvals: tuple[Approval, ...] = ()
    artefacts: tuple[Artefact, ...] = ()
    shard: str | None = None
    shards: tuple[ShardRun, ...] = ()
    trends: tuple[Trend, ...] = ()
    dora: Dora | None = None


def worst(rulings: list[Ruling]) -> str:
    """A stage's outcome: its worst one, advisory fail and unknown counting as warn."""
    seen = [
        WARN if r.level != "required" and r.outcome in (FAIL, UNKNOWN) else r.outcome
        for r in rulings
    ]
    return next((outcome for outcome in OUTCOMES if outcome in seen), OFF)
