"""Tests that lie, crash or vanish: none of them ever becomes a pass."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field

import pytest

from tests.conftest import PLUGINS_OFF, Checkout

GOOD = "def test_good():\n    assert True\n"
BAD = "def test_bad():\n    assert False\n"
pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Lie:
    """A project, the arguments, and what the gate ``tests`` must be and say."""

    name: str
    files: dict[str, str]
    outcome: str
    says: str
    args: tuple[str, ...] = ()
    env: dict[str, str] = field(default_factory=dict)


LIES = [
    Lie(
        "os._exit(0) in a test",
        {"test_it.py": GOOD + "import os\ndef test_exit():\n    os._exit(0)\n"},
        "unknown",
        "in the middle of its session at test_it.py::test_exit",
    ),
    Lie(
        "segfault",
        {"test_it.py": GOOD + "import ctypes\ndef test_crash():\n    ctypes.string_at(0)\n"},
        "unknown",
        "killed by SIGSEGV at test_it.py::test_crash",
    ),
    Lie(
        "SIGKILL of the test process, as when memory runs out",
        {"test_it.py": GOOD + "import os\ndef test_kill():\n    os.kill(os.getpid(), 9)\n"},
        "unknown",
        "killed by SIGKILL at test_it.py::test_kill",
    ),
    Lie(
        "a failure, then os._exit(0)",
        {"test_it.py": BAD + "import os\ndef test_exit():\n    os._exit(0)\n"},
        "fail",
        "failed 1",
    ),
    Lie(
        "pytest.exit(returncode=0)",
        {
            "test_it.py": GOOD
            + "import pytest\ndef test_x():\n    pytest.exit('x', returncode=0)\ndef test_y(): pass\n"
        },
        "unknown",
        "session ended early (Exit: x)",
    ),
    Lie(
        "os._exit(0) when the session finishes",
        {
            "test_it.py": GOOD,
            "conftest.py": "import os\ndef pytest_unconfigure():\n    os._exit(3)\n",
        },
        "unknown",
        "pytest exited with 3",
    ),
    Lie(
        "exit status reset",
        {
            "test_it.py": BAD,
            "conftest.py": "def pytest_sessionfinish(session):\n    session.exitstatus = 0\n",
        },
        "fail",
        "failed 1",
    ),
    Lie(
        "makereport turns failures into passes",
        {
            "test_it.py": BAD,
            "conftest.py": """
            import pytest
            @pytest.hookimpl(hookwrapper=True, trylast=True)
            def pytest_runtest_makereport(item, call):
                outcome = yield
                outcome.get_result().outcome = "passed"
            """,
        },
        "fail",
        "altered 1",
    ),
    Lie(
        "logreport turns failures into passes",
        {
            "test_it.py": BAD,
            "conftest.py": """
            import pytest
            @pytest.hookimpl(tryfirst=True)
            def pytest_runtest_logreport(report):
                report.outcome = "passed"
                report.longrepr = None
            """,
        },
        "fail",
        "failed 1",
    ),
    Lie(
        "a wrapper swallows the exception",
        {
            "test_it.py": BAD,
            "conftest.py": """
            import pytest
            @pytest.hookimpl(wrapper=True)
            def pytest_runtest_call(item):
                try:
                    return (yield)
                except BaseException:
                    return None
            """,
        },
        "fail",
        "altered 1",
    ),
    Lie(
        "the function is never called",
        {
            "test_it.py": BAD,
            "conftest.py": "def pytest_pyfunc_call(pyfuncitem):\n    return True\n",
        },
        "fail",
        "altered 1",
    ),
    Lie(
        "reports without a run",
        {
            "test_it.py": BAD,
            "conftest.py": """
            from _pytest.reports import TestReport
            def pytest_runtest_protocol(item, nextitem):
                for when in ("setup", "call", "teardown"):
                    report = TestReport(item.nodeid, item.location, {}, "passed", None, when)
                    item.ihook.pytest_runtest_logreport(report=report)
                return True
            """,
        },
        "unknown",
        "where the recorder could not see",
    ),
    Lie(
        "the test is swallowed whole",
        {
            "test_it.py": GOOD + BAD,
            "conftest.py": """
            def pytest_runtest_protocol(item):
                return True if item.name == "test_bad" else None
            """,
        },
        "unknown",
        "1 of 2 selected tests did not run to their end",
    ),
    Lie(
        "a broken fixture reported as sound",
        {
            "test_it.py": GOOD,
            "conftest.py": """
            import pytest
            @pytest.fixture(autouse=True)
            def database():
                raise RuntimeError("no database")
            @pytest.hookimpl(wrapper=True)
            def pytest_runtest_makereport():
                report = yield
                report.outcome, report.longrepr = "passed", None
                return report
            """,
        },
        "fail",
        "altered 1",
    ),
    Lie(
        "a teardown that fails reported as sound",
        {
            "test_it.py": GOOD,
            "conftest.py": """
            import pytest
            @pytest.fixture(autouse=True)
            def database():
                yield
                raise RuntimeError("leak")
            @pytest.hookimpl(wrapper=True)
            def pytest_runtest_makereport():
                report = yield
                report.outcome, report.longrepr = "passed", None
                return report
            """,
        },
        "fail",
        "altered 1",
    ),
    Lie(
        "a coroutine that is never awaited",
        {
            "test_it.py": "async def test_bad(): assert False\n",
            "conftest.py": """
            import pytest
            @pytest.hookimpl(tryfirst=True)
            def pytest_pyfunc_call():
                return True
            """,
        },
        "fail",
        "altered 1",
    ),
    Lie(
        "unittest that swallows failures",
        {
            "test_it.py": "import unittest\nclass T(unittest.TestCase):\n    def test_x(self): self.fail()\n",
            "conftest.py": """
            from _pytest.unittest import TestCaseFunction
            TestCaseFunction.addFailure = lambda self, testcase, rawexcinfo: None
            """,
        },
        "fail",
        "altered 1",
    ),
    Lie(
        "items whose runtest does nothing",
        {
            "test_it.py": "import unittest\nclass T(unittest.TestCase):\n    def test_x(self): self.fail()\n",
            "conftest.py": """
            def pytest_collection_modifyitems(items):
                for item in items:
                    item.runtest = lambda: None
            """,
        },
        "fail",
        "altered 1",
    ),
    Lie(
        "a wrapper that comes late",
        {
            "test_it.py": BAD,
            "conftest.py": """
            import pytest
            class Late:
                @pytest.hookimpl(wrapper=True, trylast=True)
                def pytest_runtest_call(self, item):
                    try:
                        return (yield)
                    except BaseException:
                        return None
            def pytest_runtest_setup(item):
                if not item.config.pluginmanager.hasplugin("late"):
                    item.config.pluginmanager.register(Late(), "late")
            """,
        },
        "fail",
        "altered 1",
    ),
    Lie(
        "a wrapper around the call of the function",
        {
            "test_it.py": BAD,
            "conftest.py": """
            import pytest
            @pytest.hookimpl(wrapper=True, trylast=True)
            def pytest_pyfunc_call(pyfuncitem):
                try:
                    return (yield)
                except BaseException:
                    return True
            """,
        },
        "fail",
        "altered 1",
    ),
    Lie(
        "a collection error that is hidden",
        {
            "test_it.py": GOOD,
            "test_other.py": "import nothing_of_that_name\n",
            "conftest.py": """
            import pytest
            @pytest.hookimpl(wrapper=True)
            def pytest_make_collect_report():
                report = yield
                if report.failed:
                    report.outcome, report.longrepr, report.result = "passed", None, []
                return report
            """,
        },
        "fail",
        "altered 1",
    ),
    Lie(
        "--lf in addopts",
        {"test_it.py": GOOD, "pytest.ini": "[pytest]\naddopts = --lf\n"},
        "unknown",
        "what an earlier run left over",
    ),
    Lie(
        "--markers in addopts",
        {"test_it.py": BAD, "pytest.ini": "[pytest]\naddopts = --markers\n"},
        "unknown",
        "before its session began",
    ),
    Lie(
        "a setting on the command line that selects",
        {"test_it.py": GOOD + BAD},
        "unknown",
        "-o python_functions=test_good",
        ("-o", "python_functions=test_good"),
    ),
    Lie(
        "a kind of test switched off",
        {"test_it.py": GOOD},
        "unknown",
        "-p no:unittest",
        ("-p", "no:unittest"),
    ),
    Lie(
        "asserts removed by python -O",
        {"test_it.py": BAD},
        "unknown",
        "removes assert statements",
        ("--assert=plain",),
        {"PYTHONOPTIMIZE": "1"},
    ),
    Lie(
        "collect only in addopts",
        {"test_it.py": BAD, "pytest.ini": "[pytest]\naddopts = --co\n"},
        "unknown",
        "did not run to their end",
    ),
    Lie(
        "setup only in addopts",
        {"test_it.py": BAD, "pytest.ini": "[pytest]\naddopts = --setup-only\n"},
        "unknown",
        "no test ran",
    ),
    Lie("nothing matches -k", {"test_it.py": GOOD}, "unknown", "no test ran", ("-k", "nothing")),
    Lie(
        "part of it by -k",
        {"test_it.py": GOOD + BAD},
        "unknown",
        "narrowed the run (keyword)",
        ("-k", "good"),
    ),
    Lie(
        "part of it by -m",
        {"test_it.py": GOOD},
        "unknown",
        "narrowed the run (markexpr)",
        ("-m", "not x"),
    ),
    Lie(
        "part of it by PYTEST_ADDOPTS",
        {"test_it.py": GOOD + BAD},
        "unknown",
        "narrowed the run (keyword)",
        env={"PYTEST_ADDOPTS": "-k good"},
    ),
    Lie(
        "--deselect",
        {"test_it.py": GOOD + BAD},
        "unknown",
        "narrowed the run (deselect)",
        ("--deselect", "test_it.py::test_bad"),
    ),
    Lie("--lf", {"test_it.py": GOOD}, "unknown", "narrowed the run (lf)", ("--lf",)),
    Lie(
        "one test by its id",
        {"test_it.py": GOOD + BAD},
        "unknown",
        "single tests were named",
        ("test_it.py::test_good",),
    ),
    Lie(
        "one file of two",
        {"test_it.py": GOOD, "test_other.py": BAD},
        "unknown",
        "test_other.py was left out",
        ("test_it.py",),
    ),
    Lie(
        "a folder beside testpaths",
        {
            "a/test_it.py": GOOD,
            "b/test_other.py": BAD,
            "pytest.ini": "[pytest]\ntestpaths = a b\n",
        },
        "unknown",
        "b was left out",
        ("a",),
    ),
    Lie(
        "-x cuts it short",
        {"test_it.py": BAD + GOOD},
        "fail",
        "failed 1",
        ("-x",),
    ),
    Lie("no test at all", {"readme.txt": "x"}, "unknown", "no test ran"),
    Lie(
        "python_files matches nothing",
        {"test_it.py": BAD, "pytest.ini": "[pytest]\npython_files = nothing_*.py\n"},
        "unknown",
        "no test ran",
    ),
    Lie(
        "all skipped",
        {"test_it.py": "import pytest\n@pytest.mark.skip\ndef test_a(): pass\n"},
        "unknown",
        "no test ran (1 skipped)",
    ),
    Lie(
        "collection error in one file",
        {"test_it.py": GOOD, "test_other.py": "import nothing_of_that_name\n"},
        "fail",
        "errors 1",
    ),
    Lie(
        "continued after a collection error",
        {"test_it.py": GOOD, "test_other.py": "syntax error\n"},
        "fail",
        "errors 1",
        ("--continue-on-collection-errors",),
    ),
    Lie(
        "events appended to the stream",
        {
            "test_it.py": BAD,
            "conftest.py": """
            import glob, json
            def pytest_runtest_setup(item):
                for path in glob.glob(".devops-gates/runs/*/tests.jsonl"):
                    with open(path, "a") as stream:
                        forged = {"event": "finish", "exitstatus": 0, "warnings": 0, "mac": "0" * 32}
                        stream.write(json.dumps(forged) + "\\n")
            """,
        },
        "unknown",
        "tampered with",
    ),
    Lie(
        "the stream is deleted",
        {
            "test_it.py": """
            import glob, os
            def test_delete():
                for path in glob.glob(".devops-gates/runs/*/tests.jsonl"):
                    os.unlink(path)
            """
        },
        "unknown",
        "event stream",
    ),
    Lie(
        "a plugin fails the run",
        {
            "test_it.py": GOOD,
            "conftest.py": "def pytest_sessionfinish(session):\n    session.exitstatus = 1\n",
        },
        "fail",
        "errors 1",
    ),
    Lie(
        "an internal error",
        {
            "test_it.py": GOOD,
            "conftest.py": "def pytest_runtest_logfinish():\n    raise ValueError('broken hook')\n",
        },
        "unknown",
        "internal error (",
    ),
    Lie(
        "a Ctrl-C that a test made",
        {"test_it.py": GOOD + "def test_interrupt():\n    raise KeyboardInterrupt\n"},
        "unknown",
        "session ended early (KeyboardInterrupt",
    ),
]


@pytest.mark.parametrize("lie", LIES, ids=lambda lie: lie.name)
def test_is_seen_through(lie: Lie, checkout: Checkout) -> None:
    run = checkout.write(lie.files).test(*lie.args, env=lie.env)
    assert (run.outcome("tests"), lie.says in run.all_said) == (lie.outcome, True), run
    assert run.status == {"fail": 1, "unknown": 6}[lie.outcome]
    assert run.verdict["exit_status"] == run.status
    assert run.outcome("coverage") != "pass" or run.verdict["tests"]["complete"]


def test_a_forged_verdict_is_overwritten(checkout: Checkout) -> None:
    checkout.write(
        {
            "test_it.py": """
            import atexit, glob
            def forge():
                for path in glob.glob(".devops-gates/runs/*/verdict.json"):
                    open(path, "w").write('{"verdict": "pass"}')
            atexit.register(forge)
            def test_bad():
                assert False
            """
        }
    )
    run = checkout.test()
    assert run.status == 1
    assert run.verdict["verdict"] == "fail"


def test_what_tests_do_to_their_own_process_changes_nothing(checkout: Checkout) -> None:
    """They patch, close, change directory and fork; every event still arrives."""
    checkout.write(
        {
            "test_it.py": """
            import builtins, json, os, shutil, signal, subprocess, tempfile, time

            def test_patches(monkeypatch):
                for module, name in [(builtins, "open"), (os, "write"), (os, "open"), (os, "fstat"),
                                     (json, "dumps"), (subprocess, "Popen"), (time, "time")]:
                    setattr(module, name, None)

            def test_closes():
                os.closerange(3, 64)

            def test_changes_to_a_deleted_folder():
                folder = tempfile.mkdtemp() if False else "gone"
                os.mkdir(folder); os.chdir(folder); os.rmdir("../" + folder)

            def test_ignores_children():
                signal.signal(signal.SIGCHLD, signal.SIG_IGN)

            def test_forks():
                if os.fork() == 0:
                    os._exit(0)
            """
        }
    )
    run = checkout.run("--devops-gates-stage", "test", "--devops-gates-stage", "develop", "-s")
    tests = run.verdict["tests"]
    assert (tests["passed"], tests["failed"]) == (5, 0), run
    assert run.outcome("lint") == "pass"


def test_a_nested_run_is_a_run_of_its_own(checkout: Checkout) -> None:
    checkout.write(
        {
            "inner/pyproject.toml": "",
            "inner/test_inner.py": BAD,
            "test_it.py": """
            import subprocess, sys
            def test_nested():
                command = [sys.executable, "-m", "pytest", "--devops-gates", "-p", "no:randomly",
                           "--devops-gates-stage", "test", "--rootdir", "."]
                assert subprocess.run(command, cwd="inner").returncode == 1
            """,
            "pytest.ini": "[pytest]\ntestpaths = test_it.py\n",
        }
    )
    run = checkout.test()
    assert run.outcome("tests") == "pass", run
    inner = Checkout(checkout.root / "inner")
    assert inner.latest.is_file()


def test_one_supervisor_when_the_flag_is_in_addopts(checkout: Checkout) -> None:
    checkout.write({"test_it.py": GOOD, "pytest.ini": "[pytest]\naddopts = --devops-gates -q\n"})
    run = checkout.test()
    assert run.outcome("tests") == "pass", run
    assert run.stdout.count("verdict:") == 1
    assert len(list((checkout.root / ".devops-gates" / "runs").iterdir())) == 1


@pytest.mark.parametrize(
    "name", ["click", "coverage", "msgspec", "tomllib", "bandit", "ruff", "yaml"]
)
@pytest.mark.parametrize("way", ["python -m pytest", "pythonpath"])
def test_the_supervisor_imports_nothing_from_the_checkout(
    name: str, way: str, checkout: Checkout
) -> None:
    loud = "import pathlib\npathlib.Path(__file__).with_suffix('.seen').touch()\n"
    checkout.write({f"{name}.py": loud, "test_it.py": GOOD})
    if way == "pythonpath":
        checkout.write({"pytest.ini": "[pytest]\npythonpath = .\n"})
    run = checkout.run("--devops-gates-stage", "develop", "--devops-gates-stage", "security")
    assert run.status == 0, run
    assert not list(checkout.root.glob("*.seen"))


@pytest.mark.parametrize(
    "args", [("--", "-k", "test_a"), ("--", "--deselect=test_b.py::test_b"), ("--", "--lf")]
)
def test_what_stands_behind_two_dashes_narrows_as_well(
    args: tuple[str, ...], checkout: Checkout
) -> None:
    checkout.write({"test_a.py": "def test_a(): pass\n", "test_b.py": "def test_b(): assert 0\n"})
    run = checkout.test(*args)
    assert run.status != 0, run
    assert run.outcome("tests") != "pass"


@pytest.mark.parametrize(
    ("args", "env"),
    [
        (("test_a.py", "--", "--devops-gates"), {}),
        (("--devops-gates",), {"PYTEST_ADDOPTS": "-- -k test_a"}),
    ],
)
def test_a_flag_that_pytest_sees_too_late_is_told(
    args: tuple[str, ...], env: dict[str, str], checkout: Checkout
) -> None:
    checkout.write({"test_a.py": "def test_a(): pass\n"})
    run = checkout.run(command=[sys.executable, "-m", "pytest", *PLUGINS_OFF, *args], env=env)
    assert run.status == 4, run
    assert "ERROR: " in run.stderr
    assert "--devops-gates" in run.stderr
