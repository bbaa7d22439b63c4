"""Which commits users should hear of, and whether the news name them."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from pytest_devops_gates.surface.named_changes import Commit, is_worthy, parse, unnamed

WORTHY = {
    "feat: a thing": True,
    "feat(api)!: a thing": True,
    "FIX: a thing": True,
    "perf: faster": True,
    "chore: tidy": False,
    "chore!: drop Python 3.9": True,
    "docs: a thing\n\nBREAKING CHANGE: all": True,
    "docs: a thing (#12)": False,
    "Mend it (#12)": True,
    "Mend it\n\nFixes #12": True,
    "Mend it\n\nSee #12": False,
    "Mend it": False,
    "Merge pull request #12 from a/b\n\nMend it": True,
    "Merge branch 'a' into 'main'\n\nMend\n\nSee merge request a/b!12": True,
    "Merge stable into main (#12)": False,
    'Revert "Mend it (#12)"': False,
    "revert: feat: a thing": False,
    "": False,
}


def commit(message: str, name: str = "a" * 40, *parents: str, files: Sequence[str] = ()) -> Commit:
    return Commit(name, parents, message, tuple(files) or ("src/app/a.py",))


def ships(name: str) -> bool:
    return name.startswith("src/")


@pytest.mark.parametrize(("message", "worthy"), WORTHY.items(), ids=WORTHY)
def test_which_are_worthy(message: str, worthy: bool) -> None:
    assert is_worthy(commit(message), ships) is worthy


def test_without_a_type_only_what_ships_is_worthy() -> None:
    assert not is_worthy(commit("Mend the tests (#12)", files=["tests/a.py"]), ships)
    assert is_worthy(commit("fix: the build", files=["tests/a.py"]), ships)


NAMED = {
    "- Mend (#12)": True,
    "- Mend. :issue:`12`": True,
    "- Mend. {pr}`12`": True,
    "- [12](https://example.org/12)": True,
    "- Since 1.12 and 12.5": False,
    "- #123": False,
    "- mended in aaaaaaa": True,
    "- The parser reads empty files again.": True,
    "- The parser.": False,
    "": False,
}


@pytest.mark.parametrize(("line", "named"), NAMED.items(), ids=NAMED)
def test_what_names_a_commit(line: str, named: bool) -> None:
    told = commit("Let parser read empty files (#12)")
    assert list(unnamed([told], ships, [line], "")) == ([] if named else [told])


@pytest.mark.parametrize("name", ["news/12.bugfix.md", "news/a.md\nnews/12.feature.1.rst"])
def test_a_fragment_names_by_its_number(name: str) -> None:
    assert not list(unnamed([commit("Mend it (#12)")], ships, [], name))
    assert list(unnamed([commit("Mend it (#13)")], ships, [], name))


def test_what_came_by_a_merge_that_is_named() -> None:
    history = [
        commit("Merge pull request #12 from a/b\n\nA thing", "m2", "m1", "b2"),
        commit("feat: inner", "b2", "b1"),
        commit("fix: inner", "b1", "m0"),
        commit("feat: on the main line", "m1", "m0"),
    ]
    left = [c.hash for c in unnamed(history, ships, ["- (#12)"], "")]
    assert left == ["m1"]
    left = [c.hash for c in unnamed(history, ships, ["- (#11)"], "")]
    assert left == ["m2", "b2", "b1", "m1"]


def test_what_git_prints() -> None:
    log = b"\x01aa\x02bb cc\x02feat: x\n\nbody\n\x02\0\na.py\0b c.py\0\0\x01bb\x02\x02\xff\x02\0"
    first, second = parse(log)
    assert first == Commit("aa", ("bb", "cc"), "feat: x\n\nbody", ("a.py", "b c.py"))
    assert (second.parents, second.message, second.files) == ((), "\\xff", ())
    with pytest.raises(ValueError, match="values to unpack"):
        parse(b"\x01aa\x02bb")
    assert parse(b"") == []
