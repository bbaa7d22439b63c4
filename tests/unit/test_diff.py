"""What git says is other than at the base: names of any bytes, lines, renames, what is not committed."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_devops_gates import base, diff
from pytest_devops_gates.change import Base, Change, FileChange
from pytest_devops_gates.edits import replaced
from pytest_devops_gates.errors import CannotTell
from tests.unit.samples import same_every_time


class Repository:
    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir(parents=True, exist_ok=True)
        self.git("init", "-q", "-b", "main")

    def git(self, *args: str) -> str:
        named = [
            "-c",
            "user.name=A",
            "-c",
            "user.email=a@example.org",
            "-c",
            "protocol.file.allow=always",
        ]
        done = subprocess.run(
            ["git", *named, *args], cwd=self.root, check=True, capture_output=True
        )
        return os.fsdecode(done.stdout).strip()

    def write(self, name: str, content: str | bytes) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())

    def commit(self, message: str = "All") -> str:
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD")

    def change(self, root: Path | None = None) -> dict[str, FileChange]:
        since = Base(self.git("rev-parse", "base"), "base", "a test")
        found = diff.change_since(root or self.root, since, {}, untracked=True)
        return {file.path: file for file in found.files}


@pytest.fixture
def repo(tmp_path: Path) -> Repository:
    repo = Repository(tmp_path / "repo")
    repo.write("a.py", "".join(f"line {n}\n" for n in range(1, 21)))
    repo.write("gone.py", "x = 1\n")
    repo.write("pkg/b.py", "".join(f"other {n}\n" for n in range(1, 21)))
    repo.commit()
    repo.git("tag", "base")
    return repo


def test_lines_that_came_and_went(repo: Repository) -> None:
    text = "".join(f"line {n}\n" for n in range(1, 21))
    repo.write("a.py", text.replace("line 3\n", "new\nnew\n").replace("line 10\n", "") + "end\n")
    repo.commit()
    (file,) = repo.change().values()
    assert (file.status, file.old) == ("modified", "a.py")
    assert file.added == ((3, 4), (21, 21))
    assert file.removed == ((3, 3), (10, 10))
    assert list(file.added_lines()) == [3, 4, 21]


def test_what_is_committed_staged_changed_and_untracked(repo: Repository) -> None:
    repo.write("committed.py", "a\n")
    repo.commit()
    repo.write("staged.py", "a\nb\n")
    repo.git("add", "staged.py")
    repo.write("a.py", "only\n")
    repo.write("untracked.py", "a\nb\nc")
    repo.write(".gitignore", "ignored.py\n")
    repo.write("ignored.py", "a\n")
    (repo.root / "gone.py").unlink()
    found = repo.change()
    assert {name: file.status for name, file in found.items()} == {
        ".gitignore": "untracked",
        "a.py": "modified",
        "committed.py": "added",
        "gone.py": "deleted",
        "staged.py": "added",
        "untracked.py": "untracked",
    }
    assert found["untracked.py"].added == ((1, 3),)
    assert found["committed.py"].old is None


def test_a_rename_is_followed(repo: Repository) -> None:
    repo.git("mv", "pkg/b.py", "src.py")
    repo.write("src.py", (repo.root / "src.py").read_text() + "more\n")
    repo.commit()
    (file,) = repo.change().values()
    assert (file.status, file.old, file.added) == ("renamed", "pkg/b.py", ((21, 21),))
    change = Change(Base("c", "r", "t"), (file,))
    assert change.old_paths() == {"src.py": "pkg/b.py"} == change.base_paths()


ODD = [
    "a b.py",
    "tab\t.py",
    'quo"te.py',
    "back\\slash.py",
    "new\nline.py",
    "ünï.py",
    "-o",
    "a/@@ -1 +1 @@",
]


def test_files_with_odd_names(repo: Repository) -> None:
    for name in [*ODD, os.fsdecode(b"raw\xff.py")]:
        repo.write(name, "x\n")
    repo.commit()
    found = repo.change()
    assert set(found) == {*ODD, os.fsdecode(b"raw\xff.py")}
    assert all(file.added == ((1, 1),) for file in found.values())


def test_content_that_looks_like_a_patch(repo: Repository) -> None:
    hostile = "diff --git a/x b/x\n@@ -1,9 +1,9 @@\n+++ b/x\n:100644 100644\n\\ No newline\n"
    repo.write("patch.txt", hostile)
    repo.write("z.py", "x\n")
    repo.commit()
    found = repo.change()
    assert found["patch.txt"].added == ((1, 5),)
    assert found["z.py"].added == ((1, 1),)


def test_the_attributes_of_the_change_hide_nothing(repo: Repository) -> None:
    """``-diff`` makes git say no more than that binary files differ."""
    repo.write(".gitattributes", "*.py -diff\n*.py binary\n*.py diff=none\n")
    repo.write("a.py", "one\n")
    repo.commit()
    assert repo.change()["a.py"].added == ((1, 1),)


@pytest.mark.parametrize(
    "setting",
    ["diff.noprefix=true", "diff.mnemonicPrefix=true", "diff.external=false", "color.ui=always",
     "diff.renames=false", "diff.context=9", "diff.interHunkContext=50", "diff.submodule=log",
     "core.quotePath=true", "diff.relative=false", "diff.algorithm=patience"],
)  # fmt: skip
def test_the_users_settings_change_nothing(setting: str, repo: Repository) -> None:
    name, value = setting.split("=")
    repo.git("config", name, value)
    repo.git("mv", "pkg/b.py", "c.py")
    repo.write("a.py", "".join(f"line {n}\n" for n in range(1, 21)).replace("line 5", "x"))
    repo.commit()
    found = repo.change()
    assert (found["c.py"].status, found["a.py"].added) == ("renamed", ((5, 5),))


def test_a_link_in_place_of_a_file(repo: Repository) -> None:
    (repo.root / "a.py").unlink()
    (repo.root / "a.py").symlink_to("gone.py")
    repo.write("z.py", "x\n")
    repo.commit()
    found = repo.change()
    assert found["a.py"].status == "modified"
    assert found["z.py"].added == ((1, 1),)


def test_a_submodule(repo: Repository, tmp_path: Path) -> None:
    inner = Repository(tmp_path / "inner")
    inner.write("i.py", "x\n")
    inner.commit()
    repo.git("submodule", "--quiet", "add", str(inner.root), "sub")
    repo.commit()
    found = repo.change()
    assert found["sub"].submodule
    assert found["sub"].added == ()
    assert found[".gitmodules"].added


def test_a_project_below_the_top(repo: Repository) -> None:
    repo.write("pkg/b.py", "only\n")
    repo.write("a.py", "only\n")
    repo.write("pkg/new.py", "x\n")
    assert set(repo.change(repo.root / "pkg")) == {"b.py", "new.py"}


def test_a_conflict_is_part_of_the_change(repo: Repository) -> None:
    repo.git("checkout", "-q", "-b", "one")
    repo.write("a.py", "one\n")
    repo.commit("One")
    repo.git("checkout", "-q", "main")
    repo.write("a.py", "two\n")
    repo.commit("Two")
    with pytest.raises(subprocess.CalledProcessError):
        repo.git("merge", "one")
    assert repo.change()["a.py"].added == ((1, 5),)


@given(
    st.lists(st.sampled_from("abcd"), max_size=12), st.lists(st.sampled_from("abcd"), max_size=12)
)
@same_every_time
def test_replaced_runs_lie_where_lines_were_replaced(before: list[str], after: list[str]) -> None:
    """Of what difflib calls a replacement, from its own opcodes."""
    import difflib

    codes = difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes()
    removed = tuple((i + 1, j) for tag, i, j, _, _ in codes if tag in ("delete", "replace"))
    added = tuple((i + 1, j) for tag, _, _, i, j in codes if tag in ("insert", "replace"))
    wanted = [((a + 1, b), (c + 1, d)) for tag, a, b, c, d in codes if tag == "replace"]
    file = FileChange("a", "modified", old="a", added=added, removed=removed)
    assert list(replaced(file)) == wanted


# which revision


def test_a_base_that_is_named(repo: Repository) -> None:
    first = repo.git("rev-parse", "HEAD")
    repo.git("checkout", "-q", "-b", "feature")
    repo.commit("On the branch")
    repo.git("checkout", "-q", "main")
    repo.commit("On main")
    repo.git("checkout", "-q", "feature")
    tip = repo.git("rev-parse", "main")
    assert base.named(repo.root, "main", "me") == Base(first, "main", "me", tip)


def clone(repo: Repository, tmp_path: Path, *args: str) -> Repository:
    there = Repository.__new__(Repository)
    there.root = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", *args, repo.root.as_uri(), str(there.root)], check=True)
    return there


def test_the_remotes_branch_of_that_name(repo: Repository, tmp_path: Path) -> None:
    there = clone(repo, tmp_path)
    there.git("checkout", "-q", "-b", "feature")
    there.git("branch", "-D", "main")
    assert base.named(there.root, "main", "me").ref == "origin/main"


def test_a_shallow_clone_is_told_what_mends_it(repo: Repository, tmp_path: Path) -> None:
    repo.git("checkout", "-q", "-b", "feature")
    for n in range(3):
        repo.write("a.py", f"{n}\n")
        repo.commit()
    there = clone(repo, tmp_path, "--depth=1", "--branch=feature")
    with pytest.raises(CannotTell, match="git fetch --unshallow origin") as seen:
        base.named(there.root, "origin/main", "me")
    there.git(*str(seen.value).partition(" · git ")[2].split())
    assert base.named(there.root, "origin/main", "me").commit == repo.git("rev-parse", "main")


def test_histories_with_nothing_in_common(repo: Repository) -> None:
    repo.git("checkout", "-q", "--orphan", "island")
    repo.commit("Alone")
    with pytest.raises(CannotTell, match="no commit that HEAD shares with 'main'"):
        base.named(repo.root, "main", "me")


@pytest.mark.parametrize("ref", ["nowhere", "--all", "-h", "a b", "main..", "", "\x1b[2J"])
def test_a_base_that_is_none(ref: str, repo: Repository) -> None:
    with pytest.raises(CannotTell, match="git knows no commit"):
        base.named(repo.root, ref, "me")


def test_by_default_where_head_left_the_default_branch(repo: Repository) -> None:
    first = repo.git("rev-parse", "HEAD")
    repo.git("checkout", "-q", "-b", "feature")
    assert base.usual(repo.root, None) == Base(first, "main", "the default branch")
    repo.commit()
    assert base.usual(repo.root, None) == Base(first, "main", "the default branch")


def test_on_the_default_branch_the_last_release(repo: Repository) -> None:
    assert base.usual(repo.root, None) is None
    first = repo.git("rev-parse", "HEAD")
    repo.git("tag", "v1.0")
    repo.commit()
    assert base.usual(repo.root, "v1.0") == Base(first, "v1.0", "the last release")


def test_a_tag_of_that_name_is_no_target(repo: Repository, tmp_path: Path) -> None:
    first = repo.git("rev-parse", "HEAD")
    there = clone(repo, tmp_path)
    there.git("checkout", "-q", "-b", "feature")
    there.commit("On the branch")
    there.git("tag", "main")
    there.git("tag", "origin/main")
    found = base.of_pull_request(there.root, {"GITHUB_BASE_REF": "main"})
    assert found
    assert (found.commit, found.ref) == (first, "origin/main")


def test_what_the_remote_calls_its_default(repo: Repository, tmp_path: Path) -> None:
    repo.git("branch", "-m", "main", "production")
    there = clone(repo, tmp_path)
    there.git("checkout", "-q", "-b", "feature")
    found = base.usual(there.root, None)
    assert found
    assert found.ref == "origin/production"


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, None),
        ({"GITHUB_BASE_REF": ""}, None),
        ({"GITHUB_BASE_REF": "main"}, "main"),
        ({"CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "dev"}, "dev"),
        ({"SYSTEM_PULLREQUEST_TARGETBRANCH": "refs/heads/main"}, "main"),
        ({"CHANGE_TARGET": "release/1"}, "release/1"),
        ({"GITHUB_REF": "refs/heads/gh-readonly-queue/main/pr-12-0a1b"}, "main"),
        ({"GITHUB_REF": "refs/heads/main"}, None),
        ({"BUILDKITE_PULL_REQUEST_BASE_BRANCH": "main"}, "main"),
    ],
)
def test_the_target_that_a_ci_tells(variables: dict[str, str], expected: str | None) -> None:
    found = base.target(variables)
    assert (found and found[0]) == expected
