"""The gate ``changelog``: the sections of changelogs, pending fragments, and what is asked of them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_devops_gates import changelogs, testing
from pytest_devops_gates.errors import CannotTell
from pytest_devops_gates.gates.changelog import CHANGELOG, ChangelogOptions, check
from tests.unit.samples import DATA, any_text, same_every_time

Row = tuple[str | None, bool, int, int]
"""A section: version, whether it is unreleased, the line of its heading, lines that say something."""

SAVED: dict[str, tuple[int, list[Row]]] = {
    "changelog-click-8.5.0.dev.md": (
        3,
        [("8.5.0", True, 1, 89), ("8.4.2", False, 95, 24), ("8.4.1", False, 124, 0)],
    ),
    "changelog-requests-2.34.2.md": (
        4,
        [(None, True, 4, 0), ("2.34.2", False, 10, 3), ("2.34.1", False, 17, 9)],
    ),
    "changelog-itsdangerous-2.3.0.dev.rst": (
        4,
        [("2.3.0", True, 1, 2), ("2.2.0", False, 10, 13), ("2.1.2", False, 30, 1)],
    ),
}


def rows(text: str, name: str = "CHANGES.md") -> list[Row]:
    return [
        (str(s.version) if s.version else None, s.unreleased, s.line, len(s.content))
        for s in changelogs.sections(text, name, {"app"})
    ]


@pytest.mark.parametrize("name", SAVED)
def test_real_changelogs(name: str) -> None:
    count, first = SAVED[name]
    found = rows((DATA / name).read_text("utf-8"), name)
    assert (len(found), found[:3]) == (count, first)


HEADINGS: dict[str, Row | None] = {
    "## [1.2.0] - 2026-01-01": ("1.2.0", False, 1, 1),
    "## [Unreleased]": (None, True, 1, 1),
    "## [Unreleased](https://example.org/compare)": (None, True, 1, 1),
    "## 1.2.0": ("1.2.0", False, 1, 1),
    "# v1.2": ("1.2", False, 1, 1),
    "## 12": ("12", False, 1, 1),
    "## [1.2.0](https://example.org/1.2.0) (2026-01-01)": ("1.2.0", False, 1, 1),
    "Version 1.2.0": ("1.2.0", False, 1, 1),
    "1.2.0 (2026-01-01)": ("1.2.0", False, 1, 1),
    "**1.2.0**": ("1.2.0", False, 1, 1),
    "## App 1.2.0": ("1.2.0", False, 1, 1),
    "## app v1.2.0rc1": ("1.2.0rc1", False, 1, 1),
    "## Release 1.2.0 ##": ("1.2.0", False, 1, 1),
    "## 2026-01-01: 1.2.0": ("1.2.0", False, 1, 1),
    "## 1.2.0 (unreleased)": ("1.2.0", True, 1, 1),
    "## Version 3.0 - Unreleased": ("3.0", True, 1, 1),
    "1.2.0 (2026-01-01)\n==================": ("1.2.0", False, 1, 1),
    "==========\nVersion 1.2\n==========": ("1.2", False, 2, 1),
    "Next\n----": (None, True, 1, 1),
    "## main": (None, True, 1, 1),
    "## Python 3.8": None,
    "## 3 new features": None,
    "## Main features": None,
    "## 1.2.x": None,
    "1.2.0 is the last one for Python 2": None,
    "- 1.2.0": None,
    "    1.2.0": None,
    "```\n## 1.2.0\n```": None,
    "<!--\n## 1.2.0\n-->": None,
    "- one\n---": None,
}


@pytest.mark.parametrize(("heading", "row"), HEADINGS.items())
def test_headings(heading: str, row: Row | None) -> None:
    found = rows(f"{heading}\n\n- A change.\n")
    assert found == ([row] if row else [])


LINES = {
    "- A change.": True,
    "Some words.": True,
    "* [#1](https://example.org) mended": True,
    "Released under another license.": True,
    "* Release the lock": True,
    "Release of what was long awaited": True,
    "No significant changes.": True,
    "": False,
    " \t": False,
    "-": False,
    "*  ": False,
    "1.": False,
    "---": False,
    "~~~~~": False,
    "[1.2]: https://example.org": False,
    ".. _target:": False,
    ".. a comment": False,
    "Unreleased": False,
    "*Unreleased*": False,
    "Released 2026-01-01": False,
    "Release date: 2026-01-01": False,
    "Not yet released.": False,
    "Released on May 1st, 2026": False,
    "(2026-01-01)": False,
    "- Nothing changed yet.": False,
    "TBD": False,
    "- \\[Short description of non-trivial change.\\]": False,
}


@pytest.mark.parametrize(("line", "says"), LINES.items())
def test_lines_that_say_something(line: str, says: bool) -> None:
    assert changelogs.says(line) is says


def test_a_section_ends_where_the_next_begins() -> None:
    text = (
        "# Changelog\n\n## [Unreleased]\n\n### Added\n\n-\n\n## 1.1\n### Added\n- a\n# Older\n- b\n"
    )
    assert rows(text) == [(None, True, 3, 0), ("1.1", False, 9, 1)]


def test_headings_of_the_same_level_are_parts_of_a_version() -> None:
    assert rows("## 1.2\n\n## Fixed\n\n- a\n\n## 1.1\n") == [
        ("1.2", False, 1, 1),
        ("1.1", False, 7, 0),
    ]


def test_fences_hold_content_and_no_headings() -> None:
    assert rows("## 1.1\n```\n# 1.0\n```\n") == [("1.1", False, 1, 1)]


@given(any_text, st.sampled_from(["a.md", "a.rst", "a"]))
@same_every_time
def test_any_text_has_sections(text: str, name: str) -> None:
    count = len(text.splitlines())
    for section in changelogs.sections("## 1.0\n" + text, name):
        assert 1 <= section.line <= section.end <= count + 1
        assert all(section.line < n <= section.end for n in section.content)


@pytest.mark.parametrize(
    "line", ["# " + " " * 50_000 + "x", "*" * 50_000, "1.2-" * 12_000, "[" * 50_000]
)
def test_long_lines_take_no_time(line: str) -> None:
    assert len(rows(f"## 1.0\n{line}\n")) == 1


def test_the_order_of_changelogs() -> None:
    names = [
        "docs/CHANGELOG.md",
        "news.rst",
        "History",
        "HISTORY.md",
        "src/changes.md",
        "changes.py",
    ]
    found = changelogs.candidates([*names, "Changes.txt", "releases"])
    assert found == ["Changes.txt", "HISTORY.md", "History", "news.rst", "releases", "docs/CHANGELOG.md"]  # fmt: skip


# the gate


def pyproject(version: str, more: str = "") -> str:
    return f'[project]\nname = "app"\nversion = "{version}"\n{more}'


TAGS = '[project]\nname = "app"\ndynamic = ["version"]\n[tool.setuptools_scm]\n'
TOWNCRIER = '[tool.towncrier]\npackage = "app"\npackage_dir = "src"\n'
TOWNCRIER_TYPES = (
    '[tool.towncrier]\ndirectory = "./news/"\n[[tool.towncrier.type]]\ndirectory = "break"\n'
    'name = "Break"\n[tool.towncrier.fragment.Chore]\nshowcontent = false\n'
)
SCRIV = "[tool.scriv]\nformat = 'md'\n"
OWN, EMPTY = "## 1.2.0\n- a\n", "## 1.2.0\n### Added\n-\n"
AHEAD, HOLLOW = "## [Unreleased]\n- b\n", "## [Unreleased]\n### Added\n"
FRAGMENT = "src/app/newsfragments/1.feature.rst"

PASS, NOTHING, LEFT = "pass", "nothing-said", "unreleased-left"
ASKED: dict[str, tuple[dict[str, str | bytes], str, str]] = {
    # files, outcome or rule in merge, and in release
    "own section": ({"C": pyproject("1.2"), "CHANGES.md": OWN}, PASS, PASS),
    "own section is empty": ({"C": pyproject("1.2"), "CHANGES.md": EMPTY}, NOTHING, NOTHING),
    "unreleased": ({"C": pyproject("1.2"), "CHANGES.md": AHEAD}, PASS, LEFT),
    "unreleased and empty": ({"C": pyproject("1.2"), "CHANGES.md": HOLLOW}, NOTHING, NOTHING),
    "both": ({"C": pyproject("1.2"), "CHANGES.md": AHEAD + OWN}, PASS, PASS),
    "own is empty, unreleased is not": ({"C": pyproject("1.2"), "CHANGES.md": AHEAD + EMPTY}, PASS, LEFT),
    "only an older one": ({"C": pyproject("1.3"), "CHANGES.md": OWN}, NOTHING, NOTHING),
    "a newer one": ({"C": pyproject("1.1"), "CHANGES.md": OWN}, PASS, NOTHING),
    "a development version": ({"C": pyproject("1.2.dev1"), "CHANGES.md": OWN}, PASS, PASS),
    "unreleased development": ({"C": pyproject("1.3.dev1"), "CHANGES.md": AHEAD}, PASS, PASS),
    "a candidate": ({"C": pyproject("1.2rc1"), "CHANGES.md": "## 1.2 (unreleased)\n- a"}, PASS, PASS),
    "pallets' mark": ({"C": pyproject("1.2"), "CHANGES.rst": "1.2\n---\n\nUnreleased\n\n- a"}, PASS, LEFT),
    "a local version": ({"C": pyproject("1.2+local"), "CHANGES.md": OWN}, PASS, PASS),
    "from tags": ({"C": TAGS, "CHANGES.md": OWN}, PASS, PASS),
    "from tags, unreleased": ({"C": TAGS, "CHANGES.md": HOLLOW + "## 1.1\n"}, NOTHING, NOTHING),
    "no version at all": ({"a.py": "", "CHANGES.md": AHEAD}, PASS, PASS),
    "nothing in it": ({"C": pyproject("1.2"), "CHANGES.md": "# Changes\n"}, NOTHING, NOTHING),
    "another form": ({"C": pyproject("1.2"), "NEWS": "App news\n* Noteworthy in 1.2\n"}, "unknown", "unknown"),
    "no changelog": ({"C": pyproject("1.2")}, "not-applicable", "not-applicable"),
    "one that leads elsewhere": (
        {"C": pyproject("1.2"), "CHANGELOG.md": "See https://example.org/1.2\n"},
        "not-applicable",
        "not-applicable",
    ),
    "one that includes another": (
        {"C": pyproject("1.2"), "CHANGES.md": ".. include:: docs/news.md\n", "docs/news.md": OWN},
        PASS,
        PASS,
    ),
    "not UTF-8": ({"C": pyproject("1.2"), "CHANGES.md": b"## 1.2\n\xff"}, "unknown", "unknown"),
    "a byte-order mark": ({"C": pyproject("1.2"), "CHANGES.md": b"\xef\xbb\xbf## 1.2\n- a"}, PASS, PASS),
    "a fragment": ({"C": pyproject("1.3", TOWNCRIER), FRAGMENT: "a", "NEWS.rst": OWN}, PASS, LEFT),
    "an empty fragment": ({"C": pyproject("1.3", TOWNCRIER), FRAGMENT: "\n"}, NOTHING, NOTHING),
    "an empty one of misc": (
        {"C": pyproject("1.3.dev0", TOWNCRIER), "src/app/newsfragments/+x.misc.1.md": ""},
        PASS,
        PASS,
    ),
    "what lies beside fragments": (
        {
            "C": pyproject("1.3", TOWNCRIER),
            **dict.fromkeys(
                ("src/app/newsfragments/" + name for name in
                 (".gitignore", "README.feature.rst", "template.bugfix.rst", "1.other", "feature")),
                "a",
            ),
        },
        NOTHING,
        NOTHING,
    ),
    "fragments written into the changelog": (
        {"C": pyproject("1.2", TOWNCRIER), "src/app/newsfragments/.gitignore": "", "NEWS.md": OWN},
        PASS,
        PASS,
    ),
    "towncrier.toml, types of its own": (
        {"C": pyproject("1.3.dev0"), "towncrier.toml": TOWNCRIER_TYPES, "news/1.break.md": "a"},
        PASS,
        PASS,
    ),
    "a type without content": (
        {"C": pyproject("1.3.dev0"), "towncrier.toml": TOWNCRIER_TYPES, "news/1.chore.md": ""},
        PASS,
        PASS,
    ),
    "a type that is not theirs": (
        {"C": pyproject("1.3.dev0"), "towncrier.toml": TOWNCRIER_TYPES, "news/1.feature.md": "a"},
        NOTHING,
        NOTHING,
    ),
    "towncrier.toml is broken": ({"C": pyproject("1.2"), "towncrier.toml": "["}, "unknown", "unknown"),
    "scriv": ({"C": pyproject("1.3", SCRIV), "changelog.d/x.md": "### Added\n\n- a\n"}, PASS, LEFT),
    "scriv's template": (
        {"C": pyproject("1.3", SCRIV), "changelog.d/x.md": "<!--\n### Added\n- a\n-->\n### Fixed\n"},
        NOTHING,
        NOTHING,
    ),
}  # fmt: skip


@pytest.mark.parametrize("profile", ["merge", "release"])
@pytest.mark.parametrize(("files", "merge", "release"), ASKED.values(), ids=ASKED)
def test_what_is_asked(
    tmp_path: Path, files: dict[str, str | bytes], merge: str, release: str, profile: str
) -> None:
    named = {"pyproject.toml" if name == "C" else name: text for name, text in files.items()}
    root = testing.write(tmp_path, {"src/app/__init__.py": "", **named})
    judged = testing.judge(CHANGELOG, root, profile=profile)
    expected = merge if profile == "merge" else release
    assert (judged.rules or [judged.outcome]) == [expected], judged.reason
    assert judged.outcome == ("fail" if judged.rules else expected)


def test_the_heading_is_named(tmp_path: Path) -> None:
    files = {"pyproject.toml": pyproject("1.2"), "CHANGES.md": "# Changes\n\n" + EMPTY}
    (found,) = testing.judge(CHANGELOG, testing.write(tmp_path, files)).evidence.findings
    assert (found.path, found.line) == ("CHANGES.md", 3)
    assert "'1.2.0' is empty" in found.message


def git(root: Path, *args: str) -> None:
    who = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
    subprocess.run(["git", *who, *args], cwd=root, check=True, capture_output=True)


def commit(root: Path, *changed: str) -> None:
    testing.write(root, dict.fromkeys(changed, "x = 1\n"))
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "All")


@pytest.fixture(params=["stated", "from tags"])
def released(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """Version 1.2, told of, and tagged."""
    told = pyproject("1.2") if request.param == "stated" else TAGS
    files = {"pyproject.toml": told, "CHANGES.md": OWN, "src/app/a.py": ""}
    root = testing.write(tmp_path / "x", {**files, "src/app/__init__.py": ""})
    git(root, "init", "-q", ".")
    commit(root)
    git(root, "tag", "v1.2")
    return root


def test_what_changed_after_the_tag_is_told_of(released: Path) -> None:
    assert testing.judge(CHANGELOG, released).outcome == PASS
    commit(released, "tests/test_a.py", "src/app/tests/test_b.py", "noxfile.py", "README.md")
    assert testing.judge(CHANGELOG, released).outcome == PASS
    commit(released, "src/app/a.py")
    judged = testing.judge(CHANGELOG, released)
    assert judged.rules == [NOTHING]
    assert "says nothing of what changed since v1.2" in judged.evidence.findings[0].message
    git(released, "tag", "v1.2.0")
    assert testing.judge(CHANGELOG, released).outcome == PASS
    git(released, "tag", "-d", "v1.2.0")
    testing.write(released, {"CHANGES.md": AHEAD + OWN})
    assert testing.judge(CHANGELOG, released).outcome == PASS


def test_a_single_folder_of_scripts_has_code_as_well(tmp_path: Path) -> None:
    files = {"pyproject.toml": pyproject("1.2"), "CHANGES.md": OWN, "a.py": "", "test_a.py": ""}
    git(testing.write(tmp_path, files), "init", "-q", ".")
    commit(tmp_path, "b.py")
    git(tmp_path, "tag", "v1.2")
    commit(tmp_path, "test_a.py", "docs/conf.py", "tests/c.py")
    assert testing.judge(CHANGELOG, tmp_path).outcome == PASS
    commit(tmp_path, "a.py")
    assert testing.judge(CHANGELOG, tmp_path).rules == [NOTHING]


def named(root: Path) -> list[str]:
    """What the changelog does not name, where it is asked to name all changes."""
    evidence = check(testing.project(root), ChangelogOptions(name_changes=True), ())
    rules = {finding.rule for finding in evidence.findings}
    assert rules <= {"change-not-named"}
    return [finding.message for finding in evidence.findings]


def test_changes_that_are_not_named(released: Path) -> None:
    testing.write(released, {"CHANGES.md": AHEAD + "- Mended (#12)\n" + OWN + "- Old (#13)\n"})
    assert named(released) == []
    for number in (12, 13):
        testing.write(released, {"src/app/a.py": f"x = {number}\n"})
        git(released, "commit", "-q", "-a", "-m", f"Change x (#{number})")
    git(released, "commit", "-q", "--allow-empty", "-m", "Write nothing (#14)")
    git(released, "commit", "-q", "--allow-empty", "-m", "feat: a thing")
    thing, change = named(released)
    assert "CHANGES.md does not name" in thing
    assert thing.endswith("'feat: a thing' since v1.2")
    assert change.endswith("'Change x (#13)' since v1.2")
    assert testing.judge(CHANGELOG, released).outcome == PASS
    options = {"name-changes": True}
    assert testing.judge(CHANGELOG, released, options=options).rules == ["change-not-named"] * 2


def test_changes_whose_pull_request_is_named(released: Path) -> None:
    testing.write(released, {"CHANGES.md": AHEAD + "- Mended (#12)\n" + OWN})
    commit(released)
    git(released, "checkout", "-q", "-b", "topic")
    git(released, "commit", "-q", "--allow-empty", "-m", "fix: one of them")
    git(released, "checkout", "-q", "-")
    said = "Merge pull request #12 from a/topic"
    git(released, "merge", "-q", "--no-ff", "topic", "-m", said)
    assert named(released) == []
    testing.write(released, {"CHANGES.md": AHEAD + OWN})
    assert [message.split("'")[1] for message in named(released)] == ["fix: one of them"]


def test_changes_of_a_history_that_is_not_here(released: Path, tmp_path: Path) -> None:
    commit(released, "src/app/a.py")
    shallow = tmp_path / "shallow"
    git(tmp_path, "clone", "-q", "--depth=1", released.as_uri(), str(shallow))
    with pytest.raises(CannotTell, match="git fetch --tags --unshallow"):
        named(shallow)


CANARIES = [
    "own section",
    "both",
    "unreleased",
    "fragments written into the changelog",
    "from tags",
]


@pytest.mark.parametrize("case", [*CANARIES, "a fragment", "scriv", "a newer one", "pallets' mark"])
def test_the_canary(tmp_path: Path, case: str) -> None:
    files = {
        "pyproject.toml" if name == "C" else name: text for name, text in ASKED[case][0].items()
    }
    root = testing.write(tmp_path, {"src/app/__init__.py": "", **files})
    clean, planted = testing.prove(CHANGELOG, root)
    assert (clean.outcome, planted.outcome, planted.rules) == (PASS, "fail", [NOTHING])
