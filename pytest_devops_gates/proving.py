"""Whether the tests prove what is required of the project, and what of them is gone. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from pytest_devops_gates.board.items import WorkItem
from pytest_devops_gates.board.required import Wanted
from pytest_devops_gates.evidence import Finding, Proof, RanTest, Severity
from pytest_devops_gates.neutral import visible

NO_ID = ""
"""What a proof names that stands for markers without an id (see recorder/requirements.py)."""
SHOWN = 80
"""Characters of a title that a finding quotes."""
FAILED = ("failed", "error")


class Case(msgspec.Struct, frozen=True):
    """What tests proved, and all that ran. ``path`` is the file that the plan is written in, if it
    is one; with ``whole`` off the plan is known in part."""

    proofs: Mapping[str, Proof]
    ran: Sequence[RanTest] = ()
    path: str | None = None
    whole: bool = True


def is_proven(proof: Proof | None) -> bool:
    """Whether a test that bears a requirement passed, and none failed: one that fails shows that
    what is required does not hold."""
    return proof is not None and proof.passed > 0 and proof.failed == 0


def without_plan(case: Case) -> Wanted:
    """Where nothing is planned, the tests themselves say what they are to prove."""
    marked = {name: WorkItem("", "") for name in case.proofs if name != NO_ID}
    return Wanted(now=marked, known=frozenset(marked))


def judge(wanted: Wanted, case: Case) -> Iterator[Finding]:
    """What is not proven, and what is marked wrongly."""
    for name, item in sorted(wanted.now.items()):
        if not is_proven(case.proofs.get(name)):
            yield _unproven(name, item, case)
    for name, item in sorted(wanted.open.items()):
        if not is_proven(case.proofs.get(name)):
            message = f"{_named(name, item)}: not proven yet; the item is not done either"
            yield Finding("not-yet-proven", message, Severity.INFO, path=case.path)
    for name, proof in sorted(case.proofs.items()):
        if name == NO_ID:
            yield _without_id(proof)
        elif case.whole and name not in wanted.known:
            yield _unknown(name, proof, wanted.known)


def _unproven(name: str, item: WorkItem, case: Case) -> Finding:
    proof = case.proofs.get(name, Proof(name))
    if proof.failed:
        return _failing(name, item, proof, case)
    if not proof.tests:
        mark = f'@pytest.mark.requirement("{visible(name)}")'
        message = f"{_named(name, item)}: no test bears it · {mark} on the test that proves it"
        return Finding("unproven", message, Severity.HIGH, path=case.path)
    message = f"{_named(name, item)}: {_idle(proof)}, such as {visible(proof.tests[0])}"
    return Finding("skipped-only", message, Severity.HIGH, path=_file(proof.tests[0]))


def _idle(proof: Proof) -> str:
    """Why tests that bear a requirement prove nothing."""
    if not proof.others:
        return "the tests that bear it were left out"
    many = "test that bears it was" if proof.others == 1 else "tests that bear it were"
    return f"{proof.others} {many} skipped, whole or in a subtest, or expected to fail"


def _failing(name: str, item: WorkItem, proof: Proof, case: Case) -> Finding:
    failed = next(
        (one.id for one in case.ran if name in one.requirements and one.outcome in FAILED), None
    )
    which = f", such as {visible(failed)}" if failed else ""
    total = proof.passed + proof.failed + proof.others
    message = f"{_named(name, item)}: {proof.failed} of {total} tests that bear it failed{which}"
    return Finding("failing", message, Severity.HIGH, path=_file(failed or proof.tests[0]))


def _without_id(proof: Proof) -> Finding:
    message = (
        f"{visible(proof.tests[0])}{_more(proof)}: the marker 'requirement' names something that is"
        ' no id · @pytest.mark.requirement("REQ-7"), a text of 100 characters at most'
    )
    return Finding("requirement-without-id", message, Severity.MEDIUM, path=_file(proof.tests[0]))


def _unknown(name: str, proof: Proof, known: Iterable[str]) -> Finding:
    near = difflib.get_close_matches(name, sorted(known), n=1)
    mean = f"; did you mean {visible(near[0])}?" if near else ""
    message = (
        f"{visible(name)}, which {visible(proof.tests[0])}{_more(proof)} bears, is not in the"
        f" plan{mean}"
    )
    return Finding("unknown-requirement", message, Severity.MEDIUM, path=_file(proof.tests[0]))


def _more(proof: Proof) -> str:
    return f" (and {len(proof.tests) - 1} more)" if len(proof.tests) > 1 else ""


def _named(name: str, item: WorkItem) -> str:
    if not item.id:
        return visible(name)
    title = visible(" ".join(item.title.split()))
    title = title if len(title) <= SHOWN else title[: SHOWN - 1] + "…"
    return f"{visible(name)} of {visible(item.id)} ({title})"


def gone(before: Iterable[str], now: Iterable[str]) -> list[str]:
    """Tests that were there and are not any more; one whose function is somewhere has moved, or has
    other parameters."""
    there = set(now)
    functions = set(map(_function, there))
    return sorted(one for one in before if one not in there and _function(one) not in functions)


def gone_findings(tests: Iterable[str]) -> Iterator[Finding]:
    """One for each file."""
    files: dict[str, list[str]] = {}
    for test in tests:
        files.setdefault(test.partition("::")[0], []).append(test)
    for file, some in files.items():
        more = f" (and {len(some) - 1} more of this file)" if len(some) > 1 else ""
        message = (
            f"{visible(some[0])}{more} passed in the last run that passed, and did not run in this"
            " one · bring back what still has to hold"
        )
        yield Finding("gone-tests", message, Severity.MEDIUM, path=file)


def _function(test: str) -> str:
    head = test.partition("[")[0]
    return (head if "::" in head else test).rpartition("::")[2]


def _file(test: str) -> str:
    return test.partition("::")[0]
