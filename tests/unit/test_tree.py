"""The gate ``tree``: conflicts, big files, names that clash, and what is not committed."""

from __future__ import annotations

import os
import subprocess
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_devops_gates.errors import UsageError
from pytest_devops_gates.gates.tree import MAPPED, TREE, clashes, conflicts
from pytest_devops_gates.testing import judge, prove, write
from tests.unit.samples import same_every_time

OURS, THEIRS = "<" * 7 + " HEAD\n", ">" * 7 + " branch\n"
"""Put together, so that this file itself holds no conflict."""
CONFLICT = f"{OURS}a\n=======\nb\n{THEIRS}"
COMPOSED, DECOMPOSED = "caf\u00e9.txt", "cafe\u0301.txt"


def commit(root: Path) -> Path:
    who = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
    for command in (["init", "-q", "."], ["add", "-A"], [*who, "commit", "-q", "-m", "All"]):
        subprocess.run(["git", *command], cwd=root, check=True)
    return root


# conflicts


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", []),
        (CONFLICT, [1]),
        ("x\n\n" + CONFLICT + "y\n" + CONFLICT, [3, 9]),
        (CONFLICT.replace("\n", "\r\n"), [1]),
        (CONFLICT.replace("=======\n", "||||||| base\n=======\n"), [1]),
        ("x\n" + CONFLICT.rstrip(), [2]),
        (OURS + "half mended\n" + CONFLICT, [3]),
        (CONFLICT + "\0", []),  # binary
        ("x" * 9000 + "\0\n" + CONFLICT, [2]),  # text, as far as git looks
        ("Heading\n=======\n", []),
        (OURS, []),
        (THEIRS, []),
        (THEIRS + OURS, []),
        ("<" * 7 + "\n" + ">" * 7 + "\n", []),
        (" " + OURS + " " + THEIRS, []),
        ("<" + OURS + ">" + THEIRS, []),
        ("> " + OURS + "> " + THEIRS, []),
    ],
)
def test_only_a_line_that_opens_and_one_that_closes_are_a_conflict(
    text: str, lines: list[int]
) -> None:
    assert conflicts(text.encode()) == lines


@same_every_time
@given(st.lists(st.sampled_from([OURS, THEIRS, "=======\n", "x\n", "\n", "é\r\n"]), max_size=30))
def test_conflicts_agree_with_a_reader_of_lines(pieces: list[str]) -> None:
    expected, opened = [], None
    for number, line in enumerate(pieces, 1):
        if line == OURS:
            opened = number
        elif line == THEIRS and opened:
            expected.append(opened)
            opened = None
    assert conflicts("".join(pieces).encode()) == expected


def test_each_conflict_is_a_finding_with_its_line(tmp_path: Path) -> None:
    write(tmp_path, {"docs/a b.rst": "A\n=\n" + CONFLICT, "ok.py": "a = 1\n"})
    judged = judge(TREE, tmp_path)
    assert judged.outcome == "fail"
    rows = [(f.rule, f.severity.value, f.path, f.line) for f in judged.evidence.findings]
    assert rows == [("conflict-marker", "high", "docs/a b.rst", 3)]
    assert judged.evidence.examined == 2


def test_a_large_file_is_searched_as_well(tmp_path: Path) -> None:
    write(tmp_path, {"large.txt": "x" * MAPPED + "\n" + CONFLICT})
    assert [f.line for f in judge(TREE, tmp_path).evidence.findings] == [2]


# big files


@pytest.mark.parametrize(
    ("size", "options", "rules"),
    [
        (5120 * 1024, {}, []),
        (5120 * 1024 + 1, {}, ["big-file"]),
        (2048, {"max-kib": 2}, []),
        (2049, {"max-kib": 2}, ["big-file"]),
    ],
)
def test_a_file_above_the_limit_is_big(
    size: int, options: dict[str, Any], rules: list[str], tmp_path: Path
) -> None:
    with (tmp_path / "data.bin").open("wb") as stream:
        stream.truncate(size)
    judged = judge(TREE, tmp_path, options=options)
    assert (judged.rules, judged.outcome) == (rules, "fail" if rules else "pass")


@pytest.mark.parametrize("options", [{"max-kib": 0}, {"max-kib": "many"}, {"max_kib": 3}])
def test_wrong_options_are_refused(options: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="tree"):
        judge(TREE, write(tmp_path, {"a": ""}), options=options)


# names that clash


@pytest.mark.parametrize(
    ("files", "scope", "paths"),
    [
        (["a.py", "b.py"], None, []),
        (["a.py", "A.py"], None, ["A.py"]),
        (["x/a", "X/b"], None, ["X"]),
        (["x/a", "X/a"], None, ["X"]),
        (["x/a/c", "X/A/c"], None, ["X", "X/A"]),
        (["docs/a", "Docs"], None, ["Docs"]),
        (["a/README", "b/readme"], None, []),
        ([COMPOSED, DECOMPOSED], None, [DECOMPOSED]),
        (["É", "e\u0301"], None, ["e\u0301"]),
        (["straße", "strasse"], None, []),
        (["\u212a", "k"], None, ["k"]),
        (["\udce9", "\udcc9"], None, []),  # bytes of no encoding have no case
        (["a.py", "A.py", "b"], ("b",), []),
        (["a.py", "A.py", "b"], ("a.py",), ["a.py"]),
        (["x/a", "X/b", "c"], ("x/a",), ["x"]),
    ],
)
def test_names_that_differ_by_case_or_normalisation_only_clash(
    files: list[str], scope: tuple[str, ...] | None, paths: list[str]
) -> None:
    assert [f.path for f in clashes(files, scope)] == paths


@same_every_time
@given(st.lists(st.text("aAéÉ\u0301/", min_size=1, max_size=6), unique=True, max_size=6))
def test_what_clashes_is_independent_of_the_order(names: list[str]) -> None:
    assert clashes(names) == clashes(names[::-1])


def test_a_clash_says_what_differs(tmp_path: Path) -> None:
    write(tmp_path, {"a": "", "A": "", COMPOSED: "", DECOMPOSED: ""})
    said = {f.message.partition(":")[0] for f in judge(TREE, tmp_path).evidence.findings}
    assert said == {
        "A and a differ by case only",
        r"'cafe\u0301.txt' and 'caf\xe9.txt' differ by Unicode normalisation only",
    }
    assert unicodedata.normalize("NFC", DECOMPOSED) == COMPOSED


# before a release


@pytest.mark.parametrize(
    ("profile", "fields", "outcome", "said"),
    [
        ("merge", {"dirty": True, "commit": "1"}, "pass", "examined"),
        ("merge", {"commit": None}, "pass", "examined"),
        ("release", {"dirty": False, "commit": "1"}, "pass", "examined"),
        ("release", {"dirty": True, "commit": "1"}, "fail", "findings.new 1"),
        ("release", {"commit": None}, "unknown", "no git checkout"),
        ("release", {"commit": None, "toplevel": Path("/")}, "unknown", "no commit yet"),
        ("release", {"listing_error": "git refuses"}, "unknown", "git refuses"),
    ],
)
def test_a_release_needs_all_to_be_committed(
    profile: str, fields: dict[str, Any], outcome: str, said: str, tmp_path: Path
) -> None:
    judged = judge(TREE, write(tmp_path, {"a": ""}), profile=profile, **fields)
    assert (judged.outcome, said in judged.reason) == (outcome, True), judged.reason


def test_a_change_in_a_real_checkout_is_seen(tmp_path: Path) -> None:
    root = commit(write(tmp_path, {"a": ""}))
    assert judge(TREE, root, profile="release").outcome == "pass"
    judged = judge(TREE, write(root, {"b": ""}), profile="release")
    assert (judged.outcome, judged.rules) == ("fail", ["uncommitted"])


# odd files


@pytest.mark.parametrize("name", ["a b", "a\nb", "-x", "a'\"b", b"\xff\xe9.txt", "\u202e.txt"])
def test_odd_names_are_read_and_told(name: str | bytes, tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(name)).write_text(CONFLICT)
    for root in (tmp_path, commit(tmp_path)):
        judged = judge(TREE, root)
        assert (judged.outcome, judged.rules) == ("fail", ["conflict-marker"]), judged.reason


@pytest.mark.parametrize(
    ("files", "outcome", "said"),
    [
        ((), "unknown", "examined nothing"),
        (("link",), "unknown", "examined nothing"),
        (("folder",), "unknown", "examined nothing"),
        (("ok", "link", "folder"), "pass", "1 examined"),
        (("ok", "gone"), "unknown", "gone cannot be read: No such file"),
        (("ok", "gone", "lost"), "unknown", "(and 1 more)"),
        (("ok", "pipe"), "unknown", "pipe cannot be read: it is no plain file"),
        (("ok", "\udcff"), "unknown", r"\udcff cannot be read"),
        (("conflict", "gone"), "fail", "findings.new 1"),
    ],
)
def test_what_cannot_be_read_is_unknown_by_name(
    files: tuple[str, ...], outcome: str, said: str, tmp_path: Path
) -> None:
    root = write(tmp_path / "root", {"ok": "", "folder/x": "", "conflict": CONFLICT})
    write(tmp_path, {"outside": CONFLICT})
    (root / "link").symlink_to(tmp_path / "outside")
    os.mkfifo(root / "pipe")
    judged = judge(TREE, root, files=files)
    assert (judged.outcome, said in judged.reason) == (outcome, True), judged.reason


def test_submodules_are_skipped(tmp_path: Path) -> None:
    root = commit(write(tmp_path, {"a": ""}))
    commit(write(root / "inner", {"conflict": CONFLICT}))
    subprocess.run(["git", "add", "inner"], cwd=root, check=True, capture_output=True)
    judged = judge(TREE, root)
    assert (judged.outcome, judged.evidence.examined) == ("pass", 1)


def test_in_a_hook_only_the_files_to_look_at_are_searched(tmp_path: Path) -> None:
    write(tmp_path, {"a": CONFLICT, "b": "", "B": ""})
    assert judge(TREE, tmp_path, scope=("a",)).rules == ["conflict-marker"]
    assert judge(TREE, tmp_path, scope=("b",)).rules == ["case-clash"]


@pytest.mark.parametrize("module", ["src/app/__init__.py", "app.py"])
def test_the_canary_turns_it_red(module: str, tmp_path: Path) -> None:
    clean, planted = prove(TREE, write(tmp_path, {module: "", "README": ""}))
    assert (clean.outcome, planted.outcome) == ("pass", "fail")
    assert planted.rules == ["conflict-marker"]
