"""Weakening what judges, in the very change that it judges, never helps."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping

import pytest

from tests.conftest import Checkout, Ended

pytestmark = pytest.mark.slow

PULL_REQUEST = {"GITHUB_BASE_REF": "main"}
DEVELOP = ("--devops-gates-stage", "develop")

PYPROJECT = """
[project]
name = "app"
version = "1"

[tool.ruff.lint]
select = ["E", "F"]

[tool.coverage.run]
source = ["app"]

[tool.coverage.report]
fail_under = 90

[tool.devops-gates.gates.lint]
level = "required"

[[tool.devops-gates.command]]
name = "letters"
stage = "develop"
run = ["python", "letters.py"]
"""
BASE = {
    "pyproject.toml": PYPROJECT,
    "app/__init__.py": "def used():\n    return 1\n",
    "letters.py": "import sys\nsys.exit('import os' in open('app/__init__.py').read())\n",
    "test_app.py": "import app\n\n\ndef test_used():\n    assert app.used() == 1\n",
}
BAD = "import os\n\n\ndef used():\n    return 1\n"


def on_a_branch(checkout: Checkout, change: Mapping[str, str | bytes]) -> Checkout:
    checkout.write(BASE).commit()
    checkout.git("branch", "-M", "main")
    checkout.git("checkout", "-q", "-b", "feature")
    checkout.write(change)
    checkout.git("add", "-A")
    checkout.git("commit", "-q", "--allow-empty", "-m", "Change it")
    return checkout


def with_settings(old: str, new: str) -> dict[str, str]:
    assert old in PYPROJECT
    return {"pyproject.toml": PYPROJECT.replace(old, new)}


def rules(run: Ended) -> set[str]:
    return {f["rule"] for f in run.verdict["findings"] if f["gate"] == "policy"}


def entry(content: str = "0123456789ab:0123456789ab") -> str:
    owed = {
        "gate": "lint",
        "path": "app/__init__.py",
        "rule": "F401",
        "severity": "medium",
        "content": content,
    }
    line = json.dumps({**owed, "message": "`os` imported but unused"})
    head = '{\n"schema": "pytest-devops-gates/baseline/1",\n"findings": [\n'
    return f'{head}{line},\nnull\n],\n"numbers": [\nnull\n]\n}}\n'


WAIVER = """
[[waiver]]
id = "mine"
gate = "lint"
rule = "F401"
reason = "I want it"
owner = "me"
created = 2026-11-01
expires = 2026-12-31
"""

OPTIONS = "[tool.pytest.ini_options]\naddopts = '{}'\n"


def with_addopts(option: str) -> dict[str, str]:
    return {"pyproject.toml": PYPROJECT + OPTIONS.format(option)}


ATTEMPTS: dict[str, tuple[dict[str, str], str]] = {
    "a lower level": (with_settings('level = "required"', 'level = "advisory"'), "level-lowered"),
    "the gate off": (with_settings('level = "required"', 'level = "off"'), "level-lowered"),
    "a higher limit": (
        with_settings('level = "required"', 'conditions = { "findings.new" = "<= 5" }'),
        "limit-weakened",
    ),
    "another profile": (
        with_settings(
            "[project]",
            '[tool.devops-gates]\nprofile = "easy"\n'
            '[tool.devops-gates.profiles.easy]\nstages = ["deploy"]\n[project]',
        ),
        "profile-changed",
    ),
    "a base of its own": (
        with_settings("[project]", '[tool.devops-gates]\nbase = "HEAD"\n[project]'),
        "base-changed",
    ),
    "the gate policy off": (
        with_settings(
            "[tool.devops-gates.gates.lint]",
            '[tool.devops-gates.gates.policy]\nlevel = "off"\n[tool.devops-gates.gates.lint]',
        ),
        "level-lowered",
    ),
    "a rule ignored": (
        with_settings('select = ["E", "F"]', 'select = ["E", "F"]\nignore = ["F401"]'),
        "setting-loosened",
    ),
    "a rule not selected": (
        with_settings('select = ["E", "F"]', 'select = ["E"]'),
        "setting-loosened",
    ),
    "a rule ignored in a file": (
        with_settings(
            "[tool.coverage.run]",
            '[tool.ruff.lint.per-file-ignores]\n"app/*" = ["F401"]\n[tool.coverage.run]',
        ),
        "setting-loosened",
    ),
    "files excluded": (
        with_settings("[tool.ruff.lint]", '[tool.ruff]\nexclude = ["app"]\n[tool.ruff.lint]'),
        "setting-loosened",
    ),
    "settings that hide others": ({"ruff.toml": "[lint]\nselect = ['E']\n"}, "settings-shadowed"),
    "settings in a folder": (
        {"app/ruff.toml": "[lint]\nselect = ['E']\n"},
        "settings-shadowed",
    ),
    "a hook that leaves files out": (
        {
            ".pre-commit-config.yaml": "repos:\n- repo: https://example.org/ruff\n  rev: v1\n"
            "  hooks:\n  - id: ruff\n    exclude: ^app/\n"
        },
        "setting-loosened",
    ),
    "a suppression": (
        {"app/__init__.py": BAD.replace("os", "os  # noqa", 1)},
        "suppressions-grown",
    ),
    "an entry of the baseline": ({"devops-gates/baseline.json": entry()}, "baseline-introduced"),
    "a waiver": ({"devops-gates/waivers.toml": WAIVER}, "waiver-added"),
    "a command gone": (
        {"pyproject.toml": PYPROJECT.partition("[[tool.devops-gates.command]]")[0]},
        "gate-gone",
    ),
    "a command that does nothing": (
        with_settings('["python", "letters.py"]', '["python", "-c", ""]'),
        "command-changed",
    ),
}


@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_in_a_pull_request(attempt: str, checkout: Checkout) -> None:
    """Each change brings an unused import; judged as it stands, most of them would pass."""
    files, rule = ATTEMPTS[attempt]
    on_a_branch(checkout, {"app/__init__.py": BAD, **files})
    run = checkout.run(*DEVELOP, env=PULL_REQUEST)
    assert run.verdict["policy"]["source"].startswith("pyproject.toml at main")
    assert (run.status, run.verdict["verdict"]) == (1, "fail"), run
    assert rule in rules(run), rules(run)


LOCALLY = [
    name
    for name in ATTEMPTS
    if name not in {"the gate policy off", "another profile", "a base of its own"}
]


@pytest.mark.parametrize("attempt", LOCALLY)
def test_without_a_ci_the_gate_policy_tells_as_well(attempt: str, checkout: Checkout) -> None:
    files, rule = ATTEMPTS[attempt]
    on_a_branch(checkout, files)
    run = checkout.run(*DEVELOP)
    assert rule in rules(run), rules(run)
    assert run.verdict["policy"]["source"] == "pyproject.toml"
    assert run.outcome("policy") == "fail", run


def test_the_change_without_any_attempt_fails_by_itself(checkout: Checkout) -> None:
    run = on_a_branch(checkout, {"app/__init__.py": BAD}).run(*DEVELOP, env=PULL_REQUEST)
    assert (run.status, run.outcome("lint"), run.outcome("policy")) == (1, "fail", "pass"), run


def test_a_sound_change_passes(checkout: Checkout) -> None:
    sound = {"app/__init__.py": "def used():\n    return 1\n\n\nMORE = 1\n"}
    run = on_a_branch(checkout, sound).run(*DEVELOP, env=PULL_REQUEST)
    assert (run.status, run.outcome("policy")) == (0, "pass"), run


def test_a_tightening_passes(checkout: Checkout) -> None:
    more = with_settings('select = ["E", "F"]', 'select = ["E", "F", "B"]')
    run = on_a_branch(checkout, more).run(*DEVELOP, env=PULL_REQUEST)
    assert (run.status, rules(run)) == (0, set()), run


def test_a_loosening_takes_effect_once_it_is_on_the_base(checkout: Checkout) -> None:
    ignored = with_settings('select = ["E", "F"]', 'select = ["E", "F"]\nignore = ["F401"]')
    on_a_branch(checkout, ignored)
    checkout.git("branch", "-f", "main", "feature")
    checkout.write({"app/__init__.py": BAD.replace("os", "re")}).git("commit", "-qam", "Use it")
    run = checkout.run(*DEVELOP, env=PULL_REQUEST)
    assert (run.status, rules(run)) == (0, set()), run


def test_a_lower_limit_of_coverage(checkout: Checkout) -> None:
    unused = "def used():\n    return 1\n\n\ndef a():\n    return 1\n\n\ndef b():\n    return 1\n"
    lower = with_settings("fail_under = 90", "fail_under = 10")
    on_a_branch(checkout, {"app/__init__.py": unused, **lower})
    run = checkout.run(*DEVELOP, "--devops-gates-stage", "test", env=PULL_REQUEST)
    assert (run.status, run.outcome("policy")) == (1, "fail"), run


def test_a_test_that_is_skipped(checkout: Checkout) -> None:
    skipped = (
        "import app\nimport pytest\n\n\n@pytest.mark.skip\ndef test_used():\n"
        "    assert app.used() == 2\n\n\ndef test_nothing():\n    pass\n"
    )
    on_a_branch(checkout, {"test_app.py": skipped})
    run = checkout.run(*DEVELOP, "--devops-gates-stage", "test", env=PULL_REQUEST)
    assert run.status == 1, run
    assert "suppressions-grown" in rules(run)


def test_a_gate_that_does_not_apply_any_more(checkout: Checkout) -> None:
    formatted = {
        **BASE,
        "pyproject.toml": PYPROJECT + '\n[tool.ruff.format]\nquote-style = "double"\n',
    }
    checkout.write(formatted).commit()
    checkout.git("branch", "-M", "main")
    checkout.git("checkout", "-q", "-b", "feature")
    checkout.write({"pyproject.toml": PYPROJECT, "app/__init__.py": "X = {  'a':1 }\n"})
    run = checkout.run(*DEVELOP, env=PULL_REQUEST)
    assert (run.status, run.outcome("format")) == (1, "not-applicable"), run
    assert "gate-turned-off" in rules(run)


def test_a_pull_request_without_its_base_is_unknown(checkout: Checkout) -> None:
    on_a_branch(checkout, {})
    run = checkout.run(*DEVELOP, env={"GITHUB_BASE_REF": "release/9"})
    assert (run.status, run.outcome("policy")) == (6, "unknown"), run
    assert "git fetch origin +refs/heads/release/9" in run.reason("policy")


def approve(checkout: Checkout, digest: str, **fields: str) -> None:
    told = {"who": '"@lead"', "when": "2026-11-01", "policy": f'"{digest}"', **fields}
    table = "".join(f"{key} = {value}\n" for key, value in told.items())
    checkout.write({"devops-gates/approvals.toml": f"[[approval]]\n{table}"})


def proposed(run: Ended) -> str:
    (note,) = [n for n in run.gate("policy")["notes"] if "policy alone" in n]
    return str(note.rpartition("= ")[2].strip('"'))


def test_a_change_of_the_policy_alone_may_be_approved(checkout: Checkout) -> None:
    on_a_branch(checkout, ATTEMPTS["a lower level"][0])
    run = checkout.run(*DEVELOP, env=PULL_REQUEST)
    assert run.status == 1, run
    approve(checkout, proposed(run))
    run = checkout.run(*DEVELOP, env=PULL_REQUEST)
    assert (run.status, run.outcome("policy")) == (0, "pass"), run
    (held,) = [f for f in run.verdict["findings"] if f["gate"] == "policy"]
    assert (held["state"], held["waiver"]) == ("waived", "approved by @lead")
    assert run.verdict["approvals"][0]["who"] == "@lead"
    checkout.write(with_settings('level = "required"', 'level = "off"'))
    run = checkout.run(*DEVELOP, env=PULL_REQUEST)
    assert run.status == 1, "what was approved is another policy"


@pytest.mark.parametrize(
    "fields", [{"when": "2999-01-01"}, {"expires": "2020-01-01"}, {"policy": '"0123"'}]
)
def test_an_approval_that_does_not_hold(fields: dict[str, str], checkout: Checkout) -> None:
    on_a_branch(checkout, ATTEMPTS["a lower level"][0])
    approve(checkout, proposed(checkout.run(*DEVELOP, env=PULL_REQUEST)), **fields)
    assert checkout.run(*DEVELOP, env=PULL_REQUEST).status == 1


@pytest.mark.parametrize(
    "more",
    [
        {"app/__init__.py": "def used():\n    return 1\n\n\nX = 1\n"},
        {"pyproject.toml": PYPROJECT.replace('"required"', '"advisory"').replace("90", "91")},
    ],
)
def test_no_approval_helps_a_change_of_something_else(
    more: dict[str, str], checkout: Checkout
) -> None:
    on_a_branch(checkout, ATTEMPTS["a lower level"][0])
    approve(checkout, proposed(checkout.run(*DEVELOP, env=PULL_REQUEST)))
    run = checkout.write(more).run(*DEVELOP, env=PULL_REQUEST)
    assert (run.status, run.outcome("policy")) == (1, "fail"), run


def test_a_broken_file_of_approvals_is_a_configuration_error(checkout: Checkout) -> None:
    on_a_branch(checkout, {"devops-gates/approvals.toml": "[[approval]]\nwhose = 'me'\n"})
    run = checkout.run(*DEVELOP)
    assert run.status == 4, run
    assert "unknown key" in run.verdict["reason"]


@pytest.mark.parametrize(
    "option",
    [
        "--devops-gates-base HEAD",
        "--devops-gates-base=HEAD",
        "--devops-gates-stage security",
        "--devops-gates-profile commit",
        "--devops-gates-policy HEAD",
        "--devops-gates-report elsewhere",
    ],
)
def test_our_options_in_the_settings_are_refused(option: str, checkout: Checkout) -> None:
    on_a_branch(checkout, {"app/__init__.py": BAD, **with_addopts(option)})
    done = subprocess.run(
        checkout.command(),
        cwd=checkout.root,
        env=checkout.environment(PULL_REQUEST),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 4, done.stdout
    assert "is for the command line" in done.stderr


def test_a_pull_request_that_is_not_there_is_never_a_pass(checkout: Checkout) -> None:
    """In a shallow clone nothing of the base can be read: the change's own policy is no judge."""
    off = "".join(
        f'[tool.devops-gates.gates.{name}]\nlevel = "off"\n' for name in ("policy", "format")
    )
    settings = PYPROJECT + off + '[tool.devops-gates]\nbase = "HEAD"\n'
    on_a_branch(checkout, {"pyproject.toml": settings})
    run = checkout.run(*DEVELOP, env={"GITHUB_BASE_REF": "release/9"})
    assert (run.status, run.verdict["verdict"]) == (6, "unknown"), run
    assert "git fetch" in run.verdict["reason"]


def test_the_targets_own_policy_judges_not_that_of_the_merge_base(checkout: Checkout) -> None:
    on_a_branch(checkout, {})
    checkout.git("checkout", "-q", "main")
    stricter = with_settings('select = ["E", "F"]', 'select = ["E", "F"]\n# told')
    told = '[tool.devops-gates.gates.suppressions]\nlevel = "required"\n'
    stricter["pyproject.toml"] += told + 'conditions = { suppressions = "== 0" }\n'
    checkout.write(stricter).git("commit", "-qam", "Be stricter")
    checkout.git("checkout", "-q", "feature")
    checkout.write({"app/more.py": "X = 1  # noqa\n"})
    run = checkout.run(*DEVELOP, env=PULL_REQUEST)
    assert (run.status, run.outcome("suppressions")) == (1, "fail"), run


def test_a_cache_that_was_committed_is_not_believed(checkout: Checkout) -> None:
    on_a_branch(checkout, {"app/__init__.py": BAD})
    assert checkout.run(*DEVELOP, env=PULL_REQUEST).status == 1
    findings = [
        f for f in json.loads(checkout.latest.read_text())["findings"] if f["gate"] == "lint"
    ]
    (kept,) = (checkout.root / ".devops-gates/cache/base").glob("*.json")
    lines = ["import os"] * len(findings)
    kept.write_text(json.dumps({"evidence": {"findings": findings, "examined": 9}, "lines": lines}))
    checkout.git("add", "-f", str(kept.relative_to(checkout.root)))
    checkout.git("commit", "-qm", "Keep it")
    assert checkout.run(*DEVELOP, env=PULL_REQUEST).status == 1


def test_settings_that_are_a_link_are_read(checkout: Checkout) -> None:
    on_a_branch(checkout, {"app/__init__.py": BAD, "notes.txt": "[lint]\nselect = ['W605']\n"})
    (checkout.root / "ruff.toml").symlink_to("notes.txt")
    run = checkout.run(*DEVELOP, env=PULL_REQUEST)
    assert (run.status, run.outcome("policy")) == (1, "fail"), run


@pytest.mark.parametrize("name", [".ignore", ".gitignore", "app/.gitignore"])
def test_sources_that_are_hidden_from_tools(name: str, checkout: Checkout) -> None:
    on_a_branch(checkout, {"app/bad.py": BAD, name: "bad.py\n"})
    checkout.git("add", "-f", "app/bad.py")
    checkout.git("commit", "-q", "--allow-empty", "-m", "Hide it")
    run = checkout.run(*DEVELOP, env=PULL_REQUEST)
    assert run.status == 1, run
    assert "source-hidden" in rules(run)


def test_a_worse_finding_is_not_excused_by_one_that_was_there(checkout: Checkout) -> None:
    mild = "import subprocess\n\n\ndef run(x):\n    subprocess.call('ls', shell=True)\n"
    checkout.write({**BASE, "app/shell.py": mild}).commit()
    checkout.git("branch", "-M", "main")
    checkout.git("checkout", "-q", "-b", "feature")
    checkout.write({"app/shell.py": mild.replace("'ls'", "x")})
    run = checkout.run("--devops-gates-stage", "security", env=PULL_REQUEST)
    assert (run.status, run.outcome("bandit")) == (1, "fail"), run


def test_the_first_settings_of_ruff_weaken_nothing(checkout: Checkout) -> None:
    plain = PYPROJECT.replace('[tool.ruff.lint]\nselect = ["E", "F"]\n', "")
    checkout.write({**BASE, "pyproject.toml": plain}).commit()
    checkout.git("branch", "-M", "main")
    checkout.git("checkout", "-q", "-b", "feature")
    checkout.write(
        {"pyproject.toml": plain + '[tool.ruff]\nline-length = 99\nlint.select = ["E", "F"]\n'}
    )
    run = checkout.run(*DEVELOP, env=PULL_REQUEST)
    assert (run.status, rules(run)) == (0, set()), run


def test_a_suppression_that_is_widened(checkout: Checkout) -> None:
    narrow = "# ruff: noqa: E501\n"
    checkout.write({**BASE, "app/wide.py": narrow}).commit()
    checkout.git("branch", "-M", "main")
    checkout.git("checkout", "-q", "-b", "feature")
    checkout.write({"app/wide.py": "# ruff: noqa\nimport os\n"})
    run = checkout.run(*DEVELOP, env=PULL_REQUEST)
    assert (run.status, rules(run)) == (1, {"suppressions-grown"}), run


def test_settings_that_others_extend(checkout: Checkout) -> None:
    own = PYPROJECT.replace(
        "[tool.ruff.lint]", '[tool.ruff]\nextend = "config/base.toml"\n[tool.ruff.lint]'
    )
    checkout.write(
        {**BASE, "pyproject.toml": own, "config/base.toml": "line-length = 88\n"}
    ).commit()
    checkout.git("branch", "-M", "main")
    checkout.git("checkout", "-q", "-b", "feature")
    checkout.write({"config/base.toml": 'extend-exclude = ["app"]\n', "app/__init__.py": BAD})
    run = checkout.run(*DEVELOP, env=PULL_REQUEST)
    assert (run.status, run.outcome("policy")) == (1, "fail"), run


def test_a_policy_at_the_base_that_cannot_be_read_says_where_it_stands(checkout: Checkout) -> None:
    broken = PYPROJECT.replace("[project]", "[tool.devops-gates]\nprofil = 'merge'\n[project]")
    checkout.write({**BASE, "pyproject.toml": broken}).commit()
    checkout.git("branch", "-M", "main")
    checkout.git("checkout", "-q", "-b", "feature")
    checkout.write({"pyproject.toml": PYPROJECT})
    run = checkout.run(*DEVELOP, env=PULL_REQUEST)
    assert run.status == 4, run
    assert "pyproject.toml at main (" in run.verdict["reason"]


def test_a_project_inside_of_the_project_does_not_take_its_place(checkout: Checkout) -> None:
    """pytest takes ``tests`` for its root then, and sources beside it would not be looked at."""
    inner = "[tool.pytest.ini_options]\naddopts = ''\n"
    tests = {"tests/test_app.py": "def test_it():\n    pass\n"}
    checkout.write({**BASE, **tests}).commit()
    checkout.git("branch", "-M", "main")
    checkout.git("checkout", "-q", "-b", "feature")
    checkout.write({"app/__init__.py": BAD, "tests/pyproject.toml": inner})
    done = subprocess.run(
        checkout.command(*DEVELOP, "tests"),
        cwd=checkout.root,
        env=checkout.environment({**PULL_REQUEST, "COLUMNS": "1000"}),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 4, done.stdout
    assert "is no project at main" in done.stdout
    run = checkout.run(*DEVELOP, f"--rootdir={checkout.root}", "tests", env=PULL_REQUEST)
    assert (run.status, run.outcome("lint")) == (1, "fail"), run
