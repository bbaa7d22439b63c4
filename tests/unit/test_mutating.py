"""What a run of mutmut is believed to say; the gate's tests run mutmut itself."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from pytest_devops_gates import mutating, testing
from pytest_devops_gates.errors import CannotTell, NotApplicable
from pytest_devops_gates.mutants import Mutant
from pytest_devops_gates.mutating import Order

CODE = "LIMIT = 3\n"
EMPTY = json.dumps({"exit_code_by_key": {}})
ONE = json.dumps({"exit_code_by_key": {"app.x_f__mutmut_1": 1}})
SEEN = {"mutants/app.py": "from mutmut import it\n" + CODE, "mutants/app.py.meta": EMPTY}
"""What mutmut makes of a file in which there is nothing to mutate."""
GAVE_UP = 'print("Stopping early, because we could not find any test case"); exit(1)'
KILLED = "import os; os.kill(os.getpid(), 9)"
PASSED_OVER = "mutmut passed over app.py, which its parser"


def mutate(
    folder: Path, script: str, files: dict[str, str], *, may_be_none: bool = True
) -> list[Mutant]:
    """What is told of a run by a program that is called as mutmut is."""
    root = testing.write(folder / "copy", {"app.py": CODE, **files})
    tool = folder / "mutmut"
    tool.write_text(f"#!{sys.executable}\nimport sys\n{script}\n")
    tool.chmod(0o755)
    order = Order(str(tool), narrowed=("app.py",), may_be_none=may_be_none)
    return mutating.mutate(testing.project(root), order, root)


@pytest.mark.parametrize("script", [GAVE_UP, ""])
def test_nothing_to_mutate_in_a_change(tmp_path: Path, script: str) -> None:
    with pytest.raises(NotApplicable, match="nothing to mutate"):
        mutate(tmp_path, script, SEEN)
    with pytest.raises(CannotTell, match="made no mutant"):
        mutate(tmp_path, script, SEEN, may_be_none=False)


@pytest.mark.parametrize(
    ("script", "files", "says"),
    [
        (KILLED, {"mutants/app.py": CODE}, "mutmut was killed by SIGKILL"),
        (KILLED, SEEN, "mutmut was killed by SIGKILL"),
        ("exit('UnicodeDecodeError: x')", {"mutants/app.py": CODE}, "exited with 1: UnicodeDecode"),
        ("exit('UnicodeDecodeError: x')", SEEN, "exited with 1: UnicodeDecodeError"),
        (GAVE_UP.replace("exit(1)", "exit(2)"), SEEN, "exited with 2"),
        (GAVE_UP, {}, "did not look at app.py"),
        (GAVE_UP, {"mutants/app.py": CODE, "mutants/b.py.meta": ONE}, "no test runs the code"),
        ("", {"mutants/app.py": CODE}, "did not look at app.py"),
        (GAVE_UP, {**SEEN, "mutants/app.py.meta": "{"}, "a file that cannot be read"),
        (GAVE_UP, {**SEEN, "mutants/app.py": CODE}, PASSED_OVER),
        ("", {**SEEN, "mutants/app.py": CODE}, PASSED_OVER),
        ("", {**SEEN, "app.py": "LIMIT = 3\r\n", "mutants/app.py": CODE}, PASSED_OVER),
        ("", {"mutants/app.py.meta": EMPTY}, "app.py cannot be read"),
        ("print('failed to collect stats'); " + GAVE_UP, SEEN, "the tests do not pass in a copy"),
    ],
)
def test_what_is_not_nothing_to_mutate(
    tmp_path: Path, script: str, files: dict[str, str], says: str
) -> None:
    with pytest.raises(CannotTell, match=says):
        mutate(tmp_path, script, files)


def test_a_file_that_was_passed_over_beside_others(tmp_path: Path) -> None:
    files = {"b.py": "def f(): return 1\n", "mutants/b.py": "x", "mutants/b.py.meta": ONE}
    script = "if sys.argv[1] == 'results': print('    app.x_f__mutmut_1: killed')"
    with pytest.raises(CannotTell, match=PASSED_OVER):
        mutate(tmp_path, script, {**files, **SEEN, "mutants/app.py": CODE})


@pytest.mark.parametrize("linked", [False, True])
def test_results_of_an_earlier_run_are_not_kept(tmp_path: Path, *, linked: bool) -> None:
    root = testing.write(tmp_path / "app", {"app.py": CODE, **SEEN})
    if linked:
        (root / "mutants").rename(root / "results")
        (root / "mutants").symlink_to("results")
    copy = mutating.copied(testing.project(root), tmp_path / "copies", Order("mutmut"))
    assert (copy / "app.py").is_file()
    assert not os.path.lexists(copy / "mutants")
    assert (root / "mutants" / "app.py.meta").is_file()
