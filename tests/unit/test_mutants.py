"""What mutmut 3.8.1 leaves (saved from a real run), and its settings."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from pytest_devops_gates import mutants, mutmut_settings, testing
from pytest_devops_gates.errors import CannotTell, UsageError
from pytest_devops_gates.gates.mutation import MutationOptions, measured
from pytest_devops_gates.mutants import Edit, Mutant
from tests.unit.samples import DATA

SAVED = DATA / "mutmut-3.8.1"
RESULTS = (SAVED / "results.txt").read_text("utf-8")
META = (SAVED / "price.py.meta").read_bytes()
STATS = (SAVED / "mutmut-cicd-stats.json").read_bytes()
ORIGINAL, MUTATED = (
    (SAVED / name).read_text("utf-8") for name in ("price.py.txt", "price.mutated.py.txt")
)
COUNTS = Counter({"killed": 7, "survived": 5, "no tests": 2})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return testing.write(tmp_path, {"shop/price.py.meta": META})


def test_each_mutant_with_its_file_and_status(folder: Path) -> None:
    found = mutants.mutants(RESULTS, folder)
    assert Counter(mutant.status for mutant in found) == COUNTS
    assert {mutant.path for mutant in found} == {"shop/price.py"}
    assert list(dict.fromkeys(mutant.function for mutant in found)) == [
        "with_tax",
        "untested",
        "Basket.__init__",
        "Basket.add",
        "Basket.total",
    ]


@pytest.mark.parametrize(
    ("results", "says"),
    [
        ("", "do not agree"),
        (RESULTS.partition("\n")[2], "do not agree"),
        (RESULTS + "    shop.price.x_more__mutmut_1: killed\n", "do not agree"),
        (RESULTS.replace("killed", "pleased", 1), "printed a result that cannot be read"),
        (RESULTS + "    \n", "printed a result that cannot be read"),
    ],
)
def test_results_that_cannot_be_believed(folder: Path, results: str, says: str) -> None:
    with pytest.raises(CannotTell, match=says):
        mutants.mutants(results, folder)


@pytest.mark.parametrize(
    "data", [b"", b"{}", b"[]", b"\xff", b'{"exit_code_by_key": 7}', b"[" * 9999]
)
def test_meta_files_that_cannot_be_read(tmp_path: Path, data: bytes) -> None:
    testing.write(tmp_path, {"shop/price.py.meta": data})
    with pytest.raises(CannotTell, match="cannot be read"):
        mutants.mutants(RESULTS, tmp_path)


def test_warnings_beside_the_results_are_none_of_them(folder: Path) -> None:
    assert len(mutants.mutants("a warning: deprecated\n" + RESULTS, folder)) == 14


@pytest.mark.parametrize(
    ("change", "agree"),
    [({}, True), ({"killed": 8}, False), ({"total": 15}, False), ({"segfault": 1}, False)],
)
def test_the_numbers_are_held_against_the_results(change: dict[str, int], agree: bool) -> None:
    exported = json.dumps({**json.loads(STATS), **change}).encode()
    assert mutants.agrees(COUNTS, exported) is agree


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b"7", b"\xff", b"[" * 9999])
def test_numbers_that_are_none(data: bytes) -> None:
    assert not mutants.agrees(COUNTS, data)


def named(name: str) -> Mutant:
    return Mutant(f"shop.price.{name}", "shop/price.py", mutants.SURVIVED)


@pytest.mark.parametrize(
    ("name", "edit"),
    [
        ("x_with_tax__mutmut_2", Edit(8, "tax = net * rate / 100", "tax = net * rate * 100")),
        ("xǁBasketǁadd__mutmut_1", Edit(21, "self, price, count=1", "self, price, count=2")),
        ("xǁBasketǁtotal__mutmut_3", Edit(30, "self.items", "None")),
        ("x_gone__mutmut_1", None),
        ("nonsense", None),
    ],
)
def test_what_a_mutant_changed(name: str, edit: Edit | None) -> None:
    mutant = named(name)
    assert mutants.edits([mutant], ORIGINAL, MUTATED).get(mutant.name) == edit


@pytest.mark.parametrize(
    ("original", "mutated"),
    [
        ("", MUTATED),
        (ORIGINAL, ""),
        ("def", MUTATED),
        ("\0", "\0"),
        (ORIGINAL.replace("rate / 100", "rate / 200"), MUTATED),
    ],
)
def test_sources_that_do_not_fit_give_no_line(original: str, mutated: str) -> None:
    assert not mutants.edits([named("x_with_tax__mutmut_2")], original, mutated)


def test_a_signature_that_was_changed() -> None:
    original = "def f(a=1): return a\n"
    mutated = "def x_f__mutmut_orig(a=1): return a\ndef x_f__mutmut_1(a=2): return a\n"
    mutant = Mutant("m.x_f__mutmut_1", "m.py", mutants.SURVIVED)
    assert mutants.edits([mutant], original, mutated) == {
        mutant.name: Edit(1, "def f(a=1): return a", "def f(a=2): return a")
    }


@pytest.mark.parametrize(
    ("counts", "score"),
    [
        (COUNTS, 100 * 7 / 12),
        ({"killed": 1, "timeout": 1, "caught by type check": 1, "survived": 1}, 75),
        ({"killed": 1, "suspicious": 1, "segfault": 2}, 25),
        ({"killed": 1, "no tests": 99, "skipped": 99}, 100),
        ({"survived": 3}, 0),
        ({"no tests": 3}, 0),
    ],
)
def test_the_score_is_the_share_of_those_that_were_tried(
    counts: dict[str, int], score: float
) -> None:
    assert measured(Counter(counts))["score"] == pytest.approx(score)


# settings


def test_options_that_are_wrong() -> None:
    with pytest.raises(UsageError, match="workers: 0"):
        MutationOptions(workers=0)


FILES = {"src/shop/__init__.py": "", "src/shop/price.py": "", "tests/test_price.py": "", "a.md": ""}


def files(root: Path, **more: str) -> Any:
    """A project; ``more`` are the files beside, ``_`` standing for the dot."""
    named = {name.replace("_", "."): text for name, text in more.items()}
    testing.write(root, {**FILES, **named})
    return testing.project(root)


def test_a_project_that_says_nothing_is_told_where_its_code_lies(tmp_path: Path) -> None:
    project = files(tmp_path, conftest_py="", pyproject_toml='[project]\nname = "shop"\n')
    assert mutmut_settings.stated(tmp_path) is None
    added = mutmut_settings.added(project)
    assert added == {"source_paths": ["src/shop"], "also_copy": ["conftest.py"]}
    mutmut_settings.write(tmp_path, added)
    assert mutmut_settings.stated(tmp_path) == added
    assert (tmp_path / "pyproject.toml").read_text().startswith('[project]\nname = "shop"\n')


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("pyproject_toml", '# own\n[tool.mutmut]\nsource_paths = ["src"]\n'),
        ("setup_cfg", "[mutmut]\nsource_paths = src\n"),
        ("setup_cfg", "[metadata]\nname = %(x)s\n[mutmut]\nsource_paths =\n    src\n"),
    ],
)
def test_settings_are_added_where_mutmut_reads_them(tmp_path: Path, name: str, text: str) -> None:
    files(tmp_path, **{name: text})
    before = mutmut_settings.stated(tmp_path)
    assert before is not None
    mutmut_settings.write(tmp_path, {"only_mutate": ["src/a.py", "src/b/*"]})
    after = mutmut_settings.stated(tmp_path)
    assert after is not None
    only = [one for one in after["only_mutate"] if one]
    assert (only, after["source_paths"]) == (["src/a.py", "src/b/*"], before["source_paths"])
    assert (tmp_path / "pyproject.toml").exists() == (name == "pyproject_toml")


@pytest.mark.parametrize(
    ("table", "names"),
    [
        ("", ["src/shop/price.py"]),
        ('source_paths = ["src/shop"]', ["src/shop/price.py"]),
        ('source_paths = ["lib"]', []),
        ('only_mutate = ["src/other/*"]', []),
        ('do_not_mutate = ["*/price.py"]', []),
        ('only_mutate = "src/*"', ["src/shop/price.py"]),
    ],
)
def test_which_files_of_a_change_are_mutated(tmp_path: Path, table: str, names: list[str]) -> None:
    project = files(tmp_path, pyproject_toml=f"[tool.mutmut]\n{table}\n")
    changed = ["src/shop/price.py", "tests/test_price.py", "a.md"]
    assert mutmut_settings.mutated(project, changed) == names


@pytest.mark.parametrize(
    ("name", "text"), [("pyproject_toml", "[tool"), ("setup_cfg", "x"), ("setup_cfg", "[a]\n[a]\n")]
)
def test_settings_that_cannot_be_read(tmp_path: Path, name: str, text: str) -> None:
    testing.write(tmp_path, {name.replace("_", "."): text})
    with pytest.raises(CannotTell):
        mutmut_settings.stated(tmp_path)


@pytest.mark.parametrize(
    ("path", "pattern"),
    [("src/a.py", "src/a.py"), ("src/", "src/*"), ("s[r]c", "s[[]r]c/*")],
)
def test_a_path_as_a_pattern(path: str, pattern: str) -> None:
    assert mutmut_settings.pattern(path) == pattern
