"""What a project requires of what is installed, transitively, and where it says so."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_devops_gates.dependencies import declared as declarations
from pytest_devops_gates.dependencies import required as requirements
from pytest_devops_gates.dependencies.declared import Declared
from pytest_devops_gates.dependencies.distributions import Distribution, installed
from pytest_devops_gates.dependencies.required import Needed, needed
from pytest_devops_gates.errors import CannotTell
from pytest_devops_gates.testing import project, write
from tests.unit.samples import same_every_time


def here(**requires: list[str]) -> dict[str, Distribution]:
    return {name: Distribution(name, "1.0", tuple(texts)) for name, texts in requires.items()}


def asked(*requires: str, **extras: list[str]) -> Declared:
    return Declared("app", requires, "pyproject.toml", {k: tuple(v) for k, v in extras.items()})


def test_requirements_are_followed_to_their_end_and_in_circles():
    found = needed(asked("a"), here(a=["b"], b=["c", "a"], c=[], d=[]))
    assert (list(found.found), found.trouble) == (["a", "b", "c"], None)
    assert found.by == {"a": "app", "b": "a", "c": "b"}


def test_names_are_compared_as_pep_503_has_it():
    assert list(needed(asked("A_b.C"), {"a-b-c": Distribution("a-b-c", "1")}).found) == ["a-b-c"]


def test_markers_decide_and_extras_bring_what_they_name():
    some = here(a=["b; extra == 'More'", "c; python_version < '3'", "d"], b=[], c=[], d=[])
    assert list(needed(asked("a"), some).found) == ["a", "d"]
    assert list(needed(asked("a[more]"), some).found) == ["a", "b", "d"]
    assert list(needed(asked("a", "b; python_version < '3'"), some).found) == ["a", "d"]


def test_an_extra_that_is_asked_for_late_still_counts():
    some = here(a=["b", "c; extra == 'x'"], b=["a[x]"], c=[])
    assert list(needed(asked("a"), some).found) == ["a", "b", "c"]


def test_the_projects_own_extras_may_name_each_other():
    own = asked(test=["a", "app[more]"], more=["b"], all=["app[test]", "app[all]"])
    some = here(a=["app"], b=[])
    assert list(needed(own, some).found) == []
    found = needed(own, some, extras=["all"])
    assert (list(found.found), found.trouble) == (["a", "b"], None)
    assert needed(own, some, extras=["no"]).trouble == "pyproject.toml has no extra 'no'"


def test_what_is_missing_is_told_with_the_line_that_installs_it():
    found = needed(asked("a", "no>=2,<3; python_version > '3'"), here(a=["neither[x]"]))
    assert found.trouble == (
        "no, required by app, is not installed (and 1 more)"
        " · python -m pip install 'no<3,>=2' 'neither[x]'"
    )


def test_a_url_is_never_shown_nor_looked_up_by_its_name():
    found = needed(asked("no @ https://user:hunter2@example.org/no.whl"), {})
    assert found.trouble == "no, required by app, is not installed · python -m pip install -e ."


def test_many_missing_ones_are_not_all_named():
    found = needed(asked(*(f"no{n}" for n in range(30))), {})
    assert found.trouble
    assert found.trouble.endswith("(and 29 more) · python -m pip install -e .")


@pytest.mark.parametrize("text", ["", "a b", "https://u:hunter2@h/x.whl", "a; nope == 'x'", "-e ."])
def test_what_is_no_requirement_is_told_by_its_place_alone(text):
    found = needed(asked("a", text), here(a=[]))
    assert found.trouble == "requirement 2 of app cannot be read (PEP 508)"


def test_what_is_known_otherwise_is_passed_over_with_all_that_it_requires():
    some = here(a=["b", "no"], b=[], c=["b"])
    found = needed(asked("a", "c"), some, known={"a"})
    assert (list(found.found), found.trouble) == (["b", "c"], None)


def test_another_version_than_asked_for_is_told():
    some = {"a": Distribution("a", "2.0rc1"), "b": Distribution("b", "no version")}
    found = needed(asked("a<3", "a>=2.0", "b"), some)
    assert [one.text for one in found.unfit] == ["a>=2.0"]
    assert [one.name for one in needed(asked("b>1"), some).unfit] == ["b"]


names = st.sampled_from("abcdef")
graphs = st.dictionaries(names, st.lists(names.map(str), max_size=4), max_size=6)


@same_every_time
@given(graphs, st.lists(names, max_size=3))
def test_what_is_found_is_closed_and_nothing_is_lost(graph, roots):
    some = here(**graph)
    found = needed(asked(*roots), some)
    reached = set(found.found) | {one.name for one in found.missing}
    assert reached == set(found.by)
    assert set(roots) <= reached
    assert all(set(one.requires) <= reached for one in found.found.values())


# where a project says it


def required(root: Path) -> Needed | None:
    return requirements.required(project(root))


def declared(root: Path, **some: list[str]) -> Declared | None:
    return declarations.declared(project(root), here(**some))


def test_pyproject_says_it(tmp_path):
    toml = (
        '[project]\nname = "A.p"\ndependencies = ["x"]\noptional-dependencies = { T_t = ["y"] }\n'
    )
    write(tmp_path, {"pyproject.toml": toml, "setup.cfg": "[options]\ninstall_requires = z\n"})
    assert declared(tmp_path) == Declared("a-p", ("x",), "pyproject.toml", {"t-t": ("y",)})


def test_setup_cfg_says_it(tmp_path):
    text = "[metadata]\nname = app\n[options]\ninstall_requires =\n  # why\n  x>1  # one\n  y; python_version<'3'\n[options.extras_require]\nT = z\n"
    write(tmp_path, {"setup.cfg": text})
    told = declared(tmp_path)
    assert told == Declared("app", ("x>1", "y; python_version<'3'"), "setup.cfg", {"t": ("z",)})


@pytest.mark.parametrize(
    "files",
    [
        {"pyproject.toml": '[project]\nname = "app"\ndynamic = ["dependencies"]\n'},
        {"pyproject.toml": '[project]\nname = "app"\ndynamic = ["optional-dependencies"]\n'},
        {"pyproject.toml": '[tool.poetry]\nname = "app"\n'},
        {"pyproject.toml": '[project]\nname = "app"\n[tool.poetry]\ndependencies = {}\n'},
        {"setup.cfg": "[metadata]\nname = app\n[options]\ninstall_requires = file: r.txt\n"},
        {"setup.cfg": "[metadata]\nname = app\n"},
        {"setup.py": "from setuptools import setup\nsetup()\n", "app/__init__.py": ""},
    ],
)
def test_what_a_tool_works_out_is_read_where_it_is_installed(tmp_path, files):
    write(tmp_path, files)
    told = declared(tmp_path, app=["x", "y; extra == 'T'"])
    assert told
    assert told.where == "the installed app 1.0"
    assert list(needed(told, here(x=[], y=[])).found) == ["x"]
    assert list(needed(told, here(x=[], y=[]), extras=["t"]).found) == ["x", "y"]
    with pytest.raises(CannotTell, match="not installed · python -m pip install -e"):
        declared(tmp_path)


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({"pyproject.toml": "[project]\ndependencies = 3\n"}, "is no array of strings"),
        ({"pyproject.toml": "[project]\ndependencies = [3]\n"}, "is no array of strings"),
        ({"pyproject.toml": "[project]\noptional-dependencies = 3\n"}, "is no table"),
        ({"setup.cfg": "no section\n"}, "setup.cfg cannot be read"),
    ],
)
def test_what_cannot_be_read_is_told(tmp_path, files, reason):
    with pytest.raises(CannotTell, match=reason):
        declared(write(tmp_path, files))


def test_groups_are_read_with_what_they_include(tmp_path):
    toml = '[dependency-groups]\nA_a = ["x", {include-group = "b"}]\nb = ["y", {include-group = "a-a"}]\nc = [{ x = 1 }]\n'
    here = project(write(tmp_path, {"pyproject.toml": toml}))
    assert declarations.grouped(here, ["a.a"]) == ("x", "y")
    for name in ("no", "c"):
        with pytest.raises(CannotTell, match=f"dependency-groups][ .]{name}"):
            declarations.grouped(here, [name])


def test_without_metadata_nothing_is_required(tmp_path):
    assert required(write(tmp_path, {"app.py": ""})) is None


def test_the_environment_is_read_as_it_is(tmp_path):
    write(tmp_path, {"pyproject.toml": '[project]\nname = "app"\ndependencies = ["pytest"]\n'})
    found = required(tmp_path)
    assert found
    assert {"pytest", "pluggy", "iniconfig"} <= set(found.found)


def test_a_distribution_in_the_checkout_is_none_and_two_of_a_name_are_none(tmp_path, monkeypatch):
    metadata = "Metadata-Version: 2.1\nName: Twofold\nVersion: {}\n"
    inside, outside = tmp_path / "checkout", tmp_path / "elsewhere"
    for folder in (inside, outside):
        write(folder, {"twofold-1.dist-info/METADATA": metadata.format(1)})
        monkeypatch.syspath_prepend(str(folder))
    there = project(inside)
    assert installed(there)["twofold"].version == "1"
    write(outside, {"twofold-2.dist-info/METADATA": metadata.format(2)})
    with pytest.raises(CannotTell, match="twofold is installed twice in one folder"):
        installed(there)
    monkeypatch.setattr("sys.path", [str(inside)])
    assert installed(there) == {}


def test_what_is_left_of_a_removed_distribution_is_none(tmp_path, monkeypatch):
    there, checkout = tmp_path / "there", tmp_path / "checkout"
    write(there, {"half-1.dist-info/RECORD": "", "none-1.dist-info/METADATA": "Name: none\n"})
    monkeypatch.setattr("sys.path", [str(there)])
    assert installed(project(write(checkout, {"app.py": ""}))) == {}
