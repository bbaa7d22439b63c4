"""Archives are read with care: nothing is unpacked, and what is not safe is told."""

from __future__ import annotations

import stat
import tarfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_devops_gates.errors import CannotTell
from pytest_devops_gates.packaged import members
from tests.unit import archives
from tests.unit.samples import same_every_time


def test_members_keep_their_order_and_what_is_read_on(tmp_path: Path) -> None:
    found = members.read(archives.wheel(tmp_path, {"b.py": b"x = 1\n", "a.bin": b"\0"}))
    assert [m.name for m in found.members[:2]] == ["b.py", "a.bin"]
    assert found.unsafe == ()
    assert found.files["b.py"].content == b"x = 1\n"
    assert found.files["a.bin"].content == b""
    assert found.files["b.py"].mtime == "2020-01-01T00:00:00"
    assert stat.S_IMODE(found.files["b.py"].mode) == 0o644


@pytest.mark.parametrize(
    "name", ["../evil.py", "a/../../b", "/etc/passwd", "C:/x", "a\\..\\b", "a/..", ".."]
)
def test_names_that_lead_out_are_unsafe(name: str, tmp_path: Path) -> None:
    (flaw,) = members.read(archives.wheel(tmp_path, {name: b""})).unsafe
    assert "leads out of the folder" in flaw


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_that_is_there_twice_is_unsafe(tmp_path: Path) -> None:
    path = archives.wheel(tmp_path, {"a.py": b""})
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("a.py", "other")
    assert members.read(path).unsafe == ("a.py is in it 2 times",)


def test_a_wheel_holds_no_symbolic_links(tmp_path: Path) -> None:
    path = archives.wheel(tmp_path, {"a.py": b"target"}, mode=stat.S_IFLNK | 0o777)
    assert "a.py is a symbolic link, which a wheel cannot hold" in members.read(path).unsafe


@pytest.mark.parametrize(
    ("link", "target", "safe"),
    [
        ("docs/a.md", "../README.md", True),
        ("a", "b/./c", True),
        ("a", "../demo-1.0/README.md", True),
        ("a", "../../x", False),
        ("docs/a", "../../../x", False),
        ("a", "b/../../../demo-1.0/x", False),
        ("a", "/etc/passwd", False),
    ],
)
def test_links_of_an_sdist_stay_in_it(link: str, target: str, safe: bool, tmp_path: Path) -> None:
    assert (members.read(archives.sdist(tmp_path, {}, {link: target})).unsafe == ()) is safe


def test_a_device_is_unsafe(tmp_path: Path) -> None:
    path = tmp_path / archives.SDIST
    with tarfile.open(path, "w:gz") as archive:
        info = tarfile.TarInfo("demo-1.0/null")
        info.type = tarfile.CHRTYPE
        archive.addfile(info)
    assert members.read(path).unsafe == ("demo-1.0/null is no file, folder or link",)


@pytest.mark.parametrize("kind", ["wheel", "sdist"])
def test_a_bomb_is_told_and_does_not_go_off(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(members, "LARGE", 10_000)
    content = {"zeros.bin": b"\0" * 2_000_000}
    make = archives.wheel if kind == "wheel" else archives.sdist
    path = make(tmp_path, content)
    found = members.read(path)
    assert "a bomb" in found.unsafe[0]
    assert "zeros.bin" not in found.files


@pytest.mark.parametrize("cut", [0, 10, 100, -30])
@pytest.mark.parametrize("kind", ["wheel", "sdist"])
def test_what_is_no_whole_archive_cannot_be_told_of(kind: str, cut: int, tmp_path: Path) -> None:
    make = archives.wheel if kind == "wheel" else archives.sdist
    path = make(tmp_path, {"a.py": b"x" * 3000})
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(CannotTell, match="cannot be read"):
        members.read(path)


def test_a_member_whose_checksum_is_wrong_cannot_be_told_of(tmp_path: Path) -> None:
    path = archives.wheel(tmp_path, {"a.py": b"x = 1"}, level=0)
    path.write_bytes(path.read_bytes().replace(b"x = 1", b"x = 2", 1))
    with pytest.raises(CannotTell, match="CRC"):
        members.read(path)


@same_every_time
@given(st.lists(st.sampled_from(["..", ".", "a", "b", ""]), max_size=6), st.integers(0, 3))
def test_a_link_is_out_of_place_as_soon_as_its_way_leads_out(parts: list[str], deep: int) -> None:
    name = "/".join(["demo", *["x"] * deep, "link"])
    at, way, left = name.split("/")[:-1], "/".join(parts), False
    for part in parts:
        if part == "..":
            left = left or not at
            at = at[:-1]
        elif part not in ("", "."):
            at = [*at, part]
    member = members.Member(name, members.LINK, target=way)
    assert members._out_of_place(member) == (left or way.startswith("/"))
