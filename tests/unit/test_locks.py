"""The readers of lock files, on what the tools themselves wrote, and on requirements files."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_devops_gates.dependencies import locks
from pytest_devops_gates.dependencies.package import Package
from pytest_devops_gates.errors import CannotTell
from tests.unit.samples import DATA, any_text, same_every_time

ITSDANGEROUS = frozenset(
    {
        "sha256:c6242fc49e35958c8b15141343aa660db5fc54d4f13a1db01a3f5891b98700ef",
        "sha256:e0050c0b7da1eea53ffaf149c0cfbb5c6e2e2b69c4bef22c81fa6eb73e5f6173",
    }
)
SAVED = {
    "uv.lock": "uv-0.13.9-vendored.lock",
    "poetry.lock": "poetry-2.5.1-vendored.lock",
    "pylock.toml": "uv-0.13.9-vendored-pylock.toml",
    "pylock.dev.toml": "uv-0.13.9-vendored-pylock.toml",
    "requirements.txt": "uv-0.13.9-vendored-requirements.txt",
}
PDM = """\
[metadata]
lock_version = "4.5.0"

[[package]]
name = "Its_Dangerous"
version = "2.2.0"
files = [{file = "a.whl", hash = "sha256:1"}, {url = "https://x/a.tar.gz", hash = "sha256:2"}]

[[package]]
name = "here"
version = "1"
path = "."
editable = true

[[package]]
name = "elsewhere"
version = "2"
git = "https://user:word@example.org/elsewhere.git"
"""


def read(text: str, name: str = "requirements.txt") -> tuple[Package, ...]:
    return locks.read(text.encode(), name).packages


@pytest.mark.parametrize("name", SAVED)
def test_what_a_tool_locked_is_read(name: str) -> None:
    data = (DATA / SAVED[name]).read_bytes()
    found = locks.read(data, name)
    packages = {one.name: one for one in found.packages}
    assert found.kind == locks.kind(name)
    assert (packages["itsdangerous"].version, packages["urllib3"].version) == ("2.2.0", "1.26.4")
    assert frozenset(packages["itsdangerous"].hashes) == ITSDANGEROUS
    assert packages["urllib3"].source == "registry"
    local = packages.get("vendored") or packages[""]
    assert (local.source, local.place.removeprefix("./"), local.own) == ("path", "vendored", False)
    lines = data.decode().splitlines()
    for one in found.packages:
        assert one.line is not None
        assert (one.name or one.place) in lines[one.line - 1]


def test_the_project_itself_is_told_from_what_it_requires() -> None:
    found = locks.read((DATA / SAVED["uv.lock"]).read_bytes(), "uv.lock").packages
    assert [one.name for one in found if one.own] == ["demo"]
    members = (
        '[manifest]\nmembers = ["a"]\n[[package]]\nname = "a"\nsource = { editable = "libs/a" }\n'
    )
    assert read(members, "uv.lock")[0].own


@pytest.mark.parametrize("name", ["jinja2", "Jinja2"])
def test_what_comes_from_an_index_is_no_member(name: str) -> None:
    """Or else a lock could hide it from the audit."""
    text = (
        f'[manifest]\nmembers = ["jinja2"]\n[[package]]\nname = "{name}"\nversion = "2.10"\n'
        'source = { registry = "https://pypi.org/simple" }\n'
    )
    assert not read(text, "uv.lock")[0].own
    assert read(text.replace("registry", "editable"), "uv.lock")[0].own


def test_pdm_is_read() -> None:
    first, own, elsewhere = read(PDM, "pdm.lock")
    assert (first.name, first.version, first.hashes) == (
        "its-dangerous",
        "2.2.0",
        ("sha256:1", "sha256:2"),
    )
    assert own.own
    assert (elsewhere.source, elsewhere.place) == ("git", "https://example.org/elsewhere.git")


def test_what_pdm_itself_locked_is_read() -> None:
    found = locks.read((DATA / "pdm-2.29.4.lock").read_bytes(), "pdm.lock").packages
    assert (found[0].name, found[0].source, len(found[0].hashes)) == ("idna", "registry", 2)
    assert all(one.version and one.line for one in found)


def test_poetrys_older_hashes_are_read() -> None:
    text = '[[package]]\nname = "A"\nversion = "1"\n[metadata.files]\nA = [{file = "a", hash = "sha256:9"}]\n'
    assert read(text, "poetry.lock")[0].hashes == ("sha256:9",)


REQUIREMENTS = {
    "a==1": ("a", "1", "registry", ""),
    "A_b.c == 1.0  # why": ("a-b-c", "1.0", "registry", ""),
    "a===1.x": ("a", "1.x", "registry", ""),
    "a[x,y]==1; python_version < '3'": ("a", "1", "registry", ""),
    "a==1.*": ("a", None, "registry", ""),
    "a>=1,==1.5": ("a", None, "registry", ""),
    "a": ("a", None, "registry", ""),
    "a @ https://me:word@x.org/a.whl?token=word#sha256=1": ("a", None, "url", "https://x.org/a.whl"),
    "git+ssh://git@x.org/a.git@main#egg=A": ("a", None, "git", "git+ssh://x.org/a.git@main"),
    "./wheels/a.whl": ("", None, "path", "./wheels/a.whl"),
    "-e .[dev]": ("", None, "path", "."),
    "--editable=libs/a": ("", None, "path", "libs/a"),
    "file:///srv/a.whl": ("", None, "path", "file:///srv/a.whl"),
}  # fmt: skip


@pytest.mark.parametrize("line", REQUIREMENTS)
def test_a_line_of_a_requirements_file_is_read(line: str) -> None:
    (one,) = read(f"\n{line}\n")
    assert (one.name, one.version, one.source, one.place) == REQUIREMENTS[line]
    assert one.line == 2


def test_a_requirements_file_is_read_as_pip_reads_it() -> None:
    text = (
        "# a==0\n--index-url https://me:word@x.org\n-r base.txt\n--requirement=more.txt\n-c c.txt\n"
        "a==1 \\\n    --hash=sha256:1 \\\n    --hash sha256:2\n\n-e .\nb==2 --hash=sha256:3\\\n"
    )
    found = locks.read(text.encode(), "requirements.txt")
    assert found.includes == ("base.txt", "more.txt")
    a, own, b = found.packages
    assert (a.line, a.hashes, own.own, b.line, b.hashes) == (
        6, ("sha256:1", "sha256:2"), True, 11, ("sha256:3",),
    )  # fmt: skip


BAD = {
    "no TOML": ("uv.lock", b"[[package]\n"),
    "cut off": ("poetry.lock", b'[[package]]\nname = "a'),
    "no UTF-8": ("pdm.lock", b"\xff"),
    "no tables": ("uv.lock", b'package = ["a"]\n'),
    "no name": ("pylock.toml", b'[[packages]]\nversion = "1"\n'),
    "a version that is none": ("uv.lock", b'[[package]]\nname = "a"\nversion = 1\n'),
    "no requirement": ("requirements.txt", b"a==1\n<<<<<<< HEAD\n"),
    "nested too deep": ("uv.lock", b"a = " + b"[" * 100_000),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_read_is_told(case: str) -> None:
    name, data = BAD[case]
    with pytest.raises(CannotTell, match=name):
        locks.read(data, name)


def test_no_password_stands_in_what_is_told() -> None:
    with pytest.raises(CannotTell) as told:
        read("a b https:/me:word@x\n")
    assert "word" not in str(told.value)
    assert "word" not in read("https:/me:word@x\n")[0].place


@same_every_time
@given(text=any_text, name=st.sampled_from([*SAVED, "pdm.lock"]))
def test_any_text_is_read_or_refused(text: str, name: str) -> None:
    try:
        found = locks.read(text.encode("utf-8", "surrogatepass"), name)
    except CannotTell:
        return
    assert all(one.path == name for one in found.packages)


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("uv.lock", "uv"),
        ("libs/a/poetry.lock", "poetry"),
        ("pylock.a.b.toml", None),
        ("dev-requirements.txt", "requirements"),
        ("requirements/dev.txt", "requirements"),
        ("notes.txt", None),
        ("requirements.in", None),
    ],
)
def test_a_lock_file_is_known_by_its_name(path: str, kind: str | None) -> None:
    assert locks.kind(path) == kind
