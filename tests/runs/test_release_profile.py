"""The profile release on a project that is ready for it: all gates of build, security and deploy
pass; and each violation that is planted turns exactly its own gate red, and says what mends it."""

from __future__ import annotations

import os
import shutil
import sys
import sysconfig
import venv
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_devops_gates.builtin import GATES
from pytest_devops_gates.process import find_optional
from pytest_devops_gates.stage import Stage
from tests.conftest import Checkout, Ended
from tests.runs import releasable
from tests.runs.releasable import WORKFLOW, approve, lock, read, replace, write
from tests.unit.planted import SECRETS

pytestmark = pytest.mark.slow

BUILDING = ("package", "install", "reproducible")
LOOKING = (
    "compiles",
    "bandit", "secrets", "vulnerabilities", "licenses", "workflows", "dependencies",
    "version", "changelog", "api", "locked", "freeze", "approval",
)  # fmt: skip
"""The gates of build, security and deploy, by whether they have something built."""

if find_optional("zizmor", Path(__file__).parent) is None:  # PyPI has it for 3.11 and newer
    LOOKING = tuple(name for name in LOOKING if name != "workflows")

TESTING = ("lint", "format", "types", "tree", "tests", "coverage")
RED = ("fail", "unknown")


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("release") / "ledger"
    releasable.make(root)
    return root


@pytest.fixture
def ledger(sound: Path, tmp_path: Path) -> Checkout:
    """A copy of the sound project."""
    return Checkout(Path(shutil.copytree(sound, tmp_path / "ledger", symlinks=True)))


def judge(
    ledger: Checkout, *gates: str, python: Path | str = sys.executable, base: str = ""
) -> Ended:
    named = [word for gate in gates for word in ("--gate", gate)]
    options = ["--devops-gates-profile", "release"]
    options += ["--devops-gates-base", base] if base else []
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    command = [str(python), "-m", "pytest_devops_gates", "run", *named, *options]
    return ledger.run(command=command, env={"PATH": path}, timeout=300)


def red(run: Ended) -> set[str]:
    return {gate["name"] for gate in run.verdict["gates"] if gate["outcome"] in RED}


def told(run: Ended, gate: str) -> str:
    """All that a gate says, one finding a line."""
    found = [f for f in run.verdict["findings"] if f["gate"] == gate]
    return "\n".join(f"{f['path']}:{f['line']} {f['rule']} {f['message']}" for f in found)


def test_a_project_that_is_ready_passes_with_every_gate(ledger: Checkout) -> None:
    run = ledger.run("--devops-gates-profile", "release", timeout=300)
    outcomes = {g["name"]: g["outcome"] for g in run.verdict["gates"]}
    assert run.status == 0, run
    assert run.verdict["verdict"] == "pass"
    expected = (*BUILDING, *LOOKING, *TESTING)
    assert {name: outcomes[name] for name in expected} == dict.fromkeys(expected, "pass"), (
        run.all_said
    )
    levels = {g["name"]: g["level"] for g in run.verdict["gates"] if g["outcome"] == "pass"}
    advisory = {name for name, level in levels.items() if level == "advisory"}
    assert advisory <= {"suppressions", "commits", "reproducible", "workflows", "dependencies"}
    mattering = {g.name for g in GATES if g.stage in (Stage.BUILD, Stage.SECURITY, Stage.DEPLOY)}
    assert mattering - {*BUILDING, *LOOKING} <= {"workflows"}  # no gate is forgotten here


def add_secrets(ledger: Checkout) -> None:
    """One of each kind, in a file that no artefact holds."""
    lines = {rule: text.format(value) for rule, text, value in SECRETS}
    write(ledger, "deploy/settings.env", "\n".join(lines.values()) + "\n")


def lock_a_vulnerable_package(ledger: Checkout) -> None:
    lock(ledger, ("jinja2", "2.10"))


def require_what_is_gpl(ledger: Checkout) -> None:
    replace(ledger, "pyproject.toml", '"packaging>=24"]', '"packaging>=24", "copyleft>=2"]')
    lock(ledger, ("copyleft", "2.0"))


def add_a_dangerous_workflow(ledger: Checkout) -> None:
    replace(ledger, WORKFLOW, "  pull_request:\n", "  pull_request_target:\n")
    replace(ledger, WORKFLOW, "- run: python", "- run: echo ${{ github.event.pull_request.title }} && python")  # fmt: skip


def break_the_api(ledger: Checkout) -> None:
    replace(ledger, "src/ledger/__init__.py", "def add(first: int, second: int)",
            "def add(first: int, second: int, third: int)")  # fmt: skip


def leave_the_lock(ledger: Checkout) -> None:
    replace(ledger, "pyproject.toml", '"packaging>=24"]', '"packaging>=24", "pluggy>=1"]')


def freeze_now(ledger: Checkout) -> None:
    days = ", ".join(str(releasable.in_days(n)) for n in (-1, 0, 1))
    replace(ledger, "pyproject.toml", "holidays = [", f"holidays = [{days}, ")


def import_what_is_not_declared(ledger: Checkout) -> None:
    replace(ledger, "src/ledger/tax.py", '"""Taxes."""\n', '"""Taxes."""\n\nimport msgspec as msgspec\n')  # fmt: skip


def leave_a_version(ledger: Checkout) -> None:
    replace(ledger, "src/ledger/__init__.py", '__version__ = "1.1.0"', '__version__ = "1.0.0"')


PLANTED: dict[str, tuple[Callable[[Checkout], None], list[str]]] = {
    "secrets": (add_secrets, ["deploy/settings.env:1 ", "revoke", "take it out of the file"]),
    "vulnerabilities": (
        lock_a_vulnerable_package,
        ["pdm.lock:", "PYSEC-2019-217", "jinja2 2.10", "CVE-2019-10906", "upgrade to 2.10.1"],
    ),
    "workflows": (add_a_dangerous_workflow, [f"{WORKFLOW}:", "dangerous-triggers", "template-injection"]),
    "api": (
        break_the_api,
        ["bump-needed", "src/ledger/__init__.py:", "parameter-added-required", "third", "2.0.0"],
    ),
    "locked": (leave_the_lock, ["pdm.lock:", "stale-lock", "pdm lock"]),
    "freeze": (freeze_now, ["frozen", "holiday", "wait until then", "release approve --override freeze"]),
    "dependencies": (import_what_is_not_declared, ["src/ledger/tax.py:3", "msgspec"]),
    "version": (leave_a_version, ["version-differs", "1.0.0", "1.1.0", "src/ledger/__init__.py"]),
}  # fmt: skip


@pytest.mark.parametrize("gate", [name for name in PLANTED if name in LOOKING])
def test_what_is_planted_turns_exactly_its_gate_red(ledger: Checkout, gate: str) -> None:
    plant, says = PLANTED[gate]
    plant(ledger)
    approve(ledger)
    run = judge(ledger, *LOOKING)
    assert red(run) == {gate}, run.all_said
    assert run.outcome(gate) == "fail"
    said = told(run, gate)
    assert [part for part in says if part not in said] == [], said
    if gate == "secrets":
        rules = {f["rule"] for f in run.verdict["findings"] if f["gate"] == gate}
        assert {rule for rule, _, _ in SECRETS} <= rules
        assert hidden(ledger, run)


def hidden(ledger: Checkout, run: Ended) -> bool:
    """Whether no value, and no middle line of one, was printed or stands in a file of the run."""
    values = [value.splitlines()[len(value.splitlines()) // 2].encode() for _, _, value in SECRETS]
    kept = [p.read_bytes() for p in (ledger.root / ".devops-gates").rglob("*") if p.is_file()]
    told = [run.stdout.encode(), run.stderr.encode(), *kept]
    return not [value for value in values for text in told if value in text]


@pytest.fixture
def with_copyleft(tmp_path: Path) -> Path:
    """A Python with all that is installed here, and a distribution licensed GPL-3.0-or-later."""
    venv.create(tmp_path / "env")
    beside = next((tmp_path / "env").glob("lib/*/site-packages"))
    here = [sysconfig.get_path("purelib"), str(Path(__file__).parents[2])]
    (beside / "all.pth").write_text("\n".join(here))
    metadata = "Name: copyleft\nVersion: 2.0\nLicense-Expression: GPL-3.0-or-later\n"
    Checkout(beside).write(
        {"copyleft-2.0.dist-info/METADATA": f"Metadata-Version: 2.4\n{metadata}"}
    )
    return tmp_path / "env" / "bin" / "python"


def test_what_is_gpl_is_required(ledger: Checkout, with_copyleft: Path) -> None:
    require_what_is_gpl(ledger)
    approve(ledger)
    run = judge(ledger, *LOOKING, python=with_copyleft)
    assert red(run) == {"licenses"}, run.all_said
    assert run.outcome("licenses") == "fail"
    said = "copyleft 2.0, required by ledger, is licensed GPL-3.0-or-later (License-Expression)"
    assert told(run, "licenses").startswith("pyproject.toml:"), run
    assert said in told(run, "licenses")
    assert "replace it, or change that list" in told(run, "licenses")


def test_nobody_has_approved(ledger: Checkout) -> None:
    write(ledger, "README.md", "# ledger\n\nAdds up.\n")
    ledger.git("commit", "-qam", "Say less")
    run = judge(ledger, *LOOKING)
    assert red(run) == {"approval"}, run.all_said
    head = ledger.git("rev-parse", "HEAD").strip()
    assert f"release approve --commit {head}" in told(run, "approval")
    assert "0 of 1 approvals" in told(run, "approval")


HOOK = """\
import os

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CustomBuildHook(BuildHookInterface):
    def initialize(self, version, build_data):
        with open(os.path.join(self.root, "src/ledger/built.py"), "w") as stream:
            stream.write(f"BUILT = {os.urandom(8).hex()!r}\\n")
        build_data["artifacts"].append("src/ledger/built.py")
"""


def test_a_module_that_git_ignores_is_not_in_the_wheel(ledger: Checkout) -> None:
    """hatchling leaves out what .gitignore names, although git tracks it."""
    write(ledger, ".gitignore", read(ledger, ".gitignore") + "tax*\n")
    approve(ledger)
    run = judge(ledger, *BUILDING, *LOOKING)
    assert red(run) == {"package"}, run.all_said
    assert run.outcome("package") == "fail"
    said = told(run, "package")
    assert (
        "src/ledger/tax.py:None missing-module src/ledger/tax.py is not in ledger-1.1.0-py3" in said
    )
    assert "[tool.hatch.build.targets.wheel], and .gitignore" in said


def test_a_random_number_is_built_in(ledger: Checkout) -> None:
    write(ledger, "hatch_build.py", HOOK)
    replace(
        ledger, "pyproject.toml", "[tool.pytest", "[tool.hatch.build.hooks.custom]\n\n[tool.pytest"
    )
    approve(ledger)
    run = judge(ledger, *BUILDING, *LOOKING)
    assert red(run) == {"reproducible"}, run.all_said
    assert run.outcome("reproducible") == "fail"
    said = told(run, "reproducible")
    assert "content-differs ledger-1.1.0-py3-none-any.whl differs" in said
    assert "content of ledger/built.py" in said
    assert (run.status, run.verdict["verdict"]) == (0, "pass")  # it is advisory


def test_what_a_change_declares_is_not_owed_by_its_base(
    ledger: Checkout, with_copyleft: Path
) -> None:
    """A requirement that is new is new, although both trees hold the same code."""
    replace(ledger, "pyproject.toml", '"packaging>=24"]', '"copyleft>=2"]')
    ledger.git("commit", "-qam", "Require other things")
    run = judge(ledger, "licenses", "dependencies", python=with_copyleft, base="HEAD~1")
    assert red(run) == {"licenses", "dependencies"}, run.all_said
