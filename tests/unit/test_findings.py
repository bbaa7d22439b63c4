"""Findings: where they lie, and how they are known again."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_devops_gates.evidence import Finding
from pytest_devops_gates.findings import OUTSIDE, complete, fingerprint, relative
from tests.unit.samples import any_text, same_every_time


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


def one(finding: Finding, root: Path) -> Finding:
    (found,) = complete("lint", [finding], root)
    return found


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (None, None),
        ("a.py", "a.py"),
        ("./a.py", "a.py"),
        ("pkg/a.py", "pkg/a.py"),
        ("pkg//a.py", "pkg/a.py"),
        ("pkg/../a.py", "a.py"),
        ("pkg/x/../../a.py", "a.py"),
        ("../project/a.py", "a.py"),
        ("..a.py", "..a.py"),
        ("...", "..."),
        ("a b\n.py", "a b\n.py"),
        ("\udcff.py", "\udcff.py"),
    ],
)
def test_a_path_inside_is_told_from_the_root(path: str | None, expected: str, root: Path) -> None:
    assert relative(path, root) == (expected, True)


def test_an_absolute_path_inside_is_told_from_the_root(root: Path) -> None:
    assert relative(str(root / "pkg" / "a.py"), root) == ("pkg/a.py", True)


@pytest.mark.parametrize(
    "path",
    [
        *(
            "..",
            "../a.py",
            "../../etc/passwd",
            "pkg/../../a.py",
            "/etc/passwd",
            "/",
            "../project2/a",
        ),
        *("file:///etc/passwd", "file:///project/a.py", "https://example.org/a.py"),
        *("C:\\x", "C:/x", "c:x", "\\\\server\\share\\x", "a\0.py", "\0", "../\0"),
    ],
)
def test_a_path_outside_is_kept_and_marked(path: str, root: Path) -> None:
    found = one(Finding("R1", "bad", path=path, line=1), root)
    assert relative(path, root) == (path, False)
    assert (found.path, found.line) == (path, 1)
    assert found.message == OUTSIDE + "bad"


def test_a_path_outside_is_never_opened(root: Path) -> None:
    outside = root.parent / "secret.py"
    seen = set()
    for text in ("one\n", "two\n"):
        outside.write_text(text)
        seen.add(one(Finding("R1", "bad", path="../secret.py", line=1), root).fingerprint)
        seen.add(one(Finding("R1", "bad", path=str(outside), line=1), root).fingerprint)
    assert len(seen) == 2  # one for each way to write it, whatever stands in the file


@pytest.mark.skipif(not hasattr(os, "symlink"), reason="this system has no symbolic links")
def test_a_link_that_leads_outside_is_never_opened(root: Path) -> None:
    (root / "link.py").symlink_to(root.parent / "secret.py")
    (root / "folder").symlink_to(root.parent)
    for path in ("link.py", "folder/secret.py"):
        seen = set()
        for text in ("one\n", "two\n"):
            (root.parent / "secret.py").write_text(text)
            seen.add(one(Finding("R1", "bad", path=path, line=1), root).fingerprint)
        assert len(seen) == 1


@pytest.mark.parametrize("path", ["folder.py", "missing.py", "", ".", "x" * 5000, "\ud800.py"])
def test_what_is_no_file_has_no_line_of_code(path: str, root: Path) -> None:
    (root / "folder.py").mkdir()
    found = one(Finding("R1", "bad", path=path, line=1), root)
    assert found.message == "bad"
    assert found.fingerprint


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_never_opened(root: Path) -> None:
    os.mkfifo(root / "pipe.py")
    finding = Finding("R1", "bad", path="pipe.py", line=1)
    reader = threading.Thread(target=one, args=(finding, root), daemon=True)
    reader.start()
    reader.join(5)
    assert not reader.is_alive()


# fingerprints


def test_a_fingerprint_does_not_change_when_lines_move(root: Path) -> None:
    file = root / "a.py"
    file.write_text("import os\nrun(x)\n")
    before = one(Finding("R1", "bad", path="a.py", line=2), root)
    file.write_text("import os\n\n\n# a new line\nif x:\n    run(x)\n")
    after = one(Finding("R1", "bad", path="a.py", line=6), root)
    assert before.fingerprint == after.fingerprint


def test_a_fingerprint_does_not_depend_on_a_message_that_names_lines(root: Path) -> None:
    (root / "a.py").write_text("run(x)\n")
    said = {
        one(Finding("R1", message, path="a.py", line=1), root).fingerprint
        for message in ("redefined at line 3", "redefined at line 4")
    }
    assert len(said) == 1


def test_a_fingerprint_changes_with_gate_rule_path_and_line_of_code(root: Path) -> None:
    for name in ("a.py", "b.py"):
        (root / name).write_text("run(x)\nrun(y)\n")
    found = [
        *complete("lint", [Finding("R1", "bad", path="a.py", line=1)], root),
        *complete("bandit", [Finding("R1", "bad", path="a.py", line=1)], root),
        *complete("lint", [Finding("R2", "bad", path="a.py", line=1)], root),
        *complete("lint", [Finding("R1", "bad", path="b.py", line=1)], root),
        *complete("lint", [Finding("R1", "bad", path="a.py", line=2)], root),
    ]
    assert len({f.fingerprint for f in found}) == 5


def test_without_a_line_the_message_tells_findings_apart(root: Path) -> None:
    found = complete("lint", [Finding("R1", "one"), Finding("R1", "two")], root)
    assert len({f.fingerprint for f in found}) == 2


@pytest.mark.parametrize("line", [0, -1, 99, 10**30, None])
def test_a_line_that_does_not_exist_is_no_line_of_code(line: int | None, root: Path) -> None:
    (root / "a.py").write_text("run(x)\n")
    found = one(Finding("R1", "bad", path="a.py", line=line), root)
    assert found.fingerprint == one(Finding("R1", "bad", path="a.py"), root).fingerprint
    assert found.line is None or found.line > 0


def test_a_second_of_a_kind_has_a_fingerprint_of_its_own(root: Path) -> None:
    (root / "a.py").write_text("run(x)\nother()\nrun(x)\n")
    first = one(Finding("R1", "bad", path="a.py", line=1), root)
    both = complete("lint", [Finding("R1", "bad", path="a.py", line=n) for n in (1, 3)], root)
    assert both[0].fingerprint == first.fingerprint
    assert both[1].fingerprint != first.fingerprint
    assert both == complete(
        "lint", [Finding("R1", "bad", path="a.py", line=n) for n in (1, 3)], root
    )


def test_the_rest_of_a_finding_stays_as_it_was(root: Path) -> None:
    finding = Finding("R1", "bad", path="./a.py", line=3, column=4, end_line=5, end_column=6)
    found = one(finding, root)
    assert found.gate == "lint"
    assert (found.rule, found.message, found.severity) == ("R1", "bad", finding.severity)
    assert (found.line, found.column, found.end_line, found.end_column) == (3, 4, 5, 6)


def test_source_that_is_no_utf8_is_read_all_the_same(root: Path) -> None:
    (root / "a.py").write_bytes(b"# -*- latin-1 -*-\nx = '\xe9'\n")
    assert one(Finding("R1", "bad", path="a.py", line=2), root).fingerprint


@given(st.lists(any_text, min_size=1, max_size=4))
@same_every_time
def test_a_fingerprint_of_any_text(parts: list[str]) -> None:
    digest = fingerprint(*parts)
    assert len(digest) == 32
    assert digest == fingerprint(*(f"  {part}\n" for part in parts))


@given(any_text)
@same_every_time
def test_any_path_is_kept_or_told_from_the_root(path: str) -> None:
    root = Path("/nowhere/project")
    told, inside = relative(path, root)
    assert told is not None
    if inside:
        assert ".." not in told.split("/")
        assert not told.startswith("/")
    else:
        assert told == path
