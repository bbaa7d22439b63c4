"""What is told of a finding: which one is meant, where it is now, and the lines that say so."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_devops_gates import lookup
from pytest_devops_gates.columns import width
from pytest_devops_gates.counts import finding_metrics
from pytest_devops_gates.evidence import Confidence, Finding, Rule, Severity
from pytest_devops_gates.explanation import Subject, counted, listed, render, source_lines
from pytest_devops_gates.findings import complete
from pytest_devops_gates.linehash import Source
from pytest_devops_gates.neutral import neutral
from pytest_devops_gates.report import make
from pytest_devops_gates.verdict import Measured, Waiver
from pytest_devops_gates.whereabouts import REACH, Excerpt, excerpt, whereabouts
from tests.growth import grows_linearly
from tests.unit.samples import HOSTILE, any_text, ruling, same_every_time, verdict

ROOT = Path("/nowhere/project")
SOURCE = "import os\nimport sys\n\n\ndef run(x):\n    call(x)\n    return 1\n\n\nEND = 1\n"
NEEDED = Measured("findings.new", "==", 0.0, 2.0, None, False)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "a.py").write_text(SOURCE)
    return tmp_path


def found(root: Path, line: int | None = 6, **fields: Any) -> Finding:
    """A finding in a.py, as the engine completes it."""
    known = {"path": "a.py", "line": line, "column": 5, "end_line": line, "end_column": 9}
    told = {**known, **fields}
    settled = {name: told.pop(name) for name in ("state", "waiver") if name in told}
    (one,) = complete("lint", [Finding("F821", "Undefined name `call`", **told)], root)
    return msgspec.structs.replace(one, **settled)


def told(finding: Finding, *, columns: int = 100, **fields: Any) -> str:
    rulings = fields.pop(
        "rulings", [ruling(outcome="fail", conditions=(NEEDED,), again="ruff check")]
    )
    subject = {name: fields.pop(name) for name in Subject.__struct_fields__ if name in fields}
    report = make(verdict(*rulings, findings=(finding,), **fields))
    return "\n".join(render(report, Subject(finding, **subject), columns))


# which finding is meant


def of(fingerprint: str = "", **fields: Any) -> Finding:
    known = {"rule": "F821", "message": "m", "path": "src/a.py", "line": 3, "gate": "lint"}
    return Finding(**{**known, **fields}, fingerprint=fingerprint)


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("abcd", "one two"),
        ("ABCD", "one two"),
        ("abcd1", "one"),
        ("abcd1234", "one"),
        ("abc", ""),  # too short
        ("abcdx", ""),
        ("ffff", ""),
    ],
)
def test_a_finding_is_meant_by_the_beginning_of_its_fingerprint(text: str, fits: str) -> None:
    known = {"one": of("abcd1234" * 4), "two": of("abcd5678" * 4), "three": of("1234abcd" * 4)}
    meant = lookup.meant(list(known.values()), text, ROOT, ROOT)
    assert [name for name, finding in known.items() if finding in meant.findings] == fits.split()


@pytest.mark.parametrize(
    ("text", "folder"),
    [
        ("src/a.py:3", ROOT),
        ("src/a.py:3:7", ROOT),
        ("./src/../src/a.py:3", ROOT),
        ("a.py:3", ROOT / "src"),
        ("src/a.py:3", ROOT / "docs"),  # from the root, wherever it is typed
        ("project/src/a.py:3", ROOT.parent),
        (f"{ROOT}/src/a.py:3", Path("/")),
    ],
)
def test_a_finding_is_meant_by_its_place(text: str, folder: Path) -> None:
    wanted = of("a" * 32, column=7)
    others = [of("b" * 32, line=30), of("c" * 32, path="b.py"), of("d" * 32, path=None)]
    assert lookup.meant([*others, wanted], text, ROOT, folder).findings == (wanted,)


@pytest.mark.parametrize("text", ["src/a.py:4", "src/a.py:3:8", "a.py:3", "/src/a.py:3", ":3", "3"])
def test_another_place_means_nothing(text: str) -> None:
    assert lookup.meant([of("a" * 32, column=7)], text, ROOT, ROOT).findings == ()


def test_a_line_within_a_finding_means_it_where_none_begins() -> None:
    long, short = of("a" * 32, line=3, end_line=6), of("b" * 32, line=5)
    assert lookup.meant([long, short], "src/a.py:5", ROOT, ROOT).findings == (short,)
    assert lookup.meant([long, short], "src/a.py:6", ROOT, ROOT).findings == (long,)
    assert lookup.meant([long, short], "src/a.py:7", ROOT, ROOT).findings == ()


def test_findings_are_meant_by_their_rule() -> None:
    both = (of("a" * 32), of("b" * 32, line=9))
    other = Finding("js/xss:12", "m", gate="scan", fingerprint="c" * 32)
    assert lookup.meant([*both, other], "lint/F821", ROOT, ROOT) == lookup.Meant("rule", both)
    assert lookup.meant([*both, other], "scan/js/xss:12", ROOT, ROOT).findings == (other,)
    assert lookup.meant([*both, other], "lint/F82", ROOT, ROOT).findings == ()


@pytest.mark.parametrize("text", ["abcd", "a:1", "lint/F821", "./a"])
def test_what_may_name_a_finding(text: str) -> None:
    assert lookup.is_name(text)


@pytest.mark.parametrize("text", ["", "lint", "lnt", "abc", "type-ignore", "a:", "a:b"])
def test_what_names_none(text: str) -> None:
    assert not lookup.is_name(text)


@given(any_text | st.sampled_from(HOSTILE), any_text)
@same_every_time
def test_any_text_may_be_typed(text: str, path: str) -> None:
    meant = lookup.meant([of("a" * 32, path=path), of("b" * 32, rule=text)], text, ROOT, ROOT)
    assert len(meant.findings) <= 2


# where it is now


def test_a_line_that_did_not_move(root: Path) -> None:
    here = excerpt(found(root), Source(SOURCE))
    assert here == Excerpt(
        first=3,
        lines=("", "", "def run(x):", "    call(x)", "    return 1", "", ""),
        line=6,
        end=6,
        column=5,
        end_column=9,
    )


def test_a_line_that_moved(root: Path) -> None:
    finding = found(root)
    moved = excerpt(finding, Source("# new\n" * 30 + SOURCE))
    assert moved is not None
    assert (moved.line, moved.end, moved.moved) == (36, 36, True)
    assert whereabouts(finding, Source(SOURCE.partition("\n\n\n")[2])) == 2


def test_a_line_that_is_not_there_any_more(root: Path) -> None:
    assert excerpt(found(root), Source(SOURCE.replace("call(x)", "call(y)"))) is None
    assert excerpt(found(root), Source("")) is None
    assert excerpt(found(root, line=None), Source(SOURCE)) is None


def test_a_line_is_the_same_when_what_follows_has_changed(root: Path) -> None:
    """The hash looks at the lines after it too, the fingerprint does not."""
    finding = found(root)
    changed = Source(SOURCE.replace("return 1", "return 2"))
    assert changed.hash(6) != finding.line_hash
    assert whereabouts(finding, changed) == 6
    assert whereabouts(finding, Source("# new\n" + SOURCE.replace("return 1", "return 2"))) == 7


def test_without_a_hash_the_text_tells_a_line(root: Path) -> None:
    finding = Finding(**{**{f: getattr(found(root), f) for f in Finding.__struct_fields__},
                         "line_hash": ""})  # fmt: skip
    assert whereabouts(finding, Source(SOURCE)) == 6
    assert whereabouts(finding, Source(SOURCE.replace("call", "other"))) is None


def test_of_lines_that_are_alike_the_hash_tells_the_right_one(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("f(x)\na\nf(x)\nb\nf(x)\n")
    several = [Finding("F821", "m", path="a.py", line=n) for n in (1, 3, 5)]
    known = complete("lint", several, tmp_path)
    source = Source("new\nf(x)\na\nf(x)\nb\nf(x)\n")
    assert [whereabouts(f, source, 3) for f in known] == [2, 4, 6]


def test_the_second_finding_of_a_text_is_known_by_its_text_too(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("f(x)\na\nf(x)\nb\n")
    _, second = complete(
        "lint", [Finding("F821", "m", path="a.py", line=n) for n in (1, 3)], tmp_path
    )
    changed = Source("f(x)\na\nf(x)\nc\n")
    assert whereabouts(second, changed, 2) == 3
    assert whereabouts(second, changed, 1) is None


def test_a_blank_line_is_none_like_another(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("a\n\nb\n")
    (finding,) = complete("lint", [Finding("W391", "blank", path="a.py", line=2)], tmp_path)
    assert whereabouts(finding, Source("a\n\nb\n")) == 2
    assert whereabouts(finding, Source("a\nb\n\n\n")) is None


@pytest.mark.parametrize("line", [0, -1, 99, 10**12])
def test_a_line_that_never_was(line: int, root: Path) -> None:
    finding = Finding("R1", "m", path="a.py", line=line, line_hash="0:1", fingerprint="x")
    assert whereabouts(finding, Source(SOURCE)) is None


def test_a_large_file_is_looked_through_in_linear_time(root: Path) -> None:
    finding = found(root, line=6)

    def work(lines: int) -> Callable[[], object]:
        return lambda: whereabouts(finding, Source("x = 1\n" * lines), alike=1000)

    assert work(400_000)() is None
    grows_linearly(work, 12_500)
    assert whereabouts(finding, Source("\n" * (REACH - 10) + SOURCE)) == REACH - 4


def test_a_finding_of_several_lines(root: Path) -> None:
    whole = excerpt(found(root, line=5, column=1, end_line=8, end_column=1), Source(SOURCE))
    assert whole is not None
    assert (whole.line, whole.end, whole.end_column) == (5, 7, None)  # it ends before line 8
    lines = list(source_lines(whole, 80))
    assert [line[2] for line in lines] == [*"   ", ">", " ", *">>", *"   "]
    assert lines[4] == "       | ^^^^^^^^^^^"


def test_the_end_of_a_file_is_no_line(root: Path) -> None:
    last = excerpt(found(root, line=10), Source(SOURCE))
    assert last is not None
    assert last.lines == ("    return 1", "", "", "END = 1")


def test_of_a_very_long_finding_the_beginning_is_shown(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x\n" * 500)
    (long,) = complete("lint", [Finding("R", "m", path="a.py", line=3, end_line=400)], tmp_path)
    shown = excerpt(long, Source("x\n" * 500))
    assert shown is not None
    assert len(shown.lines) < 20


# the lines of the source


def shown(
    text: str, column: int | None = None, end: int | None = None, columns: int = 60
) -> list[str]:
    return list(source_lines(Excerpt(9, ("before", text, "after"), 10, 10, column, end), columns))


def test_carets_stand_below_the_columns() -> None:
    assert shown("    call(x)", 5, 9) == [
        "     9 | before",
        "  > 10 |     call(x)",
        "       |     ^^^^",
        "    11 | after",
    ]
    assert shown("    call(x)", 5)[2] == "       |     ^"
    assert len(shown("    call(x)")) == 3


@pytest.mark.parametrize(
    ("text", "line", "carets"),
    [
        ("\tcall(x)", "    call(x)", "    ^^^^"),
        ("\x1b\tcall(x)", "\\x1b   call(x)", "       ^^^^"),
        ("日本call(x)", "日本call(x)", "    ^^^^"),
        ("e\u0301call(x)", "e\u0301call(x)", " ^^^^"),
        ("\u202ecall(x)", "\\u202ecall(x)", "      ^^^^"),
    ],
)
def test_carets_stand_below_what_is_shown(text: str, line: str, carets: str) -> None:
    column = text.index("call") + 1
    assert [row[9:] for row in shown(text, column, column + 4)[1:3]] == [line, carets]


def test_a_long_line_is_cut_where_the_columns_are_seen() -> None:
    line, carets = shown("x" * 5000 + "BAD" + "y" * 5_000_000, 5001, 5004)[1:3]
    assert width(line) <= 60
    assert line[carets.index("^") : carets.rindex("^") + 1] == "BAD"
    assert line.endswith("…")
    start, below = shown("BAD" + "y" * 5000, 1, 4)[1:3]
    assert start.startswith("  > 10 | BADyyy")
    assert below == "       | ^^^"


@given(
    st.lists(any_text, min_size=1, max_size=4),
    st.integers(1, 40) | st.none(),
    st.integers(1, 40) | st.none(),
    st.integers(30, 90),
)
@same_every_time
def test_no_line_of_a_source_is_too_wide(
    texts: list[str], column: int | None, end: int | None, columns: int
) -> None:
    lines = source_lines(Excerpt(1, tuple(texts), 1, len(texts), column, end), columns)
    assert all(width(line) <= columns for line in lines)


# what is told


def test_all_that_is_known_of_a_finding(root: Path) -> None:
    finding = found(root, severity=Severity.HIGH)
    known = Rule("F821", "undefined name", "Name it.", "https://example.org/F821", "lint")
    said = told(
        finding,
        rules=(known,),
        excerpt=excerpt(finding, Source(SOURCE)),
        suppress="# noqa: F821",
        is_counted=True,
        manual=("ruff rule F821", "# undefined-name\n\nIt is not defined.\n"),
        rulings=[ruling(outcome="fail", conditions=(NEEDED,), again="ruff check", owner="@us")],
    )
    assert said.splitlines() == [
        "lint/F821: high severity, new",
        "  Undefined name `call`",
        f"  finding     {finding.fingerprint}",
        "  place       a.py:6:5",
        "",
        "    3 |",
        "    4 |",
        "    5 | def run(x):",
        "  > 6 |     call(x)",
        "      |     ^^^^",
        "    7 |     return 1",
        "    8 |",
        "    9 |",
        "",
        "  rule        undefined name",
        "  mend        Name it.",
        "  more        https://example.org/F821",
        "  counts      yes: lint is required, and fails over it",
        "  condition   findings.new 2, needs == 0: BROKEN, and this is one of them",
        "  owner       @us",
        "  by hand     ruff check",
        "  alone       devops-gates run --gate lint",
        "  suppress    # noqa: F821 in line 6; the gates suppressions and policy count such comments",
        "  run         1, 2026-01-02T03:04:05Z",
        "",
        "$ ruff rule F821",
        "  # undefined-name",
        "",
        "  It is not defined.",
    ]


def test_a_finding_of_which_little_is_known() -> None:
    finding = Finding("R1", "one\ntwo", gate="gone", fingerprint="f" * 32)
    assert told(finding).splitlines() == [
        "gone/R1: medium severity, new",
        "  one",
        "  two",
        f"  finding     {'f' * 32}",
        "  alone       devops-gates run --gate gone",
        "  run         1, 2026-01-02T03:04:05Z",
    ]


def test_confidence_is_told(root: Path) -> None:
    assert "lint/F821: medium severity, low confidence, new" in told(
        found(root, confidence=Confidence.LOW)
    )


def test_a_line_that_moved_is_told_with_its_new_number(root: Path) -> None:
    finding = found(root)
    said = told(finding, excerpt=excerpt(finding, Source("#\n" + SOURCE)), suppress="# noqa")
    assert "place       a.py:6:5 (now in line 7)" in said
    assert "  >  7 |     call(x)" in said
    assert "suppress    # noqa in line 7" in said


def test_a_file_that_changed_is_told(root: Path) -> None:
    said = told(found(root), gone="the file has changed since", suppress="# noqa")
    assert "the file has changed since" in said
    assert " | " not in said
    assert "suppress    # noqa in its line\n" in said


def test_what_has_no_line_cannot_be_suppressed_in_one(root: Path) -> None:
    assert "suppress" not in told(found(root, line=None), suppress="# noqa")


@pytest.mark.parametrize(
    ("level", "outcome", "says"),
    [
        ("required", "fail", "yes: lint is required, and fails over it"),
        ("advisory", "fail", "as a warning: lint is advisory, and fails over it"),
        ("required", "pass", "no: no condition of lint is broken by it"),
        ("required", "unknown", "lint could not tell whether it passes · it is good"),
    ],
)
def test_whether_it_counts(level: str, outcome: str, says: str, root: Path) -> None:
    rulings = [ruling(level=level, outcome=outcome, conditions=(NEEDED,))]
    assert f"counts      {says}" in told(found(root), rulings=rulings)


def test_a_fail_over_something_else(root: Path) -> None:
    high = Measured("findings.high", "==", 0.0, 1.0, None, False)
    said = told(found(root), rulings=[ruling(outcome="fail", conditions=(high,))])
    assert "counts      no: no condition of lint is broken by it" in said
    assert "findings.high 1, needs == 0: BROKEN, and this is none of them" in said


def test_a_fail_of_which_only_the_gate_knows_over_what(root: Path) -> None:
    own = Measured("queries", "<=", 10.0, 12.5, None, False)
    said = told(found(root), rulings=[ruling(outcome="fail", conditions=(own,))])
    assert "yes: lint is required, and fails over what it measures; perhaps over this" in said
    assert "condition   queries 12.50, needs <= 10: BROKEN\n" in said


def test_what_was_not_measured(root: Path) -> None:
    gone = Measured("findings.new", "==", 0.0, None, None, None)
    said = told(found(root), rulings=[ruling(outcome="unknown", conditions=(gone,))])
    assert "findings.new not measured, needs == 0: cannot tell" in said


def test_a_gate_without_conditions(root: Path) -> None:
    assert "none: the gate shows its numbers, and cannot fail" in told(
        found(root), rulings=[ruling()]
    )


def test_a_waiver_is_told(root: Path) -> None:
    waiver = Waiver("W-1", "lint", "an old name", "@us", "2026-01-01", "2026-12-31", ticket="T-7")
    rulings = [ruling(conditions=(Measured("findings.new", "==", 0.0, 0.0, None, True),))]
    said = told(found(root, state="waived", waiver="W-1"), waivers=(waiver,), rulings=rulings)
    assert "waived      by W-1, @us, until 2026-12-31, T-7: an old name" in said
    assert "no: no condition of lint is broken by it: a waiver holds it back" in said
    assert "and this is none of them" in said
    assert "waived      by W-2\n" in told(found(root, state="waived", waiver="W-2"))


def test_what_was_known_before(root: Path) -> None:
    said = told(found(root, state="known"), rulings=[ruling()])
    assert "lint/F821: medium severity, known" in said
    assert "is broken by it: it was known before" in said


@pytest.mark.parametrize("state", ["new", "known", "waived"])
@pytest.mark.parametrize("confidence", [None, *Confidence])
@pytest.mark.parametrize("severity", Severity)
def test_a_finding_counts_where_the_policy_counts_it(
    state: Any, confidence: Confidence | None, severity: Severity
) -> None:
    finding = Finding("R1", "m", severity, confidence, state=state)
    asked = [f"findings.{s.value}.{c}" for s in Severity for c in ("high", "medium")]
    for metric, value in finding_metrics([finding], asked).items():
        assert counted(metric, finding) is (value > 0), metric


@pytest.mark.parametrize(
    ("rule", "metric", "is_one"),
    [
        ("failed", "failed", True),
        ("failed", "errors", False),
        ("error", "errors", True),
        ("collection-error", "errors", True),
        ("exit-status", "errors", True),
        ("outcome-altered", "altered", True),
        ("outcome-altered", "failed", False),
        ("failed", "slow", None),
    ],
)
def test_a_failure_counts_where_the_tests_count_it(rule: str, metric: str, is_one: Any) -> None:
    assert counted(metric, Finding(rule, "m", gate="tests")) is is_one


@pytest.mark.parametrize("metric", ["line", "findings.x.y", "findings.high.sure", "findings.", ""])
def test_what_only_the_gate_can_count(metric: str) -> None:
    assert counted(metric, Finding("R1", "m")) is None
    assert counted("noqa", Finding("noqa", "m", gate="suppressions")) is True


def test_the_address_of_a_page_is_never_broken(root: Path) -> None:
    uri = "https://example.org/" + "x" * 200
    assert f" {uri}\n" in told(found(root), columns=50, rules=(Rule("F821", uri=uri, gate="lint"),))


def test_what_others_there_are(root: Path) -> None:
    several = [of(f"{n}" * 32, line=n, message="m" * 300) for n in range(1, 8)]
    lines = listed(several, 5, 60)
    assert len(lines) == 6
    assert lines[0].startswith("  111111111111 lint/F821 src/a.py:1: mmm")
    assert lines[-1] == "  … and 2 more"
    assert all(width(line) <= 60 for line in lines)


# foreign text


def hostile_places(text: str) -> tuple[Finding, dict[str, Any]]:
    """A finding, and all else that is told of it, with a text wherever there may be foreign one."""
    finding = Finding(text, text, path=text, line=1, gate=text, fingerprint=text, waiver=text)
    waiver = Waiver(text, text, text, text, text, text, ticket=text)
    return finding, {
        "rules": (Rule(text, text, text, text, text),),
        "waivers": (waiver,),
        "rulings": [
            ruling(text, outcome="fail", reason=text, owner=text, again=text,
                   conditions=(Measured(text, text, 0.0, 1.0, None, False),))
        ],
        "excerpt": Excerpt(1, (text, text), 1, 2, 1, 3),
        "gone": text,
        "suppress": text,
        "manual": (text, text),
    }  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_made_harmless_wherever_it_is(text: str) -> None:
    finding, fields = hostile_places(text)
    said = told(finding, **fields)
    for line in said.split("\n"):
        assert line == neutral(line)
        assert not re.match(r"\s*::", line)


@given(any_text, st.integers(20, 60))
@same_every_time
def test_no_break_of_a_line_lets_a_command_through(text: str, columns: int) -> None:
    finding, fields = hostile_places(f"{'word ' * 7}::error::x {text}")
    for line in told(finding, columns=columns, **fields).split("\n"):
        assert line == neutral(line)
