"""What a build leaves, and what of it becomes an artefact of the run."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import pytest

from pytest_devops_gates.evidence import Severity
from pytest_devops_gates.gates import build
from pytest_devops_gates.packaged import building
from pytest_devops_gates.release import evidence
from pytest_devops_gates.testing import project, write
from pytest_devops_gates.verdict import FAIL, PASS, UNKNOWN, Ruling, Verdict
from tests.conformance import sample
from tests.unit.test_reproducible import BACKEND, PYPROJECT

WHEEL, SDIST = "toy-1.0-py3-none-any.whl", "toy-1.0.tar.gz"


def dist(folder: Path, *names: str) -> list[Path]:
    write(folder / "dist", {name: name for name in names})
    return [folder / "dist" / name for name in names]


def test_what_lies_beside_the_artefacts_is_stray(tmp_path: Path) -> None:
    judged = dist(tmp_path, WHEEL, SDIST)
    folder = tmp_path / "dist"
    assert list(building.strays(folder, judged)) == []
    write(folder, {"toy-1.1.zip": "", "x.sh": "", "inner/a.whl": "", ".hidden": ""})
    (folder / "link.whl").symlink_to(WHEEL)
    (folder / WHEEL).rename(tmp_path / WHEEL)
    (folder / WHEEL).symlink_to(tmp_path / WHEEL)
    assert list(building.strays(folder, judged)) == [
        *(".hidden", "inner", "link.whl", WHEEL, "toy-1.1.zip", "x.sh"),
    ]


def test_the_gate_tells_of_a_zip_that_the_backend_leaves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = BACKEND.replace("WHAT", "{}").replace(
        "    told = {}", '    open(os.path.join(folder, "toy-1.1.zip"), "w").close()\n    told = {}'
    )
    monkeypatch.setattr(building, "find_optional", lambda *_: None)
    monkeypatch.setattr(building, "python_module", _without_isolation)
    monkeypatch.setattr(build, "_metadata", lambda *_: [])
    here = project(write(tmp_path, {"pyproject.toml": PYPROJECT, "backend.py": code}))
    found = build.build(here, None, ())
    assert [f.severity for f in found.findings if f.rule == "stray-artefact"] == [Severity.HIGH]
    assert building.noted(found.notes) == {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in building.artefacts(here.run_dir / "dist")
    }


def _without_isolation(module: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", module, "--no-isolation", "--skip-dependency-check", *arguments]


def test_notes_of_artefacts_are_read_and_no_others(tmp_path: Path) -> None:
    (path,) = dist(tmp_path, WHEEL)
    digest = hashlib.sha256(WHEEL.encode()).hexdigest()
    assert building.noted([building.note(path), "built by hand"]) == {WHEEL: digest}
    assert building.noted([f"linux: {building.note(path)}"]) == {WHEEL: digest}
    for wrong in (
        f"as they say: {building.note(path)}",
        f"{building.note(path)}0",
        f"x {building.note(path)}",
        f"built ../{WHEEL}",
    ):
        assert building.noted([wrong]) == {}


def verdict(word: str, *notes: str, gate: str = "package") -> Verdict:
    return Verdict(
        schema="pytest-devops-gates/verdict/1",
        verdict=word,
        reason="",
        exit_status=0,
        started=sample.STARTED,
        seconds=1.0,
        run_id=sample.RUN_ID,
        version="1",
        gates=(Ruling(gate, "build", "required", PASS, "", notes=notes),),
    )


def test_what_was_judged_is_an_artefact(tmp_path: Path) -> None:
    paths = dist(tmp_path, WHEEL, SDIST)
    told = [building.note(path) for path in paths]
    found = evidence.built(verdict(PASS, *told), tmp_path)
    assert [one.name for one in found] == [WHEEL, SDIST]
    assert evidence.built(verdict(PASS), tmp_path / "elsewhere") == ()


@pytest.mark.parametrize("change", ["added", "changed", "gone", "not noted", "of another gate"])
def test_what_was_not_judged_is_none_and_no_pass(tmp_path: Path, change: str) -> None:
    paths = dist(tmp_path, WHEEL, SDIST)
    told, gate = [building.note(path) for path in paths], "package"
    if change == "added":
        dist(tmp_path, "evil-1.0-py3-none-any.whl")
    elif change == "changed":
        paths[0].write_bytes(b"evil")
    elif change == "gone":
        paths[0].unlink()
    elif change == "not noted":
        told = told[1:]
    else:
        gate = "another"
    with pytest.raises(ValueError, match="is not what the gate package built"):
        evidence.built(verdict(PASS, *told, gate=gate), tmp_path)
    kept = {"added": [WHEEL, SDIST], "of another gate": []}.get(change, [SDIST])
    for word in (FAIL, UNKNOWN):
        found = evidence.built(verdict(word, *told, gate=gate), tmp_path)
        assert [one.name for one in found] == kept
