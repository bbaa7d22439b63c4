"""Other plugins, other kinds of tests, other ways to start pytest: the numbers stay right."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.conftest import PLUGINS_OFF, Checkout

pytestmark = pytest.mark.slow

ALL_KINDS = """
    import pytest

    def test_pass(): pass
    def test_fail(): assert 0
    @pytest.mark.skip
    def test_skip(): pass
    def test_skip_inside(): pytest.skip("x")
    @pytest.mark.xfail
    def test_xfail(): assert 0
    def test_xfail_inside(): pytest.xfail("x")
    @pytest.mark.xfail
    def test_xpass(): pass
    @pytest.fixture
    def broken(): raise ValueError
    def test_setup_error(broken): pass
    @pytest.fixture
    def breaks():
        yield
        raise ValueError
    def test_teardown_error(breaks): pass
"""
COUNTS = {
    "passed": 2, "failed": 1, "errors": 2, "skipped": 2, "xfailed": 2, "xpassed": 1, "altered": 0,
}  # fmt: skip


def counted(checkout: Checkout, *args: str) -> dict[str, float]:
    tests = checkout.test(*args).verdict["tests"]
    return {name: tests[name] for name in COUNTS}


@pytest.mark.parametrize(
    "args", [(), ("-n", "2"), ("-n", "2", "--dist", "loadfile"), ("-p", "no:xdist")]
)
def test_all_outcomes_are_counted_as_pytest_counts_them(
    args: tuple[str, ...], checkout: Checkout
) -> None:
    checkout.write({"test_it.py": ALL_KINDS})
    assert counted(checkout, *args) == COUNTS


def test_strict_xfail_that_passes_is_a_failure(checkout: Checkout) -> None:
    checkout.write(
        {
            "test_it.py": """
            import pytest
            @pytest.mark.xfail(strict=True)
            def test_x(): pass
            """
        }
    )
    assert counted(checkout)["failed"] == 1


def test_unittest_classes(checkout: Checkout) -> None:
    checkout.write(
        {
            "test_it.py": """
            import unittest
            class T(unittest.TestCase):
                def test_pass(self): pass
                def test_fail(self): self.fail("x")
                def test_skip(self): self.skipTest("x")
                @unittest.expectedFailure
                def test_expected(self): self.fail("x")
                def test_subtests(self):
                    for n in range(3):
                        with self.subTest(n=n): self.assertLess(n, 5)
            class A(unittest.IsolatedAsyncioTestCase):
                async def test_async(self): pass
            """
        }
    )
    found = counted(checkout)
    assert (found["passed"], found["failed"], found["altered"]) == (3, 1, 0)
    assert (found["skipped"], found["xfailed"]) == (1, 1)


def test_doctests_and_subtests(checkout: Checkout) -> None:
    checkout.write(
        {
            "mod.py": '"""\n>>> 1 + 1\n2\n"""\ndef f():\n    """\n    >>> 1\n    2\n    """\n',
            "test_it.py": "def test_a(): pass\n",
        }
    )
    found = counted(checkout, "--doctest-modules")
    assert (found["passed"], found["failed"], found["altered"]) == (2, 1, 0)


@pytest.mark.skipif(not hasattr(pytest, "Subtests"), reason="subtests are built in since pytest 9")
def test_subtests_of_pytest(checkout: Checkout) -> None:
    checkout.write(
        {
            "test_it.py": """
            def test_sub(subtests):
                for n in range(3):
                    with subtests.test(n=n):
                        assert n != 1
            def test_good(subtests):
                with subtests.test(n=1):
                    pass
            """
        }
    )
    found = counted(checkout)
    assert (found["passed"], found["failed"], found["altered"]) == (1, 1, 0)


def test_reruns_are_flaky_and_not_altered(checkout: Checkout) -> None:
    checkout.write(
        {
            "test_it.py": """
            seen = []
            def test_flaky():
                seen.append(1)
                assert len(seen) == 3
            """
        }
    )
    run = checkout.test("--reruns", "3")
    tests = run.verdict["tests"]
    assert run.outcome("tests") == "pass", run
    assert (tests["rerun"], tests["flaky"], tests["passed"], tests["altered"]) == (2, 1, 1, 0)


def test_asyncio_and_hypothesis(checkout: Checkout) -> None:
    checkout.write(
        {
            "pytest.ini": "[pytest]\nasyncio_default_fixture_loop_scope = function\n",
            "test_it.py": """
            import pytest
            from hypothesis import given, strategies
            @pytest.mark.asyncio
            async def test_async(): pass
            @pytest.mark.asyncio
            async def test_async_fails(): assert 0
            @given(strategies.integers())
            def test_property(n): assert n == n
            """,
        }
    )
    command = [sys.executable, "-m", "pytest", "--devops-gates", "--devops-gates-stage", "test"]
    tests = checkout.run(command=command).verdict["tests"]
    assert (tests["passed"], tests["failed"], tests["altered"]) == (2, 1, 0)


def test_random_order(checkout: Checkout) -> None:
    checkout.write({"test_it.py": ALL_KINDS})
    command = [sys.executable, "-m", "pytest", "--devops-gates", "--devops-gates-stage", "test"]
    run = checkout.run(command=[*command, "-p", "randomly", "-n", "2"])
    assert {name: run.verdict["tests"][name] for name in COUNTS} == COUNTS


def test_a_dead_xdist_worker_gives_no_passes(checkout: Checkout) -> None:
    checkout.write(
        {
            "test_it.py": """
            import os, pytest
            @pytest.mark.parametrize("n", range(20))
            def test_n(n):
                if n == 7:
                    os._exit(0)
            """
        }
    )
    run = checkout.test("-n", "2")
    assert run.status == 1
    tests = run.verdict["tests"]
    assert (tests["failed"], tests["altered"]) == (1, 0)
    assert tests["passed"] <= 19


def test_an_outcome_altered_in_an_xdist_worker_is_seen(checkout: Checkout) -> None:
    checkout.write(
        {
            "test_it.py": "def test_bad(): assert 0\ndef test_good(): pass\n",
            "conftest.py": """
            import pytest
            @pytest.hookimpl(wrapper=True)
            def pytest_runtest_makereport():
                report = yield
                report.outcome = "passed"
                return report
            """,
        }
    )
    run = checkout.test("-n", "2")
    assert (run.outcome("tests"), run.verdict["tests"]["altered"]) == ("fail", 1)


def test_deselection_by_the_project_is_counted_and_complete(checkout: Checkout) -> None:
    checkout.write(
        {
            "test_it.py": "def test_a(): pass\ndef test_b(): pass\n",
            "pytest.ini": "[pytest]\naddopts = -k test_a\n",
        }
    )
    for args in ((), ("-n", "2"), ("-v",)):
        run = checkout.test(*args)
        tests = run.verdict["tests"]
        assert run.outcome("tests") == "pass", run
        assert (tests["collected"], tests["deselected"], tests["complete"]) == (2, 1, True)


def test_tests_dropped_in_silence_are_counted_as_deselected(checkout: Checkout) -> None:
    checkout.write(
        {
            "test_it.py": "def test_a(): pass\ndef test_b(): pass\n",
            "conftest.py": "def pytest_collection_modifyitems(items):\n    del items[0]\n",
        }
    )
    assert checkout.test().verdict["tests"]["deselected"] == 1


def test_paths_that_the_project_names_itself_are_complete(checkout: Checkout) -> None:
    checkout.write(
        {
            "pytest.ini": "[pytest]\naddopts = unit\n",
            "unit/test_a.py": "def test_a(): pass\n",
            "slow/test_b.py": "def test_b(): pass\n",
        }
    )
    assert checkout.test().outcome("tests") == "pass"


def test_a_plugin_that_tries_again_in_silence(checkout: Checkout) -> None:
    """As flaky does: several calls, one report."""
    checkout.write(
        {
            "conftest.py": """
            def pytest_runtest_protocol(item, nextitem):
                from _pytest.runner import call_and_report
                item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
                item._initrequest()
                call_and_report(item, "setup")
                call_and_report(item, "call", log=False)
                call_and_report(item, "call")
                call_and_report(item, "teardown", nextitem=nextitem)
                return True
            """,
            "test_it.py": "seen = []\ndef test_a():\n    seen.append(1)\n    assert len(seen) == 2\n",
        }
    )
    tests = checkout.test().verdict["tests"]
    assert (tests["passed"], tests["altered"], tests["failed"]) == (1, 0, 0)


def test_options_of_a_conftest_belong_to_the_child(checkout: Checkout) -> None:
    checkout.write(
        {
            "conftest.py": "def pytest_addoption(parser):\n    parser.addoption('--mine')\n",
            "test_it.py": "def test_a(pytestconfig): assert pytestconfig.getoption('--mine') == '1'\n",
        }
    )
    assert checkout.test("--mine", "1").outcome("tests") == "pass"


SCRIPT = "import sys, pytest\nsys.exit(pytest.main(sys.argv[1:]))\n"


@pytest.mark.parametrize("door", ["module", "script", "main"])
def test_every_way_to_start_pytest(door: str, checkout: Checkout) -> None:
    checkout.write({"test_it.py": "def test_a(): pass\n", "go.py": SCRIPT})
    script = str(Path(sys.executable).with_name("pytest"))
    program = {
        "module": [sys.executable, "-X", "dev", "-W", "ignore", "-m", "pytest"],
        "script": [script],
        "main": [sys.executable, "go.py"],
    }[door]
    command = [*program, *PLUGINS_OFF, "--devops-gates", "--devops-gates-stage", "test"]
    run = checkout.run(command=command)
    assert (run.status, run.outcome("tests")) == (0, "pass"), run


def test_configuration_file_and_rootdir(checkout: Checkout) -> None:
    checkout.write(
        {
            "sub/test_it.py": "def test_a(): pass\n",
            "conf/other.ini": "[pytest]\naddopts = -q\n",
        }
    )
    run = checkout.test("-c", "conf/other.ini", "--rootdir", ".", "sub")
    assert run.outcome("tests") == "pass", run


@pytest.mark.parametrize(
    "option", ["--help", "--version", "--markers", "--fixtures", "--collect-only", "--co"]
)
def test_questions_start_nothing(option: str, checkout: Checkout) -> None:
    checkout.write({"test_it.py": "def test_a(): pass\n"})
    run = checkout.run(option)
    assert run.status == 0
    assert "verdict:" not in run.stdout
    assert not (checkout.root / ".devops-gates").exists()


def test_without_autoload_the_flag_is_a_usage_error(checkout: Checkout) -> None:
    checkout.write({"test_it.py": "def test_a(): pass\n"})
    command = [sys.executable, "-m", "pytest", "--devops-gates"]
    assert checkout.run(command=command, env={"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}).status == 4
    command.insert(3, "-ppytest_devops_gates.plugin")
    command += ["--devops-gates-stage", "test"]
    run = checkout.run(command=command, env={"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"})
    assert (run.status, run.outcome("tests")) == (0, "pass"), run
    assert checkout.run("-p", "no:pytest_devops_gates").status == 4


def test_usage_errors_of_pytest_are_usage_errors(checkout: Checkout) -> None:
    checkout.write({"test_it.py": "def test_a(): pass\n"})
    for wrong in ("--no-such-option", "no_such_file.py"):
        run = checkout.test(wrong)
        assert (run.status, run.verdict["verdict"]) == (4, "unknown"), run
        assert run.verdict["exit_status"] == 4


def test_a_usage_error_of_pytest_ends_what_runs_beside_it(checkout: Checkout) -> None:
    """Nobody waits a minute to be told of a slip of the pen."""
    slow = "[[tool.devops-gates.command]]\nname = 'slow'\nstage = 'test'\nrun = ['sleep', '60']\n"
    slow += "reads = 'exit-code'\n"
    checkout.write({"pyproject.toml": slow, "test_it.py": "def test_a(): pass\n"})
    run = checkout.test("--no-such-option")
    assert (run.status, run.verdict["exit_status"]) == (4, 4), run
    assert "pytest was used wrongly" in run.verdict["reason"]
    assert run.verdict["seconds"] < 50
