"""The SBOM of what was built: what is in it, that it is valid, and that it is the same every time."""

from __future__ import annotations

import importlib.metadata
import json
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_devops_gates import sbom, testing
from pytest_devops_gates.errors import CannotTell
from pytest_devops_gates.gates import install
from pytest_devops_gates.json_text import whole
from pytest_devops_gates.project import Project
from pytest_devops_gates.sbom import FILE, Artefact, Installed, document, installed
from pytest_devops_gates.testing import write
from tests.unit.samples import HOSTILE, any_text, project, same_every_time

MOMENT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)
WHEEL = Artefact("app-1.0-py3-none-any.whl", "a" * 64)
VALIDATOR = JsonStrictValidator(SchemaVersion.V1_6)
SDIST = Artefact("app-1.0.tar.gz", "b" * 64)


def metadata(name: str, version: str = "1.0", *lines: str) -> str:
    return "\n".join(["Metadata-Version: 2.4", f"Name: {name}", f"Version: {version}", *lines, ""])


def site(folder: Path, *texts: str) -> Path:
    """A folder with distributions of these METADATA files."""
    for number, text in enumerate(texts):
        write(folder, {f"d{number}-1.dist-info/METADATA": text})
    return folder


def found(
    folder: Path, *texts: str, root: str = "app"
) -> tuple[dict[str, Installed], tuple[str, ...]]:
    return installed(importlib.metadata.distributions(path=[str(site(folder, *texts))]), root)


def validated(text: str) -> dict[str, Any]:
    assert VALIDATOR.validate_str(text) is None
    content: dict[str, Any] = json.loads(text)
    return content


def made(*others: Installed, **fields: Any) -> dict[str, Any]:
    app = Installed("app", "1.0", **fields)
    return validated(
        document({one.name: one for one in (app, *others)}, "app", [WHEEL, SDIST], MOMENT)
    )


# what an environment holds


def test_who_requires_whom(tmp_path: Path) -> None:
    there, notes = found(
        tmp_path,
        metadata("App", "1.0", "Requires-Dist: Some_Lib[fast]>=1", "Requires-Dist: gone; extra == 'x'"),
        metadata("some.lib", "2.0", "Requires-Dist: quick; extra == 'fast'",
                 "Requires-Dist: slow; extra == 'slow'", "Requires-Dist: old; python_version < '3'"),
        metadata("quick"),
        metadata("slow"),
    )  # fmt: skip
    assert {name: one.requires for name, one in there.items()} == {
        "app": ("some-lib",), "some-lib": ("quick",), "quick": (), "slow": (),
    }  # fmt: skip
    assert (there["some-lib"].version, notes) == ("2.0", ())


@pytest.mark.parametrize(
    ("required", "listed"),
    [
        ((), {"app", "lib"}),
        (("Requires-Dist: lib", "Requires-Dist: setuptools"), {"app", "lib", "setuptools"}),
        (("Requires-Dist: lib[build]",), {"app", "lib", "pip"}),
        (("Requires-Dist: pip; extra == 'x'",), {"app", "lib"}),
    ],
)
def test_what_the_environment_brings_by_itself(
    required: tuple[str, ...], listed: set[str], tmp_path: Path
) -> None:
    lib = metadata("lib", "1.0", "Requires-Dist: pip; extra == 'build'")
    there, _ = found(
        tmp_path, metadata("pip"), metadata("setuptools"), lib, metadata("app", "1.0", *required)
    )
    assert there.keys() == listed


def test_circles_end(tmp_path: Path) -> None:
    there, _ = found(
        tmp_path,
        metadata("app", "1.0", "Requires-Dist: lib", "Requires-Dist: app[all]"),
        metadata("lib", "1.0", "Requires-Dist: app"),
    )
    assert (there["app"].requires, there["lib"].requires) == (("lib",), ("app",))


def test_what_cannot_be_read_or_is_not_there_is_told(tmp_path: Path) -> None:
    there, notes = found(
        tmp_path, metadata("app", "1.0", "Requires-Dist: lib (>dev", "Requires-Dist: gone")
    )
    assert there["app"].requires == ()
    assert notes == (
        f"{FILE} leaves out a requirement of app that cannot be read",
        f"{FILE} lacks gone, which app requires: it was not installed",
    )


@pytest.mark.parametrize(
    ("lines", "licence", "licences"),
    [
        (["License-Expression: MIT OR Apache-2.0"], "MIT OR Apache-2.0", ()),
        (["License-Expression: MIT", "License: BSD"], "MIT", ()),
        (["License: BSD 3-Clause"], "", ("BSD 3-Clause",)),
        (["License: UNKNOWN", "Classifier: License :: OSI Approved :: MIT License"], "", ("MIT License",)),
        (["License: " + "whatever " * 40, "Classifier: License :: Public Domain"], "", ()),
        (["Classifier: License :: OSI Approved"], "", ()),
        ([f"Classifier: License :: OSI Approved :: {n}" for n in "AAB"], "", ("A", "B")),
        ([], "", ()),
    ],
)  # fmt: skip
def test_licences(
    lines: list[str], licence: str, licences: tuple[str, ...], tmp_path: Path
) -> None:
    there, _ = found(tmp_path, metadata("app", "1.0", *lines))
    assert (there["app"].licence, there["app"].licences) == (licence, licences)


@pytest.mark.parametrize(
    ("texts", "says"),
    [
        ([], "app is not among what was installed"),
        ([metadata("other")], "app is not among what was installed"),
        ([metadata("app"), "Name: x\n"], "tells no name, or no version"),
        ([metadata("app"), "Version: 1\n"], "tells no name, or no version"),
        ([metadata("app"), ""], "tells no name, or no version"),
    ],
)
def test_no_environment_of_the_wheel(texts: list[str], says: str, tmp_path: Path) -> None:
    with pytest.raises(CannotTell, match=says):
        found(tmp_path, *texts)


# the document


def test_it_is_a_valid_document_of_the_wheel() -> None:
    bom = made(Installed("lib", "2.0", licences=("mit",)), requires=("lib",))
    component = bom["metadata"]["component"]
    assert (component["name"], component["purl"]) == ("app", "pkg:pypi/app@1.0")
    assert component["hashes"] == [{"alg": "SHA-256", "content": "a" * 64}]
    files = {one["url"]: one["hashes"][0]["content"] for one in component["externalReferences"]}
    assert files == {WHEEL.name: "a" * 64, SDIST.name: "b" * 64}
    (lib,) = bom["components"]
    assert (lib["purl"], lib["licenses"]) == ("pkg:pypi/lib@2.0", [{"license": {"id": "MIT"}}])
    graph = {one["ref"]: one.get("dependsOn") for one in bom["dependencies"]}
    assert graph == {"pkg:pypi/app@1.0": ["pkg:pypi/lib@2.0"], "pkg:pypi/lib@2.0": None}
    assert bom["metadata"]["timestamp"] == "2026-01-02T03:04:05+00:00"
    assert "pytest-devops-gates" in [t["name"] for t in bom["metadata"]["tools"]["components"]]
    assert (bom["bomFormat"], bom["specVersion"]) == ("CycloneDX", "1.6")


def test_without_dependencies_and_sdist_it_is_valid_too() -> None:
    validated(document({"app": Installed("app", "1.0")}, "app", [WHEEL], MOMENT))


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"licence": "MIT"}, [{"license": {"id": "MIT"}}]),
        ({"licence": "MIT OR BSD-3-Clause"}, [{"expression": "MIT OR BSD-3-Clause"}]),
        ({"licence": "LicenseRef-Ours"}, [{"license": {"name": "LicenseRef-Ours"}}]),
        ({"licence": "MIT OR ("}, [{"license": {"name": "MIT OR ("}}]),
        ({"licences": ("Ours", "apache-2.0")},
         [{"license": {"id": "Apache-2.0"}}, {"license": {"name": "Ours"}}]),
        ({}, None),
    ],
)  # fmt: skip
def test_licences_as_they_are_written(fields: Any, said: Any) -> None:
    assert made(**fields)["metadata"]["component"].get("licenses") == said


def test_the_same_content_is_the_same_document() -> None:
    one, other = Installed("app", "1.0", requires=("lib",)), Installed("lib", "2.0")
    first = document({"app": one, "lib": other}, "app", [WHEEL], MOMENT)
    assert document({"app": one, "lib": other}, "app", [WHEEL], MOMENT) == first
    serials = {json.loads(first)["serialNumber"]}
    for versions in ("2.1", "3"):
        changed = {"app": one, "lib": Installed("lib", versions)}
        serials.add(json.loads(document(changed, "app", [WHEEL], MOMENT))["serialNumber"])
    serials.add(
        json.loads(document({"app": one, "lib": other}, "app", [SDIST], MOMENT))["serialNumber"]
    )
    assert len(serials) == 4


@same_every_time
@given(name=any_text, version=any_text)
def test_whatever_metadata_say_it_is_json(name: str, version: str) -> None:
    other = Installed(whole("x" + name), whole(version or "0"))
    app = Installed("app", "1", requires=(other.name,))
    text = document({"app": app, other.name: other}, "app", [WHEEL], MOMENT)
    assert json.loads(text)["components"][0]["name"] == other.name


@settings(same_every_time, max_examples=25)
@given(st.text(min_size=1, max_size=60))
def test_whatever_a_licence_is_called_the_document_is_valid(name: str) -> None:
    made(Installed("lib", "1", licences=(name, name + "2")), licence=name, requires=("lib",))


# writing it


def dist(project: Project) -> Path:
    folder = project.run_dir / "dist"
    write(folder, {WHEEL.name: "wheel", SDIST.name: "sdist"})
    return folder / WHEEL.name


def test_it_lies_beside_the_reports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")
    here = project(tmp_path)
    notes = sbom.write(here, dist(here), site(tmp_path / "site", metadata("app")))
    bom = validated((here.run_dir / FILE).read_text())
    assert (notes, bom["metadata"]["timestamp"]) == ((), "1970-01-02T00:00:00+00:00")


def test_its_time_is_that_of_the_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    monkeypatch.setattr(sbom.git, "git", lambda *_, **__: b"86401\n")
    for commit, seconds in (("abc", 1), (None, 0)):
        here = project(tmp_path, commit=commit)
        sbom.write(here, dist(here), site(tmp_path / "site", metadata("app")))
        bom = json.loads((here.run_dir / FILE).read_text())
        assert bom["metadata"]["timestamp"][17:19] == f"0{seconds}"


def broken_metadata(folder: Path) -> None:
    (folder / "d0-1.dist-info/METADATA").write_bytes(b"Name: app\nVersion: \xff\n")


def no_cyclonedx(_: Path) -> None:
    import sys

    sys.modules["cyclonedx.model.bom"] = None  # type: ignore[assignment]


@pytest.mark.parametrize("trouble", [broken_metadata, no_cyclonedx, None])
def test_what_cannot_be_written_is_a_note_and_no_half_a_file(
    trouble: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import cyclonedx.model.bom

    monkeypatch.setitem(__import__("sys").modules, "cyclonedx.model.bom", cyclonedx.model.bom)
    here = project(tmp_path)
    wheel = dist(here)
    folder = site(tmp_path / "site", metadata("app"))
    if trouble:
        trouble(folder)
    else:
        (here.run_dir / FILE).mkdir()
    (note,) = sbom.write(here, wheel, folder)
    assert note.startswith(f"no {FILE} was written: ")
    left = {path.name for path in here.run_dir.iterdir() if path.is_file()}
    assert left == set()


@pytest.mark.parametrize("name", ["app.whl", "a-1-x.whl", "app-1.0-py3-none-any.zip"])
def test_a_wheel_of_another_name(name: str, tmp_path: Path) -> None:
    here = project(tmp_path)
    wheel = write(tmp_path, {name: "x"}) / name
    assert "InvalidWheelFilename" in sbom.write(here, wheel, tmp_path)[0]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_told_in_one_line_or_not_at_all(name: str, tmp_path: Path) -> None:
    here = project(tmp_path)
    name = whole(name.replace("\n", " "))
    text = metadata("app", "1.0", f"Requires-Dist: {name}", f"License: {name[:80]}")
    notes = sbom.write(here, dist(here), site(tmp_path / "site", text))
    assert all("\n" not in note for note in notes)


def test_the_gate_install_has_it_written_before_anything_is_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import zipfile

    here = testing.project(write(tmp_path, {"app.py": ""}))
    (here.run_dir / "dist").mkdir(parents=True)
    with zipfile.ZipFile(here.run_dir / "dist" / WHEEL.name, "w") as wheel:
        wheel.writestr("app.py", "")

    def put(_: Any, __: Any, work: Path, ___: Any) -> Any:
        site(work / "env/lib/python3/site-packages", metadata("app"))
        return type("Done", (), {"argv": ("pip",), "returncode": 0})

    seen: list[bool] = []
    monkeypatch.setattr(install, "find_optional", lambda *_: None)
    monkeypatch.setattr(install, "_install", put)
    monkeypatch.setattr(install, "_import", lambda *_: seen.append((here.run_dir / FILE).is_file()))
    assert install.check(here, None, ()).notes == ()
    assert seen == [True]
    validated((here.run_dir / FILE).read_text())
    monkeypatch.setattr(sbom, "document", lambda *_: 1 / 0)
    (here.run_dir / FILE).unlink()
    evidence = install.check(here, None, ())
    assert evidence.notes == (f"no {FILE} was written: ZeroDivisionError: division by zero",)
    assert evidence.unknown is None
