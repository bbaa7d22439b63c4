"""The gate ``api``: what griffe sees between two trees, and what the version has to say of it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from packaging.version import Version

from pytest_devops_gates import testing
from pytest_devops_gates.errors import CannotTell, NotApplicable
from pytest_devops_gates.evidence import Evidence, Severity
from pytest_devops_gates.gates import api
from pytest_devops_gates.gates.api import API, ApiOptions
from pytest_devops_gates.schemes import Scheme
from pytest_devops_gates.surface import api_base, api_changes, griffe_compare, griffe_trees
from pytest_devops_gates.surface.api_changes import Bump, Change, Comparison

INIT, MODULE = "src/app/__init__.py", "src/app/core.py"
FIRST = "def old(a, b=1):\n    pass\n\n\nclass Thing:\n    def run(self):\n        pass\n"
BROKEN = FIRST.replace("a, b=1", "b=1")
MORE = FIRST + "\n\ndef new():\n    pass\n"


def pyproject(version: str | None) -> str:
    told = f'version = "{version}"' if version else 'dynamic = ["version"]\n[tool.setuptools_scm]'
    return f'[project]\nname = "app"\n{told}\n'


def git(root: Path, *args: str) -> None:
    who = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
    subprocess.run(["git", *who, *args], cwd=root, check=True, capture_output=True)


def commit(root: Path, files: Mapping[str, str | bytes], tag: str | None = None) -> Path:
    testing.write(root, files)
    if not (root / ".git").exists():
        git(root, "init", "-q", ".")
    git(root, "add", "-A")
    git(root, "commit", "-q", "--allow-empty", "-m", "All")
    if tag:
        git(root, "tag", tag)
    return root


@pytest.fixture
def released(tmp_path: Path) -> Path:
    """Version 1.2.0, tagged as v1.2.0."""
    files = {"pyproject.toml": pyproject("1.2.0"), INIT: "", MODULE: FIRST}
    return commit(tmp_path / "app", files, "v1.2.0")


def look(root: Path, profile: str = "merge", **options: Any) -> Evidence:
    """The gate's function, in this process."""
    return api.check(testing.project(root, profile=profile), ApiOptions(**options), ())


def told(evidence: Evidence) -> list[str]:
    return [f"{f.severity.value} {f.rule}" for f in evidence.findings]


REMOVED = "info parameter-removed"
MOVED = "info parameter-moved"
BUMPS: dict[str, tuple[str | None, str, dict[str, list[str]]]] = {
    # version, source, and what is told beside the list in merge and in release
    "broken, raised enough": ("2.0.0", BROKEN, {"merge": [], "release": []}),
    "broken, a candidate of it": ("2.0.0rc1", BROKEN, {"merge": [], "release": []}),
    "broken, raised too little": (
        "1.3.0",
        BROKEN,
        {"merge": ["high bump-needed"], "release": ["high bump-needed"]},
    ),
    "broken, not raised": (
        "1.2.0",
        BROKEN,
        {"merge": ["medium bump-needed"], "release": ["high bump-needed"]},
    ),
    "more, raised enough": ("1.3.0", MORE, {"merge": [], "release": []}),
    "more, raised too little": (
        "1.2.1",
        MORE,
        {"merge": ["medium minor-needed"], "release": ["medium minor-needed"]},
    ),
    "the same": ("1.2.1", FIRST, {"merge": [], "release": []}),
    "broken, from tags": (None, BROKEN, {"merge": ["medium bump-needed"]}),
}


@pytest.mark.parametrize(("version", "source", "expected"), BUMPS.values(), ids=BUMPS)
def test_the_version_and_what_changed(
    released: Path, version: str | None, source: str, expected: dict[str, list[str]]
) -> None:
    commit(released, {"pyproject.toml": pyproject(version), MODULE: source})
    listed = [MOVED, REMOVED] if source == BROKEN else []
    for profile, rules in expected.items():
        found = look(released, profile)
        assert (told(found), found.unknown) == (rules + listed, None)
        assert found.metrics == {"breaking": len(listed), "added": source == MORE}
        assert found.examined == 2


def test_a_release_whose_version_is_not_known_yet(released: Path) -> None:
    commit(released, {"pyproject.toml": pyproject(None)})
    assert look(released, "release").unknown is None
    commit(released, {MODULE: BROKEN})
    unknown = str(look(released, "release").unknown)
    assert "no tag on HEAD says it yet: 2 breaking changes" in unknown
    assert unknown.endswith("· git tag 2.0.0")


def test_what_is_said(released: Path) -> None:
    commit(released, {"pyproject.toml": pyproject("1.3.0"), MODULE: BROKEN})
    judged = testing.judge(API, released)
    assert judged.outcome == "fail"
    bump, moved, removed = judged.evidence.findings
    assert bump.message == (
        "2 breaking changes since v1.2.0 need 2.0.0 by semver, and the version is 1.3.0"
    )
    assert (bump.path, bump.line) == ("pyproject.toml", 3)
    assert removed.message == "app.core.old: parameters removed: a"
    assert (removed.path, removed.line) == (MODULE, 1)
    assert moved.message == "app.core.old: parameters moved: b"


def test_the_tag_on_head_is_the_version_and_not_the_base(released: Path) -> None:
    commit(released, {"pyproject.toml": pyproject(None), MODULE: BROKEN}, "v2.0.0")
    found = look(released, "release")
    assert (told(found), found.unknown) == ([MOVED, REMOVED], None)
    git(released, "tag", "v1.2.1")
    assert told(look(released, "release")) == [MOVED, REMOVED]
    git(released, "tag", "-d", "v1.2.1", "v2.0.0")
    git(released, "tag", "v1.2.1")
    assert told(look(released, "release")) == ["high bump-needed", MOVED, REMOVED]


@pytest.mark.parametrize(
    ("options", "rules"),
    [
        ({"exclude": ("app.core.old",)}, []),
        ({"exclude": ("app.*",)}, []),
        ({"exclude": ("app.core.Thing*",)}, ["medium bump-needed", MOVED, REMOVED]),
        ({"allow": ("parameter-moved",)}, ["medium bump-needed", REMOVED]),
        ({"scheme": "calver"}, [MOVED, REMOVED]),
        ({"scheme": "zerover"}, ["medium bump-needed", MOVED, REMOVED]),
    ],
    ids=str,
)
def test_options(released: Path, options: dict[str, Any], rules: list[str]) -> None:
    commit(released, {MODULE: BROKEN})
    assert told(look(released, **options)) == rules


SEEN: dict[str, tuple[dict[str, str], dict[str, str | None], list[str], list[str]]] = {
    # files at the release, files now, names of what broke and of what is new
    "a private function": ({MODULE: "def _f(): pass"}, {MODULE: ""}, [], []),
    "a private module": ({"src/app/_m.py": "def f(): pass"}, {"src/app/_m.py": None}, [], []),
    "a module": ({"src/app/m.py": "def f(): pass"}, {"src/app/m.py": None}, ["app.m"], []),
    "not in __all__": ({MODULE: "__all__ = ['a']\na = b = 1"}, {MODULE: "a = 1"}, [], []),
    "in __all__": (
        {MODULE: "__all__ = ['_a']\n_a = 1"},
        {MODULE: "__all__ = []"},
        ["app.core._a"],
        [],
    ),
    "imported for itself": (
        {INIT: "from app.core import old", MODULE: FIRST},
        {INIT: "", MODULE: FIRST},
        [],
        [],
    ),
    "exported again": (
        {INIT: "from app.core import old as old", MODULE: FIRST},
        {INIT: "", MODULE: FIRST},
        ["app.old"],
        [],
    ),
    "gone under two names": (
        {INIT: "from app.core import f as f", MODULE: "def f(): pass"},
        {INIT: "", MODULE: ""},
        ["app.f"],
        [],
    ),
    "new under two names": (
        {MODULE: ""},
        {INIT: "from app.core import f as f", MODULE: "def f(): pass"},
        [],
        ["app.f"],
    ),
    "handed out by __getattr__": (
        {MODULE: "def f(): pass"},
        {MODULE: "def _f(): pass\ndef __getattr__(name):\n    if name == 'f': return _f"},
        [],
        [],
    ),
    "not handed out by __getattr__": (
        {MODULE: "def f(): pass"},
        {MODULE: "def __getattr__(name):\n    raise AttributeError(name)"},
        ["app.core.f"],
        [],
    ),
    "the base object": ({MODULE: "class A(object): x = 1"}, {MODULE: "class A: x = 1"}, [], []),
    "a base": ({MODULE: "class A(int): x = 1"}, {MODULE: "class A: x = 1"}, ["app.core.A"], []),
    "a value": ({INIT: "__version__ = '1'\nx = 1"}, {INIT: "__version__ = '2'\nx = 2"}, [], []),
    "a default": ({MODULE: "def f(a=1): pass"}, {MODULE: "def f(a=2): pass"}, ["app.core.f"], []),
    "a stub": (
        {"src/app/native.pyi": "def f(a: int) -> int: ..."},
        {"src/app/native.pyi": "def f() -> int: ..."},
        ["app.native.f"],
        [],
    ),
    "tests of the package": ({"src/app/tests/__init__.py": "a = 1"}, {"src/app/tests/__init__.py": ""}, [], []),
    "an optional parameter": ({MODULE: "def f(): pass"}, {MODULE: "def f(a=1): pass"}, [], ["app.core.f(a)"]),
    "a method": (
        {MODULE: "class A: x = 1"},
        {MODULE: "class A:\n    x = y = 1\n    def f(self): pass\n    def __len__(self): return 1"},
        [],
        ["app.core.A.f"],
    ),
    "a script without __init__": ({"src/app/bin/x-y.py": "x = ("}, {"src/app/bin/z.py": "x = ("}, [], []),
    "moved out of src": ({MODULE: FIRST}, {MODULE: None, INIT: None, "app/__init__.py": "", "app/core.py": FIRST}, [], []),
}  # fmt: skip


@pytest.mark.parametrize(("before", "after", "broken", "added"), SEEN.values(), ids=SEEN)
def test_what_is_seen(
    tmp_path: Path,
    before: dict[str, str],
    after: dict[str, str | None],
    broken: list[str],
    added: list[str],
) -> None:
    start = {INIT: "", **before}
    now = {name: text for name, text in {**start, **after}.items() if text is not None}
    found = griffe_compare.compare(tree(tmp_path / "old", start), tree(tmp_path / "new", now))
    assert ([change.name for change in found.breaking], list(found.added)) == (broken, added)


def tree(root: Path, files: Mapping[str, str | bytes]) -> griffe_trees.Tree:
    """What griffe reads of these files; it goes to disk beside them."""
    here = testing.project(testing.write(root, files))
    return griffe_trees.read(api_base.lay_out_here(here, root.with_suffix(".laid-out")), "here")


def test_nothing_of_the_project_runs(released: Path) -> None:
    bomb = "open('ran', 'w')\nimport os; os._exit(3)\n" + FIRST
    commit(released, {INIT: bomb, "griffe.py": bomb, "src/griffe/__init__.py": bomb})
    assert testing.judge(API, released).outcome == "pass"
    assert not (released / "ran").exists()


BAD = {
    "no Python": b"def f(:\n",
    "not UTF-8": b"# coding: latin-1\nx = '\xe4'\n",
    "a NUL": b"x = '\0'\n",
    "too deep": b"x = " + b"(" * 3000 + b")" * 3000 + b"\n",
}


@pytest.mark.parametrize("content", BAD.values(), ids=BAD)
@pytest.mark.parametrize("name", [INIT, MODULE, "src/app/sub/__init__.py"])
def test_what_cannot_be_read(tmp_path: Path, content: bytes, name: str) -> None:
    with pytest.raises(CannotTell, match=f"{name} here cannot be read"):
        tree(tmp_path / "x", {INIT: b"", name: content})


def test_a_release_that_cannot_be_read(released: Path) -> None:
    commit(released, {INIT: "def f(:\n"}, "v1.3.0")
    commit(released, {INIT: ""})
    with pytest.raises(CannotTell, match=f"{INIT} at v1.3.0 cannot be read"):
        look(released)


def test_without_griffe(released: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commit(released, {})
    for name in list(sys.modules):
        if name.startswith(("griffe", "pytest_devops_gates.surface.griffe")):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "griffe", None)
    with pytest.raises(CannotTell, match=r"pip install 'pytest-devops-gates\[release\]'"):
        look(released)


def test_where_the_question_does_not_arise(tmp_path: Path) -> None:
    files = {"pyproject.toml": pyproject("1.0"), "src/app/__init__.py": ""}
    root = testing.write(tmp_path / "app", files)
    assert testing.judge(API, root).reason.startswith("no git repository")
    commit(root, {}, "v1.0")
    with pytest.raises(NotApplicable, match="no release before this one"):
        look(root)
    commit(root, {"pyproject.toml": "[tool.ruff]\n"})
    with pytest.raises(NotApplicable, match="no packaging metadata"):
        look(root)
    bare = commit(tmp_path / "bare", {"pyproject.toml": pyproject("1.0")}, "v1.0")
    with pytest.raises(NotApplicable, match=r"no public package at v1\.0"):
        look(commit(bare, {}))


def test_tags_that_were_not_fetched(released: Path, tmp_path: Path) -> None:
    commit(released, {"CHANGES.md": "## 1.3.0\n- b\n\n## 1.2.0\n- a\n"})
    shallow = tmp_path / "shallow"
    git(tmp_path, "clone", "-q", "--depth=1", released.as_uri(), str(shallow))
    with pytest.raises(CannotTell, match="git fetch --tags --unshallow"):
        look(shallow)
    bare = tmp_path / "bare"
    git(tmp_path, "clone", "-q", "--no-tags", str(released), str(bare))
    testing.write(bare, {"pyproject.toml": pyproject("1.3.0")})
    with pytest.raises(CannotTell, match=r"CHANGES\.md tells of 1\.2\.0, and no tag of it"):
        look(bare)


def test_one_of_several_projects_in_a_checkout(released: Path) -> None:
    lib = {"pyproject.toml": pyproject("1.0.0").replace("app", "lib"), "lib/__init__.py": FIRST}
    root = released / "parts"
    testing.write(root, lib)
    commit(released, {}, "lib-1.0.0")
    testing.write(root, {"lib/__init__.py": BROKEN})
    commit(released, {})
    found = look(root)
    assert told(found) == ["medium bump-needed", MOVED, REMOVED]
    assert found.findings[1].path == "lib/__init__.py"


def test_levels() -> None:
    assert (API.level, dict(API.levels)) == (
        "required",
        {"commit": "off", "merge": "advisory", "operate": "off"},
    )


def test_the_canary(released: Path) -> None:
    commit(released, {"pyproject.toml": pyproject("2.0.0")})
    clean, planted = testing.prove(API, released)
    assert (clean.outcome, planted.outcome) == ("pass", "fail")
    assert planted.rules == ["bump-needed", "parameter-added-required", "parameter-moved"]


def test_the_canary_where_there_is_none(released: Path) -> None:
    commit(released, {"pyproject.toml": pyproject(None)})
    here = testing.project(released)
    with pytest.raises(NotApplicable, match="comes with the tag"):
        api.canary(here, ApiOptions())
    with pytest.raises(NotApplicable, match="calver asks nothing"):
        api.canary(here, ApiOptions(scheme="calver"))
    assert set(api.canary(testing.project(released, profile="release"), ApiOptions()).files) == {
        MODULE
    }


def test_the_canary_of_a_package_with_classes_alone(tmp_path: Path) -> None:
    source = "class Thing:\n    def run(self):\n        pass\n\n    __version__ = '1.2.0'\n"
    files = {"pyproject.toml": pyproject("1.2.0"), "app.py": source}
    root = commit(commit(tmp_path / "app", files, "1.2.0"), {})
    planted = api.canary(testing.project(root), ApiOptions())
    assert "def run(devops_gates_canary, self)" in str(planted.files["app.py"])
    assert '"1.2.1"' in str(planted.files["pyproject.toml"])


# what is made of a comparison, in values


def bump(version: str | None, last: str = "1.2.0", scheme: Scheme = "semver") -> Bump:
    stated = Version(version) if version else None
    return Bump("v" + last, Version(last), scheme, stated, True)


def test_one_finding_and_the_list() -> None:
    changes = tuple(Change("object-removed", f"app.f{n}", "removed") for n in range(8))
    found = list(api_changes.judge(Comparison(changes, ("app.g",), 3), bump("1.3.0")))
    assert [f.severity for f in found] == [Severity.HIGH] + [Severity.INFO] * 8
    assert found[0].message.startswith("8 breaking changes since v1.2.0 need 2.0.0 by semver")


def test_additions_are_named() -> None:
    names = tuple(f"app.f{n}" for n in range(5))
    (found,) = api_changes.judge(Comparison((), names, 3), bump("1.2.1"))
    assert "5 additions (app.f0, app.f1, app.f2, …) since v1.2.0 need 1.3.0" in found.message


def test_defaults_are_told_but_not_those_that_are_nobody_s_business(tmp_path: Path) -> None:
    before = tree(tmp_path / "old", {INIT: "def f(sep='a', password='b', key: int = 1): pass"})
    after = tree(tmp_path / "new", {INIT: "def f(sep='c', password='d', *, key: int = 1): pass"})
    kind, default = sorted(
        griffe_compare.compare(before, after).breaking, key=lambda c: len(c.kind)
    )
    assert kind.items == ("key (positional or keyword, now keyword-only)",)
    assert default.items == ("sep ('a', now 'c')", "password")


def test_long_changes_are_cut() -> None:
    change = Change("parameter-moved", "app.f", "parameters moved", ("x" * 200, "y" * 200))
    assert len(change.finding().message) == api_changes.LONGEST
