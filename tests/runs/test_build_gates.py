"""The package builds from a copy, installs and imports; broken ones are told from broken networks."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from pytest_devops_gates.gates import build, reproducible
from pytest_devops_gates.process import find_optional
from pytest_devops_gates.testing import project
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


@pytest.fixture(scope="module")
def uv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with uv in it, outside of the environment that runs the tests."""
    folder = tmp_path_factory.mktemp("uv")
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(folder), "uv"]
    subprocess.run(install, check=True)
    return folder / "bin"


@pytest.mark.parametrize("tool", ["build", "uv build"])
def test_by_uv_and_by_build_alike(
    tool: str, checkout: Checkout, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    if tool == "uv build":
        folder = request.getfixturevalue("uv")
        monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    elif find_optional("uv", checkout.root):
        pytest.skip("uv is installed")
    left_out = PYPROJECT + '[tool.flit.sdist]\nexclude = ["src/sound/new.py"]\n'
    checkout.write({**SOUND, "src/sound/new.py": "x = 1\n", "src/sound/py.typed": ""}).commit()
    here = project(checkout.root)
    first = build.build(here, None, ())
    again = reproducible.check(here, None, ())
    assert (first.findings, again.findings, again.metrics) == ((), (), {"artefacts": 2})
    assert first.receipt
    assert again.receipt
    assert {first.receipt.tool, again.receipt.tool} == {tool}
    checkout.write(
        {
            "pyproject.toml": left_out,
            "src/sound/__init__.py": "def main():\n    from . import new\n",
        }
    )
    (missing,) = build.build(project(checkout.root), None, ()).findings
    assert (missing.rule, missing.path) == ("missing-module", "src/sound/new.py")
    assert "`exclude` of [tool.flit.sdist]" in missing.message


def test_a_wheel_with_an_extension_is_sound(checkout: Checkout) -> None:
    source = """
    #include <Python.h>
    static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "_native", 0, -1, 0};
    PyMODINIT_FUNC PyInit__native(void) { return PyModule_Create(&module); }
    """
    setup = """
    from setuptools import Extension, setup
    setup(ext_modules=[Extension("sound._native", ["src/sound/_native.c"])])
    """
    pyproject = PYPROJECT.replace("flit_core>=3.11", "setuptools>=77")
    pyproject = pyproject.replace("flit_core.buildapi", "setuptools.build_meta")
    files = {"src/sound/_native.c": source, "setup.py": setup, "pyproject.toml": pyproject}
    here = project(checkout.write({**SOUND, **files}).commit().root)
    assert build.build(here, None, ()).findings == ()
    (wheel,) = (here.run_dir / "dist").glob("*.whl")
    assert not wheel.name.endswith("none-any.whl")
    differing = reproducible.check(here, None, ()).findings
    assert {"metadata-differs"} <= {finding.rule for finding in differing}  # setuptools' sdist
