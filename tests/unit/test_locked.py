"""Whether locks belong to pyproject.toml, on locks that uv, Poetry and PDM wrote; and the gate."""

from __future__ import annotations

import os
import shutil
import stat
import sys
from pathlib import Path

import pytest

from pytest_devops_gates import lock_freshness, testing
from pytest_devops_gates.config import load_toml
from pytest_devops_gates.evidence import Evidence
from pytest_devops_gates.gates import locked
from pytest_devops_gates.gates.locked import LOCKED, LockedOptions

DATA = Path(__file__).parents[1] / "data"
WRITTEN = {
    "uv": ("uv-0.13.9.lock", "uv-0.13.9-pyproject.toml", "uv.lock"),
    "poetry": ("poetry-2.5.1.lock", "poetry-2.5.1-pyproject.toml", "poetry.lock"),
    "poetry, its own table": ("poetry-2.5.1-legacy.lock", "poetry-2.5.1-legacy-pyproject.toml", "poetry.lock"),
    "pdm": ("pdm-2.29.4.lock", "pdm-2.29.4-pyproject.toml", "pdm.lock"),
    "pylock of pdm": ("pdm-2.29.4-pylock.toml", "pdm-2.29.4-pyproject.toml", "pylock.toml"),
}  # fmt: skip
HASH = "--hash=sha256:" + "a" * 64
SPACED, CONTINUED = HASH.replace("=", " "), HASH.replace("=", " \\\n ")


@pytest.fixture(autouse=True)
def _no_uv(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is installed here must not matter."""
    monkeypatch.setattr(locked, "find_optional", lambda *_: None)


def locked_by(tool: str, root: Path) -> Path:
    lock, pyproject, name = WRITTEN[tool]
    files = {name: (DATA / lock).read_bytes(), "pyproject.toml": (DATA / pyproject).read_bytes()}
    return testing.write(root / "app", files)


def change(root: Path, name: str, old: str, new: str) -> Path:
    text = (root / name).read_text()
    assert old in text
    (root / name).write_text(text.replace(old, new, 1))
    return root


def judge(root: Path, **told: object) -> testing.Judged:
    return testing.judge(LOCKED, root, profile="release", **told)  # type: ignore[arg-type]


def look(root: Path, *requirements: str) -> Evidence:
    """What the gate sees, in this process: faster than through the engine."""
    options = LockedOptions(requirements)
    return locked.check(testing.project(root, profile="release"), options, ())


@pytest.mark.parametrize("tool", WRITTEN)
def test_a_lock_that_a_tool_wrote_is_fresh_and_its_canary_bites(tool: str, tmp_path: Path) -> None:
    clean, planted = testing.prove(LOCKED, locked_by(tool, tmp_path), profile="release")
    assert (clean.outcome, planted.outcome) == ("pass", "fail"), clean.reason
    assert planted.rules == ["stale-lock"]


CHANGES = {
    "uv: another specifier": ("uv", "idna>=3", "idna>=3.1", "idna is >=3.1 in pyproject.toml, and >=3 in it"),
    "uv: one less": ("uv", '"idna>=3"', "", "it still holds idna"),
    "uv: an extra of one": ("uv", "idna>=3", "idna[all]>=3", "it knows nothing of idna[all]"),
    "uv: in an extra": ("uv", "packaging<99", "packaging<98", "(extra fast)"),
    "uv: in a group": ("uv", '"iniconfig"', '"iniconfig>1"', "iniconfig (group dev)"),
    "uv: in an included group": ("uv", '"pluggy"', '"pluggy>1"', "pluggy (group dev)"),
    "uv: another Python": ("uv", ">=3.10", ">=3.11", "requires-python is >=3.11"),
    "poetry: a dependency": ("poetry", "idna>=3", "idna>=3.1", "content-hash"),
    "poetry: a group of its own": ("poetry", 'iniconfig = "*"', 'iniconfig = "^1"', "content-hash"),
    "poetry: a group": ("poetry", '"packaging"', '"packaging>1"', "content-hash"),
    "poetry, its own table": ("poetry, its own table", '"^3"', '"^2"', "content-hash"),
    "pdm: a dependency": ("pdm", "idna>=3", "idna>=3.1", "content hash"),
    "pdm: a group": ("pdm", '"iniconfig"', '"iniconfig>1"', "content hash"),
    "pylock": ("pylock of pdm", "idna>=3", "idna>=3.1", "content hash"),
}  # fmt: skip


@pytest.mark.parametrize(("tool", "old", "new", "told"), CHANGES.values(), ids=CHANGES)
def test_a_change_without_the_lock(
    tool: str, old: str, new: str, told: str, tmp_path: Path
) -> None:
    (found,) = look(change(locked_by(tool, tmp_path), "pyproject.toml", old, new)).findings
    assert (found.rule, found.severity.value) == ("stale-lock", "high")
    assert told in found.message
    assert " · " in found.message


@pytest.mark.parametrize(
    ("tool", "old", "new"),
    [
        ("uv", 'version = "1.0"', 'version = "1.1"\ndescription = "x"'),
        ("uv", "packaging<99,>=20", "Packaging >=20, <99"),
        ("poetry", 'version = "1.0"', 'version = "1.1"'),
        ("poetry, its own table", 'version = "1.0"', 'version = "1.1"'),
        ("pdm", 'version = "1.0"', 'version = "1.1"'),
    ],
)
def test_a_change_that_no_lock_depends_on(tool: str, old: str, new: str, tmp_path: Path) -> None:
    seen = look(change(locked_by(tool, tmp_path), "pyproject.toml", old, new))
    assert (seen.findings, seen.unknown, seen.examined) == ((), None, 1)


PACKAGES = {
    "another version": ('version = "3.20"', 'version = "2.9"', "it has no package idna>=3"),
    "no version": ('version = "3.20"', "", "it has no package idna>=3"),
    "another package": ('name = "idna"\nversion', 'name = "idma"\nversion', "it has no package idna>=3"),
    "from elsewhere": ('version = "3.20"\nsource = { registry = "https://pypi.org/simple" }',
                       'version = "3.20"\nsource = { git = "https://example.org/idna" }', "it has no package idna>=3"),
    "in an extra": ('version = "26.4"', 'version = "99"', "it has no package packaging<99,>=20"),
    "in a group": ('name = "pluggy"\nversion', 'name = "plugy"\nversion', "it has no package pluggy"),
}  # fmt: skip


@pytest.mark.parametrize(("old", "new", "told"), PACKAGES.values(), ids=PACKAGES)
def test_what_uvs_lock_says_of_itself_is_not_believed(
    old: str, new: str, told: str, tmp_path: Path
) -> None:
    (found,) = look(change(locked_by("uv", tmp_path), "uv.lock", old, new)).findings
    assert (found.rule, told in found.message) == ("stale-lock", True)


UNKNOWN = {
    "uv: an index that nothing names": ("uv", "uv.lock", "https://pypi.org/simple", "https://example.org/simple", "pip install uv"),
    "uv: a format of later": ("uv", "uv.lock", "version = 1", "version = 2", "format 2"),
    "uv: cut off": ("uv", "uv.lock", "[[package]]", "[[package", "cannot be read"),
    "uv: without the project": ("uv", "uv.lock", 'virtual = "."', 'virtual = "x"', "project itself"),
    "uv: a marker": ("uv", "pyproject.toml", "idna>=3", "idna>=3; python_version > '3'", "pip install uv"),
    "uv: dynamic": ("uv", "pyproject.toml", 'dependencies = ["idna>=3"]', 'dynamic = ["dependencies"]', "pip install uv"),
    "uv: no requirement": ("uv", "pyproject.toml", "idna>=3", "idna >>= 3", "no requirement"),
    "uv: a circle": ("uv", "pyproject.toml", 'more = [', 'more = [{ include-group = "dev" }, ', "includes itself"),
    "poetry: a format of later": ("poetry", "poetry.lock", '"2.1"', '"3.0"', "format 3.0"),
    "poetry: no hash": ("poetry", "poetry.lock", "content-hash", "hash", "no content-hash"),
    "pdm: a format of later": ("pdm", "pdm.lock", '"4.5.1"', '"5.0"', "format 5.0"),
    "pdm: another hash": ("pdm", "pdm.lock", "sha256:001d", "md5:001d", "can be recomputed"),
    "pdm: inputs": ("pdm", "pdm.lock", "groups =", "lock_inputs = {}\ngroups =", "only PDM reads"),
    "pdm: a workspace": ("pdm", "pyproject.toml", "[tool.pdm]", "[tool.pdm]\nworkspace = {}", "workspace"),
    "pylock: a format of later": ("pylock of pdm", "pylock.toml", '"1.0"', '"2.0"', "format 2.0"),
}  # fmt: skip


@pytest.mark.parametrize(("tool", "name", "old", "new", "told"), UNKNOWN.values(), ids=UNKNOWN)
def test_what_cannot_be_told(
    tool: str, name: str, old: str, new: str, told: str, tmp_path: Path
) -> None:
    seen = look(change(locked_by(tool, tmp_path), name, old, new))
    assert seen.findings == ()
    assert seen.unknown is not None
    assert told in seen.unknown
    assert " · " in seen.unknown or tool == "uv"


def test_a_poetry_before_2_3_left_groups_out() -> None:
    lock, pyproject, _ = WRITTEN["poetry"]
    table = load_toml((DATA / pyproject).read_bytes(), "")
    grouped = load_toml((DATA / lock).read_bytes(), "")
    told = "# This file is automatically @generated by Poetry {} and should not be changed"
    assert lock_freshness.poetry(table, grouped, told.format("2.3.0")) == []
    assert lock_freshness.poetry(table, grouped, told.format("2.2.1")) != []
    assert lock_freshness.poetry(table, grouped, told.format("1.8.5")) != []


PYLOCK = 'lock-version = "1.0"\ncreated-by = "x"\n[[packages]]\nname = "idna"\nversion = "3.1"\n'
PINNED = {
    "there": (["idna>=3"], []),
    "another version": (["idna>=4"], ["it has no idna>=4"]),
    "not there": (["click"], ["it has no click"]),
    "perhaps not meant": (["click; python_version < '3'"], []),
}


@pytest.mark.parametrize(("wanted", "told"), PINNED.values(), ids=PINNED)
def test_pylock_holds_the_direct_dependencies(wanted: list[str], told: list[str]) -> None:
    pyproject = {"project": {"dependencies": wanted}}
    assert lock_freshness.pylock(pyproject, load_toml(PYLOCK.encode(), ""), "pylock.toml") == told


REQUIREMENTS = {
    "all": ({"requirements.txt": f"idna==3 {HASH}\n"}, "pass", []),
    "none has a hash": ({"requirements.txt": "idna==3\n"}, "not-applicable", []),
    "one has none": ({"requirements.txt": f"idna==3 {HASH}\nclick==8\n"}, "fail", ["unhashed"]),
    "one is not pinned": ({"requirements.txt": f"idna>=3 {HASH}\n"}, "fail", ["unhashed"]),
    "a hash after a space": ({"requirements.txt": f"idna==3 {SPACED}\nclick==8\n"}, "fail", ["unhashed"]),
    "a hash in the next line": ({"requirements.txt": f"idna==3 {CONTINUED}\nclick==8\n"}, "fail", ["unhashed"]),
    "words on hashes": ({"requirements.txt": "idna==3  # without --hash for now\n"}, "not-applicable", []),
    "an included one": ({"requirements/a.txt": f"-r b.in.txt\nidna==3 {HASH}\n", "requirements/b.in.txt": "click==8\n"}, "fail", ["unhashed"]),
    "an included one that is missing": ({"requirements.txt": f"-r gone.txt\nidna==3 {HASH}\n"}, "unknown", []),
}  # fmt: skip


@pytest.mark.parametrize(("files", "outcome", "rules"), REQUIREMENTS.values(), ids=REQUIREMENTS)
def test_requirements(
    files: dict[str, str], outcome: str, rules: list[str], tmp_path: Path
) -> None:
    judged = judge(testing.write(tmp_path / "app", files))
    assert (judged.outcome, judged.rules) == (outcome, rules), judged.reason


def test_requirements_that_are_named_need_hashes(tmp_path: Path) -> None:
    root = testing.write(tmp_path / "app", {"requirements.txt": "idna==3\n"})
    judged = judge(root, options={"requirements": ["requirements.txt"]})
    assert (judged.outcome, judged.rules) == ("fail", ["unhashed"])


def test_the_canary_of_requirements(tmp_path: Path) -> None:
    root = testing.write(tmp_path / "app", {"requirements.txt": f"idna==3 {HASH}\n"})
    clean, planted = testing.prove(LOCKED, root, profile="release")
    assert (clean.outcome, planted.outcome) == ("pass", "fail")


SAYS = {
    "up to date": ("", 0, "pass", ""),
    "not up to date": ("error: The lockfile at `uv.lock` needs to be updated, but …", 1, "fail", ""),
    "it would have to ask": ("error: No solution found\n  cause: network", 1, "unknown", "No solution"),
    "broken": ("error: unsupported schema", 2, "unknown", "exited with 2"),
    "the words with another status": ("needs to be updated", 2, "unknown", "exited with 2"),
}  # fmt: skip


@pytest.mark.skipif(os.name == "nt", reason="a script stands for uv")
@pytest.mark.parametrize(("said", "status", "outcome", "told"), SAYS.values(), ids=SAYS)
def test_what_uv_says(
    said: str, status: int, outcome: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = locked_by("uv", tmp_path)
    script = tmp_path / "bin" / "uv"
    text = (
        f"#!{sys.executable} -I\nimport sys\nprint({said!r}, file=sys.stderr)\nsys.exit({status})\n"
    )
    testing.write(tmp_path, {"bin/uv": text})
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setattr(locked, "find_optional", lambda *_: str(script))
    seen = look(root)
    assert ([f.rule for f in seen.findings] == ["stale-lock"]) == (outcome == "fail")
    assert (seen.unknown is not None) == (outcome == "unknown")
    assert told in (seen.unknown or "")
    receipt = seen.receipt
    assert outcome == "unknown" or (receipt is not None and "--offline" in receipt.argv)


def test_without_locks_it_does_not_apply(tmp_path: Path) -> None:
    root = testing.write(tmp_path / "app", {"pyproject.toml": "[project]\nname = 'app'\n"})
    assert judge(root).outcome == "not-applicable"


@pytest.mark.skipif(os.name == "nt", reason="links")
def test_a_lock_that_leads_out_is_not_read(tmp_path: Path) -> None:
    root = locked_by("uv", tmp_path)
    shutil.move(root / "uv.lock", tmp_path / "uv.lock")
    (root / "uv.lock").symlink_to(tmp_path / "uv.lock")
    assert "leads out" in judge(root).reason
