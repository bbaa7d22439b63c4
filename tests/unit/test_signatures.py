"""Signatures of commits: what git's letters mean, and keys of SSH and of gpg for real."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from pytest_devops_gates import signatures, testing
from pytest_devops_gates.errors import CannotTell
from pytest_devops_gates.gates.commits import COMMITS
from pytest_devops_gates.signatures import Signed, judge, kinds
from pytest_devops_gates.testing import Judged
from tests.unit.samples import project

ME = "a@example.org"


@pytest.mark.parametrize(
    ("letter", "kind", "rule"),
    [
        ("G", "ssh", None),
        ("G", "openpgp", None),
        ("U", "openpgp", None),
        ("U", "x509", None),
        ("U", "ssh", "unknown-key"),
        ("E", "openpgp", "unknown-key"),
        ("N", "", "unsigned"),
        ("G", "", "unsigned"),
        ("B", "ssh", "bad-signature"),
        ("B", "openpgp", "bad-signature"),
        ("X", "openpgp", "stale-signature"),
        ("Y", "openpgp", "stale-signature"),
        ("R", "openpgp", "stale-signature"),
        ("?", "openpgp", "bad-signature"),
        ("", "openpgp", "bad-signature"),
    ],
)
def test_what_a_letter_means(letter: str, kind: str, rule: str | None) -> None:
    found = judge([Signed("abc", letter, "KEY", kind)], {})
    assert [f.rule for f in found.findings] == [rule] * (rule is not None)
    assert found.unknown is None


def test_what_cannot_be_checked_is_unknown_and_hides_nothing() -> None:
    bad, signed = Signed("a", "N", "", ""), Signed("b", "B", "", "ssh")
    found = judge([signed, bad], {"ssh": "ssh-keygen is not installed"})
    assert [f.rule for f in found.findings] == ["unsigned"]
    assert found.unknown == "ssh-keygen is not installed"
    assert judge([Signed("b", "N", "", "openpgp")], {}).unknown


def commit(header: str, message: str = "It\n\ngpgsig -----BEGIN SSH SIGNATURE-----\n") -> bytes:
    body = f"tree {'0' * 40}\nauthor A <a> 1 +0000\n{header}\n{message}".encode()
    return f"{'1' * 40} commit {len(body)}\n".encode() + body + b"\n"


def test_the_kind_is_read_from_the_header_alone() -> None:
    told = [
        commit(""),
        commit("gpgsig -----BEGIN SSH SIGNATURE-----\n x\n"),
        commit("gpgsig -----BEGIN PGP SIGNATURE-----\n x\n"),
        commit("gpgsig-sha256 -----BEGIN SIGNED MESSAGE-----\n x\n"),
        commit("gpgsig rubbish\n"),
    ]
    assert kinds(b"".join(told)) == ["", "ssh", "openpgp", "x509", "openpgp"]


@pytest.mark.parametrize("told", [b"1111 missing\n", b"1111 tree 3\nabc\n", b"x y z w\n"])
def test_a_commit_that_git_does_not_show(told: bytes) -> None:
    with pytest.raises(CannotTell):
        kinds(told)


class Repository:
    """A repository with a base, whose commits are signed as they are told."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.run("init", "-q", ".")
        for key, value in (("user.name", "A"), ("user.email", ME), ("gpg.format", "ssh")):
            self.run("config", key, value)
        self.commit("The base")
        self.base = self.run("rev-parse", "HEAD")

    def run(self, *args: str, told: str = "") -> str:
        env = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
        done = subprocess.run(
            ["git", *args], cwd=self.root, env=env, input=told, capture_output=True, text=True,
            check=True,
        )  # fmt: skip
        return done.stdout.strip()

    def commit(self, message: str, key: str | None = None, *how: str) -> None:
        sign = ["-c", f"user.signingkey={key}"] if key else []
        last = ["-S"] if key else []
        self.run("add", "-A")
        self.run(*how, *sign, "commit", "-q", "--allow-empty", "-m", message, *last)

    def judge(self) -> Judged:
        """As the gate ``commits`` does it, with the option ``signature``."""
        return testing.judge(COMMITS, self.root, options={"signature": True}, base=self.base)


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    root = tmp_path / "it"
    root.mkdir()
    return Repository(root)


def ssh_key(path: Path) -> str:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)], check=True)
    return f"{path}.pub"


needs_ssh = pytest.mark.skipif(not shutil.which("ssh-keygen"), reason="ssh-keygen is missing")
needs_gpg = pytest.mark.skipif(not shutil.which("gpg"), reason="gpg is missing")


def allow(path: Path, key: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"{ME} {Path(key).read_text()}")


@needs_ssh
def test_keys_of_ssh(repository: Repository, tmp_path: Path) -> None:
    mine, other = ssh_key(tmp_path / "mine"), ssh_key(tmp_path / "other")
    repository.commit("Mine", mine)
    judged = repository.judge()
    assert judged.outcome == "unknown"  # nobody is allowed anything yet
    assert "git config gpg.ssh.allowedSignersFile" in judged.reason
    repository.run("config", "gpg.ssh.allowedSignersFile", str(tmp_path / "signers"))
    assert "git config gpg.ssh.allowedSignersFile" in repository.judge().reason  # no such file
    allow(tmp_path / "signers", mine)
    assert repository.judge().outcome == "pass"
    repository.commit("Another's", other)
    repository.commit("Nobody's")
    whole = repository.run("cat-file", "commit", "HEAD~2") + "\n"
    forged = repository.run("hash-object", "-t", "commit", "-w", "--stdin", told=whole + "x\n")
    repository.run("reset", "-q", "--hard", forged)
    assert repository.judge().rules == ["bad-signature"]
    repository.run("reset", "-q", "--hard", "ORIG_HEAD")
    assert repository.judge().rules == ["unknown-key", "unsigned"]
    assert repository.judge().outcome == "fail"
    repository.run("config", "gpg.ssh.program", str(tmp_path / "missing"))
    judged = repository.judge()
    assert (judged.rules, judged.evidence.unknown is None) == (["unsigned"], False)


@needs_ssh
def test_a_change_does_not_choose_who_may_sign_it(repository: Repository, tmp_path: Path) -> None:
    mine, other = ssh_key(tmp_path / "mine"), ssh_key(tmp_path / "other")
    signers = repository.root / "signers"
    repository.run("config", "gpg.ssh.allowedSignersFile", "signers")
    allow(signers, other)
    repository.commit("Let another in", other)
    assert "the change's own" in repository.judge().reason
    repository.run("rm", "-q", "--cached", "signers")
    allow(signers, mine)
    repository.commit("Let me in")
    repository.base = repository.run("rev-parse", "HEAD")
    allow(signers, other)
    repository.commit("Let another in", other)
    assert repository.judge().rules == ["unknown-key"]
    repository.base = repository.run("rev-parse", "HEAD~1")
    repository.run("reset", "-q", "--hard", "HEAD~1")
    repository.commit("Mine", mine)
    assert repository.judge().outcome == "pass"


@needs_gpg
def test_keys_of_gpg(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, empty = tmp_path / "gpg", tmp_path / "none"
    for folder in (home, empty):
        folder.mkdir(mode=0o700)
    monkeypatch.setenv("GNUPGHOME", str(home))
    make = ["gpg", "--batch", "--quiet", "--passphrase", "", "--quick-gen-key", f"A <{ME}>"]
    try:
        subprocess.run([*make, "ed25519", "sign", "0"], check=True, capture_output=True)
        repository.commit("Signed", ME, "-c", "gpg.format=openpgp")
        assert repository.judge().outcome == "pass"
        monkeypatch.setenv("GNUPGHOME", str(empty))
        assert repository.judge().rules == ["unknown-key"]
        repository.run("config", "gpg.program", str(tmp_path / "missing"))
        judged = repository.judge()
        assert (judged.outcome, judged.rules) == ("unknown", [])
        assert "is not installed, which checks openpgp signatures" in judged.reason
    finally:
        for folder in (home, empty):
            subprocess.run(["gpgconf", "--homedir", str(folder), "--kill", "all"], check=False)


def test_a_range_of_no_commit(repository: Repository) -> None:
    here = project(repository.root, toplevel=repository.root, base=repository.base)
    assert signatures.check(here, f"{repository.base}..HEAD") == signatures.Judged()
