"""Gates of conftest.py files: they run inside the test process, and are its testimony."""

from __future__ import annotations

import pytest

from tests.conftest import Checkout

pytestmark = pytest.mark.slow

DECLARED = """
[tool.devops-gates.gates.modules]
testimony = true
conditions = { count = "<= 3" }
options = { most = 7 }
"""
CONFTEST = """
from pytest_devops_gates import Command, Evidence, Gate, Stage

seen = []

def pytest_runtest_logreport(report):
    if report.when == "call":
        seen.append(report.nodeid)

def check(project, options, asked):
    return Evidence.of(examined=len(project.files), metrics={"count": len(seen) + options["most"]})

def pytest_devops_gates_add():
    return Gate("modules", Stage.TEST, function=check)
"""
TEST = "def test_one(): pass\n"


def judged(checkout: Checkout, conftest: str, *args: str, declared: str = DECLARED) -> Checkout:
    return checkout.write({"pyproject.toml": declared, "conftest.py": conftest, "test_a.py": TEST})


def test_it_sees_what_the_tests_did_and_gets_its_options(checkout: Checkout) -> None:
    run = judged(checkout, CONFTEST).test()
    assert run.gate("modules")["metrics"]["count"] == 8, run
    assert run.outcome("modules") == "fail"
    assert run.gate("modules")["receipt"]["tool"] == "conftest.py, inside the test process"
    assert run.status == 1


def test_under_xdist_the_workers_testify_and_their_numbers_are_added(checkout: Checkout) -> None:
    judged(checkout, CONFTEST)
    checkout.write({"test_a.py": "\n".join(f"def test_{n}(): pass" for n in range(10))})
    run = checkout.test("-n", "2")
    assert run.gate("modules")["metrics"]["count"] == 10 + 7 * 2, run
    broken = CONFTEST.replace("return Evidence.of(", "assert len(seen) > 9; return Evidence.of(")
    run = judged(checkout, broken).test("-n", "2")
    assert run.outcome("modules") == "unknown", run


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("return Gate(", "return []; Gate(", "no conftest.py of this run said anything of it"),
        ("return Evidence.of(", "1 / 0; Evidence.of(", "crashed: ZeroDivisionError"),
        ("return Evidence.of(", "return 'fine'\n    Evidence.of(", "crashed"),
        (
            'len(project.files), metrics={"count": len(seen) + options["most"]}',
            '0, metrics={"count": 1}',
            "examined nothing",
        ),
        ('"count": len(seen) + options["most"]', '"other": 1', "count was not measured"),
        ("Stage.TEST, ", "Stage.TEST, conditions={}, ", "[tool.devops-gates.gates.modules]"),
        ("return Gate(", "import os; os._exit(0); Gate(", "tests could not tell"),
        ("function=check", "command=lambda p, o: Command(['no-such-tool'])", "needs a command and"),
        (
            "function=check",
            "command=lambda p, o: Command(['no-such-tool']), read=check",
            "no-such-tool is not installed",
        ),
    ],
)
def test_whatever_goes_wrong_is_unknown(checkout: Checkout, old: str, new: str, says: str) -> None:
    assert old in CONFTEST
    run = judged(checkout, CONFTEST.replace(old, new)).test()
    assert run.outcome("modules") == "unknown", run
    assert says in run.reason("modules")
    assert run.status == 6


def test_a_command_is_read_there_as_well(checkout: Checkout) -> None:
    conftest = """
    from pytest_devops_gates import Command, Evidence, Gate, Stage

    def read(output, project, options):
        return Evidence.of(examined=1, metrics={"count": int(output.text())})

    def pytest_devops_gates_add():
        return Gate("modules", Stage.TEST, lambda p, o: Command(["echo", "3"]), read)
    """
    run = judged(checkout, conftest).test()
    assert run.outcome("modules") == "pass", run


def test_one_that_nothing_declares_is_told(checkout: Checkout) -> None:
    run = judged(checkout, CONFTEST, declared="").test()
    assert "adds the gate modules, which did not run: nothing declares it" in run.all_said
    assert "note: tests: a conftest.py adds the gate modules" in run.stdout
    assert run.status == 0


def test_without_the_tests_it_is_off(checkout: Checkout) -> None:
    run = judged(checkout, CONFTEST).commit().run("--devops-gates-stage", "develop")
    assert run.gate("modules")["outcome"] == "off"


def test_a_declared_one_with_a_wrong_stage_is_a_configuration_error(checkout: Checkout) -> None:
    run = judged(checkout, CONFTEST, declared=DECLARED + 'stage = "tset"\n').test()
    assert run.status == 4
    assert "tool.devops-gates.gates.modules.stage: unknown stage 'tset'" in run.stdout


def test_two_of_one_name_are_not_believed(checkout: Checkout) -> None:
    judged(checkout, CONFTEST.replace('+ options["most"]', "- 5"))
    checkout.write({"tests/conftest.py": CONFTEST.replace('+ options["most"]', "- 9")})
    checkout.write({"tests/test_b.py": TEST})
    run = checkout.test()
    assert run.outcome("modules") == "unknown", run
    assert "two gates of conftest.py files bear this name" in run.reason("modules")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("return Gate(", "return None; Gate(", "NoneType is no Gate"),
        ("return Gate(", "1 / 0; Gate(", "ZeroDivisionError"),
        ("return Evidence.of(", "import pytest; pytest.skip('x'); Evidence.of(", "Skipped"),
    ],
)
def test_a_conftest_that_fails_harms_nothing_else(
    checkout: Checkout, old: str, new: str, says: str
) -> None:
    run = judged(checkout, CONFTEST.replace(old, new)).test()
    assert (run.outcome("tests"), run.outcome("modules")) == ("pass", "unknown"), run
    assert says in run.all_said
