"""What is different in CI: other owners, shallow clones, no network, many projects in one."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
import yaml

from tests.conftest import ONLY_TESTS, Checkout

pytestmark = pytest.mark.slow

PAGE = (Path(__file__).parents[2] / "docs/ci.md").read_text()
DEVELOP = ("--devops-gates-stage", "develop")
TEST = "def test_one(): pass\n"
FLIT = """
[build-system]
requires = ["flit_core>=3.11"]
build-backend = "flit_core.buildapi"

[project]
name = "api"
version = "1.0"
description = "Api"
readme = "README.md"
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_checkout_that_belongs_to_somebody_else(checkout: Checkout) -> None:
    checkout.write({"a.py": "x = 1\n", "test_a.py": TEST}).commit()
    for path in [checkout.root, *checkout.root.rglob("*")]:
        os.chown(path, 12345, 12345)
    run = checkout.run(*DEVELOP)
    assert run.status == 6, run
    assert f"git config --global --add safe.directory '{checkout.root}'" in run.all_said
    trusting = {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "safe.directory",
        "GIT_CONFIG_VALUE_0": str(checkout.root),
    }
    assert checkout.run(*DEVELOP, env=trusting).status == 0


def test_a_shallow_clone(checkout: Checkout, tmp_path: Path) -> None:
    checkout.write(
        {"pyproject.toml": FLIT, "README.md": "Api", "api.py": '"""Api."""\n', "test_a.py": TEST}
    ).commit()
    checkout.write({"more.txt": "x"})
    checkout.git("add", "-A")
    checkout.git("commit", "-qm", "More")
    checkout.git("clone", "-q", "--depth=1", f"file://{checkout.root}", str(tmp_path / "shallow"))
    shallow = Checkout(tmp_path / "shallow")
    run = shallow.run("--devops-gates-base", "origin/other")
    assert run.outcome("version") == "unknown", run
    assert "git fetch --tags --unshallow" in run.reason("version")
    assert run.outcome("commits") == "unknown"
    assert "git fetch" in run.reason("commits")
    assert [run.outcome(name) for name in ("tests", "lint", "package", "tree")] == ["pass"] * 4


def test_no_network(checkout: Checkout) -> None:
    checkout.write(
        {"pyproject.toml": FLIT, "README.md": "Api", "api.py": '"""Api."""\n', "test_a.py": TEST}
    ).commit()
    nowhere = {"PIP_INDEX_URL": "http://127.0.0.1:9", "UV_INDEX_URL": "http://127.0.0.1:9",
               "PIP_RETRIES": "0", "PIP_NO_CACHE_DIR": "1", "UV_NO_CACHE": "1",
               "PIP_FIND_LINKS": "", "PIP_CONFIG_FILE": os.devnull}  # fmt: skip
    run = checkout.run(env=nowhere)
    assert run.outcome("package") == "unknown", run
    assert run.gate("package")["log"], "the tool's own words are in the log"
    assert run.outcome("tests") == run.outcome("lint") == "pass"
    assert run.status == 6
    assert "  | " in run.stdout


def test_a_matrix_that_runs_the_static_gates_once(checkout: Checkout) -> None:
    checkout.write({"a.py": "import nothing_used\nundefined\n", "test_a.py": TEST}).commit()
    leg = checkout.run(*ONLY_TESTS)
    assert (leg.status, leg.outcome("lint")) == (0, "off")
    assert leg.verdict["selection"] == {"stages": ["test"], "complete": False}
    assert checkout.run().status == 1


def test_projects_of_a_monorepo_are_judged_by_their_own(checkout: Checkout) -> None:
    checkout.write(
        {
            "pyproject.toml": "[tool.ruff.lint]\nselect = ['F']\n",
            "api/pyproject.toml": FLIT + "[tool.ruff.lint]\nselect = ['F']\n",
            "api/README.md": "Api",
            "api/api.py": '"""Api."""\n',
            "api/test_api.py": TEST,
            "web/pyproject.toml": "[tool.ruff.lint]\nselect = ['F']\n",
            "web/web.py": "import os\n",
            "web/test_web.py": TEST,
        }
    ).commit()
    api = Checkout(checkout.root / "api")
    run = api.run()
    assert run.status == 0, run
    assert run.gate("lint")["receipt"]["examined"] == 2
    assert run.outcome("package") == "pass"
    web = Checkout(checkout.root / "web")
    run = checkout.run("--rootdir", "web", "web")
    verdict = web.latest.read_text()
    assert (run.status, '"path": "web.py"' in verdict) == (1, True), run


def test_a_demanded_ruff_is_told_with_the_line_that_installs_it(checkout: Checkout) -> None:
    settings = '[tool.ruff]\nrequired-version = "0.1.0"\n'
    checkout.write({"pyproject.toml": settings, "a.py": "x = 1\n"}).commit()
    run = checkout.run(*DEVELOP)
    assert run.outcome("lint") == "unknown"
    assert "python -m pip install 'ruff==0.1.0'" in run.reason("lint")


def test_the_end_of_a_failed_tools_output_is_in_the_log(checkout: Checkout) -> None:
    words = "[print('line', n) for n in range(30)]; print('##[error]x'); raise SystemExit(3)"
    checkout.write(
        {
            "pyproject.toml": f"""
            [[tool.devops-gates.command]]
            name = "broken"
            stage = "develop"
            run = ["python", "-c", "{words}"]

            [[tool.devops-gates.command]]
            name = "rubbish"
            stage = "develop"
            reads = "sarif"
            run = ["sh", "-c", "echo what went wrong >&2; echo rubbish"]
            """,
            "a.py": "x = 1\n",
        }
    )
    run = checkout.run(*DEVELOP)
    assert run.outcome("broken") == "fail"
    assert "  | line 29\n" in run.stdout
    assert "  | line 5\n" not in run.stdout
    assert "##[error]" not in run.stdout
    assert run.outcome("rubbish") == "unknown"
    assert "  | what went wrong\n" in run.stdout


@pytest.mark.parametrize("block", re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL))
def test_the_pages_of_the_docs_are_what_ci_reads(block: str) -> None:
    page = yaml.safe_load(block)
    jobs = page.get("jobs", {"gates": page.get("gates")})
    scripts = [
        *(step.get("run", "") for job in jobs.values() for step in job.get("steps", ())),
        *(line for job in jobs.values() for line in job.get("script", ())),
    ]
    assert any(line.startswith("pytest --devops-gates") for line in scripts)
