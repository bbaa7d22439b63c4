"""``devops-gates hook``: judges what is staged or pushed, whatever lies in the checkout."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import Checkout, Ended

pytestmark = pytest.mark.slow

REPOSITORY = Path(__file__).parents[2]
RUFF = '[tool.ruff.lint]\nselect = ["F"]\n'
BAD = "print(undefined_name)\n"
GOOD = "print(1)\n"


def hook(checkout: Checkout, *args: str, cwd: Path | None = None, **env: str) -> Ended:
    command = [sys.executable, "-m", "pytest_devops_gates", "hook", *args]
    return checkout.run(command=command, cwd=cwd, env={**cache(checkout), **env})


def cache(checkout: Checkout) -> dict[str, str]:
    return {"XDG_CACHE_HOME": str(checkout.root.parent / "cache")}


@pytest.fixture
def repository(checkout: Checkout) -> Checkout:
    checkout.write({"pyproject.toml": RUFF, "a.py": GOOD, "b.py": GOOD}).commit()
    checkout.git("config", "user.name", "A")
    checkout.git("config", "user.email", "a@example.org")
    return checkout


def stage(checkout: Checkout, files: dict[str, str | bytes]) -> None:
    checkout.write(files)
    checkout.git("add", "--", *files)


def paths(run: Ended) -> list[str]:
    return [finding["path"] for finding in run.verdict["findings"]]


# what is judged


def test_what_is_staged_counts_and_not_what_lies_there(repository: Checkout) -> None:
    stage(repository, {"a.py": BAD})
    repository.write({"a.py": GOOD})
    run = hook(repository)
    assert (run.status, run.outcome("lint"), paths(run)) == (1, "fail", ["a.py"]), run
    stage(repository, {"a.py": GOOD + GOOD})
    repository.write({"a.py": BAD, "untracked.py": BAD, "b.py": BAD})
    run = hook(repository)
    assert (run.status, run.outcome("lint")) == (0, "pass"), run
    assert run.gate("lint")["receipt"]["examined"] == 1


def test_old_debt_in_files_that_are_not_staged_is_left_alone(repository: Checkout) -> None:
    stage(repository, {"old.py": BAD})
    repository.git("commit", "-qm", "Debt")
    stage(repository, {"a.py": GOOD * 2})
    assert hook(repository).status == 0


def test_the_staged_settings_count(repository: Checkout) -> None:
    stage(repository, {"a.py": "import os\n", "pyproject.toml": '[tool.ruff.lint]\nselect=["E"]\n'})
    repository.write({"pyproject.toml": RUFF})
    assert hook(repository).status == 0


def test_named_files_are_all_that_is_looked_at(repository: Checkout) -> None:
    stage(repository, {"a.py": BAD, "b.py": GOOD * 2})
    assert hook(repository, "b.py").status == 0
    assert hook(repository, "a.py").status == 1
    run = hook(repository, "nowhere.py")
    assert run.status == 4
    assert "nowhere.py is not staged · git add nowhere.py" in run.stderr


def test_files_of_another_language_leave_the_linter_out(repository: Checkout) -> None:
    stage(repository, {"notes.txt": "x\n"})
    run = hook(repository)
    assert (run.status, run.outcome("lint")) == (0, "not-applicable"), run
    stage(repository, {"notes.txt": "<<<<<<< ours\na\n=======\nb\n>>>>>>> theirs\n"})
    run = hook(repository)
    assert (run.status, run.outcome("tree")) == (1, "fail"), run


@pytest.mark.parametrize(
    ("settings", "gate"),
    [
        ('[tool.ruff]\nexclude = ["a.py"]\n', "lint"),
        ('[tool.bandit]\nexclude_dirs = ["a.py"]\n', "bandit"),
    ],
)
def test_what_the_settings_leave_out_blocks_no_commit(
    repository: Checkout, settings: str, gate: str
) -> None:
    stage(repository, {"pyproject.toml": settings})
    repository.git("commit", "-qm", "Settings")
    stage(repository, {"a.py": BAD})
    run = hook(repository)
    assert run.outcome(gate) == "not-applicable", run
    assert "leave out all files to look at" in run.reason(gate)
    assert run.status == (0 if gate == "lint" else 1)


def test_deleted_renamed_and_oddly_named_files(repository: Checkout) -> None:
    repository.git("rm", "-q", "b.py")
    assert hook(repository).status == 0
    repository.git("mv", "a.py", "c d\n.py")
    stage(repository, {"-x.py": BAD, "ü'\".py": BAD})
    run = hook(repository)
    assert run.status == 1, run
    assert {"-x.py", "ü'\".py"} == set(paths(run))


def test_the_first_commit_of_a_repository(checkout: Checkout) -> None:
    checkout.git("init", "-q", ".")
    stage(checkout, {"pyproject.toml": RUFF, "a.py": BAD})
    assert (hook(checkout).status, hook(checkout).outcome("lint")) == (1, "fail")


def test_a_merge_that_is_not_resolved_is_told(repository: Checkout) -> None:
    repository.git("checkout", "-qb", "other")
    stage(repository, {"a.py": "print(2)\n"})
    repository.git("commit", "-qm", "Two")
    repository.git("checkout", "-q", "-")
    stage(repository, {"a.py": "print(3)\n"})
    repository.git("commit", "-qm", "Three")
    subprocess.run(["git", "merge", "-q", "other"], cwd=repository.root, capture_output=True)
    run = hook(repository)
    assert run.status == 6
    assert "git write-tree" in run.stderr


def test_a_project_below_the_repositorys_top(repository: Checkout) -> None:
    stage(repository, {"service/pyproject.toml": RUFF, "service/app.py": BAD, "a.py": BAD})
    run = hook(repository, "--rootdir", "service", cwd=repository.root)
    verdict = json.loads(
        (repository.root / "service/.devops-gates/latest/verdict.json").read_text()
    )
    assert (run.status, [f["path"] for f in verdict["findings"]]) == (1, ["app.py"]), run


def test_a_copy_that_a_killed_hook_left_behind_is_mended(repository: Checkout) -> None:
    assert hook(repository, "a.py").status == 0
    (home,) = (repository.root.parent / "cache/devops-gates/staged").iterdir()
    (home / "index.lock").write_text("")
    (home / "devops-gates-staged/a.py").write_text(BAD)
    (home / "devops-gates-staged/ruff.toml").write_text("lint.ignore = ['F']\n")
    run = hook(repository, "a.py")
    assert run.status == 0, run
    stage(repository, {"a.py": BAD})
    (home / "devops-gates-staged/ruff.toml").write_text("lint.ignore = ['F']\n")
    assert hook(repository, "a.py").status == 1


@pytest.mark.parametrize(
    "leak",
    [
        {".ruff.toml": 'exclude = ["a.py"]\n'},
        {"pyproject.toml": '[tool.ruff]\nexclude = ["a.py"]\n[tool.ruff.lint]\nselect = ["F"]\n'},
    ],
)
def test_settings_that_are_not_staged_do_not_count(
    checkout: Checkout, leak: dict[str, str]
) -> None:
    checkout.write({"pyproject.toml": "[project]\nname = 'x'\n", "a.py": GOOD}).commit()
    stage(checkout, {"a.py": BAD})
    checkout.write(leak)
    run = hook(checkout)
    assert (run.status, run.outcome("lint")) == (1, "fail"), run


@pytest.mark.parametrize("excluded", ["tree", "cache", "staged", ".devops-gates", "build"])
def test_no_name_of_ours_is_excluded_by_chance(repository: Checkout, excluded: str) -> None:
    stage(repository, {"pyproject.toml": f'[tool.ruff]\nexclude = ["{excluded}"]\n' + RUFF})
    stage(repository, {"a.py": BAD})
    assert hook(repository).outcome("lint") == "fail"


def test_commands_that_ask_git_see_what_is_staged(repository: Checkout) -> None:
    command = """
    [[tool.devops-gates.command]]
    name = "no-later"
    stage = "develop"
    run = ["git", "grep", "-n", "LATER", "--", "*.txt"]
    exit-codes = [0, 1]
    conditions = { exit-code = "== 1" }

    [tool.devops-gates.profiles.commit]
    levels = { no-later = "required" }
    """
    stage(repository, {"pyproject.toml": command})
    repository.git("commit", "-qm", "A command")
    stage(repository, {"notes.txt": "LATER\n"})
    repository.write({"notes.txt": "fine\n"})
    run = hook(repository)
    assert (run.status, run.outcome("no-later")) == (1, "fail"), run
    assert "notes.txt:1:LATER" in run.stdout
    stage(repository, {"notes.txt": "fine\n"})
    repository.write({"notes.txt": "LATER\n"})
    assert hook(repository, GIT_INDEX_FILE=".git/index").outcome("no-later") == "pass"


def test_a_repository_inside_of_another_project_is_judged_itself(repository: Checkout) -> None:
    inner = Checkout(repository.root / "inner")
    inner.root.mkdir()
    inner.write({"a.txt": "x"}).commit()
    stage(inner, {"a.py": BAD})
    run = hook(inner, cwd=inner.root)
    assert run.status == 1, run
    assert paths(run) == ["a.py"]


def test_links_are_not_followed(repository: Checkout) -> None:
    (repository.root / "link.py").symlink_to("/etc/passwd")
    repository.git("add", "link.py")
    run = hook(repository)
    assert (run.status, run.outcome("lint")) == (0, "not-applicable"), run


def test_line_ends_are_those_that_git_keeps(repository: Checkout) -> None:
    settings = '[tool.ruff.format]\nline-ending = "lf"\n'
    stage(repository, {"pyproject.toml": RUFF + settings, "a.py": "x = 1\n"})
    repository.git("config", "core.autocrlf", "true")
    assert hook(repository).outcome("format") == "pass"


def test_the_index_and_the_checkout_stay_as_they_are(repository: Checkout) -> None:
    stage(repository, {"a.py": BAD})
    repository.write({"b.py": BAD})
    index = repository.root / ".git/index"
    before = index.read_bytes(), repository.git("status", "--porcelain")
    hook(repository)
    assert (index.read_bytes(), repository.git("status", "--porcelain")) == before


def test_a_hooks_verdict_is_not_one_on_the_whole_project(repository: Checkout) -> None:
    stage(repository, {"a.py": GOOD * 2})
    run = hook(repository)
    assert run.verdict["profile"] == "commit"
    assert run.verdict["selection"]["complete"] is False
    assert run.gate("tests")["reason"] == "off in the profile commit"


# the commit message


@pytest.mark.parametrize(
    ("message", "status"), [("feat: add a door\n", 0), ("a door\n", 1), ("# only a comment\n", 1)]
)
def test_the_commit_message(repository: Checkout, message: str, status: int) -> None:
    convention = '\n[tool.devops-gates.gates.commits.options]\nconvention = "conventional"\n'
    repository.write({"pyproject.toml": RUFF + convention, ".git/COMMIT_EDITMSG": message})
    run = hook(repository, "--kind", "commit-msg", ".git/COMMIT_EDITMSG")
    assert run.status == status, run


@pytest.mark.parametrize(
    ("message", "env", "settings", "status"),
    [
        ("#123 fix: it\n", {"GIT_EDITOR": ":"}, {}, 1),  # kept: the subject is #123 …
        ("# junk\n\nfeat: x\n", {"GIT_EDITOR": ":"}, {}, 1),
        ("# junk\n\nfeat: x\n", {}, {}, 0),
        ("feat: x\n; junk\n", {}, {"core.commentChar": ";"}, 0),
        ("; junk\nfeat: x\n", {}, {"core.commentChar": ";"}, 0),
        ("; junk\nfeat: x\n", {}, {}, 1),
        ("feat: x\n# ------------------------ >8 ------------------------\ndiff\n", {}, {}, 0),
        ("# junk\nfeat: x\n", {}, {"commit.cleanup": "whitespace"}, 1),
    ],
)
def test_the_message_is_judged_as_git_keeps_it(
    repository: Checkout, message: str, env: dict[str, str], settings: dict[str, str], status: int
) -> None:
    convention = '\n[tool.devops-gates.gates.commits.options]\nconvention = "conventional"\n'
    repository.write({"pyproject.toml": RUFF + convention, ".git/COMMIT_EDITMSG": message})
    for name, value in settings.items():
        repository.git("config", name, value)
    run = hook(repository, "--kind", "commit-msg", ".git/COMMIT_EDITMSG", **env)
    assert run.status == status, run


def test_messages_of_merges_and_in_other_encodings(repository: Checkout) -> None:
    repository.write({".git/MESSAGE": "é\n".encode("latin-1")})
    assert hook(repository, "--kind", "commit-msg", ".git/MESSAGE").status == 6
    head = repository.git("rev-parse", "HEAD")
    repository.write({".git/MESSAGE": "", ".git/MERGE_HEAD": head})
    assert hook(repository, "--kind", "commit-msg", ".git/MESSAGE").status == 0


def test_a_message_file_that_cannot_be_read(repository: Checkout) -> None:
    for args in ([], ["a", "b"], ["nowhere"]):
        assert hook(repository, "--kind", "commit-msg", *args).status == 4


# pushes


def pushed(checkout: Checkout, *lines: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pytest_devops_gates", "hook", "--kind", "pre-push"],
        cwd=checkout.root,
        env=checkout.environment({**cache(checkout), **env}),
        input="\n".join(lines),
        capture_output=True,
        text=True,
    )


def test_what_is_pushed_counts(repository: Checkout) -> None:
    first = repository.git("rev-parse", "HEAD").strip()
    stage(repository, {"a.py": BAD})
    repository.git("commit", "-qm", "Bad")
    bad = repository.git("rev-parse", "HEAD").strip()
    stage(repository, {"a.py": GOOD})
    repository.git("commit", "-qm", "Mended")
    good = repository.git("rev-parse", "HEAD").strip()
    zeros = "0" * 40
    odd = f":/bad thing here {bad} refs/heads/x {first}"
    assert pushed(repository, odd).returncode == 1
    assert pushed(repository, "hello").returncode == 6
    assert pushed(repository, "").returncode == 0
    assert pushed(repository, f"refs/heads/x {bad} refs/heads/x {first}").returncode == 1
    assert pushed(repository, f"refs/heads/x {good} refs/heads/x {first}").returncode == 0
    assert pushed(repository, f"refs/heads/x {bad} refs/heads/x {zeros}").returncode == 1
    assert pushed(repository, f"(delete) {zeros} refs/heads/x {first}").returncode == 0
    assert pushed(repository, f"refs/heads/x {good} refs/heads/x {'1' * 40}").returncode == 0
    two = [f"refs/heads/{c} {c} refs/heads/{c} {first}" for c in (good, bad)]
    assert pushed(repository, *two).returncode == 1
    assert pushed(repository, *two[:1], *two[:1]).returncode == 0
    ends = {"PRE_COMMIT_FROM_REF": first, "PRE_COMMIT_TO_REF": bad}
    assert pushed(repository, **ends).returncode == 1


# started by git, pre-commit and prek


def test_as_a_plain_git_hook_a_partial_commit_is_judged_by_its_own_index(
    repository: Checkout,
) -> None:
    script = repository.root / ".git/hooks/pre-commit"
    script.parent.mkdir(exist_ok=True)
    script.write_text(f"#!/bin/sh\nexec '{sys.executable}' -m pytest_devops_gates hook\n")
    script.chmod(0o755)
    stage(repository, {"b.py": BAD})
    repository.write({"a.py": GOOD * 2})

    def commit(*args: str) -> int:
        command = ["git", "commit", "-qm", "x", *args]
        env = repository.environment()
        return subprocess.run(command, cwd=repository.root, env=env, capture_output=True).returncode

    assert commit() == 1
    assert commit("a.py") == 0  # git makes an index of its own for that
    assert commit("-a") == 1


def committed(clone: Path) -> tuple[Path, str]:
    """A repository that holds this package as it lies here, and its commit."""
    subprocess.run(["git", "clone", "-q", str(REPOSITORY), str(clone)], check=True)
    shutil.copy(REPOSITORY / ".pre-commit-hooks.yaml", clone)
    for name in ("pyproject.toml", "pytest_devops_gates"):
        source = REPOSITORY / name
        shutil.rmtree(clone / name) if source.is_dir() else None
        (shutil.copytree if source.is_dir() else shutil.copy)(source, clone / name)
    there = Checkout(clone)
    there.git("add", "-A")
    there.git("commit", "-q", "--allow-empty", "-m", "As it lies here")
    return clone, there.git("rev-parse", "HEAD").strip()


@pytest.mark.parametrize("tool", ["pre-commit", "prek"])
def test_in_the_isolated_environment_of(tool: str, repository: Checkout, tmp_path: Path) -> None:
    """The hooks of this repository as others install them: from git, as it is committed."""
    program = shutil.which(tool, path=os.path.dirname(sys.executable))
    assert program, f"{tool} belongs to the extra 'test'"
    clone, revision = committed(tmp_path / "clone")
    config = f"""
    default_install_hook_types: [pre-commit, commit-msg, pre-push]
    repos:
      - repo: {clone}
        rev: {revision}
        hooks:
          - id: devops-gates
          - id: devops-gates-commit-msg
          - id: devops-gates-pre-push
    """
    stage(repository, {".pre-commit-config.yaml": config})
    env = repository.environment(
        {"PRE_COMMIT_HOME": str(tmp_path / "cache"), "PREK_HOME": str(tmp_path / "cache")}
    )
    env.pop("COVERAGE_PROCESS_CONFIG", None)  # the copy in there is not what is measured

    def run(*command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, cwd=repository.root, env=env, capture_output=True, text=True, timeout=300
        )

    assert run(program, "install").returncode == 0
    stage(repository, {"a.py": BAD})
    repository.write({"a.py": GOOD})
    refused = run("git", "commit", "-qm", "Bad")
    assert refused.returncode == 1
    assert "F821" in refused.stdout + refused.stderr
    stage(repository, {"a.py": GOOD * 2})
    accepted = run("git", "commit", "-qm", "Good")
    assert accepted.returncode == 0, accepted
    whole = run(program, "run", "--all-files")
    assert whole.returncode == 0, whole
    remote = tmp_path / "remote.git"
    subprocess.run(["git", "init", "-q", "--bare", str(remote)], check=True)
    repository.git("remote", "add", "origin", str(remote))
    push = run("git", "push", "-q", "origin", "HEAD:refs/heads/main")
    assert push.returncode == 0, push
    stage(repository, {"a.py": BAD})
    repository.git("commit", "-q", "--no-verify", "-m", "Bad")
    push = run("git", "push", "-q", "origin", "HEAD:refs/heads/main")
    assert push.returncode == 1
    assert "F821" in push.stdout + push.stderr
