"""``[[tool.devops-gates.command]]``: what is believed of a command, and what is not."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.conftest import Checkout, Ended

pytestmark = pytest.mark.slow

DEVELOP = ("--devops-gates-stage", "develop")
CLEAN = json.dumps(
    {"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "t"}}, "results": []}]}
)


def command(run: str, reads: str = "exit-code", more: str = "") -> str:
    return f"""
[[tool.devops-gates.command]]
name = "ours"
stage = "develop"
run = ["sh", "-c", {json.dumps(run)}]
reads = "{reads}"
{more}
"""


def judged(checkout: Checkout, *args: str, **options: str) -> Ended:
    table = command(*args)
    checkout.write({"pyproject.toml": table, "a.py": "x = 1\n"})
    return checkout.run(*DEVELOP, env=options)


# exit codes


@pytest.mark.parametrize(
    ("run", "more", "outcome", "says"),
    [
        ("true", "", "pass", "exit-code 0"),
        ("echo why; exit 3", "", "fail", "exit-code 3, needs == 0"),
        ("exit 3", "exit-codes = [0, 1]", "unknown", "exited with 3"),
        ("no-such-tool-at-all", "", "unknown", "exited with 127: a command in it was not found"),
        ("touch x; ./x", "", "unknown", "exited with 126"),
        ("kill -9 $$", "", "unknown", "SIGKILL"),
        ("sleep 60", "timeout = 1", "unknown", "hung: no end after 1 seconds"),
        ("cat", "", "pass", "exit-code 0"),  # standard input is empty, and not a terminal
        ("cat /dev/zero", "", "unknown", "printed more than 64 MiB"),
        ("true", "needs = ['lint']", "pass", "exit-code 0"),
        ("true", 'conditions = { exit-code = "== 5" }', "fail", "exit-code 0, needs == 5"),
    ],
)
def test_exit_codes(checkout: Checkout, run: str, more: str, outcome: str, says: str) -> None:
    ended = judged(checkout, run, "exit-code", more)
    assert ended.outcome("ours") == outcome, ended
    assert says in ended.reason("ours")
    assert ended.status == {"pass": 0, "fail": 1, "unknown": 6}[outcome]


@pytest.mark.parametrize("name", ["no-such-tool", "./nothing.sh", "/no/such/tool"])
def test_one_that_cannot_be_started_is_unknown(checkout: Checkout, name: str) -> None:
    table = f'[[tool.devops-gates.command]]\nname = "x"\nstage = "develop"\nrun = ["{name}"]\n'
    run = checkout.write({"pyproject.toml": table, "a.py": "x = 1\n"}).run(*DEVELOP)
    assert (run.outcome("x"), run.status) == ("unknown", 6), run


def test_a_script_of_the_checkout_may_be_run_by_its_path(checkout: Checkout) -> None:
    table = '[[tool.devops-gates.command]]\nname = "x"\nstage = "develop"\nrun = ["tools/x.sh"]\n'
    checkout.write({"pyproject.toml": table, "tools/x.sh": "#!/bin/sh\nexit 7\n"})
    (checkout.root / "tools/x.sh").chmod(0o755)
    assert "exit-code 7" in checkout.run(*DEVELOP).reason("x")
    shadow = table.replace("tools/x.sh", "true")
    checkout.write({"pyproject.toml": shadow, "true": "#!/bin/sh\nexit 7\n"})
    (checkout.root / "true").chmod(0o755)
    run = checkout.run(*DEVELOP, env={"PATH": f".:{checkout.root}:{os.environ['PATH']}"})
    assert run.outcome("x") == "pass", run


def test_secrets_are_not_handed_down_unless_named(checkout: Checkout) -> None:
    script = 'test -z "$MY_TOKEN" && test -n "$MY_SETTING"'
    env = {"MY_TOKEN": "s3cret-value", "MY_SETTING": "1"}
    assert judged(checkout, script, **env).outcome("ours") == "pass"
    run = judged(checkout, 'test -n "$MY_TOKEN"', "exit-code", 'pass-env = ["MY_TOKEN"]', **env)
    assert run.outcome("ours") == "pass"


def test_what_it_leaves_running_is_ended(checkout: Checkout) -> None:
    judged(checkout, f"(sleep 3; touch {checkout.root}/late) & exit 0")
    os.system("sleep 4")
    assert not (checkout.root / "late").exists()


# report files


FORMATS = ("sarif", "junit", "cobertura", "gitlab-code-quality", "metrics-json")
STALE = [
    ("true", "wrote no report in this run"),
    ("rm -f out/report", "left no report at out/report"),
    ("touch -d '2 hours ago' out/report", "is an older one"),
    ("rm -f out/report; mkdir out/report", "no plain file"),
    ("rm -f out/report; mkfifo out/report", "no plain file"),
    ("ln -sf /etc/passwd out/report", "leads out of its place"),
    ("ln -sf /dev/zero out/report", "leads out of its place"),
    ("rm -rf out; ln -s /tmp out", "left"),
]
DOCTYPE = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>'


@pytest.mark.parametrize(
    ("reads", "run", "says"),
    [
        *(("sarif", *row) for row in STALE),
        *((name, f"printf '%s' '{DOCTYPE}' > out/report", "") for name in FORMATS),
    ],
)
def test_a_report_that_cannot_be_believed_is_unknown(
    checkout: Checkout, reads: str, run: str, says: str
) -> None:
    checkout.write({"out/report": CLEAN})
    ended = judged(checkout, run, reads, 'output = "out/report"')
    assert (ended.outcome("ours"), ended.status) == ("unknown", 6), ended
    assert says in ended.reason("ours")


def test_a_report_is_read_where_it_was_written_and_its_folder_is_made(checkout: Checkout) -> None:
    script = f"echo '{CLEAN}' > new/folder/x.sarif; echo noise"
    run = judged(checkout, script, "sarif", 'output = "new/folder/x.sarif"')
    assert run.outcome("ours") == "pass", run
    assert run.gate("ours")["receipt"]["examined"] == 1


# conditions


JUNIT = (
    '<testsuite tests="2"><testcase name="a"/><testcase name="b"><failure/></testcase></testsuite>'
)


def test_conditions_of_a_command_stand_beside_the_formats_own(checkout: Checkout) -> None:
    run = judged(checkout, f"echo '{JUNIT}'", "junit", 'conditions = { tests = ">= 1" }')
    assert (run.outcome("ours"), run.status) == ("fail", 1), run
    assert "failed 1, needs == 0" in run.reason("ours")
    run = judged(checkout, f"echo '{JUNIT}'", "junit", 'conditions = { failed = "<= 1" }')
    assert run.outcome("ours") == "pass"


def test_numbers_of_the_projects_own_are_open_to_conditions(checkout: Checkout) -> None:
    table = command("echo '{\"size.kb\": 12.5}'", "metrics-json")
    limit = '\n[tool.devops-gates.gates.ours]\nwarnings = { "size.kb" = "<= 10" }\n'
    checkout.write({"pyproject.toml": table + limit, "a.py": "x = 1\n"})
    run = checkout.run(*DEVELOP)
    assert (run.outcome("ours"), run.gate("ours")["metrics"]["size.kb"]) == ("warn", 12.5), run


def test_a_required_command_does_not_vanish_with_what_it_needs(checkout: Checkout) -> None:
    table = command("false", "exit-code", 'needs = ["lint"]')
    off = "\n[tool.devops-gates.gates.lint]\nlevel = 'off'\n"
    run = checkout.write({"pyproject.toml": table + off, "a.py": "x = 1\n"}).run(*DEVELOP)
    assert (run.outcome("ours"), run.status) == ("unknown", 6), run


def test_in_a_git_hook_commands_are_off_until_the_profile_turns_them_on(
    checkout: Checkout,
) -> None:
    run = checkout.write({"pyproject.toml": command("false"), "a.py": "x = 1\n"})
    ended = run.run("--devops-gates-profile", "commit")
    assert (ended.outcome("ours"), ended.status) == ("off", 0), ended
    on = "\n[tool.devops-gates.profiles.commit]\nlevels = { ours = 'required' }\n"
    checkout.write({"pyproject.toml": command("false") + on})
    assert checkout.run("--devops-gates-profile", "commit").status == 1


# mistakes


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ('name = "x"\nstage = "develop"', "command[0]: the key 'run' is missing"),
        ('name = "x"\nstage = "lint"\nrun = ["a"]', "command[0].stage: unknown stage 'lint'"),
        ('name = "x"\nstage = "develop"\nrun = []', "command[0].run: names no command"),
        ('name = "x"\nstage = "develop"\nrun = "a"', "expected an array"),
        ('name = "X"\nstage = "develop"\nrun = ["a"]', "lower-case letters"),
        (f'name = "{"x" * 65}"\nstage = "develop"\nrun = ["a"]', "64 at most"),
        ('name = "lint"\nstage = "develop"\nrun = ["a"]', "the gate lint is added twice"),
        ('name = "x"\nstage = "develop"\nrun = ["a"]\nreads = "sariff"', "did you mean 'sarif'?"),
        ('name = "x"\nstage = "develop"\nrun = ["a"]\noutput = "o"', "nothing is read but the exit"),
        ('name = "x"\nstage = "develop"\nrun = ["a"]\nreads = "sarif"\noutput = "../o"', "no path"),
        ('name = "x"\nstage = "develop"\nrun = ["a"]\nreads = "sarif"\noutput = "/o"', "no path"),
        ('name = "x"\nstage = "develop"\nrun = ["a"]\ncanary = { "../o" = "" }', "no path below"),
        ('name = "x"\nstage = "develop"\nrun = ["a"]\nexit-codes = []', "names none"),
        ('name = "x"\nstage = "develop"\nrun = ["a"]\nexit-codes = [999]', "from 0 to 255"),
        ('name = "x"\nstage = "develop"\nrun = ["a"]\nneeds = ["lnt"]', "did you mean 'lint'?"),
        ('name = "x"\nstage = "develop"\nrun = ["a"]\nlevel = "high"', "unknown level 'high'"),
        ('name = "x"\nstage = "develop"\nrun = ["a"]\ntimeout = 0', "is no number of seconds"),
        ('name = "x"\nstage = "develop"\nrun = ["a"]\nconditions = { failed = "== 0" }',
         "command[0].conditions.failed: unknown metric"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_line(checkout: Checkout, table: str, says: str) -> None:
    checkout.write({"pyproject.toml": f"[[tool.devops-gates.command]]\n{table}\n"})
    run = checkout.run(*DEVELOP)
    assert run.status == 4, run
    assert says in run.verdict["reason"]
    assert not Path(checkout.root.parent / "o").exists()
