"""The configuration: what it may say, which word wins, and how a mistake is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from pytest_devops_gates.builtin import GATES
from pytest_devops_gates.config import Table, load_toml, read_table
from pytest_devops_gates.decode import decode
from pytest_devops_gates.errors import UsageError
from pytest_devops_gates.extras import is_missing
from pytest_devops_gates.gate import ADVISORY, REQUIRED, Extra, Gate
from pytest_devops_gates.plan import Plan, plan
from pytest_devops_gates.project import Project
from pytest_devops_gates.stage import Stage
from tests.unit.samples import project


class Limits(msgspec.Struct, frozen=True, rename="kebab"):
    max_size: int = 500
    deny: tuple[str, ...] = ()


SIZES = Gate(
    "sizes",
    Stage.DEPLOY,
    function=lambda *_: None,  # type: ignore[arg-type, return-value]
    options=Limits,
    timeout=7.0,
)


def table(text: str) -> Table:
    return read_table(load_toml(text.encode(), "pyproject.toml"))


def planned(text: str, root: Path, **chosen: Any) -> Plan:
    return plan(table(text), (*GATES, SIZES), project(root), **chosen)


def gate(lines: str, name: str = "lint") -> str:
    return f"[tool.devops-gates.gates.{name}]\n{lines}\n"


def top(lines: str) -> str:
    return f"[tool.devops-gates]\n{lines}\n"


def nightly(lines: str) -> str:
    return f"[tool.devops-gates.profiles.nightly]\n{lines}\n"


# mistakes

T = "tool.devops-gates"
MISTAKES: list[tuple[str, str, list[str]]] = [
    # unknown keys, at each depth
    ("key", top("profil = 'merge'"), [f"{T}.profil: unknown key (did you mean 'profile'?)"]),
    ("far key", top("zzzz = 1"), [f"{T}.zzzz: unknown key (known: base, ci, command, deadline, "]),
    (
        "gate's key",
        gate("levle = 'off'"),
        [f"{T}.gates.lint.levle: unknown key (did you mean 'level'?)"],
    ),
    (
        "gate's key in snake case",
        gate("time_out = 1"),
        [f"{T}.gates.lint.time_out: unknown key (did you mean 'timeout'?)"],
    ),
    (
        "profile's key",
        nightly("stage = ['test']"),
        [f"{T}.profiles.nightly.stage: unknown key (did you mean 'stages'?)"],
    ),
    (
        "gate's own option",
        gate("options = { max_size = 1 }", "sizes"),
        [f"{T}.gates.sizes.options.max_size: unknown key (did you mean 'max-size'?)"],
    ),
    (
        "option of a gate that has none",
        gate("options = { select = ['E'] }"),
        [f"{T}.gates.lint.options.select: unknown key"],
    ),
    # names that nothing bears
    (
        "gate",
        gate("level = 'off'", "lnit"),
        [f"{T}.gates.lnit: unknown gate 'lnit' (did you mean 'lint'?)"],
    ),
    (
        "gate in the options of another",
        gate("options = { metrics = { 'covrage.line' = 'up' } }", "trend"),
        [f"{T}.gates.trend.options.metrics.covrage.line: unknown gate 'covrage'", "'coverage'?"],
    ),
    (
        "gate without any setting",
        gate("", "covrage"),
        [f"{T}.gates.covrage: unknown gate", "did you mean 'coverage'?"],
    ),
    (
        "far gate",
        gate("level = 'off'", "zzzz"),
        [f"{T}.gates.zzzz: unknown gate 'zzzz' (known: api, approval, "],
    ),
    (
        "gate of a profile",
        nightly("levels = { bandid = 'off' }"),
        [f"{T}.profiles.nightly.levels.bandid: unknown gate 'bandid' (did you mean 'bandit'?)"],
    ),
    (
        "profile",
        top("profile = 'relase'"),
        [f"{T}.profile: unknown profile 'relase' (did you mean 'release'?)"],
    ),
    (
        "profile near one of the project's own",
        top("profile = 'nightli'") + nightly("levels = {}"),
        [f"{T}.profile: unknown profile 'nightli' (did you mean 'nightly'?)"],
    ),
    (
        "stage",
        nightly("stages = ['test', 'secureity']"),
        [f"{T}.profiles.nightly.stages: unknown stage 'secureity' (did you mean 'security'?)"],
    ),
    (
        "level",
        gate("level = 'requierd'"),
        [f"{T}.gates.lint.level: unknown level 'requierd' (did you mean 'required'?)"],
    ),
    (
        "level of a profile",
        nightly("levels = { lint = 'advisry' }"),
        [f"{T}.profiles.nightly.levels.lint: unknown level 'advisry' (did you mean 'advisory'?)"],
    ),
    (
        "metric",
        gate("conditions = { lines = '>= 90' }", "coverage"),
        [f"{T}.gates.coverage.conditions.lines: unknown metric (did you mean 'line'?)"],
    ),
    (
        "metric of a warning",
        gate("warnings = { faild = '== 0' }", "tests"),
        [f"{T}.gates.tests.warnings.faild: unknown metric (did you mean 'failed'?)"],
    ),
    (
        "another gate's metric",
        gate("conditions = { line = '>= 90' }", "lint"),
        [f"{T}.gates.lint.conditions.line: unknown metric (known: findings.high, "],
    ),
    (
        "severity",
        gate("conditions = { 'findings.hihg' = '== 0' }"),
        [f"{T}.gates.lint.conditions.findings.hihg: unknown metric", "'findings.high'"],
    ),
    (
        "low confidence is no metric",
        gate("conditions = { 'findings.high.low' = '== 0' }"),
        [f"{T}.gates.lint.conditions.findings.high.low: unknown metric", "'findings.high'"],
    ),
    (
        "a path where the metric takes none",
        gate("conditions = { 'failed:tests' = '== 0' }", "tests"),
        [f"{T}.gates.tests.conditions.failed:tests: unknown metric (did you mean 'failed'?)"],
    ),
    # wrong types
    ("table", "tool.devops-gates = 'x'", [f"{T}: expected a table, got a string"]),
    ("table is an array", "tool.devops-gates = []", [f"{T}: expected a table, got an array"]),
    ("gates", top("gates = 3"), [f"{T}.gates: expected a table, got a number"]),
    ("a gate", top("gates = { lint = true }"), [f"{T}.gates.lint: expected a table, got a bool"]),
    ("a gate as array", "[[tool.devops-gates.gates.lint]]", [f"{T}.gates.lint: expected a table"]),
    ("profiles", top("profiles = 'merge'"), [f"{T}.profiles: expected a table, got a string"]),
    ("a profile", top("profiles.x = 1.5"), [f"{T}.profiles.x: expected a table"]),
    ("profile's name", top("profile = 1"), [f"{T}.profile: expected a string"]),
    ("base", top("base = ['main']"), [f"{T}.base: expected a string"]),
    ("base as a date", top("base = 2026-01-02"), [f"{T}.base: expected a string"]),
    ("deadline", top("deadline = '1h'"), [f"{T}.deadline: expected a number, got a string"]),
    ("level's type", gate("level = true"), [f"{T}.gates.lint.level: expected a string"]),
    ("timeout", gate("timeout = '600'"), [f"{T}.gates.lint.timeout: expected a number"]),
    ("timeout is a switch", gate("timeout = true"), [f"{T}.gates.lint.timeout: expected a number"]),
    ("owner", gate("owner = ['@a']"), [f"{T}.gates.lint.owner: expected a string"]),
    ("conditions", gate("conditions = '>= 1'"), [f"{T}.gates.lint.conditions: expected a table"]),
    (
        "a number as condition",
        gate("conditions = { 'findings.new' = '== 0', 'findings.high' = 0 }"),
        [f"{T}.gates.lint.conditions.findings.high: expected a string, got a number"],
    ),
    (
        "a switch as warning",
        gate("warnings = { 'findings.new' = true }"),
        [f"{T}.gates.lint.warnings.findings.new: expected a string, got a boolean"],
    ),
    ("options", gate("options = []", "sizes"), [f"{T}.gates.sizes.options: expected a table"]),
    (
        "a gate's own option's type",
        gate("options = { max-size = 'big' }", "sizes"),
        [f"{T}.gates.sizes.options.max-size: expected a number, got a string"],
    ),
    ("stages", nightly("stages = 'test'"), [f"{T}.profiles.nightly.stages: expected an array"]),
    (
        "stages of numbers",
        nightly("stages = [1]"),
        [f"{T}.profiles.nightly.stages: expected a string"],
    ),
    ("levels", nightly("levels = ['lint']"), [f"{T}.profiles.nightly.levels: expected a table"]),
    (
        "a level's type",
        nightly("levels = { lint = 1 }"),
        [f"{T}.profiles.nightly.levels.lint: expected a string, got a number"],
    ),
    # conditions
    *(
        (
            f"condition {text!r}",
            gate(f"conditions = {{ line = '{text}' }}", "coverage"),
            [f"{T}.gates.coverage.conditions.line: '{text}'"],
        )
        for text in (
            "",
            "high",
            "90",
            ">= high",
            ">= inf",
            ">= nan",
            ">= 101 %",
            ">= 1 -",
            "no-dro",
        )
    ),
    (
        "warning that is no condition",
        gate("warnings = { line = 'high' }", "coverage"),
        [f"{T}.gates.coverage.warnings.line: 'high' is no condition; write one like"],
    ),
    # the way to a roll-out
    (
        "how it is approved",
        top("environments.prod.approval = 'manuell'"),
        [f"{T}.environments.prod.approval: unknown way 'manuell' (did you mean 'manual'?)"],
    ),
    (
        "an environment's key",
        top("environments.prod.rollback = ['x']"),
        [f"{T}.environments.prod.rollback: unknown key (did you mean 'roll-back'?)"],
    ),
    *(
        (
            f"an environment's {key}",
            top(f"environments.prod.{key} = -1"),
            [f"{T}.environments.prod.{key}: -1"],
        )
        for key in ("timeout", "wait", "interval")
    ),
    (
        "a shard's stage",
        top("shards.one.stages = ['tests']"),
        [f"{T}.shards.one.stages: unknown stage 'tests' (did you mean 'test'?)"],
    ),
    (
        "a shard without stages",
        top("shards.one.stages = []"),
        [f"{T}.shards.one.stages: names no stage"],
    ),
    (
        "evidence",
        top("evidence.kye = 'x'"),
        [f"{T}.evidence.kye: unknown key (did you mean 'key'?"],
    ),
    # seconds
    *(
        (f"timeout {text}", gate(f"timeout = {text}"), [f"{T}.gates.lint.timeout: ", "seconds"])
        for text in ("inf", "-inf", "nan", "-1", "0", "0.0", "1e10")
    ),
    *(
        (f"deadline {text}", top(f"deadline = {text}"), [f"{T}.deadline: ", "seconds"])
        for text in ("inf", "nan", "-1", "0", "1e10")
    ),
]


@pytest.mark.parametrize(
    ("text", "says"), [row[1:] for row in MISTAKES], ids=[row[0] for row in MISTAKES]
)
def test_a_mistake_is_one_line_with_the_path_of_its_key(
    text: str, says: list[str], tmp_path: Path
) -> None:
    with pytest.raises(UsageError) as told:
        planned(text, tmp_path)
    message = str(told.value)
    assert message.startswith(says[0])
    assert all(part in message for part in says)
    assert len(message.splitlines()) == 1


@pytest.mark.parametrize(
    ("chosen", "says"),
    [
        (
            {"profile": "comit"},
            "--devops-gates-profile: unknown profile 'comit' (did you mean 'commit'?)",
        ),
        (
            {"stages": ["test", "tset"]},
            "--devops-gates-stage: unknown stage 'tset' (did you mean 'test'?)",
        ),
        ({"stages": ["Test"]}, "--devops-gates-stage: unknown stage 'Test' (did you mean 'test'?)"),
    ],
)
def test_a_mistake_on_the_command_line(chosen: dict[str, Any], says: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as told:
        planned("", tmp_path, **chosen)
    assert str(told.value) == says


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"a = '\xe9'", "p.toml: not UTF-8 at byte 5; save it as UTF-8"),
        ("a = 1".encode("utf-16"), "p.toml: not UTF-8 at byte 0"),
        (b"\xef\xbb\xbfa = 1", "p.toml: Invalid statement (at line 1, column 1)"),
        (b"[tool.devops-gates\n", "p.toml: Expected ']'"),
        (b"a = 1\na = 2", "p.toml: Cannot overwrite a value"),
        (b"[a]\n[a]", "p.toml: Cannot declare"),
        (b"a = 1\0", "p.toml: "),
        (b"a = 'x", "p.toml: "),
    ],
)
def test_a_file_that_is_no_toml(data: bytes, says: str) -> None:
    with pytest.raises(UsageError) as told:
        load_toml(data, "p.toml")
    assert str(told.value).startswith(says)
    assert len(str(told.value).splitlines()) == 1


def test_toml_nested_too_deep_is_no_crash() -> None:
    with pytest.raises(UsageError, match=r"p\.toml: "):
        load_toml(b"a = " + b"[" * 200_000, "p.toml")


class Needy(msgspec.Struct):
    url: str
    retries: int = 3


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        ({}, "here: the key 'url' is missing"),
        ({"retries": 1}, "here: the key 'url' is missing"),
        ({"url": "x", "retries": "1"}, "here.retries: expected a number, got a string"),
        ({"url": "x", "retires": 1}, "here.retires: unknown key (did you mean 'retries'?)"),
        ("x", "here: expected a table, got a string"),
        (None, "here: expected a table, got something else"),
    ],
)
def test_decoding_into_a_struct_is_strict(raw: Any, says: str) -> None:
    with pytest.raises(UsageError) as told:
        decode(Needy, raw, "here")
    assert str(told.value) == says


# what is understood


@pytest.mark.parametrize("pyproject", [{}, {"tool": {}}, {"tool": {"ruff": {"x": 1}}}, {"a": 1}])
def test_no_configuration_is_the_default_one(pyproject: dict[str, Any]) -> None:
    assert read_table(pyproject) == Table()


def test_all_that_may_be_said_is_understood(tmp_path: Path) -> None:
    made = planned(
        """
        [tool.devops-gates]
        profile = "nightly"
        base = "origin/main"
        deadline = 900

        [tool.devops-gates.gates.coverage]
        level = "required"
        timeout = 60
        owner = "@web-team"
        conditions = { line = ">= 90", "line:src/core" = ">= 95 %", "findings.low" = "== 0" }
        warnings = { line = ">= 95" }

        [tool.devops-gates.gates.sizes]
        options = { max-size = 9, deny = ["a", "b"] }

        [tool.devops-gates.profiles.nightly]
        stages = ["test", "security", "deploy"]
        levels = { bandit = "advisory" }
        """,
        tmp_path,
    )
    coverage = made.settings["coverage"]
    assert (made.profile, made.deadline) == ("nightly", 900)
    assert made.stages == ("test", "security", "deploy")
    assert (coverage.level, coverage.timeout, coverage.owner) == ("required", 60, "@web-team")
    assert list(map(str, coverage.conditions)) == [
        "line >= 90",
        "line:src/core >= 95",
        "findings.low == 0",
    ]
    assert list(map(str, coverage.warnings)) == ["line >= 95"]
    assert made.options["sizes"] == Limits(9, ("a", "b"))
    assert made.settings["bandit"].level == "advisory"
    assert made.reasons["lint"] == "not in the profile nightly"
    assert not {"tests", "coverage", "bandit", "sizes"} & made.reasons.keys()


def test_gates_stand_in_the_order_of_the_loop(tmp_path: Path) -> None:
    names = [g.name for g in planned("", tmp_path).gates]
    assert names == [
        *("work-items", "traceability"),
        *("lint", "format", "types", "suppressions", "policy", "tree", "commits"),
        *("package", "install", "compiles", "reproducible", "tests", "coverage", "mutation"),
        *("bandit", "secrets", "vulnerabilities", "licenses", "workflows", "dependencies"),
        *("version", "changelog", "api", "locked", "freeze", "approval", "sizes"),
        *("health", "slo", "incidents", "trend", "inbox"),
    ]


# default levels, as docs/ has them: required, advisory, off

LEVELS = {
    #           commit merge release operate
    "work-items": "- A R -",
    "traceability": "- A R -",
    "lint": "R R R -",
    "format": "R R R -",
    "types": "- R R -",
    "suppressions": "A A A -",
    "policy": "- R R -",
    "tree": "R R R -",
    "commits": "- A A -",
    "package": "- R R -",
    "install": "- R R -",
    "compiles": "- A R -",
    "reproducible": "- - A -",
    "tests": "- R R -",
    "coverage": "- A A -",
    "mutation": "- - - -",
    "bandit": "R R R -",
    "secrets": "R R R -",
    "vulnerabilities": "- A R -",
    "licenses": "- A R -",
    "workflows": "- A A -",
    "dependencies": "- A A -",
    "version": "- A R -",
    "changelog": "- A R -",
    "api": "- A R -",
    "locked": "- A R -",
    "freeze": "- - R -",
    "approval": "- - R -",
    "health": "- - - R",
    "slo": "- - - R",
    "incidents": "- - R R",
    "trend": "- A A A",
    "inbox": "- A A -",
}
WORDS = {"R": "required", "A": "advisory", "-": "off"}


@pytest.mark.parametrize("at", range(4), ids=("commit", "merge", "release", "operate"))
@pytest.mark.parametrize("name", LEVELS)
def test_default_level(name: str, at: int, tmp_path: Path) -> None:
    profile = ("commit", "merge", "release", "operate")[at]
    made = planned("", tmp_path, profile=profile)
    expected = WORDS[LEVELS[name].split()[at]]
    assert made.settings[name].level == expected
    gate = next(gate for gate in GATES if gate.name == name)
    missing = gate.extra and is_missing(gate.extra, tmp_path)  # zizmor, on Python 3.10
    assert (name in made.reasons) == (expected == "off" or bool(missing))
    if expected == "off":
        assert made.reasons[name] == f"off in the profile {profile}"


def test_the_table_of_levels_names_every_gate_that_ships() -> None:
    assert LEVELS.keys() == {g.name for g in GATES}


# a tool that may be missing

TOOL = Extra("security", program="no-such-tool-at-all", module="no_such_module_at_all")


def with_tool(text: str, tmp_path: Path, extra: Extra = TOOL, level: str = ADVISORY) -> Plan:
    gate = Gate("scan", Stage.SECURITY, function=None, level=level, extra=extra)
    table = read_table(load_toml(text.encode(), "p.toml"))
    return plan(table, [gate], Project(tmp_path, tmp_path, tmp_path, 0.0))


def test_an_advisory_gate_whose_tool_is_missing_is_off(tmp_path: Path) -> None:
    reason = with_tool("", tmp_path).reasons["scan"]
    assert "no_such_module_at_all is not installed" in reason
    assert "python -m pip install 'pytest-devops-gates[security]'" in reason


@pytest.mark.parametrize(
    "text",
    [
        "[tool.devops-gates.gates.scan]",
        "[tool.devops-gates.gates.scan]\nlevel = 'advisory'",
        "[tool.devops-gates.profiles.merge]\nlevels = { scan = 'advisory' }",
    ],
)
def test_one_that_the_configuration_names_is_not(text: str, tmp_path: Path) -> None:
    assert with_tool(text, tmp_path).reasons == {}


def test_nor_is_a_required_one_nor_one_whose_tool_is_there(tmp_path: Path) -> None:
    assert with_tool("", tmp_path, level=REQUIRED).reasons == {}
    for there in (Extra("x", module="pytest"), Extra("x", program="python3")):
        assert with_tool("", tmp_path, there).reasons == {}


def test_merge_is_the_default_profile(tmp_path: Path) -> None:
    assert planned("", tmp_path).profile == "merge"


def test_a_profile_of_the_project_starts_from_merge(tmp_path: Path) -> None:
    made = planned(nightly("levels = { lint = 'off' }"), tmp_path, profile="nightly")
    levels = {name: made.settings[name].level for name in LEVELS}
    assert levels["lint"] == "off"
    assert (levels["tests"], levels["coverage"]) == ("required", "advisory")
    assert made.reasons["lint"] == "level off"


# command line beats gate beats profile beats default


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "required"),
        ("[tool.devops-gates.profiles.merge]\nlevels.lint = 'advisory'", "advisory"),
        (
            gate("level = 'off'") + "[tool.devops-gates.profiles.merge]\nlevels.lint = 'advisory'",
            "off",
        ),
        ("[tool.devops-gates.profiles.release]\nlevels.lint = 'advisory'", "required"),
        (gate("level = 'advisory'"), "advisory"),
    ],
    ids=("default", "profile", "gate beats profile", "another profile", "gate beats default"),
)
def test_whose_level_counts(text: str, expected: str, tmp_path: Path) -> None:
    assert planned(text, tmp_path).settings["lint"].level == expected


def test_the_command_line_beats_the_configured_profile(tmp_path: Path) -> None:
    text = top("profile = 'release'")
    assert planned(text, tmp_path).profile == "release"
    assert planned(text, tmp_path, profile="commit").profile == "commit"


def test_a_level_brings_back_what_a_profile_leaves_out(tmp_path: Path) -> None:
    made = planned(gate("level = 'required'", "tests"), tmp_path, profile="commit")
    assert made.settings["tests"].level == "required"
    assert "tests" not in made.reasons


def test_a_timeout_of_the_configuration_beats_the_gates_own(tmp_path: Path) -> None:
    assert planned("", tmp_path).settings["sizes"].timeout == 7.0
    text = gate("timeout = 3", "sizes")
    assert planned(text, tmp_path).settings["sizes"].timeout == 3.0


def test_a_condition_beats_the_gates_own_of_that_metric_alone(tmp_path: Path) -> None:
    text = gate("conditions = { failed = '<= 2' }", "tests")
    conditions = planned(text, tmp_path).settings["tests"].conditions
    assert set(map(str, conditions)) == {"failed <= 2", "errors == 0", "altered == 0"}


@pytest.mark.parametrize(
    ("name", "conditions"),
    [
        ("lint", ["findings.new == 0"]),
        ("format", ["findings.new == 0"]),
        ("package", ["findings.new == 0"]),
        ("install", ["findings.high == 0"]),
        ("tests", ["failed == 0", "errors == 0", "altered == 0"]),
        ("coverage", []),
        ("bandit", ["findings.high.medium == 0"]),
    ],
)
def test_default_conditions(name: str, conditions: list[str], tmp_path: Path) -> None:
    assert list(map(str, planned("", tmp_path).settings[name].conditions)) == conditions


# coverage becomes required once it has a condition

FAIL_UNDER = "[tool.coverage.report]\nfail_under = 80\n"


@pytest.mark.parametrize(
    ("text", "level", "conditions"),
    [
        ("", "advisory", []),
        ("[tool.coverage.report]\nprecision = 2\n", "advisory", []),
        (gate("conditions = { line = '>= 90' }", "coverage"), "required", ["line >= 90"]),
        (FAIL_UNDER, "required", ["total >= 80"]),
        (
            FAIL_UNDER + gate("conditions = { total = '>= 85' }", "coverage"),
            "required",
            ["total >= 85"],
        ),
        (FAIL_UNDER + gate("level = 'advisory'", "coverage"), "advisory", ["total >= 80"]),
        (gate("warnings = { line = '>= 90' }", "coverage"), "advisory", []),
        (FAIL_UNDER + gate("level = 'off'", "coverage"), "off", []),
    ],
)
def test_coverage_is_required_once_it_has_a_limit(
    text: str, level: str, conditions: list[str], tmp_path: Path
) -> None:
    (tmp_path / "pyproject.toml").write_text(text)
    settings = planned(text, tmp_path).settings["coverage"]
    assert settings.level == level
    assert list(map(str, settings.conditions)) == conditions


def test_a_limit_does_not_bring_coverage_into_a_profile_without_it(tmp_path: Path) -> None:
    text = gate("conditions = { line = '>= 90' }", "coverage")
    made = planned(text, tmp_path, profile="commit")
    assert made.settings["coverage"].level == "off"
    assert "coverage" in made.reasons


# selection


def test_stages_of_the_command_line_are_no_complete_selection(tmp_path: Path) -> None:
    made = planned("", tmp_path, stages=["security", "test"])
    assert not made.complete
    assert made.stages == ("security", "test")
    assert made.reasons["lint"] == made.reasons["package"] == "not selected"
    assert not {"tests", "bandit", "coverage"} & made.reasons.keys()


@pytest.mark.parametrize("text", ["", nightly("stages = ['test']") + top("profile = 'nightly'")])
def test_without_any_the_selection_is_complete(text: str, tmp_path: Path) -> None:
    assert planned(text, tmp_path).complete


def test_a_selected_gate_may_still_be_off(tmp_path: Path) -> None:
    made = planned(gate("level = 'off'", "tests"), tmp_path, stages=["test"])
    assert made.reasons["tests"] == "level off"


# the digest


@pytest.mark.parametrize(
    "text",
    [
        gate("level = 'advisory'"),
        gate("conditions = { 'findings.new' = '<= 1' }"),
        gate("warnings = { 'findings.new' = '<= 1' }"),
        gate("timeout = 5"),
        gate("options = { max-size = 1 }", "sizes"),
        top("profile = 'release'"),
    ],
)
def test_the_digest_is_that_of_what_judges(text: str, tmp_path: Path) -> None:
    assert planned(text, tmp_path).digest == planned(text, tmp_path).digest
    assert planned(text, tmp_path).digest != planned("", tmp_path).digest


# profiles that have not all stages, and gates that are asked for by name


def test_a_level_of_its_own_brings_no_gate_of_the_change_into_operation(tmp_path: Path) -> None:
    text = gate("level = 'required'", "coverage") + gate("level = 'required'", "mutation")
    made = planned(text, tmp_path, profile="operate")
    assert made.reasons["coverage"] == made.reasons["mutation"] == "not in the profile operate"
    assert made.reasons.keys() & {"health", "slo", "incidents", "trend"} == set()
    own = "[tool.devops-gates.profiles.operate]\nstages = ['test', 'operate']\n"
    assert "coverage" not in planned(text + own, tmp_path, profile="operate").reasons


@pytest.mark.parametrize(
    ("name", "profile"),
    [("lint", "merge"), ("approval", "release"), ("slo", "operate"), ("incidents", "release")],
)
def test_a_gate_that_is_named_is_asked_in_the_first_profile_that_has_it(
    tmp_path: Path, name: str, profile: str
) -> None:
    made = planned("", tmp_path, only=(name,))
    assert (made.profile, name in made.reasons) == (profile, False)


def test_a_gate_that_is_named_and_off_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--gate slo: off in the profile merge"):
        planned("", tmp_path, only=("slo",), profile="merge")
    with pytest.raises(UsageError, match="--gate mutation"):
        planned("", tmp_path, only=("mutation",))
