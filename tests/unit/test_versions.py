"""What version a project states, and where: read statically, from every place that may state it."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version

from pytest_devops_gates import literals, tags, testing, versions
from pytest_devops_gates.errors import CannotTell
from tests.unit.samples import any_text, same_every_time

DYNAMIC = '[project]\nname = "app"\ndynamic = ["version"]\n'
STATIC = '[project]\nname = "app"\nversion = "1.2"\n'

PLACES: dict[str, tuple[dict[str, str], list[tuple[str, str, int]]]] = {
    "[project]": ({"pyproject.toml": STATIC}, [("1.2", "pyproject.toml", 3)]),
    "[tool.poetry]": (
        {"pyproject.toml": '[tool.poetry]\nname = "app"\nversion = "1.2"\n'},
        [("1.2", "pyproject.toml", 3)],
    ),
    "setup.cfg": ({"setup.cfg": "[metadata]\nname = app\nversion = 1.2\n"}, [("1.2", "setup.cfg", 3)]),
    "setup.cfg, attr": (
        {
            "setup.cfg": "[metadata]\nversion = attr: app.about.VERSION\n",
            "src/app/about.py": "VERSION = '1.2'\n",
            "src/app/__init__.py": "",
        },
        [("1.2", "src/app/about.py", 1)],
    ),
    "setup.cfg, file": (
        {"setup.cfg": "[metadata]\nversion = file: VERSION\n", "VERSION": "1.2\n"},
        [("1.2", "VERSION", 1)],
    ),
    "setup.py": (
        {"setup.py": "from setuptools import setup\nsetup(\n    version='1.2',\n)\n"},
        [("1.2", "setup.py", 3)],
    ),
    "__version__ in a package": (
        {"pyproject.toml": DYNAMIC, "app/__init__.py": '"""Doc."""\n__version__: str = "1.2"\n'},
        [("1.2", "app/__init__.py", 2)],
    ),
    "__version__ in _version.py": (
        {"pyproject.toml": DYNAMIC, "app/__init__.py": "", "app/_version.py": "__version__ = v = '1.2'\n"},
        [("1.2", "app/_version.py", 1)],
    ),
    "__version__ of a single module": (
        {"pyproject.toml": DYNAMIC, "app.py": "__version__ = '1.2'\n"},
        [("1.2", "app.py", 1)],
    ),
    "hatch, path": (
        {"pyproject.toml": DYNAMIC + '[tool.hatch.version]\npath = "meta/v.py"\n', "meta/v.py": "\nVERSION = '1.2'"},
        [("1.2", "meta/v.py", 2)],
    ),
    "hatch, pattern": (
        {
            "pyproject.toml": DYNAMIC
            + "[tool.hatch.version]\npath = 'v.json'\npattern = '\"v\": \"(?P<version>[^\"]+)\"'\n",
            "v.json": '{\n"v": "1.2"}',
        },
        [("1.2", "v.json", 2)],
    ),
    "setuptools, attr": (
        {
            "pyproject.toml": DYNAMIC + '[tool.setuptools.dynamic]\nversion = {attr = "app.__version__.__version__"}\n',
            "src/app/__init__.py": "from .__version__ import __version__\n",
            "src/app/__version__.py": "\n\n__version__ = '1.2'\n",
        },
        [("1.2", "src/app/__version__.py", 3)],
    ),
    "setuptools, file": (
        {"pyproject.toml": DYNAMIC + '[tool.setuptools.dynamic]\nversion = {file = ["VERSION"]}\n', "VERSION": " 1.2\n"},
        [("1.2", "VERSION", 1)],
    ),
    "maturin": (
        {
            "pyproject.toml": DYNAMIC + '[build-system]\nrequires = ["maturin"]\nbuild-backend = "maturin"\n',
            "Cargo.toml": '[dependencies]\nversion = "9"\n[package]\nname = "app"\nversion = "1.2"\n',
        },
        [("1.2", "Cargo.toml", 5)],
    ),
    "tools and a citation": (
        {
            "pyproject.toml": STATIC
            + '[tool.bumpversion]\ncurrent_version = "1.3"\n[tool.commitizen]\nversion = "1.4"\n'
            + '[tool.bumpver]\ncurrent_version = "1.5"\n',
            "CITATION.cff": "cff-version: 1.2.0\nreferences:\n- version: 9\nversion: 1.10\n",
        },
        [
            ("1.2", "pyproject.toml", 3),
            ("1.3", "pyproject.toml", 5),
            ("1.5", "pyproject.toml", 9),
            ("1.4", "pyproject.toml", 7),
            ("1.10", "CITATION.cff", 4),
        ],
    ),
    "a fallback and a computed one are no statements": (
        {
            "pyproject.toml": STATIC,
            "app/__init__.py": "try:\n    __version__ = f()\nexcept E:\n    __version__ = '0'\n",
            "app/version.py": "__version__ = f('1')\nversion = '3'\n",
        },
        [("1.2", "pyproject.toml", 3)],
    ),
    "an empty folder": ({}, []),
}  # fmt: skip


@pytest.mark.parametrize(("files", "stated"), PLACES.values(), ids=PLACES)
def test_each_place(
    tmp_path: Path, files: dict[str, str], stated: list[tuple[str, str, int]]
) -> None:
    found = versions.stated(testing.project(testing.write(tmp_path, files)))
    assert [(s.text, s.path, s.line) for s in found.statements] == stated
    assert (found.from_tags, found.unread) == (None, None)
    assert found.packaged == bool(files)


def requires(tool: str) -> str:
    return DYNAMIC + f'[build-system]\nrequires = ["setuptools>=61", "{tool}>=1"]\n'


TAGGED = {
    "setuptools-scm": {"pyproject.toml": requires("setuptools_scm[toml]")},
    "hatch-vcs": {"pyproject.toml": DYNAMIC + '[tool.hatch.version]\nsource = "vcs"\n'},
    "versioningit": {"pyproject.toml": DYNAMIC + "[tool.versioningit]\n"},
    "dunamai": {"pyproject.toml": requires("dunamai")},
    "pbr": {"setup.py": "import setuptools\nsetuptools.setup(setup_requires=['pbr'], pbr=True)\n"},
    "poetry-dynamic-versioning": {
        "pyproject.toml": '[tool.poetry]\nversion = "0"\n[tool.poetry-dynamic-versioning]\nenable = true\n'
    },
    "versioneer": {"setup.py": "setup(version=versioneer.get_version())\n"},
    "the source scm of PDM": {"pyproject.toml": DYNAMIC + '[tool.pdm.version]\nsource = "scm"\n'},
}


@pytest.mark.parametrize(("tool", "files"), TAGGED.items(), ids=TAGGED)
def test_a_version_from_git_tags(tmp_path: Path, tool: str, files: dict[str, str]) -> None:
    written = testing.write(tmp_path, {**files, "app/__init__.py": "__version__ = '0.0.0'\n"})
    found = versions.stated(testing.project(written))
    assert (found.from_tags, found.statements) == (tool, ())


def test_a_static_version_goes_before_a_tool_that_only_finds_files(tmp_path: Path) -> None:
    text = STATIC + '[build-system]\nrequires = ["setuptools-scm"]\n'
    found = versions.stated(testing.project(testing.write(tmp_path, {"pyproject.toml": text})))
    assert (found.from_tags, found.version) == (None, Version("1.2"))


UNREAD = {
    "mesonpy": {"pyproject.toml": DYNAMIC + '[build-system]\nbuild-backend = "mesonpy"\n'},
    "setup.py works it out": {"setup.py": "setup(version=open('V').read())\n"},
    "attr: app.VERSION": {"setup.cfg": "[metadata]\nversion = attr: app.VERSION\n"},
}


@pytest.mark.parametrize(("way", "files"), UNREAD.items(), ids=UNREAD)
def test_a_way_that_cannot_be_read_is_named(
    tmp_path: Path, way: str, files: dict[str, str]
) -> None:
    found = versions.stated(testing.project(testing.write(tmp_path, files)))
    assert not found.statements
    assert way in (found.unread or "")


BROKEN: dict[str, dict[str, str | bytes]] = {
    "setup.cfg": {"setup.cfg": "version = 1\n"},
    "CITATION.cff": {"CITATION.cff": b"version: \xff"},
    "CITATION.cff cannot be read": {"CITATION.cff": "version: [\n"},
    "app/__init__.py": {"app/__init__.py": "__version__ = '1"},
    "setup.py": {"setup.py": "setup(\n"},
    "pattern": {
        "pyproject.toml": "[tool.hatch.version]\npath = 'v'\npattern = '(version'",
        "v": "1",
    },
}


@pytest.mark.parametrize(("name", "files"), BROKEN.items(), ids=BROKEN)
def test_what_cannot_be_read_is_named(
    tmp_path: Path, name: str, files: dict[str, str | bytes]
) -> None:
    here = testing.project(testing.write(tmp_path, files))
    with pytest.raises(CannotTell, match=name):
        versions.stated(here)


def test_a_link_out_of_the_project_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("version: 1\n")
    root = testing.write(tmp_path / "in", {"a.txt": ""})
    (root / "CITATION.cff").symlink_to(tmp_path / "out")
    assert versions.stated(testing.project(root)).statements == ()


TAGS = {
    "v1.2": "1.2",
    "1.2": "1.2",
    "1.2.0": "1.2",
    "app-1.2": "1.2",
    "app-v1.2": "1.2",
    "app@1.2": "1.2",
    "app/v1.2": "1.2",
    "My.App-1.2": "1.2",
    "my_app_1.2": "1.2",
    "v1.2-rc1": "1.2rc1",
    "other-1.2": None,
    "stable": None,
    "app-latest": None,
    "1.2.x": None,
}


@pytest.mark.parametrize(("tag", "version"), TAGS.items(), ids=TAGS)
def test_tags_as_versions(tag: str, version: str | None) -> None:
    found = tags.versions(tag.encode() + b"\n", {"app", "my-app"}, nested=False)
    assert found == ({tag: Version(version)} if version else {})


def test_one_of_several_projects_has_tags_of_its_own() -> None:
    listing = b"v1.2\nother-v1.2\n"
    assert list(tags.versions(listing, {"app"}, nested=True)) == ["v1.2"]
    assert list(tags.versions(listing + b"app-v1.1\n", {"app"}, nested=True)) == ["app-v1.1"]
    assert list(tags.versions(listing + b"app-v1.1\n", {"app"}, nested=False)) == ["v1.2", "app-v1.1"]  # fmt: skip


@given(any_text)
@same_every_time
def test_any_tag_is_read(tag: str) -> None:
    found = tags.versions(tag.encode("utf-8", "surrogatepass"), {"app"}, nested=False)
    assert all(name in tag for name in found)


@given(st.from_regex(r"[0-9]{1,3}(\.[0-9]{1,3}){0,3}((a|b|rc)[0-9])?(\.dev[0-9])?", fullmatch=True))
@same_every_time
def test_a_literal_is_found_by_its_line(version: str) -> None:
    source = f"# __version__ = '0'\nx = 1\n__version__ = '{version}'\n"
    assert list(literals.assigned(source, "a.py", ["__version__"])) == [
        ("__version__", literals.Literal(version, 3))
    ]
    toml = f"[tool.x]\nversion = '0'\n[project]  # it\nname = 'a'\nversion = '{version}'\n"
    assert literals.key_line(toml, "project", "version") == 5
    assert literals.key_value(toml, "project", "version") == version


@given(any_text)
@same_every_time
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(CannotTell):
        literals.setup_call(text, "setup.py")
    with contextlib.suppress(CannotTell):
        literals.yaml_value("version: 1\n" + text, "a.yml", "version")
    literals.key_line(text, "project", "version")
