"""The readers of tools, on output that the real tools left (tests/data)."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_devops_gates import measurement
from pytest_devops_gates.bandit_files import by_file
from pytest_devops_gates.errors import CannotTell
from pytest_devops_gates.evidence import Confidence, Evidence, Severity
from pytest_devops_gates.gate import Output
from pytest_devops_gates.gates import bandit, coverage, install, ruff
from pytest_devops_gates.project import Project
from tests.unit.samples import DATA, project, same_every_time

Read = Callable[[Output, Project, Any], Evidence]


@pytest.fixture
def here(tmp_path: Path) -> Project:
    return project(tmp_path)


def saved(name: str, exit_code: int, census: bytes = b"") -> Output:
    return Output(exit_code, (DATA / name).read_bytes(), census=census)


def printed(value: Any, exit_code: int, census: bytes = b"a.py\n") -> Output:
    return Output(exit_code, json.dumps(value).encode(), census=census)


CENSUS = (DATA / "ruff-0.17.6-show-files.txt").read_bytes()
CONTRADICTION = "contradicts itself: it exited with"


@pytest.mark.parametrize(
    "file", sorted(f for f in DATA.rglob("*") if f.is_file()), ids=lambda file: file.name
)
def test_saved_output_names_no_folder_but_project(file: Path) -> None:
    text = file.read_text()
    assert not any(f'"/{name}/' in text for name in ("tmp", "home", "root", "work", "Users"))


# ruff check


def test_violations_are_findings(here: Project) -> None:
    found = ruff.read_lint(saved("ruff-0.17.6-check.json", 1, CENSUS), here, {})
    rows = [(f.rule, f.severity, f.path, f.line, f.column, f.end_column) for f in found.findings]
    assert rows == [
        ("F401", Severity.MEDIUM, "/project/a.py", 1, 8, 10),
        ("F821", Severity.HIGH, "/project/a.py", 9, 7, 14),
    ]
    assert found.findings[0].message == "`os` imported but unused"
    assert (found.examined, found.unknown) == (5, None)


def test_clean_code_has_no_findings(here: Project) -> None:
    found = ruff.read_lint(saved("ruff-0.17.6-check-clean.json", 0, CENSUS), here, {})
    assert (found.findings, found.examined, found.unknown) == ((), 5, None)


def test_a_syntax_error_is_a_finding_of_high_severity(here: Project) -> None:
    found = ruff.read_lint(saved("ruff-0.17.6-check-syntax-error.json", 1, CENSUS), here, {})
    assert {f.rule for f in found.findings} == {"invalid-syntax"}
    assert {f.severity for f in found.findings} == {Severity.HIGH}
    assert len(found.findings) == 3


@pytest.mark.parametrize("census", [b"", b"\n", b"/project/pyproject.toml\n", b"a.txt\n"])
def test_without_python_in_the_census_nothing_was_examined(census: bytes, here: Project) -> None:
    output = saved("ruff-0.17.6-check-clean.json", 0, census)
    assert ruff.read_lint(output, here, {}).examined == 0


@pytest.mark.parametrize(
    ("code", "severity"),
    [
        *((code, Severity.HIGH) for code in ("E902", "F632", "F706", "F821", None)),
        *((code, Severity.HIGH) for code in ("invalid-syntax", "syntax-error")),
        *((code, Severity.MEDIUM) for code in ("E501", "F401", "F841", "S602", "XF821", "F8210")),
    ],
)
def test_severity_of_a_rule(code: str | None, severity: Severity, here: Project) -> None:
    output = printed([{"code": code, "message": "m", "filename": "a.py"}], 1)
    (found,) = ruff.read_lint(output, here, {}).findings
    assert found.severity is severity


def test_a_place_may_be_missing(here: Project) -> None:
    entry = {"code": None, "message": "", "filename": None, "location": None}
    (found,) = ruff.read_lint(printed([entry], 1), here, {}).findings
    assert (found.rule, found.message, found.path, found.line) == ("syntax-error", "", None, None)


# ruff format


def test_unformatted_files_are_findings(here: Project) -> None:
    found = ruff.read_format(saved("ruff-0.17.6-format.json", 1, CENSUS), here, {})
    rows = [(f.rule, f.severity, f.path, f.message) for f in found.findings]
    assert rows == [
        ("unformatted", Severity.LOW, "/project/b.py", "File would be reformatted"),
    ]
    assert (found.examined, found.unknown) == (5, None)


def test_formatted_files_are_no_findings(here: Project) -> None:
    found = ruff.read_format(saved("ruff-0.17.6-check-clean.json", 0, CENSUS), here, {})
    assert (found.findings, found.examined, found.unknown) == ((), 5, None)


def test_a_file_that_the_formatter_cannot_parse_is_named(here: Project) -> None:
    output = saved("ruff-0.17.6-format-syntax-error.json", 1, CENSUS)
    with pytest.raises(CannotTell, match=r"could not parse c\.py: Expected an identifier"):
        ruff.read_format(output, here, {})


def test_the_formatter_ends_with_2_over_a_file_that_it_cannot_parse(here: Project) -> None:
    with pytest.raises(CannotTell):
        ruff.read_format(saved("ruff-0.17.6-format-syntax-error.json", 2, CENSUS), here, {})


# a project's pin


PINNED = """
repos:
  - repo: https://github.com/astral-sh/ruff-pre-commit
    rev: v0.1.2
    hooks:
      - id: ruff
      - id: ruff-format
"""


def test_findings_of_another_ruff_than_the_pinned_one_say_so(here: Project) -> None:
    (here.root / ".pre-commit-config.yaml").write_text(PINNED)
    found = ruff.read_lint(saved("ruff-0.17.6-check.json", 1, CENSUS), here, {})
    assert len(found.findings) == 2
    assert any("pins 0.1.2" in note for note in found.notes)


def test_another_formatter_than_the_pinned_one_cannot_tell(here: Project) -> None:
    (here.root / ".pre-commit-config.yaml").write_text(PINNED)
    found = ruff.read_format(saved("ruff-0.17.6-format.json", 1, CENSUS), here, {})
    assert found.unknown is not None
    assert "pins 0.1.2" in found.unknown


def test_another_formatter_that_finds_nothing_to_do_can_tell(here: Project) -> None:
    (here.root / ".pre-commit-config.yaml").write_text(PINNED)
    found = ruff.read_format(saved("ruff-0.17.6-check-clean.json", 0, CENSUS), here, {})
    assert (found.unknown, found.findings) == (None, ())


@pytest.mark.parametrize("read", [ruff.read_lint, ruff.read_format])
@pytest.mark.parametrize(
    ("name", "exit_code"),
    [
        ("ruff-0.17.6-check-clean.json", 1),
        ("ruff-0.17.6-format.json", 0),
        ("ruff-0.17.6-check.json", 0),
    ],
)
def test_ruff_contradicts_itself(read: Read, name: str, exit_code: int, here: Project) -> None:
    with pytest.raises(CannotTell, match=CONTRADICTION):
        read(saved(name, exit_code, CENSUS), here, {})


@pytest.mark.parametrize("read", [ruff.read_lint, ruff.read_format])
@pytest.mark.parametrize("value", [{}, {"results": []}, None, 1, "x", [1], [[]], [{}, None]])
@pytest.mark.parametrize("exit_code", [0, 1])
def test_what_is_no_list_of_violations(
    read: Read, value: Any, exit_code: int, here: Project
) -> None:
    with pytest.raises(CannotTell, match="another shape"):
        read(printed(value, exit_code), here, {})


# bandit


def read_bandit(output: Output, project: Project, options: Any) -> Evidence:
    """What the gate tells of one report, when it asked for the files that are in there."""
    told = by_file(output)
    return bandit.tell(list(told), told)


def test_results_are_findings(here: Project) -> None:
    found = read_bandit(saved("bandit-1.9.4.json", 1), here, {})
    rows = [(f.rule, f.severity, f.confidence, f.path, f.line) for f in found.findings]
    assert rows == [
        ("B404", Severity.LOW, Confidence.HIGH, "./a.py", 2),
        ("B602", Severity.HIGH, Confidence.HIGH, "./a.py", 6),
    ]
    shell = found.findings[1]
    # bandit counts columns from 0
    assert (shell.column, shell.end_line, shell.end_column) == (12, 6, 45)
    assert "shell=True" in shell.message
    assert (found.examined, found.unknown) == (5, None)
    assert found.metrics == {"nosec": 0, "lines": 14}


def test_nothing_insecure_is_no_finding(here: Project) -> None:
    found = read_bandit(saved("bandit-1.9.4-clean.json", 0), here, {})
    assert (found.findings, found.examined, found.unknown) == ((), 1, None)


def test_a_file_that_bandit_could_not_read_is_named(here: Project) -> None:
    found = read_bandit(saved("bandit-1.9.4-syntax-error.json", 1), here, {})
    said = "bandit could not read c.py: syntax error while parsing AST from file"
    assert (found.unknown, found.examined) == (said, 1)
    assert [f.rule for f in found.findings] == ["B404", "B607", "B602"]


def test_bandit_that_read_nothing_at_all_exits_with_0(here: Project) -> None:
    found = read_bandit(saved("bandit-1.9.4-only-syntax-error.json", 0), here, {})
    assert found.unknown is not None
    assert "c.py" in found.unknown
    assert found.examined == 0


def test_several_files_that_bandit_could_not_read_are_counted(here: Project) -> None:
    report = json.loads((DATA / "bandit-1.9.4-only-syntax-error.json").read_text())
    report["errors"] = [{"filename": f"{name}.py", "reason": "bad"} for name in "abc"]
    found = read_bandit(printed(report, 0), here, {})
    assert found.unknown == "bandit could not read a.py: bad (and 2 more files)"


def test_bandit_without_any_file_examined_nothing(here: Project) -> None:
    report = {"results": [], "errors": [], "metrics": {"_totals": {"loc": 0, "nosec": 0}}}
    assert read_bandit(printed(report, 0), here, {}).examined == 0


@pytest.mark.parametrize(
    ("name", "exit_code"), [("bandit-1.9.4.json", 0), ("bandit-1.9.4-clean.json", 1)]
)
def test_bandit_contradicts_itself(name: str, exit_code: int, here: Project) -> None:
    with pytest.raises(CannotTell, match=CONTRADICTION):
        read_bandit(saved(name, exit_code), here, {})


@pytest.mark.parametrize(
    "value", [[], None, {}, {"results": []}, {"results": [], "errors": []}, "results"]
)
def test_what_is_no_report_of_bandit(value: Any, here: Project) -> None:
    with pytest.raises(CannotTell, match="another shape"):
        read_bandit(printed(value, 0), here, {})


@pytest.mark.parametrize("read", [ruff.read_lint, ruff.read_format, read_bandit])
@pytest.mark.parametrize(
    "data", [b"", b"[", b"[]\n[]", b"\xef\xbb\xbf[]", b"[NaN]", b'{"results": [], "results": []}']
)
@pytest.mark.parametrize("exit_code", [0, 1])
def test_rubbish_is_no_report(read: Read, data: bytes, exit_code: int, here: Project) -> None:
    with pytest.raises(CannotTell):
        read(Output(exit_code, data, census=CENSUS), here, {})


# coverage


@pytest.fixture
def report() -> dict[str, Any]:
    content: dict[str, Any] = json.loads((DATA / "coverage-7.17.3.json").read_text())
    return content


def test_percentages_are_unrounded(report: dict[str, Any], here: Project) -> None:
    found = coverage.read(report, here)
    assert found.metrics == {"line": 100 * 4 / 6, "branch": 50.0, "total": 62.5}
    assert (found.examined, found.unknown, found.findings) == (2, None, ())


def test_the_total_is_that_of_coverage_itself(report: dict[str, Any], here: Project) -> None:
    assert coverage.read(report, here).metrics["total"] == report["totals"]["percent_covered"]


@pytest.mark.parametrize("name", ["pkg", "pkg/", "pkg/core.py", "pkg/*.py", "*/core.py"])
def test_the_percentage_of_a_path(name: str, report: dict[str, Any], here: Project) -> None:
    found = coverage.read(report, here, [f"line:{name}", f"branch:{name}", "failed"])
    assert found.metrics[f"line:{name}"] == 100 * 4 / 6
    assert found.metrics[f"branch:{name}"] == 50.0
    assert f"total:{name}" not in found.metrics
    assert found.unknown is None


def test_a_path_of_the_report_may_be_absolute(report: dict[str, Any], here: Project) -> None:
    report["files"] = {str(here.root / name): file for name, file in report["files"].items()}
    assert coverage.read(report, here, ["total:pkg"]).metrics["total:pkg"] == 62.5


@pytest.mark.parametrize("name", ["pk", "core.py", "pkg/cor", "other", "../pkg"])
def test_a_path_that_matches_nothing_is_unknown(
    name: str, report: dict[str, Any], here: Project
) -> None:
    found = coverage.read(report, here, [f"line:{name}"])
    assert found.unknown == f"no measured file matches '{name}'"
    assert f"line:{name}" not in found.metrics


def test_a_path_without_any_statement_has_no_percentage(
    report: dict[str, Any], here: Project
) -> None:
    assert (
        "line:pkg/__init__.py" not in coverage.read(report, here, ["line:pkg/__init__.py"]).metrics
    )


def test_a_source_that_was_never_imported_is_unknown(report: dict[str, Any], here: Project) -> None:
    found = coverage.read(report, here, unmeasured=["gone", "also"])
    assert found.unknown == "'gone', a source in coverage's settings, was never imported"


def test_nothing_measured_has_no_percentage(here: Project) -> None:
    found = coverage.read({"files": {}}, here)
    assert (found.metrics, found.examined) == ({}, 0)


def test_without_branches_there_is_no_percentage_of_them(
    report: dict[str, Any], here: Project
) -> None:
    for file in report["files"].values():
        for key in [k for k in file["summary"] if "branches" in k]:
            del file["summary"][key]
    assert coverage.read(report, here).metrics == {"line": 100 * 4 / 6, "total": 100 * 4 / 6}


@pytest.mark.parametrize(
    ("files", "name", "expected"),
    [
        (["pkg/__init__.py", "tests/__init__.py"], "x", ["pkg"]),
        (["src/pkg/__init__.py", "other/__init__.py"], "x", ["pkg"]),
        (["b/__init__.py", "a/__init__.py", "docs/__init__.py"], "x", ["a", "b"]),
        (["my-app/__init__.py"], "x", []),
        (["my_mod.py"], "My-Mod", ["my_mod"]),
        (["src/my_mod.py"], "my.mod", ["my_mod"]),
        (["other.py"], "my-mod", []),
        (["pkg/core.py"], "pkg", []),
        ([], "", []),
    ],
)
def test_packages_of_the_usual_layouts(
    files: list[str], name: str, expected: list[str], tmp_path: Path
) -> None:
    for file in files:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).touch()
    found = measurement.packages(tmp_path, {"project": {"name": name}})
    assert [folder.rpartition("/")[2] for folder in found] == expected
    assert measurement.packages(tmp_path, {"project": {"name": name}, "tool": {}}) == found


# install


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        (["pkg/__init__.py", "pkg/core.py", "pkg/sub/__init__.py"], ["pkg"]),
        (["mod.py", "other.py"], ["mod", "other"]),
        (["ns/pkg/__init__.py", "ns/pkg/core.py"], ["ns.pkg"]),
        (["ns/mod.py"], ["ns.mod"]),
        (["ns/a/__init__.py", "ns/b/c/__init__.py"], ["ns.a", "ns.b.c"]),
        (["_fast.cpython-311-x86_64-linux-gnu.so"], ["_fast"]),
        (["_fast.cp311-win_amd64.pyd", "pkg/__init__.py"], ["_fast", "pkg"]),
        (["pkg/__init__.py", "pkg/_fast.abi3.so"], ["pkg"]),
        (["pkg-1.0.data/scripts/run.py", "pkg-1.0.dist-info/RECORD"], []),
        (["pkg-1.0.dist-info/licenses/x.py", "pkg/__init__.py"], ["pkg"]),
        (["my-dir/__init__.py", "1st.py"], []),
        (["pkg/py.typed", "README.md"], []),
        ([], []),
    ],
)
def test_what_can_be_imported_from_a_wheel(members: list[str], expected: list[str]) -> None:
    assert install.import_names(members) == expected


def wheel(**members: str) -> zipfile.ZipFile:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, text in members.items():
            archive.writestr(name.replace("__", "/"), text)
    return zipfile.ZipFile(file)


ENTRY_POINTS = "pkg-1.0.dist-info__entry_points.txt"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[console_scripts]\nrun = pkg:main\n", ["run"]),
        ("[console_scripts]\nb=pkg:main\na = pkg.cli:app [fast]\n", ["a", "b"]),
        ("[console_scripts]\nRun-Me = pkg:main\n", ["Run-Me"]),
        ("[console_scripts]\nrun.py = pkg:main\n%x = pkg:main\n", ["%x", "run.py"]),
        ("[pytest11]\nplugin = pkg.plugin\n", []),
        ("[gui_scripts]\nwindow = pkg:main\n[console_scripts]\n", []),
        ("[pytest11]\nx = y\n\n# all\n[console_scripts]\nrun = pkg:main\n", ["run"]),
        ("", []),
    ],
)
def test_the_commands_of_a_wheel(text: str, expected: list[str]) -> None:
    assert install.console_scripts(wheel(**{ENTRY_POINTS: text})) == expected


def test_a_wheel_without_entry_points_has_no_commands() -> None:
    assert install.console_scripts(wheel(pkg="")) == []


def test_entry_points_of_anything_else_are_no_commands() -> None:
    text = "[console_scripts]\nrun = pkg:main\n"
    assert (
        install.console_scripts(wheel(pkg__entry_points="", **{"a__entry_points.txt": text})) == []
    )


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
NEAR = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(
        ("code", "filename", "message", "location", "results", "errors", "metrics"), JSON
    ),
)


@pytest.mark.parametrize("read", [ruff.read_lint, ruff.read_format, read_bandit])
@same_every_time
@given(value=JSON | NEAR | st.lists(NEAR, max_size=2), exit_code=st.sampled_from([0, 1]))
def test_json_of_any_shape_is_read_or_refused(
    read: Read, value: Any, exit_code: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    here = project(tmp_path_factory.getbasetemp())
    try:
        evidence = read(printed(value, exit_code), here, None)
    except CannotTell:
        return
    evidence.checked()
