"""``devops-gates history``: the runs, trends, comparisons, DORA's measures and metrics."""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from pytest_devops_gates.cli import history
from pytest_devops_gates.cli.door import _told
from pytest_devops_gates.cli.parser import Parser
from pytest_devops_gates.columns import width
from pytest_devops_gates.deployments import SCHEMA, Deployment, record
from pytest_devops_gates.errors import CannotTell
from pytest_devops_gates.evidence import RanTest
from pytest_devops_gates.history import delivery, differences, textfile, trends
from pytest_devops_gates.history.known import known, together
from pytest_devops_gates.history.lineage import Delivered
from pytest_devops_gates.history.records import GateRecord, RuleRecord, RunRecord
from pytest_devops_gates.history.store import Store, open_store
from pytest_devops_gates.outside import HistoryTable
from pytest_devops_gates.verdict import Dora
from tests.unit.samples import HOSTILE
from tests.unit.test_neutral import is_harmless

BUILT = ("trend", "compare", "dora", "metrics")


def ran(number: int, **fields: Any) -> RunRecord:
    """A run, later ones of higher numbers."""
    coverage = GateRecord("coverage", "test", "required", "pass", metrics={"line": 80.0 + number})
    lint = GateRecord("lint", "develop", "required", "pass", seconds=0.5,
                      metrics={"findings.total": 3, "findings.new": 2})  # fmt: skip
    standard = RunRecord(
        project="app",
        run_id=f"20260101T00{number:02}00Z-00000{number}",
        profile="merge",
        complete=True,
        verdict="pass",
        reason="2 gates passed",
        exit_status=0,
        started=f"2026-01-01T00:{number:02}:00Z",
        seconds=10.0 * number,
        commit="c0ffee" * 6 + "abcd",
        gates=(coverage, lint),
        rules=(RuleRecord("lint", "F401", new=2, known=1),),
        tests=(RanTest("t.py::a", "passed", 0.1), RanTest("t.py::b", "passed", 0.1)),
    )
    return msgspec.structs.replace(standard, **fields)


def deployed(name: str, hour: int, outcome: str = "deployed", **fields: Any) -> Deployment:
    standard: dict[str, Any] = {
        "environment": "production", "commit": None, "version": None, "exit_code": 1,
    }  # fmt: skip
    return Deployment(
        SCHEMA, name, outcome=outcome, started=f"2026-01-01T{hour:02}:00:00Z", by="ann",
        run_id="r", policy="", artefacts=(), argv=(), ended=f"2026-01-01T{hour:02}:30:00Z",
        **{**standard, **fields},
    )  # fmt: skip


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.delenv("DEVOPS_GATES_HISTORY_URL", raising=False)
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "app"\n')
    with open_store(tmp_path, HistoryTable(), {}) as opened:
        yield opened


Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def options() -> argparse.Namespace:
    """Those of pytest."""
    return argparse.Namespace()


@pytest.fixture
def command(
    store: Store,
    options: argparse.Namespace,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Command:
    """Runs the command in the project, without another pytest around it."""
    config = SimpleNamespace(
        rootpath=tmp_path, invocation_params=SimpleNamespace(dir=tmp_path)
    )  # fmt: skip
    modules = [history, *(import_module(f"{history.__name__}_{name}") for name in BUILT)]
    for module in modules:
        monkeypatch.setattr(
            module, "through_pytest", lambda errand, arguments: _told(errand)(config, options)  # type: ignore[arg-type]
        )  # fmt: skip
    monkeypatch.setattr(history, "COMMANDS", BUILT)
    monkeypatch.setenv("COLUMNS", "110")
    parser = Parser()
    history.add_parser(parser.add_subparsers())

    def run(*typed: str) -> tuple[int, str, str]:
        capsys.readouterr()
        arguments = parser.parse_args(["history", *typed])
        status = arguments.run(arguments)
        return (status, *capsys.readouterr())

    return run


def test_there_is_nothing_yet(command: Command) -> None:
    for typed in ((), ("trend",)):
        assert "no run is recorded yet · pytest --devops-gates" in command(*typed)[1]
    for typed in (("compare", "2026"), ("metrics",), ("metrics", "--profile", "all"),
                  ("trend", "coverage.line"), ("compare", "latest")):  # fmt: skip
        status, out, err = command(*typed)
        assert (status, out) == (6, "")
        assert "no run is recorded yet · pytest --devops-gates" in err
    status, out, err = command("dora")
    assert (status, out) == (6, "")
    assert "no deployment is recorded · devops-gates release deploy records them" in err


def test_the_runs_the_newest_first(command: Command, store: Store) -> None:
    store.record(ran(1))
    store.record(ran(2, verdict="fail", reason="lint: 2", complete=False, dirty=True))
    store.record(ran(3, profile="commit"))
    lines = command()[1].splitlines()
    assert [line.split()[:2] for line in lines[:3]] == [
        ["pass", "20260101T000300Z-000003"],
        ["fail", "20260101T000200Z-000002"],
        ["pass", "20260101T000100Z-000001"],
    ]
    assert lines[1].split()[2:] == ["20.0", "s", "c0ffeec0f+", "merge", "(a", "part)", "lint:", "2"]
    assert lines[4:] == [
        "took median 20 seconds, 10 seconds to 30 seconds  ▁▅█",
        "66.66 % of 3 runs passed: 2 pass, 1 fail",
    ]
    assert len(command("--profile", "merge")[1].splitlines()) == 5
    assert len(command("--last", "1")[1].splitlines()) == 4
    assert [run["run_id"][-1] for run in json.loads(command("--json")[1])] == ["3", "2", "1"]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_harmless_wherever_it_stands(
    command: Command, store: Store, text: str
) -> None:
    gate = GateRecord(text, text, text, "pass", metrics={text: 1.0})
    for number in (1, 2):
        changed = msgspec.structs.replace(gate, metrics={text: float(number)})
        store.record(ran(number, profile=text, reason=text, verdict=text, commit=text,
                         gates=(changed,), rules=(RuleRecord(text, text, new=number),),
                         tests=(RanTest(f"{text}{number}", text, 1.0),)))  # fmt: skip
    store.keep_deployments("app", [deployed("d", 1, environment=text, commit=text)])
    for typed in ((), ("trend",), ("compare", "latest"), ("dora",)):
        status, out, err = command(*typed)
        assert status in (0, 4, 6)
        assert all(is_harmless(line) for line in (out + err).splitlines())
        assert all(width(line) <= 110 for line in out.splitlines())


@pytest.mark.parametrize("columns", [20, 60, 80, 200])
def test_lines_fit_the_terminal(
    command: Command, store: Store, columns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(1, 9):
        store.record(ran(number, reason="r" * 300))
    store.keep_deployments("app", [deployed("d", 1)])
    monkeypatch.setenv("COLUMNS", str(columns))
    for typed in ((), ("trend",), ("compare", "latest"), ("dora",)):
        lines = command(*typed)[1].splitlines()
        assert all(width(line) <= max(columns, 60) for line in lines)
    assert "▁▂▃▄▅▆▇█" in command("trend", "coverage.line")[1]


def test_where_numbers_went(command: Command, store: Store) -> None:
    for number in range(1, 5):
        store.record(ran(number))
    whose, heads, coverage, lint = command("trend")[1].splitlines()
    assert whose == "runs of the profile merge:"
    assert heads.split() == [
        *("metric", "first", "last", "least", "median", "most", "runs", "trend")
    ]
    assert coverage.split() == ["coverage.line", "81", "84", "81", "82.50", "84", "4", "▁▃▆█"]
    assert lint.split()[0] == "lint.findings.total"
    last = command("trend", "coverage.line", "--last", "2")[1].splitlines()[2]
    assert command("--last", "2", "trend", "coverage.line")[1].splitlines()[2] == last
    assert last.split()[1:3] == ["83", "84"]
    told = json.loads(command("trend", "coverage.line", "--json")[1])
    assert told["profile"] == "merge"
    assert [point["value"] for point in told["trends"][0]["points"]] == [81, 82, 83, 84]
    assert (
        command("--json", "trend", "coverage.line")[1]
        == command("trend", "coverage.line", "--json")[1]
    )
    status, _, err = command("trend", "coverag.line")
    assert (status, "did you mean 'coverage.line'?" in err) == (4, True)
    status, _, err = command("trend", "coverage.line", "--profile", "marge")
    assert (status, "no profile 'marge' (did you mean 'merge'?)" in err) == (4, True)


def test_profiles_are_not_mixed(
    command: Command, store: Store, tmp_path: Path, options: argparse.Namespace
) -> None:
    slow = GateRecord("slo", "operate", "required", "pass", metrics={"score": 5.0})
    for number in range(1, 7):
        store.record(ran(number) if number % 2 else ran(number, profile="operate", gates=(slow,)))
    assert values(command, "trend", "coverage.line") == ("merge", [81, 83, 85])
    assert values(command, "trend", "slo.score", "--profile", "operate") == ("operate", [5] * 3)
    assert values(command, "--profile", "operate", "trend", "slo.score") == ("operate", [5] * 3)
    assert values(command, "trend", "slo.score", "--profile", "all") == ("all", [5] * 3)
    assert command("trend", "--profile", "all")[1].startswith("runs of all profiles together:")
    status, _, err = command("trend", "slo.score")
    told = "no run of the profile merge measured 'slo.score' · --profile all"
    assert (status, told in err) == (4, True)
    status, _, err = command("trend", "slo.score", "--profile", "release")
    told = "no run of the profile release is recorded yet · --profile NAME, or --profile all"
    assert (status, told in err) == (6, True)
    status, out, _ = command("trend", "--profile", "release")
    assert (status, told in out) == (0, True)
    (tmp_path / "pyproject.toml").write_text(
        '[project]\nname = "app"\n[tool.devops-gates]\nprofile = "operate"\n'
    )
    assert values(command, "trend", "slo.score") == ("operate", [5] * 3)
    options.devops_gates_profile = "merge"  # of addopts
    assert values(command, "trend", "coverage.line") == ("merge", [81, 83, 85])
    assert len(json.loads(command("--json")[1])) == 6
    assert len(json.loads(command("--json", "--profile", "all")[1])) == 6
    assert command("--profile", "marge")[0] == 4


def values(command: Command, *typed: str) -> tuple[str, list[float]]:
    told = json.loads(command(*typed, "--json")[1])
    return told["profile"], [point["value"] for point in told["trends"][0]["points"]]


def test_what_is_configured_wrongly_is_4_and_what_is_broken_is_6(
    command: Command, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.record(ran(1))
    asked: tuple[tuple[str, ...], ...] = (
        (),
        ("trend",),
        ("compare", "latest"),
        ("dora",),
        ("metrics",),
    )
    broken = tmp_path / "broken.sqlite"
    broken.write_bytes(b"no database at all" * 99)
    for address, expected in (
        ("mysql://db/x", 4),
        ("postgresql://h:x/d", 4),
        (f"sqlite:///{broken}", 6),
    ):
        monkeypatch.setenv("DEVOPS_GATES_HISTORY_URL", address)
        for typed in asked:
            status, out, err = command(*typed, "--json")
            assert (status, out, err.count("\n")) == (expected, "", 1), (address, typed, err)


def test_one_run_makes_no_line(command: Command, store: Store) -> None:
    store.record(ran(1))
    assert command("trend")[1] == "a line takes two runs of the profile merge\n"
    assert "no run of the profile operate is" in command("trend", "--profile", "operate")[1]


def test_what_is_different_between_two_runs(command: Command, store: Store) -> None:
    store.record(ran(1))
    worse = GateRecord("lint", "develop", "required", "fail", metrics={"findings.new": 5})
    gone = GateRecord("bandit", "security", "required", "pass")
    store.record(ran(2, gates=(*ran(1).gates[:1], worse, gone),
                     rules=(RuleRecord("lint", "E501", new=5),),
                     tests=(RanTest("t.py::a", "failed", 1), RanTest("t.py::c", "passed", 1))))  # fmt: skip
    _, out, _ = command("compare", "20260101T0001", "latest")
    assert out.splitlines()[2:] == [
        *("gates: 2", "  lint: pass → fail", "  bandit: absent → pass"),
        *("metrics: 1", "  lint.findings.new: 2 → 5"),
        *("rules: 2", "  lint E501: 0 → 5", "  lint F401: 3 → 0"),
        *("tests: 1", "  t.py::a: passed → failed"),
        *("tests that came: 1", "  t.py::c", "tests that are gone: 1", "  t.py::b"),
    ]
    told = json.loads(command("compare", "20260101T0001", "latest", "--json")[1])
    assert told["tests"]["came"] == ["t.py::c"]
    assert (told["before"], told["after"]) == (ran(1).run_id, ran(2).run_id)
    for named, told in (("2026", "several runs begin"), ("x", "no run of app begins with 'x'")):
        status, _, err = command("compare", named)
        assert (status, told in err) == (4, True), err


def test_a_run_is_compared_with_the_one_before_it(command: Command, store: Store) -> None:
    for number in (1, 2, 4):
        store.record(ran(number))
    store.record(ran(3, profile="operate"))
    same = {"started": ran(4).started, "run_id": f"{ran(4).run_id[:-1]}5"}  # in the same second
    store.record(ran(4, **same))
    for one, before in (("latest", 4), (ran(4).run_id, 2), (ran(2).run_id, 1)):
        out = command("compare", one)[1]
        assert out.startswith(f"A  {ran(before).run_id}  pass  merge")
        told = json.loads(command("compare", one, "--json")[1])
        assert told["before"] == ran(before).run_id
    for first, profile in ((1, "merge"), (3, "operate")):
        status, out, err = command("compare", ran(first).run_id)
        assert (status, out, err.count("\n")) == (6, "", 1)
        assert f"{ran(first).run_id} is the first run of the profile {profile} that is" in err
    for one, other in (("latest", "latest"), (ran(2).run_id, "20260101T0002")):
        status, out, err = command("compare", one, other)
        assert (status, out, err.count("\n")) == (4, "", 1)
        assert "are the same run" in err


def test_tests_that_are_not_known_are_not_compared(command: Command, store: Store) -> None:
    store.record(ran(1, tests=()))
    store.record(ran(2))
    out = command("compare", ran(1).run_id, "latest")[1]
    assert f"tests are not compared: the tests of {ran(1).run_id} are not known" in out
    assert "tests that came" not in out


def test_a_gate_that_could_not_tell_has_no_rules_that_went() -> None:
    unknown = GateRecord("lint", "develop", "required", "unknown", metrics={"findings.new": 0})
    found = differences.between(ran(1), ran(2, gates=(unknown,), rules=()))
    assert (found.rules, found.metrics) == ((), ())
    assert [(one.name, one.after) for one in found.gates] == [
        *(("coverage", "absent"), ("lint", "unknown"))
    ]


def test_many_differences_are_counted(command: Command, store: Store) -> None:
    store.record(ran(1))
    store.record(ran(2, tests=tuple(RanTest(f"t.py::{n}", "passed", 1) for n in range(50))))
    assert "  … and 30 more · --json has them all" in command("compare", "latest")[1]


def test_doras_measures_on_the_terminal(command: Command, store: Store, tmp_path: Path) -> None:
    old = [deployed("a", 1), deployed("b", 2, "failed"), deployed("c", 3)]
    store.keep_deployments("app", old)
    status, out, _ = command("dora", "--days", "3650")
    assert status == 0
    assert out.startswith("3 deployments to production from ")
    lines = out.splitlines()
    assert any("Change fail rate" in line and "33.33 %" in line for line in lines)
    assert any("recovery time" in line and "90 minutes" in line for line in lines)
    assert "Change lead time                 not measured: no commit is known" in out
    assert "note: lead time: without the commits of 2 deployments: git" in out
    assert "are no goals" in out
    told = json.loads(command("dora", "--days", "3650", "--json")[1])
    assert told["dora"]["recovery_time"] == 5400
    assert "note: no fail rate and no rework rate" in command("dora", "--days", "1")[1]
    assert "did you mean 'production'?" in command("dora", "--environment", "producton")[2]
    record(tmp_path, deployed("d", 4, "failed"))  # not handed to the store yet
    assert command("dora", "--days", "3650")[1].startswith("4 deployments")


def test_each_deployment_counts_once_as_it_ended() -> None:
    started = deployed("a", 1, "started")
    assert together([started, deployed("a", 1)]) == (deployed("a", 1),)
    assert together([deployed("a", 1), started]) == (deployed("a", 1),)
    assert [one.id for one in together([deployed("b", 2), deployed("a", 1)])] == ["a", "b"]


def test_what_a_run_is_told_of_deliveries(store: Store, tmp_path: Path) -> None:
    store.keep_deployments("app", [deployed("a", 1), deployed("b", 9)])
    asked: list[Any] = []

    def commits(good: Any, since: Any) -> dict[str, Delivered]:
        asked.append([one.id for one in good])
        return {}

    events = known(store, "app", tmp_path)
    started = "2026-01-01T05:00:00Z"
    dora = delivery.delivery(events, commits, started)
    assert dora
    assert (dora.environment, dora.deployments, dora.until) == ("production", 1, started)
    assert asked == [["a"]]  # the other is of later
    several = (deployed("a", 1, environment="blue"), deployed("b", 2, environment="green"))
    for deployments in (several, ()):
        unclear = msgspec.structs.replace(events, deployments=deployments)
        assert delivery.delivery(unclear, commits, started) is None
    assert delivery.delivery(events, commits, "some time") is None


def test_the_points_of_earlier_runs_are_the_oldest_first() -> None:
    points = trends.points([ran(2), ran(1)])
    assert [point.value for point in points("coverage", "line")] == [81, 82]
    assert list(points("no", "such")) == []


DORA = Dora("production", "2026-08-30", "2026-11-28", 4, 2.5, 3600.0, None, 25.0, 0.0)


def test_a_run_for_prometheus(command: Command, store: Store, tmp_path: Path) -> None:
    pytest.importorskip("prometheus_client")
    store.record(ran(1))
    _, text, _ = command("metrics")
    common = 'profile="merge",project="app"'
    for line in (
        f'verdict{{{common},verdict="pass"}} 1.0',
        f'verdict{{{common},verdict="fail"}} 0.0',
        f'gate_outcome{{gate="lint",level="required",outcome="pass",{common},stage="develop"}} 1.0',
        f'gate_outcome{{gate="lint",level="required",outcome="fail",{common},stage="develop"}} 0.0',
        f'gate_duration_seconds{{gate="lint",{common}}} 0.5',
        f'findings{{gate="lint",{common},state="new"}} 2.0',
        f'tests{{outcome="passed",{common}}} 2.0',
        f'metric{{gate="coverage",metric="line",{common}}} 81.0',
        f"run_timestamp_seconds{{{common}}} 1.76722566e+09",
    ):
        assert f"devops_gates_{line}\n" in text
    assert "t.py" not in text
    assert "c0ffee" not in text
    told = json.loads(command("metrics", "--json")[1])
    labels = {"project": "app", "profile": "merge", "gate": "coverage", "metric": "line"}
    assert {"name": "devops_gates_metric", "labels": labels, "value": 81.0} in told
    status, out, _ = command("metrics", "2026", "--output", "app.prom")
    assert (status, out) == (0, "")
    assert (tmp_path / "app.prom").read_text() == text
    assert command("metrics", "--output", "no/such/folder/x.prom")[0] == 4
    assert command("metrics", "--output", "x" * 300)[0] == 4


def test_each_profile_has_a_label_for_prometheus(command: Command, store: Store) -> None:
    pytest.importorskip("prometheus_client")
    for number in range(1, 7):
        store.record(ran(number, profile=("merge", "operate", "release")[number % 3]))
    store.keep_deployments("app", [deployed("a", 1)])

    def seconds(*typed: str) -> dict[str, float]:
        told = json.loads(command("metrics", *typed, "--json")[1])
        name = "devops_gates_run_duration_seconds"
        return {one["labels"]["profile"]: one["value"] for one in told if one["name"] == name}

    assert seconds() == {"merge": 60}
    assert seconds("--profile", "release") == {"release": 50}
    assert seconds(ran(1).run_id) == {"operate": 10}
    assert seconds("--profile", "all") == {"merge": 60, "operate": 40, "release": 50}
    text = command("metrics", "--profile", "all")[1]
    assert text.count("# TYPE devops_gates_verdict gauge\n") == 1
    assert text.count("devops_gates_dora_deployments{") == 1
    assert 'devops_gates_dora_deployments{environment="production",profile="merge"' in text
    for typed, status in ((("--profile", "commit"), 6), (("--profile", "x"), 4),
                          ((ran(1).run_id, "--profile", "all"), 4)):  # fmt: skip
        assert command("metrics", *typed)[0] == status
    for typed in (("metrics", "--json"), ("--json", "metrics")):
        assert command(*typed, "--output", "x.prom")[0] == 4


def test_doras_measures_for_prometheus() -> None:
    pytest.importorskip("prometheus_client")
    text = textfile.text([ran(1)], DORA)
    where = '{environment="production",profile="merge",project="app"}'
    assert f"devops_gates_dora_lead_time_seconds{where} 3600.0\n" in text
    assert f"devops_gates_dora_change_fail_ratio{where} 0.25\n" in text
    assert f"devops_gates_dora_deployments_per_week{where} 2.5\n" in text
    assert "recovery" not in text  # there was nothing to measure


def test_a_metric_that_is_named_as_a_state_is_told() -> None:
    measured = {"new": 3.0, "findings.new": 2.0, "findings.total": 4.0}
    gate = GateRecord("inbox", "feedback", "required", "pass", metrics=measured)
    told = {
        (one.name, *labels.values()): value
        for one, values in textfile.samples([ran(1, project="a", profile="p", gates=(gate,))])
        for labels, value in values
        if one.name in ("metric", "findings")
    }
    assert told == {
        ("findings", "a", "p", "inbox", "new"): 2.0,
        ("metric", "a", "p", "inbox", "new"): 3.0,
        ("metric", "a", "p", "inbox", "findings.total"): 4.0,
    }


def test_without_prometheus_client_it_says_how_it_is_installed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    with pytest.raises(CannotTell, match=r"pip install 'pytest-devops-gates\[metrics\]'"):
        textfile.text([ran(1)])


@pytest.mark.parametrize("text", [*HOSTILE, "plain"])
def test_promtool_takes_it(text: str) -> None:
    pytest.importorskip("prometheus_client")
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed")
    gate = GateRecord(text, text, text, "pass", seconds=1.0,
                      metrics={text: float("nan"), f"{text}2": float("inf"), "findings.new": 1.0})  # fmt: skip
    run = ran(1, project=text, profile=text, gates=(gate,), tests=(RanTest(text, text, 1),))
    made = textfile.text([run], msgspec.structs.replace(DORA, environment=text))
    assert "devops_gates_metric" not in made  # nothing that it measured is a number
    done = subprocess.run(
        [promtool, "check", "metrics"], input=made.encode(), capture_output=True, timeout=20
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_every_subcommand_is_there() -> None:
    parsing = Parser()
    history.add_parser(parsing.add_subparsers())
    asked = {"compare": ["latest"], "export": ["x"], "import": ["x"]}
    for name in history.COMMANDS:
        arguments = parsing.parse_args(["history", name, *asked.get(name, [])])
        assert arguments.run is import_module(f"{history.__name__}_{name}").run
    for bad in (["--last", "0"], ["--last", "x"], ["dora", "--days", "0"]):
        with pytest.raises(SystemExit):
            parsing.parse_args(["history", *bad])
