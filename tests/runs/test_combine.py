"""``devops-gates release combine``: one verdict from the runs of several jobs."""

from __future__ import annotations

import shutil
import sys
import zipfile
from pathlib import Path

import pytest

from tests.conftest import PLUGINS_OFF, Checkout, Ended

pytestmark = pytest.mark.slow

FILES = {
    "pyproject.toml": """
        [project]
        name = "app"
        version = "1.0"

        [tool.pytest.ini_options]
        testpaths = ["tests"]
        pythonpath = ["."]
        markers = ["slow: takes long"]

        [tool.devops-gates.shards]
        fast = { stages = ["test"] }
        slow = { stages = ["test"] }

        [tool.devops-gates.gates.coverage]
        conditions = { line = "== 100" }

        [tool.devops-gates.profiles.merge]
        stages = ["test"]
        """,
    "app/__init__.py": "def one():\n    return 1\n\n\ndef two():\n    return 2\n",
    "tests/test_a.py": """
        import app


        def test_one():
            assert app.one() == 1
        """,
    "tests/test_b.py": """
        import app
        import pytest


        @pytest.mark.slow
        def test_two():
            assert app.two() == 2
        """,
    ".gitignore": ".devops-gates/\n__pycache__/\n.pytest_cache/\nout/\n",
}


def shard(checkout: Checkout, name: str, *args: str) -> Ended:
    where = ("--devops-gates-report", f"out/{name}")
    return checkout.run(*args, *where, env={"DEVOPS_GATES_SHARD": name})


def combine(checkout: Checkout, *args: str) -> Ended:
    command = [sys.executable, "-m", "pytest_devops_gates", "release", "combine", *args]
    return checkout.run(command=[*command, *PLUGINS_OFF])


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """Two jobs, each of which ran the tests that the other one left out."""
    root = tmp_path_factory.mktemp("both") / "project"
    root.mkdir()
    checkout = Checkout(root).write(FILES).commit()
    fast = shard(checkout, "fast", "-m", "not slow")
    slow = shard(checkout, "slow", "tests/test_b.py")
    for ended in (fast, slow):
        assert ended.status == 0, ended
        assert ended.verdict["selection"]["complete"] is False
        assert ended.outcome("tests") == "pass"
    assert slow.verdict["tests"]["detail"]["paths"] == ["tests/test_b.py"]
    return checkout


def test_together_they_are_whole(both: Checkout) -> None:
    ended = combine(both, "out/fast", "out/slow")
    assert ended.status == 0, ended.stdout
    assert ended.outcome("coverage") == "pass"  # 100 % are both together
    assert ended.verdict["tests"]["passed"] == 2
    assert ended.verdict["tests"]["complete"] is True
    assert ended.verdict["selection"]["complete"] is True
    assert [one["name"] for one in ended.verdict["shards"]] == ["fast", "slow"]


def test_one_is_not(both: Checkout) -> None:
    ended = combine(both, "out/fast")
    assert ended.status == 6
    assert "the shard slow is missing" in ended.verdict["reason"]
    assert ended.outcome("coverage") == "unknown"


def test_a_zip_is_as_good_as_a_folder_and_a_bad_one_says_nothing(both: Checkout) -> None:
    folder = both.root / "out"
    whole = shutil.make_archive(str(folder / "packed"), "zip", folder / "slow")
    assert combine(both, "out/fast", whole).status == 0
    with zipfile.ZipFile(folder / "bad.zip", "w") as bad:
        bad.writestr("../verdict.json", "{}")
    ended = combine(both, "out/fast", "out/bad.zip")
    assert ended.status == 6
    assert "leads out of it" in ended.verdict["reason"]
    assert not (both.root / "verdict.json").exists()


def test_what_ran_on_another_commit_says_nothing(both: Checkout, tmp_path: Path) -> None:
    copy = Checkout(Path(shutil.copytree(both.root, tmp_path / "copy", symlinks=True)))
    copy.git("commit", "-q", "--allow-empty", "-m", "Another")
    ended = combine(copy, "out/fast", "out/slow")
    assert ended.status == 6
    assert "is foreign: it is of the commit" in ended.verdict["reason"]


def test_data_of_another_machine_is_that_of_the_same_files(both: Checkout, tmp_path: Path) -> None:
    copy = Checkout(Path(shutil.copytree(both.root, tmp_path / "elsewhere", symlinks=True)))
    ended = combine(copy, "out/fast", "out/slow")
    assert ended.outcome("coverage") == "pass", ended.reason("coverage")


def test_a_job_that_nobody_expects_does_not_start(both: Checkout) -> None:
    ended = shard(both, "fats")
    assert ended.status == 4
    assert "DEVOPS_GATES_SHARD: unknown shard 'fats' (did you mean 'fast'?)" in ended.stdout


def test_a_failing_test_of_one_job_fails_the_whole(checkout: Checkout) -> None:
    broken = {**FILES, "tests/test_b.py": "def test_two():\n    assert False\n"}
    checkout.write(broken).commit()
    assert shard(checkout, "fast", "tests/test_a.py").status == 0
    assert shard(checkout, "slow", "tests/test_b.py").status == 1
    ended = combine(checkout, "out/fast", "out/slow")
    assert ended.status == 1
    assert ended.outcome("tests") == "fail"


def test_the_report_of_a_job_without_python(checkout: Checkout) -> None:
    files = {
        **FILES,
        "pyproject.toml": FILES["pyproject.toml"].replace('["test"]\n', '["test", "deploy"]\n')
        + """
        [[tool.devops-gates.command]]
        name = "web"
        stage = "deploy"
        run = ["false"]
        reads = "junit"
        """,
    }
    checkout.write(files).commit()
    for name, path in (("fast", "tests/test_a.py"), ("slow", "tests/test_b.py")):
        shard(checkout, name, path)
    report = '<testsuite tests="1" failures="0"><testcase name="a" classname="b"/></testsuite>'
    checkout.write({"out/good.xml": report, "out/bad.xml": report[:40]})
    runs = ("out/fast", "out/slow")
    assert combine(checkout, *runs, "--report", "web=out/good.xml").outcome("web") == "pass"
    assert combine(checkout, *runs, "--report", "web=out/bad.xml").outcome("web") == "unknown"
    ended = combine(checkout, *runs, "--report", "wbe=out/good.xml")
    assert ended.status == 4
    assert "no [[tool.devops-gates.command]] has this name" in ended.stdout


def test_whoever_combines_is_no_shard(both: Checkout) -> None:
    command = [sys.executable, "-m", "pytest_devops_gates", "release", "combine", "out/fast"]
    ended = both.run(command=command, env={"DEVOPS_GATES_SHARD": "fast"})
    assert ended.status == 4
    assert "whoever combines is no shard" in ended.stdout


def test_a_part_is_the_one_that_the_caller_names(both: Checkout) -> None:
    assert combine(both, "fast=out/fast", "slow=out/slow").status == 0
    ended = combine(both, "fast=out/slow", "slow=out/fast")
    assert ended.status == 6
    assert "says that it is the shard 'slow', not fast" in ended.verdict["reason"]
