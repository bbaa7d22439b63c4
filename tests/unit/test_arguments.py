"""Arguments that pytest would misunderstand."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_devops_gates.arguments import joined, joined_environment, mislead
from tests.conftest import Checkout

REPORT = "--devops-gates-report"


@pytest.mark.parametrize(
    ("typed", "made"),
    [
        ([REPORT, "d", "tests"], [f"{REPORT}=d", "tests"]),
        ([f"{REPORT}=d", "-q"], [f"{REPORT}=d", "-q"]),
        (["--devops-gates-stage", "test", "--devops-gates"], ["--devops-gates-stage=test", "--devops-gates"]),
        (["--", REPORT, "d"], ["--", REPORT, "d"]),
        ([REPORT], [REPORT]),
        ([], []),
    ],
)  # fmt: skip
def test_options_are_joined_with_their_values(typed: list[str], made: list[str]) -> None:
    assert joined(typed) == made


def test_so_are_those_of_the_environment() -> None:
    told = joined_environment({"PYTEST_ADDOPTS": f"-q {REPORT} 'a b'"})
    assert told == {"PYTEST_ADDOPTS": f"-q '{REPORT}=a b'"}
    assert joined_environment({"PYTEST_ADDOPTS": "-q  -x"}) == {}
    assert joined_environment({"PYTEST_ADDOPTS": "'"}) == {}
    assert joined_environment({}) == {}


def test_a_value_misleads_where_other_settings_may_lie(tmp_path: Path) -> None:
    here = tmp_path / "project"
    for folder in ("project/gates", "project/other/deep", "out"):
        (tmp_path / folder).mkdir(parents=True)
    (here / "other" / "pytest.ini").write_text("[pytest]\n")
    outside = str(tmp_path / "out")
    for value, expected in [
        (outside, True),
        ("../out", True),
        ("gates", False),
        ("other/deep", True),
        ("nothing", False),
        (str(tmp_path / "nothing"), False),
    ]:
        assert mislead(["-q", REPORT, value], str(here)) is expected, value
    assert not mislead([f"{REPORT}={outside}"], str(here))
    assert not mislead(["--", REPORT, outside], str(here))


LIMIT = {
    "pyproject.toml": "[tool.pytest.ini_options]\nfilterwarnings = ['error']\n"
    "[tool.devops-gates.gates.tests]\nowner = '@us'\n",
    "test_it.py": "import warnings\ndef test_it(): warnings.warn('x')\n",
}


@pytest.mark.slow
@pytest.mark.parametrize("there", [True, False], ids=["there", "fresh"])
@pytest.mark.parametrize("way", ["typed", "environment", "command"])
def test_a_folder_elsewhere_changes_nothing(
    checkout: Checkout, tmp_path: Path, there: bool, way: str
) -> None:
    """The settings of pytest and of ours hold, wherever the report goes."""
    checkout.write(LIMIT)
    out = tmp_path / "out"
    if there:
        out.mkdir()
    stage = ("--devops-gates-stage", "test")
    if way == "typed":
        run = checkout.run(*stage, REPORT, str(out))
    elif way == "environment":
        run = checkout.run(*stage, env={"PYTEST_ADDOPTS": f"{REPORT} {out}"})
    else:
        line = checkout.command(*stage, REPORT, str(out), door=("-m", "pytest_devops_gates", "run"))
        run = checkout.run(command=line)
    assert (run.status, run.outcome("tests")) == (1, "fail"), run
    assert run.gate("tests")["owner"] == "@us"
    assert (out / "report.html").is_file()
    assert not (tmp_path / ".devops-gates").exists()


@pytest.mark.slow
def test_a_program_around_pytest_is_told(checkout: Checkout, tmp_path: Path) -> None:
    checkout.write(LIMIT)
    checkout.write({"run.py": "import sys, pytest\nsys.exit(pytest.main(sys.argv[1:]))\n"})
    run = checkout.run(REPORT, str(tmp_path), door=("run.py",))
    assert run.status == 4
    assert "after '='" in run.stderr
    assert not checkout.latest.exists()
