"""Evidence is judged: what was edited, is old, foreign or incomplete, and what is as it was."""

from __future__ import annotations

import argparse
import copy
import json
import os
import zipfile
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_devops_gates import policy
from pytest_devops_gates.cli import release_key, release_sign, release_verify
from pytest_devops_gates.conditions import Baselines, Condition
from pytest_devops_gates.errors import UsageError
from pytest_devops_gates.evidence import Evidence, Finding, Receipt, Severity
from pytest_devops_gates.gate import LEVELS
from pytest_devops_gates.release import age, bundle, evidence, soundness, statements, strict
from pytest_devops_gates.release.bundle import BadBundle, Bundle
from pytest_devops_gates.release.check import FAILED, failed
from pytest_devops_gates.release.expectations import Expected
from pytest_devops_gates.release.verification import verify
from pytest_devops_gates.stage import Stage
from pytest_devops_gates.verdict import EXIT_STATUS, Ruling, StageOutcome, Verdict, worst
from tests.conformance import make, sample
from tests.conformance.make import text
from tests.unit.samples import any_text, same_every_time

NOTHING = Expected()
NOW = statements.moment("2026-01-31T12:30:00Z")


def as_bundle(files: dict[str, bytes]) -> Bundle:
    """The files as if they had been read from a folder."""
    return Bundle(
        verdict=files.get("verdict.json"),
        evidence=files.get(evidence.FILE),
        files={n: sample.sha256(data) for n, data in files.items() if n != evidence.FILE},
        dist={},
    )


def wrong(files: dict[str, bytes], expected: Expected = NOTHING, now: datetime = NOW) -> str:
    """What fails, in lines."""
    return "\n".join(c.says for c in failed(verify(as_bundle(files), expected, now)))


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The places of all plain values, and of empty lists and tables."""
    if isinstance(value, (dict, list)) and value:
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        for key, inner in pairs:
            yield from leaves(inner, (*path, key))
    else:
        yield path


def changed(path: tuple[Any, ...], value: Any = None) -> dict[str, Any]:
    """The sample with another value of the same type in one place, or that value."""
    table = sample.verdict()
    at: Any = table
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = _other(at[path[-1]]) if value is None else value
    return table


def _other(value: Any) -> Any:
    if isinstance(value, bool) or value is None:
        return not value
    if isinstance(value, (int, float)):
        return value + 1
    return f"{value}x" if isinstance(value, str) else [value]


PLACES = list(leaves(sample.verdict()))

FREE = {
    "exit_code", "tool", "rule", "message", "confidence", "path", "line", "fingerprint", "version",
    "source", "commit", "sha256", "name", "folder", "owner", "created", "size", "base", "seconds",
    "approvals", "stages", "limit", "examined", "gate", "reason", "expires", "severity", "complete",
}  # fmt: skip
"""The last keys of what does not follow from anything else: its evidence alone binds it."""


def test_what_was_not_touched_holds() -> None:
    assert wrong(make.bundle()) == ""
    assert wrong(make.bundle(key=make.RELEASE), Expected(key=make.RELEASE.public)) == ""


def test_each_field_that_was_edited_is_noticed() -> None:
    """Whoever edits the verdict, and not its evidence."""
    files = make.bundle()
    unseen = [p for p in PLACES if not wrong({**files, "verdict.json": text(changed(p))})]
    assert unseen == []


def test_what_follows_from_the_rest_is_noticed_without_any_evidence() -> None:
    """Whoever edits the verdict, and makes its evidence anew."""
    unseen = {p for p in PLACES if not wrong(remade(changed(p)))}
    free = {p for p in PLACES if p[-1] in FREE or p[0] in ("approvals", "selection")}
    assert unseen <= free
    assert len(unseen) < len(PLACES) / 2


def remade(table: dict[str, Any]) -> dict[str, bytes]:
    """A run's files with evidence that is true to a verdict, where there can be any."""
    files = {"verdict.json": text(table), "tests.jsonl": sample.TESTS}
    try:
        made = statements.make(strict.verdict(files["verdict.json"]), as_bundle(files).files)
    except (ValueError, OverflowError):
        return files
    return {**files, evidence.FILE: make.lines([make.envelope.pack(s) for s in made.values()])}


@pytest.mark.parametrize(
    ("gate", "stage", "told"),
    [
        ({"outcome": "off"}, "off", "off, needs another: a receipt or numbers"),
        ({"outcome": "off", "level": "off"}, "off", "off, needs another: a receipt or numbers"),
        ({"level": "off"}, "pass", "pass, needs off: its level is off"),
        ({"outcome": "fail", "level": "advisory"}, "warn", "fail, needs pass: all conditions"),
        (
            {
                "outcome": "not-applicable",
                "metrics": {"findings.high": 2.0},
                "conditions": [
                    {**sample.condition("findings.high"), "value": 2.0, "holds": False}
                ],
            },
            "not-applicable",
            "not-applicable, needs fail: findings.high does not hold, and it examined 3",
        ),
        (
            {"outcome": "off", "reason": "not selected", "receipt": None, "conditions": [],
             "metrics": {}},
            "off",
            "off, needs pass: it is required, and was not selected",
        ),
    ],
)  # fmt: skip
def test_a_gate_is_not_talked_out_of_the_verdict(
    gate: dict[str, Any], stage: str, told: str
) -> None:
    """All that follows from the edit is edited as well, and the evidence is made anew."""
    table = sample.verdict()
    table["gates"][1] |= gate
    table["stages"][2]["outcome"] = stage
    table["reason"] = "2 required gates passed: lint, tests"
    assert f"gates.package.outcome: {told}" in wrong(remade(table))


@same_every_time
@given(
    st.sampled_from(PLACES),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | any_text,
        lambda inner: st.lists(inner, max_size=2) | st.dictionaries(any_text, inner, max_size=2),
        max_leaves=3,
    ),
)
def test_whatever_stands_in_it_is_judged(path: tuple[Any, ...], value: Any) -> None:
    """No value makes the judge stumble, not even with evidence that is true to it."""
    files = remade(changed(path, value if value is not None else [None]))
    for check in verify(as_bundle(files), Expected(), NOW):
        assert "\n" not in check.says
        assert check.says.isprintable()


finding = st.builds(
    Finding,
    rule=st.sampled_from(["E1", "E2"]),
    message=st.just("m"),
    severity=st.sampled_from(list(Severity)),
    state=st.sampled_from(["new", "known"]),
    gate=st.just("lint"),
)
METRICS = ("findings.new", "findings.high", "findings.total.low.rule:E1", "line", "failed")
condition = st.builds(
    Condition,
    metric=st.sampled_from(METRICS),
    operator=st.sampled_from([">=", "<=", "==", "!=", ">", "<"]),
    limit=st.integers(0, 3).map(float),
    relative=st.sampled_from(["", "", "<= +0"]),
)
one_each = st.lists(condition, max_size=3, unique_by=lambda c: c.metric).map(tuple)


@same_every_time
@given(
    st.builds(
        Evidence,
        findings=st.lists(finding, max_size=4).map(tuple),
        metrics=st.dictionaries(st.sampled_from(["line", "failed"]), st.floats(0, 4)),
        examined=st.none() | st.integers(0, 3),
        unknown=st.none() | st.just("it hung"),
        not_applicable=st.none() | st.none() | st.just("no such file"),
        receipt=st.none() | st.just(Receipt("ruff")),
        inapplicable=st.dictionaries(st.sampled_from(METRICS), st.just("nothing new"), max_size=1),
    ),
    one_each,
    one_each,
    st.sampled_from(LEVELS[:2]),
    st.dictionaries(st.sampled_from(METRICS), st.floats(0, 4)),
    st.none() | st.just("no base"),
    st.none() | st.none() | st.just("no such file"),
)
def test_whatever_the_judge_says_agrees_with_itself(
    seen: Evidence,
    conditions: tuple[Condition, ...],
    warnings: tuple[Condition, ...],
    level: str,
    before: dict[str, float],
    doubt: str | None,
    inapplicable: str | None,
) -> None:
    if inapplicable:
        seen = msgspec.structs.replace(seen, not_applicable=inapplicable, receipt=None)
    settings = policy.Settings("lint", "develop", level, 1.0, None, conditions, warnings)
    ruling = policy.rule(settings, seen, Baselines(measured=before), doubt)
    if ruling.receipt:  # as the engine completes it
        receipt = msgspec.structs.replace(ruling.receipt, examined=seen.examined)
        ruling = msgspec.structs.replace(ruling, receipt=receipt)
    told = concluded(ruling, seen)
    assert list(soundness.contradictions(told)) == []
    again = strict.verdict(msgspec.json.encode(told))
    assert list(soundness.contradictions(again)) == []


def concluded(ruling: Ruling, seen: Evidence) -> Verdict:
    answer = policy.answer([ruling])
    return Verdict(
        schema="pytest-devops-gates/verdict/1",
        verdict=answer.verdict,
        reason=answer.reason,
        exit_status=EXIT_STATUS[answer.verdict],
        started=sample.STARTED,
        seconds=1.5,
        run_id=sample.RUN_ID,
        version="1",
        stages=tuple(
            StageOutcome(s.value, worst([ruling] if ruling.stage == s.value else [])) for s in Stage
        ),
        gates=(ruling,),
        findings=seen.findings,
    )


@pytest.mark.parametrize(
    ("now", "told"),
    [
        ("2026-02-01T12:00:00Z", ""),
        ("2026-02-01T12:00:01Z", "age: 24h since 2026-01-31T12:00:00Z, needs 24h at most"),
        ("2026-03-01T12:00:00Z", "age: 29d"),
        ("2026-01-31T11:55:13Z", ""),
        ("2026-01-31T11:55:12Z", "age: ended at 2026-01-31T12:00:12Z, needs a time before now"),
    ],
)
def test_age(now: str, told: str) -> None:
    found = wrong(make.bundle(), now=statements.moment(now))
    assert found.startswith(told)
    assert bool(found) == bool(told)


@pytest.mark.parametrize(
    ("written", "hours", "shown"), [("30m", 0.5, "30m"), ("24h", 24, "24h"), ("7d", 168, "7d")]
)
def test_ages_are_read(written: str, hours: float, shown: str) -> None:
    assert age.parse(written) == timedelta(hours=hours)
    assert age.told(age.parse(written)) == shown


@pytest.mark.parametrize(
    "written", ["", "24", "h", "0h", "-1h", "1.5h", "1w", "24H", " 24h", "9" * 9 + "d"]
)
def test_what_is_no_age_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match="is no age"):
        age.parse(written)


def test_each_line_names_the_field_both_values_and_the_mend() -> None:
    expected = Expected(commit=sample.OTHER_COMMIT, policy_sha256=sample.OTHER_POLICY)
    lines = wrong(make.bundle(), expected).split("\n")
    assert [line.partition(":")[0] for line in lines] == ["commit", "policy.sha256"]
    for line, (has, needs) in zip(
        lines,
        [(sample.COMMIT, sample.OTHER_COMMIT), (sample.POLICY, sample.OTHER_POLICY)],
        strict=True,
    ):
        assert f"{has}, needs {needs} · " in line


def test_many_edits_are_told_in_a_few_lines() -> None:
    table = sample.verdict()
    gates = [copy.deepcopy(table["gates"][1]) for _ in range(50)]
    for number, gate in enumerate(gates):
        gate |= {"name": f"gate-{number}", "outcome": "fail"}
    files = {**make.bundle(), "verdict.json": text({**table, "gates": gates})}
    found = [c for c in verify(as_bundle(files), Expected(), NOW) if c.outcome == FAILED]
    assert len(found) < 20
    assert any("more of this kind" in check.says for check in found)


# ---- bundles


def written(folder: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        make.put(folder / name, data)
    return folder


def test_a_folder_and_its_zip_are_the_same_bundle(tmp_path: Path) -> None:
    files = {**make.bundle(), "dist/a.whl": b"a", "report.html": b"<p>", "logs/lint/x": b"x"}
    folder = written(tmp_path / "run", files)
    for within in ("", "run/"):
        path = tmp_path / "run.zip"
        with zipfile.ZipFile(path, "w") as archive:
            for name, data in files.items():
                archive.writestr(within + name, data)
        assert bundle.read(path) == bundle.read(folder)
    found = bundle.read(folder)
    assert sorted(found.files) == ["tests.jsonl", "verdict.json"]
    assert found.dist == {"a.whl": sample.sha256(b"a")}
    (tmp_path / "latest").symlink_to("run")
    assert bundle.read(tmp_path / "latest") == found


@pytest.mark.parametrize("name", ["verdict.json", "tests.jsonl", "dist/x.whl"])
def test_a_link_in_a_folder_is_refused(tmp_path: Path, name: str) -> None:
    folder = written(tmp_path / "run", {**make.bundle(), "dist/a.whl": b"a"})
    (folder / name).unlink(missing_ok=True)
    (folder / name).symlink_to("/etc/hostname")
    with pytest.raises(BadBundle, match="is a link"):
        bundle.read(folder)


def test_a_linked_folder_of_artefacts_is_refused(tmp_path: Path) -> None:
    folder = written(tmp_path / "run", make.bundle())
    (folder / "dist").symlink_to("/etc")
    with pytest.raises(BadBundle, match="is a link"):
        bundle.read(folder)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    folder = written(tmp_path / "run", make.bundle())
    os.mkfifo(folder / "coverage.json")
    with pytest.raises(BadBundle, match="no plain file"):
        bundle.read(folder)


@pytest.mark.parametrize("limit", ["LARGEST", "MEMBERS"])
def test_a_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    path = tmp_path / "run.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in make.bundle().items():
            archive.writestr(name, data)
    monkeypatch.setattr(bundle, limit, 2)
    with pytest.raises(BadBundle, match="more than"):
        bundle.read(path)


def test_a_bomb_that_hides_its_size_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = written(tmp_path / "run", {**make.bundle(), "coverage.json": b"0" * 5_000_000})
    monkeypatch.setattr(bundle, "LARGEST", 4_000_000)
    with pytest.raises(BadBundle, match="more than"):
        bundle.read(folder)


def test_no_bundle_is_a_mistake_of_usage(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such folder"):
        bundle.read(tmp_path / "nowhere")


# ---- commands


def command(*typed: str) -> int:
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers()
    for module in (release_key, release_sign, release_verify):
        module.add_parser(commands)
    arguments = parser.parse_args(typed)
    return int(arguments.run(arguments))


@pytest.fixture
def run_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    assert command("key") == 0
    return written(tmp_path / "run", make.bundle())


FOREVER = ("--max-age", "36500d")


def test_evidence_is_signed_later(run_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    checked = ("verify", "run", *FOREVER, "--key", "devops-gates.key.pub")
    assert command(*checked) == 1
    assert "signature of VSA: by nobody" in capsys.readouterr().out
    assert command("sign", "run", "--key", "devops-gates.key") == 0
    assert command(*checked) == 0
    assert command("verify", "run", *FOREVER) == 0
    assert "not checked (no --key); 3 of 3 are signed" in capsys.readouterr().out


def test_a_key_in_the_environment_signs_and_is_gone(
    run_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEVOPS_GATES_SIGNING_KEY", Path("devops-gates.key").read_text())
    assert command("sign", "run") == 0
    assert "DEVOPS_GATES_SIGNING_KEY" not in os.environ
    assert command("verify", "run", *FOREVER, "--key", "devops-gates.key.pub") == 0


def test_what_was_edited_is_not_signed(run_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (run_dir / evidence.FILE).read_bytes()
    table = json.loads((run_dir / "verdict.json").read_bytes())
    table["commit"] = sample.OTHER_COMMIT
    (run_dir / "verdict.json").write_bytes(text(table))
    assert command("sign", "run", "--key", "devops-gates.key") == 1
    assert "NOT signed" in capsys.readouterr().out
    assert (run_dir / evidence.FILE).read_bytes() == before


@pytest.mark.parametrize(
    ("typed", "status", "told"),
    [
        (("sign", "run"), 4, "needs a key"),
        (("sign", "run", "--key", "nowhere"), 4, "No such file"),
        (("sign", "nowhere", "--key", "devops-gates.key"), 4, "no such folder"),
        (("sign", ".", "--key", "devops-gates.key"), 1, "verdict.json"),
        (("verify", "."), 1, "verdict.json: is missing"),
        (("key",), 4, "is there already"),
        (("verify", "run", "--key", "devops-gates.key"), 4, "is a private key"),
    ],
)
def test_what_goes_wrong_is_told(
    run_dir: Path,
    capsys: pytest.CaptureFixture[str],
    typed: tuple[str, ...],
    status: int,
    told: str,
) -> None:
    capsys.readouterr()
    assert command(*typed) == status
    shown = capsys.readouterr()
    assert told in shown.out + shown.err
