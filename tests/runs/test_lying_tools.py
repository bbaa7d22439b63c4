"""Tools that lie, crash, hang or print rubbish: unknown, with a reason. Gates that bite: fail."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.conftest import Checkout

pytestmark = pytest.mark.slow
DEVELOP = ("--devops-gates-stage", "develop")
SECURITY = ("--devops-gates-stage", "security")
SOUND = "def add(a, b):\n    return a + b\n"

# A plugin with one gate whose tool is a Python one-liner: what the tool does is the parameter.
ROGUE = """
import sys
from pytest_devops_gates import Command, Evidence, Finding, Gate, Stage

def command(project, options):
    return Command([sys.executable, "-I", "-c", CODE], tool="rogue")

def read(output, project, options):
    entries = output.json()
    return Evidence.of([Finding("r", str(e)) for e in entries], examined=1)

def pytest_devops_gates_add():
    return Gate("rogue", Stage.SECURITY, command, read, timeout=TIMEOUT)
"""
NOT_JSON = [
    ("rubbish", "print('rubbish')", "cannot be read"),
    ("exit 1 with nothing", "raise SystemExit(1)", "printed nothing"),
    ("exit 0 with nothing", "pass", "printed nothing"),
    ("exit 2", "import sys; sys.exit('usage: none')", "printed nothing"),
    ("exit 3", "import sys; print('[]'); sys.exit(3)", "exited with 3"),
    (
        "a signal",
        "import os; print('[]', flush=True); os.kill(os.getpid(), 9)",
        "killed by SIGKILL",
    ),
    ("JSON twice", "print('[]'); print('[]')", "cannot be read"),
    (
        "byte-order mark",
        "import sys; sys.stdout.buffer.write(b'\\xef\\xbb\\xbf[]')",
        "byte-order mark",
    ),
    ("UTF-16", "import sys; sys.stdout.buffer.write('[]'.encode('utf-16'))", "not UTF-8"),
    ("truncated", "print('[1, 2')", "cannot be read"),
    ("NaN", "print('[NaN]')", "NaN"),
    ("nested", "print('[' * 200000)", "cannot be read"),
    ("duplicate keys", 'print(\'[{"a": 1, "a": 2}]\')', "duplicate keys"),
    ("a long number", "print('[' + '9' * 5000 + ']')", "cannot be read"),
    ("wrong shape", "print('5')", "crashed: TypeError"),
]
HUNG = [
    ("hangs", "import time; time.sleep(60)", "hung"),
    (
        "ignores SIGTERM",
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)",
        "hung",
    ),
    ("closes its output", "import os, time; os.close(1); os.close(2); time.sleep(60)", "hung"),
    (
        "prints one long line",
        "import sys\nwhile True: sys.stdout.write('x' * 10**6)",
        "printed more",
    ),
    (
        "prints for ever",
        "import sys\nwhile True: sys.stderr.write('x' * 999 + '\\n')",
        "printed more",
    ),
]


def rogue(checkout: Checkout, code: str, timeout: float = 30.0) -> Checkout:
    source = ROGUE.replace("CODE", repr(code)).replace("TIMEOUT", str(timeout))
    return checkout.write({"plugins/rogue_gate.py": source, "mod.py": SOUND})


@pytest.mark.parametrize(("name", "code", "says"), NOT_JSON, ids=[row[0] for row in NOT_JSON])
def test_rubbish_is_unknown(name: str, code: str, says: str, checkout: Checkout) -> None:
    run = rogue(checkout, code).run(*SECURITY, "-p", "rogue_gate", env=path_of(checkout))
    assert (run.outcome("rogue"), run.status) == ("unknown", 6), run
    assert says in run.reason("rogue")


@pytest.mark.parametrize(("name", "code", "says"), HUNG, ids=[row[0] for row in HUNG])
def test_what_does_not_end_is_ended(name: str, code: str, says: str, checkout: Checkout) -> None:
    rogue(checkout, code, timeout=3 if says == "hung" else 60)
    run = checkout.run(*SECURITY, "-p", "rogue_gate", env=path_of(checkout), timeout=60)
    assert (run.outcome("rogue"), run.status) == ("unknown", 6), run
    assert says in run.reason("rogue")


WRONG_EVIDENCE = [
    'Evidence.of([Finding("r", "m", severity="HIGH")], examined=1)',
    'Evidence.of([Finding("r", "m", severity="bad")], examined=1)',
    'Evidence.of([Finding("r", "m", state="seen")], examined=1)',
    'Evidence.of([Finding("r", "m", path=3)], examined=1)',
    'Evidence.of([Finding("r", None)], examined=1)',
    'Evidence.of([Finding("r", "m", line="x")], examined=1)',
    "Evidence.of(examined=-1)",
    "Evidence.of(examined=0)",
    "Evidence()",
    'Evidence.of(examined=1, metrics={"number": float("nan")})',
    'Evidence.of(examined=1, metrics={"number": float("inf")})',
    'Evidence.of(examined=1, metrics={"number": "1"})',
    "None",
    "{}",
]


@pytest.mark.parametrize("evidence", WRONG_EVIDENCE)
def test_wrong_evidence_is_unknown(evidence: str, checkout: Checkout) -> None:
    source = ROGUE.replace("CODE", "'print([])'").replace("TIMEOUT", "30")
    source = source.replace(
        'Evidence.of([Finding("r", str(e)) for e in entries], examined=1)', evidence
    )
    source = source.replace("timeout=30)", "conditions={'findings.high': '== 0'})")
    assert evidence in source
    checkout.write({"plugins/rogue_gate.py": source})
    run = checkout.run(*SECURITY, "-p", "rogue_gate", env=path_of(checkout))
    assert (run.outcome("rogue"), run.status) == ("unknown", 6), run


def test_a_severity_as_text_counts(checkout: Checkout) -> None:
    source = ROGUE.replace("CODE", "'print([1])'").replace("TIMEOUT", "30")
    source = source.replace('Finding("r", str(e))', 'Finding("r", str(e), "high")')
    source = source.replace("timeout=30)", "conditions={'findings.high': '== 0'})")
    checkout.write({"plugins/rogue_gate.py": source})
    run = checkout.run(*SECURITY, "-p", "rogue_gate", env=path_of(checkout))
    assert (run.outcome("rogue"), run.status) == ("fail", 1), run


def test_grandchildren_are_ended_too(checkout: Checkout) -> None:
    pid_file = checkout.root / "pid"
    code = (
        "import subprocess, sys, time\n"
        "p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(300)'])\n"
        f"open({str(pid_file)!r}, 'w').write(str(p.pid)); print('[]')"
    )
    run = rogue(checkout, code).run(*SECURITY, "-p", "rogue_gate", env=path_of(checkout))
    assert run.outcome("rogue") == "pass", run
    assert not is_alive(int(pid_file.read_text()))


def test_standard_input_is_empty(checkout: Checkout) -> None:
    code = "import sys; assert sys.stdin.read() == ''; print('[]')"
    run = rogue(checkout, code).run(*SECURITY, "-p", "rogue_gate", env=path_of(checkout))
    assert run.outcome("rogue") == "pass", run


def test_secrets_of_the_environment_are_not_handed_down(checkout: Checkout) -> None:
    code = (
        "import os, json\n"
        "seen = [k for k in os.environ if k in ('MY_TOKEN', 'AWS_SECRET_ACCESS_KEY', 'PYTHONPATH')]\n"
        "print(json.dumps(seen))"
    )
    env = {**path_of(checkout), "MY_TOKEN": "x", "AWS_SECRET_ACCESS_KEY": "x"}
    run = rogue(checkout, code).run(*SECURITY, "-p", "rogue_gate", env=env)
    assert run.outcome("rogue") == "pass", run


def path_of(checkout: Checkout) -> dict[str, str]:
    return {"PYTHONPATH": str(checkout.root / "plugins")}


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that waits to be collected by its parent has ended."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


# what the built-in gates must see through


def test_bandit_names_the_file_that_it_could_not_read(checkout: Checkout) -> None:
    run = checkout.write({"broken.py": "def (\n", "mod.py": SOUND}).run(*SECURITY)
    assert (run.outcome("bandit"), run.status) == ("unknown", 6), run
    assert "broken.py" in run.reason("bandit")


def test_bandit_bites(checkout: Checkout) -> None:
    shell = "import subprocess\n\ndef run(c):\n    subprocess.call(c, shell=True)\n"
    run = checkout.write({"mod.py": shell}).run(*SECURITY)
    assert (run.outcome("bandit"), run.status) == ("fail", 1), run
    assert [f["rule"] for f in run.verdict["findings"] if f["severity"] == "high"] == ["B602"]
    assert run.gate("bandit")["receipt"]["examined"] == 1


PRODUCT = "import subprocess\n\ndef run(c):\n    subprocess.call(c, shell=True)\n"


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("src/app/a.py", "testpaths = ['src', 'tests']"),
        ("app/a.py", "testpaths = ['app', 'tests']"),
        ("app/a.py", "python_files = ['*.py']"),
        ("app/testing/a.py", ""),
        ("app/test_runner.py", ""),
    ],
)
def test_bandit_reads_product_code_whatever_it_is_called(
    name: str, settings: str, checkout: Checkout
) -> None:
    package = "src/app" if name.startswith("src") else "app"
    checkout.write({"pyproject.toml": f"[tool.pytest.ini_options]\n{settings}\n", name: PRODUCT})
    run = checkout.write({f"{package}/__init__.py": ""}).run(*SECURITY)
    assert (run.outcome("bandit"), run.status) == ("fail", 1), run


def test_bandit_leaves_tests_out(checkout: Checkout) -> None:
    checkout.write({"tests/test_a.py": PRODUCT, "app/__init__.py": "", "app/tests/x.py": PRODUCT})
    run = checkout.run(*SECURITY)
    assert (run.outcome("bandit"), run.gate("bandit")["receipt"]["examined"]) == ("pass", 1), run


def test_a_project_in_a_folder_that_git_ignores(checkout: Checkout) -> None:
    checkout.write({".gitignore": "box/\n", "box/pyproject.toml": "", "box/m.py": PRODUCT}).commit()
    run = Checkout(checkout.root / "box").run(*SECURITY)
    assert (run.outcome("bandit"), run.status) == ("fail", 1), run


def test_settings_that_choose_no_rules_do_not_ask_for_hundreds(checkout: Checkout) -> None:
    """Since 0.16 ruff's default set has over 400 rules."""
    source = "import os\n\n\ndef f(a=[]):\n    return a\n"
    checkout.write({"pyproject.toml": "[tool.ruff]\nline-length = 99\n", "mod.py": source})
    assert checkout.run(*DEVELOP).outcome("lint") == "pass"
    checkout.write({"pyproject.toml": "[tool.ruff.lint]\nselect = ['F']\n"})
    assert checkout.run(*DEVELOP).outcome("lint") == "fail"


def test_lint_bites(checkout: Checkout) -> None:
    run = checkout.write({"mod.py": "def f():\n    return nothing\n"}).run(*DEVELOP)
    assert (run.outcome("lint"), run.status) == ("fail", 1), run
    assert run.verdict["findings"][0]["rule"] == "F821"
    assert run.verdict["findings"][0]["severity"] == "high"


def test_lint_that_read_nothing_is_unknown(checkout: Checkout) -> None:
    checkout.write({"pyproject.toml": '[tool.ruff]\nexclude = ["*"]\n', "mod.py": SOUND})
    run = checkout.run(*DEVELOP)
    assert (run.outcome("lint"), run.status) == ("unknown", 6), run
    assert "examined nothing" in run.reason("lint")


def test_lint_does_not_mend(checkout: Checkout) -> None:
    """``fix = true`` in the project's settings would change the checkout."""
    settings = '[tool.ruff]\nfix = true\n[tool.ruff.lint]\nselect = ["F"]\n'
    source = "import os\n"
    checkout.write({"pyproject.toml": settings, "mod.py": source})
    run = checkout.run(*DEVELOP)
    assert run.outcome("lint") == "fail", run
    assert (checkout.root / "mod.py").read_text() == source


def test_an_older_ruff_that_is_demanded_is_unknown(checkout: Checkout) -> None:
    checkout.write(
        {"pyproject.toml": '[tool.ruff]\nrequired-version = "==0.1.0"\n', "mod.py": SOUND}
    )
    run = checkout.run(*DEVELOP)
    assert (run.outcome("lint"), run.status) == ("unknown", 6), run
    assert "0.1.0" in run.reason("lint")


def test_format_bites_where_the_project_formats(checkout: Checkout) -> None:
    checkout.write({"mod.py": "x=1\n"})
    assert checkout.run(*DEVELOP).outcome("format") == "not-applicable"
    checkout.write({"pyproject.toml": "[tool.ruff.format]\n"})
    run = checkout.run(*DEVELOP)
    assert (run.outcome("format"), run.status) == ("fail", 1), run


def test_format_by_another_ruff_than_the_pinned_one_is_unknown(checkout: Checkout) -> None:
    hooks = """
    repos:
    - repo: https://github.com/astral-sh/ruff-pre-commit
      rev: v0.0.1
      hooks:
      - id: ruff-format
        exclude: left_out.py
    """
    checkout.write({"left_out.py": "x=1\n", "mod.py": "x = 1\n", ".pre-commit-config.yaml": hooks})
    assert checkout.run(*DEVELOP).outcome("format") == "pass"
    checkout.write({"mod.py": "x=1\n"})
    run = checkout.run(*DEVELOP)
    assert run.outcome("format") == "unknown", run
    assert "pip install ruff==0.0.1" in run.reason("format")


@pytest.mark.parametrize("name", ["ruff", "bandit.py", "yaml.py", "json.py", "sitecustomize.py"])
def test_nothing_of_the_checkout_is_run_by_a_gate(name: str, checkout: Checkout) -> None:
    seen = checkout.root / "seen"
    body = f"open({str(seen)!r}, 'w')\n"
    checkout.write({name: f"#!{sys.executable}\n{body}", "mod.py": SOUND})
    (checkout.root / name).chmod(0o755)
    script = [str(Path(sys.executable).with_name("pytest")), "--devops-gates"]
    folders = f"{checkout.root}:{Path(sys.executable).parent}:/usr/bin:/bin"
    run = checkout.run(command=[*script, *DEVELOP, *SECURITY], env={"PATH": folders})
    assert not seen.exists()
    assert run.outcome("lint") == "pass", run
    assert run.outcome("bandit") == "pass", run


def test_git_that_refuses_the_repository_is_unknown(checkout: Checkout) -> None:
    checkout.write({"mod.py": SOUND}).commit()
    checkout.git("config", "core.repositoryformatversion", "99")
    run = checkout.run(*SECURITY)
    assert (run.outcome("bandit"), run.status) == ("unknown", 6), run
    assert "git" in run.reason("bandit")
    assert run.verdict["commit"] is None
