"""The package builds from a copy, installs and imports; broken ones are told from broken networks."""

from __future__ import annotations

import tarfile
import zipfile

import pytest

from tests.conftest import Checkout

pytestmark = pytest.mark.slow
BUILD = ("--devops-gates-stage", "build")

PYPROJECT = """
[build-system]
requires = ["flit_core>=3.11"]
build-backend = "flit_core.buildapi"

[project]
name = "sound"
version = "1.0"
description = "Sound"
readme = "README.md"

[project.scripts]
sound = "sound:main"
"""
SOUND = {
    "pyproject.toml": PYPROJECT,
    "README.md": "# Sound\n",
    "src/sound/__init__.py": "def main():\n    print('hello')\n",
}


def test_a_sound_package_passes_and_leaves_the_checkout_alone(checkout: Checkout) -> None:
    checkout.write({**SOUND, ".gitignore": "*.pyc\n"}).commit()
    checkout.write({"src/sound/new.py": "x = 1\n"})
    before = checkout.git("status", "--porcelain")
    run = checkout.run(*BUILD, timeout=300)
    assert run.status == 0, run
    assert (run.outcome("package"), run.outcome("install")) == ("pass", "pass")
    for name in ("package", "install"):
        receipt = run.gate(name)["receipt"]
        assert receipt["version"]
        assert receipt["examined"] == 2
    assert run.gate("install")["metrics"]["modules"] == 1
    assert run.gate("install")["metrics"]["scripts"] == 1
    assert checkout.git("status", "--porcelain") == before
    dist = checkout.latest.parent / "dist"
    with zipfile.ZipFile(next(dist.glob("*.whl"))) as wheel:
        assert "sound/new.py" in wheel.namelist()  # uncommitted work is built as well
    assert tarfile.is_tarfile(next(dist.glob("*.tar.gz")))


def test_a_backend_that_fails_is_a_fail(checkout: Checkout) -> None:
    wrong = PYPROJECT.replace('version = "1.0"', 'dynamic = ["version"]')
    files = {"pyproject.toml": wrong, "src/sound/__init__.py": "syntax error\n"}
    run = checkout.write({**SOUND, **files}).run(*BUILD, timeout=300)
    assert (run.outcome("package"), run.status) == ("fail", 1), run
    assert run.outcome("install") == "unknown"
    assert "no wheel was built" in run.reason("install")


def test_requirements_that_cannot_be_had_are_unknown(checkout: Checkout) -> None:
    wrong = PYPROJECT.replace("flit_core>=3.11", "no-such-distribution-of-that-name")
    run = checkout.write({**SOUND, "pyproject.toml": wrong}).run(*BUILD, timeout=300)
    assert (run.outcome("package"), run.status) == ("unknown", 6), run


def test_metadata_that_the_index_would_refuse_is_a_fail(checkout: Checkout) -> None:
    wrong = PYPROJECT.replace('readme = "README.md"', 'readme = "README.rst"')
    files = {"pyproject.toml": wrong, "README.rst": "Title\n==\n\n.. nothing::\n"}
    run = checkout.write({**SOUND, **files}).run(*BUILD, timeout=300)
    assert (run.outcome("package"), run.status) == ("fail", 1), run
    assert run.verdict["findings"][0]["rule"] == "metadata"
    assert run.outcome("install") == "pass"


def test_a_wheel_that_does_not_import_is_a_fail(checkout: Checkout) -> None:
    checkout.write({**SOUND, "src/sound/__init__.py": "import no_such_module\n"})
    run = checkout.run(*BUILD, timeout=300)
    assert (run.outcome("package"), run.outcome("install")) == ("pass", "fail"), run
    rules = {f["rule"] for f in run.verdict["findings"]}
    assert rules == {"import-failed", "script-failed"}
    assert run.status == 1


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({"app.py": "x = 1\n"}, "no [build-system] in pyproject.toml, and no setup.py"),
        ({"pyproject.toml": "[project]\nname = 'app'\nversion = '1'\n"}, "no [build-system]"),
    ],
)
def test_an_application_has_no_package(
    files: dict[str, str], reason: str, checkout: Checkout
) -> None:
    run = checkout.write(files).run(*BUILD)
    assert (run.outcome("package"), run.outcome("install")) == ("not-applicable",) * 2
    assert reason in run.reason("package")
    assert run.status == 6  # nothing required passed


def test_versions_from_git_tags(checkout: Checkout) -> None:
    checkout.write(
        {
            "pyproject.toml": """
            [build-system]
            requires = ["setuptools>=64", "setuptools-scm>=8"]
            build-backend = "setuptools.build_meta"
            [project]
            name = "tagged"
            dynamic = ["version"]
            description = "x"
            readme = "README.md"
            [tool.setuptools_scm]
            """,
            "README.md": "# Tagged\n",
            "tagged/__init__.py": "",
        }
    ).commit()
    checkout.git("tag", "v3.2.1")
    run = checkout.run(*BUILD, timeout=300)
    assert run.status == 0, run
    assert [p.name for p in (checkout.latest.parent / "dist").glob("*.whl")] == [
        "tagged-3.2.1-py3-none-any.whl"
    ]


def test_a_build_that_takes_too_long_is_unknown(checkout: Checkout) -> None:
    short = PYPROJECT + "[tool.devops-gates.gates.package]\ntimeout = 0.3\n"
    run = checkout.write({**SOUND, "pyproject.toml": short}).run(*BUILD, timeout=60)
    assert (run.outcome("package"), run.status) == ("unknown", 6), run
    assert "hung: no end after 0.3 seconds" in run.reason("package")
