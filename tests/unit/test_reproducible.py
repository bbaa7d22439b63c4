"""The gate ``reproducible``: how artefacts differ, and that a second build is compared at all."""

from __future__ import annotations

import stat
import sys
from pathlib import Path

import pytest

from pytest_devops_gates.canaries import plant
from pytest_devops_gates.errors import CannotTell
from pytest_devops_gates.evidence import Evidence, Finding
from pytest_devops_gates.gates import build, reproducible
from pytest_devops_gates.gates.reproducible import differences
from pytest_devops_gates.packaged import building, members
from pytest_devops_gates.project import Project
from pytest_devops_gates.testing import project, write
from tests.unit import archives
from tests.unit.archives import INFO

FILES = {"demo/a.py": b"a" * 500, "demo/b.py": b"b"}

BACKEND = """
import os, sys, tarfile, time, zipfile

def build_sdist(folder, config_settings=None):
    with open("PKG-INFO", "w") as stream:
        stream.write("Metadata-Version: 2.1\\nName: demo\\nVersion: 1.0\\n")
    with tarfile.open(os.path.join(folder, "demo-1.0.tar.gz"), "w:gz") as archive:
        for name in ("PKG-INFO", "pyproject.toml", "backend.py"):
            archive.add(name, "demo-1.0/" + name)
    return "demo-1.0.tar.gz"

def build_wheel(folder, config_settings=None, metadata_directory=None):
    told = WHAT
    with zipfile.ZipFile(os.path.join(folder, "demo-1.0-py3-none-any.whl"), "w") as wheel:
        for name, value in told.items():
            wheel.writestr(zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0)), repr(value))
    return "demo-1.0-py3-none-any.whl"
"""
SEEN = """{
    "fixed": 1, "source-date": os.environ["SOURCE_DATE_EPOCH"], "version": sys.version,
    "random": os.urandom(8), "clock": time.time_ns(), "folder": os.getcwd(), "umask": os.umask(0),
    "zone": time.strftime("%z"), "mode": os.stat("backend.py").st_mode,
}"""
PYPROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
"""


def how(one: Path, other: Path) -> dict[str, list[str]]:
    return differences(members.read(one), members.read(other))


def finding(one: Path, other: Path) -> Finding | None:
    return reproducible._finding(one.name, one, other)


def test_the_same_bytes_are_no_finding(tmp_path: Path) -> None:
    one, other = (archives.wheel(tmp_path / n, FILES) for n in "ab")
    assert finding(one, other) is None


def test_other_bytes_are_named_before_record(tmp_path: Path) -> None:
    one = archives.wheel(tmp_path / "a", FILES)
    other = archives.wheel(tmp_path / "b", {**FILES, "demo/b.py": b"c"})
    assert how(one, other) == {"demo/b.py": ["content"]}
    found = finding(one, other)
    assert found is not None
    assert (found.rule, found.severity.value) == ("content-differs", "high")
    assert found.message.endswith("differs when it is built again: content of demo/b.py")


def test_record_alone_is_named(tmp_path: Path) -> None:
    one = archives.wheel(tmp_path / "a", FILES)
    other = archives.wheel(tmp_path / "b", FILES, record="x")
    assert how(one, other) == {f"{INFO}/RECORD": ["content"]}


def test_a_member_that_one_of_them_lacks(tmp_path: Path) -> None:
    one = archives.wheel(tmp_path / "a", FILES)
    other = archives.wheel(tmp_path / "b", {"demo/a.py": FILES["demo/a.py"]})
    assert how(one, other) == {"demo/b.py": ["presence"]}


@pytest.mark.parametrize(
    ("changed", "hows"),
    [
        ({"when": (2021, 1, 1, 0, 0, 0)}, "mtime"),
        ({"mode": stat.S_IFREG | 0o600}, "mode"),
    ],
)
def test_times_and_modes_are_told_of_all_that_have_them(
    changed: dict[str, tuple[int, ...]], hows: str, tmp_path: Path
) -> None:
    one = archives.wheel(tmp_path / "a", FILES)
    other = archives.wheel(tmp_path / "b", FILES, **changed)  # type: ignore[arg-type]
    found = finding(one, other)
    assert found is not None
    assert found.rule == "metadata-differs"
    assert found.message.endswith(
        f"again: {hows} of demo-1.0.dist-info/METADATA, {INFO}/RECORD, {INFO}/WHEEL, demo/a.py,"
        " demo/b.py"
    )


def test_another_order_is_told(tmp_path: Path) -> None:
    one = archives.wheel(tmp_path / "a", FILES, record="")
    other = archives.wheel(tmp_path / "b", dict(reversed(FILES.items())), record="")
    assert how(one, other) == {"the members": ["order"]}
    assert getattr(finding(one, other), "rule", None) == "metadata-differs"


def test_another_compression_is_the_container(tmp_path: Path) -> None:
    one, other = (archives.wheel(tmp_path / str(n), FILES, level=n) for n in (0, 9))
    assert getattr(finding(one, other), "rule", None) == "container-differs"


def test_another_time_in_the_header_of_gzip_is_the_container(tmp_path: Path) -> None:
    one = archives.sdist(tmp_path / "a", FILES)
    other = tmp_path / "b" / one.name
    other.parent.mkdir()
    data = bytearray(one.read_bytes())
    data[4] ^= 1
    other.write_bytes(data)
    found = finding(one, other)
    assert found is not None
    assert (found.rule, found.severity.value) == ("container-differs", "low")


def test_artefacts_of_other_names(tmp_path: Path) -> None:
    (found,) = reproducible._unlike_names({"a-1.whl"}, {"a-2.whl"})
    assert found.message == "a-1.whl was built first, and a-2.whl then"


# builds


def built(root: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Project, Evidence]:
    """Both builds, without the environments that isolate them: the backend is in the tree."""
    monkeypatch.setattr(building, "find_optional", lambda *_: None)
    monkeypatch.setattr(building, "python_module", _without_isolation)
    here = project(root)
    building.build(here, root, here.run_dir / "dist", "package")
    return here, reproducible.check(here, None, ())


def _without_isolation(module: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", module, "--no-isolation", "--skip-dependency-check", *arguments]


def test_a_second_build_is_elsewhere_and_of_the_same_source_date(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, {"pyproject.toml": PYPROJECT, "backend.py": BACKEND.replace("WHAT", SEEN)})
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    monkeypatch.setattr(reproducible, "SHOWN", 10)
    _, evidence = built(tmp_path, monkeypatch)
    assert (evidence.metrics, evidence.examined) == ({"artefacts": 2}, 2)
    assert evidence.receipt
    wheel, sdist = evidence.findings
    assert wheel.message.endswith("again: content of clock, folder, mode, random, umask, zone")
    assert (wheel.rule, sdist.rule) == ("content-differs", "metadata-differs")
    assert "mtime, mode of demo-1.0/PKG-INFO, demo-1.0/backend.py" in sdist.message


def test_its_canary_turns_it_red(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, {"setup.py": "raise SystemExit", "README.md": "x"})
    plant(reproducible.canary(project(tmp_path), None), tmp_path)
    here, evidence = built(tmp_path, monkeypatch)
    assert [f.rule for f in evidence.findings] == ["content-differs", "content-differs"]
    wrong, _ = build._contents(here, building.artefacts(here.run_dir / "dist"))
    assert wrong == []


def test_a_second_build_that_fails_cannot_be_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    what = f"{{}}; os.mkdir({str(tmp_path / 'once')!r})"
    write(tmp_path, {"pyproject.toml": PYPROJECT, "backend.py": BACKEND.replace("WHAT", what)})
    with pytest.raises(CannotTell, match="second build failed where the first did not"):
        built(tmp_path, monkeypatch)


def test_without_a_first_build_it_cannot_tell(tmp_path: Path) -> None:
    with pytest.raises(CannotTell, match="the gate package built nothing"):
        reproducible.check(project(tmp_path), None, ())


# building


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        ("[tool.uv]\npackage = false", "an application: [tool.uv] package = false"),
        (
            "[tool.poetry]\npackage-mode = false",
            "an application: [tool.poetry] package-mode = false",
        ),
        ("[tool.pdm]\ndistribution = false", "an application: [tool.pdm] distribution = false"),
        ("[tool.uv]\npackage = true", None),
        ("[tool.uv]\npackage = 'false'", None),
        ("", None),
    ],
)
def test_an_application_has_nothing_to_build(
    table: str, reason: str | None, tmp_path: Path
) -> None:
    here = project(write(tmp_path, {"pyproject.toml": PYPROJECT + table}))
    assert building.no_package(here) == reason
    assert building.no_package(project(write(tmp_path / "b", {"a.py": ""}))) == (
        "no [build-system] in pyproject.toml, and no setup.py"
    )


@pytest.mark.parametrize(
    ("told", "epoch"),
    [(None, "315532800"), ("1700000000", "1700000000"), ("0", "315532800"), ("x", "315532800")],
)
def test_the_source_date(
    told: str | None, epoch: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    if told is not None:
        monkeypatch.setenv("SOURCE_DATE_EPOCH", told)
    assert building.epoch(project(tmp_path)) == epoch
