"""The gate types: the choice of a checker, the commands, and the readers on real output."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_devops_gates.checkers import checker as common
from pytest_devops_gates.checkers import mypy
from pytest_devops_gates.errors import CannotTell, UsageError
from pytest_devops_gates.evidence import Evidence, Severity
from pytest_devops_gates.gate import Output
from pytest_devops_gates.gates.types import CHECKERS, NONE, TYPES, Options, choose, pinned
from pytest_devops_gates.testing import judge, project, prove, read, write
from tests.unit.samples import DATA, same_every_time

MEDIUM, LOW, INFO = Severity.MEDIUM, Severity.LOW, Severity.INFO
BAD = 'def f() -> int:\n    value: int = "text"\n    return value\n'
GOOD = "def f(a: int) -> str:\n    return str(a)\n"
PROJECT = '[project]\nname = "pkg"\nversion = "1"\n'
MYPY = {
    "pyproject.toml": PROJECT + "[tool.mypy]\nstrict = true\n",
    "pkg/__init__.py": "",
    "pkg/good.py": GOOD,
}


def saved(name: str, exit_code: int) -> Output:
    report = next(f for f in (DATA / f"{name}.jsonl", DATA / f"{name}.json") if f.is_file())
    log = DATA / f"{name}-stderr.txt"
    return Output(exit_code, report.read_bytes(), log.read_bytes() if log.is_file() else b"")


def told(checker: str, name: str, exit_code: int) -> Evidence:
    return CHECKERS[checker].read(saved(name, exit_code))


def rows(evidence: Evidence) -> list[tuple[Any, ...]]:
    return [
        (f.rule, f.severity, f.path, f.line, f.column, f.end_line, f.end_column)
        for f in evidence.findings
    ]


# the readers, on what the real tools left

PYRIGHT_ROWS = [
    ("reportMissingImports", MEDIUM, "/project/pkg/bad.py", 1, 8, 1, 15),
    ("reportAssignmentType", MEDIUM, "/project/pkg/bad.py", 5, 18, 5, 24),
    ("reportArgumentType", MEDIUM, "/project/pkg/bad.py", 10, 7, 10, 10),
    ("information", INFO, "/project/pkg/bad.py", 11, 17, 11, 18),
]
FOUND: dict[tuple[str, str], list[tuple[Any, ...]]] = {
    ("mypy", "mypy-2.4.1"): [
        ("import-not-found", MEDIUM, "pkg/bad.py", 1, 1, 1, 2),
        ("assignment", MEDIUM, "pkg/bad.py", 5, 18, 5, 24),
        ("arg-type", MEDIUM, "pkg/bad.py", 10, 7, 10, 10),
    ],
    ("pyright", "pyright-1.1.414"): PYRIGHT_ROWS,
    ("pyrefly", "pyrefly-1.4.1"): [("missing-import", MEDIUM, "pkg/bad.py", 1, 8, 1, 15)],
    ("ty", "ty-0.0.107"): [
        ("import-not-found", MEDIUM, "pkg/bad.py", 1, 8, 1, 15),
        ("invalid-assignment", MEDIUM, "pkg/bad.py", 5, 18, 5, 24),
        ("invalid-argument-type", MEDIUM, "pkg/bad.py", 10, 7, 10, 10),
        ("undefined-reveal", MEDIUM, "pkg/bad.py", 11, 5, 11, 16),
        ("revealed-type", INFO, "pkg/bad.py", 11, 17, 11, 18),
    ],
}


@pytest.mark.parametrize(("checker", "name"), FOUND)
def test_errors_are_findings(checker: str, name: str) -> None:
    found = told(checker, name, 1)
    assert rows(found) == FOUND[checker, name]
    assert (found.examined, found.unknown) == (3, None)


def test_basedpyright_tells_as_pyright_does() -> None:
    found = told("basedpyright", "basedpyright-1.40.2", 1)
    assert set(PYRIGHT_ROWS) <= set(rows(found))
    assert found.examined == 3
    assert LOW in {f.severity for f in found.findings}


@pytest.mark.parametrize(
    ("checker", "name"),
    [
        ("mypy", "mypy-2.4.1-clean"),
        ("pyright", "pyright-1.1.414-clean"),
        ("pyrefly", "pyrefly-1.4.1-clean"),
        ("ty", "ty-0.0.107-clean"),
    ],
)
def test_clean_code_has_no_findings(checker: str, name: str) -> None:
    found = told(checker, name, 0)
    assert (found.findings, found.examined, found.unknown, found.notes) == ((), 2, None, ())


def test_notes_of_mypy_are_no_findings_though_it_exits_with_1() -> None:
    found = told("mypy", "mypy-2.4.1-notes", 1)
    assert (found.findings, found.examined, found.unknown) == ((), 3, None)


def test_a_syntax_error_stops_mypy() -> None:
    found = told("mypy", "mypy-2.4.1-broken", 2)
    assert found.unknown == (
        "mypy could check nothing: pkg/broken.py:1: "
        "Expected a parameter or the end of the parameter list"
    )
    assert found.findings == ()
    assert "LOG:" not in found.log


def test_mypy_tells_of_settings_that_it_does_not_know() -> None:
    output = saved("mypy-2.4.1-clean", 0)
    said = b"mypy.ini: [mypy]: Unrecognized option: foo = 1\n" + output.stderr
    found = mypy.read(Output(0, output.stdout, said))
    assert found.notes == ("mypy.ini: [mypy]: Unrecognized option: foo = 1",)


def entry(**fields: Any) -> bytes:
    whole = {"file": "a.py", "line": 1, "column": 0, "message": "m", "severity": "error"}
    return json.dumps({**whole, **fields}).encode() + b"\n"


LOG = b"LOG:  Found source:  BuildSource('a.py')\nLOG:  Build finished in 1 seconds\n"


@pytest.mark.parametrize(
    ("fields", "row"),
    [
        ({"line": -1, "column": -1}, ("syntax", MEDIUM, "a.py", None, None, None, None)),
        ({"code": "misc"}, ("misc", MEDIUM, "a.py", 1, 1, None, None)),
        ({"end_line": 2, "end_column": 0}, ("syntax", MEDIUM, "a.py", 1, 1, 2, 1)),
    ],
)
def test_places_of_mypy(fields: dict[str, Any], row: tuple[Any, ...]) -> None:
    assert rows(mypy.read(Output(1, entry(**fields), LOG))) == [row]


def pyright(*severities: str, files: int = 1, errors: int | None = None) -> bytes:
    entries = [{"file": "a.py", "severity": s, "message": "m"} for s in severities]
    counted = severities.count("error") if errors is None else errors
    summary = {"filesAnalyzed": files, "errorCount": counted}
    return json.dumps({"generalDiagnostics": entries, "summary": summary}).encode()


def pyrefly(*severities: str) -> bytes:
    place = {"line": 1, "column": 1, "stop_line": 1, "stop_column": 1, "path": "a.py"}
    named = {"name": "n", "description": "d"}
    return json.dumps({"errors": [{**place, **named, "severity": s} for s in severities]}).encode()


def ty(*severities: str) -> bytes:
    at = {"line": 1, "column": 1}
    location = {"path": "a.py", "positions": {"begin": at, "end": at}}
    named = {"check_name": "n", "description": "n: d", "location": location}
    return json.dumps([{**named, "severity": s} for s in severities]).encode()


MODULES = b" INFO 3 modules (20 dependent modules); 5 lines\n"
INDEXED = b"INFO Indexed 3 file(s) in 0.002s\n"

UNKNOWN = [
    # rubbish, and what is cut off
    ("mypy", 1, b"rubbish\n", LOG, "JSON"),
    ("mypy", 1, entry()[:-9], LOG, "JSON"),
    ("mypy", 1, entry() + b"\xff\n", LOG, "UTF-8"),
    ("mypy", 1, b"\xef\xbb\xbf" + entry(), LOG, "byte-order mark"),
    ("mypy", 1, b'{"file": "a", "file": "b"}', LOG, "duplicate keys"),
    ("mypy", 1, entry(line=None), LOG, "another shape"),
    ("pyright", 1, b"", b"no node here\n", "exited with 1: no node here"),
    ("pyright", 1, b"", b"RuntimeError: nodeenv failed; for\n", r"install 'pyright\[nodejs\]'"),
    ("pyright", 0, b"", b"", "printed nothing"),
    ("pyright", 0, pyright() * 2, b"", "JSON"),
    ("pyright", 0, b"[" * 200_000, b"", "JSON"),
    ("pyrefly", 0, b"", MODULES, "printed nothing"),
    ("pyrefly", 0, b'{"errors": NaN}', MODULES, "JSON"),
    ("ty", 0, b"", INDEXED, "printed nothing"),
    ("ty", 0, b"{}", INDEXED, "another shape"),
    # exit codes against what was listed
    ("mypy", 0, entry(), LOG, "contradicts itself"),
    ("mypy", 1, b"", LOG, "contradicts itself"),
    ("pyright", 0, pyright("error"), b"", "contradicts itself"),
    ("pyright", 1, pyright(), b"", "contradicts itself"),
    ("pyright", 1, pyright("error", errors=2), b"", "listed 1 errors and counted 2"),
    ("pyrefly", 0, pyrefly("error"), MODULES, "contradicts itself"),
    ("pyrefly", 1, pyrefly(), MODULES, "contradicts itself"),
    ("ty", 0, ty("major"), INDEXED, "contradicts itself"),
    ("ty", 1, ty(), INDEXED, "contradicts itself"),
    # no proof of what was read
    ("mypy", 0, b"", b"LOG:  Found source:  x\n", "does not say that it finished"),
    ("pyrefly", 0, pyrefly(), b" INFO 0 errors\n", "how many modules"),
    ("ty", 0, ty(), b"", "how many files"),
    # what they cannot read, and crashes
    ("mypy", 0, b"", b"mypy.ini: File contains no section headers.\n" + LOG, "its settings"),
    ("pyrefly", 1, b"", b" WARN x\nERROR p.toml: bad\n\nFatal\n", "ERROR p.toml: bad"),
    ("pyrefly", 2, b"", b"error: unexpected argument\n\nhelp\n", "unexpected argument"),
    ("ty", 2, b"", b"INFO x\nty failed\n  Cause: bad\n", "exited with 2: ty failed Cause: bad"),
    ("ty", 2, ty("major"), INDEXED, "exited with 2"),
    ("ty", 1, ty("critical"), INDEXED, "crashed over a.py: n: d"),
    ("pyright", 2, pyright(), b"", "fatal"),
    # severities that nobody knows
    ("pyright", 1, pyright("odd", "error"), b"", "not known: odd"),
    ("pyrefly", 1, pyrefly("odd"), MODULES, "not known: odd"),
    ("ty", 1, ty("odd"), INDEXED, "not known: odd"),
]


@pytest.mark.parametrize(("checker", "code", "stdout", "stderr", "reason"), UNKNOWN)
def test_what_cannot_be_believed(
    checker: str, code: int, stdout: bytes, stderr: bytes, reason: str
) -> None:
    with pytest.raises(CannotTell, match=reason):
        CHECKERS[checker].read(Output(code, stdout, stderr))


@pytest.mark.parametrize(
    ("stdout", "stderr", "reason"),
    [
        (b"", b"LOG:  x\nCan't find package 'a'\n", "mypy exited with 2: Can't find package 'a'"),
        (b"", b"", "mypy exited with 2: it printed nothing"),
        (b"Found 1 error\n", b"x: error: no\n", "mypy exited with 2: x: error: no"),
        (entry(line=-1), LOG, "mypy could check nothing: a.py:1: m"),
    ],
)
def test_mypy_says_why_it_could_not_check(stdout: bytes, stderr: bytes, reason: str) -> None:
    assert mypy.read(Output(2, stdout, stderr)).unknown == reason


@pytest.mark.parametrize(
    ("checker", "stdout", "stderr"),
    [
        ("mypy", b"\n", b"LOG:  Build finished in 1 seconds\n"),
        ("pyright", pyright(files=0), b""),
        ("pyrefly", pyrefly(), b" INFO 0 modules (1 dependent module); 5 lines\n"),
        ("ty", ty(), b"INFO Indexed 0 file(s)\nWARN No python files found\n"),
    ],
)
def test_no_file_is_no_input(checker: str, stdout: bytes, stderr: bytes) -> None:
    assert CHECKERS[checker].read(Output(0, stdout, stderr)).examined == 0


def test_thousands_are_numbers() -> None:
    log = b" INFO 1,234 modules (20 dependent modules); 5 lines\n"
    assert CHECKERS["pyrefly"].read(Output(0, pyrefly(), log)).examined == 1234


@same_every_time
@given(st.sampled_from(sorted(CHECKERS)), st.integers(0, 2), st.binary(), st.binary())
def test_a_reader_makes_evidence_or_says_why_not(
    checker: str, code: int, stdout: bytes, stderr: bytes
) -> None:
    try:
        found = CHECKERS[checker].read(Output(code, stdout, stderr)).checked()
    except CannotTell:
        return
    assert found.unknown or found.examined is not None


# the choice

HOOK = "repos:\n  - repo: https://example.org/x\n    rev: v1.2.3\n    hooks:\n      - id: "
CHOICES: list[tuple[dict[str, str], str | None]] = [
    ({}, None),
    ({"pyproject.toml": "[tool.mypy]\n"}, "mypy"),
    ({"mypy.ini": ""}, "mypy"),
    ({".mypy.ini": "[mypy]\n"}, "mypy"),
    ({"setup.cfg": "[mypy]\nstrict = true\n"}, "mypy"),
    ({"setup.cfg": "[mypy]\n"}, "mypy"),
    ({"setup.cfg": "[metadata]\n"}, None),
    ({"setup.cfg": "rubbish"}, None),
    ({"pyproject.toml": "[tool.pyright]\n"}, "pyright"),
    ({"pyrightconfig.json": "{}"}, "pyright"),
    ({"pyproject.toml": "[tool.basedpyright]\n"}, "basedpyright"),
    ({"pyproject.toml": "[tool.pyrefly]\n"}, "pyrefly"),
    ({"pyrefly.toml": ""}, "pyrefly"),
    ({"pyproject.toml": "[tool.ty]\n"}, "ty"),
    ({"ty.toml": "rubbish ="}, "ty"),
    ({"ty.toml": "", "mypy.ini": "", "pyrightconfig.json": "{}"}, "mypy"),
    ({"ty.toml": "", "pyrightconfig.json": "{}"}, "pyright"),
    ({".pre-commit-config.yaml": HOOK + "mypy\n"}, "mypy"),
    ({".pre-commit-config.yaml": HOOK + "pyrefly-check\n"}, "pyrefly"),
    ({".pre-commit-config.yaml": HOOK + "mypy\n", "ty.toml": ""}, "ty"),
    ({".pre-commit-config.yaml": "rubbish: ["}, None),
]


@pytest.mark.parametrize(("files", "name"), CHOICES)
def test_the_checker_that_the_project_configures(
    files: dict[str, str], name: str | None, tmp_path: Path
) -> None:
    chosen = choose(project(write(tmp_path, files)), Options())
    assert (chosen.name if chosen else None) == name


def test_the_option_decides(tmp_path: Path) -> None:
    here = project(write(tmp_path, MYPY))
    chosen = choose(here, Options(checker="ty"))
    assert chosen is CHECKERS["ty"]


def test_an_option_of_another_name_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="checker"):
        judge(TYPES, write(tmp_path, MYPY), options={"checker": "pytype"})


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({"pkg/__init__.py": ""}, NONE),
        ({"mypy.ini": "[mypy]\n"}, "no Python file in the project"),
    ],
)
def test_where_it_does_not_apply(files: dict[str, str], reason: str, tmp_path: Path) -> None:
    judged = judge(TYPES, write(tmp_path, files))
    assert (judged.outcome, judged.reason) == ("not-applicable", reason)


@pytest.mark.parametrize("profile", ["commit", "operate"])
def test_off_where_nobody_has_the_time(profile: str, tmp_path: Path) -> None:
    assert judge(TYPES, write(tmp_path, MYPY), profile=profile).outcome == "off"


@pytest.mark.parametrize("name", sorted(CHECKERS))
def test_one_that_is_configured_and_missing(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda module: None)
    judged = judge(TYPES, write(tmp_path, MYPY), options={"checker": name})
    line = f"types: {name} is not installed · python -m pip install {name}"
    assert (judged.outcome, judged.reason) == ("unknown", line)


@pytest.mark.usefixtures("anywhere")
def test_a_mypy_without_json_is_too_old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mypy, "installed", lambda name: "1.10.1")
    judged = judge(TYPES, write(tmp_path, MYPY))
    line = "types: mypy 1.10.1 has no JSON · python -m pip install 'mypy>=1.11'"
    assert (judged.outcome, judged.reason) == ("unknown", line)


# the commands


@pytest.fixture
def anywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every checker is there."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda module: object())


def argv(checker: str, root: Path, files: dict[str, str], *args: str) -> list[str]:
    return list(CHECKERS[checker].command(project(write(root, files)), args).argv)


CODE = {"pyproject.toml": PROJECT, "pkg/__init__.py": "", "tests/test_a.py": ""}
SETTINGS = [
    ("mypy", {}, ["pkg"]),
    ("mypy", {"mypy.ini": "[mypy]\nstrict = true\n"}, ["pkg"]),
    ("mypy", {"mypy.ini": "[mypy]\nfiles = x\n"}, []),
    ("mypy", {"setup.cfg": "[mypy]\npackages = x\n"}, []),
    ("mypy", {"pyproject.toml": "[tool.mypy]\nmodules = ['x']\n"}, []),
    ("mypy", {"mypy.ini": "rubbish"}, ["pkg"]),
    ("pyright", {"pyrightconfig.json": '{"exclude": ["x"]}'}, ["pkg"]),
    ("pyright", {"pyrightconfig.json": '{ // "include": []\n}'}, ["pkg"]),
    ("pyright", {"pyrightconfig.json": '{\n"include": ["x"]}'}, []),
    ("pyright", {"pyproject.toml": "[tool.pyright]\ninclude = ['x']\n"}, []),
    ("pyright", {"pyproject.toml": "[tool.pyright]\nextends = 'x.json'\n"}, []),
    ("basedpyright", {"pyproject.toml": "[tool.basedpyright]\ninclude = ['x']\n"}, []),
    ("basedpyright", {}, ["pkg"]),
    ("pyrefly", {"pyrefly.toml": "preset = 'basic'"}, ["pkg"]),
    ("pyrefly", {"pyrefly.toml": "project-excludes = ['x']"}, []),
    ("pyrefly", {"pyproject.toml": "[tool.pyrefly]\nproject-includes = ['x']\n"}, []),
    ("ty", {"ty.toml": "[src]\nexclude = ['x']\n"}, ["pkg"]),
    ("ty", {"ty.toml": "[src]\ninclude = ['x']\n"}, []),
    ("ty", {"pyproject.toml": "[tool.ty.src]\ninclude = ['x']\n"}, []),
]


@pytest.mark.usefixtures("anywhere")
@pytest.mark.parametrize(("checker", "files", "where"), SETTINGS)
def test_packages_are_named_where_the_settings_name_no_files(
    checker: str, files: dict[str, str], where: list[str], tmp_path: Path
) -> None:
    found = argv(checker, tmp_path, {**CODE, **files}, "--mine")
    assert found[found.index("--mine") + 1 :] == where


@pytest.mark.parametrize(
    ("files", "where"),
    [
        (["pkg/__init__.py", "tests/test_a.py"], ["pkg"]),
        (["src/pkg/__init__.py"], ["src/pkg"]),
        (["pkg.py", "setup.py", "test_pkg.py", "not-a-module.py"], ["pkg.py"]),
        (["src/pkg.py", "conftest.py"], ["src/pkg.py"]),
    ],
)
def test_targets(files: list[str], where: list[str], tmp_path: Path) -> None:
    write(tmp_path, {"pyproject.toml": PROJECT, **dict.fromkeys(files, "")})
    assert common.targets(project(tmp_path)) == where


def test_without_code_there_is_nothing_to_check(tmp_path: Path) -> None:
    with pytest.raises(CannotTell, match="no package or module"):
        common.targets(project(write(tmp_path, {"setup.py": ""})))


@pytest.mark.usefixtures("anywhere")
def test_reports_that_mypy_is_to_write_go_elsewhere(tmp_path: Path) -> None:
    files = {**CODE, "mypy.ini": "[mypy]\njunit_xml = a.xml\nhtml_report = here\ncache_dir = x\n"}
    here = project(write(tmp_path, files))
    found = mypy.command(here, ()).argv
    logs = here.run_dir / "logs"
    assert f"--junit-xml={logs / 'mypy-junit_xml'}" in found
    assert f"--html-report={logs / 'mypy-html_report'}" in found
    assert f"--cache-dir={here.cache / 'mypy'}" in found


@pytest.mark.usefixtures("anywhere")
def test_pyright_finds_no_node_in_the_checkout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path}/node_modules/.bin:.:/usr/bin")
    here = project(write(tmp_path, CODE))
    assert CHECKERS["pyright"].command(here, ()).env["PATH"] == "/usr/bin"


# a project's pin


@pytest.mark.parametrize(
    ("files", "pin"),
    [
        ({}, None),
        ({"pyproject.toml": '[dependency-groups]\ndev = ["MyPy == 1.15.0"]\n'}, "1.15.0"),
        ({"pyproject.toml": '[dependency-groups]\ndev = ["mypy>=1.15"]\n'}, None),
        ({"pyproject.toml": '[dependency-groups]\ndev = ["mypy==1.*"]\n'}, None),
        ({"pyproject.toml": '[dependency-groups]\ndev = ["?", {include-group = "a"}]\n'}, None),
        ({"pyproject.toml": "[dependency-groups]\ndev = 3\n"}, None),
        (
            {"pyproject.toml": '[project.optional-dependencies]\ndev = ["mypy[d]==1.2"]\n'},
            "1.2",
        ),
        ({".pre-commit-config.yaml": HOOK + "mypy\n"}, "1.2.3"),
        ({".pre-commit-config.yaml": HOOK.replace("v1.2.3", "main") + "mypy\n"}, None),
    ],
)
def test_pins(files: dict[str, str], pin: str | None, tmp_path: Path) -> None:
    assert pinned(project(write(tmp_path, files)), CHECKERS["mypy"]) == pin


@pytest.mark.parametrize(
    ("name", "code", "told"), [("mypy-2.4.1", 1, 1), ("mypy-2.4.1-clean", 0, 0)]
)
def test_findings_of_another_mypy_than_the_pinned_one_say_so(
    name: str, code: int, told: int, tmp_path: Path
) -> None:
    files = {**MYPY, ".pre-commit-config.yaml": HOOK + "mypy\n"}
    output = saved(name, code)
    here = project(write(tmp_path, files))
    found = read(
        TYPES, output.stdout, exit_code=code, stderr=output.stderr, project=here, options=Options()
    )
    assert sum("the project pins 1.2.3 · python -m pip" in n for n in found.notes) == told


def test_other_checkers_are_named(tmp_path: Path) -> None:
    here = project(write(tmp_path, {**MYPY, "ty.toml": "", "pyrightconfig.json": "{}"}))
    found = read(TYPES, b"\n", stderr=LOG, project=here, options=Options())
    (note,) = found.notes
    assert note.startswith("mypy ran; also configured, and not run: pyright, ty")
    chosen = Options(checker="mypy")
    assert read(TYPES, b"\n", stderr=LOG, project=here, options=chosen).notes == ()


# the real mypy


def tree(root: Path) -> set[str]:
    return {str(path.relative_to(root)) for path in root.rglob("*")}


@pytest.mark.slow
def test_a_violation_turns_it_red_and_the_checkout_stays_clean(tmp_path: Path) -> None:
    reports = "linecount_report = 'here'\njunit_xml = 'there.xml'\n"
    write(tmp_path, {**MYPY, "pyproject.toml": MYPY["pyproject.toml"] + reports})
    before = tree(tmp_path)
    clean, planted = prove(TYPES, tmp_path)
    assert (clean.outcome, clean.evidence.examined) == ("pass", 2), clean.reason
    assert (planted.outcome, planted.rules) == ("fail", ["assignment"]), planted.reason
    assert planted.evidence.findings[0].path == "pkg/devops_gates_canary.py"
    assert tree(tmp_path) == before


@pytest.mark.slow
@pytest.mark.parametrize(
    ("files", "outcome", "reason"),
    [
        ({"pkg/bad.py": BAD}, "fail", "findings.medium 1, needs == 0"),
        ({"pkg/bad.py": "def f(:\n"}, "unknown", "mypy could check nothing: pkg/bad.py:1: "),
        ({"mypy.ini": "rubbish\n"}, "unknown", "could not read its settings: mypy.ini"),
        ({"mypy.ini": "[mypy]\nfiles = nothere\n"}, "unknown", "nothere"),
        ({"mypy.ini": "[mypy]\nplugins = nothere\n"}, "unknown", "Error importing plugin"),
        ({"pkg/mypy.py": "", "mypy.py": "raise SystemExit(0)\n"}, "pass", "examined"),
    ],
)
def test_the_real_mypy(files: dict[str, str], outcome: str, reason: str, tmp_path: Path) -> None:
    judged = judge(TYPES, write(tmp_path, {**MYPY, **files}))
    assert judged.outcome == outcome, judged.reason
    assert reason in judged.reason
