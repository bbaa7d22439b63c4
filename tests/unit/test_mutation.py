"""The gate ``mutation``, through mutmut itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from pytest_devops_gates import testing
from pytest_devops_gates.change import Base, Change, FileChange
from pytest_devops_gates.errors import CannotTell
from pytest_devops_gates.gates import mutation
from pytest_devops_gates.gates.mutation import MUTATION
from pytest_devops_gates.mutants import Mutant
from tests.unit.samples import DATA

GATE = msgspec.structs.replace(MUTATION, level="required", levels={})
TEST = """
from shop.price import Basket, with_tax

def test_with_tax():
    assert with_tax(100) > 100

def test_basket():
    basket = Basket()
    basket.add(2, 3)
    assert basket.total() == 6
"""
# our own environment may hold plugins that warn, and mutmut knows of no -p
PYPROJECT = """
[project]
name = "shop"
[tool.pytest.ini_options]
addopts = "-p no:asyncio -p no:xdist -p no:hypothesispytest"
"""


def shop(root: Path, **files: str) -> Path:
    price = (DATA / "mutmut-3.8.1" / "price.py.txt").read_text("utf-8")
    own = {"pyproject.toml": PYPROJECT, "shop/__init__.py": "", "shop/price.py": price}
    return testing.write(root, {**own, "tests/test_price.py": TEST, **files})


def judge(root: Path, **fields: Any) -> testing.Judged:
    options = {"workers": 1, **fields.pop("options", {})}
    return testing.judge(GATE, root, options=options, conditions={"score": ">= 50"}, **fields)


@pytest.mark.slow
def test_what_the_tests_notice_and_what_not(tmp_path: Path) -> None:
    root, cache = shop(tmp_path / "project"), tmp_path / "cache"
    judged = judge(root, cache=cache)
    assert judged.outcome == "pass", judged.reason
    metrics = judged.evidence.metrics
    assert (metrics["killed"], metrics["survived"], metrics["no-tests"]) == (7, 5, 2)
    assert judged.rules == ["no-tests", *["survived"] * 5]
    first = judged.evidence.findings[0]
    assert (first.path, first.line) == ("shop/price.py", 8)
    assert "'tax = net * rate / 100' became 'tax = net * rate * 100'" in first.message
    assert not (root / "mutants").exists()
    again = judge(root, cache=cache)
    assert again.evidence.receipt
    assert again.evidence.receipt.cached
    assert again.evidence.metrics == metrics
    (root / "tests" / "test_price.py").write_text(TEST.replace("> 100", "> 1000"))
    broken = judge(root, cache=cache)  # other content: asked anew
    assert broken.outcome == "unknown"
    assert "the tests do not pass in a copy" in broken.reason


@pytest.mark.slow
def test_a_change_is_mutated_alone_and_may_hold_nothing_to_mutate(tmp_path: Path) -> None:
    root = shop(tmp_path, **{"shop/more.py": "def more(x):\n    return x + 1\n"})
    change = Change(Base("0" * 40, "main", "told"), (FileChange("shop/price.py", "modified"),))
    judged = judge(root, options={"changed": True}, change=change)
    assert judged.outcome == "pass", judged.reason
    assert judged.evidence.metrics["mutants"] == 14
    change = Change(change.base, (FileChange("shop/__init__.py", "modified"),))
    judged = judge(root, options={"changed": True}, change=change)
    assert judged.outcome == "not-applicable", judged.reason
    judged = judge(root, options={"paths": ["shop/__init__.py"]})
    assert (judged.outcome, "made no mutant" in judged.reason) == ("unknown", True)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("source", "says"),
    [
        (b"# -*- coding: latin-1 -*-\ndef more(x):\n    return '\xe9'\n", "UnicodeDecodeError"),
        (b"def more(x):\n    if x:\n\t    return 1\n    return 2\n", "passed over shop/more.py"),
    ],
)
def test_a_changed_file_that_mutmut_cannot_read(tmp_path: Path, source: bytes, says: str) -> None:
    root = testing.write(shop(tmp_path), {"shop/more.py": source})
    more, price = (FileChange(f"shop/{name}.py", "modified") for name in ("more", "price"))
    for files in ((more,), (more, price)):
        change = Change(Base("0" * 40, "main", "told"), files)
        judged = judge(root, options={"changed": True}, change=change)
        assert (judged.outcome, says in judged.reason) == ("unknown", True), judged.reason


@pytest.mark.parametrize(("passed", "runs"), [((), 1), (("DATABASE_URL",), 2)])
def test_nothing_is_kept_where_the_result_depends_on_variables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, passed: tuple[str, ...], runs: int
) -> None:
    ran: list[str] = []

    def mutate(project: Any, order: Any, root: Path) -> list[Mutant]:
        ran.append(order.tool)
        return [Mutant("shop.price.x_with_tax__mutmut_1", "shop/price.py", "killed")]

    monkeypatch.setattr(mutation.mutating, "mutate", mutate)
    project = testing.project(shop(tmp_path / "shop"), cache=tmp_path / "cache")
    for url in ("db://one", "db://two"):
        monkeypatch.setenv("DATABASE_URL", url)
        told = mutation.check(project, mutation.MutationOptions(pass_env=passed), ())
        assert told.metrics["score"] == 100
    assert len(ran) == runs
    assert len(list((tmp_path / "cache").rglob("*.json"))) == (not passed)


def test_paths_that_lead_nowhere_and_no_base(tmp_path: Path) -> None:
    root = shop(tmp_path)
    judged = judge(root, options={"paths": ["shops"]})
    assert judged.outcome == "unknown"
    assert "no file of the project lies at 'shops'" in judged.reason
    judged = judge(root, options={"changed": True})
    assert (judged.outcome, "no base to compare with" in judged.reason) == ("unknown", True)


def test_a_change_of_nothing_that_is_mutated(tmp_path: Path) -> None:
    root = shop(tmp_path)
    change = Change(
        Base("0" * 40, "main", "told"), (FileChange("tests/test_price.py", "modified"),)
    )
    judged = judge(root, options={"changed": True}, change=change)
    assert judged.outcome == "not-applicable", judged.reason


def test_without_mutmut_it_says_what_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mutation, "is_missing", lambda extra, root: True)
    with pytest.raises(CannotTell, match=r"pip install 'pytest-devops-gates\[mutation\]'"):
        mutation.check(testing.project(shop(tmp_path)), mutation.MutationOptions(), ())


def test_it_is_off_unless_asked_for(tmp_path: Path) -> None:
    for profile in ("commit", "merge", "release", "operate"):
        judged = testing.judge(MUTATION, shop(tmp_path), profile=profile)
        assert judged.outcome == "off"
