"""The gate ``dependencies``: what deptry says, what it passes over, and what it guesses."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_devops_gates import deptry_json
from pytest_devops_gates.errors import CannotTell
from pytest_devops_gates.evidence import Confidence, Evidence, Severity
from pytest_devops_gates.gate import Output
from pytest_devops_gates.gates import dependencies
from pytest_devops_gates.gates.dependencies import DEPENDENCIES, arguments, judged
from pytest_devops_gates.optional_imports import optional_lines
from pytest_devops_gates.testing import judge, project, prove, write
from tests.unit.samples import DATA

REPORT = (DATA / "deptry-0.25.1.json").read_bytes()
SAID = (DATA / "deptry-0.25.1-stderr.txt").read_bytes()
CLEAN = (DATA / "deptry-0.25.1-clean-stderr.txt").read_bytes()
TOML = '[project]\nname = "app"\nversion = "1"\ndependencies = ["msgspec"]\n'


def read(
    report: bytes = REPORT,
    code: int = 1,
    said: bytes = SAID,
    guarded: Callable[[str, int], bool] = lambda path, line: line == 6,
    of: list[str] | None = None,
) -> Evidence:
    return deptry_json.read(Output(code, b"", said, report=report), guarded, of)


def told(evidence: Evidence) -> dict[str, Severity]:
    return {f.message.split("'")[1]: f.severity for f in evidence.findings}


def test_findings_have_their_place_and_severity():
    evidence = read()
    assert told(evidence) == {
        "PyYAML": Severity.LOW,
        "not-installed-here": Severity.LOW,
        "jinja2": Severity.LOW,
        "hypothesis": Severity.HIGH,
        "pluggy": Severity.MEDIUM,
        "simplejson": Severity.INFO,
    }
    found = {f.rule: f for f in evidence.findings}
    assert (found["DEP004"].path, found["DEP004"].line) == ("src/app/__init__.py", 1)
    assert evidence.examined == 1
    assert evidence.notes == (
        "declared, but not installed here, so known by name alone: not-installed-here",
    )


def test_a_missing_module_may_come_from_what_is_not_installed():
    evidence = read()
    assert "nowhere" not in told(evidence)
    assert evidence.unknown == (
        "nowhere may come from not-installed-here, declared and not installed"
        " · python -m pip install not-installed-here"
    )
    guess = next(f for f in evidence.findings if "not-installed-here" in f.message)
    assert guess.confidence == Confidence.LOW


def test_a_missing_module_is_one_where_all_is_installed():
    issues = [one for one in json.loads(REPORT) if one["module"] != "not-installed-here"]
    evidence = read(json.dumps(issues).encode(), said=b"Scanning 1 file...\n")
    assert (told(evidence)["nowhere"], evidence.unknown) == (Severity.HIGH, None)


def test_what_is_unused_may_be_used_in_a_file_that_was_not_read():
    said = (DATA / "deptry-0.25.1-skipped-stderr.txt").read_bytes()
    evidence = read(said=said)
    assert "DEP002" not in {f.rule for f in evidence.findings}
    assert evidence.examined == 1
    assert evidence.unknown
    assert evidence.unknown.startswith("deptry could not read src/app/broken.py: ")


def test_only_what_should_be_imported_is_judged_to_be_unused():
    found = told(read(of=["pyyaml"]))
    assert "PyYAML" in found
    assert "jinja2" not in found


def test_what_is_optional_once_in_a_file_is_so_in_all_of_it():
    issue = next(one for one in json.loads(REPORT) if one["module"] == "simplejson")
    again = issue | {"location": issue["location"] | {"line": 20}}
    elsewhere = issue | {"location": issue["location"] | {"file": "src/app/other.py", "line": 20}}
    evidence = read(json.dumps([issue, again, elsewhere]).encode(), said=b"Scanning 2 files...\n")
    severities = [finding.severity for finding in evidence.findings]
    assert severities == [Severity.INFO, Severity.INFO, Severity.HIGH]


def test_nothing_found_is_a_pass():
    evidence = read(b"[]", 0, CLEAN)
    assert (evidence.findings, evidence.examined, evidence.unknown) == ((), 1, None)


@pytest.mark.parametrize(
    ("report", "code", "said", "reason"),
    [
        (b"[]", 1, SAID, "contradicts itself: it exited with 1 and 0 issues"),
        (REPORT, 0, SAID, "contradicts itself: it exited with 0 and 7 issues"),
        (b"[]", 0, b"", "does not say how many files"),
        (b"[]", 0, CLEAN + CLEAN, "does not say how many files"),
        (b"[]", 0, b"Scanning 0 file...\n", "read no file"),
        (b"", 0, CLEAN, "printed nothing"),
        (b"[", 0, CLEAN, "cannot be read"),
        (b"{}", 0, CLEAN, "another shape"),
        (b'[{"error": {"code": "DEP001", "message": "x"}}]', 1, SAID, "another shape"),
        (REPORT.replace(b"DEP003", b"DEP999"), 1, SAID, "a rule that is not known: 'DEP999'"),
    ],
)
def test_a_report_that_cannot_be_believed_is_unknown(report, code, said, reason):
    with pytest.raises(CannotTell, match=reason):
        read(report, code, said)


def test_all_files_unread_is_no_pass():
    said = b'Scanning 1 file...\nWarning: Skipping processing of a.py because of the following error: "SyntaxError: x".\n'
    with pytest.raises(CannotTell, match=r"read no file: a\.py"):
        read(b"[]", 0, said)


# optional imports


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        ("try:\n    import a\nexcept ImportError:\n    import b\n", {2}),
        ("try:\n    import a\nexcept (OSError, ModuleNotFoundError):\n    pass\n", {2}),
        ("try:\n    from a import (\n        b,\n    )\nexcept:\n    pass\n", {2, 3, 4}),
        ("try:\n    import a\nexcept ValueError:\n    pass\n", set()),
        ("try:\n    import a\nfinally:\n    pass\n", set()),
        ("try:\n    import a\nexcept ImportError:\n    pass\nelse:\n    import b\n", {2, 6}),
        ("try:\n    f()\nexcept Exception:\n    pass\nelse:\n    import b\n", set()),
        ("try:\n    if x:\n        import a\nexcept ImportError:\n    pass\n", {3}),
        ("try:\n    def f():\n        import a\nexcept ImportError:\n    pass\n", set()),
        ("import contextlib as c\nwith c.suppress(ImportError):\n    import a\n", {3}),
        ("with open('x'):\n    import a\n", set()),
        ("import a\n", set()),
    ],
)
def test_imports_whose_failure_is_caught_are_optional(source, lines):
    assert optional_lines(source, "a.py") == lines


def test_a_source_that_cannot_be_parsed_has_none():
    with pytest.raises(CannotTell):
        optional_lines("def (:\n", "a.py")


# the gate


def test_it_looks_at_the_product_unless_the_project_says_otherwise(tmp_path):
    write(tmp_path, {"pyproject.toml": TOML, "src/app/__init__.py": ""})
    here = project(tmp_path)
    assert arguments(here)[:2] == ["--known-first-party", "app"]
    assert arguments(here)[-1] == "src/app"
    assert judged(here) == {"msgspec"}
    write(tmp_path, {"pyproject.toml": TOML + "[tool.deptry]\n"})
    assert (arguments(project(tmp_path)), judged(project(tmp_path))) == (["."], None)


@pytest.mark.parametrize(
    ("toml", "arises"),
    [
        ("", False),
        ('[project]\nname = "a"\n', True),
        ('[project]\nname = "a"\ndynamic = ["dependencies"]\n', False),
        ('[project]\nname = "a"\ndynamic = ["dependencies"]\n[tool.deptry]\n', True),
        ("[tool.poetry]\ndependencies = { python = '^3.10' }\n", True),
        ("[tool.poetry]\n", False),
        ("[tool.ruff]\n", False),
    ],
)
def test_it_arises_where_dependencies_are_declared(tmp_path, toml, arises):
    write(tmp_path, {"pyproject.toml": toml})
    assert (dependencies.applies(project(tmp_path), None) is None) is arises


def test_without_deptry_it_is_unknown_with_the_line_that_installs_it(tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(CannotTell, match=r"pip install 'pytest-devops-gates\[security\]'"):
        dependencies.check(project(tmp_path), None, ())


def test_it_bites(tmp_path: Path):
    write(tmp_path, {"pyproject.toml": TOML, "src/app/__init__.py": "import msgspec\n"})
    clean, planted = prove(DEPENDENCIES, tmp_path)
    assert (clean.outcome, planted.outcome) == ("pass", "fail")
    assert planted.rules == ["DEP003"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pyproject.toml", "src"]


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ("nonsense = 3\n", "deptry exited with 2: Error: .* invalid configuration options"),
        ("package_module_name_map = 3\n", "deptry left no report: AttributeError"),
        ('exclude = [".*"]\n', "read no file|contradicts itself"),
    ],
)
def test_settings_that_do_not_work_are_unknown(tmp_path, settings, reason):
    toml = f"{TOML}[tool.deptry]\n{settings}"
    write(tmp_path, {"pyproject.toml": toml, "src/app/__init__.py": "import msgspec\n"})
    found = judge(DEPENDENCIES, tmp_path)
    assert found.outcome == "unknown"
    assert re.search(reason, found.reason)
