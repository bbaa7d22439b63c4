"""The gate ``commits``: what it asks of messages, of a change and of a commit-msg hook."""

from __future__ import annotations

import subprocess
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_devops_gates import testing
from pytest_devops_gates.errors import UsageError
from pytest_devops_gates.gates import commits
from pytest_devops_gates.gates.commits import COMMITS, CommitOptions
from tests.growth import grows_linearly
from tests.unit.samples import DATA, HOSTILE, any_text, same_every_time


def rules(message: str, *, hook: bool = False, **options: Any) -> list[str]:
    return [f.rule for f in commits.judge(message, CommitOptions(**options), "abc", hook=hook)]


CONVENTION = {
    "feat: a thing": [],
    "fix(parser)!: another": [],
    "Feat: types know no case": [],
    "docs(a b): a body\n\nIt has one.": [],
    'Revert "whatever it was"': [],
    'Reapply "whatever it was"': [],
    "Merge branch 'x' into y": [],
    "a thing": ["not-conventional"],
    "feat a thing": ["not-conventional"],
    "feat:": ["not-conventional"],
    "feat: ": ["not-conventional"],
    "feat:a thing": ["not-conventional"],
    "feat(): a thing": ["not-conventional"],
    "feature: a thing": ["not-conventional"],
    "feat: a thing\nand no blank line": ["not-conventional"],
    "Merged something": ["not-conventional"],
    "Reverted": ["not-conventional"],
}


@pytest.mark.parametrize(("message", "found"), CONVENTION.items())
def test_conventional_commits(message: str, found: list[str]) -> None:
    assert rules(message, convention="conventional") == found
    assert rules(message) == []


SIGNED = "It\n\nWhy.\n\nFixes: 3\nSigned-off-by: A B <a@example.org>"
ASKED: list[tuple[str, dict[str, Any], list[str]]] = [
    ("", {}, ["empty-subject"]),
    ("\n\nbody", {}, ["empty-subject"]),
    ("x" * 100, {}, []),
    ("x" * 101, {}, ["subject-too-long"]),
    ("é" * 10, {"max_subject": 10}, []),
    (f'Revert "{"x" * 100}"', {}, []),
    ("x\n\n" + "y" * 200, {}, []),
    ("fixup! x", {}, ["fixup"]),
    ("squash! x", {"sign_off": True}, ["fixup"]),
    ("amend! x", {}, ["fixup"]),
    ("fixup x", {}, []),
    ("fix #12", {"reference": r"#\d+"}, []),
    ("fix\n\nCloses #12", {"reference": r"#\d+"}, []),
    ("fix 12", {"reference": r"#\d+"}, ["no-reference"]),
    ("ABC-1 x", {"pattern": r"^[A-Z]+-\d+ "}, []),
    ("x\n\nABC-1 x", {"pattern": r"^[A-Z]+-\d+ "}, ["pattern"]),
    (SIGNED, {"sign_off": True}, []),
    (SIGNED + "\n", {"sign_off": True}, []),
    (SIGNED + "\n\nPS", {"sign_off": True}, ["no-sign-off"]),
    ("It\n\nSigned-off-by: nobody", {"sign_off": True}, ["no-sign-off"]),
    ("feat: x", {"convention": "conventional", "types": ("fix",)}, ["not-conventional"]),
    ("a", {"reference": "#", "pattern": "b", "sign_off": True}, ["pattern", "no-reference", "no-sign-off"]),
]  # fmt: skip


@pytest.mark.parametrize(("message", "options", "found"), ASKED)
def test_what_is_asked(message: str, options: dict[str, Any], found: list[str]) -> None:
    assert rules(message, **options) == found


def test_a_hook_lets_a_fixup_be_made() -> None:
    assert rules("fixup! x", hook=True, convention="conventional", sign_off=True) == []
    assert rules("x", hook=True, convention="conventional") == ["not-conventional"]


@pytest.mark.parametrize("subject", HOSTILE)
def test_hostile_subjects_are_named_and_cut(subject: str) -> None:
    (found,) = commits.judge(subject * 40, CommitOptions(max_subject=1), "abc")
    assert found.message.startswith("abc: '")
    assert "\n" not in found.message
    assert len(found.message) < 150


@given(any_text)
@same_every_time
def test_any_message_is_judged(message: str) -> None:
    strict = CommitOptions(convention="conventional", sign_off=True, reference="#", pattern="x")
    assert all(f.rule and f.message for f in commits.judge(message, strict, "abc"))


def test_the_log_of_real_git() -> None:
    found = commits.parse((DATA / "git-2.39.5-log.txt").read_bytes())
    assert [short for short, _ in found] == [
        "1f6589ec", "414f0513", "ded32878", "69f84847", "b17c61b6", "f361ead0",
    ]  # fmt: skip
    assert found[0][1].startswith("Bump https://github.com/astral-sh/ruff-pre-commit (#7598)\n\n")
    for _, text in found:
        assert rules(text, sign_off=True, reference=r"\(#\d+\)\n") == []
        assert rules(text, convention="conventional") == ["not-conventional"]


@given(st.lists(st.tuples(st.from_regex(r"[0-9a-f]{7}", fullmatch=True), st.text("ab\n# é"))))
@same_every_time
def test_logs_are_taken_apart(entries: list[tuple[str, str]]) -> None:
    log = "".join(f"{short}\0{text}\0" for short, text in entries).encode()
    assert commits.parse(log) == [(short, text.strip()) for short, text in entries]


# the gate


def git(root: Path, *args: str) -> str:
    who = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
    done = subprocess.run(["git", *who, *args], cwd=root, check=True, capture_output=True)
    return done.stdout.decode().strip()


def commit(root: Path, message: str) -> str:
    git(root, "commit", "-q", "--allow-empty", "--allow-empty-message", "-m", message)
    return git(root, "rev-parse", "HEAD")


@pytest.fixture
def change(tmp_path: Path) -> tuple[Path, str]:
    """A repository, and the base before its change of two commits and a merge."""
    git(tmp_path, "init", "-q", "-b", "main", ".")
    base = commit(tmp_path, "fixup! before the change")
    commit(tmp_path, "feat: one")
    git(tmp_path, "checkout", "-q", "-b", "side", base)
    commit(tmp_path, "fix: two")
    git(tmp_path, "merge", "-q", "--no-ff", "-m", "fixup! merged", "main")
    return tmp_path, base


def test_the_commits_of_a_change(change: tuple[Path, str]) -> None:
    root, base = change
    judged = testing.judge(COMMITS, root, base=base, options={"convention": "conventional"})
    assert (judged.outcome, judged.evidence.examined) == ("pass", 2)
    commit(root, "")
    last = commit(root, "no convention at all")
    judged = testing.judge(COMMITS, root, base=base, options={"convention": "conventional"})
    assert (judged.outcome, judged.rules) == ("fail", ["empty-subject", "not-conventional"])
    assert f"{last[:7]}: 'no convention at all'" in judged.evidence.findings[0].message


def test_no_question_arises(change: tuple[Path, str]) -> None:
    root, _ = change
    assert testing.judge(COMMITS, root).reason == "no base to compare with"
    head = git(root, "rev-parse", "HEAD")
    judged = testing.judge(COMMITS, root, base=head)
    assert (judged.outcome, "no commit but merges" in judged.reason) == ("not-applicable", True)


def test_a_base_that_git_does_not_know_is_unknown(change: tuple[Path, str]) -> None:
    assert testing.judge(COMMITS, change[0], base="f" * 40).outcome == "unknown"


def test_the_message_of_a_hook(tmp_path: Path) -> None:
    options = {"convention": "conventional", "max-subject": 20}
    judged = testing.judge(COMMITS, tmp_path, message="feat: one\n", options=options)
    assert judged.outcome == "pass"
    judged = testing.judge(COMMITS, tmp_path, message="one, and far too long\n", options=options)
    assert judged.rules == ["not-conventional", "subject-too-long"]
    assert testing.judge(COMMITS, tmp_path, message="\n").rules == ["empty-subject"]


WRONG = {
    "pattern": {"pattern": "("},
    "reference": {"reference": "*"},
    "max-subject": {"max-subject": 0},
    "types": {"types": [], "convention": "conventional"},
    "convention": {"convention": "angular"},
    "sign-of": {"sign-of": True},
}


@pytest.mark.parametrize(("key", "options"), WRONG.items(), ids=WRONG)
def test_wrong_options_are_usage_errors(tmp_path: Path, key: str, options: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=rf"tool\.devops-gates\.gates\.commits\.options\.{key}: "):
        testing.judge(COMMITS, tmp_path, options=options)


def test_the_canary(change: tuple[Path, str]) -> None:
    root, base = change
    clean, planted = testing.prove(COMMITS, root, base=base)
    assert (clean.outcome, planted.outcome, planted.rules) == ("pass", "fail", ["fixup"])


# work items

PLAN = '[[items]]\nid = "W-1"\ntitle = "It"\n\n[[items]]\nid = "W-1.2"\ntitle = "It too"\n'


@pytest.mark.parametrize(
    ("message", "names"),
    [
        ("W-1", True),
        ("fix: it (W-1)", True),
        ("It\n\nCloses: W-1.2", True),
        ("It is done, W-1.", True),
        ("It is done: W-1...", True),
        ("[W-1]: it", True),
        ("W-12", False),
        ("xW-1", False),
        ("éW-1", False),
        ("W-1x", False),
        ("W-1-2", False),
        ("w-1", False),
        ("W-1.3", False),
        ("", False),
    ],
)
def test_an_id_is_a_whole_word(message: str, *, names: bool) -> None:
    assert commits.names_any(message, {"W-1", "W-1.2"}) is names


def test_an_id_may_end_as_a_sentence_does() -> None:
    assert commits.names_any("done with v1..", {"v1."})


def test_many_dots_take_no_time() -> None:
    grows_linearly(lambda n: partial(commits.names_any, "W" + "." * n, {"W-1"}), 100_000)


def planned(root: Path, plan: str | None = PLAN) -> Path:
    files = {} if plan is None else {"devops-gates/plan.toml": plan}
    return testing.write(root, files)


@pytest.mark.parametrize(("message", "found"), [("it, W-1", []), ("it, W-3", ["no-work-item"])])
def test_a_message_names_what_is_planned(tmp_path: Path, message: str, found: list[str]) -> None:
    judged = testing.judge(COMMITS, planned(tmp_path), options={"work-item": True}, message=message)
    assert judged.rules == found


@pytest.mark.parametrize(
    ("plan", "said"),
    [
        (None, "plans nothing that could be named"),
        ("", "plans nothing that could be named"),
        ("[[items]]\nid = 1\n", "devops-gates/plan.toml.items[0].id"),
        ("[[items]", "devops-gates/plan.toml"),
    ],
)
def test_without_a_plan_it_cannot_tell(tmp_path: Path, plan: str | None, said: str) -> None:
    judged = testing.judge(
        COMMITS, planned(tmp_path, plan), options={"work-item": True}, message="W-1"
    )
    assert judged.outcome == "unknown"
    assert said in judged.reason
