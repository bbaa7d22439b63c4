"""Which findings are old: whatever happens to the lines around them, and never one more than were
owed."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_devops_gates.baseline import Baseline
from pytest_devops_gates.change import Base, Change, FileChange
from pytest_devops_gates.debt import Debt, owed, settle
from pytest_devops_gates.edits import Spot, edited
from pytest_devops_gates.evidence import Evidence, Finding
from pytest_devops_gates.findings import complete
from pytest_devops_gates.newness import AtBase, newness
from pytest_devops_gates.testing import project
from tests.growth import grows_linearly
from tests.unit.samples import same_every_time

BASE = Base("c" * 40, "main", "a test")

FUNCTIONS = [
    f"def f{n}(a, b):\n    value = call(a, {n % 3})\n    other = [a, b, call(b, 7)]\n    return value\n"
    for n in range(6)
]


def lint(source: str, path: str = "a.py") -> list[Finding]:
    """A tool that flags each line with a call, as linters do: rule, message, place."""
    return [
        Finding("CALL", f"a call in line {n}", path=path, line=n)
        for n, line in enumerate(source.split("\n"), 1)
        if "call(" in line or "call (" in line
    ]


def found(root: Path, files: dict[str, str]) -> tuple[Finding, ...]:
    for name, source in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(source)
    every = [f for name, source in files.items() for f in lint(source, name)]
    return complete("lint", every, root)


def new(
    tmp_path: Path,
    before: dict[str, str],
    after: dict[str, str],
    *changes: FileChange,
) -> list[tuple[str | None, int | None]]:
    """Where a finding is new, given what was there before."""
    old = found(tmp_path / "before", before)
    now = found(tmp_path / "after", after)
    lines = tuple(before[f.path or ""].split("\n")[(f.line or 1) - 1] for f in old)
    here = msgspec.structs.replace(project(tmp_path / "after"), change=Change(BASE, changes))
    settled = newness(
        Evidence(findings=now), "lint", Baseline(), AtBase(Evidence(findings=old), lines), here
    )
    return [(f.path, f.line) for f in settled.findings if f.state == "new"]


def test_nothing_changed(tmp_path: Path) -> None:
    source = {"a.py": "\n".join(FUNCTIONS)}
    assert new(tmp_path, source, source) == []


@pytest.mark.parametrize("at", [0, 2, 6])
def test_inserted_lines_make_nothing_new(at: int, tmp_path: Path) -> None:
    more = [*FUNCTIONS[:at], "# a comment\nX = 1\n" * 5, *FUNCTIONS[at:]]
    assert new(tmp_path, {"a.py": "\n".join(FUNCTIONS)}, {"a.py": "\n".join(more)}) == []


def test_moved_functions_are_old(tmp_path: Path) -> None:
    moved = [FUNCTIONS[n] for n in (3, 5, 0, 1, 4, 2)]
    assert new(tmp_path, {"a.py": "\n".join(FUNCTIONS)}, {"a.py": "\n".join(moved)}) == []


def test_functions_that_moved_to_another_file_are_old(tmp_path: Path) -> None:
    before = {"a.py": "\n".join(FUNCTIONS)}
    after = {"a.py": "\n".join(FUNCTIONS[:3]), "b.py": "\n".join(FUNCTIONS[3:])}
    added = FileChange("b.py", "added", added=((1, 99),))
    assert new(tmp_path, before, after, added) == []


def test_a_copy_in_another_file_is_new(tmp_path: Path) -> None:
    before = {"a.py": "\n".join(FUNCTIONS)}
    after = {**before, "b.py": FUNCTIONS[0]}
    assert new(tmp_path, before, after, FileChange("b.py", "added", added=((1, 9),))) == [
        ("b.py", 2),
        ("b.py", 3),
    ]


def test_a_renamed_file_keeps_its_debt(tmp_path: Path) -> None:
    source = "\n".join(FUNCTIONS)
    renamed = FileChange("b.py", "renamed", old="a.py")
    assert new(tmp_path, {"a.py": source}, {"b.py": source}, renamed) == []


def test_a_new_file_does_not_inherit_the_debt_of_one_that_moved_away(tmp_path: Path) -> None:
    source = "\n".join(FUNCTIONS)
    changes = (
        FileChange("b.py", "renamed", old="a.py"),
        FileChange("a.py", "added", added=((1, 99),)),
    )
    after = {"a.py": FUNCTIONS[0], "b.py": source}
    assert {path for path, _ in new(tmp_path, {"a.py": source}, after, *changes)} == {"a.py"}


@pytest.mark.parametrize(
    "anew",
    [
        "def f0(a,b):\n  value=call(a,0)\n  other=[a,b,call(b,7)]\n  return value\n",
        (
            "def f0(\n    a,\n    b,\n):\n    value = call(\n        a,\n        0,\n    )\n"
            "    other = [\n        a,\n        b,\n        call(b, 7),\n    ]\n    return value\n"
        ),
        (
            "def f0(a, b):\n    value = (call(a, 0))  # told\n    other = [a, b, call(b, 7)]\n"
            "    return value\n"
        ),
    ],
)
def test_what_is_formatted_anew_is_old(anew: str, tmp_path: Path) -> None:
    lines = anew.count("\n")
    changed = FileChange("a.py", "modified", old="a.py", added=((1, lines),))
    assert new(tmp_path, {"a.py": FUNCTIONS[0]}, {"a.py": anew}, changed) == []


def test_the_kind_of_quotes_does_not_count(tmp_path: Path) -> None:
    before, after = "call('a', R'b')\n", 'call("a", r"b")\n'
    assert new(tmp_path, {"a.py": before}, {"a.py": after}) == []


def test_other_code_is_new(tmp_path: Path) -> None:
    after = FUNCTIONS[0].replace("value = call(a, 0)", "return run(call(x, shell=True))")
    changed = FileChange("a.py", "modified", old="a.py", added=((2, 2),), removed=((2, 2),))
    assert new(tmp_path, {"a.py": FUNCTIONS[0]}, {"a.py": after}, changed) == [("a.py", 2)]


def test_a_line_that_was_edited_keeps_its_problem(tmp_path: Path) -> None:
    after = "# told\n" + FUNCTIONS[0].replace("call(a, 0)", "call(a, 1)")
    changed = FileChange("a.py", "modified", old="a.py", added=((1, 1), (3, 3)), removed=((2, 2),))
    assert new(tmp_path, {"a.py": FUNCTIONS[0]}, {"a.py": after}, changed) == []


def test_two_lines_are_not_excused_by_one_that_was_edited(tmp_path: Path) -> None:
    after = FUNCTIONS[0].replace("value = call(a, 0)", "value = call(a, 1)\n    value = call(a, 2)")
    changed = FileChange("a.py", "modified", old="a.py", added=((2, 3),), removed=((2, 2),))
    assert len(new(tmp_path, {"a.py": FUNCTIONS[0]}, {"a.py": after}, changed)) == 1


def test_what_is_named_in_an_edited_line_is_the_same(tmp_path: Path) -> None:
    def entry(content: str, name: str) -> Debt:
        return Debt("lint", "a.py", "ANN201", "medium", content, f"No return type for `{name}`")

    before = [entry("1:1", "run")]
    assert settle([entry("2:2", "run"), entry("3:3", "walk")], before, {}).known == (True, False)


def test_of_two_that_are_alike_the_one_that_came_is_new(tmp_path: Path) -> None:
    before, after = "x = 1\ncall(a)\n", "call(a)\nx = 1\ncall(a)\n"
    changed = FileChange("a.py", "modified", old="a.py", added=((1, 1),))
    assert new(tmp_path, {"a.py": before}, {"a.py": after}, changed) == [("a.py", 1)]


def test_without_a_line_the_message_counts_but_for_its_numbers(tmp_path: Path) -> None:
    before = complete("tree", [Finding("big-file", "a file of 700 KiB", path="a.bin")], tmp_path)
    after = complete(
        "tree",
        [
            Finding("big-file", "a file of 701 KiB", path="a.bin"),
            Finding("big-file", "a file of 900 KiB", path="b.bin"),
        ],
        tmp_path,
    )
    settled = settle(list(map(owed, after)), map(owed, before), {"b.bin": None})
    assert settled.known == (True, False)


@given(st.integers(0, 2**32), st.data())
@same_every_time
def test_edits_of_all_kinds(seed: int, data: st.DataObject) -> None:
    """Lines inserted, functions moved between files, files renamed, and copies made: as many are
    new as copies were made."""
    source = random.Random(seed)
    pieces = [FUNCTIONS[source.randrange(6)] for _ in range(source.randrange(1, 8))]
    before = [owed(f) for f in _plain("a.py", pieces)]
    copies = [source.choice(pieces) for _ in range(source.randrange(0, 3))]
    shuffled = [*pieces, *copies]
    source.shuffle(shuffled)
    for _ in range(source.randrange(0, 4)):
        shuffled.insert(source.randrange(len(shuffled) + 1), "X = 1\n# told\n")
    cut = source.randrange(len(shuffled) + 1)
    name = source.choice(["a.py", "renamed.py"])
    old_paths = {"b.py": None, **({"renamed.py": "a.py"} if name != "a.py" else {})}
    after = [*_plain(name, shuffled[:cut]), *_plain("b.py", shuffled[cut:])]
    settled = settle([owed(f) for f in after], before, old_paths)
    wanted = sum(copy.count("call(") for copy in copies)
    lines = sum(1 for copy in copies for line in copy.split("\n") if "call(" in line)
    assert settled.known.count(False) == lines <= wanted
    assert settled.left == ()


def _plain(path: str, pieces: list[str]) -> list[Finding]:
    """The findings of a file that lies nowhere, completed by its text alone."""
    from pytest_devops_gates.likeness import Statements, likeness

    text = "\n".join(pieces)
    lines, statements = text.split("\n"), Statements(text)
    return [
        msgspec.structs.replace(
            f, content=likeness(lines[f.line - 1], statements.of_line(f.line), f.message)
        )
        for f in lint(text, path)
        if f.line
    ]


ENTRY = st.builds(
    lambda rule, path, line, code, message: owed(
        Finding(rule, message, path=path, gate="g", content=f"{line}:{code}")
    ),
    *(st.sampled_from("ab"),) * 5,
)


@given(st.lists(ENTRY, max_size=12), st.lists(ENTRY, max_size=12), st.randoms())
@same_every_time
def test_each_entry_excuses_one(ones: list[Debt], debts: list[Debt], chance: random.Random) -> None:
    settled = settle(ones, debts, {})
    assert settled.known.count(True) + len(settled.left) == len(debts)
    assert not Counter(settled.left) - Counter(debts)
    shuffled = list(debts)
    chance.shuffle(shuffled)
    assert all(settle(debts, shuffled, {}).known)


def test_a_large_hunk_takes_a_time_that_grows_with_its_size() -> None:
    """Trying each edited line with each that was there took minutes for a renamed name."""

    def work(size: int) -> Callable[[], object]:
        def spots(name: str) -> list[Spot]:
            kind = ("E501", "medium")
            text = "    value = {}(argument_one, argument_two, argument_three, number={})"
            return [Spot(kind, "a.py", n, text.format(name, n)) for n in range(1, size + 1)]

        hunk = ((1, size),)
        file = FileChange("a.py", "modified", old="a.py", added=hunk, removed=hunk)
        now, before = spots("renamed"), spots("called")
        assert len(edited(now, before, Change(BASE, (file,)))) == size
        return lambda: edited(now, before, Change(BASE, (file,)))

    grows_linearly(work, 25)
