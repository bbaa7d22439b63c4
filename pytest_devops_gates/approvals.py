"""``devops-gates/approvals.toml``: who consented to what, and who overrides a gate. Pure, but for
``found`` and ``committed``.

Nothing in the file proves who wrote it: that is for the forge to say (CODEOWNERS, signed commits).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from datetime import date, datetime, time, timedelta, timezone
from pathlib import Path
from typing import Any

import msgspec

from pytest_devops_gates import disk, git
from pytest_devops_gates.config import load_toml
from pytest_devops_gates.decode import decode
from pytest_devops_gates.errors import CannotTell, UsageError
from pytest_devops_gates.project import Project
from pytest_devops_gates.verdict import Approval

FILE = "devops-gates/approvals.toml"

LONGEST_OVERRIDE = timedelta(days=7)
COMMIT = re.compile(r"[0-9a-f]{12,64}")
"""The hash of a commit, or the beginning of one; only whole ones count."""

WHOLE = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
UNCOMMITTED = (
    f"uncommitted changes of {FILE} do not count · git add {FILE} && git commit -m Approve {FILE}"
)
AS_IT_LIES = f"{FILE} counts as it lies there, since there is no commit that could hold it"
LOST = "git no longer tells which commit HEAD is · git rev-parse HEAD"
MOVED = "HEAD was committed after this had begun: {} is not taken from there · run it again"
SHA256 = re.compile(r"[0-9a-f]{64}")

_MAIL = re.compile(r"(?P<name>[^<>]*)<(?P<mail>[^<>\s]+)>")
_DAY = timedelta(days=1)
_FUTURE = "its 'when' lies in the future"
_NOT_HERE = "it is for another commit, {}"
_NOT_WHOLE = "it names the beginning of a commit's hash, {}, and only whole ones count"
_OBJECTS = {"GIT_NO_REPLACE_OBJECTS": "1"}
"""What a commit holds, and not what ``git replace`` shows in its place."""


class Entry(msgspec.Struct, frozen=True):
    """An approval as the file has it. ``when`` and ``expires`` are days of UTC, the last one
    included, or moments. One that names several things holds for all of them together only."""

    who: str
    when: Any
    policy: str | None = None
    expires: Any = None
    commit: str | None = None
    artefact: str | None = None
    environment: str | None = None
    reason: str | None = None

    @property
    def is_of_release(self) -> bool:
        """Whether it is of a commit or an artefact, and not of a policy."""
        return self.policy is None and bool(self.commit or self.artefact)


class Override(msgspec.Struct, frozen=True):
    """Somebody answers for it that a gate does not stop what it would stop."""

    gate: str
    who: str
    reason: str
    when: Any
    expires: Any
    commit: str | None = None

    @property
    def shown_end(self) -> str:
        return written(self.expires)

    def refusal(self, now: datetime, commits: Collection[str]) -> str | None:
        """Why it does not count, or None. ``commits`` are those that stand for what is judged."""
        return _time_refusal(self.when, self.expires, now) or _commit_refusal(self.commit, commits)


class Overrides(msgspec.Struct, frozen=True):
    """The overrides of a file that are well made, and what is wrong with the others."""

    overrides: tuple[Override, ...] = ()
    problems: tuple[str, ...] = ()


class Standing(msgspec.Struct, frozen=True):
    """The approvals that count, and those that do not, each with the reason."""

    counting: tuple[Entry, ...] = ()
    others: tuple[tuple[Entry, str], ...] = ()


class Held(msgspec.Struct, frozen=True):
    """The bytes of the file that count, and what has to be told of them."""

    data: bytes
    notes: tuple[str, ...] = ()


class _File(msgspec.Struct, frozen=True):
    approval: list[Entry] = []
    override: list[dict[str, Any]] = []


def found(root: Path) -> bytes:
    """The project's file as it lies there, whoever wrote it; nothing where there is none. Raises
    UsageError when it cannot be read."""
    try:
        return disk.read_plain(root / FILE)
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise UsageError(f"{FILE} cannot be read: {error.strerror}") from None


def committed(project: Project) -> Held:
    """The file as HEAD of the checkout holds it: that is what others reviewed. What lies there
    beside it may have been written by a test of this very run.

    Without git, or a commit, it is the file as it lies there. Raises CannotTell when git refuses,
    and UsageError when the file cannot be read.
    """
    root = project.root
    if project.commit is None:
        project.listing()
        data = found(root)
        return Held(data, (AS_IT_LIES,) if data else ())
    head = git.resolve(root, "HEAD", _OBJECTS)
    if head is None:
        raise CannotTell(LOST)
    if head != project.commit and _committed_at(root, head) > project.started:
        raise CannotTell(MOVED.format(FILE))
    data = git.contents(root, head, [FILE], _OBJECTS).get(FILE, b"")
    return Held(data, () if _is_there(root, data) else (UNCOMMITTED,))


def is_whole(commit: str | None) -> bool:
    """Whether it is the whole hash of a commit."""
    return commit is not None and WHOLE.fullmatch(commit) is not None


def entries(data: bytes, name: str) -> tuple[Entry, ...]:
    """The approvals of a file; ``name`` is what it is called in errors. Raises UsageError."""
    read = [_checked(one, f"{name}.approval[{n}]") for n, one in enumerate(_read(data, name))]
    return tuple(read)


def read(data: bytes, name: str) -> tuple[Approval, ...]:
    """The same as the verdict shows them. Raises UsageError."""
    return tuple(map(shown, entries(data, name)))


def shown(one: Entry) -> Approval:
    """An approval as the verdict shows it."""
    return Approval(
        who=one.who,
        when=written(one.when),
        commit=one.commit,
        artefact=one.artefact,
        expires=written(one.expires) if one.expires else None,
        policy=one.policy,
    )


def overrides(data: bytes, name: str) -> Overrides:
    """The overrides of a file. Raises UsageError for what is no such file."""
    file: _File = decode(_File, load_toml(data, name), name)
    good, problems = [], []
    for n, raw in enumerate(file.override):
        try:
            good.append(_override(raw, f"{name}.override[{n}]"))
        except UsageError as error:
            problems.append(f"an override does not count: {error}")
    return Overrides(tuple(good), tuple(problems))


def of_policy(approvals: tuple[Approval, ...], digest: str, today: date) -> Approval | None:
    """The consent to a policy, by its digest, that holds today."""
    day = today.isoformat()
    return next(
        (
            one
            for one in approvals
            if one.policy == digest
            and one.when[:10] <= day
            and (one.expires is None or day <= one.expires[:10])
        ),
        None,
    )


def standing(
    approvals: Iterable[Entry],
    *,
    commits: Collection[str],
    artefacts: Collection[str] = (),
    environment: str | None = None,
    now: datetime,
) -> Standing:
    """Which approvals count for what is to be released ``now``, and why others do not.

    ``commits`` are the full hashes of those that stand for it (see descent.same), ``artefacts``
    the SHA-256 of its files. One of an ``environment`` counts for that alone.
    """
    counting, others = [], []
    for one in approvals:
        if not one.is_of_release:
            continue
        why = _refusal(one, commits, artefacts, environment, now)
        if why is None:
            counting.append(one)
        else:
            others.append((one, why))
    return Standing(tuple(counting), tuple(others))


def people(approvals: Iterable[Entry]) -> list[tuple[Entry, ...]]:
    """The approvals by whom they are from: one e-mail address or one name is one person."""
    groups: list[tuple[set[str], list[Entry]]] = []
    for one in approvals:
        keys, mine = set(identities(one.who)), [one]
        apart = []
        for other, theirs in groups:
            if keys & other:
                keys, mine = keys | other, [*theirs, *mine]
            else:
                apart.append((other, theirs))
        groups = [*apart, (keys, mine)]
    return [tuple(mine) for _, mine in groups]


def identities(who: str) -> tuple[str, ...]:
    """The e-mail address (``<…>``) and the name of somebody, in one case, for a comparison."""
    told = _MAIL.fullmatch(who.strip())
    if told:
        name = _folded(told["name"])
        return (f"<{_folded(told['mail'])}>", *([name] if name else []))
    plain = _folded(who)
    is_mail = re.fullmatch(r"[^@\s]+@[^@\s]+", plain)
    return (f"<{plain}>" if is_mail else plain,)


def is_by(one: Entry, allowed: Collection[str]) -> bool:
    """Whether an approval is by one of those that count: by the address where one is named, and
    never by a name that looks like one."""
    own = identities(one.who)
    return any(identities(each)[0] in own for each in allowed)


def beginning(told: date) -> datetime:
    """The moment that a day of UTC, or a moment, begins with."""
    if isinstance(told, datetime):
        return told.astimezone(timezone.utc)
    return datetime.combine(told, time(), timezone.utc)


def ending(told: date) -> datetime:
    """The moment from which on it is over: a day is included."""
    return beginning(told) + (timedelta() if isinstance(told, datetime) else _DAY)


def written(told: date) -> str:
    """A day or a moment as text: RFC 3339, in UTC."""
    if not isinstance(told, datetime):
        return told.isoformat()
    return told.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def _committed_at(root: Path, commit: str) -> int:
    """When a commit was made, in seconds since 1970."""
    told = git.git(root, "show", "--no-patch", "--no-show-signature", "--no-color", "--format=%ct",
                   commit, env=_OBJECTS)  # fmt: skip
    return int(told)


def _is_there(root: Path, data: bytes) -> bool:
    """Whether the file lies there as it is committed; git may have written other line ends."""
    try:
        lies = found(root)
    except UsageError:
        return False
    return lies.replace(b"\r\n", b"\n") == data.replace(b"\r\n", b"\n")


def _read(data: bytes, name: str) -> list[Entry]:
    file: _File = decode(_File, load_toml(data, name), name)
    return file.approval


def _checked(one: Entry, where: str) -> Entry:
    _check_who(one.who, where)
    _check_date(one.when, f"{where}.when")
    if one.expires is not None:
        _check_date(one.expires, f"{where}.expires")
    commit = one.commit.lower() if one.commit is not None else None
    artefact = one.artefact.lower().removeprefix("sha256:") if one.artefact is not None else None
    _check_commit(commit, where)
    if artefact is not None and not SHA256.fullmatch(artefact):
        raise UsageError(f"{where}.artefact: no SHA-256, which has 64 hexadecimal digits")
    return msgspec.structs.replace(one, commit=commit, artefact=artefact)


def _override(raw: dict[str, Any], where: str) -> Override:
    one: Override = decode(Override, raw, where)
    _check_who(one.who, where)
    if not one.reason.strip():
        raise UsageError(f"{where}.reason: says nothing")
    _check_date(one.when, f"{where}.when")
    _check_date(one.expires, f"{where}.expires")
    if beginning(one.expires) - beginning(one.when) > LONGEST_OVERRIDE:
        raise UsageError(f"{where}.expires: more than {LONGEST_OVERRIDE.days} days after when")
    commit = one.commit.lower() if one.commit is not None else None
    _check_commit(commit, where)
    return msgspec.structs.replace(one, commit=commit)


def _check_who(who: str, where: str) -> None:
    if not who.strip():
        raise UsageError(f"{where}.who: nobody is named")


def _check_date(told: Any, where: str) -> None:
    if not isinstance(told, date):
        raise UsageError(f"{where}: expected a date (2026-11-25) or a date with time and offset")
    if isinstance(told, datetime) and told.tzinfo is None:
        raise UsageError(f"{where}: {told} has no offset: write Z after it for UTC")
    if not 1970 <= told.year < 9000:
        raise UsageError(f"{where}: the year {told.year} is out of range")


def _check_commit(commit: str | None, where: str) -> None:
    if commit is not None and not COMMIT.fullmatch(commit):
        raise UsageError(f"{where}.commit: no hash of 12 hexadecimal digits or more")


def _refusal(
    one: Entry,
    commits: Collection[str],
    artefacts: Collection[str],
    environment: str | None,
    now: datetime,
) -> str | None:
    """Why an approval does not count, or None."""
    if one.environment is not None and one.environment != environment:
        return f"it is for the environment {one.environment} alone"
    if one.artefact is not None and one.artefact not in artefacts:
        return f"it is for another artefact, {one.artefact[:12]}"
    return _commit_refusal(one.commit, commits) or _time_refusal(one.when, one.expires, now)


def _commit_refusal(commit: str | None, commits: Collection[str]) -> str | None:
    if commit is None or commit in commits:
        return None
    if not is_whole(commit):
        return _NOT_WHOLE.format(commit)
    return _NOT_HERE.format(commit[:12])


def _time_refusal(when: date, expires: date | None, now: datetime) -> str | None:
    if beginning(when) > now:
        return f"{_FUTURE} ({written(when)})"
    if expires is not None and now >= ending(expires):
        return f"it expired ({written(expires)})"
    return None


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())
