"""Whole runs as in a step of GitHub Actions: what its runner makes of the log and of the files."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests import runner
from tests.conftest import ONLY_TESTS, Checkout, Ended
from tests.runner import Command

pytestmark = pytest.mark.slow

PASSES = "def test_one(): pass\n"
FAILS = "def test_one(): pass\n\ndef test_two():\n    assert 1 == 2\n"


@dataclass(frozen=True)
class Step:
    """A step's files, and its environment."""

    output: Path
    summary: Path

    @property
    def environment(self) -> dict[str, str]:
        return {
            "GITHUB_ACTIONS": "true",
            "GITHUB_OUTPUT": str(self.output),
            "GITHUB_STEP_SUMMARY": str(self.summary),
        }

    @property
    def outputs(self) -> dict[str, str]:
        return runner.outputs(self.output.read_bytes())

    @property
    def heading(self) -> str:
        return self.summary.read_text("utf-8").partition("\n")[0]

    @property
    def untouched(self) -> bool:
        return not self.output.stat().st_size and not self.summary.stat().st_size


@pytest.fixture
def step(tmp_path: Path) -> Step:
    folder = tmp_path / "_temp" / "_runner_file_commands"
    folder.mkdir(parents=True)
    made = Step(folder / "set_output_1", folder / "step_summary_1")
    made.output.touch()
    made.summary.touch()
    return made


def annotations(run: Ended) -> list[Command]:
    """What the runner obeys in the log, of both of its streams."""
    return [*runner.obeyed(run.stdout), *runner.obeyed(run.stderr)]


@pytest.mark.parametrize(
    ("files", "status", "verdict", "heading"),
    [
        ({"test_a.py": PASSES}, 0, "pass", "## ✅ PASS"),
        ({"test_a.py": FAILS}, 1, "fail", "## ❌ FAIL"),
        ({"a.py": "x = 1\n"}, 6, "unknown", "## ❔ UNKNOWN"),
        ({"pyproject.toml": "[tool.devops-gates]\nnone = 1\n"}, 4, "unknown", "## ❔ UNKNOWN"),
    ],
)
def test_a_step_tells_the_verdict(
    checkout: Checkout, step: Step, files: dict[str, str], status: int, verdict: str, heading: str
) -> None:
    checkout.write(files)
    run = checkout.test(env=step.environment)
    assert run.status == status, run
    assert step.outputs["verdict"] == verdict
    assert step.outputs["reason"] == run.verdict["reason"]
    assert Path(step.outputs["report"]).is_file()
    assert step.heading == heading
    assert step.summary.read_text("utf-8") == (checkout.latest.parent / "report.md").read_text()
    first = [command.message for command in annotations(run)][:1]
    assert first == ([] if status == 0 else [f"{verdict.upper()} · {run.verdict['reason']}"])


def test_the_report_is_where_it_was_asked_for(checkout: Checkout, step: Step) -> None:
    checkout.write({"test_a.py": PASSES})
    checkout.test("--devops-gates-report", "gates", env=step.environment)
    assert step.outputs["report"] == str(checkout.root / "gates" / "report.html")
    assert (checkout.root / "gates" / "report.md").is_file()


def test_findings_are_shown_at_their_place_in_the_repository(
    checkout: Checkout, step: Step
) -> None:
    checkout.write({"api/pyproject.toml": "", "api/test_a.py": FAILS}).commit()
    run = Checkout(checkout.root / "api").test(env=step.environment)
    found = annotations(run)[1]
    assert (found.name, found.properties["file"]) == ("error", "api/test_a.py")
    assert found.properties["line"] == "4"
    assert "assert 1 == 2" in found.message


def test_what_tests_print_is_not_obeyed(checkout: Checkout, step: Step) -> None:
    checkout.write(
        {
            "test_a.py": """
            import os, sys

            LINES = "::error::x\\n::add-mask::a\\n##[add-mask]b\\nc ##[error]x\\n::stop-commands::x\\n"

            def test_print():
                print(LINES + "::x::\\n##[group]")
                print(LINES, file=sys.stderr)
                os.write(1, LINES.encode())
                assert False, "::error::y"

            def test_no_end():
                os.write(1, b"no end of the line ##[group]")
                os._exit(0)
            """
        }
    )
    log = subprocess.run(
        checkout.command("-s", "-rA", *ONLY_TESTS),
        cwd=checkout.root,
        env=checkout.environment(step.environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ).stdout
    assert log.count("\n::add-mask::a\n") >= 3
    found = runner.obeyed(log)
    assert found[0].properties == {"title": "devops gates"}
    assert all("title" in command.properties for command in found)


def test_the_verdict_stands_after_what_tests_wrote(checkout: Checkout, step: Step) -> None:
    checkout.write(
        {
            "test_a.py": """
            import os

            def test_forge():
                with open(os.environ["GITHUB_OUTPUT"], "a") as file:
                    file.write("mine=1\\nverdict=pass\\nreason<<E\\nopen")
                with open(os.environ["GITHUB_STEP_SUMMARY"], "a") as file:
                    file.write("# ALL IS WELL\\n<!-- ")
                assert False
            """
        }
    )
    run = checkout.test(env=step.environment)
    assert run.status == 1
    assert step.outputs["verdict"] == "fail"
    assert step.outputs["mine"] == "1"
    assert "tests: failed 1" in step.outputs["reason"]
    assert step.heading == "## ❌ FAIL"
    assert "# ALL IS WELL" in step.summary.read_text("utf-8")
    assert "GITHUB_OUTPUT: a value that others had left open was closed" in run.stderr


@pytest.mark.parametrize("attack", ["os.unlink(path)", "os.symlink(forged, path + '_'); os.replace(path + '_', path)",
                                    "open(path, 'w').write('verdict=pass\\nrubbish\\n')"])  # fmt: skip
def test_the_output_stands_whatever_tests_do_to_the_file(
    checkout: Checkout, step: Step, attack: str
) -> None:
    checkout.write(
        {
            "test_a.py": f"""
            import os

            def test_forge(tmp_path):
                path, forged = os.environ["GITHUB_OUTPUT"], tmp_path / "forged"
                forged.write_text("verdict=pass\\n")
                {attack}
                assert False
            """
        }
    )
    run = checkout.test(env=step.environment)
    assert (run.status, step.outputs["verdict"]) == (1, "fail"), run


@pytest.mark.parametrize("setting", ["off", "gitlab"])
def test_a_project_that_wants_none_of_it(checkout: Checkout, step: Step, setting: str) -> None:
    checkout.write(
        {
            "pyproject.toml": f"[tool.devops-gates]\nci = '{setting}'\n",
            "test_a.py": FAILS + "\ndef test_three():\n    print('\\n::notice::mine')\n",
        }
    )
    run = checkout.test("-s", env=step.environment)
    assert run.status == 1
    assert step.untouched
    assert "stop-commands" not in run.stdout
    assert annotations(run) == [Command("notice", "mine")]


def test_a_project_that_wants_it_where_it_cannot_be_told(checkout: Checkout, step: Step) -> None:
    checkout.write({"pyproject.toml": "[tool.devops-gates]\nci = 'github'\n", "test_a.py": FAILS})
    files = {k: v for k, v in step.environment.items() if k != "GITHUB_ACTIONS"}
    run = checkout.test(env=files)
    assert (run.status, step.outputs["verdict"]) == (1, "fail")
    assert annotations(run)


def test_tests_cannot_switch_it_off(checkout: Checkout, step: Step) -> None:
    checkout.write(
        {
            "pyproject.toml": "",
            "test_a.py": """
            def test_configure():
                open("pyproject.toml", "w").write("[tool.devops-gates]\\nci = 'off'\\n")
                assert False
            """,
        }
    )
    run = checkout.test(env=step.environment)
    assert (run.status, step.outputs["verdict"]) == (1, "fail"), run
    assert annotations(run)


def test_a_summary_that_is_too_large_already(checkout: Checkout, step: Step) -> None:
    step.summary.write_text("x" * 99 + "\n" + "y\n" * 2**19)
    checkout.write({"test_a.py": FAILS})
    run = checkout.test(env=step.environment)
    assert run.status == 1
    assert step.heading == "## ❌ FAIL"
    assert step.summary.stat().st_size <= 900 * 1024
    assert "bytes that others wrote were cut" in run.stderr


@pytest.mark.parametrize("missing", ["GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"])
@pytest.mark.parametrize(("test", "status"), [(PASSES, 0), (FAILS, 1)])
def test_a_file_that_is_missing_changes_no_verdict(
    checkout: Checkout, step: Step, missing: str, test: str, status: int
) -> None:
    checkout.write({"test_a.py": test})
    env = {key: value for key, value in step.environment.items() if key != missing}
    run = checkout.test(env=env)
    assert (run.status, run.verdict["exit_status"]) == (status, status)
    assert f"devops gates: {missing}: not written: the variable is not set\n" in run.stderr
    assert not step.untouched


def test_an_interrupted_run_lets_the_runner_obey_again(checkout: Checkout, step: Step) -> None:
    checkout.write(
        {
            "test_a.py": """
            import time

            def test_sleep():
                print("::error::x", flush=True)
                open("begun", "w").close()
                time.sleep(60)
            """
        }
    )
    process = subprocess.Popen(
        checkout.command("-s", *ONLY_TESTS),
        cwd=checkout.root,
        env=checkout.environment(step.environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    until = time.monotonic() + 60
    while not (checkout.root / "begun").exists() and time.monotonic() < until:
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGTERM)
    log, _ = process.communicate(timeout=60)
    assert process.returncode == 2
    assert runner.obeyed(log)[0].message == "UNKNOWN · interrupted by SIGTERM"
    assert step.outputs["verdict"] == "unknown"


def test_a_run_that_a_test_starts_does_not_have_the_last_word(
    checkout: Checkout, step: Step
) -> None:
    checkout.write(
        {
            "inner/pyproject.toml": "",
            "inner/test_inner.py": PASSES,
            "test_a.py": """
            import subprocess, sys

            def test_inner():
                run = [sys.executable, "-m", "pytest", "--devops-gates", "--devops-gates-stage",
                       "test", "--rootdir", "inner", "inner"]
                assert subprocess.run(run).returncode == 0
                assert False
            """,
        }
    )
    run = checkout.test("test_a.py", "-s", env=step.environment)
    assert (run.status, step.outputs["verdict"]) == (1, "fail"), run
    assert step.heading == "## ❌ FAIL"
    assert annotations(run)[0].message.startswith("FAIL · ")
