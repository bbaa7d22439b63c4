"""``devops-gates prove``: each gate turns red by its canary, and one that does not is found."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

from pytest_devops_gates import builtin
from tests.conftest import Checkout

pytestmark = pytest.mark.slow

PYPROJECT = """
[build-system]
requires = ["flit_core>=3.11"]
build-backend = "flit_core.buildapi"

[project]
name = "sample"
version = "1.0"
description = "Sample"
readme = "README.md"

[tool.pytest.ini_options]
testpaths = ["tests"]
pythonpath = ["src"]

[tool.ruff.lint]
select = ["F"]
"""
SAMPLE = {
    "pyproject.toml": PYPROJECT,
    "README.md": "# Sample\n",
    "src/sample/__init__.py": "def double(n):\n    return 2 * n\n",
    "tests/test_sample.py": """
    from sample import double

    def test_double():
        assert double(2) == 4
    """,
}
LIMIT = "\n[tool.coverage.report]\nfail_under = 80\n"
STATIC = ("lint", "bandit")


def prove(
    checkout: Checkout, *args: str, python: str = sys.executable
) -> tuple[int, dict[str, str]]:
    """The exit status, and what was said of each gate."""
    done = subprocess.run(
        [python, "-m", "pytest_devops_gates", "prove", *args],
        cwd=checkout.root,
        env=checkout.environment(),
        capture_output=True,
        text=True,
        timeout=300,
    )
    told = dict(line.split("  ", 1) for line in done.stdout.splitlines() if "  " in line)
    assert told, done
    return done.returncode, {name: " ".join(said.split()) for name, said in told.items()}


@pytest.fixture
def sample(checkout: Checkout) -> Checkout:
    return checkout.write(SAMPLE).commit()


def rewrite(checkout: Checkout, old: str, new: str, name: str = "pyproject.toml") -> None:
    path = checkout.root / name
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


NO_FILE_TURNS_RED = ("mutation", "trend")
"""A score without a limit, and the numbers of earlier runs."""


def test_every_builtin_gate_has_a_canary() -> None:
    without = tuple(gate.name for gate in builtin.GATES if gate.canary is None)
    assert without == NO_FILE_TURNS_RED


def test_all_gates_of_a_healthy_project_bite(sample: Checkout) -> None:
    rewrite(
        sample, "[tool.ruff.lint]", LIMIT.strip() + "\n\n[tool.ruff.format]\n\n[tool.ruff.lint]"
    )
    sample.git("commit", "-qam", "Limits")
    before = sample.git("status", "--porcelain", "--ignored")
    status, told = prove(sample)
    bite = {name for name, said in told.items() if said.startswith("bites")}
    assert {*STATIC, "format", "package", "install", "tests", "coverage", "tree"} <= bite, told
    assert not [said for said in told.values() if said.startswith("DOES NOT")], told
    assert status == 0
    assert sample.git("status", "--porcelain", "--ignored") == before


@pytest.mark.parametrize(
    ("old", "new", "gate", "says"),
    [
        ('select = ["F"]', 'select = ["F"]\nignore = ["F821"]', "lint", "the rule is muted"),
        ('select = ["F"]', 'select = ["F"]\n[tool.ruff]\nexclude = ["src"]', "lint", "not read"),
        (
            'select = ["F"]',
            'select = ["F"]\n[tool.bandit]\nskips = ["B602"]',
            "bandit",
            "still hold",
        ),
        (
            'select = ["F"]',
            'select = ["F"]\n[tool.bandit]\nexclude_dirs = ["src"]',
            "bandit",
            "did not read src/sample/devops_gates_canary.py",
        ),
        (
            'select = ["F"]',
            'select = ["F"]\n[tool.devops-gates.gates.lint]\nlevel = "off"',
            "lint",
            "level off (tool.devops-gates.gates.lint.level)",
        ),
        (
            'select = ["F"]',
            'select = ["F"]\n[tool.devops-gates.gates.lint.conditions]\n"findings.new" = "<= 5"',
            "lint",
            "it found F821 (high), and its conditions still hold: findings.new 1, needs <= 5",
        ),
    ],
)
def test_exactly_the_gate_that_cannot_bite_is_found(
    sample: Checkout, old: str, new: str, gate: str, says: str
) -> None:
    rewrite(sample, old, new)
    status, told = prove(sample, *STATIC)
    assert status == 1, told
    assert told[gate].startswith("DOES NOT BITE"), told
    assert says in told[gate]
    for other in {*STATIC} - {gate}:
        assert told[other].startswith("bites"), told


def test_a_tests_gate_that_collects_elsewhere_is_found(sample: Checkout) -> None:
    sample.write({"conftest.py": "collect_ignore_glob = ['*canary*']\n"})
    status, told = prove(sample, "tests")
    assert (status, told["tests"].partition(" a failing")[0]) == (1, "DOES NOT BITE"), told


def test_a_broken_tool_is_found(sample: Checkout, tmp_path: Path) -> None:
    """A ruff that lists every file, and never finds anything."""
    venv.create(tmp_path / "env")
    python = tmp_path / "env" / "bin" / "python"
    lib = next((tmp_path / "env").glob("lib/*/site-packages"))
    paths = [sysconfig.get_path("purelib"), str(Path(__file__).parents[2])]
    (lib / "all.pth").write_text("\n".join(paths))
    ruff = tmp_path / "env" / "bin" / "ruff"
    ruff.write_text(
        '#!/bin/sh\ncase "$*" in *--show-files*) find "$PWD" -name "*.py";; *) echo "[]";; esac\n'
    )
    ruff.chmod(0o755)
    status, told = prove(sample, *STATIC, python=str(python))
    assert status == 1
    assert "the rule is muted, or its tool is broken" in told["lint"], told
    assert told["bandit"].startswith("bites")


COMMAND = """
[[tool.devops-gates.command]]
name = "no-todo"
stage = "develop"
run = ["sh", "-c", "! grep -rn LATER src"]
canary = { "src/sample/devops_gates_canary.txt" = "LATER" }

[[tool.devops-gates.command]]
name = "always-fine"
stage = "develop"
run = ["true"]
canary = { "src/sample/devops_gates_canary.txt" = "LATER" }

[[tool.devops-gates.command]]
name = "unproven"
stage = "develop"
run = ["true"]
"""


def test_commands_of_the_projects_own(sample: Checkout) -> None:
    sample.write({"pyproject.toml": PYPROJECT + COMMAND})
    status, told = prove(sample, "no-todo", "always-fine", "unproven")
    assert status == 1
    assert told["no-todo"].startswith("bites"), told
    assert told["always-fine"].startswith("DOES NOT BITE"), told
    assert "has no canary" in told["unproven"]


def test_a_gate_that_is_red_anyway_must_find_the_canary(sample: Checkout) -> None:
    sample.write({"src/sample/bad.py": "import os\n"})
    status, told = prove(sample, "lint")
    assert status == 0
    assert "red without it as well: findings.new 1" in told["lint"]


def test_wrong_names_are_told(sample: Checkout) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest_devops_gates", "prove", "lnt"],
        cwd=sample.root,
        env=sample.environment(),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 4
    assert "unknown gate 'lnt' (did you mean 'lint'?)" in done.stderr


def test_nothing_to_prove_is_no_success(checkout: Checkout) -> None:
    checkout.write({"readme.txt": "x"}).commit()
    status, told = prove(checkout, "coverage")
    assert status == 6, told


SINGLE = """
[tool.pytest.ini_options]
testpaths = ["tests"]

[tool.coverage.run]
source = ["src"]

[tool.coverage.report]
fail_under = 80
"""


@pytest.mark.parametrize("place", ["root", "folder", "absolute"])
def test_what_pythonpath_names_is_found_from_the_copies(checkout: Checkout, place: str) -> None:
    """What lies in the project is imported from the copy, all else from where it is."""
    checkout.write(
        {
            "pyproject.toml": SINGLE,
            "src/single.py": "def double(n):\n    return 2 * n\n",
            "tests/test_single.py": "import neighbour, single\n"
            "def test_double(): assert single.double(neighbour.x) == 4\n",
        }
    ).commit()
    deps = checkout.root.parent / "deps"
    deps.mkdir()
    (deps / "neighbour.py").write_text("x = 2\n")
    named = {
        "root": "src:../deps",
        "folder": "../src:../../deps",
        "absolute": f"{checkout.root}/src:{deps}",
    }
    done = subprocess.run(
        [sys.executable, "-m", "pytest_devops_gates", "prove", "tests", "coverage"],
        cwd=checkout.root / "tests" if place == "folder" else checkout.root,
        env={**checkout.environment(), "PYTHONPATH": named[place]},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.stdout.count("bites") == 2, done
