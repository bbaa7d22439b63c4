"""What is in a wheel and an sdist: the names, RECORD, secrets, litter, licences, and the sdist."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from pathlib import Path

import pytest

from pytest_devops_gates.evidence import Finding
from pytest_devops_gates.packaged import contents, litter, members
from pytest_devops_gates.packaged.missing import Tree
from pytest_devops_gates.packaged.shipping import Shipping
from tests.unit import archives
from tests.unit.archives import INFO, METADATA, SDIST, WHEEL

SOUND = {"demo/__init__.py": b"", "demo/a.py": b"x = 1\n"}
FILES = ("pyproject.toml", "demo/__init__.py", "demo/a.py")
KEY = b"-----BEGIN " + b"PRIVATE KEY-----\nMIIE\n"


def judged(
    folder: Path,
    wheel: Mapping[str, bytes] = SOUND,
    sdist: Mapping[str, bytes] | None = None,
    metadata: bytes = METADATA,
    record: str | None = None,
) -> list[Finding]:
    tree = Tree(FILES, ("demo",), "demo", lambda name: name.startswith("tests/"), Shipping())
    if sdist is None:
        sdist = {**SOUND, "pyproject.toml": b""}
    return contents.judge(
        {WHEEL: members.read(archives.wheel(folder, wheel, metadata=metadata, record=record))},
        {SDIST: members.read(archives.sdist(folder, sdist))},
        tree,
    )


def rules(found: list[Finding]) -> list[str]:
    return sorted({finding.rule for finding in found})


def test_a_sound_wheel_and_sdist_have_no_findings(tmp_path: Path) -> None:
    assert judged(tmp_path) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda rows: [r for r in rows if "a.py" not in r], "demo/a.py is not listed in RECORD"),
        (lambda rows: [*rows, "gone.py,sha256=x,1"], "gone.py is listed in RECORD, and not in"),
        (lambda rows: [r.replace(",6", ",7") for r in rows], "demo/a.py has another size"),
        (lambda rows: ["demo/a.py,sha256=AAAA,6", *rows[:1], *rows[2:]], "another hash"),
        (lambda rows: ["demo/a.py,sha512=AAAA,6", *rows[:1], *rows[2:]], "another hash"),
        (lambda rows: ["demo/a.py,sha384=AAAA,6", *rows[:1], *rows[2:]], "another hash"),
        (lambda rows: ["demo/a.py,sha999=AAAA,6", *rows[:1], *rows[2:]], "another kind of hash"),
        (lambda rows: ["demo/a.py,md5=AAAA,6", *rows[:1], *rows[2:]], "another kind of hash"),
        (lambda rows: ["demo/a.py,,", *rows[:1], *rows[2:]], "another kind of hash"),
        (lambda rows: [*rows, rows[0]], "RECORD cannot be read: demo/__init__.py is listed twice"),
        (lambda rows: [*rows, "a,b"], "RECORD cannot be read: a row of 2 fields"),
        (lambda rows: [], "is not listed in RECORD"),
    ],
)
def test_record_and_files_must_agree(change, said: str, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    everything = {**SOUND, f"{INFO}/METADATA": METADATA, f"{INFO}/WHEEL": b"Wheel-Version: 1.0\n"}
    rows = [*(archives.row(*item) for item in everything.items()), f"{INFO}/RECORD,,"]
    assert judged(tmp_path, record="\n".join(rows)) == []
    found = judged(tmp_path, record="\n".join(change(rows)))
    assert rules(found) == ["record-wrong"]
    assert any(said in finding.message for finding in found)


@pytest.mark.parametrize("kind", ["sha384", "sha512"])
def test_record_may_be_written_with_a_better_hash(kind: str, tmp_path: Path) -> None:
    everything = {**SOUND, f"{INFO}/METADATA": METADATA, f"{INFO}/WHEEL": b"Wheel-Version: 1.0\n"}
    rows = [f"{INFO}/RECORD,,"]
    for name, content in everything.items():
        digest = base64.urlsafe_b64encode(hashlib.new(kind, content).digest()).decode()
        rows.append(f"{name},{kind}={digest.rstrip('=')},{len(content)}")
    assert judged(tmp_path, record="\n".join(rows)) == []


SECRETS = [
    *(".env", "demo/.env.production", ".pypirc", "demo/.netrc", "_netrc", "x/id_rsa"),
    *("x/id_ed25519", "credentials.json", ".aws/credentials", "a.p12", "a.PFX", ".htpasswd"),
]
NO_SECRETS = [
    *("demo/credentials.py", ".env.example", "env.py", "demo/secrets.py", "id_rsa.pub"),
    *("demo/netrc.py", "demo/cacert.pem", "demo/service_account.py"),
]


@pytest.mark.parametrize("name", SECRETS)
def test_files_of_secrets_are_known_by_name(name: str) -> None:
    assert litter.is_secret(name, b"")


@pytest.mark.parametrize("name", NO_SECRETS)
def test_other_files_are_none_of_secrets(name: str) -> None:
    assert not litter.is_secret(name, b"-----BEGIN CERTIFICATE-----")


def test_a_private_key_is_a_secret_but_not_in_the_test_data_of_an_sdist(tmp_path: Path) -> None:
    found = judged(tmp_path, {**SOUND, "demo/server.pem": KEY})
    assert rules(found) == ["secret-file"]
    assert "MIIE" not in str(found)
    sound = {**SOUND, "pyproject.toml": b""}
    assert rules(judged(tmp_path, sdist={**sound, "server.key": KEY})) == ["secret-file"]
    assert judged(tmp_path, sdist={**sound, "tests/certs/server.key": KEY}) == []
    assert judged(tmp_path, {**SOUND, "demo/keys.py": KEY}) == []  # it reads keys, perhaps


LITTER = [
    *("demo/__pycache__/a.cpython-311.pyc", "a.pyc", "demo/.DS_Store", ".git/config", "a.py~"),
    *("demo/.a.py.swp", "#a.py#", ".#a.py", ".coverage", ".coverage.host.1", ".mypy_cache/x.json"),
    *("a.py.orig", "a.py.bak", ".tox/x", "Thumbs.db", "__MACOSX/x"),
]


@pytest.mark.parametrize("name", LITTER)
def test_litter_is_known_by_name(name: str) -> None:
    assert litter.is_litter(name)


@pytest.mark.parametrize(
    "name",
    [".coveragerc", ".coverage.toml", ".gitignore", ".github/x.yml", "pyproject.toml.orig", "a#b",
     "demo/pyc.py", "Cargo.toml.orig", "demo/~/x", "origin.py"],
)  # fmt: skip
def test_what_belongs_there_is_no_litter(name: str) -> None:
    assert not litter.is_litter(name)


def test_litter_in_a_wheel_is_told(tmp_path: Path) -> None:
    found = judged(tmp_path, {**SOUND, "demo/__pycache__/a.cpython-311.pyc": b""})
    assert rules(found) == ["litter"]
    assert "demo/__pycache__/a.cpython-311.pyc" in found[0].message


@pytest.mark.parametrize(
    "name",
    ["tests/__init__.py", "test/a.py", "docs/conf.py", "examples/x.py", "src/demo/b.py",
     "README.md", "LICENSE", "pyproject.toml", "setup.py", "conftest.py", ".env.example"],
)  # fmt: skip
def test_what_all_packages_would_share_is_stray(name: str, tmp_path: Path) -> None:
    assert rules(judged(tmp_path, {**SOUND, name: b""})) == ["stray-top-level"]


@pytest.mark.parametrize(
    "name",
    ["demo/tests/test_a.py", "demo_extra.pth", "history.py", "other/docs/x.py", "todo/__init__.py",
     "demo-1.0.data/scripts/demo", "demo-1.0.data/data/share/doc/README.md", "_demo.abi3.so",
     "news.pyi"],
)  # fmt: skip
def test_what_is_inside_of_a_package_or_a_module_is_not_stray(name: str, tmp_path: Path) -> None:
    assert judged(tmp_path, {**SOUND, name: b""}) == []


def test_licence_files_that_the_metadata_names_are_there(tmp_path: Path) -> None:
    told = METADATA + b"License-File: LICENSE\nLicense-File: vendor/NOTICE\n"
    there = {f"{INFO}/licenses/LICENSE": b"", f"{INFO}/licenses/vendor/NOTICE": b""}
    assert judged(tmp_path, {**SOUND, **there}, metadata=told) == []
    found = judged(tmp_path, {**SOUND, f"{INFO}/LICENSE": b""}, metadata=told)
    assert [f.rule for f in found] == ["missing-licence"]
    assert "vendor/NOTICE" in found[0].message


def test_the_sdist_has_what_the_wheel_needs(tmp_path: Path) -> None:
    lacks = {"pyproject.toml": b"", "demo/__init__.py": b""}
    found = judged(tmp_path, sdist=lacks)
    assert [(f.rule, f.path) for f in found] == [("missing-in-sdist", "demo/a.py")]
    assert [(f.rule, f.path) for f in judged(tmp_path, sdist=SOUND)] == [
        ("missing-in-sdist", "pyproject.toml")
    ]
    moved = {f"python/{name}": content for name, content in SOUND.items()}
    assert judged(tmp_path, sdist={**moved, "pyproject.toml": b""}) == []


@pytest.mark.parametrize(
    ("wheel", "sdist"),
    [
        ("demo-1.0-py3-none-any.whl", "demo-1.1.tar.gz"),
        ("demo-1.0-py3-none-any.whl", "other-1.0.tar.gz"),
        ("demo-1.0.whl", "demo-1.0.tar.gz"),
        ("demo-1.0-py3-none-any.whl", "demo.tar.gz"),
    ],
)
def test_names_must_be_valid_and_the_same(wheel: str, sdist: str) -> None:
    assert rules(list(contents._names([wheel], [sdist]))) == ["name-differs"]
    assert list(contents._names(["A_b-1-cp311-cp311-linux_x86_64.whl"], ["a-b-1.0.tar.gz"])) == []
