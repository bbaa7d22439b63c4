"""The command ``devops-gates``: the same door, the same exit statuses."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import PLUGINS_OFF, Checkout, Ended

pytestmark = pytest.mark.slow

TEST = "def test_one(): pass\n"
OWNED = """
[tool.devops-gates.gates.lint]
owner = "@us"
conditions = { "findings.total" = "<= 3" }
warnings = { "findings.new" = "<= 1" }

[tool.devops-gates.profiles.nightly]
stages = ["test"]
levels = { bandit = "off" }
"""


def devops(checkout: Checkout, *args: str, **options: object) -> Ended:
    command = [sys.executable, "-m", "pytest_devops_gates", *args]
    return checkout.run(command=command, **options)  # type: ignore[arg-type]


@pytest.fixture
def project(checkout: Checkout) -> Checkout:
    return checkout.write({"pyproject.toml": OWNED, "a.py": "x = 1\n", "test_a.py": TEST}).commit()


# run


@pytest.mark.parametrize("test", [TEST, "def test_one(): assert False\n"])
def test_run_is_the_same_as_the_flag(project: Checkout, test: str) -> None:
    project.write({"test_a.py": test})
    first, second = project.run(), devops(project, "run", "-p", "no:randomly")
    assert first.status == second.status
    assert [(g["name"], g["outcome"]) for g in first.verdict["gates"]] == [
        (g["name"], g["outcome"]) for g in second.verdict["gates"]
    ]


@pytest.mark.parametrize("safe", ["", "1"])
def test_run_imports_what_pythonpath_names(project: Checkout, safe: str) -> None:
    project.write({"src/single.py": "x = 1\n", "test_a.py": "import single\n" + TEST})
    env = {"PYTHONPATH": "src", "PYTHONSAFEPATH": safe}
    run = devops(project, "run", "--gate", "tests", env=env)
    assert run.outcome("tests") == "pass", run


def test_what_run_does_not_know_is_for_pytest(project: Checkout) -> None:
    run = devops(project, "run", "-k", "nothing or one", "--co")
    assert "1 test collected" in run.stdout
    run = devops(project, "run", "-k", "one and two", "-q")
    assert run.outcome("tests") == "unknown"
    assert "narrowed the run (keyword)" in run.all_said
    assert devops(project, "run", "--no-such-option").status == 4


def test_one_gate_with_what_it_needs(project: Checkout) -> None:
    run = devops(project, "run", "--gate", "coverage", "--gate", "lint")
    ran = {gate["name"] for gate in run.verdict["gates"] if gate["outcome"] != "off"}
    assert ran == {"tests", "coverage", "lint"}
    assert run.verdict["selection"]["complete"] is False
    assert run.reason("bandit") == "not selected"
    assert devops(project, "run", "--gate", "lnt").status == 4


def test_a_project_that_turns_warnings_into_errors(project: Checkout) -> None:
    project.write({"pytest.ini": "[pytest]\nfilterwarnings = error\n"})
    run = devops(project, "run", *PLUGINS_OFF)
    assert run.status == 0, run
    assert devops(project, "gates").status == 0


def test_without_plugin_autoload(project: Checkout) -> None:
    run = devops(project, "run", env={"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"})
    assert run.status == 0, run


def test_modules_of_the_checkout_are_not_imported(project: Checkout) -> None:
    for name in ("json", "yaml", "msgspec", "pytest_devops_gates", "configparser"):
        project.write({f"{name}.py": "raise SystemExit(0)\n"})
    program = str(Path(sys.executable).with_name("devops-gates"))
    for arguments in (["gates"], ["explain", "lint"], ["run", "--gate", "tree"]):
        run = project.run(command=[program, *arguments])
        assert run.status == 0, run
        assert "lint" in run.stdout


# gates


def test_gates_tells_why_each_is_on_or_off(project: Checkout) -> None:
    run = devops(project, "gates")
    lines = {line.split()[-1]: line for line in run.stdout.splitlines()}
    told = {words[0]: " ".join(words[1:]) for words in map(str.split, run.stdout.splitlines())}
    assert run.status == 0, lines
    assert "format not-applicable no [tool.ruff.format]" in " ".join(run.stdout.split())
    assert "lint required findings.new == 0, findings.total <= 3" in " ".join(run.stdout.split())
    assert told["profile"].startswith("merge")
    assert not (project.root / ".devops-gates").exists()


def test_gates_of_another_profile(project: Checkout) -> None:
    said = " ".join(devops(project, "gates", "--profile", "nightly").stdout.split())
    assert "lint off not in the profile nightly" in said
    assert devops(project, "gates", "--profile", "nightl").status == 4


# explain


def test_explain_tells_where_each_condition_came_from(project: Checkout) -> None:
    said = " ".join(devops(project, "explain", "lint").stdout.split())
    assert "condition findings.new == 0 (default)" in said
    assert "condition findings.total <= 3 (tool.devops-gates.gates.lint.conditions)" in said
    assert "warning findings.new <= 1" in said
    assert "owner @us" in said
    assert "by hand ruff check" in said
    assert "last ruling none" in said


def test_explain_tells_the_last_ruling_that_was_one(project: Checkout) -> None:
    project.write({"a.py": "undefined\n"})
    project.run("--devops-gates-stage", "develop")
    project.run("--devops-gates-stage", "test")
    broken = project.root / ".devops-gates/runs/99990101T000000Z-000000"
    broken.mkdir()
    (broken / "verdict.json").write_text("{")
    said = devops(project, "explain", "lint").stdout
    assert "last ruling fail on" in said
    assert "findings.new 1, needs == 0" in said


def test_explain_of_limits_that_tools_state(checkout: Checkout) -> None:
    settings = "[tool.coverage.report]\nfail_under = 80\n"
    checkout.write({"pyproject.toml": settings, "test_a.py": TEST})
    said = devops(checkout, "explain", "coverage").stdout
    assert "total >= 80 (the project's own tool settings)" in said
    assert "required (required, since it has a limit)" in said


# mistakes


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "arguments are required"),
        (["rnu"], "invalid choice"),
        (["explain"], "arguments are required"),
        (["explain", "lnt"], "unknown gate 'lnt' (did you mean 'lint'?)"),
        (["gates", "--nonsense"], "unknown argument: --nonsense"),
        (["gates", "--rootdir", "/nowhere"], "not found"),
        (["hook", "--kind", "post-merge"], "invalid choice"),
    ],
)
def test_mistakes_are_told_with_exit_status_4(
    project: Checkout, arguments: list[str], says: str
) -> None:
    run = devops(project, *arguments)
    assert run.status == 4, run
    assert says in run.stderr


def test_a_wrong_configuration_is_one_line(project: Checkout) -> None:
    project.write({"pyproject.toml": "[tool.devops-gates]\nprofil = 'x'\n"})
    for arguments in (["gates"], ["explain", "lint"], ["prove"]):
        run = devops(project, *arguments)
        assert run.status == 4, run
        assert run.stderr.count("\n") == 1
        assert "tool.devops-gates.profil: unknown key (did you mean 'profile'?)" in run.stderr


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["prove", "--help"]])
def test_help(project: Checkout, arguments: list[str]) -> None:
    assert devops(project, *arguments).status == 0


# completion


def test_completion_is_printed_and_is_a_script_that_bash_takes(project: Checkout) -> None:
    run = devops(project, "--print-completion", "bash")
    assert run.status == 0
    done = subprocess.run(["bash", "-n"], input=run.stdout, text=True, capture_output=True)
    assert done.returncode == 0, done
    for word in ("run", "hook", "gates", "explain", "prove"):
        assert word in run.stdout


def test_a_missing_completion_is_told_with_the_line_that_installs_it(project: Checkout) -> None:
    code = (
        "import sys; sys.modules['shtab'] = None; from pytest_devops_gates.cli.main import main;"
        " sys.exit(main(['--print-completion', 'bash']))"
    )
    run = project.run(command=[sys.executable, "-c", code])
    assert run.status == 4
    assert "python -m pip install 'pytest-devops-gates[completion]'" in run.stderr


# levels of tests


def test_levels_slow_and_skipped_tests_are_open_to_conditions(checkout: Checkout) -> None:
    checkout.write(
        {
            "pyproject.toml": """
            [tool.pytest.ini_options]
            markers = ["system", "integration"]

            [tool.devops-gates.gates.tests]
            conditions = { unit = ">= 2", "integration.skipped" = "== 0", slow = "== 0" }
            options = { slow = 0.2 }
            """,
            "tests/unit/test_a.py": """
            import pytest, time
            def test_one(): pass
            def test_two(): time.sleep(0.3)
            @pytest.mark.system
            def test_three(): pass
            """,
            "tests/integration/test_b.py": """
            import pytest
            def test_one(): pass
            @pytest.mark.skip
            def test_two(): pass
            """,
        }
    )
    for arguments in ([], ["-n", "2"]):
        run = checkout.test(*arguments)
        metrics = run.gate("tests")["metrics"]
        counted = {name: metrics[name] for name in ("unit", "integration", "system", "slow")}
        assert counted == {"unit": 2, "integration": 1, "system": 1, "slow": 1}, run
        assert metrics["integration.skipped"] == 1
        held = {c["metric"]: c["holds"] for c in run.gate("tests")["conditions"]}
        assert (held["unit"], held["integration.skipped"], held["slow"]) == (True, False, False)
        assert run.status == 1


def test_wrong_options_of_tests_are_told(checkout: Checkout) -> None:
    settings = "[tool.devops-gates.gates.tests.options]\nlevels = { uint = ['x'] }\n"
    run = checkout.write({"pyproject.toml": settings, "test_a.py": TEST}).test()
    assert run.status == 4
    assert "tests.options.levels.uint: unknown key (did you mean 'unit'?)" in run.all_said
    assert json.loads(checkout.latest.read_text())["exit_status"] == 4
