"""The gate ``secrets``: files, commits of the change, engines, and that no value is told."""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pytest_devops_gates import git, testing
from pytest_devops_gates.errors import CannotTell, UsageError
from pytest_devops_gates.evidence import Severity
from pytest_devops_gates.gates import secrets
from pytest_devops_gates.gates.secrets import SECRETS as GATE
from pytest_devops_gates.gates.secrets import SecretOptions
from pytest_devops_gates.project import Project
from pytest_devops_gates.scanning.artefacts import in_artefact
from pytest_devops_gates.scanning.places import LARGEST
from pytest_devops_gates.testing import prove, write
from tests.unit.planted import SECRETS, line

TOKEN = SECRETS[4][2]
TOKEN_LINE = line(4)
KEY = line(14)
ONLY_OURS: dict[str, Any] = {"engines": ["built-in"]}


def judge(root: Path, **arguments: Any) -> testing.Judged:
    return testing.judge(GATE, root, **{"options": ONLY_OURS, **arguments})


def run(root: Path, *command: str) -> str:
    who = ["-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    return subprocess.run(
        ["git", *who, *command], cwd=root, check=True, capture_output=True, text=True
    ).stdout.strip()


def commit(root: Path, files: dict[str, str | bytes], message: str = "All") -> str:
    if not (root / ".git").exists():
        run(root, "init", "-q", "-b", "main", ".")
    write(root, files)
    run(root, "add", "-A")
    run(root, "commit", "-q", "--allow-empty", "-m", message)
    return run(root, "rev-parse", "HEAD")


# files


def test_a_token_in_a_file_fails(tmp_path: Path) -> None:
    write(tmp_path, {"app.py": f"\n{TOKEN_LINE}", "ok.py": "a = 1\n"})
    judged = judge(tmp_path)
    assert (judged.outcome, judged.rules) == ("fail", ["github-token"])
    found = judged.evidence.findings[0]
    assert (found.path, found.line, found.severity) == ("app.py", 2, Severity.CRITICAL)
    assert found.message.startswith("a GitHub token (40 characters) · revoke it")
    assert judged.evidence.examined == 2
    assert judged.evidence.receipt
    assert judged.evidence.receipt.version == "built-in"


@pytest.mark.parametrize(
    ("name", "outcome"),
    [("tests/key.pem", "pass"), ("docs/a.rst", "pass"), ("key.pem", "fail"), ("scripts/k", "fail")],
)
def test_a_key_for_tests_is_told_and_does_not_fail(tmp_path: Path, name: str, outcome: str) -> None:
    judged = judge(write(tmp_path, {name: KEY}))
    assert (judged.outcome, judged.rules) == (outcome, ["private-key"])


def test_a_token_in_a_test_fails(tmp_path: Path) -> None:
    assert judge(write(tmp_path, {"tests/test_a.py": TOKEN_LINE})).outcome == "fail"


def test_what_is_no_plain_text_is_told(tmp_path: Path) -> None:
    write(tmp_path, {"a.bin": b"\0" + TOKEN_LINE.encode(), "wide.ps1": TOKEN_LINE.encode("utf-16"),
                     "big.txt": b"x" * (LARGEST + 1), "old.txt": b"\xe9 " + TOKEN_LINE.encode()})  # fmt: skip
    (tmp_path / "link").symlink_to("/etc/passwd")
    judged = judge(tmp_path)
    assert sorted(f.path or "" for f in judged.evidence.findings) == ["old.txt", "wide.ps1"]
    assert judged.evidence.notes == (
        "not searched, a binary file: a.bin",
        "not searched, a symbolic link: link",
        "not searched, of more than 16 MiB: big.txt",
    )


MARKED = [
    pytest.param(lambda text: text.encode("utf-32"), (), id="utf-32"),
    pytest.param(lambda text: b"\0\0\xfe\xff" + text.encode("utf-32-be"), (), id="utf-32-be"),
    pytest.param(lambda text: b"\xff\xfe" + text.encode(), ("lie.txt",), id="ASCII"),
    pytest.param(lambda text: b"\xfe\xff" + text.encode() + b"\n", ("lie.txt",), id="ASCII, be"),
    pytest.param(lambda text: b"\xff\xfe\0\0" + text.encode(), ("lie.txt",), id="ASCII, 32"),
    pytest.param(
        lambda text: ("x\n" * 9).encode("utf-16") + text.encode() + b"\xd8", ("lie.txt",), id="half"
    ),
]


@pytest.mark.parametrize(("encode", "told"), MARKED)
def test_a_mark_of_wide_characters_hides_nothing(
    tmp_path: Path, encode: Callable[[str], bytes], told: tuple[str, ...]
) -> None:
    write(tmp_path, {"lie.txt": encode(f"\n{TOKEN_LINE}")})
    judged = judge(tmp_path)
    assert (judged.outcome, judged.rules) == ("fail", ["github-token"])
    why = "not searched, where it is no UTF-16 or UTF-32, although it begins like that: "
    assert judged.evidence.notes == tuple(why + name for name in told)


def test_the_same_token_twice_in_a_wide_file_is_told_twice(tmp_path: Path) -> None:
    write(tmp_path, {"a.txt": (TOKEN_LINE * 2).encode("utf-16")})
    assert [f.line for f in judge(tmp_path).evidence.findings] == [1, 2]


def test_a_file_that_cannot_be_read_is_unknown_and_the_others_count(tmp_path: Path) -> None:
    write(tmp_path, {"a.py": "1\n"})
    judged = judge(tmp_path, files=("a.py", "gone.py"))
    assert judged.outcome == "unknown"
    assert "gone.py" in judged.reason
    write(tmp_path, {"a.py": TOKEN_LINE})
    assert judge(tmp_path, files=("a.py", "gone.py")).outcome == "fail"
    os.mkfifo(tmp_path / "pipe")
    assert judge(tmp_path, files=("ok", "pipe")).outcome == "unknown"


def test_nothing_read_is_no_pass(tmp_path: Path) -> None:
    assert judge(write(tmp_path, {"a.bin": b"\0"})).outcome == "unknown"
    assert judge(tmp_path, options={"exclude": ["*"]}).outcome == "unknown"


@pytest.mark.parametrize("glob", ["vendor", "vendor/", "vendor/*", "./vendor", "*/a.py"])
def test_excluded_files_are_told(tmp_path: Path, glob: str) -> None:
    write(tmp_path, {"vendor/x/a.py": TOKEN_LINE, "b.py": "1\n"})
    judged = judge(tmp_path, options={**ONLY_OURS, "exclude": [glob]})
    assert judged.outcome == "pass"
    assert judged.evidence.notes == (
        "not searched, excluded by the option 'exclude': vendor/x/a.py",
    )


def test_allowed_lines_are_counted(tmp_path: Path) -> None:
    write(tmp_path, {"a.py": f"{TOKEN_LINE.rstrip()}  # gitleaks:allow\n"})
    judged = judge(tmp_path, conditions={"allowed": "== 0"})
    assert judged.evidence.metrics["allowed"] == 1
    assert judged.outcome == "fail"


def test_a_hook_sees_its_own_files(tmp_path: Path) -> None:
    write(tmp_path, {"a.py": TOKEN_LINE, "b.py": "1\n", "c.png": b"\0"})
    assert judge(tmp_path, scope=("a.py",)).outcome == "fail"
    assert judge(tmp_path, scope=("b.py",)).outcome == "pass"
    assert judge(tmp_path, scope=("c.png",)).outcome == "pass"


@pytest.mark.parametrize("options", [{"engines": ["gitleaks"]}, {"exclude": "x"}, {"allow": []}])
def test_a_wrong_option_is_a_usage_error(tmp_path: Path, options: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        judge(write(tmp_path, {"a.py": ""}), options=options)


def test_its_canary_is_found(tmp_path: Path) -> None:
    write(tmp_path, {"app.py": "a = 1\n"})
    clean, planted = prove(GATE, tmp_path, options=ONLY_OURS)
    assert (clean.outcome, planted.outcome) == ("pass", "fail")
    assert planted.rules == ["aws-access-key"]


# commits


def test_a_token_that_a_later_commit_takes_out_is_found(tmp_path: Path) -> None:
    base = commit(tmp_path, {"a.py": "1\n", "sub/b ü.py": "1\n"})
    bad = commit(tmp_path, {"sub/b ü.py": f"1\n{TOKEN_LINE}", "c.txt": "x"})
    commit(tmp_path, {"sub/b ü.py": "1\n"})
    judged = judge(tmp_path, base=base)
    assert (judged.outcome, judged.rules) == ("fail", ["github-token"])
    found = judged.evidence.findings[0]
    assert (found.path, found.line) == ("sub/b ü.py", None)
    assert found.message.startswith(f"the commit {bad[:10]} adds a GitHub token")
    assert judge(tmp_path).outcome == "pass"


def test_a_hook_whose_commits_leave_no_file_to_look_at_sees_the_commits(tmp_path: Path) -> None:
    base = commit(tmp_path, {"a.py": "1\n"})
    commit(tmp_path, {"a.py": TOKEN_LINE})
    commit(tmp_path, {"a.py": "1\n"})
    assert judge(tmp_path, base=base, scope=()).outcome == "fail"
    assert judge(tmp_path, base=run(tmp_path, "rev-parse", "HEAD"), scope=()).outcome == "pass"


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"b.py": TOKEN_LINE}, {"b.py": TOKEN_LINE + "x = 1\n"}),  # it is still there
        ({"b.py": "1\n"}, {"b.py": "2\n"}),
    ],
)
def test_what_is_still_in_a_file_is_told_once(
    tmp_path: Path, first: dict[str, str | bytes], second: dict[str, str | bytes]
) -> None:
    base = commit(tmp_path, {"a.py": "1\n"})
    commit(tmp_path, first)
    commit(tmp_path, second)
    places = [(f.path, f.line) for f in judge(tmp_path, base=base).evidence.findings]
    assert places == ([("b.py", 1)] if TOKEN_LINE in first.values() else [])


def test_what_was_there_before_is_not_brought_by_a_commit_that_moves_or_removes_it(
    tmp_path: Path,
) -> None:
    base = commit(tmp_path, {"a.py": f"1\n{TOKEN_LINE}"})
    commit(tmp_path, {"a.py": f"if 1:\n    {TOKEN_LINE}"})
    commit(tmp_path, {"a.py": "1\n"})
    assert judge(tmp_path, base=base).outcome == "pass"


def test_the_message_of_a_commit_and_a_merge_are_read(tmp_path: Path) -> None:
    base = commit(tmp_path, {"a.py": "1\n"})
    commit(tmp_path, {}, f"Subject\n\ndiff --git a/x b/x\n{TOKEN_LINE}")
    messages = judge(tmp_path, base=base).evidence.findings
    assert [f.path for f in messages] == [None]
    assert "in its message" in messages[0].message
    base = run(tmp_path, "rev-parse", "HEAD")
    run(tmp_path, "checkout", "-q", "-b", "side")
    commit(tmp_path, {"b.py": "1\n"})
    run(tmp_path, "checkout", "-q", "main")
    commit(tmp_path, {"c.py": "1\n"})
    run(tmp_path, "merge", "-q", "--no-commit", "side")
    commit(tmp_path, {"b.py": f"1\n{TOKEN_LINE}"}, "An evil merge")
    commit(tmp_path, {"b.py": "1\n"})
    assert [f.path for f in judge(tmp_path, base=base).evidence.findings] == ["b.py"]


def test_attributes_and_names_hide_nothing(tmp_path: Path) -> None:
    base = commit(tmp_path, {"a.py": "1\n"})
    odd = 'q"uo\tte.py'
    commit(
        tmp_path, {".gitattributes": "* -diff\n", odd: TOKEN_LINE, "b.bin": b"\0" + KEY.encode()}
    )
    commit(tmp_path, {odd: "", "b.bin": ""})
    assert [f.path for f in judge(tmp_path, base=base).evidence.findings] == [odd]


def test_commits_that_cannot_be_read_are_unknown(tmp_path: Path) -> None:
    commit(tmp_path, {"a.py": "1\n"})
    assert judge(tmp_path, base="0" * 39 + "1").outcome == "unknown"
    refused = judge(tmp_path, base_error="a shallow clone · git fetch --unshallow")
    assert (refused.outcome, "shallow" in refused.reason) == ("unknown", True)


def test_a_line_of_git_without_an_end_comes_in_pieces(tmp_path: Path) -> None:
    commit(tmp_path, {"a.txt": "x" * 1000})
    pieces = list(git.lines(tmp_path, "show", "HEAD:a.txt", longest=300))
    assert [len(piece) for piece in pieces] == [300, 300, 300, 100]
    with pytest.raises(CannotTell, match="git show"):
        list(git.lines(tmp_path, "show", "nothing", longest=300))


# engines, and what is told


def test_a_missing_engine_is_unknown_where_it_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pytest_devops_gates.scanning.betterleaks.find", lambda root: None)
    monkeypatch.setattr("pytest_devops_gates.scanning.detect_secrets.find", lambda: None)
    project = testing.project(write(tmp_path, {"a.py": TOKEN_LINE}))
    told = secrets.check(project, SecretOptions(engines=("betterleaks",)), ())
    assert told.unknown
    assert told.unknown.startswith("betterleaks is not installed · python -m pip install")
    assert len(told.findings) == 1
    both = secrets.check(project, SecretOptions(engines=("betterleaks", "detect-secrets")), ())
    assert both.unknown
    assert both.unknown.endswith("(and 1 more)")
    assert secrets.check(project, SecretOptions(), ()).unknown is None


def test_no_value_is_in_the_evidence_or_in_a_file_of_the_run(tmp_path: Path) -> None:
    """With every engine that is installed, on every kind, in a file and in a commit."""
    root = tmp_path / "root"
    root.mkdir()
    base = commit(root, {"a.py": "1\n"})
    commit(root, {f"gone/{at}.txt": line(at) for at in range(len(SECRETS))})
    for at in range(len(SECRETS)):
        (root / f"gone/{at}.txt").unlink()
    commit(root, {f"{at}.txt": line(at) for at in range(0, len(SECRETS), 2)})
    project = testing.project(root, base=base, profile="release")
    evidence = secrets.check(project, SecretOptions(), ())
    assert len({f.rule for f in evidence.findings}) >= 20
    written = [p.read_bytes() for p in project.run_dir.rglob("*") if p.is_file()]
    for said in (msgspec.json.encode(evidence), repr(evidence).encode(), *written):
        for _, _, value in SECRETS:
            parts = [p for p in value.replace("\\n", "\n").split("\n") if len(p) > 30] or [value]
            assert not any(part.encode() in said for part in parts if "-----" not in part)


# artefacts


def test_what_a_wheel_ships_beside_the_projects_files(tmp_path: Path) -> None:
    root = write(tmp_path / "root", {"src/app/a.py": TOKEN_LINE})
    wheel, sdist = tmp_path / "app-1-py3-none-any.whl", tmp_path / "app-1.tar.gz"
    members = {"app/a.py": TOKEN_LINE, "app/.env": f"\n{line(0)}", "app/b.so": "\0" + TOKEN_LINE}
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    with tarfile.open(sdist, "w:gz") as tar:
        for name, text in members.items():
            info = tarfile.TarInfo(f"app-1/{name}")
            info.size = len(text.encode())
            tar.addfile(info, io.BytesIO(text.encode()))
    project = testing.project(root)
    for path in (wheel, sdist):
        found = in_artefact(path, project)
        assert [(f.rule, f.severity) for f in found] == [("aws-access-key", Severity.CRITICAL)]
        assert "app/.env, line 2" in found[0].message
        assert SECRETS[0][2] not in found[0].message


@pytest.mark.parametrize("name", ["a.whl", "a.tar.gz"])
@pytest.mark.parametrize("content", [b"", b"rubbish" * 99, b"PK\x03\x04", b"\x1f\x8b\x08"])
def test_an_artefact_that_is_none_is_unknown(tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    project = Project(tmp_path, tmp_path, tmp_path, 0.0)
    with pytest.raises(CannotTell, match=name):
        in_artefact(path, project)
