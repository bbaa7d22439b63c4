"""``@pytest.mark.requirement``, from the test to the verdict."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import Checkout, Ended

pytestmark = pytest.mark.slow

PYPROJECT = """
[tool.pytest.ini_options]
addopts = "--strict-markers -m 'not slow'"
markers = ["slow: x"]
"""
TESTS = """
import unittest
import pytest

pytestmark = pytest.mark.requirement("ALL")
seen = []

@pytest.mark.requirement("ONE", "TWO")
def test_one(): pass

@pytest.mark.requirement("TWO")
def test_two(): assert False

@pytest.mark.requirement()
def test_nothing(): pass

@pytest.mark.requirement("CLASS")
class TestClass:
    @pytest.mark.parametrize("x", [1, pytest.param(2, marks=pytest.mark.requirement("PARAM"))])
    def test_each(self, x): pass

@pytest.mark.flaky(reruns=1)
@pytest.mark.requirement("FLAKY")
def test_flaky():
    seen.append(1)
    assert len(seen) > 1

@pytest.mark.skip
@pytest.mark.requirement("SKIPPED")
def test_skipped(): pass

@pytest.mark.xfail
@pytest.mark.requirement("XFAIL")
def test_xfail(): assert False

@pytest.mark.slow
@pytest.mark.requirement("SLOW")
def test_slow(): pass

class Unit(unittest.TestCase):
    @pytest.mark.requirement("UNIT")
    def test_unit(self): pass

    @pytest.mark.requirement("SUBTESTS")
    def test_subtests(self):
        for n in range(2):
            with self.subTest(n=n):
                self.assertLess(n, 2)

    @pytest.mark.requirement("NO-SUBTEST")
    def test_no_subtest(self):
        for n in range(2):
            with self.subTest(n=n):
                self.skipTest("not here")

    @pytest.mark.requirement("HALF")
    def test_half(self):
        with self.subTest("one"):
            self.skipTest("not here")
        with self.subTest("other"):
            self.assertTrue(True)
"""
FIXTURE = """
import pytest

@pytest.mark.requirement("SUBTESTS")
def test_subtests(subtests):
    with subtests.test("one"):
        assert True

@pytest.mark.requirement("NO-SUBTEST")
def test_no_subtest(subtests):
    with subtests.test("one"):
        pytest.skip("not here")

@pytest.mark.requirement("XFAIL")
def test_xfail(subtests):
    with subtests.test("one"):
        pytest.xfail("not yet")
"""
EXPECTED = {
    "": (1, 0, 0, 1),
    "ALL": (7, 1, 4, 13),
    "CLASS": (2, 0, 0, 2),
    "FLAKY": (1, 0, 0, 1),
    "HALF": (0, 0, 1, 1),
    "NO-SUBTEST": (0, 0, 1, 1),
    "ONE": (1, 0, 0, 1),
    "PARAM": (1, 0, 0, 1),
    "SKIPPED": (0, 0, 1, 1),
    "SLOW": (0, 0, 0, 1),
    "SUBTESTS": (1, 0, 0, 1),
    "TWO": (1, 1, 0, 2),
    "UNIT": (1, 0, 0, 1),
    "XFAIL": (0, 0, 1, 1),
}


def proofs(run: Ended) -> dict[str, Any]:
    return {
        p["requirement"]: (p["passed"], p["failed"], p["others"], len(p["tests"]))
        for p in run.verdict["tests"]["detail"]["proofs"]
    }


@pytest.mark.parametrize("options", [(), ("-n", "2", "--dist", "loadfile")])
def test_what_tests_prove_reaches_the_verdict(checkout: Checkout, options: tuple[str, ...]) -> None:
    checkout.write({"pyproject.toml": PYPROJECT, "test_a.py": TESTS})
    run = checkout.test(*options)
    assert proofs(run) == EXPECTED, run
    assert run.status == 1


@pytest.mark.skipif(not hasattr(pytest, "Subtests"), reason="subtests are built in since pytest 9")
@pytest.mark.parametrize("options", [(), ("-n", "2")])
def test_a_subtest_that_was_skipped_proves_nothing(
    checkout: Checkout, options: tuple[str, ...]
) -> None:
    run = checkout.write({"test_a.py": FIXTURE}).test(*options)
    assert proofs(run) == {
        "NO-SUBTEST": (0, 0, 1, 1),
        "SUBTESTS": (1, 0, 0, 1),
        "XFAIL": (0, 0, 1, 1),
    }, run


def test_the_marker_is_known_to_a_plain_pytest(checkout: Checkout) -> None:
    checkout.write({"pyproject.toml": PYPROJECT, "test_a.py": TESTS})
    command = [part for part in checkout.command("-q") if part != "--devops-gates"]
    run = checkout.run(command=command)
    assert "1 failed" in run.stdout, run
    assert run.status == 1
