"""Coverage is measured from the first line, in every process, and judged unrounded."""

from __future__ import annotations

import sys

import pytest

from tests.conftest import PLUGINS_OFF, Checkout

pytestmark = pytest.mark.slow

PROJECT = {
    "app/__init__.py": "def used():\n    return 1\n\ndef unused():\n    return 2\n",  # 3 of 4
    "app/never.py": "def nobody():\n    return 3\n",  # 0 of 2
    "test_it.py": "import app\ndef test_used(): assert app.used() == 1\n",
}


def line(checkout: Checkout, *args: str) -> float:
    run = checkout.test(*args)
    assert run.outcome("coverage") == "pass", run
    return float(run.gate("coverage")["metrics"]["line"])


@pytest.mark.parametrize("args", [(), ("-n", "2")])
def test_modules_that_no_test_imports_count(args: tuple[str, ...], checkout: Checkout) -> None:
    assert line(checkout.write(PROJECT), *args) == 50.0
    assert (checkout.latest.parent / "coverage.json").is_file()
    assert not (checkout.root / ".coverage").exists()


def test_subprocesses_and_forks_are_measured(checkout: Checkout) -> None:
    checkout.write(
        {
            "app/__init__.py": "def a():\n    return 1\n\ndef b():\n    return 2\n",
            "test_it.py": """
            import os, subprocess, sys
            import app
            def test_subprocess():
                subprocess.run([sys.executable, "-c", "import app; app.a()"], check=True)
            def test_fork():
                pid = os.fork()
                if pid == 0:
                    app.b()
                    os._exit(0)
                os.waitpid(pid, 0)
            """,
        }
    )
    assert line(checkout) == 100.0


def test_the_users_own_data_is_left_alone(checkout: Checkout) -> None:
    checkout.write({**PROJECT, ".coverage": "mine"})
    line(checkout)
    assert (checkout.root / ".coverage").read_text() == "mine"


def test_the_users_own_cov_is_adopted(checkout: Checkout) -> None:
    run = checkout.write(PROJECT).test("--cov=app", "--cov-report=")
    gate = run.gate("coverage")
    assert (gate["outcome"], gate["metrics"]["line"]) == ("pass", 50.0), run
    assert "pytest-cov" in gate["notes"][0]


def test_cov_data_that_is_older_than_the_run_is_unknown(checkout: Checkout) -> None:
    """pytest-cov writes none after a collection error; what lies there is from another day."""
    checkout.write({**PROJECT, "pytest.ini": "[pytest]\naddopts = --cov=app --cov-report=\n"})
    checkout.write(
        {
            "conftest.py": """
            import os, pytest
            @pytest.hookimpl(trylast=True)
            def pytest_unconfigure():
                os.utime(".coverage", (1, 1))
            """
        }
    )
    run = checkout.test()
    assert run.outcome("coverage") == "unknown", run
    assert "wrote no data" in run.reason("coverage")


@pytest.mark.parametrize(
    ("limit", "outcome", "status"), [(50, "pass", 0), (50.1, "fail", 1), (90, "fail", 1)]
)
def test_fail_under_makes_it_required(
    limit: float, outcome: str, status: int, checkout: Checkout
) -> None:
    settings = f"[tool.coverage.report]\nfail_under = {limit}\n"
    run = checkout.write({**PROJECT, "pyproject.toml": settings}).test()
    assert (run.outcome("coverage"), run.status) == (outcome, status), run
    assert run.gate("coverage")["level"] == "required"


def test_it_is_not_rounded_up(checkout: Checkout) -> None:
    """2 of 3 lines are 66.67 % where people round, and 66.66… % here."""
    checkout.write(
        {
            "app/__init__.py": "def used():\n    return 1\n\nif not used:\n    a = 1\n    b = 2\n",
            "test_it.py": "import app\ndef test_used(): app.used()\n",
            "pyproject.toml": "[tool.devops-gates.gates.coverage]\nconditions = { line = '>= 60' }\n",
        }
    )
    run = checkout.test()
    assert run.gate("coverage")["metrics"]["line"] == 60.0
    checkout.write(
        {"pyproject.toml": "[tool.devops-gates.gates.coverage]\nconditions = { line = '> 60' }\n"}
    )
    assert checkout.test().status == 1


def test_conditions_by_path(checkout: Checkout) -> None:
    settings = """
    [tool.devops-gates.gates.coverage.conditions]
    "line:app/never.py" = ">= 0"
    "line:app" = ">= 50"
    "line:app/__init__.py" = ">= 75"
    """
    run = checkout.write({**PROJECT, "pyproject.toml": settings}).test()
    assert run.status == 0, run
    values = {c["metric"]: c["value"] for c in run.gate("coverage")["conditions"]}
    assert values == {"line:app/never.py": 0.0, "line:app": 50.0, "line:app/__init__.py": 75.0}


def test_a_path_that_matches_nothing_is_unknown(checkout: Checkout) -> None:
    settings = '[tool.devops-gates.gates.coverage.conditions]\n"line:gone" = ">= 1"\n'
    run = checkout.write({**PROJECT, "pyproject.toml": settings}).test()
    assert (run.outcome("coverage"), run.status) == ("unknown", 6), run


def test_branches_that_were_not_measured_are_unknown(checkout: Checkout) -> None:
    settings = '[tool.devops-gates.gates.coverage.conditions]\nbranch = ">= 1"\n'
    run = checkout.write({**PROJECT, "pyproject.toml": settings}).test()
    assert (run.outcome("coverage"), run.status) == ("unknown", 6), run
    assert "branch was not measured" in run.reason("coverage")


def test_branches(checkout: Checkout) -> None:
    settings = "[tool.coverage.run]\nbranch = true\n"
    source = "def f(x):\n    if x:\n        return 1\n    return 2\n"
    test = "import app\ndef test_f(): app.f(1)\n"
    checkout.write({"app/__init__.py": source, "test_it.py": test, "pyproject.toml": settings})
    metrics = checkout.test().gate("coverage")["metrics"]
    assert (metrics["line"], metrics["branch"]) == (75.0, 50.0)
    assert metrics["total"] == pytest.approx(100 * 4 / 6)


def test_a_source_that_was_never_imported_is_unknown(checkout: Checkout) -> None:
    settings = "[tool.coverage.run]\nsource = ['ap', 'app']\n"
    run = checkout.write({**PROJECT, "pyproject.toml": settings}).test()
    assert run.outcome("coverage") == "unknown", run
    assert "'ap'" in run.reason("coverage")


def test_it_is_not_judged_on_part_of_the_tests(checkout: Checkout) -> None:
    run = checkout.write(PROJECT).test("-k", "used")
    assert run.outcome("coverage") == "unknown"
    assert run.reason("coverage").startswith("coverage: not judged")


def test_other_tools_are_not_measured(checkout: Checkout) -> None:
    checkout.write(PROJECT)
    run = checkout.run("--devops-gates-stage", "test", "--devops-gates-stage", "security")
    data = list((checkout.latest.parent / "logs" / "coverage" / "coverage-data").glob("data.*"))
    assert run.status == 0, run
    assert len(data) == 1


def test_relative_sources_mean_the_root(checkout: Checkout) -> None:
    checkout.write(
        {
            "pyproject.toml": """
            [tool.pytest.ini_options]
            pythonpath = ["src"]
            testpaths = ["tests"]
            [tool.coverage.run]
            source = ["src"]
            """,
            "src/app/__init__.py": "x = 1\n",
            "tests/test_it.py": "import app\ndef test_a(): pass\n",
        }
    )
    run = checkout.test(cwd=checkout.root / "tests")
    assert run.outcome("coverage") == "pass", run


def test_under_coverage_run(checkout: Checkout) -> None:
    command = [sys.executable, "-m", "coverage", "run", "-m", "pytest", *PLUGINS_OFF]
    command += ["--devops-gates", "--devops-gates-stage", "test"]
    run = checkout.write(PROJECT).run(command=command)
    assert (run.status, run.outcome("coverage")) == (0, "pass"), run


def test_no_source_at_all(checkout: Checkout) -> None:
    run = checkout.write({"test_it.txt": ">>> 1\n1\n"}).test("--doctest-glob=*.txt")
    assert (run.outcome("tests"), run.outcome("coverage")) == ("pass", "unknown"), run
    assert "No data to report" in run.reason("coverage")


def leaves_data(content: str, ending: str = "") -> str:
    return f"""
    import app, os
    from coverage.config import CoverageConfig
    def test_it():
        app.used()
        config = CoverageConfig.deserialize(os.environ["COVERAGE_PROCESS_CONFIG"])
        with open(config.data_file + ".host.pid1.Xabcdefx{ending}", "w") as part:
            part.write({content!r})
    """


KILLED_WHILE_IT_WRITES = """
    import app, subprocess, sys
    CHILD = [
        "import app, resource, signal",
        "signal.signal(signal.SIGXFSZ, signal.SIG_DFL)",
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))",
    ]
    def test_it():
        app.used()
        assert subprocess.run([sys.executable, "-c", ";".join(CHILD)]).returncode < 0
    """


@pytest.mark.parametrize(
    "test", [leaves_data(""), KILLED_WHILE_IT_WRITES], ids=["before-it-writes", "while-it-writes"]
)
def test_a_process_that_is_killed_before_it_wrote_its_data_is_told(
    checkout: Checkout, test: str
) -> None:
    """Coverage names a data file anew when it is whole; until then it may hold anything."""
    run = checkout.write({**PROJECT, "test_it.py": test}).test()
    assert run.outcome("coverage") == "pass", run
    assert any(
        "before they had written their data" in note for note in run.gate("coverage")["notes"]
    )
    assert "1 of " in run.all_said


@pytest.mark.parametrize("content", ["no database" * 200, ""])
def test_data_that_is_damaged_is_unknown(checkout: Checkout, content: str) -> None:
    whole = leaves_data(content, ".H0123456789abh")
    run = checkout.write({**PROJECT, "test_it.py": whole}).test()
    assert run.outcome("coverage") == "unknown", run
    assert "could not use all of its data" in run.reason("coverage")


@pytest.mark.parametrize("args", [(), ("-n", "2")])
def test_a_test_process_whose_data_is_missing_is_told(
    args: tuple[str, ...], checkout: Checkout
) -> None:
    """Coverage leaves a process alone that makes a Coverage object of its own."""
    aware = "import app, coverage\ndef test_it():\n    app.used()\n    coverage.Coverage()\n"
    run = checkout.write({**PROJECT, "test_it.py": aware}).test(*args)
    assert run.outcome("coverage") == "unknown", run
    assert f"the test process {'gw' if args else 'itself'}" in run.reason("coverage")
    assert "left no coverage data" in run.reason("coverage")


@pytest.mark.parametrize("args", [(), ("-n", "2")])
def test_a_test_process_that_runs_nothing_of_the_project_leaves_data(
    args: tuple[str, ...], checkout: Checkout
) -> None:
    run = checkout.write({**PROJECT, "test_it.py": "def test_it(): pass\n"}).test(*args)
    assert "No data to report" in run.reason("coverage"), "of no process is it said to be missing"


NEW = "[tool.devops-gates.gates.coverage]\nconditions = { new-line = '>= 60' }\n"


def test_new_code_is_judged_apart(checkout: Checkout) -> None:
    """Half of the whole is run, and none of what is new: further lines of an old statement, a file
    that git does not know yet."""
    source = "def used():\n    return 1\n\ndef unused():\n    return [\n        {},\n    ]\n"
    checkout.write({**PROJECT, "app/__init__.py": source.format(1), "pyproject.toml": NEW}).commit()
    checkout.git("branch", "before")
    checkout.write({"app/__init__.py": source.format(2), "app/never.py": "x = 1\ny = 2\n"})
    checkout.write({"app/more.py": "x = 1\n"})
    run = checkout.test("--devops-gates-base", "before")
    assert (run.outcome("coverage"), run.status) == ("fail", 1), run
    assert run.reason("coverage").startswith("coverage: new-line 0, needs >= 60")
    (note,) = run.gate("coverage")["notes"]
    assert note == (
        "new lines that no test ran: app/never.py:1-2 · app/__init__.py:5 · app/more.py:1"
    )


def test_a_change_without_code_has_no_percentage(checkout: Checkout) -> None:
    checkout.write({**PROJECT, "pyproject.toml": NEW}).commit().git("branch", "before")
    run = checkout.write({"README.md": "New.\n"}).test("--devops-gates-base", "before")
    assert run.outcome("coverage") == "not-applicable", run
    assert run.reason("coverage") == "no coverable line in the 1 changed line"


def test_new_code_without_a_base_is_unknown(checkout: Checkout) -> None:
    run = checkout.write({**PROJECT, "pyproject.toml": NEW}).test()
    assert (run.outcome("coverage"), run.status) == ("unknown", 6), run


@pytest.mark.parametrize(("settings", "outcome"), [("", "unknown"), ("omit = ['*/sub/*']", "pass")])
def test_new_code_that_was_not_measured_is_unknown(
    settings: str, outcome: str, checkout: Checkout
) -> None:
    """coverage passes over folders without ``__init__.py`` that no test imports from."""
    told = "[tool.devops-gates.gates.coverage]\nconditions = { new-line = '>= 50' }\n"
    checkout.write(
        {**PROJECT, "pyproject.toml": f"[tool.coverage.run]\n{settings}\n{told}"}
    ).commit()
    checkout.git("branch", "-M", "main")
    checkout.git("checkout", "-q", "-b", "feature")
    more = PROJECT["app/__init__.py"].replace("return 1", "one = 1\n    return one")
    checkout.write({"app/__init__.py": more, "app/sub/mod.py": "def evil():\n    return 1\n"})
    run = checkout.test()
    assert run.outcome("coverage") == outcome, run
    assert ("app/sub/mod.py" in run.reason("coverage")) == (outcome == "unknown")
