"""``devops-gates explain`` of findings, in real runs of the real tools."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Checkout, Ended

pytestmark = pytest.mark.slow

SETTINGS = """
[tool.ruff.lint]
select = ["F"]

[tool.devops-gates.gates.bandit]
level = "advisory"
"""
SOURCE = """\
import os
import subprocess


def run(command):
    subprocess.call(command, shell=True)
    return undefined_name
"""
ASKED = ("--devops-gates-stage", "develop", "--devops-gates-stage", "security")


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with findings of ruff and bandit, after one run."""
    root = tmp_path_factory.mktemp("explain") / "project"
    root.mkdir()
    project = Checkout(root)
    project.write({"pyproject.toml": SETTINGS, "src/app/__init__.py": SOURCE}).commit()
    run = project.run(*ASKED)
    assert (run.outcome("lint"), run.outcome("bandit")) == ("fail", "fail"), run
    return root


@pytest.fixture
def project(judged: Path, tmp_path: Path) -> Checkout:
    """The same, in a folder that a test may change."""
    root = tmp_path / "project"
    shutil.copytree(judged, root, symlinks=True)
    return Checkout(root)


def explain(project: Checkout, *args: str, **options: Any) -> Ended:
    command = [sys.executable, "-m", "pytest_devops_gates", "explain", *args]
    return project.run(command=command, **options)


def finding(project: Checkout, rule: str) -> dict[str, Any]:
    found = json.loads(project.latest.read_text())["findings"]
    return next(f for f in found if f["rule"] == rule)


def told(run: Ended) -> str:
    """What it said, without the text of ruff's manual."""
    assert run.status == 0, run
    return run.stdout.partition("\n$ ruff rule")[0]


def rewrite(project: Checkout, **changes: Any) -> None:
    """Change what the verdict holds, as a run of hostile tools might leave it."""
    content = json.loads(project.latest.read_text())
    project.latest.write_text(json.dumps({**content, **changes}))


# one finding


def test_a_finding_of_ruff_by_its_fingerprint(project: Checkout) -> None:
    fingerprint = finding(project, "F821")["fingerprint"]
    run = explain(project, fingerprint[:8])
    said = told(run)
    assert said.startswith("lint/F821: high severity, new\n  Undefined name `undefined_name`\n")
    assert f"finding     {fingerprint}" in said
    assert "place       src/app/__init__.py:7:12" in said
    assert "  > 7 |     return undefined_name\n      |            ^^^^^^^^^^^^^^\n" in said
    assert "rule        undefined name" in said
    assert "more        https://docs.astral.sh/ruff/rules/undefined-name" in said
    assert "counts      yes: lint is required, and fails over it" in said
    assert "findings.new 2, needs == 0: BROKEN, and this is one of them" in said
    assert "by hand     ruff check" in said
    assert "alone       devops-gates run --gate lint" in said
    assert "# noqa: F821 in line 7; the gates suppressions and policy count such comments" in said
    assert "\n$ ruff rule F821\n  # undefined-name (F821)\n" in run.stdout
    assert told(explain(project, fingerprint)) == said


def test_a_finding_of_bandit_by_its_fingerprint(project: Checkout) -> None:
    said = told(explain(project, finding(project, "B602")["fingerprint"][:8]))
    assert said.startswith("bandit/B602: high severity, high confidence, new\n")
    assert "rule        subprocess popen with shell equals true" in said
    assert "CWE-78: https://cwe.mitre.org/data/definitions/78.html" in " ".join(said.split())
    assert "b602_subprocess_popen_with_shell_equals_true.html\n" in said
    assert "counts      as a warning: bandit is advisory, and fails over it" in said
    assert "suppress    # nosec B602 in line 6" in said
    low = told(explain(project, "bandit/B404"))
    assert "counts      no: no condition of bandit is broken by it" in low
    assert "and this is none of them" in low


def test_all_findings_of_a_place(project: Checkout) -> None:
    path = "src/app/__init__.py"
    assert told(explain(project, f"{path}:7:12")).startswith("lint/F821")
    both = told(explain(project, f"{path}:2"))
    assert both.startswith("bandit/B404")
    assert told(explain(project, "__init__.py:7", cwd=project.root / "src/app")).startswith("lint")
    double = {**finding(project, "F821"), "gate": "types", "rule": "name-defined"}
    rewrite(project, findings=[finding(project, "F821"), double])
    said = explain(project, f"{path}:7").stdout
    assert "lint/F821" in said
    assert "types/name-defined" in said


def test_findings_of_a_rule(project: Checkout) -> None:
    assert told(explain(project, "lint/F401")).startswith("lint/F401: medium severity, new\n")
    several = [
        {**finding(project, "F401"), "fingerprint": f"{n:032x}", "line": n} for n in range(1, 9)
    ]
    rewrite(project, findings=several)
    said = explain(project, "lint/F401").stdout
    assert "src/app/__init__.py:1:8" in said
    assert "7 more:\n  000000000000 lint/F401 src/app/__init__.py:2:8: `os` imported" in said
    assert said.endswith("… and 2 more\n")


# the file as it is now


def test_a_line_that_moved(project: Checkout) -> None:
    project.write({"src/app/__init__.py": "# a new line\n" * 3 + SOURCE})
    said = told(explain(project, "lint/F821"))
    assert "place       src/app/__init__.py:7:12 (now in line 10)" in said
    assert "  > 10 |     return undefined_name\n" in said
    assert "# noqa: F821 in line 10" in said


@pytest.mark.parametrize("source", [SOURCE.replace("undefined_name", "command"), "", None])
def test_a_file_that_has_changed(source: str | None, project: Checkout) -> None:
    path = project.root / "src/app/__init__.py"
    path.unlink() if source is None else path.write_text(source)
    said = told(explain(project, "lint/F821"))
    assert "place       src/app/__init__.py:7:12\n" in said
    assert ("the file has changed since" if source else "its file is gone or empty") in said
    assert " | " not in said


def test_what_lies_outside_of_the_project_is_never_shown(project: Checkout) -> None:
    secret = project.root.parent / "secret.py"
    secret.write_text(SOURCE.replace("run(command)", "secret_name(command)"))
    path = project.root / "src/app/__init__.py"
    path.unlink()
    path.symlink_to(secret)
    known = finding(project, "F821")
    for place in ("src/app/__init__.py", "../secret.py", str(secret), "a\0b", "src", "file:///x"):
        rewrite(project, findings=[{**known, "path": place}])  # its line is there, with its hash
        run = explain(project, known["fingerprint"])
        assert run.status == 0, run
        assert "secret_name" not in run.stdout
        assert " | " not in told(run)


def test_a_file_that_is_too_big_is_not_shown(project: Checkout) -> None:
    project.write({"src/app/__init__.py": SOURCE + "#" * 2**22})
    assert "has more than 4 MiB" in told(explain(project, "lint/F821"))


# foreign text


HOSTILE = "\x1b[2J \u202e ::error::x ##[error]y"


def test_hostile_text_reaches_no_terminal(project: Checkout) -> None:
    line = f"    return undefined_name  # {HOSTILE}"
    source = SOURCE.replace("    return undefined_name", line)
    project.write({"src/app/__init__.py": source + f"::error::z\n# {HOSTILE}\n"})
    known = {**finding(project, "F821"), "message": f"::error::m\n::error::n {HOSTILE}"}
    rules = [{"id": "F821", "gate": "lint", "says": HOSTILE, "help": f"{'h ' * 60}::error::h",
              "uri": "javascript:alert(1)"}]  # fmt: skip
    rewrite(project, findings=[{**known, "line_hash": "", "fingerprint": "f" * 32}], rules=rules)
    for columns in ("40", "60", "200"):
        run = explain(project, "lint/F821", env={"COLUMNS": columns})
        said = run.stdout.partition("\n$ ruff rule")[0]
        assert run.status == 0, run
        assert not set("\x1b\u202e") & set(said)
        assert "##[" not in said
        assert "javascript" not in said
        assert not [line for line in said.splitlines() if line.lstrip().startswith("::")]


def test_hostile_lines_of_a_source_are_made_visible(project: Checkout) -> None:
    project.write({"b.py": f"undefined_b  # {HOSTILE}\n"})
    project.run(*ASKED)
    said = told(explain(project, "b.py:1"))
    assert "  > 1 | undefined_b  # \\x1b[2J \\u202e ::error::x #\\#[error]y\n" in said
    assert "\n      | ^^^^^^^^^^^\n" in said


# what is not there


@pytest.mark.parametrize(
    ("what", "says"),
    [
        ("lnt", "unknown gate 'lnt' (did you mean 'lint'?); a finding is named by"),
        ("lnt/F401", "unknown gate 'lnt' (did you mean 'lint'?); a finding is named by"),
        ("lint/F999", "no finding 'lint/F999' in the run"),
        ("ffffffff", "no finding 'ffffffff' in the run"),
        ("src/app/__init__.py:4", "no finding 'src/app/__init__.py:4' in the run"),
        ("abc", "unknown gate 'abc'"),
        ("\x1b[2J/x", "unknown gate '\\x1b[2J'"),
    ],
)
def test_what_is_not_there_is_told_in_one_line(what: str, says: str, project: Checkout) -> None:
    run = explain(project, what)
    assert (run.status, run.stdout) == (4, ""), run
    assert run.stderr.startswith(f"devops-gates: explain: {says}")
    assert "PATH:LINE[:COLUMN] or GATE/RULE\n" in run.stderr
    assert run.stderr.count("\n") == 1


def test_a_beginning_that_fits_several(project: Checkout) -> None:
    known = finding(project, "F401")
    several = [{**known, "fingerprint": f"abcd{n:028x}", "line": n} for n in range(1, 8)]
    rewrite(project, findings=several)
    run = explain(project, "abcd")
    assert (run.status, run.stdout) == (4, ""), run
    assert (
        "7 findings begin with 'abcd': abcd00000000 lint/F401 src/app/__init__.py:1:8; "
        in run.stderr
    )
    assert run.stderr.endswith("__init__.py:5:8; and 2 more\n")


def test_without_a_run(checkout: Checkout) -> None:
    checkout.write({"a.py": "x = 1\n"})
    assert "unknown gate 'lnt'" in explain(checkout, "lnt").stderr
    run = explain(checkout, "abcd1234")
    assert run.status == 6
    assert "there is no run in" in run.stderr
    assert "pytest --devops-gates" in run.stderr
    assert explain(checkout, "lint").status == 0


# other runs


def test_a_finding_of_an_earlier_run(project: Checkout) -> None:
    fingerprint = finding(project, "B602")["fingerprint"]
    first = json.loads(project.latest.read_text())["run_id"]
    project.run("--devops-gates-stage", "develop")
    run = explain(project, fingerprint)
    assert run.status == 4, run
    assert f"it is in another one · devops-gates explain {fingerprint} --run {first}" in run.stderr
    assert told(explain(project, fingerprint, "--run", first)).startswith("bandit/B602")
    assert told(explain(project, fingerprint, "--run", first[:-3])).startswith("bandit/B602")
    assert explain(project, fingerprint, "--run", "20000101").status == 4


def test_a_run_by_its_folder_where_nothing_is_configured(project: Checkout, tmp_path: Path) -> None:
    folder = tmp_path / "artefact"
    shutil.copytree(project.latest.parent.resolve(), folder)
    shutil.rmtree(project.root / ".devops-gates")
    (project.root / "pyproject.toml").unlink()
    said = told(explain(project, "lint/F821", "--run", str(folder)))
    assert "  > 7 |     return undefined_name\n" in said
    assert "findings.new 2, needs == 0: BROKEN" in said
    elsewhere = Checkout(tmp_path / "elsewhere")
    elsewhere.root.mkdir()
    assert "its file is gone or empty" in told(
        explain(elsewhere, "lint/F821", "--run", str(folder))
    )
    gate = explain(elsewhere, "lint", "--run", str(folder))
    assert "last ruling fail on" in gate.stdout


def test_a_run_that_did_not_finish(project: Checkout) -> None:
    rewrite(project, gates=[], findings=[], rules=[], reason="did not finish")
    run = explain(project, "ffffffff")
    assert "which judged no gate: did not finish" in run.stderr


@pytest.mark.parametrize("verdict", ["", "{", '{"schema": "another"}', "[]"])
def test_a_verdict_that_cannot_be_read(verdict: str, project: Checkout) -> None:
    project.write({"run/verdict.json": verdict})
    run = explain(project, "lint/F821", "--run", "./run")
    assert (run.status, run.stderr.count("\n")) == (4, 1), run


# gates and manuals that are not ours


PLUGIN = """
from pytest_devops_gates import Command, Evidence, Finding, Gate, Rule, Stage
def command(project, options): return Command(["true"])
def read(output, project, options):
    found = [Finding("no-b", "a b is here", path="src/app/__init__.py", line=2)]
    return Evidence.of(found, examined=1)
def pytest_devops_gates_add():
    return Gate("mine", Stage.DEVELOP, command, read, suppress="# mine: {rule} {0}",
                rules=(Rule("no-b", "There is no b.", "Take it off.", "javascript:x"),))
"""


def test_a_finding_of_a_plugins_gate(project: Checkout) -> None:
    project.write({"plugins/mine.py": PLUGIN, "plugins/.gitignore": "*\n"})
    env = {"PYTHONPATH": str(project.root / "plugins")}
    run = project.run(*ASKED, "-p", "mine", env=env)
    assert run.outcome("mine") == "fail", run
    said = told(explain(project, "mine/no-b", "--", "-p", "mine", env=env))
    assert "rule        There is no b." in said
    assert "mend        Take it off." in said
    assert "more" not in said
    assert "suppress    # mine: no-b {0} in line 2\n" in said
    without = told(explain(project, "mine/no-b"))  # its plugin is not loaded: told from the run
    assert "mend        Take it off." in without
    assert "suppress" not in without


def test_a_ruff_that_cannot_explain_is_no_error(project: Checkout) -> None:
    known = finding(project, "F821")
    for rule in ("ZZZ999", "--help", "all", "F821 F401"):
        rewrite(project, findings=[{**known, "rule": rule}])
        run = explain(project, known["fingerprint"])
        assert run.status == 0, run
        assert "$ ruff" not in run.stdout


def test_ruff_is_not_taken_from_the_checkout(project: Checkout) -> None:
    for name in ("ruff", "ruff.py", "bin/ruff"):
        project.write({name: "#!/bin/sh\ntouch ran; echo evil\n"})
        (project.root / name).chmod(0o755)
    env = {
        "PATH": os.pathsep.join([str(project.root), str(project.root / "bin"), os.environ["PATH"]])
    }
    run = explain(project, "lint/F821", env=env)
    assert "# undefined-name (F821)" in run.stdout
    assert not (project.root / "ran").exists()


def test_pipes_among_the_runs_are_passed_over(checkout: Checkout) -> None:
    checkout.write({"a.py": "x = 1\n"}).run("--devops-gates-stage", "develop")
    planted = checkout.root / ".devops-gates" / "runs" / "99990101T000000Z-aaaaaa"
    planted.mkdir()
    os.mkfifo(planted / "verdict.json")
    explain = [sys.executable, "-m", "pytest_devops_gates", "explain", "lint"]
    run = checkout.run(command=explain, timeout=30)
    assert "last ruling pass on " in run.stdout
    run = checkout.run(command=[*explain, "--run", str(planted)], timeout=30)
    assert "last ruling none" in run.stdout
