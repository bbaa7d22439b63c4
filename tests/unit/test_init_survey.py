"""What a project has, and how it is installed."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from pytest_devops_gates.errors import UsageError
from pytest_devops_gates.initial.installation import UNKNOWN, installation, ruff_pin
from pytest_devops_gates.initial.survey import Survey, host, survey

PROJECT = "[project]\nname = 'a'\nversion = '1'\n"
MYPY = "[tool.mypy]\nstrict = true\n"


def made(root: Path, files: Mapping[str, str], *git: str) -> Survey:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    for line in git:
        identity = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
        subprocess.run(["git", *identity, *shlex.split(line)], cwd=root, check=True)
    return survey(root)


@pytest.mark.parametrize(
    ("remote", "expected"),
    [
        ("https://github.com/a/b.git", "github.com"),
        ("git@github.com:a/b", "github.com"),
        ("ssh://git@GitHub.com:22/a", "github.com"),
        ("https://user:pass@gitlab.example.org/a", "gitlab.example.org"),
        ("https://evil.org/github.com/a", "evil.org"),
        ("/srv/github.com/a", ""),
        ("", ""),
    ],
)
def test_host(remote: str, expected: str) -> None:
    assert host(remote) == expected


@pytest.mark.parametrize(
    ("files", "remote", "ci"),
    [
        ({}, None, None),
        ({".github/x": ""}, None, "github"),
        ({".gitlab-ci.yml": ""}, None, "gitlab"),
        ({}, "https://github.com/a/b", "github"),
        ({}, "git@gitlab.com:a/b", "gitlab"),
        ({".github/x": ""}, "https://gitlab.gnome.org/a/b", "gitlab"),
        ({".gitlab-ci.yml": ""}, "https://github.com/a/b", "github"),
        ({".github/x": ""}, "/srv/mirror", "github"),
        ({".gitlab-ci.yml": ""}, "https://github.com.evil.org/a", "gitlab"),
    ],
)
def test_who_runs_the_ci(
    tmp_path: Path, files: dict[str, str], remote: str | None, ci: str | None
) -> None:
    named = [f"remote add origin {remote}"] if remote else []
    assert made(tmp_path, files, "init -q", *named).ci == ci


def test_a_repository(tmp_path: Path) -> None:
    files = {
        "pyproject.toml": PROJECT + "requires-python = '>=3.10,<3.12'\n" + MYPY,
        "tests/test_a.py": "",
        ".pre-commit-config.yaml": "repos:\n- repo: x\n  rev: v0.15.9\n  hooks: [{id: ruff-format}]\n",
    }
    begun = ("init -q -b main", "add -A", "commit -q -m x")
    found = made(tmp_path, files, *begun)
    assert (found.repository, found.top, found.tests) == (True, True, True)
    assert (found.branch, found.checker, found.ruff, found.python) == ("main", "mypy", "0.15.9", 11)
    inner = made(tmp_path / "inner", {"setup.py": ""})
    assert (inner.top, inner.tests) == (False, False)


def test_a_folder_without_git(tmp_path: Path) -> None:
    found = made(tmp_path, {"a.py": ""})
    assert (found.repository, found.branch, found.tests, found.python) == (False, None, False, 13)


def test_a_branch_that_would_have_to_be_escaped_is_not_taken(tmp_path: Path) -> None:
    lead = "symbolic-ref refs/remotes/origin/HEAD"
    found = made(tmp_path, {"a": ""}, "init -q", f"""{lead} 'refs/remotes/origin/a"b'""")
    assert found.branch is None
    assert made(tmp_path, {}, f"{lead} refs/remotes/origin/next").branch == "origin/next"


@pytest.mark.parametrize("text", ["[", "project = 'x'\n", "tool = 5\n", "[[tool]]\n"])
def test_a_broken_pyproject(tmp_path: Path, text: str) -> None:
    with pytest.raises(UsageError, match=r"pyproject\.toml"):
        made(tmp_path, {"pyproject.toml": text})


OURS = "pytest-devops-gates uv"


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, OURS),
        ({"requirements.txt": ""}, f"-r requirements.txt {OURS}"),
        ({"setup.py": ""}, f"-e . {OURS}"),
        (
            {"setup.py": "", "setup.cfg": "[options.extras_require]\nTesting =\n  tox\n"},
            f"-e '.[testing]' {OURS}",
        ),
        ({"setup.py": "", "setup.cfg": "[[[broken\x00"}, f"-e . {OURS}"),
        ({"pyproject.toml": PROJECT}, f"-e . {OURS}"),
        (
            {"pyproject.toml": PROJECT, "requirements/test.txt": "", "requirements-dev.txt": ""},
            f"-e . -r requirements-dev.txt {OURS}",
        ),
        (
            {
                "pyproject.toml": PROJECT
                + "[project.optional-dependencies]\ntest = ['a']\ndev = ['b']\n",
                "requirements-dev.txt": "",
            },
            f"-e '.[test]' {OURS}",
        ),
        (
            {"pyproject.toml": PROJECT + "[project.optional-dependencies]\ndev = ['mypy']\n" + MYPY},
            f"-e '.[dev]' {OURS}",
        ),
        (
            {"pyproject.toml": PROJECT + "[dependency-groups]\ntests = ['a']\n" + MYPY},
            f"-e . --group tests mypy {OURS}",
        ),
        (
            {
                "pyproject.toml": PROJECT
                + "[dependency-groups]\ntests = ['a']\ntyping = ['MyPy>1; python_version>\"3\"']\n"
                + MYPY
            },
            f"-e . --group tests --group typing {OURS}",
        ),
        (
            {
                "pyproject.toml": PROJECT
                + "[dependency-groups]\ntest = [{include-group = 'b'}]\nb = ['mypy', "
                + "{include-group = 'test'}]\n"
                + MYPY
            },
            f"-e . --group test {OURS}",
        ),
        (
            {"pyproject.toml": PROJECT + "[dependency-groups]\n\"test; rm -rf /\" = []\nx = 5\n"},
            f"-e . {OURS}",
        ),
        ({"pyproject.toml": "dependency-groups = 5\n" + PROJECT}, f"-e . {OURS}"),
        ({"pyproject.toml": PROJECT + "optional-dependencies = {test = [5, {}, '!']}\n"},
         f"-e '.[test]' {OURS}"),
    ],
)  # fmt: skip
def test_installation(tmp_path: Path, files: dict[str, str], expected: str) -> None:
    told = installation(made(tmp_path, files))
    assert told.commands[-1] == f"python -m pip install {expected}"
    assert (len(told.commands) == 2) is ("--group" in expected)
    named = any(word in expected for word in ("[", "--group", "-r requirements-"))
    assert told.notes == (() if named else (UNKNOWN,))


@pytest.mark.parametrize(
    ("version", "pin"),
    [
        ("0.15.9", "ruff==0.15.9"),
        ("0.11.11", None),
        (None, None),
        ("main", None),
        ("0.15.9'; rm -rf /", None),
    ],
)
def test_the_pin_of_ruff(version: str | None, pin: str | None) -> None:
    assert ruff_pin(version) == pin
