"""What a wheel should hold and does not, and what the packaging settings have to do with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_devops_gates.packaged import shipping
from pytest_devops_gates.packaged.imports import imported
from pytest_devops_gates.packaged.members import Member
from pytest_devops_gates.packaged.missing import Tree, bases, left_out, missing
from pytest_devops_gates.packaged.shipping import Shipping
from pytest_devops_gates.testing import project, write

BESIDE = ("README.md", "setup.py", "noxfile.py", "docs/conf.py", "tests/test_a.py", "tools/x.py")


def in_wheel(*names: str, **sources: bytes) -> dict[str, Member]:
    """A wheel with empty files, and with modules of the package ``demo`` by their names."""
    found = {name: Member(name) for name in names}
    paths = {f"demo/{name}.py": source for name, source in sources.items()}
    return {**found, **{path: Member(path, content=source) for path, source in paths.items()}}


def tree(*files: str, packages: tuple[str, ...] = (), excluded: tuple[str, ...] = ()) -> Tree:
    told = Shipping(excluded, "the setting of modules", "the setting of data")
    return Tree((*BESIDE, *files), packages, "demo", lambda name: "tests/" in name, told)


def missed(wheel: dict[str, Member], here: Tree) -> list[tuple[str, str | None]]:
    return [(finding.rule, finding.path) for finding in missing("demo.whl", wheel, here)]


@pytest.mark.parametrize("base", ["", "src/", "python/", "packages/demo/lib/"])
def test_a_package_is_found_wherever_it_lies(base: str) -> None:
    here = tree(f"{base}demo/__init__.py", f"{base}demo/sub/__init__.py", f"{base}demo/sub/b.py")
    whole = in_wheel("demo/__init__.py", "demo/sub/__init__.py", "demo/sub/b.py")
    assert bases(whole, here) == {"demo": base}
    assert missed(whole, here) == []
    del whole["demo/sub/b.py"]
    assert missed(whole, here) == [("missing-module", f"{base}demo/sub/b.py")]


def test_the_setting_that_mends_it_is_told() -> None:
    here = tree("demo/__init__.py", "demo/sub/b.py", "demo/py.typed")
    module, data = missing("demo.whl", in_wheel("demo/__init__.py"), here)
    assert module.message == (
        "demo/sub/b.py is not in demo.whl (demo/sub has no __init__.py) · the setting of modules"
    )
    assert data.message == "demo/py.typed is not in demo.whl · the setting of data"


@pytest.mark.parametrize(
    "name",
    ["demo/_n.c", "demo/_n.pyx", "demo/README.md", "demo/.gitkeep", "demo/Makefile", "demo/LICENSE",
     "demo/meson.build", "demo/locale/de.po", "demo/tests/test_b.py", "demo/tests/data.json",
     "demo/a.py~"],
)  # fmt: skip
def test_what_a_package_is_made_from_need_not_be_there(name: str) -> None:
    assert missed(in_wheel("demo/__init__.py"), tree("demo/__init__.py", name)) == []


@pytest.mark.parametrize(
    "name", ["demo/py.typed", "demo/a.pyi", "demo/data/t.html", "demo/x.json", "demo/words.txt"]
)
def test_data_of_a_package_must_be_there(name: str) -> None:
    here = tree("demo/__init__.py", name)
    assert missed(in_wheel("demo/__init__.py"), here) == [("missing-data", name)]
    assert missed(in_wheel("demo/__init__.py", name), here) == []


@pytest.mark.parametrize(
    "there",
    ["demo/a.cpython-311-x86_64-linux-gnu.so", "demo/a.cp311-win_amd64.pyd", "demo/a.abi3.so",
     "vendor/demo/a.py", "demo-1.0.data/purelib/demo/a.py", "demo-1.0.data/platlib/demo/a.py"],
)  # fmt: skip
def test_a_module_may_be_compiled_or_lie_elsewhere(there: str) -> None:
    here = tree("demo/__init__.py", "demo/a.py")
    assert missed(in_wheel("demo/__init__.py", there), here) == []


def test_a_namespace_has_no_init() -> None:
    here = tree("src/acme/app/__init__.py", "src/acme/app/x.py", "src/acme/other.py")
    wheel = in_wheel("acme/app/__init__.py", "acme/app/x.py")
    assert missed(wheel, here) == [("missing-module", "src/acme/other.py")]


def test_a_package_that_is_wholly_absent() -> None:
    """What lies below src ships, as what has the project's name; others may be tools."""
    src = tree("src/demo/__init__.py", "src/more/__init__.py", packages=("src/demo", "src/more"))
    assert missed(in_wheel("demo/__init__.py"), src) == [("missing-module", "src/more/__init__.py")]
    flat = tree("demo/__init__.py", "tasks/__init__.py", "helper.py", packages=("demo", "tasks"))
    assert missed(in_wheel(), flat) == [("missing-module", "demo/__init__.py")]
    assert missed(in_wheel("demo/__init__.py"), flat) == []
    importing = in_wheel(__init__=b"import helper, tasks.x\n")
    assert missed(importing, flat) == [
        ("missing-module", "tasks/__init__.py"),
        ("missing-module", "helper.py"),
    ]


def test_a_single_module_is_no_folder() -> None:
    assert missed(in_wheel("demo.py"), tree("demo.py", "other.py", packages=("demo",))) == []
    assert missed(in_wheel(), tree("demo.py")) == [("missing-module", "demo.py")]


@pytest.mark.parametrize("name", ["click", "json", "rpm"])
def test_a_folder_named_like_another_distribution_is_not_meant(name: str) -> None:
    here = tree("demo/a.py", f"{name}/__init__.py")
    metadata = Member("demo-1.dist-info/METADATA", content=b"Requires-Dist: click>=8\n")
    wheel = {**in_wheel(a=f"import {name}\n".encode()), metadata.name: metadata}
    expected = [("missing-module", "rpm/__init__.py")] if name == "rpm" else []
    assert missed(wheel, here) == expected


def test_what_the_settings_leave_out_is_missed_where_it_is_imported() -> None:
    here = tree("demo/a.py", "demo/dev.py", "demo/tests/t.py", excluded=("demo/dev.py",))
    wheel = in_wheel(a=b"import os\n")
    assert missed(wheel, here) == []
    assert left_out(wheel, here) == ["demo/dev.py"]
    for line in (b"from . import dev", b"from .dev import x", b"import demo.dev"):
        wheel = in_wheel(a=b"def f():\n    " + line + b"\n")
        assert missed(wheel, here) == [("missing-module", "demo/dev.py")]
        assert left_out(wheel, here) == []


@pytest.mark.parametrize(
    ("path", "source", "name"),
    [
        ("a/b.py", "import x.y as z", "x.y"),
        ("a/b.py", "from x import y", "x.y"),
        ("a/b.py", "from . import y", "a.y"),
        ("a/__init__.py", "from .y import z", "a.y"),
        ("a/b/c.py", "from ..d import z", "a.d"),
        ("a/b.py", "from x import *", "x"),
        ("a.py", "from ... import y", None),
        ("a.py", "import", None),
        ("a.py", "\0", None),
        ("a.py", "\ufeff", None),
    ],
)
def test_what_a_module_imports(path: str, source: str, name: str | None) -> None:
    found = imported({path: source.encode()})
    assert name in found if name else not found


SETTINGS = [
    ({"pyproject.toml": "[tool.hatch.build]\nexclude = ['/demo/dev.py']"}, True),
    ({"pyproject.toml": "[tool.hatch.build.targets.wheel]\nexclude = ['dev.py']"}, True),
    ({"pyproject.toml": "[tool.flit.sdist]\nexclude = ['demo/d*.py']"}, True),
    (
        {"pyproject.toml": "[tool.poetry]\nexclude = [{path = 'demo/dev.py', format = 'wheel'}]"},
        True,
    ),
    ({"pyproject.toml": "[tool.poetry]\nexclude = 'demo/dev.py'"}, True),
    ({"pyproject.toml": "[tool.pdm.build]\nexcludes = ['**/dev.py']"}, True),
    ({"pyproject.toml": "[tool.uv.build-backend]\nwheel-exclude = ['dev.py']"}, True),
    ({"pyproject.toml": "[tool.setuptools.packages.find]\nexclude = ['demo.dev*']"}, True),
    ({"pyproject.toml": "[tool.setuptools]\nexclude-package-data = {demo = ['dev.py']}"}, True),
    ({"MANIFEST.in": "include x\nglobal-exclude dev.py\n\n"}, True),
    ({"MANIFEST.in": "recursive-exclude demo *.py"}, True),
    ({"MANIFEST.in": "prune demo"}, True),
    ({"setup.cfg": "[options.packages.find]\nexclude =\n  tests\n  demo.dev\n"}, True),
    ({"setup.py": "setup(packages=find_packages(exclude=['demo.dev']))"}, True),
    ({"pyproject.toml": "[tool.hatch.build]\nexclude = 7"}, False),
    ({"pyproject.toml": "[tool.hatch.build]\nexclude = ['demo/other.py', '', '/docs']"}, False),
    ({"setup.cfg": "no section"}, False),
    ({"setup.py": "setup("}, False),
    ({"MANIFEST.in": "prune demo_extra\nexclude\nrecursive-exclude"}, False),
    ({}, False),
]


@pytest.mark.parametrize(("files", "leaves_out"), SETTINGS)
def test_settings_that_leave_a_module_out(
    files: dict[str, str], leaves_out: bool, tmp_path: Path
) -> None:
    told = shipping.read(project(write(tmp_path, files)))
    assert told.leaves_out("demo/dev.py", "demo/dev.py") is leaves_out


@pytest.mark.parametrize(
    ("backend", "named"),
    [
        ("setuptools.build_meta", "[tool.setuptools.packages.find]"),
        ("hatchling.build", "[tool.hatch.build.targets.wheel]"),
        ("flit_core.buildapi", "[tool.flit.sdist]"),
        ("poetry.core.masonry.api", "[tool.poetry]"),
        ("pdm.backend", "[tool.pdm.build]"),
        ("uv_build", "[tool.uv.build-backend]"),
        ("maturin", "[tool.maturin]"),
        ("own_backend", "the build backend's setting"),
        (None, "[tool.setuptools.packages.find]"),
    ],
)
def test_the_mend_is_that_of_the_backend(backend: str | None, named: str, tmp_path: Path) -> None:
    key = f'build-backend = "{backend}"' if backend else ""
    write(tmp_path, {"pyproject.toml": f"[build-system]\nrequires = []\n{key}\n"})
    assert named in shipping.read(project(tmp_path)).modules
