"""Signatures of commits, as git checks them. What cannot be checked is unknown, and never good.

Git says ``N`` of a signed commit as well where gpg is not there or no signers are allowed, and
``B`` where ssh-keygen is not there: so the commit itself is asked whether it is signed, and the
tools are looked for. Source: git-log(1), ``%G?``; what git 2.39 says.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from pytest_devops_gates import git
from pytest_devops_gates.errors import CannotTell
from pytest_devops_gates.evidence import Finding, Rule
from pytest_devops_gates.project import Project

LOG = ("log", "-z", "--no-merges", "--no-show-signature", "--no-color",
       "--format=%h%x00%H%x00%G?%x00%GK")  # fmt: skip
SIGNERS = "gpg.ssh.allowedSignersFile"
TIMEOUT = 300.0
"""Seconds: git starts a program or three for each commit."""

NONE = ""
SSH, OPENPGP, X509 = "ssh", "openpgp", "x509"
"""The kinds of signatures, as git's setting ``gpg.format`` names them; and of none."""
_BEGINS = {
    b"-----BEGIN SSH SIGNATURE-----": SSH,
    b"-----BEGIN PGP SIGNATURE-----": OPENPGP,
    b"-----BEGIN PGP MESSAGE-----": OPENPGP,
    b"-----BEGIN SIGNED MESSAGE-----": X509,
}
_PROGRAMS = {
    SSH: ("gpg.ssh.program", "ssh-keygen"),
    OPENPGP: ("gpg.program", "gpg"),
    X509: ("gpg.x509.program", "gpgsm"),
}
KEYRING = ("GNUPGHOME",)
"""The variables by which gpg finds its keys."""

_SIGN = "git rebase --exec 'git commit --amend --no-edit -S' BASE"

_SIGN_ALL = (
    "`git commit --amend --no-edit -S` signs the last commit, the same in `git rebase --exec` all"
    " of the change; `git config commit.gpgsign true` those to come."
)
RULES = (
    Rule(
        "unsigned",
        "A commit is not signed.",
        _SIGN_ALL,
        "https://git-scm.com/book/en/v2/Git-Tools-Signing-Your-Work",
    ),
    Rule(
        "bad-signature",
        "A commit's signature does not fit what it holds.",
        f"Look who changed it, and sign it anew. {_SIGN_ALL}",
    ),
    Rule(
        "unknown-key",
        "A commit is signed by a key that is not known here.",
        "Fetch the key (`gpg --recv-keys`), or add it to the file that git's setting"
        " `gpg.ssh.allowedSignersFile` names, by a change of its own.",
    ),
    Rule(
        "stale-signature",
        "A commit is signed by a key that expired or was revoked, or its signature expired.",
        f"Sign it anew with a key that is good. {_SIGN_ALL}",
    ),
)


class Signed(msgspec.Struct, frozen=True):
    """A commit with git's letter for its signature, the key that made it, and its kind."""

    commit: str
    letter: str
    key: str
    kind: str


class Judged(msgspec.Struct, frozen=True):
    """What is wrong with signatures, and why some of them cannot be checked."""

    findings: tuple[Finding, ...] = ()
    unknown: str | None = None


def check(project: Project, change: str) -> Judged:
    """Judge the signature of each commit of a range but for merges."""
    top = project.toplevel or project.root
    signers, own = _signers(project, top)
    env = {name: os.environ[name] for name in KEYRING if name in os.environ}
    log = git.git(top, *own, *LOG, "--end-of-options", change, env=env, timeout=TIMEOUT)
    fields = log.decode("utf-8", "backslashreplace").split("\0")
    hashes = fields[1::4]
    told = git.git(top, "cat-file", "--batch", told="".join(f"{h}\n" for h in hashes).encode())
    columns = zip(fields[::4], fields[2::4], fields[3::4], kinds(told), strict=False)
    signed = [Signed(*one) for one in columns]
    if len(signed) != len(hashes):
        raise CannotTell("git does not tell how each commit is signed · git fsck")
    used = {one.kind for one in signed} - {NONE}
    missing = {kind: why for kind in sorted(used) if (why := _missing(kind, top, signers))}
    return judge(signed, missing)


def judge(signed: Sequence[Signed], missing: dict[str, str]) -> Judged:
    """What is wrong. ``missing`` says for kinds of signatures why they cannot be checked here."""
    findings, unknown = [], []
    for one in signed:
        why = missing.get(one.kind)
        if one.kind and (why or one.letter == "N"):
            unknown.append(why or f"the signature of {one.commit} cannot be read by git")
            continue
        findings += [Finding(rule, f"{one.commit} {told}") for rule, told in _wrong(one)]
    return Judged(tuple(findings), unknown[0] if unknown else None)


def _wrong(one: Signed) -> Iterator[tuple[str, str]]:
    """Of an SSH key that nobody allows git says that its validity is unknown: it is anyone's."""
    key = f"the key {one.key[:64]}" if one.key else "a key"
    if one.kind == NONE:
        yield "unsigned", f"is not signed · {_SIGN}"
    elif one.letter == "E":
        yield "unknown-key", f"is signed by {key}, which gpg does not have · gpg --recv-keys"
    elif one.kind == SSH and one.letter == "U":
        yield "unknown-key", f"is signed by {key}, which is none of the allowed signers"
    elif one.letter in ("X", "Y", "R"):
        said = "that was revoked" if one.letter == "R" else "that expired, or the signature did"
        yield "stale-signature", f"is signed by {key} {said} · sign it anew: {_SIGN}"
    elif one.letter not in ("G", "U"):
        yield "bad-signature", f"has a signature that does not fit it · sign it anew: {_SIGN}"


def kinds(told: bytes) -> list[str]:
    """The kind of each commit's signature, from what ``git cat-file --batch`` prints."""
    found: list[str] = []
    at = 0
    while at < len(told):
        end = told.index(b"\n", at)
        words = told[at:end].split()
        if len(words) != 3 or words[1] != b"commit":
            raise CannotTell("git does not show a commit that it lists · git fsck")
        start = end + 1
        at = start + int(words[2]) + 1
        found.append(_kind(told[start : at - 1].partition(b"\n\n")[0]))
    return found


def _kind(header: bytes) -> str:
    """Of a commit by its header; one with an unknown kind of signature is for gpg to tell."""
    for line in header.split(b"\n"):
        name, _, value = line.partition(b" ")
        if name in (b"gpgsig", b"gpgsig-sha256"):
            return _BEGINS.get(value.strip(), OPENPGP)
    return NONE


def _missing(kind: str, top: Path, signers: Path | None) -> str | None:
    """Why git cannot check signatures of a kind."""
    setting, usual = _PROGRAMS[kind]
    program = git.setting(top, setting) or usual
    if shutil.which(os.path.expanduser(program)) is None:  # where git looks for it
        return f"{program} is not installed, which checks {kind} signatures"
    if kind == SSH and (signers is None or not signers.is_file()):
        return f"git knows no allowed signers · git config {SIGNERS} FILE"
    return None


def _signers(project: Project, top: Path) -> tuple[Path | None, tuple[str, ...]]:
    """The file of the keys that may sign, and how to tell git. Where it is tracked, it is the
    base's: a change does not choose who may sign it."""
    told = git.setting(top, SIGNERS)
    if told is None:
        return None, ()
    path = Path(os.path.normpath(top / os.path.expanduser(told)))
    inside = os.path.relpath(path, top)
    if inside.startswith(os.pardir) or not git.contents(top, "HEAD", [inside]):
        return path, ()
    before = git.contents(top, project.base or "HEAD", [inside]).get(inside)
    if before is None:
        raise CannotTell(f"{inside} is the change's own: bring the signers in by another change")
    kept = project.run_dir / "allowed-signers"
    kept.write_bytes(before)
    return kept, ("-c", f"{SIGNERS}={kept}")
