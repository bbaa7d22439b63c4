"""Drafts: read without following links, shown harmlessly, written whole."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pytest_devops_gates.errors import UsageError
from pytest_devops_gates.initial import draft
from pytest_devops_gates.initial.draft import Draft


def test_read_keeps_line_ends(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x\r\ny\n")
    assert draft.read(tmp_path, "a") == "x\r\ny\n"
    assert draft.read(tmp_path, "b") is None
    assert draft.read(tmp_path, "no/folder/b") is None


@pytest.mark.parametrize(
    "name", ["link", "folder/a", "gone", "loop", "file/a", "d", "latin", "pipe"]
)
def test_what_is_no_plain_text_inside_is_refused(tmp_path: Path, name: str) -> None:
    root = tmp_path / "root"
    (root / "d").mkdir(parents=True)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a").write_text("x")
    (root / "link").symlink_to(tmp_path / "out" / "a")
    (root / "folder").symlink_to(tmp_path / "out")
    (root / "gone").symlink_to(tmp_path / "not-there")
    (root / "loop").symlink_to("loop")
    (root / "file").write_text("x")
    (root / "latin").write_bytes(b"\xe9")
    os.mkfifo(root / "pipe")
    with pytest.raises(UsageError) as error:
        draft.read(root, name)
    assert name.partition("/")[0] in str(error.value)
    with pytest.raises(UsageError):
        draft.write(root, Draft(name, None, "new"))
    assert (tmp_path / "out" / "a").read_text() == "x"
    assert not (tmp_path / "not-there").exists()


def test_write_makes_folders_and_refuses_what_has_changed(tmp_path: Path) -> None:
    draft.write(tmp_path, Draft("a/b/c", None, "one\r\n"))
    assert (tmp_path / "a/b/c").read_bytes() == b"one\r\n"
    with pytest.raises(UsageError, match="changed meanwhile"):
        draft.write(tmp_path, Draft("a/b/c", None, "two"))
    draft.write(tmp_path, Draft("a/b/c", "one\r\n", "two"))
    assert os.listdir(tmp_path / "a/b") == ["c"]


def test_the_diff_is_harmless() -> None:
    made = Draft("p", "a\n\x1b[2J::error::x", "a\n\x1b[2J::error::x\n::error::b\n##[error]c\n")
    lines = list(draft.diff(made))
    assert lines[:2] == ["--- a/p", "+++ b/p"]
    assert "+\\x1b[2J::error::x" in lines
    assert any("no newline" in line for line in lines)
    assert all(line.isprintable() and "##[" not in line for line in lines)
    assert not any(line.lstrip().startswith("::") for line in lines)


def test_the_diff_of_a_new_file() -> None:
    assert list(draft.diff(Draft("p", None, "a\r\nb\r\n"))) == [
        "--- /dev/null", "+++ b/p", "@@ -0,0 +1,2 @@", "+a", "+b",
    ]  # fmt: skip
