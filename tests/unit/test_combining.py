"""Runs of several jobs put together, as values."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_devops_gates.config import ShardTable, Table
from pytest_devops_gates.evidence import Evidence, Finding, Receipt, Severity, TestDetail
from pytest_devops_gates.gate import Command, Gate
from pytest_devops_gates.plan import Plan, plan
from pytest_devops_gates.policy import rule
from pytest_devops_gates.project import Project
from pytest_devops_gates.shards import combining
from pytest_devops_gates.shards.combining import Wanted
from pytest_devops_gates.shards.parts import Part
from pytest_devops_gates.stage import Stage
from pytest_devops_gates.verdict import (
    Artefact,
    PolicySource,
    Ruling,
    TestCounts,
    Verdict,
    Waiver,
)

COMMIT, POLICY = "c" * 40, "p" * 64
SHARDS = {"one": ShardTable(), "two": ShardTable()}
WANTED = Wanted(
    COMMIT, "merge", POLICY, SHARDS, since=datetime(2026, 1, 31, 12, 0, tzinfo=timezone.utc)
)
RECEIPT = Receipt("tool", "1", ("tool",), 0, 1.0, 3)


def command(project: Project, options: Any) -> Command:
    return Command(["true"])


LINT = Gate("lint", Stage.DEVELOP, command=command)
TESTS = Gate(
    "tests",
    Stage.TEST,
    command=command,
    conditions={"failed": "== 0"},
    metrics=("failed", "passed"),
)


def planned() -> Plan:
    here = Path.cwd()
    return plan(Table(), [LINT, TESTS], Project(here, here, here, 0.0))


def digest(tests: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(sorted(tests)).encode()).hexdigest()


def verdict(shard: str | None = "one", *rulings: Ruling, **fields: Any) -> Verdict:
    usual: dict[str, Any] = {
        "schema": "x",
        "verdict": "pass",
        "reason": "",
        "exit_status": 0,
        "started": "2026-01-31T13:00:00Z",
        "seconds": 1.0,
        "run_id": f"run-{shard}",
        "version": "1",
        "commit": COMMIT,
        "policy": PolicySource("pyproject.toml", POLICY),
        "gates": rulings or (lint(),),
        "shard": shard,
    }
    return Verdict(**{**usual, **fields})


def part(told: Verdict, tests: Iterable[str] = ()) -> Part:
    return Part(f"runs/{told.shard}", Path("nowhere"), told, "0" * 64, frozenset(tests))


def ruled(gate: str, evidence: Evidence) -> Ruling:
    evidence = msgspec.structs.replace(evidence, receipt=evidence.receipt or RECEIPT)
    return rule(planned().settings[gate], evidence)


def lint(*findings: Finding, **fields: Any) -> Ruling:
    return ruled("lint", Evidence.of(findings, examined=3, **fields))


def with_lint(shard: str, *findings: Finding, **fields: Any) -> Part:
    return part(verdict(shard, lint(*findings, **fields), findings=findings))


def with_tests(
    shard: str, ran: Iterable[str], collected: Iterable[str], failed: int = 0, **detail: Any
) -> Part:
    ran, collected = list(ran), list(collected)
    metrics = {"failed": float(failed), "passed": float(len(ran) - failed), "complete": 1.0}
    evidence = Evidence.of(examined=len(ran), metrics=metrics)
    receipt = msgspec.structs.replace(RECEIPT, examined=len(ran))
    evidence = msgspec.structs.replace(evidence, receipt=receipt)
    counts = TestCounts(
        collected=len(collected),
        passed=len(ran) - failed,
        failed=failed,
        complete=True,
        detail=TestDetail(collected_sha256=digest(collected), **detail),
    )
    return part(verdict(shard, ruled("tests", evidence), tests=counts), ran)


def gathered(
    *parts: Part, shards: Mapping[str, ShardTable] = SHARDS, **extra: Evidence
) -> dict[str, Evidence]:
    return combining.gather(parts, planned(), shards, extra).evidence


def finding(name: str = "a.py", state: str = "new") -> Finding:
    return Finding(
        "F1", "wrong", Severity.HIGH, path=name, gate="lint", fingerprint=name, state=state
    )  # type: ignore[arg-type]


# what is wrong with the parts


def test_two_sound_parts_have_no_flaw() -> None:
    parts = [part(verdict("one")), part(verdict("two"))]
    assert combining.flaws(parts, WANTED) == []
    assert combining.sound(parts, WANTED) == parts


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"shard": None}, "is no shard: DEVOPS_GATES_SHARD was not set"),
        ({"shard": "three"}, "is foreign: the policy expects no such shard"),
        ({"commit": "d" * 40}, "is foreign: it is of the commit dddddddddd, not cccccccccc"),
        ({"commit": None}, "is foreign: it is of the commit (none), not cccccccccc"),
        ({"dirty": True}, "ran on a checkout with changes that no commit holds"),
        ({"profile": "commit"}, "is foreign: it is of the profile commit, not merge"),
        ({"policy": PolicySource("x", "q" * 64)}, "is foreign: it was judged by another policy"),
        ({"started": "2026-01-31T11:59:59Z"}, "is stale: it began at 2026-01-31T11:59:59Z"),
        ({"started": "yesterday"}, "is stale"),
        ({"exit_status": 2, "reason": "interrupted"}, "came to no end: interrupted"),
        ({"exit_status": 3}, "came to no end"),
        ({"exit_status": 4}, "came to no end"),
        ({"gates": (), "reason": "did not finish"}, "came to no end: did not finish"),
    ],
)
def test_a_part_that_must_not_speak(fields: dict[str, Any], said: str) -> None:
    bad = part(msgspec.structs.replace(verdict("two"), **fields))
    parts = [part(verdict("one")), bad]
    found = combining.flaws(parts, WANTED)
    assert any(said in flaw for flaw in found), found
    assert combining.sound(parts, WANTED) == parts[:1]


def test_a_missing_and_a_doubled_part() -> None:
    parts = [part(verdict("one")), part(verdict("one", run_id="again"))]
    assert combining.flaws(parts, WANTED) == [
        "the shard two is missing",
        "the shard one is there 2 times",
    ]
    assert combining.sound(parts, WANTED) == []


def test_a_part_that_cannot_be_read_is_told() -> None:
    bad = Part("x.zip", Path("x.zip"), error="x.zip: no zip that can be read")
    parts = [part(verdict("one")), part(verdict("two")), bad]
    assert combining.flaws(parts, WANTED) == ["x.zip: no zip that can be read"]


def test_a_shard_that_the_change_adds_may_come_beside() -> None:
    added = msgspec.structs.replace(WANTED, added={"three": ShardTable()})
    parts = [part(verdict(name)) for name in ("one", "two", "three")]
    assert combining.flaws(parts, added) == []


def test_without_expected_shards_nothing_can_be_whole() -> None:
    nobody = msgspec.structs.replace(WANTED, shards={})
    assert "names none" in combining.flaws([part(verdict("one"))], nobody)[0]


def test_files_of_one_name_must_be_one_file() -> None:
    built = [
        part(verdict(name, artefacts=(Artefact("a.whl", sha * 64, 1),)))
        for name, sha in (("one", "1"), ("two", "2"))
    ]
    assert combining.conflicts(built) == ["the shards built different files a.whl"]
    assert combining.conflicts(built[:1] * 2) == []


# gates that several ran


def test_the_findings_of_all_parts_count_once_each() -> None:
    one, two = with_lint("one", finding("a.py")), with_lint("two", finding("a.py"), finding("b.py"))
    found = gathered(one, two)["lint"]
    assert sorted(f.path or "" for f in found.findings) == ["a.py", "b.py"]
    assert ruled("lint", found).outcome == "fail"
    assert found.examined == 6


def test_what_one_part_could_not_tell_is_unknown() -> None:
    one, two = with_lint("one"), with_lint("two", unknown="ruff crashed")
    found = gathered(one, two)["lint"]
    assert found.unknown == "two: ruff crashed"
    assert ruled("lint", found).outcome == "unknown"


def test_a_gate_that_no_part_ran_is_unknown() -> None:
    found = gathered(with_lint("one"), with_lint("two"))
    assert found["tests"].unknown == "no shard ran it"


def test_a_part_speaks_for_its_own_stages_alone() -> None:
    """A test job that nobody trusts cannot say that there is nothing to find."""
    shards = {"one": ShardTable(["test"]), "two": ShardTable(["develop"])}
    found = gathered(with_lint("one"), shards=shards)["lint"]
    assert found.unknown == "no shard ran it"
    found = gathered(with_lint("one"), with_lint("two", finding()), shards=shards)["lint"]
    assert len(found.findings) == 1


def test_states_and_receipts_are_kept() -> None:
    known = finding(state="known")
    found = gathered(with_lint("one", known), with_lint("two"))["lint"]
    assert found.findings == (known,)
    assert found.receipt
    assert (found.receipt.tool, found.receipt.seconds, found.receipt.examined) == ("tool", 1.0, 6)
    assert ruled("lint", found).outcome == "pass"


def test_what_is_read_here_stands_in_the_place_of_the_parts() -> None:
    here = Evidence(unknown="here")
    assert gathered(with_lint("one"), lint=here)["lint"] is here


# the tests


def test_the_numbers_of_the_tests_are_added() -> None:
    both = [f"t{n}" for n in range(5)]
    found = gathered(with_tests("one", both[:3], both, 1), with_tests("two", both[3:], both))[
        "tests"
    ]
    assert found.metrics == {
        "failed": 1,
        "passed": 4,
        "collected": 5,
        "deselected": 0,
        "complete": 1.0,
    }
    assert found.examined == 5
    assert found.unknown is None


def test_a_test_that_no_part_ran_is_missed() -> None:
    both = [f"t{n}" for n in range(5)]
    found = gathered(with_tests("one", both[:2], both), with_tests("two", both[3:], both))["tests"]
    assert found.unknown
    assert found.unknown.startswith("1 tests that one, two collected were run by no shard")
    assert found.metrics["complete"] == 0


def test_an_exchanged_test_is_missed_though_the_numbers_agree() -> None:
    both = ["a", "b", "c"]
    found = gathered(with_tests("one", ["a"], both), with_tests("two", ["c", "x"], both))["tests"]
    assert "were run by no shard" in (found.unknown or "")


def test_each_of_two_systems_may_run_all_of_its_own() -> None:
    here, there = ["a", "b"], ["a", "b", "only-there"]
    found = gathered(with_tests("one", here, here), with_tests("two", there, there))["tests"]
    assert found.unknown is None
    assert found.metrics["collected"] == 5


def test_parts_by_marker_fill_each_others_gaps() -> None:
    """``-m slow`` in one job beside the usual tests of another."""
    fast, slow = ["a", "b"], ["s"]
    parts = [with_tests("one", fast, fast), with_tests("two", slow, [*fast, *slow])]
    assert gathered(*parts)["tests"].unknown is None


def test_a_path_that_every_part_left_out_is_missed() -> None:
    one = with_tests("one", ["a"], ["a"], paths=("tests/a.py",))
    two = with_tests("two", ["b"], ["b"], paths=("tests/more",))
    files = ["tests/a.py", "tests/more/b.py", "tests/more/c.py"]
    assert (
        combining.gather((one, two), planned(), SHARDS, {}, files).evidence["tests"].unknown is None
    )
    found = combining.gather((one, two), planned(), SHARDS, {}, [*files, "tests/c.py"])
    said = "tests/c.py was left out by the paths that each shard ran (1 files in all)"
    assert found.evidence["tests"].unknown == said
    three = with_tests("one", ["a"], ["a"], paths=(".",))
    assert (
        combining.gather((three,), planned(), SHARDS, {}, files).evidence["tests"].unknown is None
    )


def test_without_a_digest_nothing_is_known_of_the_whole() -> None:
    one = with_tests("one", ["a"], ["a"])
    assert one.verdict
    bare = msgspec.structs.replace(one.verdict, tests=TestCounts(collected=1, complete=True))
    found = gathered(msgspec.structs.replace(one, verdict=bare))["tests"]
    assert "cannot be told" in (found.unknown or "")


@given(
    st.sets(st.text("abc", min_size=1, max_size=3), min_size=1, max_size=8),
    st.integers(1, 5),
    st.data(),
)
def test_any_split_of_all_tests_is_whole_and_any_loss_is_not(
    tests: set[str], count: int, data: st.DataObject
) -> None:
    places = {test: data.draw(st.integers(0, count - 1)) for test in sorted(tests)}
    names = [f"s{n}" for n in range(count)]
    shards = dict.fromkeys(names, ShardTable())
    lost = data.draw(st.sampled_from(sorted(tests)))

    def parts(left: str | None) -> list[Part]:
        ran = {n: [t for t, at in places.items() if at == n and t != left] for n in range(count)}
        return [with_tests(names[n], some, tests) for n, some in ran.items() if some]

    assert gathered(*parts(None), shards=shards)["tests"].metrics["complete"] == 1
    assert gathered(*parts(lost), shards=shards)["tests"].unknown


def test_each_waiver_is_told_once() -> None:
    waiver = Waiver("w", "lint", "why", "who", "2026-01-01", "2026-02-01", holds_back=2)
    more = msgspec.structs.replace(waiver, holds_back=3)
    parts = [part(verdict("one", waivers=(waiver,))), part(verdict("two", waivers=(more,)))]
    assert combining.waivers(parts) == (more,)
