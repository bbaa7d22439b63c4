"""``traceability``: each requirement of what is done is proven by a test that passed."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping

import msgspec

from pytest_devops_gates import proving
from pytest_devops_gates.board import kept, plan_edit, plan_file, source
from pytest_devops_gates.board.items import DONE, Board, WorkItem
from pytest_devops_gates.board.plan_file import PlanFile
from pytest_devops_gates.board.required import Wanted, wanted
from pytest_devops_gates.errors import CannotTell, NotApplicable, UsageError
from pytest_devops_gates.evidence import Evidence, Rule
from pytest_devops_gates.gate import ADVISORY, OFF, Canary, Gate, NoOptions, Options
from pytest_devops_gates.past import Past
from pytest_devops_gates.project import Project
from pytest_devops_gates.proving import Case
from pytest_devops_gates.stage import Stage

TESTS, WORK_ITEMS = "tests", "work-items"
CANARY = "DEVOPS-GATES-CANARY"


IN_PART = "of a tracker what was done in milestones behind the release's, or in none, is not read"


class Planned(msgspec.Struct, frozen=True):
    """The board, and the milestone of the release; None where no milestone is."""

    board: Board
    milestone: str | None

    @property
    def path(self) -> str | None:
        return plan_file.FILE if self.board.origin == plan_file.FILE else None


def review(project: Project, options: Options, gathered: Mapping[str, Evidence]) -> Evidence:
    """Compare what is planned with what the tests of this run proved.

    Raises CannotTell where one of both is not known, and NotApplicable where nothing is required.
    """
    if project.shard:
        raise NotApplicable("a shard sees a part of the tests; release combine sees them all")
    tests = _tests(gathered)
    planned = _planned(project, gathered)
    proofs = {proof.requirement: proof for proof in tests.tests.proofs} if tests.tests else {}
    if planned:
        case = Case(proofs, tests.ran, planned.path, whole=planned.path is not None)
        asked = wanted(planned.board, planned.milestone)
    else:
        case = Case(proofs, tests.ran)
        asked = proving.without_plan(case)
    if not asked.known and not proofs:
        where = f"{planned.board.origin} names no requirement" if planned else "there is no plan"
        raise NotApplicable(f"{where}, and no test bears @pytest.mark.requirement")
    return _judged(asked, case, project.past)


def _judged(asked: Wanted, case: Case, past: Past) -> Evidence:
    proven = sum(proving.is_proven(case.proofs.get(name)) for name in asked.now)
    metrics = {
        "requirements": len(asked.now),
        "proven": proven,
        "unproven": len(asked.now) - proven,
    }
    inapplicable: dict[str, str] = {}
    notes: list[str] = []
    if case.whole:
        metrics["unknown"] = len(case.proofs.keys() - asked.known - {proving.NO_ID})
    else:
        inapplicable["unknown"] = IN_PART
        notes.append(IN_PART)
    findings = [*proving.judge(asked, case)]
    if past.unknown:
        notes.append(f"whether tests are gone is not known: {past.unknown}")
    elif not past.tests or not case.ran:
        inapplicable["gone"] = "no earlier run that passed is known to compare with"
    else:
        gone = proving.gone(past.tests, (test.id for test in case.ran))
        metrics["gone"] = len(gone)
        findings += proving.gone_findings(gone)
    return Evidence.of(
        findings,
        examined=len(asked.known | case.proofs.keys()),
        metrics={name: float(value) for name, value in metrics.items()},
        notes=notes,
        inapplicable=inapplicable,
    )


def _tests(gathered: Mapping[str, Evidence]) -> Evidence:
    """The evidence of the test run, if it is whole."""
    tests = gathered.get(TESTS)
    if tests is None:
        raise CannotTell(f"needs the gate {TESTS}, which did not run")
    if tests.not_applicable:
        raise NotApplicable(f"{TESTS}: {tests.not_applicable}")
    if tests.unknown:
        raise CannotTell(f"not judged, since {TESTS} could not tell: {tests.unknown}")
    return tests


def _planned(project: Project, gathered: Mapping[str, Evidence]) -> Planned | None:
    """What is planned: in the file, or in the tracker, of which the gate ``work-items`` left it."""
    try:
        told = gathered.get(WORK_ITEMS)
        left = kept.kept(project.run_dir, told.left if told else {})
        if project.tracker is None:
            data = plan_file.found(project.root)
            file = None if data is None else plan_file.read(data)
            if file is None:
                return None
            milestone = left.milestone if left else _milestone(project, file)
            return Planned(file.board, milestone)
    except (UsageError, ValueError) as error:
        raise CannotTell(str(error)) from None
    if left:
        return Planned(left.board, left.milestone)
    asked = gathered.get(WORK_ITEMS)
    why = asked.unknown or asked.not_applicable if asked else "it did not run"
    raise CannotTell(
        f"the plan is in a tracker, which {WORK_ITEMS} asks, and that left none: {why}"
    )


def _milestone(project: Project, file: PlanFile) -> str | None:
    """The release's; where there is none, whatever is done has to be proven."""
    known = file.board.milestones
    with contextlib.suppress(CannotTell):
        version = source.version(project)
        return source.release(known, version, None, file.milestone).milestone.name
    return None


def canary(project: Project, options: Options) -> Canary:
    """An item that is done, with a requirement that no test bears, where the plan is a file."""
    if project.tracker:
        raise CannotTell("the plan is in a tracker, in which nothing is planted")
    try:
        data = plan_file.found(project.root) or b""
        ids = {item.id for item in plan_file.read(data).board.items}
        free = next(name for n in range(len(ids) + 1) if (name := f"{CANARY}-{n}") not in ids)
        item = WorkItem(free, "a canary", status=DONE, requirements=(CANARY,))
        planted = plan_edit.with_item(data, item).decode()
    except UsageError as error:
        raise CannotTell(str(error)) from None
    return Canary("an item that is done and that no test proves", {plan_file.FILE: planted})


MARKERS = "https://docs.pytest.org/en/stable/how-to/mark.html"
RULES = (
    Rule(
        "unproven",
        "A work item is done, and no test bears one of its requirements.",
        'Put `@pytest.mark.requirement("ID")` on the test that proves it, or write that test.',
        MARKERS,
    ),
    Rule(
        "failing",
        "A test that bears a requirement failed, so what is required does not hold.",
        "Mend the code; a requirement is proven when at least one of its tests passes and none"
        " fails.",
    ),
    Rule(
        "skipped-only",
        "The tests that bear a requirement were skipped, whole or in a subtest, left out, or are"
        " expected to fail.",
        "Run at least one of them, with all of its subtests, to a pass: what was not tried proves"
        " nothing.",
    ),
    Rule(
        "not-yet-proven",
        "A requirement of an item that is still open is not proven yet.",
        "Nothing, until the item is done.",
    ),
    Rule(
        "unknown-requirement",
        "A test bears a requirement that no work item names.",
        "Mend the id, or add it to the `requirements` of the item that it belongs to.",
        MARKERS,
    ),
    Rule(
        "requirement-without-id",
        "The marker `requirement` of a test names none, or something that is no id.",
        'Name each requirement by a text: `@pytest.mark.requirement("REQ-7", "REQ-8")`.',
        MARKERS,
    ),
    Rule(
        "gone-tests",
        "Tests that passed in the last run that passed did not run in this one, and no test of"
        " their name did.",
        "Where they were taken off by mistake, or are left out by a selection, bring them back; the"
        " next run that passes forgets them.",
    ),
)
TRACEABILITY = Gate(
    name="traceability",
    stage=Stage.PLAN,
    options=NoOptions,
    review=review,
    needs=(TESTS,),
    levels={"commit": OFF, "merge": ADVISORY, "operate": OFF},
    conditions={"findings.high": "== 0"},
    warnings={"findings.medium": "== 0"},
    metrics=("requirements", "proven", "unproven", "unknown", "gone"),
    cost=0.1,
    about="Each requirement of what is done is proven by a test that passed, and by none that"
    " failed.",
    canary=canary,
    rules=RULES,
)
