"""The coverage of new code: which statements a change touches, and what of them was run."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
from coverage.parser import PythonParser
from hypothesis import given
from hypothesis import strategies as st

from pytest_devops_gates import newcode
from pytest_devops_gates.change import Base, Change, FileChange, Lines
from pytest_devops_gates.errors import CannotTell
from pytest_devops_gates.evidence import Evidence
from pytest_devops_gates.gates import coverage
from pytest_devops_gates.logical_lines import first_lines
from pytest_devops_gates.newcode import NewCode
from tests.unit.samples import DATA, project, same_every_time

ROOT = Path("/project")
PACKAGE = Path(newcode.__file__).parent
SAVED = json.loads((DATA / "newcode-coverage-7.17.4-diff-cover-11.0.1.json").read_text())

# which lines make a statement


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("a = 1\nb = 2\n", {}),
        ("a = (1 +\n2)\nb = 3\n", {2: 1}),
        ("\n\na = [\n1,\n]\n", {4: 3, 5: 3}),
        ("a = 1 + \\\n2 + \\\n3\n", {2: 1, 3: 1}),
        ("def f(\na,\nb=(1,\n2),\n):\n  return (a\n)\n", {2: 1, 3: 1, 4: 1, 5: 1, 7: 6}),
        ("@a\n@b(\n1)\ndef f(): pass\n", {3: 2}),
        ('def f():\n  """One\n\n  two."""\n  return 1\n', {3: 2, 4: 2}),
        ('a = """\n\n# text\n""" + x\n', {2: 1, 3: 1, 4: 1}),
        ('a = f"""{\n1}\n{2}"""\n', {2: 1, 3: 1}),
        ('a = (f"x"\nf"{1}")\n', {2: 1}),
        ("a = (\n1); b = (\n2)\n", {2: 1, 3: 1}),
        ("if x: a = (\n1)\nelse: b\n", {2: 1}),
        ("a = (\n# a comment\n\n1,  # one\n)\n", {4: 1, 5: 1}),
        ("# a\n\n# b\na = 1  # c\n", {}),
        ("a = (\r\n1)\r\n", {2: 1}),
        ("a = (\n1)", {2: 1}),
        ("\ufeffa = (\n1)\n", {2: 1}),
        ("\x0ca = (\n1)\n", {2: 1}),
        ("# coding: latin-1\na = ('ä',\n'ü')\n", {3: 2}),
        ("", {}),
    ],
)
def test_the_first_line_of_a_statement(source: str, expected: Mapping[int, int]) -> None:
    encoding = "latin-1" if "latin-1" in source else "utf-8"
    assert first_lines(source.encode(encoding)) == expected


@pytest.mark.parametrize(
    "source",
    [
        b"a = (\n1,\n",
        b"a = (\n1)\nb = '''\n",
        b"a = (\n1)\n  b\n c\n",
        b"# coding: nothing\na = (\n1)\n",
    ],
)
def test_what_is_no_python_has_only_lines(source: bytes) -> None:
    assert first_lines(source) == {}


def test_bytes_that_are_no_text_do_no_harm() -> None:
    assert first_lines(b"a = (\n'\xff')\n") in ({}, {2: 1})  # Python 3.12 does not decode them


@pytest.mark.parametrize(
    "path",
    [
        Path(__file__),
        *(PACKAGE / name for name in ("newcode.py", "evidence.py", "gates/coverage.py")),
    ],
    ids=lambda path: path.name,
)
def test_statements_begin_where_coverage_says_so(path: Path) -> None:
    ours = first_lines(path.read_bytes())
    parser = PythonParser(filename=str(path))
    parser.parse_source()
    assert ours
    for line, first in ours.items():
        assert parser.first_line(line) == first
    assert not parser.statements & ours.keys()


# what of a change was run


def entry(
    executed: Iterable[int],
    missing: Iterable[int] = (),
    branches: tuple[list[list[int]], list[list[int]]] | None = None,
) -> dict[str, Any]:
    told: dict[str, Any] = {"executed_lines": list(executed), "missing_lines": list(missing)}
    if branches:
        told["executed_branches"], told["missing_branches"] = branches
    return told


def report(**files: dict[str, Any]) -> dict[str, Any]:
    return {"files": {name.replace("__", "/") + ".py": told for name, told in files.items()}}


def changed(*files: FileChange) -> Change:
    return Change(Base("c" * 40, "main", "the default branch"), files)


def modified(path: str, *added: Lines, **more: Any) -> FileChange:
    return FileChange(path, "modified", path, tuple(added), **more)


def lines(number: int) -> bytes:
    return b"a = 1\n" * number


def told(
    told: Mapping[str, Any],
    change: Change,
    source: bytes = lines(100),
    asked: tuple[str, ...] = (),
    root: Path = ROOT,
) -> NewCode:
    return newcode.measure(told, change, lambda path: source, root, asked)


def test_only_statements_that_the_change_touches_count() -> None:
    seen = told(
        report(app=entry([1, 2, 5], [3, 7, 9])), changed(modified("app.py", (2, 4), (7, 7)))
    )
    assert seen.metrics == {
        "new-lines": 3,
        "new-lines.missing": 2,
        "new-line": pytest.approx(100 / 3, rel=1e-15),
    }
    assert seen.missing == {"app.py": ((3, 3), (7, 7))}
    assert seen.inapplicable == {}


def test_a_change_within_a_statement_counts_for_it() -> None:
    source = b"a = f(\n  1,\n  2,\n)\nb = g(\n  3,\n)\n"
    seen = told(report(app=entry([1], [5])), changed(modified("app.py", (3, 3), (6, 6))), source)
    assert (seen.metrics["new-line"], seen.missing) == (50.0, {"app.py": ((5, 5),)})


def test_a_statement_counts_once() -> None:
    source = b"a = f(\n  1,\n  2,\n)\nb = 1\n"
    seen = told(report(app=entry([5], [1])), changed(modified("app.py", (2, 3), (5, 5))), source)
    assert seen.metrics["new-line"] == 50.0


def test_branches_count_for_the_statement_that_they_leave() -> None:
    branches = ([[1, 2], [5, 6], [9, -1]], [[5, 8], [1, -1]])
    seen = told(
        report(app=entry([1, 5, 9], [2], branches)), changed(modified("app.py", (2, 6), (9, 9)))
    )
    assert seen.metrics["new-branch"] == pytest.approx(100 * 2 / 3, rel=1e-15)


def test_branches_that_were_not_measured_are_not_told() -> None:
    seen = told(report(app=entry([1])), changed(modified("app.py", (1, 1))))
    assert "new-branch" not in {*seen.metrics, *seen.inapplicable}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ([modified("app.py", (3, 4))], "among the 2 changed lines"),
        ([modified("app.py", (3, 3))], "in the 1 changed line"),
        ([modified("app.py", removed=((1, 9),))], "among the 0 changed lines"),
        ([modified("README.md", (1, 9)), modified("x.py", (1, 1))], "among the 10 changed lines"),
        ([FileChange("app.py", "renamed", "old.py")], "among the 0 changed lines"),
        ([FileChange("app.py", "deleted", "app.py", removed=((1, 9),))], "among the 0"),
        ([FileChange("lib", "modified", "lib", submodule=True)], "among the 0 changed lines"),
        ([FileChange("no.py", "untracked", added=((1, 3),))], "among the 3 changed lines"),
        ([], "among the 0 changed lines"),
    ],
)
def test_nothing_to_measure_is_no_hundred_percent(change: list[FileChange], reason: str) -> None:
    seen = told(report(app=entry([1, 2], [5], ([[1, 2]], [[1, 5]]))), changed(*change))
    assert seen.metrics == {"new-lines": 0}
    assert seen.inapplicable.keys() == {"new-line", "new-branch", "new-lines.missing"}
    assert f"no coverable line {reason}" in seen.inapplicable["new-line"]
    assert f"no line from which a branch leaves {reason}" in seen.inapplicable["new-branch"]


def test_new_lines_without_a_branch() -> None:
    seen = told(report(app=entry([1, 2], [], ([[1, 2]], []))), changed(modified("app.py", (2, 2))))
    assert seen.metrics == {"new-lines": 1, "new-lines.missing": 0, "new-line": 100.0}
    assert seen.inapplicable.keys() == {"new-branch"}


@pytest.mark.parametrize("status", ["added", "untracked"])
def test_new_files_count_whole(status: Any) -> None:
    new = FileChange("app.py", status, added=((1, 9),))
    assert told(report(app=entry([1, 2], [5, 9])), changed(new)).metrics["new-line"] == 50.0


def test_of_a_renamed_file_only_the_new_lines_count() -> None:
    renamed = FileChange("app.py", "renamed", "old.py", ((2, 2),))
    assert told(report(app=entry([1], [2, 3])), changed(renamed)).metrics["new-lines"] == 1


@pytest.mark.parametrize(
    ("source", "count"),
    [(b"a = 1\rb = 2\rc = 3\n", 3), (b"a = 1\r\nb = 2\r\nc = 3\r\n", 1)],
)
def test_lines_that_git_and_python_count_otherwise_count_whole(source: bytes, count: int) -> None:
    seen = told(report(app=entry([1], [2, 3])), changed(modified("app.py", (1, 1))), source)
    assert seen.metrics["new-lines"] == count


def test_only_files_with_new_lines_are_read() -> None:
    def read_source(path: str) -> bytes:
        raise CannotTell(f"{path} was read")

    change = changed(modified("app.py", removed=((1, 1),)), modified("b.py", (1, 1)))
    assert list(newcode.new_lines(report(app=entry([1])), change, read_source, ROOT)) == []


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("src/app/a.py", "src/app/a.py"),
        ("/project/src/app/a.py", "src/app/a.py"),
        ("src\\app\\a.py", "src/app/a.py"),
        ("with space/ä\n.py", "with space/ä\n.py"),
        ("odd\\name.py", "odd\\name.py"),
    ],
)
def test_paths_of_the_report(name: str, path: str) -> None:
    seen = told({"files": {name: entry([1])}}, changed(modified(path, (1, 1))))
    assert (seen.metrics["new-lines"], seen.unmeasured) == (1, ())


@pytest.mark.parametrize("name", ["/other/src/app/a.py", "app/a.py", "../src/app/a.py"])
def test_other_files_of_that_name_are_not_taken_for_it(name: str) -> None:
    seen = told({"files": {name: entry([1])}}, changed(modified("src/app/a.py", (1, 1))))
    assert (seen.metrics["new-lines"], seen.unmeasured) == (0, ("src/app/a.py",))


def test_by_path() -> None:
    told_of = report(app__a=entry([1], [2]), app__b=entry([1], [], ([[1, 2]], [[1, 3]])))
    change = changed(modified("app/a.py", (1, 2)), modified("app/b.py", (1, 2)))
    asked = (
        *("new-line", "new-line:app/a.py", "new-line:app/", "new-line:*/b.py", "new-line:lib"),
        *("new-branch:app", "new-branch:app/a.py", "line:app/a.py", "findings.new"),
    )
    seen = told(told_of, change, asked=asked)
    paths = {k: v for k, v in seen.metrics.items() if ":" in k and k in asked}
    assert paths == {
        "new-line:app/a.py": 50.0,
        "new-line:app/": pytest.approx(200 / 3, rel=1e-15),
        "new-line:*/b.py": 100.0,
        "new-branch:app": 50.0,
    }
    assert {k: v for k, v in seen.inapplicable.items() if k in asked} == {
        "new-line:lib": "no coverable line among the 0 changed lines",
        "new-branch:app/a.py": "no line from which a branch leaves among the 2 changed lines",
    }


@pytest.mark.parametrize(
    ("metric", "asks"),
    [
        *((name, True) for name in ("new-line", "new-branch", "new-lines", "new-lines.missing")),
        *((name, True) for name in ("new-line:app", "new-branch:a:b")),
        *((name, False) for name in ("line", "line:new-line", "new-lines:app", "findings.new")),
    ],
)
def test_which_metrics_need_a_base(metric: str, asks: bool) -> None:
    assert newcode.asks(metric) == asks


def test_runs_go_on_over_what_is_no_statement() -> None:
    change = changed(modified("app.py", (1, 20)), modified("a.py", (1, 9)))
    told_of = report(a=entry([], [4]), app=entry([8, 14], [2, 3, 6, 7, 10, 16, 18, 30]))
    seen = told(told_of, change)
    assert list(seen.missing.items()) == [
        ("app.py", ((2, 7), (10, 10), (16, 18))),
        ("a.py", ((4, 4),)),
    ]
    assert newcode.note(seen.missing) == (
        "new lines that no test ran: app.py:2-7, 10, 16-18 · a.py:4"
    )


@pytest.mark.parametrize(
    ("files", "runs", "end"),
    [
        (1, 8, ":2, 4, 6, 8, 10, 12, 14, 16"),
        (1, 9, ":2, 4, 6, 8, 10, 12, 14, 16, …"),
        (5, 1, "f4.py:2"),
        (6, 1, "f4.py:2 (and 1 more file)"),
        (9, 1, "f4.py:2 (and 4 more files)"),
    ],
)
def test_a_note_stays_short(files: int, runs: int, end: str) -> None:
    missing = {f"f{n}.py": [(2 * i, 2 * i) for i in range(1, runs + 1)] for n in range(files)}
    assert newcode.note(missing).endswith(end)


# properties

Case = tuple[dict[str, Any], tuple[Lines, ...], bytes]
"""What coverage tells of a file, the lines that are new in it, and its source."""

arcs = st.lists(st.tuples(st.integers(1, 60), st.integers(-5, 60)), max_size=20).map(
    lambda pairs: [list(pair) for pair in dict.fromkeys(pairs)]
)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    sizes = draw(st.lists(st.integers(1, 4), min_size=1, max_size=15))
    source = b"".join(b"a = [\n" + b"1,\n" * (n - 2) + b"]\n" if n > 1 else b"a\n" for n in sizes)
    starts = [1 + sum(sizes[:i]) for i in range(len(sizes))]
    states = draw(st.lists(st.sampled_from("hm-"), min_size=len(sizes), max_size=len(sizes)))
    hit = [line for line, state in zip(starts, states, strict=True) if state == "h"]
    missed = [line for line, state in zip(starts, states, strict=True) if state == "m"]
    new = draw(st.sets(st.integers(1, sum(sizes)), min_size=1))
    both = draw(arcs), draw(arcs)
    return entry(hit, missed, both), tuple((line, line) for line in sorted(new)), source


@given(cases())
@same_every_time
def test_what_was_run_and_what_was_not_is_all(
    case: Case,
) -> None:
    file, new, source = case
    seen = told(report(app=file), changed(modified("app.py", *new)), source)
    assert all(0 <= seen.metrics.get(name, 0) <= 100 for name in ("new-line", "new-branch"))
    for name in ("new-line", "new-branch", "new-lines.missing"):
        assert (name in seen.metrics) != (name in seen.inapplicable)
    whole = FileChange("app.py", "added", added=((1, source.count(b"\n")),))
    all_of_it = told(report(app=file), changed(whole), source)
    coverable = len(file["executed_lines"]) + len(file["missing_lines"])
    assert all_of_it.metrics["new-lines"] == coverable
    assert all_of_it.metrics.get("new-lines.missing", 0) == len(file["missing_lines"])
    assert seen.metrics["new-lines"] <= min(coverable, len(new))
    if count := seen.metrics["new-lines"]:
        assert seen.metrics["new-line"] == 100 * (count - seen.metrics["new-lines.missing"]) / count


@given(cases(), st.integers(1, 30), st.booleans())
@same_every_time
def test_lines_that_were_put_in_elsewhere_change_nothing(case: Case, count: int, run: bool) -> None:
    """Old lines above what is new (at the base there already), and another file."""
    file, new, source = case
    before = told(report(app=file), changed(modified("app.py", *new)), source)

    def down(line: int) -> int:
        return line + count if line > 0 else line

    above = list(range(1, count + 1))
    moved = entry(
        [*(above if run else []), *map(down, file["executed_lines"])],
        [*([] if run else above), *map(down, file["missing_lines"])],
        (
            [list(map(down, arc)) for arc in file["executed_branches"]],
            [list(map(down, arc)) for arc in file["missing_branches"]],
        ),
    )
    lower = tuple((first + count, last + count) for first, last in new)
    seen = told(
        report(app=moved, other=entry([1], [2])),
        changed(modified("app.py", *lower)),
        lines(count) + source,
    )
    assert (seen.metrics, seen.inapplicable) == (before.metrics, before.inapplicable)


# real commits


def ranges(text: str) -> list[int]:
    """The numbers of ``1-3,7``."""
    found: list[int] = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        found += range(int(first), int(last or first) + 1) if part else []
    return found


def skeleton(statements: Mapping[str, str], count: int) -> bytes:
    """A source in which the statements of several lines stand where they do in the real one."""
    rows = [""] * count
    for first, further in statements.items():
        *within, last = ranges(further)
        rows[int(first) - 1], rows[last - 1] = "a = [", "]"
        for row in within:
            rows[row - 1] = "1,"
    return "\n".join([*rows, ""]).encode()


@pytest.mark.parametrize("name", SAVED)
def test_it_agrees_with_diff_cover(name: str) -> None:
    """Line for line, but for the statements in which only further lines were changed: diff-cover
    looks for the very lines of a diff in coverage's report, in which these have none."""
    files = SAVED[name]
    sources = {f: skeleton(told["statements"], told["lines"]) for f, told in files.items()}
    change = changed(
        *(modified(f, *((n, n) for n in ranges(told["added"]))) for f, told in files.items())
    )
    told_of = {
        f: entry(ranges(told["executed"]), ranges(told["missing"])) for f, told in files.items()
    }
    seen = newcode.new_lines({"files": told_of}, change, sources.__getitem__, ROOT)
    ours = {file.path: file for file in seen}
    for path, told in files.items():
        within = set(ranges(told["only-within"]))
        covered, violations = ranges(told["diff-cover-covered"]), ranges(told["diff-cover-missing"])
        missed = within & set(ranges(told["missing"]))
        assert within.isdisjoint([*covered, *violations, *ranges(told["added"])])
        assert ours[path].lines == len(covered) + len(violations) + len(within)
        assert ours[path].lines - ours[path].hit == len(violations) + len(missed)
        assert set(violations) <= {
            line for first, last in ours[path].missing for line in range(first, last + 1)
        }


# what the gate says


def gate(
    here: Path, change: Change | None, *asked: str, files: tuple[str, ...] = (), **more: Any
) -> Evidence:
    """What the gate reads off a report in which line 1 of app.py was run, and line 2 was not."""
    told_of = report(app=entry([1], [2]))
    for told_file in told_of["files"].values():
        told_file["summary"] = {"num_statements": 2, "covered_lines": 1}
    at = project(here, change=change, files=files, **more)
    return coverage.read(told_of, at, asked)


def test_without_a_base_new_code_is_unknown_when_it_is_asked_for(tmp_path: Path) -> None:
    for asked in ("new-line", "new-lines.missing", "new-branch:app.py"):
        unknown = gate(tmp_path, None, asked).unknown or ""
        assert "no base to compare with" in unknown
        assert "--devops-gates-base" in unknown
    assert (
        gate(tmp_path, None, "new-line", base_error="a shallow clone").unknown == "a shallow clone"
    )


def test_without_a_base_new_code_is_left_out_when_it_is_not_asked_for(tmp_path: Path) -> None:
    evidence = gate(tmp_path, None, "line", base_error="a shallow clone")
    assert evidence.unknown is None
    assert (evidence.metrics, evidence.inapplicable) == ({"line": 50.0, "total": 50.0}, {})


def test_new_code_stands_beside_the_rest(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_bytes(lines(2))
    evidence = gate(tmp_path, changed(modified("app.py", (2, 2))), "new-line:app.py")
    assert evidence.metrics == {
        "line": 50.0,
        "total": 50.0,
        "new-lines": 1,
        "new-lines.missing": 1,
        "new-line": 0.0,
        "new-line:app.py": 0.0,
    }
    assert evidence.notes == ("new lines that no test ran: app.py:2",)


def test_what_is_inapplicable_is_told(tmp_path: Path) -> None:
    evidence = gate(tmp_path, changed(modified("README.md", (2, 2))), "new-line")
    assert evidence.inapplicable["new-line"] == "no coverable line in the 1 changed line"
    assert "new-line" not in evidence.metrics
    assert evidence.unknown is None


def test_a_path_that_matches_nothing_is_unknown(tmp_path: Path) -> None:
    unknown = gate(tmp_path, changed(modified("README.md", (2, 2))), "new-line:ap.py").unknown
    assert unknown == "no measured file matches 'ap.py'"


def test_changed_code_that_was_not_measured_is_told(tmp_path: Path) -> None:
    change = changed(*(FileChange(n, "added", added=((1, 2),)) for n in ("b.py", "tests/a.py")))
    assert gate(tmp_path, change, "new-line").notes == ("changed, but not measured: b.py",)
    assert gate(tmp_path, change, "line").notes == ()


def test_when_another_copy_was_measured_new_code_is_unknown(tmp_path: Path) -> None:
    change = changed(modified("src/app.py", (2, 2)))
    evidence = gate(tmp_path, change, "new-line", files=("src/app.py",))
    assert "no file of the checkout" in (evidence.unknown or "")
    assert gate(tmp_path, change, "line", files=("src/app.py",)).unknown is None
    assert gate(tmp_path, change, "new-line", files=("src/app.py", "app.py")).unknown is None


def test_a_source_that_cannot_be_read_is_unknown(tmp_path: Path) -> None:
    with pytest.raises(CannotTell, match=r"app\.py cannot be read: No such file"):
        gate(tmp_path, changed(modified("app.py", (2, 2))), "new-line")
