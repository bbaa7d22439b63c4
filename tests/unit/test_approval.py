"""The gate ``approval``, through the real engine, policy and git."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path
from typing import Any

import pytest

from pytest_devops_gates import testing
from pytest_devops_gates.approvals import FILE
from pytest_devops_gates.errors import CannotTell, UsageError
from pytest_devops_gates.evidence import Evidence
from pytest_devops_gates.gates import approval
from pytest_devops_gates.gates.approval import APPROVAL, ApprovalOptions
from tests.unit.test_version import commit, git

NOW = 1_795_867_200.0  # 2026-11-28 12:00 UTC
OTHER = ("-c", "user.name=E", "-c", "user.email=e@example.org")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return commit(testing.write(tmp_path / "app", {"app.py": "x = 1\n"}))


def head(root: Path) -> str:
    return git(root, "rev-parse", "HEAD")


def approve(root: Path, *names: str, who: str = "Bo <bo@example.com>", **told: str) -> None:
    """Commit one approval for each ``key = value`` of ``names``, HEAD if there is none."""
    lay(root, *names, who=who, **told)
    git(root, "add", FILE)
    git(root, "commit", "-qm", "Approve", FILE)


def lay(root: Path, *names: str, who: str = "Bo <bo@example.com>", **told: str) -> None:
    """The same, and no commit holds it."""
    more = "".join(f"{key} = {value}\n" for key, value in told.items())
    path = root / FILE
    path.parent.mkdir(exist_ok=True)
    for name in names or (f'commit = "{head(root)}"',):
        with path.open("a") as stream:
            stream.write(f'[[approval]]\nwho = "{who}"\nwhen = 2026-11-28\n{name}\n{more}')


def judge(root: Path, **options: Any) -> testing.Judged:
    return testing.judge(APPROVAL, root, profile="release", options=options, started=NOW)


def look(root: Path, **options: Any) -> Evidence:
    """What the gate sees, in this process: faster than through the engine."""
    project = testing.project(root, profile="release", started=NOW)
    return approval.check(project, ApprovalOptions(**options), ())


def is_approved(root: Path, **options: Any) -> bool:
    rules = [f.rule for f in look(root, **options).findings]
    assert rules in ([], ["not-approved"])
    return not rules


def told(root: Path, **options: Any) -> str:
    seen = look(root, **options)
    return "\n".join([*(f.message for f in seen.findings), *seen.notes])


def test_without_one_the_command_is_told(root: Path) -> None:
    judged = judge(root, by=["bo@example.com"])
    assert (judged.outcome, judged.rules) == ("fail", ["not-approved"])
    message = judged.evidence.findings[0].message
    assert f"devops-gates release approve --commit {head(root)}" in message
    assert "0 of 1 approvals of bo@example.com" in message


def test_one_that_no_commit_holds_does_not_count(root: Path) -> None:
    """A test of this very run may have written it."""
    lay(root)
    judged = judge(root)
    assert (judged.outcome, judged.rules) == ("fail", ["not-approved"])
    assert f"git add {FILE} && git commit" in judged.evidence.findings[0].message
    assert "uncommitted" in judged.evidence.notes[0]
    git(root, "add", FILE)
    assert not is_approved(root), "what is staged is not committed"


def test_what_is_committed_counts_whatever_lies_there(root: Path) -> None:
    approve(root)
    lay(root, who="Cy <cy@example.com>")
    assert not is_approved(root, required=2)
    (root / FILE).unlink()
    assert is_approved(root, required=1)
    assert "uncommitted" in told(root)


def test_what_git_shows_in_the_place_of_a_commit_does_not_count(root: Path) -> None:
    before = head(root)
    approve(root)
    shown = head(root)
    git(root, "reset", "-q", "--hard", before)
    git(root, "replace", before, shown)
    assert not is_approved(root)


def test_a_commit_of_this_run_does_not_count(root: Path) -> None:
    project = testing.project(root, profile="release", started=NOW)
    approve(root)
    with pytest.raises(CannotTell, match="after this had begun"):
        approval.check(project, ApprovalOptions(), ())
    git(root, "update-ref", "-d", "HEAD")
    with pytest.raises(CannotTell, match="no longer tells"):
        approval.check(project, ApprovalOptions(), ())


def test_it_is_read_from_head_whatever_commit_is_asked_about(root: Path) -> None:
    """As ``release deploy`` asks: about the commit of the run."""
    of_run = head(root)
    approve(root)
    project = testing.project(root, profile="release", commit=of_run)
    assert approval.check(project, ApprovalOptions(), ()).findings == ()


def test_one_that_is_committed_after_what_it_approves(root: Path) -> None:
    approve(root)
    judged = judge(root)
    assert judged.outcome == "pass"
    assert judged.evidence.notes == ("approved by Bo <bo@example.com>",)
    assert is_approved(commit(root)), "an empty commit changes nothing"


def test_it_does_not_hold_for_what_came_after(root: Path) -> None:
    approve(root)
    commit(testing.write(commit(root), {"app.py": "x = 2\n"}))
    assert not is_approved(root)
    assert "another commit" in told(root)


def test_it_does_not_hold_for_a_mode_or_a_submodule_that_changed(root: Path) -> None:
    git(root, "update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},sub")
    testing.write(root, {".gitmodules": '[submodule "sub"]\npath = sub\nurl = x\nignore = all\n'})
    git(root, "add", ".gitmodules")
    git(root, "commit", "-qm", "sub")
    approve(root)
    git(root, "update-index", "--cacheinfo", f"160000,{'2' * 40},sub")
    git(root, "commit", "-qm", "moved")
    assert not is_approved(root)


def test_it_does_not_hold_for_a_commit_beside_the_history(root: Path) -> None:
    git(root, "checkout", "-q", "-b", "beside")
    git(root, "commit", "-q", "--allow-empty", "-m", "same content, another commit")
    beside = head(root)
    git(root, "checkout", "-q", "-")
    approve(root, f'commit = "{beside}"')
    assert not is_approved(root)


def test_the_beginning_of_a_hash_is_no_name_of_a_branch(root: Path) -> None:
    git(root, "branch", "abcdef012345")
    git(root, "commit", "-q", "--allow-empty", "-m", "more")
    approve(root, 'commit = "abcdef012345"')
    assert not is_approved(root)
    whole = head(root)
    approve(root, f'commit = "{whole[:12]}"')
    approve(root, f'commit = "{whole[:39]}"')
    assert not is_approved(root)
    assert "only whole ones count" in told(root)
    approve(root, f'commit = "{whole}"')
    assert is_approved(root)


def test_what_no_commit_holds_is_not_approved(root: Path) -> None:
    approve(root)
    commit(root)
    testing.write(root, {"app.py": "x = 3\n"})
    assert not is_approved(root)
    assert "changes that no commit holds, of 1 files (app.py)" in told(root)


def test_below_the_top_of_a_repository(tmp_path: Path) -> None:
    top = testing.write(tmp_path / "top", {"one/pyproject.toml": "", "two/b.py": "x = 1\n"})
    commit(top)
    one = top / "one"
    approve(one)
    assert is_approved(one)
    commit(testing.write(top, {"two/b.py": "x = 2\n"}))
    assert not is_approved(one), "another folder of the repository is other"


def test_several_people_are_needed(root: Path) -> None:
    approve(root)
    approve(root, who="bo@example.com")
    assert not is_approved(root, required=2)
    assert "1 of 2 approvals" in told(root, required=2)
    approve(root, who="Cy <cy@example.com>")
    assert is_approved(root, required=2)
    assert look(root, required=2).metrics == {"approvals": 2.0}


NOT_COUNTED = {
    "expired": ({"expires": "2026-11-27"}, {}, "it expired"),
    "another environment": ({"environment": '"staging"'}, {"environment": "x"}, "staging alone"),
    "not among those who may": ({}, {"by": ("ann@example.com",)}, "the option 'by'"),
    "too old": ({}, {"max_age": "11h"}, "older than 11h"),
}


@pytest.mark.parametrize(("fields", "options", "why"), NOT_COUNTED.values(), ids=NOT_COUNTED)
def test_why_one_does_not_count(
    fields: dict[str, str], options: dict[str, Any], why: str, root: Path
) -> None:
    approve(root, **fields)
    assert not is_approved(root, **options)
    assert why in told(root, **options)


AUTHORS = {
    "the author": "A <a@example.org>",
    "by name": "a <other@example.org>",
    "by address": "A@EXAMPLE.org",
    "a co-author": "Di <di@example.org>",
}


@pytest.mark.parametrize("who", AUTHORS.values(), ids=AUTHORS)
def test_who_wrote_it_does_not_count(who: str, root: Path) -> None:
    git(root, "commit", "-q", "--allow-empty", "-m", "Two\n\nCo-authored-by: Dia <DI@example.org>")
    testing.write(root, {"app.py": "x = 5\n"})
    git(root, "commit", "-qam", "Three\n\nCo-authored-by: Dia <DI@example.org>")
    approve(root, who=who)
    assert not is_approved(root)
    assert "wrote or committed something" in told(root)
    assert is_approved(root, not_author=False)


def test_who_wrote_an_earlier_release_does_count(root: Path) -> None:
    git(root, "tag", "v1.0")
    testing.write(root, {"app.py": "x = 6\n"})
    subprocess.run(["git", *OTHER, "commit", "-qam", "Two"], cwd=root, check=True)
    approve(root, who="A <a@example.org>")
    assert is_approved(root)


def test_who_committed_an_approval_is_no_author(root: Path) -> None:
    git(root, "tag", "v1.0")
    testing.write(root, {"app.py": "x = 6\n"})
    subprocess.run(["git", *OTHER, "commit", "-qam", "Two"], cwd=root, check=True)
    approve(root, who="A <a@example.org>")
    commit(root)  # by A
    testing.write(root, {"app.py": "x = 7\n"})
    subprocess.run(["git", *OTHER, "commit", "-qam", "Three"], cwd=root, check=True)
    approve(root, who="A <a@example.org>")
    assert is_approved(root)


def test_an_incident_that_is_told_later_leaves_the_approval(root: Path) -> None:
    git(root, "tag", "v1.0")
    testing.write(root, {"app.py": "x = 6\n"})
    subprocess.run(["git", *OTHER, "commit", "-qam", "Two"], cwd=root, check=True)
    approve(root, who="A <a@example.org>")
    commit(testing.write(root, {"devops-gates/incidents.toml": "# by A, who is no author\n"}))
    assert is_approved(root)
    commit(testing.write(root, {"devops-gates/other.toml": "\n"}))
    assert not is_approved(root)


@pytest.mark.parametrize("place", ["what is approved", "between", "the approval", "nowhere"])
def test_a_tag_of_this_very_release_hides_no_author(place: str, root: Path) -> None:
    first = head(root)
    tags = {"what is approved": first}
    approve(root, f'commit = "{"0" * 40}"')
    tags["between"] = head(root)
    approve(root, f'commit = "{first}"', who="A <a@example.org>")
    tags["the approval"] = head(root)
    if place in tags:
        git(root, "tag", "v9.0", tags[place])
    project = testing.project(root, profile="release", started=NOW, base=head(root))
    (found,) = approval.check(project, ApprovalOptions(), ()).findings
    assert found.rule == "not-approved"
    assert "wrote or committed something" in told(root)


def test_a_tag_before_a_change_of_another_project_hides_no_author(tmp_path: Path) -> None:
    top = commit(testing.write(tmp_path / "top", {"one/a.py": "x = 1\n", "two/b.py": "x = 1\n"}))
    git(top, "tag", "v9.0")
    testing.write(top, {"two/b.py": "x = 2\n"})
    git(top, *OTHER, "commit", "-qam", "Two")
    approve(top / "one", who="A <a@example.org>")
    assert not is_approved(top / "one")


def test_a_shallow_clone_cannot_tell(root: Path, tmp_path: Path) -> None:
    earlier = head(root)
    approve(root)
    git(tmp_path, "clone", "-q", "--depth=1", root.as_uri(), "shallow")
    with pytest.raises(CannotTell, match=f"{earlier[:12]} is an earlier commit.*unshallow"):
        look(tmp_path / "shallow")
    judged = judge(tmp_path / "shallow", by=["bo@example.com"])
    assert (judged.outcome, "--unshallow" in judged.reason) == ("unknown", True)


def built(root: Path, files: dict[str, str], *, done: bool = True, **options: Any) -> Evidence:
    project = testing.project(root, profile="release", started=NOW)
    testing.write(project.run_dir, {f"dist/{name}": said for name, said in files.items()})
    if done:
        testing.write(project.run_dir, {"logs/package/result.json": "{}"})
    return approval.check(project, ApprovalOptions(**options), ())


def sha(text: str) -> str:
    return f'artefact = "{hashlib.sha256(text.encode()).hexdigest()}"'


def test_every_artefact_has_to_be_approved(root: Path) -> None:
    approve(root, sha("wheel"))
    assert built(root, {"a.whl": "wheel"}).findings == ()
    assert len(built(root, {"a.whl": "wheel", "a.tar.gz": "sdist"}).findings) == 1
    approve(root, sha("sdist"), who="Cy <cy@example.com>")
    assert built(root, {"a.whl": "wheel", "a.tar.gz": "sdist"}).findings == ()
    assert len(built(root, {"a.whl": "another"}).findings) == 1
    assert len(built(root, {}).findings) == 1


def test_artefacts_that_are_not_built_yet_cannot_be_told(root: Path) -> None:
    approve(root, sha("wheel"))
    with pytest.raises(CannotTell, match="names an artefact"):
        built(root, {"a.whl": "wheel"}, done=False)
    approve(root)
    assert built(root, {}, done=False).findings == (), "the commit is approved"


def test_approved_by_the_configuration(root: Path) -> None:
    judged = judge(root, automatic=True)
    assert judged.outcome == "pass"
    assert "nobody is asked" in judged.evidence.notes[0]


def test_without_git_there_is_nothing_to_approve(tmp_path: Path) -> None:
    judged = judge(testing.write(tmp_path / "x", {"a.py": ""}), required=2)
    assert (judged.outcome, "git commit" in judged.reason) == ("unknown", True)


def test_it_applies_where_it_is_asked_for(root: Path) -> None:
    project = testing.project(root)
    assert APPROVAL.applies is not None
    default = ApprovalOptions()
    assert "no approval is asked for" in (APPROVAL.applies(project, default) or "")
    assert APPROVAL.applies(project, ApprovalOptions(required=2)) is None
    testing.write(root, {FILE: '[[approval]]\nwho = "A"\nwhen = 2026-01-01\npolicy = "0"\n'})
    assert APPROVAL.applies(project, default) is not None
    approve(root, environment='"staging"')  # of which a run knows nothing
    assert APPROVAL.applies(project, default) is not None
    approve(root)
    assert APPROVAL.applies(project, default) is None
    testing.write(root, {FILE: "", "pyproject.toml": "[tool.devops-gates.gates.approval]\n"})
    assert APPROVAL.applies(testing.project(root), default) is None


BAD: dict[str, dict[str, Any]] = {
    "nobody is required": {"required": 0},
    "fewer than required": {"required": 2, "by": ["ann@x.org", "ANN@x.org"]},
    "an age without a unit": {"max-age": "7"},
    "an empty name": {"by": [" "]},
    "an unknown key": {"requires": 1},
}


@pytest.mark.parametrize("options", BAD.values(), ids=BAD)
def test_options_that_cannot_be_meant(options: dict[str, Any], root: Path) -> None:
    with pytest.raises(UsageError):
        judge(root, **options)


def test_its_canary_bites(root: Path) -> None:
    approve(root)
    commit(root)
    clean, planted = testing.prove(APPROVAL, root, profile="release", started=NOW)
    assert (clean.outcome, planted.outcome) == ("pass", "fail")
    assert planted.rules == ["not-approved"]
