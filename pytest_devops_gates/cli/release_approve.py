"""``devops-gates release approve``: consent to a commit, artefacts, a policy; override a gate."""

from __future__ import annotations

import argparse
import hashlib
import re
from datetime import date, datetime, timedelta, timezone
from pathlib import Path

import pytest

from pytest_devops_gates import approval_text, approvals, charter, descent, disk, git, governance
from pytest_devops_gates.approvals import FILE, LONGEST_OVERRIDE, Entry, Override
from pytest_devops_gates.cli.door import through_pytest
from pytest_devops_gates.decode import one_of
from pytest_devops_gates.errors import UsageError
from pytest_devops_gates.neutral import neutral
from pytest_devops_gates.screen import say, warn
from pytest_devops_gates.verdict import EXIT_PASS

OVERRIDABLE = ("freeze",)
APPROVAL_HOLDS, OVERRIDE_HOLDS = "7d", "1d"
_FOR = re.compile(r"([1-9][0-9]{0,3})([dh])")


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "approve", help="consent to a commit, to artefacts or to a policy; or override a freeze"
    )
    what = parser.add_mutually_exclusive_group()
    parser.add_argument("--commit", metavar="SHA", help="the commit (default: HEAD)")
    what.add_argument(
        "--artifact",
        metavar="FILE",
        nargs="+",
        default=[],
        help="these very files instead; with --commit as built from that commit",
    )
    what.add_argument(
        "--policy",
        action="store_true",
        help="the policy of the checkout, for a change that touches nothing else",
    )
    what.add_argument("--override", metavar="GATE", help="let a gate pass: freeze")
    parser.add_argument("--environment", metavar="NAME", help="for this environment alone")
    parser.add_argument("--who", metavar="WHO", help="who consents (default: git's user)")
    parser.add_argument(
        "--expires",
        metavar="7d|12h|DATE",
        help=f"how long it holds (default: {APPROVAL_HOLDS}; an override {OVERRIDE_HOLDS}, and"
        f" {LONGEST_OVERRIDE.days} days at most)",
    )
    parser.add_argument("--reason", metavar="TEXT", help="why; an override needs one")
    # without a default, which would take the place of one before 'approve'
    parser.add_argument(
        "--rootdir",
        metavar="DIR",
        default=argparse.SUPPRESS,
        help="the project's root, as pytest's --rootdir",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    def errand(pytest_config: pytest.Config, options: argparse.Namespace) -> int:
        root, folder = Path(pytest_config.rootpath), Path(pytest_config.invocation_params.dir)
        now = datetime.now(timezone.utc).replace(microsecond=0)
        new = made(root, folder, arguments, now)
        add(root, new)
        for one in new:
            say(neutral(f"{FILE} says now: {_in_words(one)}"))
        _warn_of_changes(root, new)
        say(f"next: git add {FILE} && git commit -m 'Approve' {FILE}")
        if arguments.policy:
            say("then: devops-gates run")
        else:
            say("then: devops-gates run --devops-gates-profile release")
        return EXIT_PASS

    return through_pytest(errand, arguments)


def made(
    root: Path, folder: Path, arguments: argparse.Namespace, now: datetime
) -> tuple[Entry | Override, ...]:
    """What was asked for. Raises UsageError where it cannot be meant; ``folder`` is that of the
    command, to which paths of artefacts are relative."""
    who = arguments.who if arguments.who is not None else _user(root)
    for name, told in (("who", who), ("reason", arguments.reason),
                       ("environment", arguments.environment)):  # fmt: skip
        if told is not None and not told.strip():
            raise UsageError(f"--{name} says nothing")
    told = arguments.expires or (OVERRIDE_HOLDS if arguments.override else APPROVAL_HOLDS)
    ends = expires(told, now)
    if arguments.override is not None:
        return (_override(root, arguments, who, now, ends),)

    def approving(**what: str | None) -> Entry:
        where, why = arguments.environment, arguments.reason
        return Entry(who=who, when=now, expires=ends, environment=where, reason=why, **what)

    if arguments.policy:
        _refuse(arguments, "--policy", "commit", "environment")
        return (approving(policy=governance.proposal(charter.of_checkout(root))),)
    if arguments.artifact:
        commit = _commit(root, arguments.commit) if arguments.commit else None
        files = [folder / name for name in arguments.artifact]
        return tuple(approving(commit=commit, artefact=_sha256(path)) for path in files)
    return (approving(commit=_commit(root, arguments.commit or "HEAD")),)


def add(root: Path, new: tuple[Entry | Override, ...]) -> None:
    """Append to the project's file. Raises UsageError, and leaves it alone, where that fails."""
    path = root / FILE
    if path.is_symlink() or path.parent.is_symlink():
        raise UsageError(f"{FILE} is a link: add it where that leads to")
    after = approval_text.appended(approvals.found(root), new)
    try:
        path.parent.mkdir(exist_ok=True)
        disk.write(path, after.decode())
    except OSError as error:
        raise UsageError(f"{FILE} cannot be written: {error.strerror}") from None


def expires(told: str, now: datetime) -> date:
    """The end that is meant: ``7d``, ``12h``, a date or a moment. Raises UsageError for one that
    cannot be read, or is over."""
    found = _FOR.fullmatch(told)
    if found:
        count = int(found[1])
        return now + (timedelta(days=count) if found[2] == "d" else timedelta(hours=count))
    try:
        is_day = re.fullmatch(r"\d{4}-\d\d-\d\d", told)
        text = re.sub(r"[zZ]$", "+00:00", told)  # Python 3.10 does not read it
        end: date = date.fromisoformat(told) if is_day else datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"--expires: '{told}' is none of 7d, 12h, 2026-12-01") from None
    if isinstance(end, datetime) and end.tzinfo is None:
        raise UsageError(f"--expires: {told} has no offset: write Z after it for UTC")
    if not 1970 <= end.year < 9000 or approvals.ending(end) <= now:
        raise UsageError(f"--expires: {told} is over already")
    return end.replace(microsecond=0) if isinstance(end, datetime) else end


def _override(
    root: Path, arguments: argparse.Namespace, who: str, now: datetime, ends: date
) -> Override:
    one_of(arguments.override, OVERRIDABLE, "--override", "gate")
    _refuse(arguments, "--override", "environment")
    if not arguments.reason:
        raise UsageError("--override needs a --reason: somebody answers for it")
    if approvals.beginning(ends) - now > LONGEST_OVERRIDE:
        raise UsageError(f"--expires: more than {LONGEST_OVERRIDE.days} days, the most here")
    commit = _commit(root, arguments.commit) if arguments.commit else None
    return Override(arguments.override, who, arguments.reason, now, ends, commit)


def _refuse(arguments: argparse.Namespace, option: str, *others: str) -> None:
    for name in others:
        if getattr(arguments, name):
            raise UsageError(f"{option} does not go with --{name}")


def _commit(root: Path, revision: str) -> str:
    commit = git.resolve(root, revision)
    if commit is None:
        raise UsageError(f"--commit: git knows no commit '{revision}' here")
    return commit


def _sha256(path: Path) -> str:
    try:
        return hashlib.sha256(disk.read_plain(path)).hexdigest()
    except OSError as error:
        raise UsageError(f"--artifact: {path} cannot be read: {error.strerror}") from None


def _user(root: Path) -> str:
    mail = git.setting(root, "user.email")
    name = git.setting(root, "user.name")
    if mail is None:
        raise UsageError("git knows no user.email here: name who consents with --who")
    return f"{name} <{mail}>" if name else mail


def _in_words(one: Entry | Override) -> str:
    end = f" until {approvals.written(one.expires)}" if one.expires else ""
    where = f"commit {one.commit}" if one.commit else ""
    if isinstance(one, Override):
        return f"{one.who} overrides {one.gate}{end}{' for ' + where if where else ''}"
    what = f"artefact {one.artefact}" if one.artefact else ""
    what = f"policy {one.policy}" if one.policy else " of ".join(filter(None, (what, where)))
    place = f" for {one.environment}" if one.environment else ""
    return f"{one.who} approves {what}{place}{end}"


def _warn_of_changes(root: Path, new: tuple[Entry | Override, ...]) -> None:
    head = git.resolve(root, "HEAD")
    if head is None or not any(one.commit == head for one in new):
        return
    changed = descent.altered(root)
    if changed:
        warn(f"not approved are changes that the commit does not hold: {', '.join(changed[:5])}")
