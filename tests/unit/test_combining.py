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
from pytest_devops_gates.shards import combining, parts
from pytest_devops_gates.shards.bringing import bring
from pytest_devops_gates.shards.flaws import Wanted, flaws, sound
from pytest_devops_gates.shards.parts import Part
from pytest_devops_gates.stage import Stage
from pytest_devops_gates.verdict import (
    Artefact,
    PolicySource,
    Ruling,
    TestCounts,
    Verdict,
)
from tests.conformance.sample import verdict as conforming

COMMIT, POLICY = "c" * 40, "p" * 64
SHARDS = {"one": ShardTable(), "two": ShardTable()}
WANTED = Wanted(
    COMMIT,
    "merge",
    POLICY,
    SHARDS,
    since=datetime(2026, 1, 31, 12, 0, tzinfo=timezone.utc),
    until=datetime(2026, 1, 31, 14, 0, tzinfo=timezone.utc),
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
    assert flaws(parts, WANTED) == []
    assert sound(parts, WANTED) == parts


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
        ({"started": "2026-01-31T14:00:01Z"}, "is of the future"),
        ({"base": "e" * 40}, "is foreign: it was compared with eeeeeeeeee, not (none)"),
        ({"exit_status": 2, "reason": "interrupted"}, "came to no end: interrupted"),
        ({"exit_status": 3}, "came to no end"),
        ({"exit_status": 4}, "came to no end"),
        ({"gates": (), "reason": "did not finish"}, "came to no end: did not finish"),
    ],
)
def test_a_part_that_must_not_speak(fields: dict[str, Any], said: str) -> None:
    bad = part(msgspec.structs.replace(verdict("two"), **fields))
    parts = [part(verdict("one")), bad]
    found = flaws(parts, WANTED)
    assert any(said in flaw for flaw in found), found
    assert sound(parts, WANTED) == parts[:1]


def test_a_missing_and_a_doubled_part() -> None:
    parts = [part(verdict("one")), part(verdict("one", run_id="again"))]
    assert flaws(parts, WANTED) == [
        "the shard two is missing",
        "the shard one is there 2 times",
    ]
    assert sound(parts, WANTED) == []


def test_a_part_that_cannot_be_read_is_told() -> None:
    bad = Part("x.zip", Path("x.zip"), error="x.zip: no zip that can be read")
    parts = [part(verdict("one")), part(verdict("two")), bad]
    assert flaws(parts, WANTED) == ["x.zip: no zip that can be read"]


def test_one_run_under_two_names_is_told() -> None:
    parts = [part(verdict("one", run_id="r")), part(verdict("two", run_id="r"))]
    assert flaws(parts, WANTED) == ["the run r is there under 2 names"]


def test_without_expected_shards_nothing_can_be_whole() -> None:
    nobody = msgspec.structs.replace(WANTED, shards={})
    assert "names none" in flaws([part(verdict("one"))], nobody)[0]


BUILD = {"one": ShardTable(["build"]), "two": ShardTable(["test"])}


def built(tmp_path: Path, name: str, data: bytes = b"a", told: bytes = b"a") -> Part:
    folder = tmp_path / name
    (folder / "dist").mkdir(parents=True)
    (folder / "dist/a.whl").write_bytes(data)
    artefact = Artefact("a.whl", hashlib.sha256(told).hexdigest(), len(told))
    return msgspec.structs.replace(part(verdict(name, artefacts=(artefact,))), folder=folder)


def test_what_was_built_is_brought(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    assert bring([built(tmp_path, "one")], BUILD, tmp_path / "run") == []
    assert (tmp_path / "run/dist/a.whl").read_bytes() == b"a"


def test_other_bytes_than_those_that_were_judged_are_not(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    wrong = bring([built(tmp_path, "one", data=b"b")], BUILD, tmp_path / "run")
    assert wrong == ["the shard one built another a.whl than it brings"]
    assert not (tmp_path / "run/dist/a.whl").exists()


def test_nor_what_a_job_brings_that_may_not_build(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    assert bring([built(tmp_path, "two")], BUILD, tmp_path / "run") == []
    assert not (tmp_path / "run/dist").exists()


def test_nor_what_lies_behind_a_link(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    one = built(tmp_path, "one")
    (one.folder / "dist").rename(tmp_path / "elsewhere")
    (one.folder / "dist").symlink_to(tmp_path / "elsewhere")
    assert bring([one], BUILD, tmp_path / "run") == [
        "the shard one built a.whl, and does not bring it"
    ]


def test_files_of_one_name_must_be_one_file(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    both = dict.fromkeys(("one", "two"), ShardTable())
    pair = [built(tmp_path, "one"), built(tmp_path, "two", b"b", b"b")]
    assert bring(pair, both, tmp_path / "run") == ["the shards built different files a.whl"]


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
        combining.gather((one, two), planned(), SHARDS, {}, test_files=files)
        .evidence["tests"]
        .unknown
        is None
    )
    found = combining.gather((one, two), planned(), SHARDS, {}, test_files=[*files, "tests/c.py"])
    said = "tests/c.py was left out by the paths that each shard ran (1 files in all)"
    assert found.evidence["tests"].unknown == said
    three = with_tests("one", ["a"], ["a"], paths=(".",))
    assert (
        combining.gather((three,), planned(), SHARDS, {}, test_files=files)
        .evidence["tests"]
        .unknown
        is None
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


# what one part cannot do to another


def test_of_two_words_on_one_finding_the_worse_counts() -> None:
    milder = msgspec.structs.replace(finding(), severity=Severity.INFO, state="known")
    for one, two in ((finding(), milder), (milder, finding())):
        found = gathered(with_lint("one", one), with_lint("two", two))["lint"]
        assert found.findings == (finding(),)


def test_what_a_part_waived_is_not_waived_by_its_word() -> None:
    waived = msgspec.structs.replace(finding(state="waived"), waiver="w")
    found = gathered(with_lint("one", waived), with_lint("two"))["lint"]
    assert [f.state for f in found.findings] == ["new"]


def test_the_stage_of_a_gate_is_the_policys_word() -> None:
    shards = {"one": ShardTable(["test"]), "two": ShardTable(["develop"])}
    lying = with_lint("one")
    assert lying.verdict
    told = msgspec.structs.replace(lying.verdict.gates[0], stage="test")
    lying = msgspec.structs.replace(
        lying, verdict=msgspec.structs.replace(lying.verdict, gates=(told,))
    )
    assert gathered(lying, shards=shards)["lint"].unknown == "no shard ran it"


NUMBERS = Gate("lint", Stage.DEVELOP, command=command, conditions={"ms": "<= 500"}, metrics=("ms",))


def test_the_numbers_are_those_of_the_part_that_fails() -> None:
    here = Path.cwd()
    made = plan(Table(), [NUMBERS], Project(here, here, here, 0.0))

    def timed(shard: str, ms: float) -> Part:
        evidence = Evidence(metrics={"ms": ms}, examined=1, receipt=RECEIPT)
        return part(verdict(shard, rule(made.settings["lint"], evidence)))

    parts = (timed("one", 100), timed("two", 900))
    for order in (parts, parts[::-1]):
        found = combining.gather(order, made, SHARDS, {}).evidence["lint"]
        assert rule(made.settings["lint"], found).outcome == "fail"


def test_a_fail_that_its_numbers_do_not_show_is_not_forgotten() -> None:
    failed = msgspec.structs.replace(lint(), outcome="fail", reason="lint: the tool said so")
    found = gathered(part(verdict("one", failed)), with_lint("two"))["lint"]
    assert found.unknown == "one: the tool said so"


# reading a part


def written(folder: Path, told: Verdict, events: bytes | None = None) -> Part:
    folder.mkdir()
    (folder / "verdict.json").write_bytes(msgspec.json.encode(told))
    if events is not None:
        (folder / "tests.jsonl").write_bytes(events)
    return parts.read(folder, "it")


@pytest.mark.parametrize(
    ("events", "said"),
    [
        (b'{"event":"report","when":"teardown"}\n', "a report of no test"),
        (b'{"event":"report","test":3,"when":"teardown"}\n', "out of range"),
        (b'{"event":"ids","first":2,"ids":["a"]}\n', "test 0 is missing"),
        (b'{"event":"ids",\n', "it: "),
        (b'{"ids":' + b"[" * 100_000, "it: "),
    ],
)
def test_events_that_cannot_be_believed(events: bytes, said: str, tmp_path: Path) -> None:
    (tmp_path / "tests.jsonl").write_bytes(events)
    told = sample()
    assert said in (written(tmp_path / "run", told, events).error or "")


def sample() -> Verdict:
    """A verdict that contradicts itself nowhere."""
    return msgspec.convert(conforming(), Verdict)


def test_a_sound_run_is_read(tmp_path: Path) -> None:
    assert written(tmp_path / "run", sample()).error is None


@pytest.mark.parametrize("name", ["../../x.whl", "a/b.whl", "/etc/x.whl", "id_rsa", "..", ""])
def test_an_artefact_is_a_file_of_its_folder(name: str, tmp_path: Path) -> None:
    told = msgspec.structs.replace(sample(), artefacts=(Artefact(name, "0" * 64, 1),))
    assert "artefacts: " in (written(tmp_path / "run", told).error or "")


def test_a_run_is_no_link(tmp_path: Path) -> None:
    written(tmp_path / "run", sample())
    (tmp_path / "other").mkdir()
    (tmp_path / "other/verdict.json").symlink_to(tmp_path / "run/verdict.json")
    assert "has no verdict.json" in (parts.read(tmp_path / "other", "it").error or "")
