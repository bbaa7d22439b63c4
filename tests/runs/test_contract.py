"""The contract to the letter: verdict.json, files, exit statuses, and what a plain pytest pays."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

import pytest_devops_gates.schema as schemas
from tests.conftest import PLUGINS_OFF, Checkout

pytestmark = pytest.mark.slow
STAGES = ["plan", "develop", "build", "test", "security", "deploy", "operate", "feedback"]
GATES = [
    *("work-items", "traceability"),
    *("lint", "format", "types", "suppressions", "policy", "tree", "commits"),
    *("package", "install", "compiles", "reproducible", "tests", "coverage", "mutation"),
    *("bandit", "secrets", "vulnerabilities", "licenses", "workflows", "dependencies"),
    *("version", "changelog", "api", "locked", "freeze", "approval"),
    *("health", "slo", "incidents", "trend", "inbox"),
]
SOUND = {
    ".gitignore": "__pycache__/\n",
    "pyproject.toml": "[tool.pytest.ini_options]\ntestpaths = ['tests']\n",
    "app/__init__.py": "def one():\n    return 1\n",
    "tests/test_app.py": "from app import one\n\n\ndef test_one():\n    assert one() == 1\n",
}


def test_the_schema_that_ships_is_the_one_of_the_structs() -> None:
    assert json.loads(schemas.PATH.read_text()) == json.loads(json.dumps(schemas.schema()))


def test_a_whole_run(checkout: Checkout) -> None:
    checkout.write(SOUND).commit()
    run = checkout.run()
    verdict = run.verdict
    assert (run.status, verdict["verdict"], verdict["exit_status"]) == (0, "pass", 0), run
    jsonschema.validate(verdict, schemas.schema())
    assert [stage["name"] for stage in verdict["stages"]] == STAGES
    assert [gate["name"] for gate in verdict["gates"]] == GATES
    assert verdict["commit"] == checkout.git("rev-parse", "HEAD").strip()
    assert verdict["dirty"] is False
    assert verdict["base"] is None
    assert verdict["selection"] == {"stages": STAGES, "complete": True}
    assert verdict["started"].endswith("Z")
    assert verdict["policy"]["source"] == "defaults"
    assert len(verdict["policy"]["sha256"]) == 64
    assert verdict["tests"]["passed"] == verdict["tests"]["collected"] == 1
    for gate in verdict["gates"]:
        if gate["outcome"] in ("pass", "warn", "fail"):
            receipt = gate["receipt"]
            assert receipt["tool"]
            assert receipt["version"]
            assert receipt["argv"]
            assert receipt["examined"] > 0
            assert len(receipt["output_sha256"]) == 64
        else:
            assert gate["reason"]
    said = run.stdout.splitlines()
    at = said.index(" devops gates ".center(120, "="))
    assert " ".join(said[at + 1 : said.index("", at)]).startswith("verdict: PASS · ")
    assert verdict["reason"] in " ".join(" ".join(said[at + 1 :]).split())
    assert re.fullmatch(r"=+ PASS in \d+\.\ds: 8 pass, 18 not-applicable, 7 off =+", said[-1])
    assert checkout.git("status", "--porcelain") == ""


def test_the_digest_is_of_what_the_tool_printed(checkout: Checkout) -> None:
    run = checkout.write(SOUND).run("--devops-gates-stage", "develop")
    printed = (checkout.latest.parent / "logs" / "lint" / "tool.stdout").read_bytes()
    digest = hashlib.sha256(printed).hexdigest()
    assert run.gate("lint")["receipt"]["output_sha256"] == digest


def test_unselected_stages_are_off_and_the_selection_incomplete(checkout: Checkout) -> None:
    run = checkout.write(SOUND).run("--devops-gates-stage", "develop")
    assert run.verdict["selection"] == {"stages": ["develop"], "complete": False}
    assert run.outcome("tests") == "off"
    assert run.reason("tests") == "not selected"
    assert "test session starts" not in run.stdout
    jsonschema.validate(run.verdict, schemas.schema())


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ("[tool.devops-gates]\nprofil = 'merge'", "tool.devops-gates.profil: unknown key (did you mean 'profile'?)"),
        ("[tool.devops-gates]\nprofile = 'marge'", "(did you mean 'merge'?)"),
        ("[tool.devops-gates]\ndeadline = inf", "tool.devops-gates.deadline"),
        ("[tool.devops-gates]\ndeadline = 'long'", "tool.devops-gates.deadline"),
        ("[tool.devops-gates.gates.lnt]", "tool.devops-gates.gates.lnt: unknown gate 'lnt' (did you mean 'lint'?)"),
        ("[tool.devops-gates.gates.lint]\nlevel = 'high'", "tool.devops-gates.gates.lint.level"),
        ("[tool.devops-gates.gates.lint]\nlevle = 'off'", "(did you mean 'level'?)"),
        ("[tool.devops-gates.gates.coverage.conditions]\nline = 'high'", "gates.coverage.conditions.line: 'high'"),
        ("[tool.devops-gates.gates.coverage.conditions]\nline = '>= 101'", "from 0 to 100"),
        ("[tool.devops-gates.gates.coverage.conditions]\nline = '>= inf'", "gates.coverage.conditions.line"),
        ("[tool.devops-gates.gates.coverage.conditions]\nline = 90", "gates.coverage.conditions.line"),
        ("[tool.devops-gates.gates.coverage.conditions]\nlien = '>= 90'", "(did you mean 'line'?)"),
        ("[tool.devops-gates.gates.lint.options]\nx = 1", "gates.lint.options.x: unknown key"),
        ("[tool.devops-gates]\nprofile = ''", "unknown profile ''"),
        ("[tool.devops-gates.profiles.nightly]\nstages = []", "names no stage"),
        ("[tool.devops-gates.gates.tests.conditions]\nfailed = '<= 5 %'", "failed is no percentage"),
        ("[tool.devops-gates.gates.coverage.conditions]\n'line:' = '>= 5'", "unknown metric"),
        ("[tool.coverage.report]\nfail_under = 101", "coverage's fail_under is 101"),
        ("[tool.devops-gates.profiles.nightly]\nstages = ['tset']", "(did you mean 'test'?)"),
        ("[tool.devops-gates.profiles.nightly.levels]\nlnt = 'off'", "(did you mean 'lint'?)"),
        ("[tool.devops-gates.profiles.nightly.levels]\nlint = 'of'", "(did you mean 'off'?)"),
    ],
)  # fmt: skip
def test_configuration_errors(config: str, says: str, checkout: Checkout) -> None:
    seen = "import pathlib\ndef test_a():\n    pathlib.Path('seen').touch()\n"
    run = checkout.write({"pyproject.toml": config, "test_it.py": seen}).run()
    assert (run.status, run.verdict["exit_status"], run.verdict["verdict"]) == (4, 4, "unknown"), (
        run
    )
    assert says in run.verdict["reason"], run.verdict["reason"]
    assert "\n" not in run.verdict["reason"]
    assert not (checkout.root / "seen").exists()  # nothing ran
    jsonschema.validate(run.verdict, schemas.schema())


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (("--devops-gates-profile", "comit"), "(did you mean 'commit'?)"),
        (("--devops-gates-stage", "tst"), "(did you mean 'test'?)"),
        (("--devops-gates-policy", "no-such-ref"), "no-such-ref"),
    ],
)
def test_wrong_command_lines(args: tuple[str, ...], says: str, checkout: Checkout) -> None:
    run = checkout.write(SOUND).commit().run(*args)
    assert (run.status, run.verdict["exit_status"]) == (4, 4), run
    assert says in run.verdict["reason"]


def test_an_error_replaces_an_old_pass(checkout: Checkout) -> None:
    checkout.write(SOUND)
    assert checkout.run("--devops-gates-stage", "develop").status == 0
    checkout.write({"pyproject.toml": "[tool.devops-gates]\nx = 1\n"})
    assert checkout.run("--devops-gates-stage", "develop").verdict["verdict"] == "unknown"


def test_nothing_required_is_unknown(checkout: Checkout) -> None:
    levels = "\n".join(
        f"[tool.devops-gates.gates.{name}]\nlevel = '{level}'"
        for name, level in zip(GATES, ["advisory", "off"] * 13, strict=False)
    )
    run = checkout.write({**SOUND, "pyproject.toml": levels}).run()
    assert (run.status, run.verdict["verdict"]) == (6, "unknown"), run
    assert "nothing required passed" in run.verdict["reason"]


def test_stages_on_the_command_line_beat_those_of_the_profile(checkout: Checkout) -> None:
    nightly = "[tool.devops-gates.profiles.nightly]\nstages = ['security']\n"
    checkout.write({**SOUND, "pyproject.toml": nightly})
    assert checkout.test("--devops-gates-profile", "nightly").outcome("tests") == "pass"
    run = checkout.run("--devops-gates-profile", "nightly")
    assert (run.outcome("bandit"), run.outcome("tests")) == ("pass", "off")
    assert run.verdict["selection"] == {"stages": ["security"], "complete": True}


def test_the_commit_profile_runs_no_tests(checkout: Checkout) -> None:
    run = checkout.write(SOUND).run("--devops-gates-profile", "commit")
    assert run.status == 0, run
    assert {g["name"]: g["outcome"] for g in run.verdict["gates"]} == {
        "lint": "pass", "format": "not-applicable", "types": "off", "suppressions": "pass", "policy": "off",
        "tree": "pass", "commits": "off", "package": "off", "install": "off", "compiles": "off",
        "reproducible": "off", "tests": "off", "coverage": "off", "bandit": "pass", "secrets": "pass",
        "vulnerabilities": "off", "licenses": "off", "workflows": "off", "dependencies": "off",
        "version": "off", "changelog": "off", "api": "off", "locked": "off", "freeze": "off",
        "approval": "off", "work-items": "off", "traceability": "off", "mutation": "off",
        "health": "off", "slo": "off", "incidents": "off", "trend": "off", "inbox": "off",
    }  # fmt: skip


def test_a_policy_of_another_revision(checkout: Checkout) -> None:
    strict = "[tool.devops-gates.gates.coverage.conditions]\nline = '>= 100'\n"
    checkout.write({"app/__init__.py": "def f():\n    return 1\n", "pyproject.toml": strict})
    checkout.write({"test_it.py": "import app\ndef test_a(): pass\n"}).commit()
    checkout.write({"pyproject.toml": strict.replace("100", "1")})
    assert checkout.test().status == 0
    run = checkout.test("--devops-gates-policy", "HEAD")
    assert run.status == 1, run
    assert run.verdict["policy"]["source"] == "pyproject.toml at HEAD"


def test_the_base_is_the_merge_base(checkout: Checkout) -> None:
    checkout.write(SOUND).commit()
    first = checkout.git("rev-parse", "HEAD").strip()
    checkout.git("branch", "target")
    checkout.write({"app/more.py": "x = 1\n"}).commit()
    run = checkout.run("--devops-gates-stage", "develop", "--devops-gates-base", "target")
    assert run.verdict["base"] == first


def test_the_built_in_gates_cannot_be_blocked(checkout: Checkout) -> None:
    run = checkout.write(SOUND).run("-p", "no:devops-gates-builtin")
    assert run.status == 4, run


@pytest.mark.parametrize("args", [(), ("--rootdir=tests",)])
def test_a_rootdir_below_the_project_is_told(args: tuple[str, ...], checkout: Checkout) -> None:
    checkout.write({**SOUND, "tests/pytest.ini": "[pytest]\n"}).commit()
    command = checkout.command("--devops-gates-stage", "test", *args, "tests")
    env = checkout.environment({"COLUMNS": "1000"})
    done = subprocess.run(command, cwd=checkout.root, env=env, capture_output=True, text=True)
    assert done.returncode == 4, done.stdout
    assert f"pass --rootdir={checkout.root}" in done.stdout
    run = checkout.test(f"--rootdir={checkout.root}", "tests")
    assert run.outcome("tests") == "pass", run


def test_secrets_are_not_in_the_verdict(checkout: Checkout) -> None:
    checkout.write(
        {
            "test_it.py": """
            import os
            def test_token(): assert os.environ["API_TOKEN"] == "x"
            def test_url(): raise ValueError("postgres://user:pa55word@host/db")
            """
        }
    )
    run = checkout.test(env={"API_TOKEN": "s3cr3t-value-12345"})
    text = checkout.latest.read_text()
    assert run.verdict["tests"]["failed"] == 2
    assert "s3cr3t-value" not in text
    assert "pa55word" not in text
    assert "***" in text


GATE = """
from pytest_devops_gates import Command, Evidence, Gate, Stage
def command(project, options): return Command(["true"])
def read(output, project, options): return Evidence.of(examined=1)
def gate(name="mine", stage=Stage.TEST, **rest): return Gate(name, stage, command, read, **rest)
def pytest_devops_gates_add():
"""


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("raise ValueError('x')", "failed to add its gates: ValueError: x"),
        ("return 5", "added int, which is no Gate"),
        ("return [gate(), 5]", "added int, which is no Gate"),
        ("return gate('lint')", "the gate lint is added twice"),
        ("return gate('../x')", "needs a name"),
        ("return gate(stage='nowhere')", "needs a Stage"),
        ("return Gate('mine', Stage.TEST, command)", "needs a command and a reader"),
        ("return gate(level='high')", "has the level 'high'"),
        ("return gate(rules=('R1',))", "has rules that are none"),
        ("return gate(suppress=None)", "needs a text for suppress, not None"),
        ("return [gate('a', needs=('b',)), gate('b', needs=('a',))]", "in a circle"),
        ("return gate(conditions={'line': '>= 1'})", "unknown metric"),
    ],
)
def test_a_plugin_that_cannot_add_its_gates(body: str, says: str, checkout: Checkout) -> None:
    checkout.write({"plugins/bad_gates.py": f"{GATE}    {body}\n"})
    run = checkout.run("-p", "bad_gates", env={"PYTHONPATH": str(checkout.root / "plugins")})
    assert run.status == 4, run
    assert says in run.verdict["reason"]


def test_what_needs_a_gate_that_is_off_is_off_unless_it_was_asked_for(checkout: Checkout) -> None:
    off = "[tool.devops-gates.gates.tests]\nlevel = 'off'\n"
    run = checkout.write({**SOUND, "pyproject.toml": off}).test()
    assert run.reason("coverage") == "needs tests, which is off"
    asked = off + "[tool.devops-gates.gates.coverage]\nlevel = 'required'\n"
    run = checkout.write({"pyproject.toml": asked}).test()
    assert (run.outcome("coverage"), run.status) == ("unknown", 6), run


def test_a_bug_of_ours_is_exit_3(checkout: Checkout) -> None:
    """A plugin that breaks the supervisor itself."""
    plugin = """
    from pytest_devops_gates import policy
    def broken(*args): raise RuntimeError("a bug")
    policy.answer = broken
    """
    checkout.write({**SOUND, "plugins/breaks.py": plugin})
    run = checkout.run(
        "--devops-gates-stage", "develop", "-p", "breaks",
        env={"PYTHONPATH": str(checkout.root / "plugins")},
    )  # fmt: skip
    assert (run.status, run.verdict["exit_status"], run.verdict["verdict"]) == (3, 3, "unknown")
    assert "a bug" in (checkout.latest.parent / "internal-error.log").read_text()


def test_a_plain_pytest_loads_nothing_and_writes_nothing(checkout: Checkout) -> None:
    test = """
    import sys
    def test_modules():
        ours = {name for name in sys.modules if name.startswith("pytest_devops_gates")}
        assert ours == {"pytest_devops_gates", "pytest_devops_gates.plugin", "pytest_devops_gates.hooks"}
    """
    checkout.write({"test_it.py": test})
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *PLUGINS_OFF]
    env = checkout.environment({"PYTHONDONTWRITEBYTECODE": "1"})
    done = subprocess.run(command, cwd=checkout.root, env=env, capture_output=True)
    assert done.returncode == 0, done.stdout.decode()
    assert [path.name for path in Path(checkout.root).iterdir()] == ["test_it.py"]
