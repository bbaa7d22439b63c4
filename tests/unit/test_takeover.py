"""What a wheel takes over where it is installed, and modules that are none of the tree's."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from pytest_devops_gates.evidence import Severity
from pytest_devops_gates.packaged import members, shipping, takeover
from pytest_devops_gates.packaged.missing import Tree
from pytest_devops_gates.packaged.shipping import Shipping
from pytest_devops_gates.testing import project, write
from tests.unit import archives
from tests.unit.archives import INFO, METADATA, SDIST, WHEEL

INIT = b"__version__ = '0'\nx = 1\n"
TREE = {
    "pyproject.toml": b"",
    "src/demo/__init__.py": INIT,
    "src/demo/a.py": b"a = 1\n",
    "src/demo/requests/__init__.py": b"",
}
SOUND = {name.removeprefix("src/"): data for name, data in TREE.items() if "src/" in name}


def judged(
    folder: Path,
    wheel: Mapping[str, bytes],
    sdist: Mapping[str, bytes] = TREE,
    tree: Mapping[str, bytes] = TREE,
    **told: object,
) -> tuple[list[str], list[str]]:
    """The rules that are broken, and the notes."""
    here = Tree(
        tuple(tree), ("src/demo",), "demo", lambda _: False, Shipping(**told), tree.get  # type: ignore[arg-type]
    )  # fmt: skip
    found, notes = takeover.judge(
        {WHEEL: members.read(archives.wheel(folder, wheel))},
        {SDIST: members.read(archives.sdist(folder, sdist))},
        here,
    )
    assert all(finding.severity == Severity.HIGH for finding in found)
    return [finding.rule for finding in found], notes


TAKEN = [
    ("evil.pth", "runs-at-start"),
    ("Evil.PTH", "runs-at-start"),
    ("demo-1.0.data/purelib/evil.pth", "runs-at-start"),
    ("sitecustomize.py", "runs-at-start"),
    ("demo-1.0.data/purelib/sitecustomize.py", "runs-at-start"),
    ("demo-1.0.data/platlib/usercustomize/__init__.py", "runs-at-start"),
    ("sitecustomize.abi3.so", "runs-at-start"),
    ("other/__init__.py", "foreign-top-level"),
    ("requests/api.py", "foreign-top-level"),
    ("demo-1.0.data/purelib/requests/__init__.py", "foreign-top-level"),
    ("six.py", "foreign-top-level"),
    ("_ssl.cpython-311-x86_64-linux-gnu.so", "foreign-top-level"),
    ("pip-99.egg-info/entry_points.txt", "foreign-top-level"),
    ("demo-1.0.data/data/lib/python3.11/site-packages/evil.py", "foreign-top-level"),
    ("demo-1.0.data/data/Lib/site-packages/evil.pth", "foreign-top-level"),
    ("demo-1.0.data/data/pyvenv.cfg", "foreign-top-level"),
    ("demo-1.0.data/scripts/pip", "shadowing-script"),
    ("demo-1.0.data/scripts/pip3.11", "shadowing-script"),
    ("demo-1.0.data/scripts/Python.EXE", "shadowing-script"),
    ("demo-1.0.data/data/bin/git", "shadowing-script"),
]


@pytest.mark.parametrize(("name", "rule"), TAKEN)
def test_what_is_of_others_is_told(tmp_path: Path, name: str, rule: str) -> None:
    assert judged(tmp_path, {**SOUND, name: b"x"})[0] == [rule]


@pytest.mark.parametrize(
    "name",
    ["demo/_version.py", "demo/_n.abi3.so", "demo/evil.pth", "demo/sitecustomize.py", "demo.py",
     "demo.libs/libx.so", "demo-stubs/__init__.pyi", "demo-1.0.data/scripts/demo",
     "demo-1.0.data/scripts/pip-demo", "demo-1.0.data/headers/demo/x.h", "tests/x.py"],
)  # fmt: skip
def test_what_is_its_own_is_not(tmp_path: Path, name: str) -> None:
    assert judged(tmp_path, {**SOUND, name: b"x"}) == ([], [])


def test_a_folder_of_the_tree_by_another_name_is_its_own_to_the_byte(tmp_path: Path) -> None:
    tree = {"pyproject.toml": b"", "lib/__init__.py": b"x = 1\n", "lib/b.py": b"b = 1\n"}
    wheel = {"shown/__init__.py": b"x = 1\n", "shown/b.py": b"b = 1\n"}
    assert judged(tmp_path, wheel, tree, tree)[0] == []
    copied = {**SOUND, "requests/__init__.py": b"", "requests/a.py": SOUND["demo/a.py"]}
    assert judged(tmp_path, copied)[0] == ["foreign-top-level"]
    changed = {**wheel, "shown/c.py": b"c = 1\n"}
    assert judged(tmp_path, changed, tree, tree)[0] == ["foreign-top-level"]


def test_a_name_of_the_settings_is_its_own_unless_it_is_a_dependencys(tmp_path: Path) -> None:
    words = frozenset({"_demo", "click", "mypycify", "json"})
    names = {"_demo.abi3.so": b"", "81d2__mypyc.so": b"", "x1__mypyc.so": b""}
    assert judged(tmp_path, {**SOUND, **names}, words=words)[0] == []
    assert judged(tmp_path, {**SOUND, "x1__mypyc.so": b""})[0] == ["foreign-top-level"]
    for name in ("click.py", "json.py"):  # required, and of the standard library
        assert judged(tmp_path, {**SOUND, name: b""}, words=words)[0] == ["foreign-top-level"]


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        ("[console_scripts]\ndemo = demo:main\n", []),
        ("[console_scripts]\npip = demo:main\n", ["shadowing-script"]),
        ("[gui_scripts]\npython3 = demo:main\n", ["shadowing-script"]),
        ("[pytest11]\npip = demo\n", []),
        ("pip = demo:main\n", ["shadowing-script"]),
        ("[console_scripts]\ndemo\n", ["shadowing-script"]),
    ],
)
def test_declared_scripts(tmp_path: Path, points: str, expected: list[str]) -> None:
    wheel = {**SOUND, f"{INFO}/entry_points.txt": points.encode()}
    assert judged(tmp_path, wheel)[0] == expected


def test_a_project_may_be_the_command_itself(tmp_path: Path) -> None:
    here = Tree((), (), "pip", lambda _: False, Shipping())
    names = ("pip", "pip3", "pip3.12")
    path = archives.wheel(tmp_path, {f"pip-1.data/scripts/{name}": b"" for name in names})
    assert takeover.judge({"pip.whl": members.read(path)}, {}, here) == ([], [])


def test_data_beside_packages_is_noted(tmp_path: Path) -> None:
    found, notes = judged(tmp_path, {**SOUND, "demo-1.0.data/data/etc/profile.d/x.sh": b""})
    assert found == []
    assert notes == [f"{WHEEL} installs demo-1.0.data/data/etc/profile.d/x.sh outside of packages"]


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("demo/a.py", b"a = 2\n", ["module-differs"]),
        ("demo/a.py", b"a = 1\r\n", []),
        ("demo/__init__.py", INIT.replace(b"'0'", b"'1.2.dev3+gabc'"), []),
        ("demo/__init__.py", INIT + b"import os\n", ["module-differs"]),
        ("demo/__init__.py", INIT.replace(b"x = 1", b"version == evil()"), ["module-differs"]),
    ],
)
def test_a_module_is_the_trees_but_for_its_version(
    tmp_path: Path, name: str, content: bytes, expected: list[str]
) -> None:
    assert judged(tmp_path, {**SOUND, name: content})[0] == expected
    assert judged(tmp_path, SOUND, {**TREE, f"src/{name}": content})[0] == expected
    explained, notes = judged(tmp_path, {**SOUND, name: content}, step="a build hook")
    assert explained == []
    assert len(notes) == len(expected)


def test_a_rewritten_version_file_is_expected(tmp_path: Path) -> None:
    tree = {**TREE, "src/demo/_version.py": b"import versioneer\n"}
    assert judged(tmp_path, {**SOUND, "demo/_version.py": b"v = {}\n"}, TREE, tree)[0] == []


@pytest.mark.parametrize(
    ("files", "step", "word"),
    [
        ({"setup.py": "setup(cmdclass={}, ext_modules=[E('_n')])"}, "cmdclass of setup.py", "_n"),
        ({"pyproject.toml": "[tool.hatch.build.hooks.custom]"}, "[tool.hatch.build.hooks.custom]",
         "custom"),
        ({"pyproject.toml": "[tool.hatch.build.hooks.vcs]\nversion-file = 'demo/v.py'"}, "",
         "demo"),
        ({"rust/Cargo.toml": "[lib]\nname = 'rpds'"}, "", "rpds"),
        ({"pyproject.toml": "[tool.maturin]\nmodule-name = 'demo._n'"}, "", "_n"),
        ({"pyproject.toml": "[tool.poetry.build]\nscript = 'b.py'"}, "`build` of [tool.poetry]",
         ""),
        ({"pyproject.toml": "[project]\ndependencies = ['click']"}, "", ""),
    ],
)  # fmt: skip
def test_what_the_settings_tell(
    tmp_path: Path, files: dict[str, str], step: str, word: str
) -> None:
    told = shipping.read(project(write(tmp_path, files)))
    assert told.step == step
    assert word in {*told.words, ""}
    assert "click" not in told.words


def test_the_metadata_may_name_it(tmp_path: Path) -> None:
    """As where setup.py alone knows the name."""
    here = Tree(("setup.py",), (), "", lambda _: False, Shipping())
    path = archives.wheel(tmp_path, {"demo/__init__.py": b""}, metadata=METADATA)
    assert takeover.judge({WHEEL: members.read(path)}, {}, here) == ([], [])
