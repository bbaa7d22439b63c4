"""What is new, what is owed, and what it is compared with, in real runs."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import PLUGINS_OFF, Checkout, Ended

pytestmark = pytest.mark.slow

DEVELOP = ("--devops-gates-stage", "develop")
STATIC = (*DEVELOP, "--devops-gates-stage", "security")
PYPROJECT = """
[project]
name = "app"
version = "1"

[tool.ruff.lint]
select = ["F"]
"""
OLD = "import os\nimport re\n\n\ndef used():\n    return 1\n"


@pytest.fixture
def branch(checkout: Checkout) -> Checkout:
    """A branch of a project that has two old problems, and a flaw that bandit knows."""
    checkout.write(
        {
            "pyproject.toml": PYPROJECT,
            ".gitignore": "__pycache__/\n.devops-gates/\n",
            "app/__init__.py": OLD,
            "app/shell.py": "import subprocess\n\n\ndef run(c):\n    subprocess.call(c, shell=True)\n",
            "test_app.py": "import app\n\n\ndef test_used():\n    assert app.used() == 1\n",
        }
    ).commit()
    checkout.git("branch", "-M", "main")
    checkout.git("checkout", "-q", "-b", "feature")
    return checkout


def states(run: Ended, gate: str = "lint") -> dict[str, int]:
    counts = run.gate(gate)["findings"]
    return {state: counts[state] for state in ("new", "known", "waived") if counts[state]}


def devops(checkout: Checkout, *args: str) -> Ended:
    command = checkout.command("-m", "pytest_devops_gates", *args, *PLUGINS_OFF)
    at = command.index("-m")
    python = command[:at]
    return checkout.run(command=[*python, "-m", "pytest_devops_gates", *args])


def test_old_problems_are_known_and_a_new_one_is_new(branch: Checkout) -> None:
    run = branch.run(*STATIC)
    assert (run.status, states(run), states(run, "bandit")["known"] > 0) == (0, {"known": 2}, True)
    branch.write({"app/more.py": "import sys\n"})
    run = branch.run(*STATIC)
    assert (run.status, states(run)) == (1, {"new": 1, "known": 2}), run
    (new,) = [f for f in run.verdict["findings"] if f["state"] == "new" and f["gate"] == "lint"]
    assert new["path"] == "app/more.py"


def test_moved_renamed_and_formatted_code_is_old(branch: Checkout) -> None:
    branch.git("mv", "app/shell.py", "app/process.py")
    branch.write(
        {
            "app/__init__.py": "# told\n\n\ndef used():\n    return 1\n\n\nimport re\nimport os\n",
            "app/process.py": "import subprocess\n\n\ndef run(c):\n    subprocess.call(\n"
            "        c,\n        shell=True,\n    )\n",
        }
    )
    run = branch.run(*STATIC)
    assert (run.status, states(run)) == (0, {"known": 2}), run
    assert run.gate("bandit")["findings"]["new"] == 0, run


def test_a_second_problem_that_is_alike_is_new(branch: Checkout) -> None:
    branch.write({"app/shell.py": (branch.root / "app/shell.py").read_text() * 2})
    run = branch.run("--devops-gates-stage", "security")
    assert (run.status, run.gate("bandit")["metrics"]["findings.high.medium"]) == (1, 1), run


def test_a_rule_that_is_switched_on_makes_no_old_code_new(branch: Checkout) -> None:
    branch.write(
        {"pyproject.toml": PYPROJECT.replace('"F"', '"F", "S"'), "app/new.py": "assert 1\n"}
    )
    run = branch.run(*DEVELOP)
    assert (run.status, states(run)["new"]) == (1, 1), run
    assert states(run)["known"] > 2


def test_what_the_base_shows_is_kept_by_commit(branch: Checkout) -> None:
    first = branch.run(*DEVELOP)
    kept = list((branch.root / ".devops-gates/cache/base").glob("*.json"))
    assert len(kept) == 1
    told = json.loads(kept[0].read_text())
    told["evidence"]["findings"] = []
    kept[0].write_text(json.dumps({**told, "lines": []}))
    assert states(first) == {"known": 2}
    assert states(branch.run(*DEVELOP)) == {"new": 2}
    branch.write({"pyproject.toml": PYPROJECT + "[tool.ruff]\nline-length = 99\n"})
    assert states(branch.run(*DEVELOP)) == {"known": 2}


def test_a_gate_that_cannot_tell_on_the_base_cannot_tell_what_is_new(branch: Checkout) -> None:
    """bandit reads no file that cannot be parsed, and does not say what is wrong in it."""
    branch.git("checkout", "-q", "main")
    branch.write({"app/broken.py": "def broken(:\n"}).git("add", "-A")
    branch.git("commit", "-qm", "Break it")
    branch.git("checkout", "-q", "-b", "mended")
    branch.write({"app/broken.py": "import subprocess\nsubprocess.call(X, shell=True)\n"})
    run = branch.run("--devops-gates-stage", "security")
    assert (run.status, run.outcome("bandit")) == (6, "unknown"), run
    assert "base's tree" in run.reason("bandit")


def test_a_shallow_clone_is_unknown_and_says_what_mends_it(
    branch: Checkout, tmp_path: Path
) -> None:
    branch.write({"app/more.py": "import sys\n"}).git("add", "-A")
    branch.git("commit", "-qm", "More")
    there = Checkout(tmp_path / "clone")
    branch.git(
        "clone", "-q", "--depth=1", "--branch=feature", branch.root.as_uri(), str(there.root)
    )
    run = there.run(*DEVELOP, "--devops-gates-base", "origin/main")
    assert (run.status, run.outcome("lint"), run.outcome("policy")) == (6, "unknown", "unknown")
    assert "git fetch --unshallow origin" in run.reason("lint")


def test_without_a_base_everything_is_new(branch: Checkout) -> None:
    branch.git("checkout", "-q", "main")
    run = branch.run(*DEVELOP)
    assert (run.status, run.verdict["base"], states(run)) == (1, None, {"new": 2}), run


def test_a_hook_compares_with_what_is_committed(branch: Checkout) -> None:
    branch.write({"app/__init__.py": "X = 1\n" + OLD}).git("add", "-A")
    run = devops(branch, "hook")
    assert (run.status, states(run)) == (0, {"known": 2}), run
    branch.write({"app/__init__.py": "import sys\n" + OLD}).git("add", "-A")
    run = devops(branch, "hook")
    assert (run.status, states(run)) == (1, {"new": 1, "known": 2}), run


def baseline(checkout: Checkout) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((checkout.root / "devops-gates/baseline.json").read_text())
    return {key: [e for e in told[key] if e] for key in ("findings", "numbers")}


def commit_to_main(branch: Checkout) -> None:
    branch.git("add", "-A")
    branch.git("commit", "-qm", "On main")
    branch.git("branch", "-f", "main")


def test_a_baseline_is_written_and_excuses_no_more_than_it_holds(branch: Checkout) -> None:
    branch.git("checkout", "-q", "main")
    done = devops(branch, "baseline", "-q")
    assert done.status == 0, done
    assert {e["rule"] for e in baseline(branch)["findings"]} >= {"F401", "B602"}
    run = branch.run(*STATIC)
    assert (run.status, states(run)) == (0, {"known": 2}), run
    branch.write({"app/more.py": "import sys\n"})
    assert branch.run(*STATIC).status == 1


def test_what_is_mended_has_to_leave_the_baseline(branch: Checkout) -> None:
    devops(branch, "baseline", "-q")
    commit_to_main(branch)
    branch.write({"app/__init__.py": OLD.replace("import os\n", "")})
    run = branch.run(*STATIC)
    assert (run.status, run.outcome("lint"), run.outcome("policy")) == (1, "pass", "fail"), run
    (stale,) = [f for f in run.verdict["findings"] if f["rule"] == "stale-baseline"]
    lines = (branch.root / stale["path"]).read_text().split("\n")
    assert "`os`" in lines[stale["line"] - 1]
    before = len(baseline(branch)["findings"])
    assert devops(branch, "baseline", "--tighten", "-q").status == 0
    assert len(baseline(branch)["findings"]) == before - 1
    run = branch.run(*STATIC)
    assert (run.status, run.outcome("policy")) == (0, "pass"), run


def test_tightening_adds_nothing(branch: Checkout) -> None:
    devops(branch, "baseline", "-q")
    before = baseline(branch)
    branch.write({"app/more.py": "import sys\n"})
    assert devops(branch, "baseline", "--tighten", "-q").status == 0
    assert baseline(branch) == before


def test_there_is_nothing_to_tighten_without_a_baseline(branch: Checkout) -> None:
    done = devops(branch, "baseline", "--tighten")
    assert done.status == 4
    assert "there is no devops-gates/baseline.json" in done.stderr


def test_a_partial_run_calls_nothing_stale(branch: Checkout) -> None:
    devops(branch, "baseline", "-q")
    commit_to_main(branch)
    run = branch.run(*DEVELOP)  # bandit is not asked
    assert (run.status, run.outcome("policy")) == (0, "pass"), run


NO_DROP = PYPROJECT + "\n[tool.devops-gates.gates.coverage]\nconditions = { line = 'no-drop' }\n"
HALF = "def used():\n    return 1\n\n\ndef unused():\n    return 2\n"


def test_coverage_may_not_drop(branch: Checkout) -> None:
    branch.write({"pyproject.toml": NO_DROP, "app/__init__.py": HALF})
    (branch.root / "app/shell.py").unlink()
    commit_to_main(branch)
    assert devops(branch, "baseline", "-q").status == 0
    assert baseline(branch)["numbers"] == [{"gate": "coverage", "metric": "line", "value": 75.0}]
    run = branch.test()
    assert (run.status, run.outcome("coverage")) == (0, "pass"), run
    (condition,) = run.gate("coverage")["conditions"]
    assert (condition["baseline"], condition["limit"], condition["value"]) == (75, 75, 75)
    assert condition["source"] == "recorded"
    commit_to_main(branch)
    branch.write({"app/more.py": "def more():\n    return 3\n"})
    run = branch.test()
    assert (run.status, run.outcome("coverage")) == (1, "fail"), run
    branch.write(
        {"app/more.py": "", "app/__init__.py": HALF.partition("\n\n\ndef unused")[0] + "\n"}
    )
    run = branch.test()
    assert any("better than the baseline's 75.0" in note for note in run.gate("coverage")["notes"])
    devops(branch, "baseline", "--tighten", "-q")
    assert baseline(branch)["numbers"][0]["value"] == 100.0


def test_coverage_that_nobody_recorded_is_measured_on_the_base(branch: Checkout) -> None:
    branch.write({"pyproject.toml": NO_DROP, "app/__init__.py": HALF})
    (branch.root / "app/shell.py").unlink()
    commit_to_main(branch)
    run = branch.test()
    (condition,) = run.gate("coverage")["conditions"]
    assert (condition["baseline"], condition["source"]) == (75, "measured"), run
    branch.write({"app/more.py": "def more():\n    return 3\n"})
    run = branch.test()
    assert (run.status, run.outcome("coverage")) == (1, "fail"), run
    assert "(75 at the base, measured)" in run.reason("coverage")
    assert len(list((branch.root / ".devops-gates/cache/base").glob("*.json"))) == 1


def test_tests_that_cannot_be_run_on_the_base_leave_no_history(branch: Checkout) -> None:
    settings = NO_DROP + "[tool.pytest.ini_options]\naddopts = '--nonsense'\n"
    branch.write({"pyproject.toml": settings})
    commit_to_main(branch)
    branch.write({"pyproject.toml": NO_DROP})
    run = branch.test()
    assert (run.status, run.outcome("coverage")) == (6, "unknown"), run
    assert "no history" in run.reason("coverage")


def test_without_a_base_there_is_no_history(branch: Checkout) -> None:
    branch.write({"pyproject.toml": NO_DROP}).git("checkout", "-q", "main")
    run = branch.test()
    assert (run.status, run.verdict["base"]) == (6, None), run
    assert "no history" in run.reason("coverage")


def test_what_nobody_recorded_is_measured_on_the_base(branch: Checkout) -> None:
    settings = "\n[tool.devops-gates.gates.suppressions]\nlevel = 'required'\n"
    settings += "conditions = { noqa = 'no-rise' }\n"
    branch.write({"pyproject.toml": PYPROJECT + settings, "app/x.py": "X = 1  # noqa: F821\n"})
    commit_to_main(branch)
    assert branch.run(*DEVELOP).status == 0
    branch.write({"app/y.py": "Y = 1  # noqa: F821\n"})
    run = branch.run(*DEVELOP)
    assert run.outcome("suppressions") == "fail", run
    (condition,) = run.gate("suppressions")["conditions"]
    assert (condition["baseline"], condition["limit"], condition["value"]) == (1, 1, 2)


def test_conditions_by_rule_and_path(branch: Checkout) -> None:
    conditions = """
    [tool.devops-gates.gates.lint.conditions]
    "findings.total.rule:F4*" = "<= 1"
    "findings.total.path:app/shell.py" = "== 0"
    """
    branch.write({"pyproject.toml": PYPROJECT + conditions.replace("    ", "")})
    commit_to_main(branch)
    run = branch.run(*DEVELOP)
    held = {c["metric"]: (c["value"], c["holds"]) for c in run.gate("lint")["conditions"]}
    assert held == {
        "findings.new": (0, True),
        "findings.total.rule:F4*": (2, False),
        "findings.total.path:app/shell.py": (0, True),
    }


def waive(branch: Checkout) -> str:
    run = branch.run(*DEVELOP)
    (new,) = [f for f in run.verdict["findings"] if f["state"] == "new" and f["gate"] == "lint"]
    done = devops(
        branch, "waivers", "add", new["fingerprint"], "--reason", "It is used by its name",
        "--owner", "@us", "--days", "30",
    )  # fmt: skip
    assert done.status == 0, done
    return str(new["fingerprint"])


def test_a_waiver_holds_back_what_it_names(branch: Checkout) -> None:
    branch.write({"app/more.py": "import sys\n"})
    fingerprint = waive(branch)
    commit_to_main(branch)
    branch.git("commit", "-q", "--allow-empty", "-m", "Next")
    branch.write({"app/__init__.py": OLD + "import json\n"})
    run = branch.run(*DEVELOP)
    assert states(run)["new"] == 1, run
    branch.write({"app/__init__.py": OLD})
    # the base's tree shows it by now, so that it needs no waiver, and the waiver matches all the same
    run = branch.run(*DEVELOP)
    assert (run.status, run.outcome("policy")) == (0, "pass"), run
    assert [w["fingerprint"] for w in run.verdict["waivers"]] == [fingerprint]


def test_a_waiver_of_this_change_is_seen_and_told(branch: Checkout) -> None:
    branch.write({"app/more.py": "import sys\n"})
    fingerprint = waive(branch)
    run = branch.run(*DEVELOP)
    assert (states(run), run.outcome("lint")) == ({"known": 2, "waived": 1}, "pass"), run
    (waived,) = [f for f in run.verdict["findings"] if f["state"] == "waived"]
    assert (waived["fingerprint"], run.verdict["waivers"][0]["holds_back"]) == (fingerprint, 1)
    assert run.outcome("policy") == "fail"  # until it is on the base


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        ("expires", "expires = 2020-01-01\n#", "waiver-expired"),
        ("owner", "#", "waiver-without-owner"),
        ('gate = "lint"', 'gate = "limt"', "waiver-unknown-gate"),
        ("fingerprint =", 'fingerprint = "0123456789abcdef"\n#', "waiver-unmatched"),
    ],
)
def test_a_bad_waiver_waives_nothing_and_is_a_finding(
    old: str, new: str, rule: str, branch: Checkout
) -> None:
    branch.write({"app/more.py": "import sys\n"})
    waive(branch)
    path = branch.root / "devops-gates/waivers.toml"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    run = branch.run(*DEVELOP)
    assert (run.status, states(run).get("waived")) == (1, None), run
    assert rule in {f["rule"] for f in run.verdict["findings"] if f["gate"] == "policy"}, run


def test_a_broken_baseline_is_a_configuration_error(branch: Checkout) -> None:
    branch.write({"devops-gates/baseline.json": "<<<<<<< HEAD\n{}\n"})
    run = branch.run(*DEVELOP)
    assert run.status == 4, run
    assert "devops-gates/baseline.json" in run.verdict["reason"]


def test_what_is_merged_judges_on_the_default_branch(branch: Checkout) -> None:
    """Compared with the last release, what was loosened since is no loosening any more."""
    branch.git("tag", "v1.0")
    branch.write({"pyproject.toml": PYPROJECT.replace('["F"]', '["F"]\nignore = ["F841"]')})
    commit_to_main(branch)
    branch.git("checkout", "-q", "main")
    run = branch.run(*DEVELOP)
    assert run.verdict["compared"]["told"] == "the last release", run
    assert (run.status, run.outcome("policy")) == (0, "not-applicable"), run
    assert states(run) == {"known": 2}


def test_a_shallow_clone_without_any_base_is_unknown(branch: Checkout, tmp_path: Path) -> None:
    there = Checkout(tmp_path / "clone")
    branch.git("clone", "-q", "--depth=1", "--branch=main", branch.root.as_uri(), str(there.root))
    there.git("checkout", "-q", "--detach")
    there.git("branch", "-q", "-D", "main")
    there.git("remote", "set-head", "origin", "--delete")
    there.git("update-ref", "-d", "refs/remotes/origin/main")
    run = there.run(*DEVELOP)
    assert (run.status, run.outcome("policy"), run.outcome("lint")) == (6, "unknown", "unknown"), (
        run
    )
    assert "git fetch --unshallow" in run.reason("policy")


def test_what_was_waived_is_not_old_when_its_waiver_ends(branch: Checkout) -> None:
    branch.write({"app/more.py": "import sys\n"})
    waive(branch)
    commit_to_main(branch)
    run = branch.run(*DEVELOP)
    assert (run.status, states(run)) == (0, {"known": 2, "waived": 1}), run
    path = branch.root / "devops-gates/waivers.toml"
    held = path.read_text()
    path.write_text(re.sub(r"(created|expires) = .*", r"\1 = 2020-01-0\1", held))
    path.write_text(re.sub(r"2020-01-0created", "2020-01-01", path.read_text()))
    path.write_text(re.sub(r"2020-01-0expires", "2020-01-09", path.read_text()))
    run = branch.run(*DEVELOP)
    assert (run.status, states(run), run.outcome("lint")) == (1, {"known": 2, "new": 1}, "fail"), (
        run
    )
    path.unlink()
    run = branch.run(*DEVELOP)
    assert (run.status, states(run)) == (1, {"known": 2, "new": 1}), run


def test_as_many_suppressions_as_the_policy_allows(branch: Checkout) -> None:
    allowed = "\n[tool.devops-gates.gates.policy]\noptions = { suppressions = 1 }\n"
    branch.write({"pyproject.toml": PYPROJECT + allowed})
    commit_to_main(branch)
    branch.write({"app/more.py": "import sys  # noqa: F401\n"})
    run = branch.run(*DEVELOP)
    assert (run.status, run.outcome("policy")) == (0, "pass"), run
    branch.write({"app/more.py": "import sys  # noqa: F401\n" * 2})
    run = branch.run(*DEVELOP)
    (grown,) = [f for f in run.verdict["findings"] if f["rule"] == "suppressions-grown"]
    assert (run.status, grown["path"], grown["line"]) == (1, "app/more.py", 1), run


def test_the_baseline_of_one_gate(branch: Checkout) -> None:
    assert devops(branch, "baseline", "--gate", "lint").status == 0
    assert {e["gate"] for e in baseline(branch)["findings"]} == {"lint"}
    assert (
        branch.root / "devops-gates/.gitattributes"
    ).read_text() == "baseline.json merge=union\n"
    assert devops(branch, "baseline", "--gate", "bandit").status == 0
    assert {e["gate"] for e in baseline(branch)["findings"]} == {"lint", "bandit"}


def test_the_baseline_says_what_it_cannot_hold(branch: Checkout) -> None:
    branch.write({"test_app.py": "def test_it():\n    assert False\n"})
    done = devops(branch, "baseline", "-q")
    assert done.status == 0
    assert "no baseline holds what these fail over: tests" in done.stdout
