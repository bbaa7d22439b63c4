"""Files that change while the gates read them."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest

from pytest_devops_gates import steady, testing
from pytest_devops_gates.project import Project
from tests.conftest import Checkout


@pytest.fixture
def project(checkout: Checkout) -> Project:
    checkout.write({"a.py": "x = 1\n", "b.py": "y = 2\n"}).commit()
    return testing.project(checkout.root)


def release(project: Project) -> Project:
    return msgspec.structs.replace(project, profile="release")


def test_a_tree_that_stays_is_one(project: Project) -> None:
    before = steady.marks(project)
    os.link(project.root / "a.py", project.root / "link.py")  # as an engine does
    assert steady.moved(project, before) is None
    assert steady.moved(release(project), before) is None


@pytest.mark.parametrize("how", ["write", "delete", "replace"])
def test_a_file_that_changes_is_told(how: str, project: Project) -> None:
    before = steady.marks(project)
    file = project.root / "a.py"
    if how == "delete":
        file.unlink()
    elif how == "write":
        file.write_text("x = 3\n")
    else:
        (project.root / "new.py").write_text("x = 3\n")
        (project.root / "new.py").replace(file)
    told = steady.moved(project, before)
    assert told
    assert told.startswith("a.py changed while the gates read it: nobody knows what they saw")


def rewritten(project: Project) -> None:
    (project.root / "a.py").write_text("x = 3\n")
    (project.root / "a.py").write_text("x = 1\n")
    os.utime(project.root / "a.py", (1, 1))


def test_what_is_as_git_holds_it_is_let_pass_but_not_in_a_release(project: Project) -> None:
    before = steady.marks(project)
    rewritten(project)
    assert steady.moved(project, before) is None
    assert "a.py changed" in (steady.moved(release(project), before) or "")


def test_a_commit_that_a_test_makes_is_told(project: Project, checkout: Checkout) -> None:
    before = steady.marks(project)
    checkout.git("commit", "-q", "--allow-empty", "-m", "Mine")
    assert "HEAD is another commit" in (steady.moved(project, before) or "")


def test_of_several_one_is_named_and_all_are_counted(project: Project) -> None:
    before = steady.marks(project)
    for name in ("a.py", "b.py"):
        (project.root / name).write_text("z = 1\n")
    assert "(and 1 files more)" in (steady.moved(project, before) or "")


def test_without_git_any_change_counts(tmp_path: Path) -> None:
    testing.write(tmp_path, {"a.py": "x = 1\n"})
    project = testing.project(tmp_path)
    before = steady.marks(project)
    rewritten(project)
    assert "a.py changed" in (steady.moved(project, before) or "")


def test_a_new_file_is_no_change_of_what_was_read(project: Project) -> None:
    before = steady.marks(project)
    (project.root / "htmlcov").mkdir()
    (project.root / "htmlcov/index.html").write_text("")
    assert steady.moved(release(project), before) is None


@pytest.mark.slow
def test_a_test_that_rewrites_the_tree_gets_no_pass(checkout: Checkout) -> None:
    hides = "from pathlib import Path\n\ndef test_a():\n    Path('bad.py').write_text('x = 1\\n')\n"
    checkout.write(
        {"bad.py": "x = y\n", "test_a.py": hides, ".gitignore": "__pycache__/\n"}
    ).commit()
    ended = checkout.run()
    assert ended.status in (1, 6), ended
    if ended.status == 6:
        assert "bad.py changed while the gates read it" in ended.verdict["reason"]
