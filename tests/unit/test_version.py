"""The gate ``version``, through the real engine, policy and git."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from pytest_devops_gates import testing
from pytest_devops_gates.errors import UsageError
from pytest_devops_gates.gates.version import VERSION, VersionOptions, check, judge
from pytest_devops_gates.versions import Statement


def pyproject(version: str) -> str:
    return f'[project]\nname = "app"\nversion = "{version}"\n'


def git(root: Path, *args: str) -> str:
    who = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
    done = subprocess.run(["git", *who, *args], cwd=root, check=True, capture_output=True)
    return done.stdout.decode().strip()


def commit(root: Path) -> Path:
    if not (root / ".git").exists():
        git(root, "init", "-q", ".")
    git(root, "add", "-A")
    git(root, "commit", "-q", "--allow-empty", "-m", "All")
    return root


@pytest.fixture
def tagged(tmp_path: Path) -> Path:
    """Version 1.2, tagged as v1.2, and one commit more."""
    root = commit(testing.write(tmp_path / "app", {"pyproject.toml": pyproject("1.2")}))
    git(root, "tag", "v1.2")
    return commit(root)


def stated(*texts: str, cited: str | None = None) -> tuple[Statement, ...]:
    found = [Statement(text, f"place {n}", f"{n}.py", n + 1) for n, text in enumerate(texts)]
    if cited:
        found.append(Statement(cited, "version", "CITATION.cff", 9, True))
    return tuple(found)


JUDGED = {
    "one": (stated("1.2"), []),
    "two that agree": (stated("1.2", "1.2.0"), []),
    "two that differ": (stated("1.2", "1.3"), ["version-differs"]),
    "none": ((), ["no-version"]),
    "not valid": (stated("1.2-final-3"), ["invalid-version"]),
    "not valid, twice the same": (stated("one", "one"), ["invalid-version"] * 2),
    "not normalised": (stated("1.2-beta"), ["not-normalised"]),
    "agree once normalised": (stated("1.2.dev", "1.2.dev0"), ["not-normalised"]),
    "an older citation of a release": (stated("1.2", cited="1.1"), ["version-differs"]),
    "an older citation while developing": (stated("1.2.dev0", cited="1.1"), []),
    "a newer citation while developing": (stated("1.2.dev0", cited="1.3"), ["version-differs"]),
    "a citation that is no version": (stated("1.2", cited="first"), ["version-differs"]),
}


@pytest.mark.parametrize(("statements", "rules"), JUDGED.values(), ids=JUDGED)
def test_statements_are_judged(statements: tuple[Statement, ...], rules: list[str]) -> None:
    assert [finding.rule for finding in judge(statements)] == rules


def test_both_places_are_named(tmp_path: Path) -> None:
    files = {"pyproject.toml": pyproject("1.2"), "app/__init__.py": "__version__ = '1.3'\n"}
    judged = testing.judge(VERSION, testing.write(tmp_path, files))
    assert (judged.outcome, judged.rules) == ("fail", ["version-differs"])
    (found,) = judged.evidence.findings
    assert (found.path, found.line) == ("app/__init__.py", 1)
    assert "1.3 in __version__ (app/__init__.py:1)" in found.message
    assert "1.2 in [project].version (pyproject.toml:3)" in found.message


OUTCOMES = {
    "fine": ({"pyproject.toml": pyproject("1.2")}, "pass", "1 examined"),
    "not normalised": ({"pyproject.toml": pyproject("1.2.dev")}, "pass", "findings.high 0"),
    "not valid": ({"pyproject.toml": pyproject("x.y")}, "fail", "findings.high 1"),
    "scripts": ({"a.py": "pass"}, "not-applicable", "no version and no packaging metadata"),
    "a service": (
        {"pyproject.toml": "[tool.ruff]\n"},
        "not-applicable",
        "no version and no packaging metadata",
    ),
    "a lone surrogate": ({"app.py": "__version__ = '\\ud800'", "setup.py": "setup()"}, "fail", "1"),
    "endless": (
        {"pyproject.toml": pyproject("1.2"), "CITATION.cff": "version: " + "9" * 9999},
        "fail",
        "findings.high 1",
    ),
    "no version": ({"pyproject.toml": '[project]\nname = "a"\n'}, "fail", "findings.high 1"),
    "tags": (
        {"pyproject.toml": '[project]\ndynamic = ["version"]\n[tool.setuptools_scm]\n'},
        "not-applicable",
        "comes from git tags, by setuptools-scm",
    ),
    "dynamic": (
        {"pyproject.toml": '[project]\ndynamic = ["version"]\n'},
        "unknown",
        "[project] calls it dynamic",
    ),
}


@pytest.mark.parametrize(("files", "outcome", "reason"), OUTCOMES.values(), ids=OUTCOMES)
def test_outcomes(tmp_path: Path, files: dict[str, str], outcome: str, reason: str) -> None:
    judged = testing.judge(VERSION, testing.write(tmp_path, files), profile="release")
    assert judged.outcome == outcome
    assert reason in judged.reason
    assert all(len(finding.message) < 300 for finding in judged.evidence.findings)


def test_nothing_of_the_project_runs(tmp_path: Path) -> None:
    bomb = "open('ran', 'w')\n__version__ = '1.2'\n"
    files = {"pyproject.toml": pyproject("1.2"), "app/__init__.py": bomb, "packaging.py": bomb}
    assert testing.judge(VERSION, testing.write(tmp_path, files)).outcome == "pass"
    assert not (tmp_path / "ran").exists()


def test_without_git_the_tags_are_left_out(tmp_path: Path) -> None:
    root = testing.write(tmp_path, {"pyproject.toml": pyproject("1.2")})
    judged = testing.judge(VERSION, root)
    assert judged.outcome == "pass"
    assert any("not compared with tags" in note for note in judged.evidence.notes)


def test_a_tag_on_another_commit(tagged: Path) -> None:
    judged = testing.judge(VERSION, tagged)
    assert (judged.outcome, judged.rules) == ("fail", ["already-tagged"])
    there = git(tagged, "rev-parse", "HEAD~1")
    assert f"the tag v1.2 leads to commit {there[:10]}" in judged.evidence.findings[0].message


@pytest.mark.parametrize("tag", ["1.2", "app-1.2.0", "app@1.2"])
def test_an_annotated_tag_on_head(tagged: Path, tag: str) -> None:
    git(tagged, "tag", "-d", "v1.2")
    git(tagged, "tag", "-a", "-m", "It", tag)
    assert testing.judge(VERSION, tagged).outcome == "pass"
    commit(tagged)
    assert testing.judge(VERSION, tagged).outcome == "fail"


def test_a_shallow_clone_may_lack_the_tag(tagged: Path, tmp_path: Path) -> None:
    shallow = tmp_path / "shallow"
    source = tagged.as_uri()
    git(tmp_path, "clone", "-q", "--depth=1", "--no-tags", source, str(shallow))
    judged = testing.judge(VERSION, shallow)
    assert judged.outcome == "unknown"
    assert "git fetch --tags --unshallow" in judged.reason
    git(shallow, "fetch", "-q", "--tags", "--depth=1")
    assert testing.judge(VERSION, shallow).rules == ["already-tagged"]


def test_a_tag_of_another_project_in_the_checkout(tagged: Path) -> None:
    root = testing.write(tagged / "lib", {"pyproject.toml": pyproject("1.2")})
    commit(tagged)
    git(tagged, "tag", "app-v1.1")
    assert testing.judge(VERSION, root).outcome == "pass"
    git(tagged, "tag", "app-v1.2", "HEAD~1")
    assert testing.judge(VERSION, root).outcome == "fail"


@pytest.mark.parametrize(
    ("version", "rules"),
    [("1.2.1", []), ("2.0.dev0", []), ("1.2", ["already-tagged"])]
    + [(text, ["version-not-raised"]) for text in ("1.1", "1.2rc1", "1.2.dev3")],
)
def test_a_version_lower_than_the_last_release(
    tagged: Path, version: str, rules: list[str]
) -> None:
    commit(testing.write(tagged, {"pyproject.toml": pyproject(version)}))
    evidence = check(testing.project(tagged), VersionOptions(), ())
    assert [finding.rule for finding in evidence.findings] == rules
    for found in evidence.findings if "version-not-raised" in rules else ():
        assert f"{version} in [project].version" in found.message
        assert "is lower than 1.2, which the tag v1.2 released" in found.message


def test_a_lower_version_on_a_branch_of_its_own(tagged: Path) -> None:
    git(tagged, "tag", "v2.0", git(tagged, "commit-tree", "HEAD^{tree}", "-m", "Elsewhere"))
    commit(testing.write(tagged, {"pyproject.toml": pyproject("1.3")}))
    assert check(testing.project(tagged), VersionOptions(), ()).findings == ()


def test_the_scheme_that_is_asked_for(tmp_path: Path) -> None:
    root = testing.write(tmp_path, {"pyproject.toml": pyproject("1.2")})
    judged = testing.judge(VERSION, root, options={"scheme": "semver"})
    assert (judged.outcome, judged.rules) == ("fail", ["not-of-scheme"])
    assert "has 2 parts, and a version of semver has three" in judged.evidence.findings[0].message
    assert check(testing.project(root), VersionOptions("zerover"), ()).findings == ()
    with pytest.raises(UsageError):
        testing.judge(VERSION, root, options={"scheme": "romver"})


def test_the_canary_with_git(tagged: Path) -> None:
    testing.write(tagged, {"pyproject.toml": pyproject("1.3")})
    commit(tagged)
    clean, planted = testing.prove(VERSION, tagged)
    assert (clean.outcome, planted.outcome) == ("pass", "fail")
    assert planted.rules == ["already-tagged"]


def test_the_canary_adds_a_finding_where_there_is_one(tagged: Path) -> None:
    clean, planted = testing.prove(VERSION, tagged)
    assert (clean.rules, planted.rules) == (["already-tagged"], ["already-tagged"] * 2)


def test_the_canary_of_one_of_several_projects(tagged: Path) -> None:
    root = testing.write(tagged / "lib", {"pyproject.toml": pyproject("1.3")})
    commit(tagged)
    git(tagged, "tag", "app-1.2")
    clean, planted = testing.prove(VERSION, root)
    assert (clean.outcome, planted.rules) == ("pass", ["already-tagged"])


def test_the_canary_without_git(tmp_path: Path) -> None:
    root = testing.write(tmp_path, {"pyproject.toml": pyproject("1.3")})
    clean, planted = testing.prove(VERSION, root)
    assert (clean.outcome, planted.rules) == ("pass", ["invalid-version"])


@pytest.mark.parametrize(
    ("profile", "level"),
    [("commit", "off"), ("merge", "advisory"), ("release", "required"), ("operate", "off")],
)
def test_levels(tmp_path: Path, profile: str, level: str) -> None:
    root = testing.write(tmp_path, {"pyproject.toml": pyproject("1.3")})
    assert testing.judge(VERSION, root, profile=profile).ruling.level == level
