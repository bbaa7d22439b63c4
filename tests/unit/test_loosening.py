"""What loosens in the policy, and what grows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_devops_gates.conditions import Condition, parse_condition
from pytest_devops_gates.config import Table, load_toml, read_table
from pytest_devops_gates.evidence import Confidence, Finding, Severity
from pytest_devops_gates.gate import ADVISORY, LEVELS, OFF, REQUIRED, Gate
from pytest_devops_gates.loosening import RULES, entries, policy, suppressions, tables
from pytest_devops_gates.loosening.limits import kept
from pytest_devops_gates.policy import Settings
from pytest_devops_gates.stage import Stage
from tests.unit.samples import same_every_time

GATES = {name: Gate(name, Stage.TEST, levels={"commit": OFF}) for name in ("gate", "other")}


def read(text: str) -> Condition:
    metric, _, rest = text.partition(" ")
    return parse_condition(metric, rest)


def settings(*conditions: str, warnings: tuple[str, ...] = (), **fields: Any) -> Settings:
    return Settings(
        **{
            "name": "gate",
            "stage": "test",
            "level": REQUIRED,
            "timeout": 1.0,
            "conditions": tuple(map(read, conditions)),
            "warnings": tuple(map(read, warnings)),
            **fields,
        }
    )


def compare(
    base: Settings, here: Settings | None, options: tuple[Any, Any] = (None, None)
) -> list[Finding]:
    after = {} if here is None else {"gate": here}
    return list(policy({"gate": base}, after, {"gate": options[0]}, {"gate": options[1]}, GATES))


# limits

WEAKER = [
    ("line >= 90", "line >= 80"),
    ("line >= 90", "line >= 89.99"),
    ("line >= 90", "line >= 0"),
    ("line > 90", "line >= 90"),
    ("line == 90", "line >= 90"),
    ("line >= 90", "line != 0"),
    ("tests > 0", "tests >= 0"),
    ("findings.new == 0", "findings.new <= 5"),
    ("findings.new == 0", "findings.new < 1"),
    ("findings.new <= 5", "findings.new < 6"),
    ("findings.new < 5", "findings.new <= 5"),
    ("findings.new == 0", "findings.new != 1"),
    ("findings.new == 0", "findings.new >= 0"),
    ("tests >= 5", "tests != 4"),
    ("findings.total != 0", "findings.total >= 0"),
    ("tests == 5", "tests <= 5"),
    ("line no-drop", "line >= -1"),
    ("line >= -1", "line >= -2"),
    ("noqa <= +5%", "noqa <= +10%"),
    ("noqa no-rise", "noqa <= +1"),
]
UNDECIDED = [
    ("line >= 90", "line < 90"),
    ("tests == 5", "tests == 6"),
    ("tests >= 5", "tests <= 5"),
    ("tests != 5", "tests != 6"),
    ("line >= 90", "line no-drop"),
    ("noqa <= +5%", "noqa <= +5"),
    ("noqa <= 5", "noqa <= +5"),
]
EQUAL = [
    ("findings.new == 0", "findings.new <= 0"),
    ("line >= 100", "line == 100"),
    ("line > 90", "line > 90.0"),
    ("line no-drop", "line >= +0"),
    ("line >= 0", "line <= 100"),
]


@pytest.mark.parametrize(("before", "after"), WEAKER)
def test_a_weaker_limit_is_one_finding_and_a_stronger_one_is_none(before: str, after: str) -> None:
    (found,) = compare(settings(before), settings(after))
    assert (found.rule, found.severity) == ("limit-weakened", Severity.HIGH)
    said, here = before.partition(" ")[2], after.partition(" ")[2]
    assert found.message == f"gate, {before.split()[0]}: {said} at the base, {here} here"
    assert compare(settings(after), settings(before)) == []


@pytest.mark.parametrize(("before", "after"), UNDECIDED)
def test_a_limit_that_cannot_be_compared_counts_as_weaker(before: str, after: str) -> None:
    for base, here in ((before, after), (after, before)):
        (found,) = compare(settings(base), settings(here))
        assert found.rule == "limit-weakened"


@pytest.mark.parametrize(("before", "after"), EQUAL)
def test_a_limit_in_other_words_is_no_finding(before: str, after: str) -> None:
    assert compare(settings(before), settings(after)) == []
    assert compare(settings(after), settings(before)) == []


HOLDS = {
    ">=": lambda value, limit: value >= limit,
    "<=": lambda value, limit: value <= limit,
    "==": lambda value, limit: value == limit,
    "!=": lambda value, limit: value != limit,
    ">": lambda value, limit: value > limit,
    "<": lambda value, limit: value < limit,
}
METRICS = {"findings.new": (0, 300), "line": (0, 100), "tests": (-300, 300)}


@same_every_time
@given(
    st.sampled_from(sorted(METRICS)),
    st.tuples(st.sampled_from(sorted(HOLDS)), st.integers(0, 100)),
    st.tuples(st.sampled_from(sorted(HOLDS)), st.integers(0, 100)),
)
def test_a_limit_is_kept_exactly_if_all_that_passes_here_passes_at_the_base(
    metric: str, base: tuple[str, int], here: tuple[str, int]
) -> None:
    """On halves, so that open ends make a difference."""
    low, high = METRICS[metric]
    values = [n / 2 for n in range(2 * low, 2 * high + 1)]
    passes = [v for v in values if HOLDS[here[0]](v, here[1])]
    expected = all(HOLDS[base[0]](v, base[1]) for v in passes)
    found = kept(Condition(metric, *base), [Condition(metric, *here)])
    # A limit that nothing can pass is no weaker, and may be told all the same.
    assert found == expected or (not passes and expected)


def test_a_condition_that_is_gone_is_told() -> None:
    (found,) = compare(settings("line >= 90", "tests >= 1"), settings("line >= 90"))
    assert found.rule == "condition-gone"
    assert found.message == "gate, tests: >= 1 at the base, none here"
    assert compare(settings("line >= 90"), settings("line >= 90", "tests >= 1")) == []


def test_a_condition_that_became_a_warning_is_gone() -> None:
    (found,) = compare(settings("line >= 90"), settings(warnings=("line >= 90",)))
    assert (found.rule, found.severity) == ("condition-gone", Severity.HIGH)
    assert compare(settings(warnings=("line >= 90",)), settings("line >= 90")) == []


@pytest.mark.parametrize(
    ("after", "rule"), [((), "condition-gone"), (("line >= 80",), "limit-weakened")]
)
def test_a_weaker_warning_is_of_low_severity(after: tuple[str, ...], rule: str) -> None:
    (found,) = compare(settings(warnings=("line >= 90",)), settings(warnings=after))
    assert (found.rule, found.severity) == (rule, Severity.LOW)


# gates


@pytest.mark.parametrize(
    ("before", "after"), [(REQUIRED, ADVISORY), (REQUIRED, OFF), (ADVISORY, OFF)]
)
def test_a_lower_level_is_told_and_a_higher_one_is_not(before: str, after: str) -> None:
    base, here = settings("line >= 1", level=before), settings("line >= 1", level=after)
    (found,) = compare(base, here)
    assert found == Finding(
        "level-lowered",
        f"gate, level: {before} at the base, {after} here",
        Severity.HIGH,
        Confidence.HIGH,
        "pyproject.toml",
    )
    assert compare(here, base) == []


def test_a_gate_that_is_off_is_told_by_its_level_alone() -> None:
    (found,) = compare(settings("line >= 90"), settings(level=OFF))
    assert found.rule == "level-lowered"


def test_a_gate_that_is_gone_is_told() -> None:
    (found,) = compare(settings(), None)
    assert (found.rule, found.message) == (
        "gate-gone",
        "gate: a gate of level required at the base, gone here",
    )
    both = {"gate": settings()}
    (found,) = policy(both, both, {}, {}, {})
    assert found.rule == "gate-gone"
    assert list(policy({}, both, {}, {}, GATES)) == []


def test_another_stage_is_told() -> None:
    (found,) = compare(settings(), settings(stage="plan"))
    assert found.rule == "stage-changed"


@pytest.mark.parametrize("field", ["owner", "again"])
def test_what_only_describes_a_gate_is_no_finding(field: str) -> None:
    base, here = (msgspec.structs.replace(settings(), **{field: text}) for text in "ab")
    assert compare(base, here) == []


class Scope(msgspec.Struct, frozen=True, rename="kebab"):
    tests_too: bool = True
    folders: tuple[str, ...] = ()


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (Scope(), Scope(tests_too=False), "option tests-too: true at the base, false here"),
        (Scope(folders=("a",)), Scope(), 'option folders: ["a"] at the base, [] here'),
        ({"a": 1}, {}, "option a: 1 at the base, not set here"),
        ({}, {"a": {"b": 1}}, 'option a: not set at the base, {"b": 1} here'),
        (None, {"a": "x"}, "option a: not set at the base, x here"),
        (1, 2, "option value: 1 at the base, 2 here"),
    ],
)
def test_any_change_of_options_is_told(before: object, after: object, said: str) -> None:
    (found,) = compare(settings(), settings(), (before, after))
    assert (found.rule, found.message) == ("options-changed", f"gate, {said}")
    assert compare(settings(), settings(), (before, before)) == []


# the table


def table(text: str) -> Table:
    return read_table(load_toml(text.encode(), "pyproject.toml"))


COMMAND = '[[tool.devops-gates.command]]\nname = "x"\nstage = "test"\nrun = ["a", "b"]\n'
TOP = "[tool.devops-gates]\n"
PROFILE = "[tool.devops-gates.profiles.%s]\n"
ENVIRONMENT = "[tool.devops-gates.environments.prod]\n"
SHARDS = "[tool.devops-gates.shards]\n"


@pytest.mark.parametrize(
    ("before", "after", "rule"),
    [
        ("", TOP + 'profile = "commit"', "profile-changed"),
        (TOP + 'profile = "release"', "", "profile-changed"),
        (PROFILE % "own", "", "profile-changed"),
        ("", PROFILE % "merge" + 'stages = ["plan", "develop", "build", "test", "security",'
         '"deploy", "operate"]', "stage-removed"),
        (PROFILE % "own" + 'stages = ["test", "plan"]', PROFILE % "own" + 'stages = ["test"]',
         "stage-removed"),
        (PROFILE % "own" + 'levels = { gate = "required" }',
         PROFILE % "own" + 'levels = { gate = "off" }', "level-lowered"),
        (PROFILE % "commit" + 'levels = { gate = "advisory" }', "", "level-lowered"),
        (PROFILE % "own" + 'levels = { gone = "required" }', PROFILE % "own", "level-lowered"),
        (ENVIRONMENT + 'approval = "manual"', ENVIRONMENT + 'approval = "automatic"',
         "environment-loosened"),
        (ENVIRONMENT + "freeze = true", ENVIRONMENT + "freeze = false", "environment-loosened"),
        (ENVIRONMENT + 'key = "a.pub"', ENVIRONMENT, "environment-loosened"),
        (SHARDS + "a = {}\nb = {}", SHARDS + "a = {}", "shard-gone"),
        (SHARDS + "a = { stages = ['test'] }", SHARDS + "a = { stages = ['test', 'deploy'] }",
         "shard-widened"),
        (SHARDS + "a = { stages = ['test'] }", SHARDS + "a = {}", "shard-widened"),
    ],
)  # fmt: skip
def test_what_loosens_in_the_table(before: str, after: str, rule: str) -> None:
    (found,) = tables(table(before), table(after), GATES)
    assert (found.rule, found.severity, found.path) == (rule, Severity.HIGH, "pyproject.toml")
    assert list(tables(table(after), table(before), GATES)) == []


@pytest.mark.parametrize(
    ("before", "after", "rule", "severity"),
    [
        ("", TOP + 'base = "HEAD"', "base-changed", Severity.HIGH),
        (TOP + 'profile = "release"', TOP + 'profile = "operate"', "profile-changed",
         Severity.HIGH),
        ("", TOP + "deadline = 9.0", "deadline-changed", Severity.LOW),
        (TOP + 'profile = "own"\n' + PROFILE % "own", PROFILE % "own", "profile-changed",
         Severity.HIGH),
        (ENVIRONMENT + 'max-age = "1h"', ENVIRONMENT + 'max-age = "2h"', "environment-loosened",
         Severity.HIGH),
        (TOP + 'evidence.key = "a"', TOP + 'evidence.key = "b"', "setting-changed", Severity.LOW),
        (COMMAND, COMMAND.replace('"b"', '"c"'), "command-changed", Severity.HIGH),
        (COMMAND, COMMAND + 'reads = "sarif"', "command-changed", Severity.HIGH),
        (COMMAND, COMMAND + "exit-codes = [0, 1]", "command-changed", Severity.HIGH),
        (COMMAND, COMMAND + 'output = "x.json"', "command-changed", Severity.HIGH),
        (COMMAND, COMMAND + 'needs = ["gate"]', "command-changed", Severity.HIGH),
        (COMMAND, COMMAND + 'pass-env = ["TOKEN"]', "command-changed", Severity.HIGH),
        (COMMAND, COMMAND + 'canary = { "a" = "b" }', "command-changed", Severity.HIGH),
    ],
)  # fmt: skip
def test_what_is_told_in_both_directions(
    before: str, after: str, rule: str, severity: Severity
) -> None:
    for base, here in ((before, after), (after, before)):
        (found,) = tables(table(base), table(here), GATES)
        assert (found.rule, found.severity) == (rule, severity)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", TOP + 'profile = "merge"'),
        ("", TOP + 'profile = "release"'),
        ("", TOP + 'ci = "off"'),
        ("", PROFILE % "own" + 'stages = ["test"]'),
        (PROFILE % "merge" + 'stages = ["test"]', PROFILE % "merge"),
        # The levels of the profile that is chosen are told of as they are settled.
        (PROFILE % "merge" + 'levels = { gate = "required" }', ""),
        (COMMAND, COMMAND + 'level = "off"\ntimeout = 9.0'),
        (COMMAND, ""),
        ("", COMMAND),
        (COMMAND + COMMAND.replace('"x"', '"y"'), COMMAND.replace('"x"', '"y"') + COMMAND),
    ],
)
def test_what_is_none_of_the_tables_loosenings(before: str, after: str) -> None:
    assert list(tables(table(before), table(after), GATES)) == []


def test_a_standard_profile_with_a_table_of_its_own_may_ask_for_less() -> None:
    own = PROFILE % "release"
    (found,) = tables(table(own), table(TOP + 'profile = "release"\n' + own), GATES)
    assert found.rule == "profile-changed"


def test_the_levels_of_the_chosen_profile_are_left_to_the_policy() -> None:
    before, after = (table(PROFILE % "merge" + f'levels.gate = "{x}"') for x in ("required", "off"))
    assert list(tables(before, after, GATES, "merge")) == []
    (found,) = tables(before, after, GATES, "release")
    assert found.rule == "level-lowered"


def test_a_level_of_the_gate_itself_beats_that_of_a_profile() -> None:
    before = PROFILE % "own" + 'levels = { gate = "required" }\n'
    own = '[tool.devops-gates.gates.gate]\nlevel = "%s"\n'
    assert list(tables(table(before), table(PROFILE % "own" + own % REQUIRED), GATES)) == []
    (found,) = tables(table(before), table(before + own % OFF), GATES)
    assert found.message.endswith("profiles.own.levels.gate: required at the base, off here")


# what grows


def test_more_suppressions_of_a_kind_are_one_finding() -> None:
    (found,) = suppressions({"noqa": 2, "skip": 5}, {"noqa": 3, "skip": 4})
    assert (found.rule, found.severity) == ("suppressions-grown", Severity.MEDIUM)
    assert found.message == "suppressions of the kind noqa: 2 at the base, 3 here"
    assert [f.message for f in suppressions({}, {"b": 1, "a": 1})] == [
        "suppressions of the kind a: 0 at the base, 1 here",
        "suppressions of the kind b: 0 at the base, 1 here",
    ]


@pytest.mark.parametrize(
    ("kind", "before", "after", "said"),
    [
        ("baseline", [], ["a"], ["a: not held at the base, held here"]),
        ("baseline", ["a"], ["a", "a"], ["a: held once at the base, held 2 times here"]),
        ("baseline", Counter(a=2), Counter(a=3), ["a: held 2 times at the base, held 3 times here"]),
        ("baseline", ["b"], ["a"], ["a: not held at the base, held here"]),
        ("waivers", {"a"}, {"a", "c", "b"}, ["b: not held at the base, held here",
                                             "c: not held at the base, held here"]),
        ("baseline", ["a", "a", "b"], ["b", "a"], []),
        ("waivers", [], [], []),
        ("waivers", ["a"], [], []),
    ],
)  # fmt: skip
def test_each_new_entry_is_told(
    kind: str, before: Collection[str], after: Collection[str], said: list[str]
) -> None:
    found = list(entries(kind, before, after))
    assert [f.message for f in found] == [f"{kind}, {text}" for text in said]
    assert {f.rule for f in found} <= {
        {"baseline": "baseline-grown", "waivers": "waiver-added"}[kind]
    }
    assert all(f.severity == Severity.HIGH for f in found)


def test_an_unknown_kind_of_entries_is_an_error() -> None:
    with pytest.raises(KeyError):
        list(entries("other", [], ["a"]))


@same_every_time
@given(st.lists(st.sampled_from("abc")), st.lists(st.sampled_from("abc")))
def test_entries_are_counted(before: list[str], after: list[str]) -> None:
    grown = Counter(after) - Counter(before)
    assert len(list(entries("baseline", before, after))) == len(grown)
    assert list(entries("baseline", before, [*reversed(before)])) == []


# all of it

CONDITIONS = st.builds(
    Condition,
    st.sampled_from(["line", "findings.new", "tests"]),
    st.sampled_from([">=", "<=", "==", "!=", ">", "<"]),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(["", "", "no-drop", "<= +10%"]),
)
POLICIES = st.dictionaries(
    st.sampled_from(["gate", "other"]),
    st.builds(
        Settings,
        name=st.just("gate"),
        stage=st.sampled_from([stage.value for stage in Stage]),
        level=st.sampled_from(LEVELS),
        timeout=st.just(1.0),
        conditions=st.lists(CONDITIONS, max_size=3).map(tuple),
        warnings=st.lists(CONDITIONS, max_size=3).map(tuple),
    ),
)
OPTIONS = st.dictionaries(
    st.sampled_from(["gate", "other"]), st.dictionaries(st.text(max_size=3), st.integers())
)


@same_every_time
@given(POLICIES, POLICIES, OPTIONS, OPTIONS)
def test_the_same_is_no_finding_and_nothing_is_told_twice(
    before: Mapping[str, Settings],
    after: Mapping[str, Settings],
    was: Mapping[str, object],
    now: Mapping[str, object],
) -> None:
    assert list(policy(before, before, was, was, GATES)) == []
    found = list(policy(before, after, was, now, GATES))
    assert found == list(policy(before, after, was, now, GATES))
    assert len({f.message for f in found}) == len(found)


def _everything() -> Iterator[Finding]:
    yield from compare(settings("line >= 90", "tests >= 1"), settings("line >= 1", level=ADVISORY))
    yield from tables(table(""), table(TOP + 'base = "x"\nprofile = "commit"'), GATES)
    yield from suppressions({}, {"noqa": 1})
    yield from entries("baseline", [], ["a\n::error::"])


def test_every_rule_is_known_and_every_message_is_one_visible_line() -> None:
    known = {rule.id for rule in RULES}
    for found in _everything():
        assert found.rule in known
        assert found.message.isprintable()
        assert found.confidence == Confidence.HIGH
    assert all(rule.says and rule.help for rule in RULES)


def test_what_a_gate_that_asked_nothing_is_asked_now_is_no_loosening() -> None:
    from pytest_devops_gates.gates.health import HEALTH, HealthOptions
    from pytest_devops_gates.gates.tree import TREE
    from pytest_devops_gates.loosening.settings import _is_asleep
    from pytest_devops_gates.operations.probes import Probe

    assert _is_asleep(HEALTH, HealthOptions())
    assert not _is_asleep(HEALTH, HealthOptions([Probe("a", "http://127.0.0.1/")]))
    assert TREE.options
    assert not _is_asleep(TREE, TREE.options())


def test_a_requirement_that_the_change_takes_out_is_told() -> None:
    from pytest_devops_gates.board.items import Board, WorkItem
    from pytest_devops_gates.loosening import requirements

    def board(**statuses: str) -> Board:
        items = [WorkItem(n, "x", status=s, requirements=(f"R-{n}",)) for n, s in statuses.items()]
        return Board("here", items=tuple(items))

    before = board(a="done", b="todo", c="dropped")
    assert list(requirements(before, before, required=True)) == []
    found = list(requirements(before, board(a="dropped"), required=True))
    assert [f.severity for f in found] == [Severity.HIGH] * 2
    assert "R-a of a" in found[0].message
    (one,) = requirements(board(a="done"), board(), required=False)
    assert (one.rule, one.severity) == ("requirement-gone", Severity.LOW)
